// SPDX-License-Identifier: BSD-3-Clause
// Gather and scatter.
#include <algorithm>

#include "schedule/algorithms/binomial.hpp"
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

std::uint16_t largest_subtree(int ranks) {
  int most = 0;
  for (int v = 1; v < ranks; ++v) most = std::max(most, Tree(v, 0, ranks).size());
  return static_cast<std::uint16_t>(most > 1 ? most : 0);
}

/// send or recv.
using Move = Instruction (*)(Place, int peer, int logical, int chunks);

/// Moves the subtree's blocks between this rank and its parent. Scratch holds them by distance from this
/// rank; a leaf has its one at `own`.
void with_parent(Lane& lane, const Tree& tree, Move move, Place own) {
  for_each_run(tree.relative, tree.size(), tree.root, tree.ranks, [&](int from, int logical, int count) {
    lane.push_back(
        move(tree.size() > 1 ? scratch(from - tree.relative) : own, tree.parent(), logical, count));
  });
}

/// Moves the blocks of the child's subtree at distance `b`. The root has all blocks, at `whole`.
void with_child(Lane& lane, const Tree& tree, int b, Move move, Place (*whole)(int)) {
  const int v = tree.relative + b;
  for_each_run(v, std::min(b, tree.ranks - v), tree.root, tree.ranks, [&](int from, int logical, int count) {
    const Place place = tree.is_root() ? whole(logical) : scratch(from - tree.relative);
    lane.push_back(move(place, tree.rank_of(v), logical, count));
  });
}

/// Of the root's many partners each has a lane: up to kMaxLanes blocks move at once.
std::size_t lane_of(int distance) { return static_cast<std::size_t>(distance - 1) % kMaxLanes; }

Schedule linear(Collective collective, int ranks, int root, bool in_place) {
  const bool gathers = collective == Collective::kGather;
  Schedule s = start("linear", collective, ranks, root);
  s.by_counts = true;
  serve_only(s, in_place);
  auto& root_lanes = s.ranks[static_cast<std::size_t>(root)].lanes;
  root_lanes.resize(kMaxLanes);
  for (int v = 1; v < ranks; ++v) {
    const int r = shifted(v, root, ranks);
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    lanes[lane_of(v)].push_back(gathers ? send(input(), root, r) : recv(output(), root, r));
    root_lanes[lane_of(v)].push_back(gathers ? recv(output(r), r, r) : send(input(r), r, r));
  }
  if (!in_place) {
    root_lanes[lane_of(ranks)].push_back(gathers ? copy(input(), output(root), root)
                                                 : copy(input(root), output(), root));
  }
  finish(s);
  return s;
}

}  // namespace

Schedule gather_linear(int ranks, int root, bool in_place) {
  return linear(Collective::kGather, ranks, root, in_place);
}

Schedule scatter_linear(int ranks, int root, bool in_place) {
  return linear(Collective::kScatter, ranks, root, in_place);
}

Schedule gather_binomial(int ranks, int root, bool in_place) {
  Schedule s = start("binomial", Collective::kGather, ranks, root);
  serve_only(s, in_place);
  s.scratch_chunks = largest_subtree(ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const Tree tree(r, root, ranks);
    if (!tree.is_root() && tree.size() > 1) lane.push_back(copy(input(), scratch(), r));
    for (int b = 1; b < tree.size(); b *= 2) with_child(lane, tree, b, recv, output);
    if (!tree.is_root()) {
      with_parent(lane, tree, send, input());
    } else if (!in_place) {
      lane.push_back(copy(input(), output(root), root));
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
    const Tree tree(r, root, ranks);
    if (!tree.is_root()) with_parent(lane, tree, recv, output());
    for (int b = tree.bit / 2; b > 0; b /= 2) {  // the largest subtree first
      if (b < tree.size()) with_child(lane, tree, b, send, input);
    }
    if (!tree.is_root() && tree.size() > 1) lane.push_back(copy(scratch(), output(), r));
    if (tree.is_root() && !in_place) lane.push_back(copy(input(root), output(), root));
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  finish(s);
  return s;
}

}  // namespace tally::schedule
