/* SPDX-License-Identifier: BSD-3-Clause */
/* A manager hands out rows of the Mandelbrot set, workers send them back when they are ready. Writes a picture (PPM):
 * mandelbrot [FILE.ppm] */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { kWidth = 320, kHeight = 240, kMost = 255, kWork = 1, kDone = 2, kStop = 3 };

static void compute(int row, unsigned char* pixels) {
  for (int column = 0; column < kWidth; ++column) {
    const double cx = -2.2 + 3.0 * column / kWidth, cy = -1.125 + 2.25 * row / kHeight;
    double x = 0, y = 0;
    int n = 0;
    while (x * x + y * y < 4 && n < kMost) {
      const double next = x * x - y * y + cx;
      y = 2 * x * y + cy;
      x = next;
      ++n;
    }
    pixels[column] = (unsigned char)n;
  }
}

static void manage(int workers, unsigned char* picture, int* rows_of) {
  unsigned char row_data[kWidth];
  int next = 0, working = 0;
  for (int w = 1; w <= workers; ++w) {
    if (next < kHeight) {
      MPI_Send(&next, 1, MPI_INT, w, kWork, MPI_COMM_WORLD);
      ++next;
      ++working;
    } else {
      MPI_Send(&next, 0, MPI_INT, w, kStop, MPI_COMM_WORLD);
    }
  }
  while (working > 0) {
    int row;
    MPI_Status status;
    MPI_Recv(&row, 1, MPI_INT, MPI_ANY_SOURCE, kDone, MPI_COMM_WORLD, &status);
    MPI_Recv(row_data, kWidth, MPI_UNSIGNED_CHAR, status.MPI_SOURCE, kDone, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < kWidth; ++i) picture[row * kWidth + i] = row_data[i];
    ++rows_of[status.MPI_SOURCE];
    if (next < kHeight) {
      MPI_Send(&next, 1, MPI_INT, status.MPI_SOURCE, kWork, MPI_COMM_WORLD);
      ++next;
    } else {
      MPI_Send(&next, 0, MPI_INT, status.MPI_SOURCE, kStop, MPI_COMM_WORLD);
      --working;
    }
  }
}

static void work(void) {
  unsigned char pixels[kWidth];
  for (;;) {
    int row;
    MPI_Status status;
    MPI_Recv(&row, 1, MPI_INT, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
    if (status.MPI_TAG == kStop) return;
    compute(row, pixels);
    MPI_Send(&row, 1, MPI_INT, 0, kDone, MPI_COMM_WORLD);
    MPI_Send(pixels, kWidth, MPI_UNSIGNED_CHAR, 0, kDone, MPI_COMM_WORLD);
  }
}

int main(int argc, char** argv) {
  int rank, size, wrong = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank > 0) {
    work();
    MPI_Finalize();
    return 0;
  }
  unsigned char* picture = calloc(kHeight, kWidth);
  int* rows_of = calloc((size_t)size, sizeof *rows_of);
  if (size == 1)
    for (int row = 0; row < kHeight; ++row) compute(row, picture + row * kWidth);
  else
    manage(size - 1, picture, rows_of);
  unsigned char check[kWidth];
  long inside = 0;
  for (int row = 0; row < kHeight; ++row) {
    compute(row, check);
    for (int i = 0; i < kWidth; ++i) {
      wrong |= check[i] != picture[row * kWidth + i];
      inside += check[i] == kMost;
    }
  }
  const char* name = argc > 1 ? argv[1] : "mandelbrot.ppm";
  FILE* file = fopen(name, "wb");
  if (file == NULL) {
    fprintf(stderr, "mandelbrot: cannot write %s\n", name);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  fprintf(file, "P6\n%d %d\n255\n", kWidth, kHeight);
  for (int i = 0; i < kWidth * kHeight; ++i) {
    const int n = picture[i];
    const unsigned char colour[3] = {(unsigned char)(n == kMost ? 0 : n * 9 % 256), (unsigned char)(n == kMost ? 0 : n * 5 % 256),
                                     (unsigned char)(n == kMost ? 0 : 128 + n % 128)};
    fwrite(colour, 1, 3, file);
  }
  fclose(file);
  printf("%d x %d points by %d worker%s: %ld in the set, %s\n", kWidth, kHeight, size > 1 ? size - 1 : 1, size > 2 ? "s" : "",
         inside, wrong ? "WRONG" : "right");
  for (int w = 1; w < size; ++w)
    if (rows_of[w] == 0) printf("worker %d had nothing to do\n", w);
  free(picture);
  free(rows_of);
  MPI_Finalize();
  return wrong;
}
