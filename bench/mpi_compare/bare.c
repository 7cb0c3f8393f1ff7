/* SPDX-License-Identifier: BSD-3-Clause */
/* What two processes need to hand one cache line to and fro, with nothing around it: the floor of a message's latency.
 *
 *   bare BATCH_US BATCHES
 *
 * Prints "bare latency 0 BEST MEDIAN": half a round trip in microseconds, as mpi_compare does. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int less(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

/* Two lines, one a direction, as messages have them. */
struct lines {
  _Alignas(128) _Atomic uint64_t ping;
  _Alignas(128) _Atomic uint64_t pong;
  _Alignas(128) _Atomic uint64_t done;
};

static void await(_Atomic uint64_t* line, uint64_t value) {
  while (atomic_load_explicit(line, memory_order_acquire) != value) {
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const double batch_us = atof(argv[1]);
  const int batches = atoi(argv[2]);
  if (batch_us <= 0 || batches < 1) return 1;
  struct lines* lines = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  double* times = malloc(sizeof *times * (size_t)batches);
  const uint64_t count = (uint64_t)(batch_us / 0.2) + 10;
  const uint64_t all = count * (uint64_t)batches;
  const pid_t child = fork();
  if (child == 0) {
    for (uint64_t i = 1; i <= all; ++i) {
      await(&lines->ping, i);
      atomic_store_explicit(&lines->pong, i, memory_order_release);
    }
    _exit(0);
  }
  uint64_t i = 0;
  for (int b = 0; b < batches; ++b) {
    const double start = now_us();
    for (uint64_t n = 0; n < count; ++n) {
      ++i;
      atomic_store_explicit(&lines->ping, i, memory_order_release);
      await(&lines->pong, i);
    }
    times[b] = (now_us() - start) / (double)count / 2;
  }
  waitpid(child, NULL, 0);
  qsort(times, (size_t)batches, sizeof *times, less);
  printf("bare latency 0 %.4f %.4f\n", times[0], times[batches / 2]);
  return 0;
}
