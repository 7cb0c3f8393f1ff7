/* SPDX-License-Identifier: BSD-3-Clause */
/* Every collective once, with what must come out of it. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { kRanks = 64 };
static int rank, size, wrong;

static void expect(const char* what, int right) {
  int all = 0;
  MPI_Allreduce(&right, &all, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
  if (rank == 0) printf("%-24s %s\n", what, all ? "right" : "WRONG");
  wrong |= !all;
}

static int is(const int* got, int n, int first, int step) {
  for (int i = 0; i < n; ++i)
    if (got[i] != first + i * step) return 0;
  return 1;
}

int main(int argc, char** argv) {
  int a[kRanks], b[kRanks], counts[kRanks], places[kRanks], bytes[kRanks];
  MPI_Datatype types[kRanks];
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size > kRanks) {
    fprintf(stderr, "collectives: at most %d ranks\n", kRanks);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const MPI_Comm world = MPI_COMM_WORLD;
  const int last = size - 1, sum = size * (size - 1) / 2, one = 10 * rank;
  for (int r = 0; r < size; ++r) {
    counts[r] = 1;
    places[r] = r;
    bytes[r] = 4 * r;
    types[r] = MPI_INT;
  }
  int x;

  MPI_Barrier(world);
  expect("barrier", 1);
  x = rank == last ? 42 : 0;
  MPI_Bcast(&x, 1, MPI_INT, last, world);
  expect("bcast", x == 42);
  MPI_Gather(&one, 1, MPI_INT, b, 1, MPI_INT, 0, world);
  expect("gather", rank != 0 || is(b, size, 0, 10));
  MPI_Gatherv(&one, 1, MPI_INT, b, counts, places, MPI_INT, last, world);
  expect("gatherv", rank != last || is(b, size, 0, 10));
  for (int r = 0; r < size; ++r) a[r] = 7 * r;
  MPI_Scatter(a, 1, MPI_INT, &x, 1, MPI_INT, last, world);
  expect("scatter", x == 7 * rank);
  MPI_Scatterv(a, counts, places, MPI_INT, &x, 1, MPI_INT, 0, world);
  expect("scatterv", x == 7 * rank);
  MPI_Allgather(&one, 1, MPI_INT, b, 1, MPI_INT, world);
  expect("allgather", is(b, size, 0, 10));
  MPI_Allgatherv(&one, 1, MPI_INT, b, counts, places, MPI_INT, world);
  expect("allgatherv", is(b, size, 0, 10));
  for (int r = 0; r < size; ++r) a[r] = 100 * rank + r;
  MPI_Alltoall(a, 1, MPI_INT, b, 1, MPI_INT, world);
  expect("alltoall", is(b, size, rank, 100));
  MPI_Alltoallv(a, counts, places, MPI_INT, b, counts, places, MPI_INT, world);
  expect("alltoallv", is(b, size, rank, 100));
  MPI_Alltoallw(a, counts, bytes, types, b, counts, bytes, types, world);
  expect("alltoallw", is(b, size, rank, 100));
  MPI_Reduce(&one, &x, 1, MPI_INT, MPI_SUM, 0, world);
  expect("reduce", rank != 0 || x == 10 * sum);
  MPI_Allreduce(&one, &x, 1, MPI_INT, MPI_MAX, world);
  expect("allreduce", x == 10 * last);
  MPI_Reduce_scatter(a, &x, counts, MPI_INT, MPI_SUM, world);
  expect("reduce_scatter", x == 100 * sum + size * rank);
  MPI_Reduce_scatter_block(a, &x, 1, MPI_INT, MPI_SUM, world);
  expect("reduce_scatter_block", x == 100 * sum + size * rank);
  MPI_Scan(&one, &x, 1, MPI_INT, MPI_SUM, world);
  expect("scan", x == 5 * rank * (rank + 1));
  x = -1;
  MPI_Exscan(&one, &x, 1, MPI_INT, MPI_SUM, world);
  expect("exscan", rank == 0 || x == 5 * rank * (rank - 1));

  MPI_Comm ring; /* neighbours: the rank before and the one behind */
  const int periodic = 1;
  MPI_Cart_create(world, 1, &size, &periodic, 0, &ring);
  const int before = (rank + last) % size, behind = (rank + 1) % size;
  MPI_Neighbor_allgather(&rank, 1, MPI_INT, b, 1, MPI_INT, ring);
  expect("neighbor_allgather", b[0] == before && b[1] == behind);
  a[0] = 2 * rank;
  a[1] = 2 * rank + 1;
  MPI_Neighbor_alltoall(a, 1, MPI_INT, b, 1, MPI_INT, ring);
  expect("neighbor_alltoall", b[0] == 2 * before + 1 && b[1] == 2 * behind);
  MPI_Comm_free(&ring);

  MPI_Request requests[3]; /* several under way, waited for in any order */
  int total, gathered[kRanks];
  MPI_Iallreduce(&one, &total, 1, MPI_INT, MPI_SUM, world, &requests[0]);
  MPI_Iallgather(&one, 1, MPI_INT, gathered, 1, MPI_INT, world, &requests[1]);
  MPI_Ibarrier(world, &requests[2]);
  MPI_Waitall(3, requests, MPI_STATUSES_IGNORE);
  expect("non-blocking", total == 10 * sum && is(gathered, size, 0, 10));
  MPI_Finalize();
  return wrong;
}
