#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every collective once, with what must come out of it: pickled objects (small letters) and buffers (capitals)."""
import sys

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.rank, world.size
last, total = size - 1, size * (size - 1) // 2
ranks = list(range(size))
wrong = 0


def expect(what, right):
    global wrong
    every = world.allreduce(bool(right), MPI.LAND)
    if rank == 0:
        print(f"{what:<24} {'right' if every else 'WRONG'}")
    wrong |= not every


def ints(*values):
    return numpy.array(values, dtype="i")


ones, places = [1] * size, ranks
one, x, b = ints(10 * rank), ints(0), numpy.zeros(size, dtype="i")
tens = [10 * r for r in ranks]
world.Barrier()
expect("barrier", True)
expect("bcast", world.bcast({"answer": 42} if rank == last else None, last) == {"answer": 42})
x[:] = 42 if rank == 0 else 0
world.Bcast(x)
expect("Bcast", x[0] == 42)
expect("gather", world.gather(rank) == (ranks if rank == 0 else None))
world.Gatherv(one, [b, ones, places, MPI.INT])
expect("Gatherv", rank != 0 or b.tolist() == tens)
expect("scatter", world.scatter([r * r for r in ranks] if rank == 0 else None) == rank * rank)
world.Scatterv([ints(*tens), ones, places, MPI.INT] if rank == 0 else None, x)
expect("Scatterv", x[0] == 10 * rank)
expect("allgather", world.allgather(str(rank)) == [str(r) for r in ranks])
world.Allgatherv(one, [b, ones, places, MPI.INT])
expect("Allgatherv", b.tolist() == tens)
expect("alltoall", world.alltoall([(rank, r) for r in ranks]) == [(r, rank) for r in ranks])
a = numpy.arange(size, dtype="i") + 100 * rank
world.Alltoallv([a, ones, places, MPI.INT], [b, ones, places, MPI.INT])
expect("Alltoallv", b.tolist() == [100 * r + rank for r in ranks])
in_bytes = [4 * p for p in places]
world.Alltoallw([a, (ones, in_bytes), [MPI.INT] * size], [b, (ones, in_bytes), [MPI.INT] * size])
expect("Alltoallw", b.tolist() == [100 * r + rank for r in ranks])
expect("reduce", world.reduce(rank) == (total if rank == 0 else None))
world.Allreduce(one, x, MPI.MAX)
expect("Allreduce", x[0] == 10 * last)
world.Reduce_scatter_block(a, x)
expect("Reduce_scatter_block", x[0] == 100 * total + size * rank)
expect("scan", world.scan(rank) == rank * (rank + 1) // 2)
expect("exscan", world.exscan(rank) == (None if rank == 0 else rank * (rank - 1) // 2))
ring = world.Create_cart([size], [True])
expect("neighbor_allgather", ring.neighbor_allgather(rank) == [(rank - 1) % size, (rank + 1) % size])
ring.Free()
requests = [world.Iallreduce(one, x), world.Iallgather(one, b), world.Ibarrier()]
MPI.Request.Waitall(requests)
expect("non-blocking", x[0] == 10 * total and b.tolist() == tens)
sys.exit(wrong)
