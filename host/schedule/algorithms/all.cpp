// SPDX-License-Identifier: BSD-3-Clause
// Allgather and alltoall.
#include <algorithm>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

/// Every rank sends to all before it receives. A pair has one lane for both directions, so that in place a
/// block is sent before the one that replaces it arrives.
template <typename Source>
void direct(Schedule& s, int ranks, Source&& source) {
  s.unasked = ranks > 1;
  s.max_bytes = ranks > 1 ? kUnaskedBytes * static_cast<std::uint64_t>(ranks) : 0;
  const auto lane_of = [&](int k) {
    return static_cast<std::size_t>(std::min(k, ranks - k) - 1) % kMaxLanes;
  };
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    for (int k = 1; k < ranks; ++k) {
      const int to = shifted(r, k, ranks);
      lanes[lane_of(k)].push_back(source(r, to));
    }
    for (int k = 1; k < ranks; ++k) {
      const int from = shifted(r, -k, ranks);
      lanes[lane_of(k)].push_back(recv(output(from), from, from));
    }
  }
}

/// Adds the copy of each rank's own block where calls are out of place, and ends the schedule.
Schedule finished(Schedule s, bool in_place) {
  serve_only(s, in_place);
  if (!in_place) {
    for (int r = 0; r < static_cast<int>(s.ranks.size()); ++r) {
      auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
      if (lanes.empty()) lanes.resize(1);
      const auto shortest = std::min_element(
          lanes.begin(), lanes.end(), [](const Lane& a, const Lane& b) { return a.size() < b.size(); });
      shortest->push_back(copy(input(s.collective == Collective::kAllgather ? 0 : r), output(r), r));
    }
  }
  finish(s);
  return s;
}

}  // namespace

Schedule allgather_direct(int ranks, bool in_place) {
  Schedule s = start("direct", Collective::kAllgather, ranks);
  direct(s, ranks, [](int from, int to) { return send(input(), to, from); });
  return finished(std::move(s), in_place);
}

Schedule alltoall_direct(int ranks, bool in_place) {
  Schedule s = start("direct", Collective::kAlltoall, ranks);
  direct(s, ranks, [](int, int to) { return send(input(to), to, to); });
  return finished(std::move(s), in_place);
}

Schedule allgather_pairwise(int ranks, bool in_place) {
  Schedule s = start("pairwise", Collective::kAllgather, ranks);
  s.by_counts = true;
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    for_each_partner(r, ranks, [&](int other, const ExchangeLanes& at) {
      lanes[at.send].push_back(send(input(), other, r));
      lanes[at.recv].push_back(recv(output(other), other, other));
    });
  }
  return finished(std::move(s), in_place);
}

Schedule alltoall_pairwise(int ranks, bool in_place) {
  Schedule s = start("pairwise", Collective::kAlltoall, ranks);
  s.by_counts = true;
  if (in_place) s.scratch_chunks = static_cast<std::uint16_t>(kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    for_each_partner(r, ranks, [&](int other, const ExchangeLanes& at) {
      lanes[at.send].push_back(send(input(other), other, other));
      if (in_place) {
        // What comes goes where it is sent from: it waits in scratch until the send has ended.
        const Place waiting = scratch(static_cast<int>(at.recv));
        lanes[at.recv].push_back(recv(waiting, other, other));
        lanes[at.recv].push_back(after(copy(waiting, output(other), other), at.send, lanes[at.send]));
      } else {
        lanes[at.recv].push_back(recv(output(other), other, other));
      }
    });
  }
  return finished(std::move(s), in_place);
}

Schedule allgather_ring(int ranks, bool in_place) {
  Schedule s = start("ring", Collective::kAllgather, ranks);
  s.by_counts = true;
  const std::size_t lane_count = std::min(static_cast<std::size_t>(ranks), kMaxLanes);
  for (int r = 0; r < ranks && ranks > 1; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(lane_count);
    const int left = shifted(r, -1, ranks);
    const int right = shifted(r, 1, ranks);
    // Block c is a stream from rank c to rank c - 1. All ranks take the streams of a lane in the same order.
    for (int c = 0; c < ranks; ++c) {
      Lane& lane = lanes[static_cast<std::size_t>(c) % lane_count];
      const int position = shifted(r, -c, ranks);
      if (position == 0) {
        lane.push_back(send(input(), right, c));
      } else if (position < ranks - 1) {
        lane.push_back(make(Op::kRecvCopySend, {}, output(c), left, right, c));
      } else {
        lane.push_back(recv(output(c), left, c));
      }
    }
  }
  return finished(std::move(s), in_place);
}

std::uint64_t allgather_bruck_span(int ranks) {
  int most = 1;
  for (int have = 1; have < ranks; have *= 2) most = std::max(most, std::min(have, ranks - have));
  return static_cast<std::uint64_t>(most);
}

Schedule allgather_bruck(int ranks, bool in_place) {
  Schedule s = start("bruck", Collective::kAllgather, ranks);
  // After step k a rank has the blocks of the 2^(k+1) ranks from itself on. Blocks stand at their places from
  // the start; those that wrap around are a message of their own.
  struct Run {
    int first, count;
  };
  const auto runs = [&](int first, int count) {
    const int before_wrap = std::min(count, ranks - first);
    std::vector<Run> out{{first, before_wrap}};
    if (count > before_wrap) out.push_back({0, count - before_wrap});
    return out;
  };
  for (int r = 0; r < ranks && ranks > 1; ++r) {
    Lane lane;
    for (int have = 1; have < ranks; have *= 2) {
      const int count = std::min(have, ranks - have);
      const int to = shifted(r, -have, ranks);
      const int from = shifted(r, have, ranks);
      const std::vector<Run> out = runs(r, count);
      const std::vector<Run> in = runs(from, count);
      for (std::size_t k = 0; k < 2; ++k) {
        if (k < out.size()) {
          lane.push_back(send(have == 1 ? input() : output(out[k].first), to, out[k].first, out[k].count));
        }
        if (k < in.size()) lane.push_back(recv(output(in[k].first), from, in[k].first, in[k].count));
      }
      if (have == 1 && !in_place) lane.push_back(copy(input(), output(r), r));
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  if (ranks == 1 && !in_place) s.ranks[0].lanes = {{copy(input(), output())}};
  if (ranks > 1) s.max_bytes = largest_vector(s, kFlowBytes);
  serve_only(s, in_place);
  finish(s);
  return s;
}

}  // namespace tally::schedule
