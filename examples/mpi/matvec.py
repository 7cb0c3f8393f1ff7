#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Matrix times vector, rows spread over the ranks: the vector is gathered by all, each rank computes its rows."""
import sys

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
ROWS = 50
n = ROWS * world.size
whole = numpy.fromfunction(lambda i, j: (i * 7 + j * 3) % 11 - 5.0, (n, n))
mine = whole[world.rank * ROWS:(world.rank + 1) * ROWS]
part = numpy.arange(world.rank * ROWS, (world.rank + 1) * ROWS) % 5 - 2.0
vector = numpy.empty(n)
for _ in range(3):  # whole numbers: exact in any order
    world.Allgather(part, vector)
    part = mine @ vector
world.Allgather(part, vector)
wanted = numpy.linalg.matrix_power(whole, 3) @ (numpy.arange(n) % 5 - 2.0)
right = bool((vector == wanted).all())
if world.rank == 0:
    print(f"{n} x {n} matrix on {world.size} ranks: {'right' if right else 'WRONG'}")
sys.exit(0 if right else 1)
