/* SPDX-License-Identifier: BSD-3-Clause */
/* What the loops of mpi_compare.c need of a message library, in terms of MPI or, with COMPARE_TALLY, of tally.h. All
 * functions are static inline: what is measured is the library. A call that fails ends the program. */
#ifndef TALLY_BENCH_MESSAGING_H
#define TALLY_BENCH_MESSAGING_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef COMPARE_TALLY

#include <tally/tally.h>

#define MSG_NAME "tally"
typedef tally_request* msg_request;

static tally_endpoint* msg_endpoint;

static inline void msg_need(tally_status status) {
  if (status == TALLY_OK) return;
  fprintf(stderr, "%s\n", tally_last_error());
  exit(1);
}
static inline void msg_open(int* argc, char*** argv, int* rank, int* size) {
  (void)argc, (void)argv;
  msg_need(tally_endpoint_open(NULL, &msg_endpoint));
  msg_need(tally_endpoint_rank(msg_endpoint, rank));
  msg_need(tally_endpoint_size(msg_endpoint, size));
}
static inline void msg_close(void) { msg_need(tally_endpoint_close(msg_endpoint)); }
static inline void* msg_memory(size_t bytes) {
  tally_memory* region;
  void* memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  memset(memory, 0, bytes);
  msg_need(tally_memory_register(msg_endpoint, memory, bytes, &region));
  return memory;
}
static inline void msg_send(const void* buffer, size_t bytes, int to, int tag) {
  msg_need(tally_send(msg_endpoint, NULL, buffer, bytes, to, tag));
}
static inline void msg_recv(void* buffer, size_t bytes, int from, int tag) {
  msg_need(tally_recv(msg_endpoint, NULL, buffer, bytes, from, tag, NULL));
}
static inline void msg_start_send(const void* buffer, size_t bytes, int to, int tag, msg_request* request) {
  msg_need(tally_send_start(msg_endpoint, NULL, buffer, bytes, to, tag, request));
}
static inline void msg_start_recv(void* buffer, size_t bytes, int from, int tag, msg_request* request) {
  msg_need(tally_recv_start(msg_endpoint, NULL, buffer, bytes, from, tag, request));
}
static inline void msg_wait_all(msg_request* requests, int count) {
  msg_need(tally_wait_all(requests, (size_t)count));
}
static inline void msg_barrier(void) { msg_need(tally_barrier(msg_endpoint, NULL)); }
static inline void msg_bcast(void* buffer, size_t bytes, int root) {
  msg_need(tally_bcast(msg_endpoint, NULL, buffer, bytes, TALLY_BYTE, root));
}
/* Sum of floats. */
static inline void msg_allreduce(const void* in, void* out, size_t bytes) {
  msg_need(tally_allreduce(msg_endpoint, NULL, in, out, bytes / 4, TALLY_F32, TALLY_SUM));
}
static inline void msg_allgather(const void* in, void* out, size_t bytes) {
  msg_need(tally_allgather(msg_endpoint, NULL, in, out, bytes, TALLY_BYTE));
}
static inline void msg_alltoall(const void* in, void* out, size_t bytes) {
  msg_need(tally_alltoall(msg_endpoint, NULL, in, out, bytes, TALLY_BYTE));
}

static inline void msg_reduce(const void* in, void* out, size_t bytes) {
  msg_need(tally_reduce(msg_endpoint, NULL, in, out, bytes / 4, TALLY_F32, TALLY_SUM, 0));
}
static inline void msg_gather(const void* in, void* out, size_t bytes) {
  msg_need(tally_gather(msg_endpoint, NULL, in, out, bytes, TALLY_BYTE, 0));
}
static inline void msg_scatter(const void* in, void* out, size_t bytes) {
  msg_need(tally_scatter(msg_endpoint, NULL, in, out, bytes, TALLY_BYTE, 0));
}
static inline void msg_scan(const void* in, void* out, size_t bytes) {
  msg_need(tally_scan(msg_endpoint, NULL, in, out, bytes / 4, TALLY_F32, TALLY_SUM));
}
/* Blocks of `bytes` bytes. */
static inline void msg_reduce_scatter(const void* in, void* out, size_t bytes) {
  msg_need(tally_reduce_scatter_block(msg_endpoint, NULL, in, out, bytes / 4, TALLY_F32, TALLY_SUM));
}

#else /* MPI */

#include <mpi.h>

#if defined(TALLY_MPI_H)
#define MSG_NAME "tally_mpi"
#elif defined(OPEN_MPI)
#define MSG_NAME "openmpi"
#else
#define MSG_NAME "mpich"
#endif
typedef MPI_Request msg_request;

/* MPI's default error handler ends the program. */
static inline void msg_open(int* argc, char*** argv, int* rank, int* size) {
  MPI_Init(argc, argv);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, size);
}
static inline void msg_close(void) { MPI_Finalize(); }
static inline void* msg_memory(size_t bytes) {
  void* memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  memset(memory, 0, bytes);
  return memory;
}
static inline void msg_send(const void* buffer, size_t bytes, int to, int tag) {
  MPI_Send(buffer, (int)bytes, MPI_BYTE, to, tag, MPI_COMM_WORLD);
}
static inline void msg_recv(void* buffer, size_t bytes, int from, int tag) {
  MPI_Recv(buffer, (int)bytes, MPI_BYTE, from, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}
static inline void msg_start_send(const void* buffer, size_t bytes, int to, int tag, msg_request* request) {
  MPI_Isend(buffer, (int)bytes, MPI_BYTE, to, tag, MPI_COMM_WORLD, request);
}
static inline void msg_start_recv(void* buffer, size_t bytes, int from, int tag, msg_request* request) {
  MPI_Irecv(buffer, (int)bytes, MPI_BYTE, from, tag, MPI_COMM_WORLD, request);
}
static inline void msg_wait_all(msg_request* requests, int count) {
  MPI_Waitall(count, requests, MPI_STATUSES_IGNORE);
}
static inline void msg_barrier(void) { MPI_Barrier(MPI_COMM_WORLD); }
static inline void msg_bcast(void* buffer, size_t bytes, int root) {
  MPI_Bcast(buffer, (int)bytes, MPI_BYTE, root, MPI_COMM_WORLD);
}
static inline void msg_allreduce(const void* in, void* out, size_t bytes) {
  MPI_Allreduce(in, out, (int)(bytes / 4), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}
static inline void msg_allgather(const void* in, void* out, size_t bytes) {
  MPI_Allgather(in, (int)bytes, MPI_BYTE, out, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}
static inline void msg_alltoall(const void* in, void* out, size_t bytes) {
  MPI_Alltoall(in, (int)bytes, MPI_BYTE, out, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
}
static inline void msg_reduce(const void* in, void* out, size_t bytes) {
  MPI_Reduce(in, out, (int)(bytes / 4), MPI_FLOAT, MPI_SUM, 0, MPI_COMM_WORLD);
}
static inline void msg_gather(const void* in, void* out, size_t bytes) {
  MPI_Gather(in, (int)bytes, MPI_BYTE, out, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
}
static inline void msg_scatter(const void* in, void* out, size_t bytes) {
  MPI_Scatter(in, (int)bytes, MPI_BYTE, out, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
}
static inline void msg_scan(const void* in, void* out, size_t bytes) {
  MPI_Scan(in, out, (int)(bytes / 4), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}
static inline void msg_reduce_scatter(const void* in, void* out, size_t bytes) {
  MPI_Reduce_scatter_block(in, out, (int)(bytes / 4), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

#endif

#endif /* TALLY_BENCH_MESSAGING_H */
