// SPDX-License-Identifier: BSD-3-Clause
// Gather and scatter.
#include <algorithm>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

/// Blocks of consecutive distances from the root, [first, first + count), as runs of consecutive ranks.
template <typename Use>
void for_each_run(int first, int count, int root, int ranks, Use&& use) {
  const int before_wrap = std::clamp(ranks - root - first, 0, count);
  if (before_wrap > 0) use(first, first + root, before_wrap);
  if (count > before_wrap) use(first + before_wrap, first + before_wrap + root - ranks, count - before_wrap);
}

/// The largest power of two that divides v; for the root one that is at least ranks.
int subtree_bit(int v, int ranks) {
  int bit = 1;
  while (bit < ranks && (v & bit) == 0) bit *= 2;
  return bit;
}

std::uint16_t largest_subtree(int ranks) {
  int most = 0;
  for (int v = 1; v < ranks; ++v) most = std::max(most, std::min(subtree_bit(v, ranks), ranks - v));
  return static_cast<std::uint16_t>(most > 1 ? most : 0);
}

/// Of the root's many partners each has a lane: up to kMaxLanes blocks move at once.
std::size_t lane_of(int distance) { return static_cast<std::size_t>(distance - 1) % kMaxLanes; }

}  // namespace

Schedule gather_linear(int ranks, int root, bool in_place) {
  Schedule s = start("linear", Collective::kGather, ranks, root);
  s.by_counts = true;
  serve_only(s, in_place);
  auto& root_lanes = s.ranks[static_cast<std::size_t>(root)].lanes;
  root_lanes.resize(kMaxLanes);
  for (int v = 1; v < ranks; ++v) {
    const int r = shifted(v, root, ranks);
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    lanes[lane_of(v)].push_back(send(input(), root, r));
    root_lanes[lane_of(v)].push_back(recv(output(r), r, r));
  }
  if (!in_place) root_lanes[lane_of(ranks)].push_back(copy(input(), output(root), root));
  finish(s);
  return s;
}

Schedule scatter_linear(int ranks, int root, bool in_place) {
  Schedule s = start("linear", Collective::kScatter, ranks, root);
  s.by_counts = true;
  serve_only(s, in_place);
  auto& root_lanes = s.ranks[static_cast<std::size_t>(root)].lanes;
  root_lanes.resize(kMaxLanes);
  for (int v = 1; v < ranks; ++v) {
    const int r = shifted(v, root, ranks);
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    lanes[lane_of(v)].push_back(recv(output(), root, r));
    root_lanes[lane_of(v)].push_back(send(input(r), r, r));
  }
  if (!in_place) root_lanes[lane_of(ranks)].push_back(copy(input(root), output(), root));
  finish(s);
  return s;
}

Schedule gather_binomial(int ranks, int root, bool in_place) {
  Schedule s = start("binomial", Collective::kGather, ranks, root);
  serve_only(s, in_place);
  s.scratch_chunks = largest_subtree(ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const int v = shifted(r, -root, ranks);
    const int bit = subtree_bit(v, ranks);
    const int size = std::min(bit, ranks - v);
    // Scratch holds the subtree's blocks by distance from v; the root has them in Output.
    if (v != 0 && size > 1) lane.push_back(copy(input(), scratch(), r));
    for (int b = 1; b < size; b *= 2) {
      for_each_run(v + b, std::min(b, ranks - v - b), root, ranks, [&](int from, int logical, int count) {
        lane.push_back(
            recv(v == 0 ? output(logical) : scratch(from - v), shifted(v + b, root, ranks), logical, count));
      });
    }
    if (v == 0) {
      if (!in_place) lane.push_back(copy(input(), output(root), root));
    } else {
      for_each_run(v, size, root, ranks, [&](int from, int logical, int count) {
        lane.push_back(
            send(size > 1 ? scratch(from - v) : input(), shifted(v - bit, root, ranks), logical, count));
      });
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  finish(s);
  return s;
}

Schedule scatter_binomial(int ranks, int root, bool in_place) {
  Schedule s = start("binomial", Collective::kScatter, ranks, root);
  serve_only(s, in_place);
  s.scratch_chunks = largest_subtree(ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const int v = shifted(r, -root, ranks);
    const int bit = subtree_bit(v, ranks);
    const int size = std::min(bit, ranks - v);
    if (v != 0) {
      for_each_run(v, size, root, ranks, [&](int from, int logical, int count) {
        lane.push_back(
            recv(size > 1 ? scratch(from - v) : output(), shifted(v - bit, root, ranks), logical, count));
      });
    }
    for (int b = bit / 2; b > 0; b /= 2) {  // the largest subtree first
      if (b >= size) continue;
      for_each_run(v + b, std::min(b, ranks - v - b), root, ranks, [&](int from, int logical, int count) {
        lane.push_back(
            send(v == 0 ? input(logical) : scratch(from - v), shifted(v + b, root, ranks), logical, count));
      });
    }
    if (v != 0 && size > 1) lane.push_back(copy(scratch(), output(), r));
    if (v == 0 && !in_place) lane.push_back(copy(input(root), output(), root));
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  finish(s);
  return s;
}

}  // namespace tally::schedule
