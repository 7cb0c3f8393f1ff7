/* SPDX-License-Identifier: BSD-3-Clause */
/* The same loops over Tally's own API and over MPI: Tally's, Open MPI and MPICH (messaging.h): wall time of messages and collectives.
 *
 *   mpi_compare KIND SIZES BATCH_US BATCHES
 *
 * KIND: latency, bandwidth, rate, unexpected, posted (two ranks), barrier, bcast, reduce, allreduce, reduce_scatter,
 * scan, gather, scatter, allgather, alltoall, memory.
 * SIZES: bytes, comma-separated (unexpected, posted: depths of the queue). Rank 0 prints a line a size:
 *
 *   LIBRARY KIND SIZE BEST MEDIAN
 *
 * best and median over BATCHES batches of about BATCH_US microseconds each, of the time of one operation in microseconds
 * (latency: half a round trip; bandwidth, rate: a message; unexpected, posted: the receive that matches behind all others
 * and the message for it; memory: SIZE is ignored, the greatest resident memory of a rank in MiB). Batches are short so
 * that the best one is of a time when nothing else took the processors. What arrives is checked outside the timed loops. */
#define _GNU_SOURCE
#include <stdint.h>
#include <time.h>

#include "messaging.h"

enum { kWindow = 64, kMaxBatches = 10000 };

static int rank, size;
static double batch_us;
static int batches;

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void fail(const char* what) {
  fprintf(stderr, "mpi_compare: rank %d: %s\n", rank, what);
  exit(1);
}

