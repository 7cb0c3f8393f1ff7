/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks go around the ring without blocking while each rank computes on the block that it has. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { kBlock = 10000 };

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  double* here = malloc(kBlock * sizeof *here);
  double* next = malloc(kBlock * sizeof *next);
  for (int i = 0; i < kBlock; ++i) here[i] = (double)rank * kBlock + i;
  double sum = 0;
  for (int turn = 0; turn < size; ++turn) {
    MPI_Request requests[2];
    MPI_Irecv(next, kBlock, MPI_DOUBLE, (rank + size - 1) % size, turn, MPI_COMM_WORLD, &requests[0]);
    MPI_Isend(here, kBlock, MPI_DOUBLE, (rank + 1) % size, turn, MPI_COMM_WORLD, &requests[1]);
    for (int i = 0; i < kBlock; ++i) sum += here[i]; /* while the messages move */
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    double* const swap = here;
    here = next;
    next = swap;
  }
  const double n = (double)size * kBlock;
  const int right = sum == n * (n - 1) / 2 && here[0] == (double)rank * kBlock;
  int all = 0;
  MPI_Reduce(&right, &all, 1, MPI_INT, MPI_LAND, 0, MPI_COMM_WORLD);
  if (rank == 0) printf("every rank has seen %d blocks: sum %.0f, %s\n", size, sum, all ? "right" : "WRONG");
  free(here);
  free(next);
  MPI_Finalize();
  return right ? 0 : 1;
}
