#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Blocks go around the ring without blocking while each rank computes on the block that it has."""
import sys

import numpy
from mpi4py import MPI

BLOCK = 10000
world = MPI.COMM_WORLD
rank, size = world.rank, world.size
here = numpy.arange(BLOCK, dtype="d") + rank * BLOCK
following = numpy.empty_like(here)
total = 0.0
for turn in range(size):
    requests = [world.Irecv(following, (rank - 1) % size, turn), world.Isend(here, (rank + 1) % size, turn)]
    total += here.sum()  # while the messages move
    MPI.Request.Waitall(requests)
    here, following = following, here
n = size * BLOCK
right = total == n * (n - 1) / 2
every = world.reduce(right, MPI.LAND)
if rank == 0:
    print(f"every rank has seen {size} blocks: sum {total:.0f}, {'right' if every else 'WRONG'}")
sys.exit(0 if right else 1)
