// SPDX-License-Identifier: BSD-3-Clause
// Two binary trees at once (Sanders, Speck, Traeff, "Two-tree algorithms for full bandwidth broadcast,
// reduction and scan", Parallel Computing 35(12), 2009).
//
// A binary tree alone sends each chunk twice from inner nodes and never from leaves. Of two trees for half of
// the chunks each, in which nobody is an inner node of both, every rank sends each half at most twice: in sum
// the vector once a direction, in O(log n) steps of a chunk. A tree's way up and its way down have a lane
// each, and chunks follow each other in it.
#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

constexpr int kTrees = 2;
constexpr int kChunks = 4;  // of each tree in a pass

struct Node {
  int parent = -1;  // -1: the tree's root
  std::vector<int> children;
};

/// Member `index` of `members` in a tree. Tree 0 has positions 1, 2, ... in order: a position's level is its
/// lowest bit, so that odd ones are leaves. Tree 1 is its mirror image, or where the number is odd the same
/// one rank on: odd positions become even.
Node node(int index, int members, int tree) {
  const bool even = members % 2 == 0;
  const auto member_at = [&](int p) {
    return tree == 0 ? p - 1 : even ? members - p : (p + members - 2) % members;
  };
  const int p = tree == 0 ? index + 1 : even ? members - index : (index + 1) % members + 1;
  const int bit = p & -p;
  Node out;
  if (2 * p > members && bit == p) {
    out.parent = -1;  // the largest power of two
  } else {
    const int up = (p - bit) | (2 * bit);
    out.parent = member_at(up <= members ? up : p - bit);
  }
  if (bit > 1) out.children.push_back(member_at(p - bit / 2));
  for (int half = bit / 2; half >= 1; half /= 2) {
    if (p + half > members) continue;
    out.children.push_back(member_at(p + half));
    break;
  }
  return out;
}

int root_of(int members, int tree) {
  int r = 0;
  while (node(r, members, tree).parent >= 0) ++r;
  return r;
}

/// The children's sums and the own contribution go to the parent; the last child's passes through.
void go_up(Lane& lane, const Node& at, int c, int tree) {
  Place sum = input(c);
  for (std::size_t k = 0; k < at.children.size(); ++k) {
    const bool last = k + 1 == at.children.size();
    if (last && at.parent >= 0) {
      lane.push_back(make(Op::kRecvReduceSend, sum, {}, at.children[k], at.parent, c));
      return;
    }
    const Place next = last ? output(c) : scratch(tree);
    lane.push_back(make(Op::kRecvReduceCopy, sum, next, at.children[k], kNoPeer, c));
    sum = next;
  }
  if (at.children.empty()) lane.push_back(send(input(c), at.parent, c));
}
void go_down(Lane& lane, const Node& at, int c) {
  bool received = at.parent < 0;
  for (const int child : at.children) {
    lane.push_back(received ? send(output(c), child, c)
                            : make(Op::kRecvCopySend, {}, output(c), at.parent, child, c));
    received = true;
  }
  if (!received) lane.push_back(recv(output(c), at.parent, c));
}

Schedule begin(Collective collective, int ranks, int root) {
  Schedule s = start("double_tree", collective, ranks, root);
  s.chunks = kTrees * kChunks;
  if (ranks > 1) s.max_chunk_bytes = kFlowBytes;
  return s;
}

/// Bcast and reduce: the trees are of all ranks but the root, which is behind the root of each.
Schedule rooted(Collective collective, int ranks, int root) {
  Schedule s = begin(collective, ranks, root);
  const bool down = collective == Collective::kBcast;
  if (!down) s.scratch_chunks = kTrees;
  const auto rank_of = [&](int member) { return shifted(member + 1, root, ranks); };
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kTrees);
    for (int c = 0; c < s.chunks && ranks > 1; ++c) {
      const int tree = c % kTrees;
      Lane& lane = lanes[static_cast<std::size_t>(tree)];
      if (r == root) {
        const int top = rank_of(root_of(ranks - 1, tree));
        lane.push_back(down ? send(input(c), top, c)
                            : make(Op::kRecvReduceCopy, input(c), output(c), top, kNoPeer, c));
        continue;
      }
      Node at = node(shifted(r, -root, ranks) - 1, ranks - 1, tree);
      at.parent = at.parent < 0 ? root : rank_of(at.parent);
      for (int& child : at.children) child = rank_of(child);
      down ? go_down(lane, at, c) : go_up(lane, at, c, tree);
    }
  }
  finish(s);
  return s;
}

}  // namespace

Schedule bcast_double_tree(int ranks, int root) { return rooted(Collective::kBcast, ranks, root); }

Schedule reduce_double_tree(int ranks, int root) {
  if (ranks == 1) return copy_only(begin(Collective::kReduce, ranks, root));
  return rooted(Collective::kReduce, ranks, root);
}

Schedule allreduce_double_tree(int ranks) {
  Schedule s = begin(Collective::kAllreduce, ranks, 0);
  if (ranks == 1) return copy_only(std::move(s));
  s.scratch_chunks = kTrees;
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(2 * kTrees);
    for (int c = 0; c < s.chunks; ++c) {
      const int tree = c % kTrees;
      const auto up = static_cast<std::size_t>(2 * tree);
      const Node at = node(r, ranks, tree);
      go_up(lanes[up], at, c, tree);
      const std::size_t begins = lanes[up + 1].size();
      go_down(lanes[up + 1], at, c);
      // The root sends what it has summed.
      if (at.parent < 0) {
        Instruction& first = lanes[up + 1][begins];
        first = after(first, up, lanes[up]);
      }
    }
  }
  return s;
}

}  // namespace tally::schedule
