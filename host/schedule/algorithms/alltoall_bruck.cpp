// SPDX-License-Identifier: BSD-3-Clause
// Alltoall in ceil(log2 n) messages a rank (Bruck, Ho, Kipnis, Upfal, Weathersby, "Efficient algorithms for
// all-to-all communications in multiport message-passing systems", IEEE TPDS 8(11), 1997).
//
// The block for the rank d further on travels by the binary digits of d: in step k all blocks whose d has bit
// k go 2^k ranks further, packed into one message. A block stands wherever it came to; the copies that pack
// it for its next message find it there, and only the last ones put it in its place.
#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

Schedule alltoall_bruck(int ranks) {
  Schedule s = start("bruck", Collective::kAlltoall, ranks);
  int places = 0;
  for (int bit = 1; bit < ranks; bit *= 2) {
    for (int d = bit; d < ranks; ++d) places += (d & bit) != 0 ? 2 : 0;  // packed, and received
  }
  s.scratch_chunks = static_cast<std::uint16_t>(places);
  Steps steps(std::move(s));
  // Of the blocks at distance d, the same for all ranks: the place in scratch, or -1: still in Input.
  std::vector<int> at(static_cast<std::size_t>(ranks), -1);
  const auto place = [&](int rank, int d) {
    const int p = at[static_cast<std::size_t>(d)];
    return p < 0 ? input(shifted(rank, d, ranks)) : scratch(p);
  };
  int free = 0;
  for (int bit = 1; bit < ranks; bit *= 2) {
    const int packed = free;
    int count = 0;
    for (int d = bit; d < ranks; ++d) {
      if ((d & bit) == 0) continue;
      for (int r = 0; r < ranks; ++r) steps.copy(r, place(r, d), scratch(packed + count));
      ++count;
    }
    const int received = packed + count;
    for (int r = 0; r < ranks; ++r)
      steps.move(r, scratch(packed), shifted(r, bit, ranks), scratch(received), 0, count);
    for (int d = bit, k = 0; d < ranks; ++d) {
      if ((d & bit) != 0) at[static_cast<std::size_t>(d)] = received + k++;
    }
    free = received + count;
  }
  for (int r = 0; r < ranks; ++r) {
    for (int d = 0; d < ranks; ++d) steps.copy(r, place(r, d), output(shifted(r, -d, ranks)));
  }
  return steps.schedule();
}

}  // namespace tally::schedule
