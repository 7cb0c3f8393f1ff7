/* SPDX-License-Identifier: BSD-3-Clause */
/* A ring of one message and a sum, in the C that every MPI program has. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
  int rank = -1, size = 0, token = 0, length = 0;
  long mine, sum = 0;
  char version[MPI_MAX_LIBRARY_VERSION_STRING];
  MPI_Status status;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Sendrecv(&rank, 1, MPI_INT, (rank + 1) % size, 7, &token, 1, MPI_INT, (rank + size - 1) % size, 7, MPI_COMM_WORLD,
               &status);
  if (token != (rank + size - 1) % size || status.MPI_SOURCE != token || status.MPI_TAG != 7) {
    printf("rank %d: got %d from %d with tag %d\n", rank, token, status.MPI_SOURCE, status.MPI_TAG);
    MPI_Abort(MPI_COMM_WORLD, 3);
  }
  mine = rank + 1;
  MPI_Allreduce(&mine, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
  MPI_Get_library_version(version, &length);
  if (rank == 0) printf("sum over %d ranks: %ld by %.5s\n", size, sum, version);
  MPI_Finalize();
  return (int)strlen(version) == length ? 0 : 1;
}
