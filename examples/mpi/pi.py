#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Monte Carlo: the share of random points that fall into the circle, each rank with a sequence of its own."""
import math
import sys

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
points = world.bcast(int(sys.argv[1]) if len(sys.argv) > 1 else 400000)
mine = points // world.size + (world.rank < points % world.size)
random = numpy.random.default_rng([2024, world.rank])
x, y = random.random(mine), random.random(mine)
inside = world.reduce(int((x * x + y * y < 1).sum()))
if world.rank == 0:
    pi, deviation = 4 * inside / points, math.sqrt(2.7 / points)
    print(f"{points} points on {world.size} ranks: pi is {pi:.5f}, off by {abs(pi - math.pi):.5f} (deviation {deviation:.5f})")
    sys.exit(abs(pi - math.pi) > 5 * deviation)
