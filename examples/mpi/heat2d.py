#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Heat in a plate on a Cartesian grid of ranks: rows and columns of the halo, the columns by a vector datatype. Each rank checks
its part against the whole plate computed by itself."""
import sys

import numpy
from mpi4py import MPI

SIDE, STEPS = 60, 40


def step(u):
    u[1:-1, 1:-1] = u[1:-1, 1:-1] + 0.2 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1])


world = MPI.COMM_WORLD
dims = MPI.Compute_dims(world.size, 2)
if SIDE % dims[0] or SIDE % dims[1]:
    sys.exit(f"heat2d: a grid of {dims[0]} x {dims[1]} ranks does not divide a side of {SIDE} cells")
grid = world.Create_cart(dims, [False, False], reorder=True)
up, down = grid.Shift(0, 1)
left, right = grid.Shift(1, 1)
rows, columns = SIDE // dims[0], SIDE // dims[1]
row0, column0 = grid.coords[0] * rows, grid.coords[1] * columns
whole = numpy.zeros((SIDE + 2, SIDE + 2))
whole[11:31, 21:51] = 100
u = numpy.zeros((rows + 2, columns + 2))
u[1:-1, 1:-1] = whole[row0 + 1:row0 + rows + 1, column0 + 1:column0 + columns + 1]
line = MPI.DOUBLE.Create_vector(rows, 1, columns + 2).Commit()


def part(row, column, datatype, count):
    return [u.ravel()[row * (columns + 2) + column:], count, datatype]


for _ in range(STEPS):
    grid.Sendrecv(part(rows, 1, MPI.DOUBLE, columns), down, 0, part(0, 1, MPI.DOUBLE, columns), up, 0)
    grid.Sendrecv(part(1, 1, MPI.DOUBLE, columns), up, 1, part(rows + 1, 1, MPI.DOUBLE, columns), down, 1)
    grid.Sendrecv(part(1, columns, line, 1), right, 2, part(1, 0, line, 1), left, 2)
    grid.Sendrecv(part(1, 1, line, 1), left, 3, part(1, columns + 1, line, 1), right, 3)
    step(u)
    step(whole)
same = bool((u[1:-1, 1:-1] == whole[row0 + 1:row0 + rows + 1, column0 + 1:column0 + columns + 1]).all())
every = grid.allreduce(same, MPI.LAND)
if grid.rank == 0:
    print(f"{SIDE} x {SIDE} cells, {STEPS} steps on a grid of {dims[0]} x {dims[1]} ranks: "
          f"{'the same bits as by one rank' if every else 'WRONG'}")
line.Free()
grid.Free()
sys.exit(0 if every else 1)
