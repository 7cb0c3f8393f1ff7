#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The dot product of two vectors that rank 0 scatters in parts of unequal length."""
import sys

import numpy
from mpi4py import MPI

N = 10007  # a prime: no number of ranks divides it
world = MPI.COMM_WORLD
places = [N * r // world.size for r in range(world.size)]
counts = [N * (r + 1) // world.size - places[r] for r in range(world.size)]
vectors = (numpy.arange(N) % 100 * 1.0, numpy.arange(N) % 10 + 1.0)
parts = []
for vector in vectors:
    part = numpy.empty(counts[world.rank])
    world.Scatterv([vector, counts, places, MPI.DOUBLE] if world.rank == 0 else None, part)
    parts.append(part)
dot = world.allreduce(float(parts[0] @ parts[1]))
if world.rank == 0:
    print(f"dot product of {N} elements on {world.size} ranks: {dot:.0f}")
sys.exit(dot != float(vectors[0] @ vectors[1]))  # whole numbers: exact in any order
