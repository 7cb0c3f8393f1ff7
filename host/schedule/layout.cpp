// SPDX-License-Identifier: BSD-3-Clause
// Where the blocks of MPI's v-forms stand.
#include <stdexcept>

#include "schedule/schedule.hpp"

namespace tally::schedule {

namespace {

using Sizes = std::vector<std::uint64_t>;

std::vector<Extent> extents(const Sizes& counts, const Sizes& displacements) {
  if (counts.size() != displacements.size())
    throw std::invalid_argument("counts and displacements differ in length");
  std::vector<Extent> out;
  for (std::size_t k = 0; k < counts.size(); ++k) out.push_back({displacements[k], counts[k]});
  return out;
}

std::uint64_t count_of(int rank, const Sizes& counts) {
  if (rank < 0 || static_cast<std::size_t>(rank) >= counts.size())
    throw std::invalid_argument("counts has no entry for rank " + std::to_string(rank));
  return counts[static_cast<std::size_t>(rank)];
}

}  // namespace

Layout gatherv_layout(int rank, int root, std::uint64_t own, const Sizes& counts,
                      const Sizes& displacements) {
  Layout layout;
  layout.input = {{0, own}};
  if (rank == root) layout.output = extents(counts, displacements);
  return layout;
}

Layout scatterv_layout(int rank, int root, std::uint64_t own, const Sizes& counts,
                       const Sizes& displacements) {
  Layout layout;
  layout.output = {{0, own}};
  if (rank == root) layout.input = extents(counts, displacements);
  return layout;
}

Layout allgatherv_layout(int rank, const Sizes& counts, const Sizes& displacements) {
  Layout layout;
  layout.input = {{0, count_of(rank, counts)}};
  layout.output = extents(counts, displacements);
  layout.blocks = counts;
  return layout;
}

Layout alltoallv_layout(const Sizes& send_counts, const Sizes& send_displacements, const Sizes& recv_counts,
                        const Sizes& recv_displacements) {
  Layout layout;
  layout.input = extents(send_counts, send_displacements);
  layout.output = extents(recv_counts, recv_displacements);
  layout.blocks = recv_counts;
  return layout;
}

Layout reduce_scatter_layout(int rank, const Sizes& counts) {
  Layout layout;
  std::uint64_t at = 0;
  for (const std::uint64_t count : counts) {
    layout.input.push_back({at, count});
    at += count;
  }
  layout.output = {{0, count_of(rank, counts)}};
  layout.blocks = counts;
  return layout;
}

}  // namespace tally::schedule
