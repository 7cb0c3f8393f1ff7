// SPDX-License-Identifier: BSD-3-Clause
// Allreduce in nodes of ranks that are close to each other, then between nodes (Cho, Finkler, Serrano, Kung,
// Hunter, "BlueConnect: decomposing all-reduce for deep learning on heterogeneous network hierarchy", MLSys
// 2019).
//
// A node's ranks sum a share of the vector each, from all in the node; the ranks of one share in all nodes
// sum it around a ring; and each hands the sum to its node. Between nodes each rank sends and receives 2
// (nodes - 1) / nodes of its share alone.
#include <stdexcept>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

int default_node(int ranks) {
  int node = 1;
  for (int d = 2; d * d <= ranks; ++d) {
    if (ranks % d == 0) node = d;
  }
  return node;
}

}  // namespace

Schedule allreduce_hierarchical(int ranks, int node) {
  Schedule s = start("hierarchical", Collective::kAllreduce, ranks);
  if (node != 0) s.algorithm.append(1, ':').append(std::to_string(node));
  if (node == 0) node = default_node(ranks);
  if (node < 1 || ranks % node != 0)
    throw std::invalid_argument("nodes of " + std::to_string(node) + " ranks do not divide " +
                                std::to_string(ranks));
  if (ranks == 1) return copy_only(std::move(s));
  const int nodes = ranks / node;
  s.chunks = static_cast<std::uint16_t>(ranks);
  s.scratch_chunks = static_cast<std::uint16_t>(nodes);
  Steps steps(std::move(s));
  // Member m sums chunks m * nodes ... of the vector; where the sum of its node is not in Output, it is in
  // scratch.
  const auto rank_of = [&](int n, int m) { return n * node + m; };
  for (int m = 0; m < node; ++m) {
    const int first = m * nodes;
    const auto in_node = [&](int part) { return node == 1 ? input(first + part) : scratch(part); };
    for (int n = 0; n < nodes; ++n) {
      for (int k = 1; k < node; ++k) {
        const Place own = k == 1 ? input(first) : scratch();
        steps.reduce(rank_of(n, shifted(m, k, node)), input(first), rank_of(n, m), own, scratch(), first,
                     nodes);
      }
    }
    // Part p starts at node p and is complete at node p - 1; then it goes around once more.
    for (int p = 0; p < nodes; ++p) {
      for (int k = 1; k < nodes; ++k) {
        const int from = rank_of(shifted(p, k - 1, nodes), m);
        const int to = rank_of(shifted(p, k, nodes), m);
        const Place sum = k == nodes - 1 ? output(first + p) : in_node(p);
        const Place passed = node == 1 && k > 1 ? scratch(p) : in_node(p);
        steps.reduce(from, passed, to, in_node(p), node == 1 && k < nodes - 1 ? scratch(p) : sum, first + p);
      }
      for (int k = 0; k < nodes - 1; ++k) {
        const int from = rank_of(shifted(p, k - 1, nodes), m);
        steps.move(from, output(first + p), rank_of(shifted(p, k, nodes), m), output(first + p), first + p);
      }
      if (nodes == 1) steps.copy(rank_of(0, m), scratch(), output(first), first);
    }
    for (int n = 0; n < nodes; ++n) {
      for (int k = 1; k < node; ++k)
        steps.move(rank_of(n, m), output(first), rank_of(n, shifted(m, k, node)), output(first), first,
                   nodes);
    }
  }
  return steps.schedule();
}

}  // namespace tally::schedule
