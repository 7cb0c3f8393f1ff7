// SPDX-License-Identifier: BSD-3-Clause
// Virtual topologies.
#include <algorithm>

#include "program.hpp"

namespace test {

namespace {

void expect_dims(int nodes, std::vector<int> dims, const std::vector<int>& wanted) {
  MPI_Dims_create(nodes, static_cast<int>(dims.size()), dims.data());
  expect(dims == wanted, "MPI_Dims_create of %d in %d", nodes, static_cast<int>(dims.size()));
}

}  // namespace

void cartesian() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  expect_dims(12, {0, 0}, {4, 3});
  expect_dims(16, {0, 0, 0}, {4, 2, 2});
  expect_dims(6, {0, 3, 0}, {2, 3, 1});
  expect_dims(7, {0, 0}, {7, 1});
  expect_dims(64, {0, 0, 0}, {4, 4, 4});
  expect_dims(36, {0, 0}, {6, 6});
  expect_dims(1, {0, 0, 0}, {1, 1, 1});
  expect_dims(6, {2, 3}, {2, 3});
  int odd[2] = {4, 0};
  EXPECT_ERROR(MPI_Dims_create(6, 2, odd), MPI_ERR_DIMS, "MPI_Dims_create of 6 with a 4");
  int negative[2] = {-1, 0};
  EXPECT_ERROR(MPI_Dims_create(6, 2, negative), MPI_ERR_DIMS, "MPI_Dims_create with -1");

  int status = -1;
  MPI_Topo_test(MPI_COMM_WORLD, &status);
  expect(status == MPI_UNDEFINED, "MPI_COMM_WORLD has a topology");
  std::vector<int> dims(2, 0);
  MPI_Dims_create(size, 2, dims.data());
  const int periods[2] = {1, 0};
  MPI_Comm grid = MPI_COMM_NULL, line = MPI_COMM_NULL, part = MPI_COMM_NULL;
  MPI_Cart_create(MPI_COMM_WORLD, 2, dims.data(), periods, 0, &grid);
  MPI_Topo_test(grid, &status);
  expect(status == MPI_CART, "topology %d", status);
  int ndims = 0, got_dims[2], got_periods[2], coords[2];
  MPI_Cartdim_get(grid, &ndims);
  MPI_Cart_get(grid, 2, got_dims, got_periods, coords);
  expect(ndims == 2 && got_dims[0] == dims[0] && got_dims[1] == dims[1] && got_periods[0] == 1 &&
             got_periods[1] == 0,
         "MPI_Cart_get");
  expect(coords[0] == rank / dims[1] && coords[1] == rank % dims[1], "coordinates %d, %d", coords[0],
         coords[1]);
  for (int other = 0; other < size; ++other) {
    int at[2] = {-1, -1}, back = -1;
    MPI_Cart_coords(grid, other, 2, at);
    MPI_Cart_rank(grid, at, &back);
    expect(back == other, "MPI_Cart_rank of MPI_Cart_coords(%d) is %d", other, back);
    at[0] -= 2 * dims[0];
    MPI_Cart_rank(grid, at, &back);
    expect(back == other, "coordinates of a periodic dimension are not reduced");
  }
  for (const int step : {1, -1, 2, 0}) {
    int from = -9, to = -9;
    MPI_Cart_shift(grid, 0, step, &from, &to);
    const auto wrapped = [&](int by) {
      return ((coords[0] + by) % dims[0] + dims[0]) % dims[0] * dims[1] + coords[1];
    };
    expect(from == wrapped(-step) && to == wrapped(step), "shift by %d around: from %d to %d", step, from,
           to);
    digest(from);
    digest(to);
    MPI_Cart_shift(grid, 1, step, &from, &to);
    const auto bounded = [&](int by) {
      const int at = coords[1] + by;
      return at < 0 || at >= dims[1] ? MPI_PROC_NULL : rank + by;
    };
    expect(from == bounded(-step) && to == bounded(step), "shift by %d to the border: from %d to %d", step,
           from, to);
  }
  expect_works(grid, "MPI_Cart_create");

  const int keep[2] = {0, 1};
  MPI_Cart_sub(grid, keep, &line);
  int count = 0, own = -1;
  MPI_Comm_size(line, &count);
  MPI_Comm_rank(line, &own);
  MPI_Cartdim_get(line, &ndims);
  expect(count == dims[1] && own == coords[1] && ndims == 1, "MPI_Cart_sub: %d processes, rank %d", count,
         own);
  expect_works(line, "MPI_Cart_sub");
  digest(world_ranks(line));
  MPI_Comm_free(&line);
  const int none[2] = {0, 0};
  MPI_Cart_sub(grid, none, &line);
  MPI_Comm_size(line, &count);
  MPI_Cartdim_get(line, &ndims);
#ifdef TALLY_ERROR_CLASSES  // MPICH 4.0 gives something else
  expect(count == 1 && ndims == 0, "MPI_Cart_sub of no dimension: %d processes, %d dimensions", count, ndims);
#endif
  MPI_Comm_free(&line);
  MPI_Comm_dup(grid, &line);
  MPI_Topo_test(line, &status);
  expect(status == MPI_CART, "a duplicate has no topology");
  MPI_Comm_free(&line);

