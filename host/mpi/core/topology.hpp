// SPDX-License-Identifier: BSD-3-Clause
// Virtual topologies of communicators (MPI 5.0, chapter 8).
#pragma once

#include <vector>

#include "core/objects.hpp"

namespace tally::mpi {

struct Topology {
  enum class Type : std::uint8_t { kCartesian, kGraph, kDistributedGraph };
  explicit Topology(Type of) noexcept : type(of) {}
  Type type;

  // kCartesian
  std::vector<int> dims;
  std::vector<int> periods;  ///< 0 or 1
  std::vector<int> coords;   ///< of the calling process
  // kGraph: as MPI_Graph_create has them
  std::vector<int> index;
  std::vector<int> edges;

  /// Neighbours of the calling process in the order of the neighbourhood collectives (8.6): from whom, and to
  /// whom. A Cartesian one has two in each dimension, MPI_PROC_NULL beyond a border.
  std::vector<int> sources;
  std::vector<int> destinations;
  // kDistributedGraph
  bool weighted = false;
  std::vector<int> source_weights;
  std::vector<int> destination_weights;
};

/// Throws MPI_ERR_TOPOLOGY where the communicator has no topology.
[[nodiscard]] const Topology& topology_of(const Comm& comm);
/// Also where it has another one.
[[nodiscard]] const Topology& topology_of(const Comm& comm, Topology::Type type);

}  // namespace tally::mpi
