# SPDX-License-Identifier: BSD-3-Clause
"""Cartesian, graph and distributed graph topologies; collectives among neighbours."""
import numpy
from mpi4py import MPI

from .harness import equal, test


@test
def cartesian_grid_knows_coordinates_and_shifts(world):
    dims = MPI.Compute_dims(world.size, 2)
    grid = world.Create_cart(dims, periods=[True, False])
    equal(grid.topology, MPI.CART)
    equal((grid.dims, [bool(p) for p in grid.periods]), (dims, [True, False]))
    x, y = grid.coords
    equal([x, y], [world.rank // dims[1], world.rank % dims[1]])
    equal(grid.Get_cart_rank([x + dims[0], y]), world.rank)
    up, down = grid.Shift(0, 1)
    equal((up, down), (((x - 1) % dims[0]) * dims[1] + y, ((x + 1) % dims[0]) * dims[1] + y))
    before, after = grid.Shift(1, 1)
    equal((before == MPI.PROC_NULL, after == MPI.PROC_NULL), (y == 0, y == dims[1] - 1))
    row = grid.Sub([False, True])
    equal((row.size, row.rank), (dims[1], y))
    row.Free()
    grid.Free()


@test
def too_large_grid_leaves_ranks_out(world):
    if world.size < 3:
        return
    grid = world.Create_cart([2], [False])
    equal(grid == MPI.COMM_NULL, world.rank >= 2)
    if grid != MPI.COMM_NULL:
        grid.Free()


@test
def neighbours_of_a_grid_exchange(world):
    grid = world.Create_cart([world.size], periods=[True])
    left, right = (world.rank - 1) % world.size, (world.rank + 1) % world.size
    equal(grid.neighbor_allgather(world.rank), [left, right])
    got = numpy.full(2, -1, dtype="i")
    grid.Neighbor_alltoall(numpy.array([10 * world.rank, 10 * world.rank + 1], dtype="i"), got)
    equal(got, [10 * left + 1, 10 * right])
    open_grid = world.Create_cart([world.size], periods=[False])
    got[:] = -1
    open_grid.Neighbor_allgather(numpy.array([world.rank], dtype="i"), got)
    equal(got, [world.rank - 1 if world.rank else -1, world.rank + 1 if world.rank + 1 < world.size else -1])
    request = open_grid.Ineighbor_allgather(numpy.array([world.rank + 5], dtype="i"), got)
    request.Wait()
    equal(int(got[1]), world.rank + 6 if world.rank + 1 < world.size else -1)
    grid.Free()
    open_grid.Free()


@test
def graph_knows_its_neighbours(world):
    size = world.size
    edges = [(r + 1) % size for r in range(size)]
    graph = world.Create_graph(list(range(1, size + 1)), edges)
    equal(graph.topology, MPI.GRAPH)
    equal(graph.Get_neighbors(world.rank), [(world.rank + 1) % size])
    equal(graph.Get_neighbors_count(0), 1)
    graph.Free()


@test
def distributed_graph_exchanges_along_its_edges(world):
    size, rank = world.size, world.rank
    sources = [(rank - 1) % size, (rank - 2) % size]
    targets = [(rank + 1) % size, (rank + 2) % size]
    graph = world.Create_dist_graph_adjacent(sources, targets)
    equal(graph.topology, MPI.DIST_GRAPH)
    equal(graph.Get_dist_neighbors_count()[:2], (2, 2))
    equal(graph.Get_dist_neighbors()[0], sources)
    equal(graph.neighbor_allgather(rank), sources)
    got = numpy.zeros(2, dtype="i")
    graph.Neighbor_alltoallv([numpy.array([rank, rank + 100], dtype="i"), [1, 1], [0, 1], MPI.INT],
                             [got, [1, 1], [0, 1], MPI.INT])
    if size > 2:
        equal(got, [sources[0], sources[1] + 100])
    graph.Free()
    spread = world.Create_dist_graph([rank], [1], [(rank + 1) % size])
    equal(spread.neighbor_allgather(("from", rank)), [("from", (rank - 1) % size)])
    spread.Free()
