/* SPDX-License-Identifier: BSD-3-Clause */
/* Heat in a rod: each rank has a part and exchanges its ends with its neighbours (halo). Writes a plot of the temperature at
 * several times as SVG:  heat1d [FILE.svg [STEPS]] */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { kCells = 240, kCurves = 5, kWidth = 640, kHeight = 360, kMargin = 40 };

static void curve(FILE* svg, const double* u, int index, int step) {
  fprintf(svg, "<polyline fill=\"none\" stroke=\"hsl(%d,80%%,45%%)\" stroke-width=\"2\" points=\"", 240 - 60 * index);
  for (int i = 0; i < kCells; ++i) {
    fprintf(svg, "%.1f,%.1f ", kMargin + (double)i * (kWidth - 2 * kMargin) / (kCells - 1),
            kHeight - kMargin - u[i] * (kHeight - 2 * kMargin));
  }
  fprintf(svg, "\"/>\n<text x=\"%d\" y=\"%d\" fill=\"hsl(%d,80%%,45%%)\" font-size=\"12\">step %d</text>\n", kWidth - 110,
          kMargin + 16 * index, 240 - 60 * index, step);
}

int main(int argc, char** argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (kCells % size != 0) {
    if (rank == 0) fprintf(stderr, "heat1d: %d ranks do not divide %d cells\n", size, kCells);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const int n = kCells / size;
  const int steps = argc > 2 ? atoi(argv[2]) : 1000;
  if (steps < kCurves || steps % (kCurves - 1) != 0) {
    if (rank == 0) fprintf(stderr, "heat1d: STEPS is %s, it must be a multiple of %d above %d\n", argv[2], kCurves - 1, kCurves);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const int left = rank > 0 ? rank - 1 : MPI_PROC_NULL;
  const int right = rank + 1 < size ? rank + 1 : MPI_PROC_NULL;
  double* u = calloc((size_t)n + 2, sizeof *u);
  double* v = calloc((size_t)n + 2, sizeof *v);
  double whole[kCells];
  for (int i = 1; i <= n; ++i) {
    const int cell = rank * n + i - 1;
    u[i] = cell >= kCells / 3 && cell < kCells / 2 ? 1 : 0;
  }
  FILE* svg = NULL;
  if (rank == 0) {
    const char* name = argc > 1 ? argv[1] : "heat1d.svg";
    svg = fopen(name, "w");
    if (svg == NULL) {
      fprintf(stderr, "heat1d: cannot write %s\n", name);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    fprintf(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\">\n", kWidth, kHeight);
    fprintf(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n");
    fprintf(svg, "<path d=\"M%d %dV%dH%d\" fill=\"none\" stroke=\"black\"/>\n", kMargin, kMargin, kHeight - kMargin, kWidth - kMargin);
    fprintf(svg, "<text x=\"%d\" y=\"%d\" font-size=\"12\">position</text>\n", kWidth / 2, kHeight - 12);
    fprintf(svg, "<text x=\"12\" y=\"%d\" font-size=\"12\" transform=\"rotate(-90 12 %d)\">temperature</text>\n", kHeight / 2, kHeight / 2);
  }
  for (int step = 0; step <= steps; ++step) {
    if (step % (steps / (kCurves - 1)) == 0) {
      MPI_Gather(u + 1, n, MPI_DOUBLE, whole, n, MPI_DOUBLE, 0, MPI_COMM_WORLD);
      if (rank == 0) curve(svg, whole, step / (steps / (kCurves - 1)), step);
    }
    MPI_Sendrecv(u + 1, 1, MPI_DOUBLE, left, 0, u + n + 1, 1, MPI_DOUBLE, right, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Sendrecv(u + n, 1, MPI_DOUBLE, right, 1, u, 1, MPI_DOUBLE, left, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (left == MPI_PROC_NULL) u[0] = u[1]; /* the ends are insulated */
    if (right == MPI_PROC_NULL) u[n + 1] = u[n];
    for (int i = 1; i <= n; ++i) v[i] = u[i] + 0.25 * (u[i - 1] - 2 * u[i] + u[i + 1]);
    double* const swap = u;
    u = v;
    v = swap;
  }
  double mine = 0, heat = 0;
  for (int i = 1; i <= n; ++i) mine += u[i];
  MPI_Allreduce(&mine, &heat, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  const double expected = kCells / 2 - kCells / 3;
  if (rank == 0) {
    fprintf(svg, "</svg>\n");
    fclose(svg);
    printf("%d cells, %d steps on %d ranks: heat %.9f of %.0f\n", kCells, steps, size, heat, expected);
  }
  free(u);
  free(v);
  MPI_Finalize();
  return fabs(heat - expected) > 1e-9;
}
