// SPDX-License-Identifier: BSD-3-Clause
// Barrier, bcast and reduce.
#include "schedule/algorithms/binomial.hpp"
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

Schedule bcast_binomial(int ranks, int root) {
  Schedule s = start("binomial", Collective::kBcast, ranks, root);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const Tree tree(r, root, ranks);
    bool received = tree.is_root();
    for (int b = tree.bit / 2; b > 0; b /= 2) {  // the largest subtree first
      if (tree.relative + b >= ranks) continue;
      const int child = tree.rank_of(tree.relative + b);
      if (received) {
        lane.push_back(send(tree.is_root() ? input() : output(), child));
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
    // The smallest subtree is ready first. The last child's contribution passes through to the parent.
    int last = 0;
    for (int b = 1; b < tree.bit; b *= 2) {
      if (tree.relative + b < ranks) last = b;
    }
    Place sum = input();
    for (int b = 1; b <= last; b *= 2) {
      const int child = tree.rank_of(tree.relative + b);
      if (b == last && !tree.is_root()) {
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
