#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Heat in a rod: each rank has a part and exchanges its ends with its neighbours (halo). Writes a plot of the temperature at
several times as SVG:  heat1d.py [FILE.svg [STEPS]]"""
import sys

import numpy
from mpi4py import MPI

CELLS, CURVES = 240, 5
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
WIDTH, HEIGHT, MARGIN = 640, 360, 40
world = MPI.COMM_WORLD
rank, size = world.rank, world.size
if CELLS % size:
    sys.exit(f"heat1d: {size} ranks do not divide {CELLS} cells")
n = CELLS // size
left = rank - 1 if rank > 0 else MPI.PROC_NULL
right = rank + 1 if rank + 1 < size else MPI.PROC_NULL
cells = numpy.arange(rank * n, (rank + 1) * n)
u = numpy.zeros(n + 2)
u[1:-1] = (cells >= CELLS // 3) & (cells < CELLS // 2)
curves = []
for step in range(STEPS + 1):
    if step % (STEPS // (CURVES - 1)) == 0:
        whole = numpy.empty(CELLS) if rank == 0 else None
        world.Gather(u[1:-1].copy(), whole)
        curves.append((step, whole))
    world.Sendrecv(u[1:2], left, 0, u[-1:], right, 0)
    world.Sendrecv(u[-2:-1], right, 1, u[:1], left, 1)
    if left == MPI.PROC_NULL:  # the ends are insulated
        u[0] = u[1]
    if right == MPI.PROC_NULL:
        u[-1] = u[-2]
    u[1:-1] += 0.25 * (u[:-2] - 2 * u[1:-1] + u[2:])
heat = world.allreduce(float(u[1:-1].sum()))
wanted = CELLS // 2 - CELLS // 3
if rank == 0:
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{WIDTH - MARGIN}" fill="none" stroke="black"/>',
             f'<text x="{WIDTH // 2}" y="{HEIGHT - 12}">position</text>',
             f'<text x="12" y="{HEIGHT // 2}" transform="rotate(-90 12 {HEIGHT // 2})">temperature</text>']
    for index, (step, whole) in enumerate(curves):
        colour = f"hsl({240 - 60 * index},80%,45%)"
        points = " ".join(f"{MARGIN + i * (WIDTH - 2 * MARGIN) / (CELLS - 1):.1f},{HEIGHT - MARGIN - t * (HEIGHT - 2 * MARGIN):.1f}"
                          for i, t in enumerate(whole))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>')
        parts.append(f'<text x="{WIDTH - 110}" y="{MARGIN + 16 * index}" fill="{colour}">step {step}</text>')
    with open(sys.argv[1] if len(sys.argv) > 1 else "heat1d.svg", "w") as file:
        file.write("\n".join(parts + ["</svg>\n"]))
    print(f"{CELLS} cells, {STEPS} steps on {size} ranks: heat {heat:.9f} of {wanted}")
sys.exit(abs(heat - wanted) > 1e-9)
