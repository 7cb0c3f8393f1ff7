// SPDX-License-Identifier: BSD-3-Clause
// Cartesian topologies (MPI 5.0, 8.5.1, 8.5.2, 8.5.5 to 8.5.8). Ranks are in row-major order of the
// coordinates; processes are not reordered, since all pairs of them are equally near.
#include <algorithm>
#include <memory>
#include <utility>

#include "core/comm.hpp"
#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"
#include "core/topology.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}
void check_array(const void* array, int length, const char* name) {
  if (length > 0) check_out(array, name);
}

std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

/// Number of processes of the grid.
int check_grid(int ndims, const int dims[], const int periods[], int available) {
  if (ndims < 0) fail(MPI_ERR_DIMS, "ndims {} is negative", ndims);
  check_array(dims, ndims, "dims");
  check_array(periods, ndims, "periods");
  long nodes = 1;
  for (int i = 0; i < ndims; ++i) {
    if (dims[i] <= 0) fail(MPI_ERR_DIMS, "dims[{}] {} is not positive", i, dims[i]);
    nodes *= dims[i];
    if (nodes > available)
      fail(MPI_ERR_DIMS, "dims: the grid is larger than the {} processes of comm", available);
  }
  return static_cast<int>(nodes);
}

std::vector<int> coords_of(const Topology& grid, int rank) {
  std::vector<int> coords(grid.dims.size());
  for (std::size_t i = grid.dims.size(); i-- > 0;) {
    coords[i] = rank % grid.dims[i];
    rank /= grid.dims[i];
  }
  return coords;
}

int rank_at(const Topology& grid, const std::vector<int>& coords) {
  int rank = 0;
  for (std::size_t i = 0; i < grid.dims.size(); ++i) rank = rank * grid.dims[i] + coords[i];
  return rank;
}

/// The rank `displacement` steps along a dimension; MPI_PROC_NULL beyond a border.
int neighbor(const Topology& grid, std::size_t dimension, int displacement) {
  const long size = grid.dims[dimension];
  long coord = grid.coords[dimension] + static_cast<long>(displacement);
  if (grid.periods[dimension] != 0) {
    coord = (coord % size + size) % size;
  } else if (coord < 0 || coord >= size) {
    return MPI_PROC_NULL;
  }
  std::vector<int> coords = grid.coords;
  coords[dimension] = static_cast<int>(coord);
  return rank_at(grid, coords);
}

std::unique_ptr<Topology> make_grid(std::vector<int> dims, std::vector<int> periods, int rank) {
  auto grid = std::make_unique<Topology>(Topology::Type::kCartesian);
  grid->dims = std::move(dims);
  for (const int period : periods) grid->periods.push_back(period != 0);
  grid->coords = coords_of(*grid, rank);
  for (std::size_t i = 0; i < grid->dims.size(); ++i) {
    grid->sources.push_back(neighbor(*grid, i, -1));
    grid->sources.push_back(neighbor(*grid, i, 1));
  }
  grid->destinations = grid->sources;
  return grid;
}

