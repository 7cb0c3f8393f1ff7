// SPDX-License-Identifier: BSD-3-Clause
// Neighbourhood collectives on Cartesian, graph and distributed graph topologies, with neighbours that occur
// several times.
#include <algorithm>

#include "memory.hpp"
#include "program.hpp"

namespace test {

namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// Edges of this rank. edge: what tells its messages apart, alike at both ends.
struct Edge {
  int peer;
  int edge;
};
struct Neighborhood {
  MPI_Comm comm;
  std::vector<Edge> in, out;
};

/// The program sends value(call, edge, block...) and gets that of its in-edges. No message crosses a border.
void check(const Neighborhood& n, Form form, Random* random, int call) {
  const int ints = kInts * random->between(0, 30);
  const Layout& out_layout = layout(random->below(kLayouts));
  const Layout& in_layout = layout(random->below(kLayouts));
  const int degree_in = static_cast<int>(n.in.size()), degree_out = static_cast<int>(n.out.size());
  const int o = ints / out_layout.ints(), i_n = ints / in_layout.ints();
  {
    Memory out(out_layout, 0, o), in(in_layout, 0, i_n * degree_in);
    out.put(0, values(call, rank, 0, ints));
    CALL(form, MPI_Neighbor_allgather, MPI_Ineighbor_allgather, out.base(), o, out_layout.type, in.base(),
         i_n, in_layout.type, n.comm);
    for (int i = 0; i < degree_in; ++i) {
      if (n.in[at(i)].peer != MPI_PROC_NULL)
        expect_ints(&in, i * i_n, values(call, n.in[at(i)].peer, 0, ints), "neighbor_allgather", call);
    }
    expect(in.clean(), "neighbor_allgather, call %d: writes where it must not", call);
  }
  {
    Memory out(out_layout, 0, o * degree_out), in(in_layout, 0, i_n * degree_in);
    for (int i = 0; i < degree_out; ++i) out.put(i * o, values(call, rank, n.out[at(i)].edge, ints));
    CALL(form, MPI_Neighbor_alltoall, MPI_Ineighbor_alltoall, out.base(), o, out_layout.type, in.base(), i_n,
         in_layout.type, n.comm);
    for (int i = 0; i < degree_in; ++i) {
      if (n.in[at(i)].peer != MPI_PROC_NULL)
        expect_ints(&in, i * i_n, values(call, n.in[at(i)].peer, n.in[at(i)].edge, ints), "neighbor_alltoall",
                    call);
    }
    expect(in.clean(), "neighbor_alltoall, call %d: writes where it must not", call);
  }
  // Counts of the sender's rank (allgatherv) and of the edge (alltoallv, alltoallw).
  const auto of_rank = [](int r) { return r == MPI_PROC_NULL ? 2 : r + 1; };
  const auto of_edge = [](int edge) { return (edge * 7) % 5; };
  {
    std::vector<int> counts, places, out = values(call, rank, 1, of_rank(rank));
    int next = 1;
    for (const Edge& e : n.in) {
      counts.push_back(of_rank(e.peer));
      places.push_back(next);
      next += of_rank(e.peer) + 1;
    }
    std::vector<int> in(at(next), -1), expected = in;
    for (int i = 0; i < degree_in; ++i) {
      for (int k = 0; n.in[at(i)].peer != MPI_PROC_NULL && k < counts[at(i)]; ++k)
        expected[at(places[at(i)] + k)] = value(call, n.in[at(i)].peer, 1, k);
    }
    CALL(form, MPI_Neighbor_allgatherv, MPI_Ineighbor_allgatherv, out.data(), of_rank(rank), MPI_INT,
         in.data(), counts.data(), places.data(), MPI_INT, n.comm);
    expect(in == expected, "neighbor_allgatherv, call %d", call);
    digest(in.data(), in.size() * 4);
  }
  std::vector<int> out_counts, out_places, in_counts, in_places, out, expected;
  std::vector<MPI_Aint> out_bytes, in_bytes;
  std::vector<MPI_Datatype> out_types(at(degree_out), MPI_INT), in_types(at(degree_in), MPI_INT);
  for (const Edge& e : n.out) {
    out_counts.push_back(of_edge(e.edge));
    out_places.push_back(static_cast<int>(out.size()));
    out_bytes.push_back(4 * static_cast<MPI_Aint>(out.size()));
    for (int k = 0; k < of_edge(e.edge); ++k) out.push_back(value(call, rank, e.edge + 50, k));
  }
  for (const Edge& e : n.in) {
    in_counts.push_back(of_edge(e.edge));
    in_places.push_back(static_cast<int>(expected.size()));
    in_bytes.push_back(4 * static_cast<MPI_Aint>(expected.size()));
    for (int k = 0; k < of_edge(e.edge); ++k)
      expected.push_back(e.peer == MPI_PROC_NULL ? -1 : value(call, e.peer, e.edge + 50, k));
  }
  expected.push_back(-1);  // no empty arrays, whose address may be null
  out.push_back(-1);
  std::vector<int> in(expected.size(), -1), in2(expected.size(), -1);
  CALL(form, MPI_Neighbor_alltoallv, MPI_Ineighbor_alltoallv, out.data(), out_counts.data(),
       out_places.data(), MPI_INT, in.data(), in_counts.data(), in_places.data(), MPI_INT, n.comm);
  expect(in == expected, "neighbor_alltoallv, call %d", call);
  CALL(form, MPI_Neighbor_alltoallw, MPI_Ineighbor_alltoallw, out.data(), out_counts.data(), out_bytes.data(),
       out_types.data(), in2.data(), in_counts.data(), in_bytes.data(), in_types.data(), n.comm);
  expect(in2 == expected, "neighbor_alltoallw, call %d", call);
  digest(in.data(), in.size() * 4);
}

/// An edge of a Cartesian topology: number 2 d for what goes down in dimension d, 2 d + 1 for what goes up.
/// What comes from below has gone up.
Neighborhood cartesian(const std::vector<int>& dims, const std::vector<int>& periods) {
  Neighborhood n;
  MPI_Cart_create(MPI_COMM_WORLD, static_cast<int>(dims.size()), dims.data(), periods.data(), 0, &n.comm);
  for (int d = 0; n.comm != MPI_COMM_NULL && d < static_cast<int>(dims.size()); ++d) {
    int below = 0, above = 0;
    MPI_Cart_shift(n.comm, d, 1, &below, &above);
    n.in.push_back({below, 2 * d + 1});
    n.in.push_back({above, 2 * d});
    n.out.push_back({below, 2 * d});
    n.out.push_back({above, 2 * d + 1});
  }
  return n;
}

/// Between two ranks, the k-th edge in the sender's order is the k-th in the receiver's.
Neighborhood distributed(Random* random) {
  Neighborhood n;
  std::vector<int> sources, destinations;
  const int edges = random->below(4 * size + 1);
  for (int e = 0; e < edges; ++e) {
    const int from = random->below(size), to = random->below(size);
    if (to == rank) {
      sources.push_back(from);
      n.in.push_back({from, e});
    }
    if (from == rank) {
      destinations.push_back(to);
      n.out.push_back({to, e});
    }
  }
  MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, static_cast<int>(sources.size()), sources.data(),
                                 MPI_UNWEIGHTED, static_cast<int>(destinations.size()), destinations.data(),
                                 MPI_UNWEIGHTED, MPI_INFO_NULL, 0, &n.comm);
  return n;
}

