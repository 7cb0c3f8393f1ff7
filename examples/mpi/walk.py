#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Statistics of random walks: each rank walks by itself; mean and variance are combined by a Python function as operation
(Chan, Golub and LeVeque, 1979), the extremes with the rank that found them by MINLOC and MAXLOC."""
import math
import sys

import numpy
from mpi4py import MPI

WALKS, STEPS = 2000, 100


def combine(a, b):
    n, delta = a[0] + b[0], b[1] - a[1]
    return n, a[1] + delta * b[0] / n, a[2] + b[2] + delta * delta * a[0] * b[0] / n


world = MPI.COMM_WORLD
ends = numpy.random.default_rng([7, world.rank]).choice([-1, 1], (WALKS, STEPS)).sum(1)
count, mean, squares = world.allreduce((WALKS, float(ends.mean()), float(((ends - ends.mean()) ** 2).sum())), combine)
lowest = world.reduce((int(ends.min()), world.rank), MPI.MINLOC)
highest = world.reduce((int(ends.max()), world.rank), MPI.MAXLOC)
variance = squares / count
# The end of a walk has mean 0 and variance STEPS; six deviations of each estimate.
wrong = (count != WALKS * world.size or abs(mean) > 6 * math.sqrt(STEPS / count)
         or abs(variance - STEPS) > 6 * STEPS * math.sqrt(2 / count))
if world.rank == 0:
    print(f"{count} walks of {STEPS} steps on {world.size} ranks: mean {mean:.3f}, variance {variance:.2f}, from {lowest[0]} "
          f"(rank {lowest[1]}) to {highest[0]} (rank {highest[1]}){': WRONG' if wrong else ''}")
sys.exit(wrong)