  // Part of the processes.
  const int fewer = size > 1 ? size - 1 : 1, no_period = 0;
  MPI_Cart_create(MPI_COMM_WORLD, 1, &fewer, &no_period, 1, &part);
  int mapped = -9;
  MPI_Cart_map(MPI_COMM_WORLD, 1, &fewer, &no_period, &mapped);
  expect((part != MPI_COMM_NULL) == (rank < fewer), "a process beyond the grid has it");
#ifdef TALLY_ERROR_CLASSES  // Open MPI 4 gives a rank
  expect((mapped != MPI_UNDEFINED) == (rank < fewer), "MPI_Cart_map gives %d", mapped);
#endif
  if (part != MPI_COMM_NULL) MPI_Comm_free(&part);
  const int too_many = size + 1;
  const int zero = 0;
  EXPECT_ERROR(MPI_Cart_create(MPI_COMM_WORLD, 1, &too_many, &no_period, 0, &part), 0,
               "a grid that is too large");
  EXPECT_ERROR(MPI_Cart_create(MPI_COMM_WORLD, 1, &zero, &no_period, 0, &part), 0, "a grid of 0 nodes");
  EXPECT_ERROR(MPI_Cart_coords(grid, size, 2, coords), MPI_ERR_RANK, "coordinates of a rank beyond");
  const int beyond[2] = {0, dims[1]};
  MPI_Comm_set_errhandler(grid, MPI_ERRORS_RETURN);
  EXPECT_ERROR(MPI_Cart_rank(grid, beyond, &own), MPI_ERR_ARG, "rank of coordinates beyond a border");
  EXPECT_ERROR(MPI_Cart_shift(grid, 2, 1, &own, &count), MPI_ERR_DIMS, "a shift in dimension 2 of 2");
  EXPECT_ERROR(MPI_Cart_get(MPI_COMM_WORLD, 2, got_dims, got_periods, coords), MPI_ERR_TOPOLOGY,
               "no topology");
  MPI_Comm_free(&grid);
}

namespace {

void graph() {
  // Each node has its two neighbours in a ring, and node 0 all others behind.
  std::vector<int> index, edges;
  for (int i = 0; i < size; ++i) {
    edges.push_back((i + 1) % size);
    edges.push_back((i + size - 1) % size);
    for (int j = 0; i == 0 && j < size; ++j) edges.push_back(j);
    index.push_back(static_cast<int>(edges.size()));
  }
  MPI_Comm made = MPI_COMM_NULL;
  MPI_Graph_create(MPI_COMM_WORLD, size, index.data(), edges.data(), 0, &made);
  int status = -1, nodes = 0, count = 0;
  MPI_Topo_test(made, &status);
  MPI_Graphdims_get(made, &nodes, &count);
  expect(status == MPI_GRAPH && nodes == size && count == index.back(), "MPI_Graphdims_get: %d, %d", nodes,
         count);
  std::vector<int> got_index(index.size()), got_edges(edges.size());
  MPI_Graph_get(made, size, count, got_index.data(), got_edges.data());
  expect(got_index == index && got_edges == edges, "MPI_Graph_get");
  for (int i = 0; i < size; ++i) {
    MPI_Graph_neighbors_count(made, i, &count);
    const int first = i == 0 ? 0 : index[static_cast<std::size_t>(i) - 1];
    expect(count == index[static_cast<std::size_t>(i)] - first, "node %d has %d neighbours", i, count);
    std::vector<int> neighbors(static_cast<std::size_t>(count));
    MPI_Graph_neighbors(made, i, count, neighbors.data());
    expect(std::equal(neighbors.begin(), neighbors.end(), edges.begin() + first), "neighbours of node %d", i);
    digest(neighbors);
  }
  expect_works(made, "MPI_Graph_create");
  MPI_Comm_free(&made);
  const int bad = size;
  const int one = 1;
  EXPECT_ERROR(MPI_Graph_create(MPI_COMM_SELF, 1, &one, &bad, 0, &made), MPI_ERR_ARG,
               "an edge to a node beyond");
}

void expect_edges(MPI_Comm made, std::vector<std::pair<int, int>> in, std::vector<std::pair<int, int>> out,
                  const char* what) {
  int indegree = -1, outdegree = -1, weighted = -1;
  MPI_Dist_graph_neighbors_count(made, &indegree, &outdegree, &weighted);
  expect(
      indegree == static_cast<int>(in.size()) && outdegree == static_cast<int>(out.size()) && weighted != 0,
      "%s: %d in, %d out, weighted %d", what, indegree, outdegree, weighted);
  std::vector<int> sources(in.size() + 1), in_weights(in.size() + 1), targets(out.size() + 1),
      out_weights(out.size() + 1);
  MPI_Dist_graph_neighbors(made, indegree, sources.data(), in_weights.data(), outdegree, targets.data(),
                           out_weights.data());
  std::vector<std::pair<int, int>> got_in, got_out;
  for (std::size_t i = 0; i < in.size(); ++i) got_in.emplace_back(sources[i], in_weights[i]);
  for (std::size_t i = 0; i < out.size(); ++i) got_out.emplace_back(targets[i], out_weights[i]);
  for (auto* list : {&got_in, &got_out, &in, &out})
    std::sort(list->begin(), list->end());  // the order is free
  expect(got_in == in && got_out == out, "%s: other edges", what);
}

}  // namespace

