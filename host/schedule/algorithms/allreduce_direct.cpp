// SPDX-License-Identifier: BSD-3-Clause
// Allreduce in one or two rounds of all with all.
#include <algorithm>

#include "schedule/algorithms/build.hpp"
#include "schedule/algorithms/pairwise.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

constexpr int kOtherLanes = static_cast<int>(kMaxLanes) - 1;

/// Lanes 1, 2, 3, 1, ...
std::size_t other_lane(int k) { return static_cast<std::size_t>(1 + k % kOtherLanes); }

Instruction to_lane(Instruction i, std::size_t lane) {
  i.send_lane = static_cast<int>(lane);
  return i;
}

/// What a rank sends at once, each in the first lane that is free: a lane reads the operands of two sends
/// together. All is taken by lane 0 of the receivers, nearest first.
template <typename Source>
void send_to_all(std::vector<Lane>& lanes, int rank, int ranks, Source&& source) {
  for (int k = 1; k < ranks; ++k) {
    const int to = shifted(rank, k, ranks);
    lanes[k == 1 ? 0 : other_lane(k - 2)].push_back(to_lane(source(to), 0));
  }
}

}  // namespace

Schedule allreduce_direct(int ranks, bool in_place) {
  Schedule s = start("direct", Collective::kAllreduce, ranks);
  s.max_bytes = kUnaskedBytes;
  s.unasked = true;
  if (ranks == 1) return copy_only(std::move(s));
  s.in_place = in_place;  // and out of place too: Input is read only as the call gave it
  if (in_place) s.scratch_chunks = 1;
  // Every rank computes ((x0 op x1) op x2) ... in one lane: what the lane just wrote is its next operand. The
  // rank's own contribution is an operand in the device; read from memory it would cost an access, but for
  // ranks 0 and 1, which begin with it.
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(std::min(kMaxLanes, static_cast<std::size_t>(ranks - 1)));
    send_to_all(lanes, r, ranks, [](int to) { return send(input(), to); });
    if (in_place) {
      // The result lands on what the other lanes send. The lane waits for them before it sums: behind a
      // dependency it could not use what it wrote on chip.
      for (std::size_t l = 1; l < lanes.size(); ++l) lanes[0].push_back(after(Instruction{}, l, lanes[l]));
    }
    const bool own_last = r >= 2 && r == ranks - 1;
    const int last = r == ranks - 1 ? ranks - 2 : ranks - 1;  // of the contributions that arrive
    Place sum = input();
    for (int k = 0; k < ranks; ++k) {
      if (k == r) {
        if (r >= 2) lanes[0].push_back(reduce(input(), sum));
        continue;
      }
      const Place next = in_place && (k != last || own_last) ? scratch() : output();
      lanes[0].push_back(r >= 2 && k == 0 ? recv(next, 0)
                                          : make(Op::kRecvReduceCopy, sum, next, k, kNoPeer, 0));
      sum = next;
    }
    if (in_place && own_last) lanes[0].push_back(copy(sum, output()));
  }
  return s;
}

Schedule allreduce_direct_blocks_short(int ranks) {
  Schedule s = start("direct_blocks_short", Collective::kAllreduce, ranks);
  s.max_bytes = kUnaskedBytes * static_cast<std::uint64_t>(ranks);
  s.unasked = true;
  if (ranks == 1) return copy_only(std::move(s));
  s.chunks = static_cast<std::uint16_t>(ranks);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(std::min(kMaxLanes, static_cast<std::size_t>(ranks)));
    send_to_all(lanes, r, ranks, [](int to) { return send(input(to), to, to); });
    // The own block is summed in the order in which contributions come, and sent from the chip.
    for (int k = 1; k < ranks; ++k) {
      lanes[0].push_back(make(Op::kRecvReduceCopy, k == 1 ? input(r) : output(r), output(r),
                              shifted(r, -k, ranks), kNoPeer, r));
    }
    // In place a result lands where a contribution to it was sent from: its owner had that before.
    for (int k = 1; k < ranks; ++k) {
      const int to = shifted(r, k, ranks);
      const int from = shifted(r, -k, ranks);
      lanes[0].push_back(to_lane(send(output(r), to, r), other_lane(k - 1)));
      lanes[other_lane(k - 1)].push_back(recv(output(from), from, from));
    }
  }
  return s;
}

Schedule allreduce_direct_blocks(int ranks) {
  Schedule s = start("direct_blocks", Collective::kAllreduce, ranks);
  if (ranks == 1) return copy_only(std::move(s));
  s.chunks = static_cast<std::uint16_t>(ranks);
  s.scratch_chunks = static_cast<std::uint16_t>(kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    const std::size_t home = pairwise_reduce(lanes, r, ranks, output(r));
    const std::size_t ready = lanes[home].size();
    std::size_t sent[kMaxLanes];
    for (std::size_t l = 0; l < kMaxLanes; ++l) sent[l] = lanes[l].size();
    for (int t = 0; t < rounds(ranks); ++t) {
      const int other = partner(r, t, ranks);
      if (other < 0) continue;
      const ExchangeLanes at(r, other, t);
      const Instruction out = send(output(r), other, r);
      lanes[at.send].push_back(at.send == home ? out : after_steps(out, home, ready));
      // In place the block that is overwritten is the one that was sent to `other` in the same lane as `out`.
      lanes[at.recv].push_back(after_steps(recv(output(other), other, other), at.send, sent[at.send]));
    }
  }
  finish(s);
  return s;
}

}  // namespace tally::schedule
