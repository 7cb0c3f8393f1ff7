/* SPDX-License-Identifier: BSD-3-Clause */
/* Heat in a plate on a Cartesian grid of ranks: rows and columns of the halo, the columns by a vector datatype. Each rank checks its
 * part against the whole plate computed by itself. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kSide = 60, kSteps = 40 };

static double start(int row, int column) { return row >= 10 && row < 30 && column >= 20 && column < 50 ? 100 : 0; }

/* One step of the cells [1, rows] x [1, columns] of arrays with a border of 1. */
static void step(const double* from, double* to, int rows, int columns) {
  const int pitch = columns + 2;
  for (int r = 1; r <= rows; ++r) {
    for (int c = 1; c <= columns; ++c) {
      const double* const u = from + r * pitch + c;
      to[r * pitch + c] = *u + 0.2 * (u[-pitch] + u[pitch] + u[-1] + u[1] - 4 * *u);
    }
  }
}

int main(int argc, char** argv) {
  int size, rank, dims[2] = {0, 0}, periods[2] = {0, 0}, at[2], up, down, left, right;
  MPI_Init(&argc, &argv);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Dims_create(size, 2, dims);
  if (kSide % dims[0] != 0 || kSide % dims[1] != 0) {
    fprintf(stderr, "heat2d: a grid of %d x %d ranks does not divide a side of %d cells\n", dims[0], dims[1], kSide);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Comm grid;
  MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 1, &grid);
  MPI_Comm_rank(grid, &rank);
  MPI_Cart_coords(grid, rank, 2, at);
  MPI_Cart_shift(grid, 0, 1, &up, &down);
  MPI_Cart_shift(grid, 1, 1, &left, &right);
  const int rows = kSide / dims[0], columns = kSide / dims[1], pitch = columns + 2;
  const int row0 = at[0] * rows, column0 = at[1] * columns;
  MPI_Datatype column;
  MPI_Type_vector(rows, 1, pitch, MPI_DOUBLE, &column);
  MPI_Type_commit(&column);

  double* u = calloc((size_t)(rows + 2) * (size_t)pitch, sizeof *u);
  double* v = calloc((size_t)(rows + 2) * (size_t)pitch, sizeof *v);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) u[(r + 1) * pitch + c + 1] = start(row0 + r, column0 + c);
  for (int s = 0; s < kSteps; ++s) {
    MPI_Request q[8];
    MPI_Irecv(u + 1, columns, MPI_DOUBLE, up, 0, grid, &q[0]);
    MPI_Irecv(u + (rows + 1) * pitch + 1, columns, MPI_DOUBLE, down, 1, grid, &q[1]);
    MPI_Irecv(u + pitch, 1, column, left, 2, grid, &q[2]);
    MPI_Irecv(u + pitch + columns + 1, 1, column, right, 3, grid, &q[3]);
    MPI_Isend(u + rows * pitch + 1, columns, MPI_DOUBLE, down, 0, grid, &q[4]);
    MPI_Isend(u + pitch + 1, columns, MPI_DOUBLE, up, 1, grid, &q[5]);
    MPI_Isend(u + pitch + columns, 1, column, right, 2, grid, &q[6]);
    MPI_Isend(u + pitch + 1, 1, column, left, 3, grid, &q[7]);
    MPI_Waitall(8, q, MPI_STATUSES_IGNORE);
    step(u, v, rows, columns);
    double* const swap = u;
    u = v;
    v = swap;
  }

  double* whole = calloc((size_t)(kSide + 2) * (kSide + 2), sizeof *whole);
  double* other = calloc((size_t)(kSide + 2) * (kSide + 2), sizeof *other);
  for (int r = 0; r < kSide; ++r)
    for (int c = 0; c < kSide; ++c) whole[(r + 1) * (kSide + 2) + c + 1] = start(r, c);
  for (int s = 0; s < kSteps; ++s) {
    step(whole, other, kSide, kSide);
    double* const swap = whole;
    whole = other;
    other = swap;
  }
  int wrong = 0, any = 0;
  for (int r = 1; r <= rows; ++r)
    wrong |= memcmp(u + r * pitch + 1, whole + (row0 + r) * (kSide + 2) + column0 + 1, (size_t)columns * sizeof *u) != 0;
  MPI_Allreduce(&wrong, &any, 1, MPI_INT, MPI_LOR, grid);
  if (rank == 0)
    printf("%d x %d cells, %d steps on a grid of %d x %d ranks: %s\n", kSide, kSide, kSteps, dims[0], dims[1],
           any ? "WRONG" : "the same bits as by one rank");
  free(u);
  free(v);
  free(whole);
  free(other);
  MPI_Type_free(&column);
  MPI_Comm_free(&grid);
  MPI_Finalize();
  return any;
}
