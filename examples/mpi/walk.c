/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of random walks: each rank walks by itself; mean and variance are combined by an operation of the program's own
 * (Chan, Golub and LeVeque, 1979), the extremes with the rank that found them by MINLOC and MAXLOC. */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>

enum { kWalks = 2000, kSteps = 100 };

struct Moments {
  double count, mean, squares; /* squares: sum of squared differences from the mean */
};

static void combine(void* in, void* inout, int* length, MPI_Datatype* type) {
  const struct Moments* a = in;
  struct Moments* b = inout;
  (void)type;
  for (int i = 0; i < *length; ++i) {
    const double n = a[i].count + b[i].count, delta = b[i].mean - a[i].mean;
    const double mean = a[i].mean + delta * b[i].count / n;
    b[i].squares += a[i].squares + delta * delta * a[i].count * b[i].count / n;
    b[i].mean = mean;
    b[i].count = n;
  }
}

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Datatype type;
  MPI_Op op;
  MPI_Type_contiguous(3, MPI_DOUBLE, &type);
  MPI_Type_commit(&type);
  MPI_Op_create(combine, 1, &op);

  struct Moments mine = {0, 0, 0}, all = {0, 0, 0};
  struct { int value, rank; } least = {0, rank}, most = {0, rank}, lowest, highest;
  uint64_t state = 88172645463325252u + (uint64_t)rank * 0x9e3779b97f4a7c15u;
  for (int w = 0; w < kWalks; ++w) {
    int place = 0;
    for (int s = 0; s < kSteps; ++s) { /* xorshift64 (Marsaglia, 2003) */
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      place += (state >> 40) & 1 ? 1 : -1;
    }
    if (place < least.value) least.value = place;
    if (place > most.value) most.value = place;
    const double delta = place - mine.mean;
    mine.count += 1;
    mine.mean += delta / mine.count;
    mine.squares += delta * (place - mine.mean);
  }
  MPI_Allreduce(&mine, &all, 1, type, op, MPI_COMM_WORLD);
  MPI_Reduce(&least, &lowest, 1, MPI_2INT, MPI_MINLOC, 0, MPI_COMM_WORLD);
  MPI_Reduce(&most, &highest, 1, MPI_2INT, MPI_MAXLOC, 0, MPI_COMM_WORLD);
  const double variance = all.squares / all.count;
  const double n = (double)kWalks * size;
  /* The end of a walk has mean 0 and variance kSteps; six deviations of each estimate. */
  const int wrong = all.count != n || fabs(all.mean) > 6 * sqrt(kSteps / n) || fabs(variance - kSteps) > 6 * kSteps * sqrt(2 / n);
  if (rank == 0) {
    printf("%.0f walks of %d steps on %d ranks: mean %.3f, variance %.2f, from %d (rank %d) to %d (rank %d)%s\n", all.count, kSteps,
           size, all.mean, variance, lowest.value, lowest.rank, highest.value, highest.rank, wrong ? ": WRONG" : "");
  }
  MPI_Op_free(&op);
  MPI_Type_free(&type);
  MPI_Finalize();
  return wrong;
}
