// SPDX-License-Identifier: BSD-3-Clause
// The neighbours of this process in its communicator's topology, in the order of MPI 5.0, 8.6.
#pragma once

#include <vector>

#include "core/objects.hpp"

namespace tally::mpi::collectives {

struct Neighbors {
  bool cartesian = false;         ///< 2d and 2d + 1 are those below and above in dimension d, or MPI_PROC_NULL
  std::vector<int> sources;       ///< ranks that blocks come from
  std::vector<int> destinations;  ///< ranks that blocks go to
};
/// MPI_ERR_TOPOLOGY where there is no topology.
[[nodiscard]] Neighbors neighbors_of(const Comm& comm);

}  // namespace tally::mpi::collectives