static int less(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

typedef struct {
  size_t bytes;
  char* in;
  char* out;
  msg_request requests[2 * kWindow];
} work;

/* One operation of a batch; what it is counted as. */
typedef void (*operation)(work*);

static void latency(work* w) {
  if (rank == 0) {
    msg_send(w->in, w->bytes, 1, 1);
    msg_recv(w->out, w->bytes, 1, 1);
  } else if (rank == 1) {
    msg_recv(w->out, w->bytes, 0, 1);
    msg_send(w->in, w->bytes, 0, 1);
  }
}

/* A window of messages one way, and a word back. */
static void stream(work* w) {
  if (rank == 0) {
    for (int i = 0; i < kWindow; ++i) msg_start_send(w->in, w->bytes, 1, 1, &w->requests[i]);
    msg_wait_all(w->requests, kWindow);
    msg_recv(w->out, 4, 1, 2);
  } else if (rank == 1) {
    for (int i = 0; i < kWindow; ++i) msg_start_recv(w->out, w->bytes, 0, 1, &w->requests[i]);
    msg_wait_all(w->requests, kWindow);
    msg_send(w->in, 4, 0, 2);
  }
}

static void barrier(work* w) {
  (void)w;
  msg_barrier();
}
static void bcast(work* w) { msg_bcast(w->in, w->bytes, 0); }
static void allreduce(work* w) { msg_allreduce(w->in, w->out, w->bytes); }
static void allgather(work* w) { msg_allgather(w->in, w->out, w->bytes); }
static void reduce(work* w) { msg_reduce(w->in, w->out, w->bytes); }
static void gather(work* w) { msg_gather(w->in, w->out, w->bytes); }
static void scatter(work* w) { msg_scatter(w->in, w->out, w->bytes); }
static void scan(work* w) { msg_scan(w->in, w->out, w->bytes); }
static void reduce_scatter(work* w) { msg_reduce_scatter(w->in, w->out, w->bytes); }
static void alltoall(work* w) { msg_alltoall(w->in, w->out, w->bytes); }

/* Runs `count` operations; the ranks agree on when to stop without a message inside the timed loop. */
static double run(operation op, work* w, int count) {
  msg_barrier();
  const double start = now_us();
  for (int i = 0; i < count; ++i) op(w);
  return (now_us() - start) / count;
}

static int calibrate(operation op, work* w) {
  static char* shared;
  if (shared == NULL) shared = msg_memory(64);
  run(op, w, 4);
  double once = 1e30;
  for (int i = 0; i < 3; ++i) {
    const double t = run(op, w, 10);
    if (t < once) once = t;
  }
  double count = batch_us / once;
  int32_t chosen = count < 2 ? 2 : count > 20000 ? 20000 : (int32_t)count;
  memcpy(shared, &chosen, sizeof chosen);
  msg_bcast(shared, sizeof chosen, 0);
  memcpy(&chosen, shared, sizeof chosen);
  return chosen;
}

static void print(const char* kind, size_t bytes, double* times, double divisor) {
  qsort(times, (size_t)batches, sizeof *times, less);
  if (rank != 0) return;
  printf("%s %s %zu %.4f %.4f\n", MSG_NAME, kind, bytes, times[0] / divisor, times[batches / 2] / divisor);
  fflush(stdout);
}

static void measure(const char* kind, operation op, work* w, double divisor) {
  static double times[kMaxBatches];
  const int count = calibrate(op, w);
  for (int b = 0; b < batches; ++b) times[b] = run(op, w, count);
  print(kind, w->bytes, times, divisor);
}

/* --- a receive behind many others ------------------------------------------------------------- */

/* `depth` messages of other tags wait unexpected (or receives of other tags are posted) while messages of tag 1 are
 * exchanged; then all are matched. */
static void deep(const char* kind, int unexpected, int depth, work* w) {
  static double times[kMaxBatches];
  static char* junk;
  if (junk == NULL) junk = msg_memory(64);
  msg_request* held = malloc(sizeof *held * (size_t)(depth + 1));
  w->bytes = 8;
  const int sender = unexpected ? 0 : 1, holder = unexpected ? 1 : 0;
  if (rank == sender && unexpected) {
    for (int i = 0; i < depth; ++i) msg_start_send(junk, 8, holder, 100 + i, &held[i]);
    msg_wait_all(held, depth);
  }
  if (rank == holder && !unexpected) {
    for (int i = 0; i < depth; ++i) msg_start_recv(junk, 8, sender, 100 + i, &held[i]);
  }
  const int count = calibrate(latency, w);
  for (int b = 0; b < batches; ++b) times[b] = run(latency, w, count);
  if (rank == holder && unexpected) {
    for (int i = 0; i < depth; ++i) msg_recv(junk, 8, sender, 100 + i);
  }
  if (!unexpected) {
    msg_barrier();
    if (rank == sender) {
      for (int i = 0; i < depth; ++i) msg_send(junk, 8, holder, 100 + i);
    } else if (rank == holder) {
      msg_wait_all(held, depth);
    }
  }
  free(held);
  print(kind, (size_t)depth, times, 2);
}

/* --- checks ------------------------------------------------------------------------------------ */

static void check_message(work* w) {
  memset(w->in, 'a' + rank, w->bytes);
  memset(w->out, 0, w->bytes);
  latency(w);
  for (size_t i = 0; i < w->bytes; ++i) {
    if (w->out[i] != 'a' + 1 - rank) fail("a message arrived damaged");
  }
}

/* Which ranks' vectors, or blocks, are in the result of this rank. */
static void check_reduction(const char* kind, operation op, work* w, int blocks, int first, int last) {
  float* in = (float*)w->in;
  const size_t count = w->bytes / 4, offset = blocks == 1 ? 0 : count * (size_t)rank;
  for (size_t i = 0; i < count * (size_t)blocks; ++i) in[i] = (float)((i + (size_t)rank) % 1000);
  op(w);
  for (size_t i = 0; i < count && last > first; ++i) {
    float sum = 0;
    for (int r = first; r < last; ++r) sum += (float)((offset + i + (size_t)r) % 1000);
    if (((float*)w->out)[i] != sum) {
      fprintf(stderr, "%s: ", kind);
      fail("a wrong sum");
    }
  }
}

static int is(const char* kind, const char* name) { return strcmp(kind, name) == 0; }

/* Kinds of which a rank has a block for each rank in its input, or in its output. */
static int input_has_all(const char* kind) {
  return is(kind, "alltoall") || is(kind, "scatter") || is(kind, "reduce_scatter") || is(kind, "memory");
}
static int output_has_all(const char* kind) {
  return is(kind, "alltoall") || is(kind, "gather") || is(kind, "allgather") || is(kind, "memory");
}

static void check_collective(const char* kind, operation op, work* w) {
  if (is(kind, "allreduce")) return check_reduction(kind, op, w, 1, 0, size);
  if (is(kind, "reduce")) return check_reduction(kind, op, w, 1, 0, rank == 0 ? size : 0);
  if (is(kind, "scan")) return check_reduction(kind, op, w, 1, 0, rank + 1);
  if (is(kind, "reduce_scatter")) return check_reduction(kind, op, w, size, 0, size);
  const int blocks = input_has_all(kind) ? size : 1;
  for (int b = 0; b < blocks; ++b) memset(w->in + (size_t)b * w->bytes, 1 + rank * size + b, w->bytes);
  op(w);
  if (is(kind, "bcast")) {
    for (size_t i = 0; i < w->bytes; ++i) {
      if (w->in[i] != 1) fail("a bcast has wrong bytes");
    }
    return;
  }
  const int sources = output_has_all(kind) ? size : 1;
  if (is(kind, "gather") && rank != 0) return;
  for (int r = 0; r < sources; ++r) {
    const char want = (char)(1 + r * size + (blocks == 1 ? 0 : rank));
    for (size_t i = 0; i < w->bytes; ++i) {
      if (w->out[(size_t)r * w->bytes + i] != want) fail("blocks have wrong bytes");
    }
  }
}

/* --- memory ------------------------------------------------------------------------------------ */

static double resident_mib(void) {
  FILE* file = fopen("/proc/self/status", "r");
  char line[256];
  double kib = 0;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "VmHWM: %lf", &kib) == 1) break;
  }
  if (file != NULL) fclose(file);
  return kib / 1024;
}

