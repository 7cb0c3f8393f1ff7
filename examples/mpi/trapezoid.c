/* SPDX-License-Identifier: BSD-3-Clause */
/* The integral of 4 / (1 + x^2) from 0 to 1 by the trapezoid rule: each rank takes a part of the interval. */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double f(double x) { return 4 / (1 + x * x); }

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  long steps = argc > 1 ? atol(argv[1]) : 100000;
  MPI_Bcast(&steps, 1, MPI_LONG, 0, MPI_COMM_WORLD);
  const double h = 1.0 / (double)steps;
  const long first = steps * rank / size, last = steps * (rank + 1) / size;
  double sum = 0, integral = 0;
  for (long i = first; i < last; ++i) sum += h * (f((double)i * h) + f((double)(i + 1) * h)) / 2;
  MPI_Allreduce(&sum, &integral, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  const double error = fabs(integral - 3.14159265358979323846);
  if (rank == 0) printf("%ld trapezoids on %d ranks: %.12f, off by %.1e\n", steps, size, integral, error);
  MPI_Finalize();
  return error > 1.0 / ((double)steps * (double)steps) + 1e-12;
}
