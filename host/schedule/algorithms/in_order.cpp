// SPDX-License-Identifier: BSD-3-Clause
// Reductions whose operands are in rank order at every rank or root, for operations that do not commute.
#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

Schedule reduce_in_order(int ranks, int root) {
  Schedule s = start("in_order", Collective::kReduce, ranks, root);
  if (ranks == 1) return copy_only(std::move(s));
  // A binomial tree with rank 0 at its top, as a rank's subtree holds the ranks that follow it; then to the
  // root.
  s.scratch_chunks = 1;
  Steps steps(std::move(s));
  for (int distance = 1; distance < ranks; distance *= 2) {
    for (int to = 0; to + distance < ranks; to += 2 * distance) {
      const int from = to + distance;
      const bool first_of_to = distance == 1;
      const bool single = distance == 1 || from + 1 >= ranks;  // it has only its own
      const bool last = 2 * distance >= ranks && to == root;   // root is 0 then
      steps.reduce(from, single ? input() : scratch(), to, first_of_to ? input() : scratch(),
                   last ? output() : scratch());
    }
  }
  if (root != 0) steps.move(0, scratch(), root, output());
  return steps.schedule();
}

Schedule reduce_scatter_in_order(int ranks) {
  Schedule s = start("in_order", Collective::kReduceScatter, ranks);
  s.by_counts = true;
  if (ranks == 1) return copy_only(std::move(s));
  s.scratch_chunks = static_cast<std::uint16_t>(ranks);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    for_each_partner(r, ranks, [&](int other, const ExchangeLanes& at) {
      lanes[at.send].push_back(send(input(other), other, other));
      lanes[at.recv].push_back(recv(scratch(other), other, r));
    });
    // In place Output is the start of Input: nothing is written before all has been sent.
    for (std::size_t l = 1; l < kMaxLanes; ++l) {
      if (!lanes[l].empty()) lanes[0].push_back(after(Instruction{}, l, lanes[l]));
    }
    lanes[0].push_back(copy(input(r), scratch(r), r));
    for (int k = 1; k < ranks; ++k) lanes[0].push_back(reduce(scratch(k), scratch(), r));
    lanes[0].push_back(copy(scratch(), output(), r));
  }
  finish(s);
  return s;
}

}  // namespace tally::schedule
