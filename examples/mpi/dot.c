/* SPDX-License-Identifier: BSD-3-Clause */
/* The dot product of two vectors that rank 0 scatters in parts of unequal length. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int n = 10007; /* a prime: no number of ranks divides it */
  int* counts = malloc((size_t)size * sizeof *counts);
  int* places = malloc((size_t)size * sizeof *places);
  for (int r = 0; r < size; ++r) {
    places[r] = n * r / size;
    counts[r] = n * (r + 1) / size - places[r];
  }
  double *a = NULL, *b = NULL;
  if (rank == 0) {
    a = malloc((size_t)n * sizeof *a);
    b = malloc((size_t)n * sizeof *b);
    for (int i = 0; i < n; ++i) {
      a[i] = i % 100;
      b[i] = i % 10 + 1;
    }
  }
  double* part_a = malloc((size_t)counts[rank] * sizeof *part_a);
  double* part_b = malloc((size_t)counts[rank] * sizeof *part_b);
  MPI_Scatterv(a, counts, places, MPI_DOUBLE, part_a, counts[rank], MPI_DOUBLE, 0, MPI_COMM_WORLD);
  MPI_Scatterv(b, counts, places, MPI_DOUBLE, part_b, counts[rank], MPI_DOUBLE, 0, MPI_COMM_WORLD);
  double sum = 0, dot = 0, expected = 0;
  for (int i = 0; i < counts[rank]; ++i) sum += part_a[i] * part_b[i];
  MPI_Allreduce(&sum, &dot, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  for (int i = 0; i < n; ++i) expected += (double)(i % 100) * (i % 10 + 1);
  if (rank == 0) printf("dot product of %d elements on %d ranks: %.0f\n", n, size, dot);
  free(counts);
  free(places);
  free(a);
  free(b);
  free(part_a);
  free(part_b);
  MPI_Finalize();
  return dot != expected; /* whole numbers: exact in any order */
}
