// SPDX-License-Identifier: BSD-3-Clause
// Reduce-scatter. Only rank r combines block r, in an order of its own.
#include <algorithm>

#include "schedule/algorithms/build.hpp"
#include "schedule/algorithms/pairwise.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace detail {

std::size_t pairwise_reduce(std::vector<Lane>& lanes, int rank, int ranks, Place home) {
  // Contributions arrive in several lanes, each of which sums what it gets; the first one has `home`.
  std::vector<std::size_t> summing;
  const auto sum_of = [&](std::size_t lane) {
    return lane == summing.front() ? home : scratch(static_cast<int>(lane));
  };
  for_each_partner(rank, ranks, [&](int other, const ExchangeLanes& at) {
    lanes[at.send].push_back(send(input(other), other, other));
    if (std::find(summing.begin(), summing.end(), at.recv) != summing.end()) {
      const Place sum = sum_of(at.recv);
      lanes[at.recv].push_back(make(Op::kRecvReduceCopy, sum, sum, other, kNoPeer, rank));
      return;
    }
    summing.push_back(at.recv);
    if (summing.size() == 1) {
      lanes[at.recv].push_back(make(Op::kRecvReduceCopy, input(rank), home, other, kNoPeer, rank));
    } else {
      lanes[at.recv].push_back(recv(sum_of(at.recv), other, rank));
    }
  });
  const auto add = [&](std::size_t to, std::size_t from) {
    lanes[to].push_back(after(reduce(sum_of(from), sum_of(to), rank), from, lanes[from]));
  };
  // Two sums at a time.
  if (summing.size() == 4) add(summing[2], summing[3]);
  for (std::size_t k = 1; k < std::min<std::size_t>(summing.size(), 3); ++k) add(summing[0], summing[k]);
  return summing.front();
}

}  // namespace detail

Schedule reduce_scatter_direct(int ranks) {
  Schedule s = start("direct", Collective::kReduceScatter, ranks);
  s.unasked = true;
  s.max_bytes = kUnaskedBytes * static_cast<std::uint64_t>(ranks);
  if (ranks == 1) return copy_only(std::move(s));
  for (int r = 0; r < ranks; ++r) {
    // All is sent before anything is written: in place the result lands on what was sent.
    Lane lane;
    for (int k = 1; k < ranks; ++k) {
      const int to = shifted(r, k, ranks);
      lane.push_back(send(input(to), to, to));
    }
    Place sum = input(r);
    for (int k = 1; k < ranks; ++k) {
      lane.push_back(make(Op::kRecvReduceCopy, sum, output(), shifted(r, -k, ranks), kNoPeer, r));
      sum = output();
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

Schedule reduce_scatter_pairwise(int ranks, bool in_place) {
  Schedule s = start("pairwise", Collective::kReduceScatter, ranks);
  s.by_counts = true;
  if (ranks == 1) return copy_only(std::move(s));
  s.scratch_chunks = static_cast<std::uint16_t>(kMaxLanes + (in_place ? 1 : 0));
  s.in_place = in_place;
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    // In place Output is the start of Input, of which blocks are still to be sent.
    const Place home = in_place ? scratch(kMaxLanes) : output();
    const std::size_t lane = pairwise_reduce(lanes, r, ranks, home);
    if (in_place) {
      for (std::size_t l = 0; l < kMaxLanes; ++l) {
        if (l != lane && !lanes[l].empty()) lanes[lane].push_back(after(Instruction{}, l, lanes[l]));
      }
      lanes[lane].push_back(copy(home, output(), r));
    }
  }
  finish(s);
  return s;
}

Schedule reduce_scatter_ring(int ranks, bool in_place) {
  Schedule s = start("ring", Collective::kReduceScatter, ranks);
  s.by_counts = true;
  if (ranks == 1) return copy_only(std::move(s));
  s.in_place = in_place;
  if (in_place) s.scratch_chunks = 1;
  const std::size_t lane_count = std::min(static_cast<std::size_t>(ranks), kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(lane_count);
    const int left = shifted(r, -1, ranks);
    const int right = shifted(r, 1, ranks);
    const Place result = in_place ? scratch() : output();
    // Block c is a stream that starts at rank c + 1 and ends at rank c; all ranks take the streams of a lane
    // in the same order, so that none waits for a later one.
    for (int c = 0; c < ranks; ++c) {
      Lane& lane = lanes[static_cast<std::size_t>(c) % lane_count];
      const int position = shifted(r - c, -1, ranks);
      if (position == 0) {
        lane.push_back(send(input(c), right, c));
      } else if (position < ranks - 1) {
        lane.push_back(make(Op::kRecvReduceSend, input(c), {}, left, right, c));
      } else {
        lane.push_back(make(Op::kRecvReduceCopy, input(c), result, left, kNoPeer, c));
      }
    }
    if (in_place) {
      for (std::size_t l = 1; l < lane_count; ++l) lanes[0].push_back(after(Instruction{}, l, lanes[l]));
      lanes[0].push_back(copy(result, output(), r));
    }
  }
  return s;
}

}  // namespace tally::schedule
