#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every rank says where it is."""
from mpi4py import MPI

world = MPI.COMM_WORLD
print(f"hello from rank {world.rank} of {world.size} on {MPI.Get_processor_name()}")
