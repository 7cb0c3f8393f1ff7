/* SPDX-License-Identifier: BSD-3-Clause */
/* Monte Carlo: the share of random points that fall into the circle, each rank with a sequence of its own. */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* splitmix64 (Steele, Lea, Flood 2014): the next number of a sequence, in [0, 1). */
static double next(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  long points = argc > 1 ? atol(argv[1]) : 400000;
  MPI_Bcast(&points, 1, MPI_LONG, 0, MPI_COMM_WORLD);
  uint64_t state = (uint64_t)rank << 32;
  long inside = 0, total = 0;
  const long mine = points / size + (rank < points % size);
  for (long i = 0; i < mine; ++i) {
    const double x = next(&state), y = next(&state);
    inside += x * x + y * y < 1;
  }
  MPI_Reduce(&inside, &total, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
  int wrong = 0;
  if (rank == 0) {
    const double pi = 4.0 * (double)total / (double)points;
    const double deviation = sqrt(2.7 / (double)points); /* of one estimate: sqrt(pi (4 - pi) / points) */
    printf("%ld points on %d ranks: pi is %.5f, off by %.5f (deviation %.5f)\n", points, size, pi,
           fabs(pi - 3.14159265358979), deviation);
    wrong = fabs(pi - 3.14159265358979) > 5 * deviation;
  }
  MPI_Finalize();
  return wrong;
}
