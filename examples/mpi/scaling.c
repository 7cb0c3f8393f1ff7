/* SPDX-License-Identifier: BSD-3-Clause */
/* Speed-up and efficiency of a fixed amount of work (a sum of sines and an allreduce a turn) on 1, 2, 4, ... of the ranks, each
 * on a communicator of its own (wall time; with more ranks than cores it says little). */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double run(MPI_Comm comm, int elements, int turns, double* result) {
  int rank, size;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  const int first = (int)((long)elements * rank / size), last = (int)((long)elements * (rank + 1) / size);
  MPI_Barrier(comm);
  const double start = MPI_Wtime();
  double total = 0;
  for (int turn = 0; turn < turns; ++turn) {
    double sum = 0;
    for (int i = first; i < last; ++i) sum += sin(0.001 * i + turn);
    MPI_Allreduce(&sum, &total, 1, MPI_DOUBLE, MPI_SUM, comm);
  }
  double mine = MPI_Wtime() - start, longest = 0;
  MPI_Allreduce(&mine, &longest, 1, MPI_DOUBLE, MPI_MAX, comm);
  *result = total;
  return longest;
}

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int elements = argc > 1 ? atoi(argv[1]) : 200000, turns = 5;
  double alone = 0, reference = 0;
  int wrong = 0;
  if (rank == 0) printf("%6s %12s %10s %11s\n", "ranks", "time (ms)", "speed-up", "efficiency");
  for (int ranks = 1; ranks <= size; ranks = ranks < size && 2 * ranks > size ? size : 2 * ranks) {
    MPI_Comm part;
    MPI_Comm_split(MPI_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &part);
    if (part != MPI_COMM_NULL) {
      double result;
      const double time = run(part, elements, turns, &result);
      if (ranks == 1) {
        alone = time;
        reference = result;
      }
      if (rank == 0) {
        wrong |= fabs(result - reference) > 1e-6;
        printf("%6d %12.3f %10.2f %10.0f%%\n", ranks, time * 1e3, alone / time, 100 * alone / time / ranks);
      }
      MPI_Comm_free(&part);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  MPI_Finalize();
  return wrong;
}
