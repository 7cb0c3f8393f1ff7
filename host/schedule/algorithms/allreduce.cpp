// SPDX-License-Identifier: BSD-3-Clause
// Allreduce in log2(n) steps: recursive doubling, halving and doubling.
#include <bit>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

/// The exchange pattern of recursive doubling (Thakur, Rabenseifner, Gropp, IJHPCA 2005). With p the largest
/// power of two <= ranks, the first 2 * (ranks - p) ranks pair up: the even one folds into the odd one, which
/// takes part for both.
struct Doubling {
  explicit Doubling(int rank_count)
      : ranks(rank_count),
        core(static_cast<int>(std::bit_floor(static_cast<unsigned>(rank_count)))),
        folded(rank_count - core),
        steps(std::countr_zero(static_cast<unsigned>(core))) {}
  [[nodiscard]] bool is_folded(int rank) const { return rank < 2 * folded && rank % 2 == 0; }
  [[nodiscard]] bool takes_fold(int rank) const { return rank < 2 * folded && rank % 2 == 1; }
  /// Number of a rank among the p that exchange.
  [[nodiscard]] int core_index(int rank) const { return rank < 2 * folded ? rank / 2 : rank - folded; }
  [[nodiscard]] int partner(int rank, int step) const {
    const int index = core_index(rank) ^ (1 << step);
    return index < folded ? 2 * index + 1 : index + folded;
  }
  int ranks, core, folded, steps;
};

}  // namespace

Schedule allreduce_recursive_doubling_fused(int ranks) {
  Schedule s = start("recursive_doubling_fused", Collective::kAllreduce, ranks);
  s.max_bytes = kSmallBytes;
  if (ranks == 1) return copy_only(std::move(s));
  const Doubling d(ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    if (d.is_folded(r)) {
      lane = {send(input(), r + 1), recv(output(), r + 1)};
    } else {
      // Every reduction sends its result on at once: to the next partner, at last to the folded neighbour.
      const int last = d.takes_fold(r) ? r - 1 : kNoPeer;
      Place own = input();
      if (d.takes_fold(r)) {
        lane.push_back(make(Op::kRecvReduceCopySend, input(), output(), r - 1, d.partner(r, 0), 0));
        own = output();
      } else {
        lane.push_back(send(input(), d.partner(r, 0)));
      }
      for (int k = 0; k < d.steps; ++k) {
        const int next = k + 1 < d.steps ? d.partner(r, k + 1) : last;
        const Op op = next == kNoPeer ? Op::kRecvReduceCopy : Op::kRecvReduceCopySend;
        lane.push_back(make(op, own, output(), d.partner(r, k), next, 0));
        own = output();
      }
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

Schedule allreduce_recursive_doubling(int ranks) {
  Schedule s = start("recursive_doubling", Collective::kAllreduce, ranks);
  if (ranks == 1) return copy_only(std::move(s));
  const Doubling d(ranks);
  // An exchange sends and receives at once, in two lanes: with neither before the other, no size fills a flow
  // for good. So what is received may not land where it is sent from, which in place is Input and Output
  // both: the steps alternate between scratch and Output such that the last lands in Output. One step alone
  // cannot: it is copied.
  const bool odd = d.steps % 2 == 1;
  s.scratch_chunks = odd && d.steps > 1 ? 2 : 1;
  const auto destination = [&](int k) -> Place {
    if (odd && d.steps > 1 && k < 3) return k == 2 ? output() : scratch(k);
    return (k % 2 == 0) != (odd && d.steps > 1) ? scratch() : output();
  };
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    if (d.is_folded(r)) {
      lanes = {{send(input(), r + 1), recv(output(), r + 1)}};
      continue;
    }
    lanes.resize(2);
    Place own = input();
    if (d.takes_fold(r)) {
      lanes[0].push_back(make(Op::kRecvReduceCopy, input(), output(), r - 1, kNoPeer, 0));
      own = output();
    }
    for (int k = 0; k < d.steps; ++k) {
      // A flow joins equal lanes of both sides: the lower partner sends in lane 0, the upper one in lane 1.
      const std::size_t out_lane = (d.core_index(r) >> k & 1) != 0 ? 1 : 0;
      const std::size_t in_lane = 1 - out_lane;
      const Place next = destination(k);
      Instruction out = after(send(own, d.partner(r, k)), in_lane, lanes[in_lane]);
      Instruction in =
          after(make(Op::kRecvReduceCopy, own, next, d.partner(r, k), kNoPeer, 0), out_lane, lanes[out_lane]);
      lanes[out_lane].push_back(out);
      lanes[in_lane].push_back(in);
      own = next;
    }
    if (own.buffer != Buffer::kOutput) {
      lanes[0].push_back(after(copy(own, output()), 1, lanes[1]));
    }
    if (d.takes_fold(r)) lanes[0].push_back(after(send(output(), r - 1), 1, lanes[1]));
  }
  return s;
}

Schedule allreduce_rabenseifner(int ranks) {
  Schedule s = start("rabenseifner", Collective::kAllreduce, ranks);
  if (ranks == 1) return copy_only(std::move(s));
  const Doubling d(ranks);
  s.chunks = static_cast<std::uint16_t>(d.core);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    if (d.is_folded(r)) {
      lanes = {{send(input(), r + 1, 0, d.core), recv(output(), r + 1, 0, d.core)}};
      continue;
    }
    lanes.resize(2);
    bool reduced = false;  // what this rank has is in Output
    if (d.takes_fold(r)) {
      lanes[0].push_back(make(Op::kRecvReduceCopy, input(), output(), r - 1, kNoPeer, 0, d.core));
      reduced = true;
    }
    const int index = d.core_index(r);
    // Both instructions of a step wait for all of the step before: what is sent has been reduced there, and
    // what is overwritten has been sent there.
    const auto exchange = [&](int k, Instruction out, Instruction in) {
      const std::size_t out_lane = (index >> k & 1) != 0 ? 1 : 0;
      const std::size_t in_lane = 1 - out_lane;
      out = after(out, in_lane, lanes[in_lane]);
      in = after(in, out_lane, lanes[out_lane]);
      lanes[out_lane].push_back(out);
      lanes[in_lane].push_back(in);
    };
    // Halving: chunks [low, low + length) are this rank's to reduce.
    int low = 0;
    for (int k = d.steps - 1; k >= 0; --k) {
      const int half = 1 << k;
      const bool upper = (index >> k & 1) != 0;
      const int keep = upper ? low + half : low;
      const int give = upper ? low : low + half;
      const auto own = [&](int chunk) { return reduced ? output(chunk) : input(chunk); };
      exchange(k, send(own(give), d.partner(r, k), give, half),
               make(Op::kRecvReduceCopy, own(keep), output(keep), d.partner(r, k), kNoPeer, keep, half));
      low = keep;
      reduced = true;
    }
    // Doubling: the partners' results.
    for (int k = 0; k < d.steps; ++k) {
      const int length = 1 << k;
      const int other = low ^ length;
      exchange(k, send(output(low), d.partner(r, k), low, length),
               recv(output(other), d.partner(r, k), other, length));
      low &= ~length;
    }
    if (d.takes_fold(r)) lanes[0].push_back(after(send(output(), r - 1, 0, d.core), 1, lanes[1]));
  }
  return s;
}

}  // namespace tally::schedule
