// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/neighbors.hpp"

#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"

namespace tally::mpi::collectives {

Neighbors neighbors_of(const Comm& comm) {
  const MPI_Comm of = handle(&comm);
  Neighbors neighbors;
  int topology = MPI_UNDEFINED;
  if (comm.topology != nullptr) Topo_test(of, &topology);
  if (topology == MPI_CART) {
    int dimensions = 0;
    Cartdim_get(of, &dimensions);
    neighbors.cartesian = true;
    for (int d = 0; d < dimensions; ++d) {
      int below = MPI_PROC_NULL, above = MPI_PROC_NULL;
      Cart_shift(of, d, 1, &below, &above);
      neighbors.sources.push_back(below);
      neighbors.sources.push_back(above);
    }
    neighbors.destinations = neighbors.sources;
  } else if (topology == MPI_GRAPH) {
    int degree = 0;
    Graph_neighbors_count(of, comm.rank, &degree);
    neighbors.sources.resize(static_cast<std::size_t>(degree));
    Graph_neighbors(of, comm.rank, degree, neighbors.sources.data());
    neighbors.destinations = neighbors.sources;
  } else if (topology == MPI_DIST_GRAPH) {
    int in = 0, out = 0, weighted = 0;
    Dist_graph_neighbors_count(of, &in, &out, &weighted);
    neighbors.sources.resize(static_cast<std::size_t>(in));
    neighbors.destinations.resize(static_cast<std::size_t>(out));
    std::vector<int> weights(static_cast<std::size_t>(in + out) + 1);  // not of interest
    Dist_graph_neighbors(of, in, neighbors.sources.data(), weights.data(), out, neighbors.destinations.data(),
                         weights.data() + in);
  } else {
    fail(MPI_ERR_TOPOLOGY, "comm has no topology, and so no neighbours");
  }
  return neighbors;
}

}  // namespace tally::mpi::collectives
