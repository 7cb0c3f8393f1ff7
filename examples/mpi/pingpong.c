/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages go to and fro between ranks 0 and 1; the half round trip and the bandwidth of each size (wall time). */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size < 2) {
    fprintf(stderr, "pingpong: needs 2 ranks\n");
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const int largest = 1 << 20;
  const int turns = argc > 1 ? atoi(argv[1]) : 20;
  if (turns < 1) {
    fprintf(stderr, "pingpong: TURNS is %s, it must be a number above 0\n", argv[1]);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  char* data = malloc((size_t)largest);
  memset(data, 0, (size_t)largest);
  if (rank == 0) printf("%10s %16s %10s\n", "bytes", "half trip (us)", "MB/s");
  for (int bytes = 8; bytes <= largest && rank < 2; bytes *= 8) {
    const int peer = 1 - rank;
    double start = 0;
    for (int turn = -1; turn < turns; ++turn) {
      if (turn == 0) start = MPI_Wtime();
      if (rank == 0) {
        data[bytes - 1] = (char)turn;
        MPI_Send(data, bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD);
        MPI_Recv(data, bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (data[bytes - 1] != (char)(turn + 1)) {
          fprintf(stderr, "pingpong: wrong data came back\n");
          MPI_Abort(MPI_COMM_WORLD, 2);
        }
      } else {
        MPI_Recv(data, bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        ++data[bytes - 1];
        MPI_Send(data, bytes, MPI_CHAR, peer, 0, MPI_COMM_WORLD);
      }
    }
    const double half = (MPI_Wtime() - start) / turns / 2;
    if (rank == 0) printf("%10d %16.2f %10.1f\n", bytes, half * 1e6, bytes / half / 1e6);
  }
  free(data);
  MPI_Finalize();
  return 0;
}
