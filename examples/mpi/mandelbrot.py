#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A manager hands out rows of the Mandelbrot set, workers send them back when they are ready. Writes a picture (PNG):
mandelbrot.py [FILE.png]"""
import struct
import sys
import zlib

import numpy
from mpi4py import MPI

WIDTH, HEIGHT, MOST = 320, 240, 255
WORK, DONE, STOP = 1, 2, 3


def compute(row):
    c = -2.2 + 3.0 * numpy.arange(WIDTH) / WIDTH + 1j * (-1.125 + 2.25 * row / HEIGHT)
    z = numpy.zeros(WIDTH, dtype=complex)
    n = numpy.zeros(WIDTH, dtype=numpy.uint8)
    for _ in range(MOST):
        alive = z.real**2 + z.imag**2 < 4
        if not alive.any():
            break
        z[alive] = z[alive] ** 2 + c[alive]
        n[alive] += 1
    return n


def manage(world):
    picture = numpy.zeros((HEIGHT, WIDTH), dtype=numpy.uint8)
    status = MPI.Status()
    following, working = 0, 0
    for worker in range(1, world.size):
        world.send(following, worker, WORK if following < HEIGHT else STOP)
        working += following < HEIGHT
        following += 1
    while working:
        row, data = world.recv(source=MPI.ANY_SOURCE, tag=DONE, status=status)
        picture[row] = data
        world.send(following, status.source, WORK if following < HEIGHT else STOP)
        working -= following >= HEIGHT
        following += 1
    return picture


def work(world):
    status = MPI.Status()
    while True:
        row = world.recv(source=0, status=status)
        if status.tag == STOP:
            return
        world.send((row, compute(row)), 0, DONE)


def png(picture):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    n = picture.astype(int)[..., None]
    colours = numpy.where(n == MOST, 0, numpy.concatenate([n * 9 % 256, n * 5 % 256, 128 + n % 128], axis=2)).astype(numpy.uint8)
    lines = b"".join(b"\0" + line.tobytes() for line in colours)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


world = MPI.COMM_WORLD
if world.rank > 0:
    work(world)
    sys.exit(0)
alone = numpy.array([compute(row) for row in range(HEIGHT)])
picture = manage(world) if world.size > 1 else alone
with open(sys.argv[1] if len(sys.argv) > 1 else "mandelbrot.png", "wb") as file:
    file.write(png(picture))
right = bool((picture == alone).all())
print(f"{WIDTH} x {HEIGHT} points by {max(1, world.size - 1)} worker(s): {int((picture == MOST).sum())} in the set, "
      f"{'right' if right else 'WRONG'}")
sys.exit(0 if right else 1)
