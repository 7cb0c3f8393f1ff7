#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Speed-up and efficiency of a fixed amount of work (a sum of sines and an allreduce a turn) on 1, 2, 4, ... of the ranks, each
on a communicator of its own (wall time; with more ranks than cores it says little)."""
import sys

import numpy
from mpi4py import MPI

ELEMENTS, TURNS = int(sys.argv[1]) if len(sys.argv) > 1 else 200000, 5
world = MPI.COMM_WORLD


def run(comm):
    place = numpy.arange(ELEMENTS * comm.rank // comm.size, ELEMENTS * (comm.rank + 1) // comm.size)
    comm.Barrier()
    start = MPI.Wtime()
    for turn in range(TURNS):
        total = comm.allreduce(float(numpy.sin(0.001 * place + turn).sum()))
    return comm.allreduce(MPI.Wtime() - start, MPI.MAX), total


wrong = False
if world.rank == 0:
    print(f"{'ranks':>6} {'time (ms)':>12} {'speed-up':>10} {'efficiency':>11}")
ranks = 1
while ranks <= world.size:
    part = world.Split(0 if world.rank < ranks else MPI.UNDEFINED, world.rank)
    if part != MPI.COMM_NULL:
        time, result = run(part)
        if ranks == 1:
            alone, reference = time, result
        if world.rank == 0:
            wrong = wrong or abs(result - reference) > 1e-6
            print(f"{ranks:>6} {time * 1e3:>12.3f} {alone / time:>10.2f} {alone / time / ranks:>10.0%}")
        part.Free()
    world.Barrier()
    ranks = world.size if ranks < world.size < 2 * ranks else 2 * ranks
sys.exit(wrong)
