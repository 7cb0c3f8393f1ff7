// SPDX-License-Identifier: BSD-3-Clause
// A job of three ranks that wait for each other: what `tally run` tells of it is in MPI's terms. With the argument `all` one of
// them waits for several requests, of which the last does not end.
#include <mpi.h>

int main(int argc, char** argv) {
  int rank = 0;
  int size = 0;
  int value = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank == 0) {
    MPI_Recv(&value, 1, MPI_INT, size - 1, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  } else if (rank == 1 && argc > 1) {
    int other = 0;
    MPI_Request requests[3];
    MPI_Irecv(&other, 1, MPI_INT, 1, 3, MPI_COMM_WORLD, &requests[0]);
    MPI_Isend(&rank, 1, MPI_INT, 1, 3, MPI_COMM_WORLD, &requests[1]);
    MPI_Irecv(&value, 1, MPI_INT, MPI_ANY_SOURCE, 5, MPI_COMM_WORLD, &requests[2]);
    MPI_Waitall(3, requests, MPI_STATUSES_IGNORE);
  } else if (rank == 1) {
    MPI_Irecv(&value, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
  } else {
    MPI_Ssend(&value, 1, MPI_INT, 0, 8, MPI_COMM_WORLD);
  }
  MPI_Finalize();
  return 0;
}
