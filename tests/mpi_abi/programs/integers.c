/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles as integers and back (MPI 5.0, 20.3.4). */
#include <mpi.h>
#include <stdio.h>

#define CHECK(condition)                                            \
  do {                                                              \
    if (!(condition)) {                                             \
      printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);        \
      MPI_Abort(MPI_COMM_WORLD, 5);                                 \
    }                                                               \
  } while (0)

int main(int argc, char** argv) {
  MPI_Comm copy;
  MPI_Datatype pair;
  int rank, integer;
  CHECK(MPI_Comm_toint(MPI_COMM_WORLD) == 0x101 && MPI_Comm_fromint(0x101) == MPI_COMM_WORLD);
  CHECK(MPI_Type_toint(MPI_INT) == 0x209 && MPI_Type_fromint(MPI_Type_toint(MPI_DOUBLE)) == MPI_DOUBLE);
  CHECK(MPI_Op_fromint(MPI_Op_toint(MPI_SUM)) == MPI_SUM && MPI_Request_fromint(MPI_Request_toint(MPI_REQUEST_NULL)) == MPI_REQUEST_NULL);
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_dup(MPI_COMM_WORLD, &copy);
  MPI_Type_contiguous(2, MPI_INT, &pair);
  integer = MPI_Comm_toint(copy);
  CHECK(integer != MPI_Type_toint(pair) && integer == MPI_Comm_toint(copy));
  CHECK(MPI_Comm_fromint(integer) == copy && MPI_Type_fromint(MPI_Type_toint(pair)) == pair);
  MPI_Type_free(&pair);
  MPI_Comm_free(&copy);
  if (rank == 0) printf("integers: right\n");
  MPI_Finalize();
  return 0;
}
