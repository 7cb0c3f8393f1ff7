#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Parallel sort by regular sampling (Shi and Schaeffer, 1992): each rank sorts its part, samples choose the borders, an
all-to-all with counts brings every key to its rank."""
import sys

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.rank, world.size
keys = numpy.sort(numpy.random.default_rng(rank).integers(0, 1 << 30, 20000 + 100 * rank))
samples = numpy.sort(numpy.concatenate(world.allgather(keys[numpy.arange(size) * len(keys) // size])))
borders = numpy.searchsorted(keys, samples[size::size][:size - 1])
places = [0, *borders.tolist()]
counts = [end - start for start, end in zip(places, [*places[1:], len(keys)])]
got_counts = world.alltoall(counts)
mine = numpy.empty(sum(got_counts), dtype=keys.dtype)
got_places = [sum(got_counts[:r]) for r in range(size)]
world.Alltoallv([keys, counts, places, MPI.LONG], [mine, got_counts, got_places, MPI.LONG])
mine.sort()
before = world.exscan(int(mine[-1]) if len(mine) else -1, MPI.MAX)
right = rank == 0 or len(mine) == 0 or mine[0] >= before
right = world.allreduce(right and world.allreduce(int(keys.sum())) == world.allreduce(int(mine.sum())), MPI.LAND)
total, most = world.allreduce(len(mine)), world.allreduce(len(mine), MPI.MAX)
if rank == 0:
    print(f"{total} keys on {size} ranks, at most {most} on one: {'sorted' if right else 'WRONG'}")
sys.exit(0 if right else 1)