void graphs() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  graph();
  // Rank r sends to r + 1 and r + 2; weights tell the edge.
  const auto weight = [](int from, int to) { return 100 * from + to; };
  std::vector<std::pair<int, int>> in, out;
  std::vector<int> sources, in_weights, targets, out_weights;
  for (const int step : {1, 2}) {
    const int to = (rank + step) % size, from = (rank + 2 * size - step) % size;
    out.emplace_back(to, weight(rank, to));
    in.emplace_back(from, weight(from, rank));
    targets.push_back(to);
    out_weights.push_back(weight(rank, to));
    sources.push_back(from);
    in_weights.push_back(weight(from, rank));
  }
  MPI_Comm made = MPI_COMM_NULL;
  MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, 2, sources.data(), in_weights.data(), 2, targets.data(),
                                 out_weights.data(), MPI_INFO_NULL, 0, &made);
  int status = -1;
  MPI_Topo_test(made, &status);
  expect(status == MPI_DIST_GRAPH, "topology %d", status);
  expect_edges(made, in, out, "MPI_Dist_graph_create_adjacent");
  expect_works(made, "MPI_Dist_graph_create_adjacent");
  MPI_Comm_free(&made);

  // The same edges, each given by another process: rank r gives those that leave r - 1.
  const int giver = (rank + size - 1) % size;
  const int degree = 2;
  std::vector<int> to{(giver + 1) % size, (giver + 2) % size};
  std::vector<int> weights{weight(giver, to[0]), weight(giver, to[1])};
  MPI_Dist_graph_create(MPI_COMM_WORLD, 1, &giver, &degree, to.data(), weights.data(), MPI_INFO_NULL, 0,
                        &made);
  expect_edges(made, in, out, "MPI_Dist_graph_create");
  expect_works(made, "MPI_Dist_graph_create");
  MPI_Comm_free(&made);

  // All by rank 0, without weights.
  std::vector<int> all, degrees;
  for (int i = 0; i < size && rank == 0; ++i) {
    all.push_back(i);
    degrees.push_back(1);
  }
  std::vector<int> next;
  for (const int i : all) next.push_back((i + 1) % size);
  MPI_Dist_graph_create(MPI_COMM_WORLD, static_cast<int>(all.size()), all.data(), degrees.data(), next.data(),
                        MPI_UNWEIGHTED, MPI_INFO_NULL, 0, &made);
  int indegree = 0, outdegree = 0, weighted = 1, source = -1, target = -1;
  MPI_Dist_graph_neighbors_count(made, &indegree, &outdegree, &weighted);
  expect(indegree == 1 && outdegree == 1 && weighted == 0, "a ring by rank 0: %d in, %d out", indegree,
         outdegree);
  MPI_Dist_graph_neighbors(made, 1, &source, MPI_UNWEIGHTED, 1, &target, MPI_UNWEIGHTED);
  expect(source == (rank + size - 1) % size && target == (rank + 1) % size, "from %d, to %d", source, target);
  MPI_Comm_free(&made);
  int beyond = size, one = 1;
  EXPECT_ERROR(MPI_Dist_graph_create(MPI_COMM_SELF, 1, &beyond, &one, &beyond, MPI_UNWEIGHTED, MPI_INFO_NULL,
                                     0, &made),
               0, "an edge to a process beyond");
}

}  // namespace test
