# SPDX-License-Identifier: BSD-3-Clause
# mpi4py as the distribution built it, for Open MPI's library.
from mpi4py import MPI

comm = MPI.COMM_WORLD
total = comm.allreduce(comm.rank)
everyone = comm.allgather({"rank": comm.rank, "name": "r" * comm.rank})
right = [one["rank"] for one in everyone] == list(range(comm.size))
received = comm.sendrecv(("token", comm.rank), dest=(comm.rank + 1) % comm.size, source=(comm.rank - 1) % comm.size)
right = right and received == ("token", (comm.rank - 1) % comm.size)
everywhere = comm.allreduce(right, op=MPI.LAND)
if comm.rank == 0:
    print(f"mpi4py: {comm.size} ranks by {MPI.Get_library_version()[:5]}, sum {total}, "
          f"objects {'right' if everywhere else 'wrong'}")
