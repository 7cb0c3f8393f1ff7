/* SPDX-License-Identifier: BSD-3-Clause */
/* What the library does not serve says so, by the error handler of the communicator, and changes nothing. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char** argv) {
  MPI_File file = MPI_FILE_NULL;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0, error_class = -1, code, rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  /* Files return errors without being asked to. */
  code = MPI_File_open(MPI_COMM_SELF, "nowhere", MPI_MODE_RDONLY, MPI_INFO_NULL, &file);
  MPI_Error_class(code, &error_class);
  MPI_Error_string(code, text, &length);
  if (error_class != MPI_ERR_UNSUPPORTED_OPERATION || strstr(text, "MPI_File_open") == NULL || file != MPI_FILE_NULL) {
    printf("class %d: %s\n", error_class, text);
    MPI_Abort(MPI_COMM_WORLD, 4);
  }
  if (rank == 0) printf("told: %s\n", text);
  MPI_Finalize();
  return 0;
}