/// A ring with a star at rank 0.
Neighborhood graph() {
  std::vector<std::vector<int>> lists(at(size));
  for (int i = 0; i < size && size > 1; ++i) {
    lists[at(i)].push_back((i + 1) % size);
    if (size > 2) lists[at(i)].push_back((i + size - 1) % size);
  }
  for (int i = 2; i + 1 < size; ++i) {
    lists[0].push_back(i);
    lists[at(i)].push_back(0);
  }
  std::vector<int> index, edges;
  for (const std::vector<int>& list : lists) {
    edges.insert(edges.end(), list.begin(), list.end());
    index.push_back(static_cast<int>(edges.size()));
  }
  Neighborhood n;
  MPI_Graph_create(MPI_COMM_WORLD, size, index.data(), edges.data(), 0, &n.comm);
  for (const int peer : lists[at(rank)]) {
    n.in.push_back({peer, peer});
    n.out.push_back({peer, rank});
  }
  return n;
}

}  // namespace

void neighborhoods() {
  Random random = shared_random(7);
  std::vector<Neighborhood> all;
  int dims[2] = {0, 0};
  MPI_Dims_create(size, 2, dims);
  all.push_back(cartesian({dims[0], dims[1]}, {0, 0}));
  all.push_back(cartesian({size}, {0}));
  // A ring of one or two has one process on both sides: other libraries do not all tell the two directions
  // apart.
  if (!common()) {
    all.push_back(cartesian({size}, {1}));
    all.push_back(cartesian({dims[0], dims[1]}, {1, 1}));
    all.push_back(cartesian({dims[0], dims[1]}, {0, 1}));
  }
  for (int i = 0; i < 6; ++i) all.push_back(distributed(&random));
  all.push_back(graph());
  int call = 20000;
  for (Neighborhood& n : all) {
    for (const Form form : forms()) {
      for (int i = 0; i < 3; ++i) {
        ++call;
        if (n.comm != MPI_COMM_NULL) check(n, form, &random, call);
      }
    }
  }
  // Two at once are told apart.
  {
    const Neighborhood& n = all[1];
    int mine[2] = {rank, rank + 1000};
    int first[2] = {-1, -1}, second[2] = {-1, -1};
    MPI_Request requests[2];
    MPI_Ineighbor_allgather(&mine[0], 1, MPI_INT, first, 1, MPI_INT, n.comm, &requests[0]);
    MPI_Ineighbor_allgather(&mine[1], 1, MPI_INT, second, 1, MPI_INT, n.comm, &requests[1]);
    MPI_Wait(&requests[1], MPI_STATUS_IGNORE);
    MPI_Wait(&requests[0], MPI_STATUS_IGNORE);
    for (int i = 0; i < 2; ++i) {
      const int peer = n.in[at(i)].peer;
      expect(first[i] == (peer == MPI_PROC_NULL ? -1 : peer) &&
                 second[i] == (peer == MPI_PROC_NULL ? -1 : peer + 1000),
             "two ineighbor_allgather: %d and %d", first[i], second[i]);
    }
  }
  for (Neighborhood& n : all) {
    if (n.comm != MPI_COMM_NULL) MPI_Comm_free(&n.comm);
  }
}

}  // namespace test