/* Every rank exchanges with every other, then tells its memory. */
static void memory(work* w) {
  for (int i = 0; i < 20; ++i) {
    msg_barrier();
    msg_alltoall(w->in, w->out, w->bytes);
  }
  float* mine = (float*)w->in;
  float* all = (float*)w->out;
  mine[0] = (float)resident_mib();
  msg_allgather(mine, all, sizeof *mine);
  float most = 0;
  for (int r = 0; r < size; ++r) most = all[r] > most ? all[r] : most;
  if (rank == 0) printf("%s memory %zu %.2f %.2f\n", MSG_NAME, w->bytes, most, most);
}

int main(int argc, char** argv) {
  msg_open(&argc, &argv, &rank, &size);
  if (argc != 5) fail("usage: mpi_compare KIND SIZES BATCH_US BATCHES");
  const char* kind = argv[1];
  batch_us = atof(argv[3]);
  batches = atoi(argv[4]);
  if (batch_us <= 0 || batches < 1 || batches > kMaxBatches) fail("BATCH_US and BATCHES are positive numbers");
  size_t most = 64;
  for (char* at = argv[2]; *at != '\0';) {
    const size_t bytes = strtoul(at, &at, 10);
    most = bytes > most ? bytes : most;
    if (*at == ',') ++at;
  }
  static const struct {
    const char* kind;
    operation op;
    double divisor;
  } kinds[] = {{"latency", latency, 2},   {"bandwidth", stream, kWindow}, {"rate", stream, kWindow},
               {"barrier", barrier, 1},   {"bcast", bcast, 1},            {"allreduce", allreduce, 1},
               {"allgather", allgather, 1}, {"alltoall", alltoall, 1},    {"reduce", reduce, 1},
               {"gather", gather, 1},     {"scatter", scatter, 1},        {"scan", scan, 1},
               {"reduce_scatter", reduce_scatter, 1}};
  const int blocks = input_has_all(kind) ? size : 1;
  const int gathered = output_has_all(kind) ? size : 1;
  work w = {.bytes = 0};
  w.in = msg_memory(most * (size_t)blocks);
  w.out = msg_memory(most * (size_t)gathered);
  for (char* at = argv[2]; *at != '\0';) {
    w.bytes = strtoul(at, &at, 10);
    if (*at == ',') ++at;
    if (strcmp(kind, "unexpected") == 0 || strcmp(kind, "posted") == 0) {
      if (size != 2) fail("takes two ranks");
      deep(kind, kind[0] == 'u', (int)w.bytes, &w);
      continue;
    }
    if (strcmp(kind, "memory") == 0) {
      memory(&w);
      continue;
    }
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; ++k) {
      if (strcmp(kind, kinds[k].kind) != 0) continue;
      if (k < 3) {
        if (size != 2) fail("takes two ranks");
        check_message(&w);
      } else if (kinds[k].op != barrier) {
        check_collective(kind, kinds[k].op, &w);
      }
      measure(kind, kinds[k].op, &w, kinds[k].divisor);
    }
  }
  msg_close();
  return 0;
}
