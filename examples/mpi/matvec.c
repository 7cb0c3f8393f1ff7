/* SPDX-License-Identifier: BSD-3-Clause */
/* Matrix times vector, rows spread over the ranks: the vector is gathered by all, each rank computes its rows. */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double entry(int i, int j) { return (i * 7 + j * 3) % 11 - 5; }

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int rows = 50, n = rows * size;
  double* matrix = malloc((size_t)rows * (size_t)n * sizeof *matrix);
  double* part = malloc((size_t)rows * sizeof *part);
  double* vector = malloc((size_t)n * sizeof *vector);
  for (int i = 0; i < rows; ++i) {
    part[i] = (rank * rows + i) % 5 - 2;
    for (int j = 0; j < n; ++j) matrix[i * n + j] = entry(rank * rows + i, j);
  }
  for (int turn = 0; turn < 3; ++turn) { /* v = A v, scaled by its largest element */
    MPI_Allgather(part, rows, MPI_DOUBLE, vector, rows, MPI_DOUBLE, MPI_COMM_WORLD);
    double largest = 0;
    for (int i = 0; i < rows; ++i) {
      part[i] = 0;
      for (int j = 0; j < n; ++j) part[i] += matrix[i * n + j] * vector[j];
      largest = fmax(largest, fabs(part[i]));
    }
    MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    for (int i = 0; i < rows; ++i) part[i] /= largest;
  }
  MPI_Gather(part, rows, MPI_DOUBLE, vector, rows, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  int wrong = 0;
  if (rank == 0) { /* the same by one rank */
    double* v = malloc((size_t)n * sizeof *v);
    double* w = malloc((size_t)n * sizeof *w);
    for (int i = 0; i < n; ++i) v[i] = i % 5 - 2;
    for (int turn = 0; turn < 3; ++turn) {
      double largest = 0;
      for (int i = 0; i < n; ++i) {
        w[i] = 0;
        for (int j = 0; j < n; ++j) w[i] += entry(i, j) * v[j];
        largest = fmax(largest, fabs(w[i]));
      }
      for (int i = 0; i < n; ++i) v[i] = w[i] / largest;
    }
    for (int i = 0; i < n; ++i) wrong |= v[i] != vector[i];
    printf("%d x %d matrix on %d ranks: %s\n", n, n, size, wrong ? "WRONG" : "the same bits as by one rank");
    free(v);
    free(w);
  }
  free(matrix);
  free(part);
  free(vector);
  MPI_Finalize();
  return wrong;
}
