// SPDX-License-Identifier: BSD-3-Clause
// Binomial trees.
#pragma once

#include <algorithm>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule::detail {

/// A binomial tree of ranks: the parent of a rank differs in the lowest set bit of its distance from the
/// root; the children have one lower bit set. A subtree is of consecutive distances.
struct Tree {
  Tree(int rank, int tree_root, int rank_count)
      : root(tree_root), ranks(rank_count), relative(shifted(rank, -tree_root, rank_count)) {
    while (bit < ranks && (relative & bit) == 0) bit *= 2;
  }
  [[nodiscard]] int rank_of(int v) const { return (v + root) % ranks; }
  [[nodiscard]] int parent() const { return rank_of(relative - bit); }
  [[nodiscard]] bool is_root() const { return relative == 0; }
  /// Ranks of the subtree, this one included.
  [[nodiscard]] int size() const { return std::min(bit, ranks - relative); }

  int root, ranks, relative;
  int bit = 1;  ///< children are at relative + b for powers of two b < bit; at the root at least `ranks`
};

}  // namespace tally::schedule::detail
