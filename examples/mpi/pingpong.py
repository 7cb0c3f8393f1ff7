#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages go to and fro between ranks 0 and 1: buffers, then pickled objects (wall time)."""
import sys

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
if world.size < 2:
    sys.exit("pingpong: needs 2 ranks")
turns = int(sys.argv[1]) if len(sys.argv) > 1 else 10
if world.rank == 0:
    print(f"{'bytes':>10} {'buffer (us)':>14} {'pickled (us)':>14}")
bytes_ = 8
while bytes_ <= 1 << 18 and world.rank < 2:
    peer = 1 - world.rank
    data = numpy.zeros(bytes_, dtype="b")
    halves = []
    for pickled in (False, True):
        start = MPI.Wtime()
        for turn in range(turns):
            if world.rank == 0:
                if pickled:
                    world.send((turn, data), peer)
                    back, _ = world.recv(source=peer)
                    assert back == turn + 1
                else:
                    data[-1] = turn % 100
                    world.Send(data, peer)
                    world.Recv(data, peer)
                    assert data[-1] == turn % 100 + 1
            elif pickled:
                count, thing = world.recv(source=peer)
                world.send((count + 1, thing), peer)
            else:
                world.Recv(data, peer)
                data[-1] += 1
                world.Send(data, peer)
        halves.append((MPI.Wtime() - start) / turns / 2 * 1e6)
    if world.rank == 0:
        print(f"{bytes_:>10} {halves[0]:>14.2f} {halves[1]:>14.2f}")
    bytes_ *= 8
