// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/makers.hpp"

#include <ostream>

namespace tally::test {

using namespace schedule;  // NOLINT

const std::vector<Maker>& makers() {
  static const std::vector<Maker> all = {
      {"barrier_dissemination", [](int n, int, bool) { return barrier_dissemination(n); }},
      {"bcast_binomial", [](int n, int root, bool) { return bcast_binomial(n, root); }},
      {"bcast_knomial", [](int n, int root, bool) { return bcast_knomial(n, root); }},
      {"bcast_knomial_of_radix_3", [](int n, int root, bool) { return bcast_knomial(n, root, 3); }},
      {"bcast_double_tree", [](int n, int root, bool) { return bcast_double_tree(n, root); }},
      {"bcast_chain", [](int n, int root, bool) { return bcast_chain(n, root); }},
      {"allreduce_recursive_doubling", [](int n, int, bool) { return allreduce_recursive_doubling(n); }},
      {"allreduce_recursive_doubling_fused",
       [](int n, int, bool) { return allreduce_recursive_doubling_fused(n); }},
      {"allreduce_ring", [](int n, int, bool) { return allreduce_ring(n); }},
      {"allreduce_ring_of_parts", [](int n, int, bool) { return allreduce_ring(n, 4); }},
      {"allreduce_ring_fused", [](int n, int, bool) { return allreduce_ring_fused(n); }},
      {"allreduce_ring_fused_of_parts", [](int n, int, bool) { return allreduce_ring_fused(n, 7); }},
      {"allreduce_rabenseifner", [](int n, int, bool) { return allreduce_rabenseifner(n); }},
      {"allreduce_double_tree", [](int n, int, bool) { return allreduce_double_tree(n); }},
      {"allreduce_hierarchical", [](int n, int, bool) { return allreduce_hierarchical(n); }},
      {"allreduce_hierarchical_of_one_node", [](int n, int, bool) { return allreduce_hierarchical(n, n); }},
      {"allreduce_direct", [](int n, int, bool in_place) { return allreduce_direct(n, in_place); }},
      {"allreduce_direct_blocks_short", [](int n, int, bool) { return allreduce_direct_blocks_short(n); }},
      {"allreduce_direct_blocks", [](int n, int, bool) { return allreduce_direct_blocks(n); }},
      {"reduce_binomial", [](int n, int root, bool) { return reduce_binomial(n, root); }},
      {"reduce_knomial", [](int n, int root, bool) { return reduce_knomial(n, root); }},
      {"reduce_knomial_of_radix_3", [](int n, int root, bool) { return reduce_knomial(n, root, 3); }},
      {"reduce_double_tree", [](int n, int root, bool) { return reduce_double_tree(n, root); }},
      {"reduce_chain", [](int n, int root, bool) { return reduce_chain(n, root); }},
      {"reduce_in_order", [](int n, int root, bool) { return reduce_in_order(n, root); }},
      {"reduce_scatter_in_order", [](int n, int, bool) { return reduce_scatter_in_order(n); }},
      {"reduce_scatter_direct", [](int n, int, bool) { return reduce_scatter_direct(n); }},
      {"reduce_scatter_pairwise",
       [](int n, int, bool in_place) { return reduce_scatter_pairwise(n, in_place); }},
      {"reduce_scatter_ring", [](int n, int, bool in_place) { return reduce_scatter_ring(n, in_place); }},
      {"scan_linear", [](int n, int, bool in_place) { return scan_linear(n, in_place); }},
      {"scan_recursive_doubling",
       [](int n, int, bool in_place) { return scan_recursive_doubling(n, in_place); }},
      {"scan_recursive_doubling_fused",
       [](int n, int, bool in_place) { return scan_recursive_doubling_fused(n, in_place); }},
      {"exscan_linear", [](int n, int, bool) { return exscan_linear(n); }},
      {"exscan_recursive_doubling", [](int n, int, bool) { return exscan_recursive_doubling(n); }},
      {"exscan_recursive_doubling_fused",
       [](int n, int, bool) { return exscan_recursive_doubling_fused(n); }},
      {"gather_linear", [](int n, int root, bool in_place) { return gather_linear(n, root, in_place); }},
      {"gather_binomial", [](int n, int root, bool in_place) { return gather_binomial(n, root, in_place); }},
      {"scatter_linear", [](int n, int root, bool in_place) { return scatter_linear(n, root, in_place); }},
      {"scatter_binomial",
       [](int n, int root, bool in_place) { return scatter_binomial(n, root, in_place); }},
      {"allgather_direct", [](int n, int, bool in_place) { return allgather_direct(n, in_place); }},
      {"allgather_pairwise", [](int n, int, bool in_place) { return allgather_pairwise(n, in_place); }},
      {"allgather_bruck", [](int n, int, bool in_place) { return allgather_bruck(n, in_place); }},
      {"allgather_ring", [](int n, int, bool in_place) { return allgather_ring(n, in_place); }},
      {"alltoall_direct", [](int n, int, bool in_place) { return alltoall_direct(n, in_place); }},
      {"alltoall_bruck", [](int n, int, bool) { return alltoall_bruck(n); }},
      {"alltoall_pairwise", [](int n, int, bool in_place) { return alltoall_pairwise(n, in_place); }},
  };
  return all;
}

void PrintTo(const Maker& maker, std::ostream* out) { *out << maker.name; }

std::vector<int> roots(Collective collective, int ranks) {
  if (!has_root(collective) || ranks == 1) return {0};
  if (ranks == 2) return {0, 1};
  return {0, ranks / 2, ranks - 1};
}

}  // namespace tally::test