/// The most even factors of `nodes`, the largest first: the largest is as small as it can be, then the next
/// one, ... Each is at most `limit`. False where there are none.
bool factor(int nodes, int limit, std::size_t count, std::vector<int>* factors) {
  if (count == 0) return nodes == 1;
  const auto at_least = [&](long root) {  // root^count >= nodes
    long power = 1;
    for (std::size_t i = 0; i < count && power < nodes; ++i) power *= root;
    return power >= nodes;
  };
  long low = 1;
  long high = nodes;
  while (low < high) {
    const long middle = (low + high) / 2;
    if (at_least(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  for (long candidate = low; candidate <= std::min(nodes, limit); ++candidate) {
    // No divisor lies between half of the number and itself.
    if (candidate > nodes / 2 && candidate < nodes) candidate = nodes;
    if (candidate > limit) return false;
    if (nodes % candidate != 0) continue;
    factors->push_back(static_cast<int>(candidate));
    if (factor(static_cast<int>(nodes / candidate), static_cast<int>(candidate), count - 1, factors))
      return true;
    factors->pop_back();
  }
  return false;
}

}  // namespace

const Topology& topology_of(const Comm& comm) {
  if (comm.topology == nullptr) fail(MPI_ERR_TOPOLOGY, "comm has no topology");
  return *comm.topology;
}
const Topology& topology_of(const Comm& comm, Topology::Type type) {
  if (comm.topology == nullptr || comm.topology->type != type) {
    const char* name = type == Topology::Type::kCartesian ? "Cartesian"
                       : type == Topology::Type::kGraph   ? "graph"
                                                          : "distributed graph";
    fail(MPI_ERR_TOPOLOGY, "comm has no {} topology", name);
  }
  return *comm.topology;
}

void Topo_test(MPI_Comm comm, int* status) {
  const Comm& object = get_comm(comm);
  check_out(status, "status");
  *status = object.topology == nullptr                                   ? MPI_UNDEFINED
            : object.topology->type == Topology::Type::kCartesian        ? MPI_CART
            : object.topology->type == Topology::Type::kDistributedGraph ? MPI_DIST_GRAPH
                                                                         : MPI_GRAPH;
}

void Dims_create(int nnodes, int ndims, int dims[]) {
  if (nnodes < 1) fail(MPI_ERR_ARG, "nnodes {} is not positive", nnodes);
  if (ndims < 0) fail(MPI_ERR_DIMS, "ndims {} is negative", ndims);
  if (ndims == 0) return;
  check_out(dims, "dims");
  long fixed = 1;
  std::size_t open = 0;
  for (int i = 0; i < ndims; ++i) {
    if (dims[i] < 0) fail(MPI_ERR_DIMS, "dims[{}] {} is negative", i, dims[i]);
    if (dims[i] == 0) {
      ++open;
    } else {
      fixed *= dims[i];
      if (fixed > nnodes) fail(MPI_ERR_DIMS, "dims: the given ones are more than nnodes {}", nnodes);
    }
  }
  if (nnodes % fixed != 0 || (open == 0 && fixed != nnodes))
    fail(MPI_ERR_DIMS, "nnodes {} is not a multiple of the {} of the given dims", nnodes, fixed);
  std::vector<int> factors;
  const int rest = static_cast<int>(nnodes / fixed);
  (void)factor(rest, rest, open, &factors);  // 1s fill up: there is always one
  std::size_t next = 0;
  for (int i = 0; i < ndims; ++i) {
    if (dims[i] == 0) dims[i] = factors[next++];
  }
}

void Cart_create(MPI_Comm comm_old, int ndims, const int dims[], const int periods[], int,
                 MPI_Comm* comm_cart) {
  Comm& old = check_intra(get_comm(comm_old, "comm_old"), "comm_old");
  check_out(comm_cart, "comm_cart");
  const int nodes = check_grid(ndims, dims, periods, old.size);
  const std::uint64_t key = creation_key(old, next_creation(old));
  if (old.rank >= nodes) {
    *comm_cart = MPI_COMM_NULL;
    return;
  }
  Ref<Comm> made = new_comm(&old);
  run(build(*made, {old.members->ranks.begin(), old.members->ranks.begin() + nodes}, key));
  made->topology = make_grid({dims, dims + ndims}, {periods, periods + ndims}, made->rank);
  *comm_cart = handle(made.give());
}

void Cart_map(MPI_Comm comm, int ndims, const int dims[], const int periods[], int* newrank) {
  const Comm& object = check_intra(get_comm(comm));
  check_out(newrank, "newrank");
  const int nodes = check_grid(ndims, dims, periods, object.size);
  *newrank = object.rank < nodes ? object.rank : MPI_UNDEFINED;
}

void Cartdim_get(MPI_Comm comm, int* ndims) {
  const Topology& grid = topology_of(get_comm(comm), Topology::Type::kCartesian);
  check_out(ndims, "ndims");
  *ndims = static_cast<int>(grid.dims.size());
}

void Cart_get(MPI_Comm comm, int maxdims, int dims[], int periods[], int coords[]) {
  const Topology& grid = topology_of(get_comm(comm), Topology::Type::kCartesian);
  const int ndims = static_cast<int>(grid.dims.size());
  if (maxdims < ndims) fail(MPI_ERR_ARG, "maxdims {} is less than the grid's {} dimensions", maxdims, ndims);
  check_array(dims, ndims, "dims");
  check_array(periods, ndims, "periods");
  check_array(coords, ndims, "coords");
  std::copy(grid.dims.begin(), grid.dims.end(), dims);
  std::copy(grid.periods.begin(), grid.periods.end(), periods);
  std::copy(grid.coords.begin(), grid.coords.end(), coords);
}

void Cart_rank(MPI_Comm comm, const int coords[], int* rank) {
  const Topology& grid = topology_of(get_comm(comm), Topology::Type::kCartesian);
  check_out(rank, "rank");
  const int ndims = static_cast<int>(grid.dims.size());
  check_array(coords, ndims, "coords");
  std::vector<int> inside(grid.dims.size());
  for (int i = 0; i < ndims; ++i) {
    const int size = grid.dims[at(i)];
    if (grid.periods[at(i)] != 0) {
      inside[at(i)] = (coords[i] % size + size) % size;
    } else if (coords[i] < 0 || coords[i] >= size) {
      fail(MPI_ERR_ARG, "coords[{}] {} is out of range (0 to {}), and the dimension is not periodic", i,
           coords[i], size - 1);
    } else {
      inside[at(i)] = coords[i];
    }
  }
  *rank = rank_at(grid, inside);
}

void Cart_coords(MPI_Comm comm, int rank, int maxdims, int coords[]) {
  const Comm& object = get_comm(comm);
  const Topology& grid = topology_of(object, Topology::Type::kCartesian);
  const int ndims = static_cast<int>(grid.dims.size());
  if (rank < 0 || rank >= object.size)
    fail(MPI_ERR_RANK, "rank {} is out of range (0 to {})", rank, object.size - 1);
  if (maxdims < ndims) fail(MPI_ERR_ARG, "maxdims {} is less than the grid's {} dimensions", maxdims, ndims);
  check_array(coords, ndims, "coords");
  const std::vector<int> of = coords_of(grid, rank);
  std::copy(of.begin(), of.end(), coords);
}

void Cart_shift(MPI_Comm comm, int direction, int disp, int* rank_source, int* rank_dest) {
  const Topology& grid = topology_of(get_comm(comm), Topology::Type::kCartesian);
  const int ndims = static_cast<int>(grid.dims.size());
  if (direction < 0 || direction >= ndims)
    fail(MPI_ERR_DIMS, "direction {} is out of range (0 to {})", direction, ndims - 1);
  if (disp == INT_MIN) fail(MPI_ERR_ARG, "disp {} is out of range", disp);
  check_out(rank_source, "rank_source");
  check_out(rank_dest, "rank_dest");
  *rank_source = neighbor(grid, at(direction), -disp);
  *rank_dest = neighbor(grid, at(direction), disp);
}

void Cart_sub(MPI_Comm comm, const int remain_dims[], MPI_Comm* newcomm) {
  Comm& old = get_comm(comm);
  const Topology& grid = topology_of(old, Topology::Type::kCartesian);
  check_out(newcomm, "newcomm");
  const std::size_t ndims = grid.dims.size();
  check_array(remain_dims, static_cast<int>(ndims), "remain_dims");
  std::vector<int> dims;
  std::vector<int> periods;
  for (std::size_t i = 0; i < ndims; ++i) {
    if (remain_dims[i] == 0) continue;
    dims.push_back(grid.dims[i]);
    periods.push_back(grid.periods[i]);
  }
  // Those that have the same coordinates in the dimensions that are left out, in their order.
  std::vector<int> members;
  int rank = 0;
  for (int other = 0; other < old.size; ++other) {
    const std::vector<int> coords = coords_of(grid, other);
    bool same = true;
    for (std::size_t i = 0; i < ndims; ++i)
      same = same && (remain_dims[i] != 0 || coords[i] == grid.coords[i]);
    if (!same) continue;
    if (other == old.rank) rank = static_cast<int>(members.size());
    members.push_back(old.members->ranks[at(other)]);
  }
  Ref<Comm> made = new_comm(&old);
  run(build(*made, std::move(members), creation_key(old, next_creation(old))));
  made->topology = make_grid(std::move(dims), std::move(periods), rank);
  *newcomm = handle(made.give());
}

}  // namespace tally::mpi
