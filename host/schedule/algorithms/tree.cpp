// SPDX-License-Identifier: BSD-3-Clause
// Barrier, bcast and reduce.
#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

Schedule barrier_dissemination(int ranks) {
  Schedule s = start("dissemination", Collective::kBarrier, ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    if (ranks == 1) {
      lane.emplace_back();
    } else {
      // Round k signals the rank 2^k further on once round k - 1's signal is here: receive and send are one
      // instruction.
      lane.push_back(send(input(), shifted(r, 1, ranks)));
      int distance = 1;
      for (; 2 * distance < ranks; distance *= 2) {
        lane.push_back(make(Op::kRecvCopySend, {}, output(), shifted(r, -distance, ranks),
                            shifted(r, 2 * distance, ranks), 0));
      }
      lane.push_back(recv(output(), shifted(r, -distance, ranks)));
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

namespace {

/// A binomial tree of ranks: the parent of a rank differs in the lowest set bit of its distance from the
/// root; the children have one lower bit set.
struct Tree {
  Tree(int rank, int tree_root, int rank_count)
      : root(tree_root), ranks(rank_count), relative(shifted(rank, -tree_root, rank_count)) {
    while (bit < ranks && (relative & bit) == 0) bit *= 2;
  }
  [[nodiscard]] int rank_of(int v) const { return (v + root) % ranks; }
  [[nodiscard]] int parent() const { return rank_of(relative - bit); }
  int root, ranks, relative;
  int bit = 1;  ///< children are at relative + b for powers of two b < bit
};

}  // namespace

Schedule bcast_binomial(int ranks, int root) {
  Schedule s = start("binomial", Collective::kBcast, ranks, root);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const Tree tree(r, root, ranks);
    bool received = tree.relative == 0;
    for (int b = tree.bit / 2; b > 0; b /= 2) {  // the largest subtree first
      if (tree.relative + b >= ranks) continue;
      const int child = tree.rank_of(tree.relative + b);
      if (received) {
        lane.push_back(send(tree.relative == 0 ? input() : output(), child));
      } else {
        lane.push_back(make(Op::kRecvCopySend, {}, output(), tree.parent(), child, 0));
        received = true;
      }
    }
    if (!received) lane.push_back(recv(output(), tree.parent()));
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  finish(s);
  return s;
}

Schedule bcast_chain(int ranks, int root) {
  Schedule s = start("chain", Collective::kBcast, ranks, root);
  s.chunks = static_cast<std::uint16_t>(kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    const int position = shifted(r, -root, ranks);
    for (int c = 0; c < s.chunks && ranks > 1; ++c) {
      if (position == 0) {
        lanes.push_back({send(input(c), shifted(r, 1, ranks), c)});
      } else if (position < ranks - 1) {
        lanes.push_back(
            {make(Op::kRecvCopySend, {}, output(c), shifted(r, -1, ranks), shifted(r, 1, ranks), c)});
      } else {
        lanes.push_back({recv(output(c), shifted(r, -1, ranks), c)});
      }
    }
  }
  finish(s);
  return s;
}

Schedule reduce_binomial(int ranks, int root) {
  Schedule s = start("binomial", Collective::kReduce, ranks, root);
  if (ranks == 1) return copy_only(std::move(s));
  s.scratch_chunks = 1;
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const Tree tree(r, root, ranks);
    const bool is_root = tree.relative == 0;
    // The smallest subtree is ready first. The last child's contribution passes through to the parent.
    int last = 0;
    for (int b = 1; b < tree.bit; b *= 2) {
      if (tree.relative + b < ranks) last = b;
    }
    Place sum = input();
    for (int b = 1; b <= last; b *= 2) {
      const int child = tree.rank_of(tree.relative + b);
      if (b == last && !is_root) {
        lane.push_back(make(Op::kRecvReduceSend, sum, {}, child, tree.parent(), 0));
      } else {
        const Place next = b == last ? output() : scratch();
        lane.push_back(make(Op::kRecvReduceCopy, sum, next, child, kNoPeer, 0));
        sum = next;
      }
    }
    if (last == 0) lane.push_back(send(input(), tree.parent()));
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

Schedule reduce_chain(int ranks, int root) {
  Schedule s = start("chain", Collective::kReduce, ranks, root);
  s.chunks = static_cast<std::uint16_t>(kMaxLanes);
  if (ranks == 1) return copy_only(std::move(s));
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    const int left = shifted(r, -1, ranks);
    const int right = shifted(r, 1, ranks);
    const int position = shifted(left, -root, ranks);  // the chain starts behind the root and ends there
    for (int c = 0; c < s.chunks; ++c) {
      if (position == 0) {
        lanes.push_back({send(input(c), right, c)});
      } else if (position < ranks - 1) {
        lanes.push_back({make(Op::kRecvReduceSend, input(c), {}, left, right, c)});
      } else {
        lanes.push_back({make(Op::kRecvReduceCopy, input(c), output(c), left, kNoPeer, c)});
      }
    }
  }
  return s;
}

}  // namespace tally::schedule
