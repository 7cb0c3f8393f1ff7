#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The integral of 4 / (1 + x^2) from 0 to 1 by the trapezoid rule: each rank takes a part of the interval."""
import math
import sys

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
steps = world.bcast(int(sys.argv[1]) if len(sys.argv) > 1 else 100000)
x = numpy.arange(steps * world.rank // world.size, steps * (world.rank + 1) // world.size + 1) / steps
y = 4 / (1 + x * x)
integral = world.allreduce(float((y[:-1] + y[1:]).sum() / 2 / steps))
error = abs(integral - math.pi)
if world.rank == 0:
    print(f"{steps} trapezoids on {world.size} ranks: {integral:.12f}, off by {error:.1e}")
sys.exit(error > 1 / steps**2 + 1e-12)
