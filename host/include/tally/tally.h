/* SPDX-License-Identifier: BSD-3-Clause */
/* Tally's C ABI: tagged messages and collectives that run on an offload engine.
 *
 * Conventions
 *   Each call returns a tally_status; outputs come last and are written on success only.
 *   tally_last_error() gives this thread's last failure as a sentence that names the argument.
 *   Threads: an endpoint and what was made from it belong to one thread at a time, unless it was opened for
 *   TALLY_THREAD_MULTIPLE. Endpoints of a process are independent. docs/api.md tells more.
 *   Sizes and lengths are in bytes, counts in elements.
 */
#ifndef TALLY_TALLY_H
#define TALLY_TALLY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TALLY_API __attribute__((visibility("default")))
#else
#define TALLY_API
#endif

typedef enum tally_status {
  TALLY_OK = 0,
  TALLY_AGAIN = 1,            /* not now: a queue is full, or the request is not complete */
  TALLY_ERR_ARGUMENT = 2,     /* an argument is out of range or NULL */
  TALLY_ERR_NOT_REGISTERED = 3, /* a buffer is not within memory registered on this endpoint; a remote key was released */
  TALLY_ERR_TRUNCATED = 4,    /* a message was longer than its receive; the buffer holds its start */
  TALLY_ERR_UNSUPPORTED = 5,  /* no engine here does this */
  TALLY_ERR_MISMATCH = 6,     /* ranks disagree about a collective */
  TALLY_ERR_ABORTED = 7,      /* another rank gave the collective up; the group is broken */
  TALLY_ERR_PROTECTION = 8,   /* a device refused a buffer; a remote key does not give the right */
  TALLY_ERR_NO_MEMORY = 9,
  TALLY_ERR_JOB = 10,         /* the job's segment or its fabric is missing, gone or of another version */
  TALLY_ERR_BUSY = 11,        /* object still in use */
  TALLY_ERR_TIMEOUT = 12,     /* no progress for TALLY_TIMEOUT seconds; the text tells what it waits for */
  TALLY_ERR_INTERNAL = 13,
  TALLY_ERR_CANCELLED = 14,   /* the receive was cancelled: nothing was received */
  TALLY_ERR_PEER = 15         /* a rank's device does not answer: retry or receiver-not-ready limit exceeded */
} tally_status;

/* Element types of collectives; values are those of the device. Which operation reduces which type: docs/reductions.md. */
typedef enum tally_dtype {
  TALLY_BYTE = 1,
  TALLY_I8 = 2,
  TALLY_I16 = 3,
  TALLY_I32 = 4,
  TALLY_I64 = 5,
  TALLY_U8 = 6,
  TALLY_U16 = 7,
  TALLY_U32 = 8,
  TALLY_U64 = 9,
  TALLY_F16 = 10,     /* IEEE 754 binary16 */
  TALLY_BF16 = 11,    /* bfloat16 */
  TALLY_F32 = 12,
  TALLY_F64 = 13,
  TALLY_C64 = 14,     /* complex: two f32 */
  TALLY_C128 = 15,    /* complex: two f64 */
  TALLY_F32_I32 = 16, /* value and index, 8 bytes: struct { float; int32_t; } */
  TALLY_F64_I32 = 17, /* 16 bytes: struct { double; int32_t; } and 4 bytes of padding */
  TALLY_I64_I32 = 18, /* 16 bytes: struct { int64_t; int32_t; } and 4 bytes of padding */
  TALLY_I32_I32 = 19, /* 8 bytes: struct { int32_t; int32_t; } */
  TALLY_I16_I32 = 20, /* 8 bytes: struct { int16_t; int32_t; } with 2 bytes of padding between */
  TALLY_DTYPE_OWN = 256,      /* the first of tally_dtype_create */
  TALLY_DTYPE_LAST = 0x7fffffff
} tally_dtype;

typedef enum tally_op {
  TALLY_OP_NONE = 0,
  TALLY_SUM = 1,
  TALLY_PROD = 2,
  TALLY_MIN = 3,
  TALLY_MAX = 4,
  TALLY_LAND = 5,
  TALLY_LOR = 6,
  TALLY_LXOR = 7,
  TALLY_BAND = 8,
  TALLY_BOR = 9,
  TALLY_BXOR = 10,
  TALLY_MINLOC = 11,
  TALLY_MAXLOC = 12,
  TALLY_OP_OWN = 256,         /* the first of tally_op_create */
  TALLY_OP_LAST = 0x7fffffff
} tally_op;

#define TALLY_ANY_SOURCE (-1)
#define TALLY_ANY_TAG (-1)
#define TALLY_MAX_TAG 0x7fffffff

typedef struct tally_endpoint tally_endpoint; /* a process's place in the job */
typedef struct tally_memory tally_memory;     /* a registered region */
typedef struct tally_group tally_group;       /* an ordered set of job ranks with a context of its own */
typedef struct tally_message tally_message;   /* a message claimed by mprobe, until mrecv takes it */
typedef struct tally_request tally_request;   /* an operation under way; freed by wait, or by test when complete */

/* What a completed operation reports. Set .size = sizeof(tally_result) before the call. */
typedef struct tally_result {
  uint32_t size;
  int32_t source;     /* recv: sender's rank in the receive's group */
  int32_t tag;        /* recv: tag of the message */
  uint32_t reserved;
  uint64_t length;    /* recv: bytes of the message (also when truncated); send: bytes sent; collective: bytes of the
                         vector, or of all blocks that this rank sees */
  uint64_t device_ns; /* time the operation took on the device, ns of device or simulated time; 0: no device */
} tally_result;

/* Counters since open. Set .size = sizeof(tally_counters) before the call. The first block is what the host CPU did in
 * place of a device: all zero in a clean offloaded run. */
typedef struct tally_counters {
  uint32_t size;
  uint32_t reserved;
  uint64_t cpu_matches;        /* messages matched by the CPU */
  uint64_t cpu_reduced_bytes;  /* bytes combined by the CPU */
  uint64_t cpu_copied_bytes;   /* payload bytes moved by the CPU; on a device a send of up to 32 bytes rides in its
                                  descriptor: that store is the doorbell and is not counted */
  uint64_t fallback_posted_full;   /* receives held in software because the device's posted entries were used up */
  uint64_t fallback_send_window;   /* eager sends held in software because too many were unacknowledged */
  uint64_t fallback_ring_full;     /* descriptors held in software because a ring or queue was full; soft: sends that
                                      waited for room in the receiver's queue */
  uint64_t fallback_staging;       /* bytes that a staging window (soft: the rings) carried because direct access to a
                                      rank's memory is forbidden */
  uint64_t sends;
  uint64_t receives;
  uint64_t collectives;
  uint64_t sent_bytes;
  uint64_t received_bytes;
  uint64_t device_matches_posted;     /* device: arrivals that met a posted receive */
  uint64_t device_matches_unexpected; /* device: receives that met an unexpected message */
  uint64_t device_reduced_bytes;
  uint64_t device_read_bytes;         /* device DMA from host memory */
  uint64_t device_written_bytes;
  uint64_t device_tx_packets;
  uint64_t device_rx_packets;
  /* messages that the device handed over to the host, by reason, and how often the host took over and gave back */
  uint64_t fallback_spilled_order;      /* because earlier ones still were with the host */
  uint64_t fallback_spilled_unexpected; /* no unexpected entry was free */
  uint64_t fallback_spilled_bounce;     /* no bounce slot was free */
  uint64_t fallback_spilled_conflict;   /* no place in the device's hash tables */
  uint64_t fallback_receives_returned;  /* receives that the device gave back */
  uint64_t handovers_to_host;
  uint64_t handovers_to_device;
  uint64_t device_retransmits;          /* packets and READ requests sent again */
  uint64_t device_timeouts;
  uint64_t device_receiver_not_ready;   /* RNR NAKs received */
  uint64_t device_icrc_errors;          /* frames that arrived damaged */
  uint64_t cpu_pushed_bytes;            /* short inputs of collectives that the CPU stored into the device with the
                                           doorbell (TALLY_PUSH_MAX); not in cpu_copied_bytes */
  /* the memory cache, where the engine does not take all of the process's memory at once */
  uint64_t memory_cache_hits;      /* buffers that were registered already */
  uint64_t memory_cache_misses;    /* buffers that were registered on first use */
  uint64_t memory_cache_evictions; /* registrations ended because the engine had no room for another */
  /* collectives that the CPU executes over messages, by reason, and those that run by another algorithm than the one set */
  uint64_t fallback_user_op;            /* the operation is the program's own */
  uint64_t fallback_collective_context; /* the engine has no collectives for so many groups */
  uint64_t fallback_algorithm;          /* the algorithm of the group does not serve the call (TALLY_LOG=1 tells why) */
  uint64_t fallback_segments;      /* bytes of messages in several segments that the CPU gathered or scattered */
  /* cpu_copied_bytes by cause: they and fallback_segments are all of it. A byte that is copied twice counts twice */
  uint64_t cpu_copied_frames; /* soft: bytes into and out of the transport's frames: two copies a byte that travels */
  uint64_t cpu_copied_direct; /* soft: bytes from one rank's memory to another's: one copy */
  uint64_t cpu_copied_unexpected; /* soft: bytes out of buffers of messages that came before their receive, and of packets
                                       that came before their step */
  uint64_t cpu_copied_spilled; /* device: bytes of messages that it handed over to the host */
  uint64_t cpu_copied_schedule; /* bytes moved within the rank's memory by a schedule that the CPU executes */
  uint64_t cpu_copied_packing; /* MPI: bytes gathered because a datatype is not contiguous */
  uint64_t cpu_copied_unpacking; /* MPI: bytes scattered because a datatype is not contiguous */
  uint64_t cpu_copied_buffered; /* MPI: bytes into the buffers of buffered sends */
  uint64_t cpu_copied_one_sided; /* bytes of one-sided operations on the rank's own memory, and into and out of messages */
  uint64_t cpu_copied_local; /* MPI: bytes that a rank copies for itself in collectives that run over messages */
  uint64_t cpu_matches_unexpected;     /* soft: of cpu_matches, receives that met a message which had come before */
  uint64_t fallback_composed;          /* MPI: collectives that the MPI library makes of messages: of intercommunicators and
                                          neighborhoods, MPI_Alltoallw */
  /* collectives by kind, those with arrays of counts included, and the bytes of each call's larger buffer at this rank */
  uint64_t collective_barrier;
  uint64_t collective_barrier_bytes;
  uint64_t collective_bcast;
  uint64_t collective_bcast_bytes;
  uint64_t collective_allreduce;
  uint64_t collective_allreduce_bytes;
  uint64_t collective_reduce;
  uint64_t collective_reduce_bytes;
  uint64_t collective_reduce_scatter;
  uint64_t collective_reduce_scatter_bytes;
  uint64_t collective_scan;
  uint64_t collective_scan_bytes;
  uint64_t collective_exscan;
  uint64_t collective_exscan_bytes;
  uint64_t collective_gather;
  uint64_t collective_gather_bytes;
  uint64_t collective_scatter;
  uint64_t collective_scatter_bytes;
  uint64_t collective_allgather;
  uint64_t collective_allgather_bytes;
  uint64_t collective_alltoall;
  uint64_t collective_alltoall_bytes;
  /* one-sided operations of this rank that have ended well */
  uint64_t puts;
  uint64_t gets;
  uint64_t atomics;
  uint64_t put_bytes;
  uint64_t got_bytes;
  uint64_t fallback_one_sided;     /* operations that the target's CPU carried out, asked by messages: the engine does not reach
                                      the region */
} tally_counters;

/* --- endpoint ------------------------------------------------------------------------------- */

/* Joins the job that `tally run` started (environment), or a job of one rank when there is none. `engine` is "soft",
 * "rtl", "auto" or NULL (TALLY_ENGINE, else what the job was started with). */
TALLY_API tally_status tally_endpoint_open(const char* engine, tally_endpoint** endpoint);
/* How threads of the program call the endpoint and what was made from it. */
typedef enum tally_threads {
  TALLY_THREAD_SINGLE = 0,     /* the program has one thread */
  TALLY_THREAD_FUNNELED = 1,   /* one thread calls */
  TALLY_THREAD_SERIALIZED = 2, /* any thread, one at a time */
  TALLY_THREAD_MULTIPLE = 3    /* any thread at any time */
} tally_threads;

/* Set .size = sizeof(tally_options); 0 elsewhere is the default. */
typedef struct tally_options {
  uint32_t size;
  uint32_t memory_cache;    /* 1: buffers need no registration: the endpoint registers what is not, on first use */
  const char* engine;       /* as the argument of tally_endpoint_open */
  tally_threads threads;
  uint32_t progress_thread; /* 1: a thread of the library moves operations on */
} tally_options;

/* The same with options. The program keeps memory mapped while an operation uses it, and no longer. TALLY_ERR_UNSUPPORTED for
 * what this library does not have. */
TALLY_API tally_status tally_endpoint_open_with(const tally_options* options, tally_endpoint** endpoint);
/* Waits until what was sent has left, then leaves the job. TALLY_ERR_BUSY while requests or groups live. */
TALLY_API tally_status tally_endpoint_close(tally_endpoint* endpoint);
TALLY_API tally_status tally_endpoint_rank(const tally_endpoint* endpoint, int* rank);
TALLY_API tally_status tally_endpoint_size(const tally_endpoint* endpoint, int* size);
/* Name of the engine in use; lives as long as the endpoint. */
TALLY_API tally_status tally_endpoint_engine(const tally_endpoint* endpoint, const char** name);
TALLY_API tally_status tally_endpoint_counters(const tally_endpoint* endpoint, tally_counters* counters);
/* Moves operations on without waiting for one. */
TALLY_API tally_status tally_endpoint_progress(tally_endpoint* endpoint);

/* Moves operations on until done(argument) is not 0. It is called at once and again when anything may have changed; in
 * between the thread sleeps, as in every wait. It may test and start operations, and must not wait. For libraries that
 * wait for more than one request tells. Fails as waits do: TALLY_ERR_JOB, TALLY_ERR_TIMEOUT. */
TALLY_API tally_status tally_endpoint_wait_until(tally_endpoint* endpoint, int (*done)(void* argument), void* argument);
/* TALLY_THREAD_MULTIPLE: tally_endpoint_wait_until of other threads looks again. */
TALLY_API tally_status tally_endpoint_wake(tally_endpoint* endpoint);
/* From now on, when a wait lasts, describe(argument, text, bytes) is called on the waiting thread. It writes one line into
 * text[bytes], which is "" before: what the caller waits for, in the caller's terms. It stands in warnings, in the texts of
 * TALLY_ERR_TIMEOUT and in the report of a deadlock. It must not call the endpoint. NULL: none. */
TALLY_API tally_status tally_endpoint_on_wait(tally_endpoint* endpoint,
                                              void (*describe)(void* argument, char* text, size_t bytes), void* argument);

/* From now on add(argument, counters) is called whenever counters are asked for, on the asking thread: a library on top adds to the
 * fields what it has done itself, since the endpoint was opened. It must not call the endpoint. NULL: none. */
TALLY_API tally_status tally_endpoint_on_counters(tally_endpoint* endpoint,
                                                  void (*add)(void* argument, tally_counters* counters), void* argument);

/* --- memory --------------------------------------------------------------------------------- */

/* Registers [base, base + length). Every buffer of an operation of more than 0 bytes must lie within one region, unless the
 * endpoint has the memory cache. */
TALLY_API tally_status tally_memory_register(tally_endpoint* endpoint, void* base, size_t length,
                                             tally_memory** memory);
/* TALLY_ERR_BUSY while an operation uses the region. */
TALLY_API tally_status tally_memory_deregister(tally_memory* memory);

/* --- one-sided operations ------------------------------------------------------------------- */

/* A rank exports a registered region and gives the key to others in any way, as a message or by a collective: the key is plain
 * bytes. Whoever has it reads, writes and updates the region without a call of the owner. Offsets are in bytes from the region's
 * base; the whole access lies in the region, or nothing of it is done. docs/one-sided.md: order, progress, engines. */
#define TALLY_REMOTE_KEY_BYTES 64
typedef struct tally_remote_key {
  unsigned char bytes[TALLY_REMOTE_KEY_BYTES];
} tally_remote_key;

typedef enum tally_access {
  TALLY_ACCESS_READ = 1,   /* get */
  TALLY_ACCESS_WRITE = 2,  /* put */
  TALLY_ACCESS_ATOMIC = 4, /* fetch_add, swap, compare_swap */
  TALLY_ACCESS_ALL = 7
} tally_access;

/* Makes a key of the region, of any number; `access`: TALLY_ACCESS_*, one or more of them. The region is not to be deregistered before
 * its keys are released. */
TALLY_API tally_status tally_memory_export(tally_memory* memory, unsigned access, tally_remote_key* key);
/* By the rank that made it. What other ranks start by the key from then on fails with TALLY_ERR_NOT_REGISTERED; returns when
 * no operation by the key is under way any more. */
TALLY_API tally_status tally_memory_release(tally_endpoint* endpoint, const tally_remote_key* key);
/* What a key of this job says; each output may be NULL: the owner's job rank, bytes of the region, access. */
TALLY_API tally_status tally_remote_key_query(tally_endpoint* endpoint, const tally_remote_key* key, int* rank,
                                              size_t* length, unsigned* access);

/* Operations on the region of a key, also on one of one's own. Their requests are waited and tested for as any. A request's end
 * says that the operation is done at the target (put: the bytes lie there), or why not:
 *   TALLY_ERR_ARGUMENT        offset and length run out of the region; an atomic's address is not a multiple of its size
 *   TALLY_ERR_PROTECTION      the key does not give the right
 *   TALLY_ERR_NOT_REGISTERED  the key has been released; buffer is not within registered memory
 *   TALLY_ERR_JOB             the target has left the job
 * Operations that are under way at the same time have no order, but for atomics of one rank on one target, which are done as they were
 * started. A message sent after an operation's end is received after it, too. */
/* buffer: registered as that of a send or receive, and in use until the end. */
TALLY_API tally_status tally_put_start(tally_endpoint* endpoint, const void* buffer, size_t length,
                                       const tally_remote_key* key, uint64_t offset, tally_request** request);
TALLY_API tally_status tally_get_start(tally_endpoint* endpoint, void* buffer, size_t length,
                                       const tally_remote_key* key, uint64_t offset, tally_request** request);
/* dtype: TALLY_I32, TALLY_U32, TALLY_I64 or TALLY_U64. What stood there before goes to *result, which may be NULL, needs no
 * registration and is in use until the end; *operand, *compare and *value are read at once. Atomic with each other,
 * whichever ranks call them; sums wrap around. */
TALLY_API tally_status tally_fetch_add_start(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                             tally_dtype dtype, const void* operand, void* result,
                                             tally_request** request);
TALLY_API tally_status tally_swap_start(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                        tally_dtype dtype, const void* value, void* result, tally_request** request);
/* Stores *value where *compare stands. */
TALLY_API tally_status tally_compare_swap_start(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                                tally_dtype dtype, const void* compare, const void* value, void* result,
                                                tally_request** request);
/* Ends when the operations on `rank` (of the job; TALLY_ALL_RANKS: on any) that this endpoint has started before have ended, also
 * those whose requests were freed; fails where one of the latter has failed. Their own requests tell of the others. */
#define TALLY_ALL_RANKS (-1)
TALLY_API tally_status tally_flush_start(tally_endpoint* endpoint, int rank, tally_request** request);

/* The same, to the end. */
TALLY_API tally_status tally_put(tally_endpoint* endpoint, const void* buffer, size_t length, const tally_remote_key* key,
                                 uint64_t offset);
TALLY_API tally_status tally_get(tally_endpoint* endpoint, void* buffer, size_t length, const tally_remote_key* key,
                                 uint64_t offset);
TALLY_API tally_status tally_fetch_add(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                       tally_dtype dtype, const void* operand, void* result);
TALLY_API tally_status tally_swap(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                  tally_dtype dtype, const void* value, void* result);
TALLY_API tally_status tally_compare_swap(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                          tally_dtype dtype, const void* compare, const void* value, void* result);
TALLY_API tally_status tally_flush(tally_endpoint* endpoint, int rank);

/* --- tagged messages ------------------------------------------------------------------------ */

/* Order: two messages from one sender in one group that match the same receive are taken in the order they were sent;
 * two receives that match the same message take it in the order they were posted. group NULL: all ranks. `destination`
 * and `source` are ranks of the group. Blocking sends and receives are start + wait. */
TALLY_API tally_status tally_send_start(tally_endpoint* endpoint, tally_group* group, const void* buffer,
                                        size_t length, int destination, int tag, tally_request** request);
TALLY_API tally_status tally_recv_start(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t length,
                                        int source, int tag, tally_request** request);
TALLY_API tally_status tally_send(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                                  int destination, int tag);
TALLY_API tally_status tally_recv(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t length,
                                  int source, int tag, tally_result* result /* may be NULL */);
/* The same with a send that ends only when a receive has matched its message, whatever the length. */
TALLY_API tally_status tally_ssend_start(tally_endpoint* endpoint, tally_group* group, const void* buffer,
                                         size_t length, int destination, int tag, tally_request** request);
TALLY_API tally_status tally_ssend(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                                   int destination, int tag);

/* The same with a buffer in parts: the message is the segments' bytes one behind the other. The array is free again when the call
 * returns. Segments that lie one behind the other are one buffer, registered as any. Others need no registration: the CPU
 * copies them from or to a buffer of the library (fallback_segments). */
typedef struct tally_segment {
  void* base;
  size_t length;
} tally_segment;
TALLY_API tally_status tally_sendv_start(tally_endpoint* endpoint, tally_group* group, const tally_segment* segments,
                                         size_t count, int destination, int tag, tally_request** request);
TALLY_API tally_status tally_recvv_start(tally_endpoint* endpoint, tally_group* group, const tally_segment* segments,
                                         size_t count, int source, int tag, tally_request** request);

/* Persistent requests. *_init checks the arguments of *_start and makes a request that is not under way; tally_request_start
 * starts it, any number of times. A wait or test that finds its end leaves it, not under way, for the next start; of a request
 * that is not under way they say TALLY_OK at once, with an empty result. Its buffers are in use while it is under way. */
TALLY_API tally_status tally_send_init(tally_endpoint* endpoint, tally_group* group, const void* buffer,
                                       size_t length, int destination, int tag, tally_request** request);
TALLY_API tally_status tally_ssend_init(tally_endpoint* endpoint, tally_group* group, const void* buffer,
                                        size_t length, int destination, int tag, tally_request** request);
TALLY_API tally_status tally_recv_init(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t length,
                                       int source, int tag, tally_request** request);
/* TALLY_AGAIN: a queue is full, and the request is not under way. TALLY_ERR_BUSY: it is under way already. */
TALLY_API tally_status tally_request_start(tally_request* request);
/* Starts them in their order; waits where a queue is full. Where one fails those behind it are not started. */
TALLY_API tally_status tally_requests_start_all(tally_request** requests, size_t count);
/* Frees a request of any kind; *request is then NULL. An operation that is under way goes on, its buffers and its group in use
 * until it ends, of which nobody hears. */
TALLY_API tally_status tally_request_free(tally_request** request);

/* TALLY_AGAIN: not complete, *request unchanged. Otherwise the request is freed, *request is NULL (but see persistent
 * requests), and the status is that of the operation. After TALLY_ERR_TIMEOUT and TALLY_ERR_JOB the engine may still use the operation's buffers:
 * they stay valid until the endpoint is closed, and their region is busy. */
TALLY_API tally_status tally_test(tally_request** request, tally_result* result /* may be NULL */);
TALLY_API tally_status tally_wait(tally_request** request, tally_result* result /* may be NULL */);
/* Several requests of one endpoint at once. `requests` may hold NULLs and persistent requests that are not under way: they
 * count for nothing (an empty result: source and tag -1, length 0). What has ended is freed and its entry NULL, or, persistent, not
 * under way any more. `results` and `statuses` may be NULL; results[0].size is that of each result. Where operations fail the
 * first failure is returned, and `statuses` tells of each. */
/* Waits for all. wait_all is wait_all_results without either array. */
TALLY_API tally_status tally_wait_all(tally_request** requests, size_t count);
TALLY_API tally_status tally_wait_all_results(tally_request** requests, size_t count, tally_result* results,
                                              tally_status* statuses);
/* TALLY_AGAIN: not all have ended; nothing has changed. */
TALLY_API tally_status tally_test_all(tally_request** requests, size_t count, tally_result* results,
                                      tally_status* statuses);
/* Waits until one has ended: its index, also where it has failed, and the status is its own. Index -1: none is under way
 * (TALLY_OK), or the wait has failed and all are still under way. */
TALLY_API tally_status tally_wait_any(tally_request** requests, size_t count, int* index,
                                      tally_result* result /* may be NULL */);
/* TALLY_AGAIN: none has ended, *index is -1. */
TALLY_API tally_status tally_test_any(tally_request** requests, size_t count, int* index,
                                      tally_result* result /* may be NULL */);
/* Waits until at least one has ended and takes all that have: their number, and for each its index, result and status (arrays of
 * `count`). *ended -1: none is under way; 0: the wait has failed and all are still under way. */
TALLY_API tally_status tally_wait_some(tally_request** requests, size_t count, int* indices, tally_result* results,
                                       tally_status* statuses, int* ended);
/* TALLY_AGAIN: none has ended, *ended is 0. */
TALLY_API tally_status tally_test_some(tally_request** requests, size_t count, int* indices, tally_result* results,
                                       tally_status* statuses, int* ended);

/* Asks for the end of a receive. It completes with TALLY_ERR_CANCELLED if no message has matched it, else as it would
 * have; wait or test for it as usual. TALLY_ERR_ARGUMENT for a request that is not a receive. */
TALLY_API tally_status tally_cancel(tally_request* request);

/* Probes see messages that have arrived and that no receive has taken; the oldest that matches is reported: source, tag
 * and length in `result`, which may be NULL. iprobe and improbe return at once (*found 0 or 1); probe and mprobe wait.
 * mprobe and improbe take the message out: only tally_mrecv* of *message receives it. An endpoint with claimed messages
 * is busy. */
TALLY_API tally_status tally_iprobe(tally_endpoint* endpoint, tally_group* group, int source, int tag, int* found,
                                    tally_result* result);
TALLY_API tally_status tally_probe(tally_endpoint* endpoint, tally_group* group, int source, int tag,
                                   tally_result* result);
TALLY_API tally_status tally_improbe(tally_endpoint* endpoint, tally_group* group, int source, int tag, int* found,
                                     tally_message** message, tally_result* result);
TALLY_API tally_status tally_mprobe(tally_endpoint* endpoint, tally_group* group, int source, int tag,
                                    tally_message** message, tally_result* result);
/* Receives *message; it is then NULL and the request stands for it. */
TALLY_API tally_status tally_mrecv_start(tally_message** message, void* buffer, size_t length,
                                         tally_request** request);
TALLY_API tally_status tally_mrecv(tally_message** message, void* buffer, size_t length, tally_result* result);

/* --- groups and collectives ----------------------------------------------------------------- */

/* Makes a group of `size` distinct job ranks. Collective over these ranks: each calls it with the same list and in the
 * same order relative to the other group calls that it shares ranks with. */
TALLY_API tally_status tally_group_create(tally_endpoint* endpoint, const int* ranks, int size, tally_group** group);
/* The same for threads that may create groups of the same ranks at the same time: calls with the same list meet where
 * `key` is the same, and the order counts among these only. */
TALLY_API tally_status tally_group_create_keyed(tally_endpoint* endpoint, const int* ranks, int size, uint64_t key,
                                                tally_group** group);
/* Not collective. TALLY_ERR_BUSY while requests or claimed messages of the group or of its channels live. */
TALLY_API tally_status tally_group_free(tally_group* group);
/* The same number on all ranks of the group, and on no other living group that has one of these ranks: 0 for all ranks
 * (NULL is no group here), else 1 to 4095. That of a channel is another one. */
TALLY_API tally_status tally_group_id(const tally_group* group, uint32_t* id);
/* The same ranks with a message space of its own, for a library that stands between the program and Tally: channel 1 or
 * 2. Local; takes messages and probes only (collectives: TALLY_ERR_ARGUMENT); always the same object, which lives as long
 * as its group. group NULL: all ranks. */
TALLY_API tally_status tally_group_channel(tally_endpoint* endpoint, tally_group* group, int channel,
                                           tally_group** out);
TALLY_API tally_status tally_group_rank(const tally_group* group, int* rank);
TALLY_API tally_status tally_group_size(const tally_group* group, int* size);
/* The algorithm of the group's collectives from now on: "auto", a name of `tally info`, or the path of an MSCCL XML file
 * (it ends with ".xml") for as many ranks; a collective that does not have it, and a call that it does not serve, take
 * "auto". All ranks of the group set the same. */
TALLY_API tally_status tally_group_set_algorithm(tally_group* group, const char* name);

/* Own element types and operations, of one endpoint; their numbers need not be those of other ranks.
 *
 * A reduction with an own operation moves on the engine's messages and is computed by the CPU: fallback_user_op,
 * cpu_reduced_bytes. The function sets inout[i] = in[i] op inout[i] for i below count; `in` is of lower ranks than
 * `inout` unless the operation commutes. It must be associative (what is combined first is the schedule's choice, the
 * same on all ranks), may be called by any thread that calls this endpoint and while any call is under way, and calls no
 * function of Tally itself. With `commutative` 0 operands are in rank order, with the result of ((x0 op x1) op x2) ... in some association.
 * A call keeps what it needs: types and operations may be freed while it is under way. */
typedef void (*tally_reduce_function)(const void* in, void* inout, size_t count, void* argument);
TALLY_API tally_status tally_op_create(tally_endpoint* endpoint, tally_reduce_function function, void* argument,
                                       int commutative, tally_op* op);
TALLY_API tally_status tally_op_free(tally_endpoint* endpoint, tally_op op);
/* Elements of `bytes` bytes that are moved as they are, and reduced by own operations only. */
TALLY_API tally_status tally_dtype_create(tally_endpoint* endpoint, size_t bytes, tally_dtype* dtype);
TALLY_API tally_status tally_dtype_free(tally_endpoint* endpoint, tally_dtype dtype);

/* Collectives: each rank of the group calls the same one, with the same dtype, op and root. group NULL: all ranks. Those of
 * one group are called in the same order by all its ranks and run in that order; those of different groups have no order.
 * Blocking ones are start + wait; any number may be started, and their requests waited for in any order. The counts,
 * displacements and buffers of a started one stay as they are until it has ended, but the arrays of counts and
 * displacements are free again when the start returns.
 *
 * Blocks: n is the group's size. Where a buffer holds a block for each rank, block i stands at i * count elements, or with
 * the arrays at displacements[i] elements, of counts[i] elements. What ranks send to each other agrees at both ends:
 * otherwise TALLY_ERR_MISMATCH, or TALLY_ERR_ARGUMENT where one rank sees both.
 *
 * Registered memory: a buffer reaches from its start to the end of its last block. A buffer that a rank does not use
 * (output of reduce and gather, input of scatter at ranks that are not the root) may be NULL.
 *
 * In place: with TALLY_IN_PLACE as input the data are taken from output, where the results go: the whole vector
 * (allreduce, reduce at the root, scan, exscan), all blocks (reduce_scatter, alltoall; alltoallv takes input_counts and
 * input_displacements to be those of output), the own block, which stands where it belongs (gather at the root, allgather,
 * and their forms with arrays). With TALLY_IN_PLACE as output of scatter the root's block stays in input. Pointers that
 * say the same do the same, except for alltoallv. Input and output must not overlap in any other way. Each rank may choose
 * for itself.
 *
 * The result of a reduction depends on the algorithm's order of operations alone: the same bytes on every engine and in
 * every run, and for allreduce on every rank. Rank r's part of scan and exscan is combined in rank order. */
#define TALLY_IN_PLACE ((void*)1)

TALLY_API tally_status tally_barrier(tally_endpoint* endpoint, tally_group* group);
TALLY_API tally_status tally_bcast(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t count,
                                   tally_dtype dtype, int root);
TALLY_API tally_status tally_allreduce(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                       size_t count, tally_dtype dtype, tally_op op);
/* Output at the root only. */
TALLY_API tally_status tally_reduce(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                    size_t count, tally_dtype dtype, tally_op op, int root);
/* Input: n blocks of `count`; output: one, the reduction of all ranks' blocks for this rank. */
TALLY_API tally_status tally_reduce_scatter_block(tally_endpoint* endpoint, tally_group* group, const void* input,
                                                  void* output, size_t count, tally_dtype dtype, tally_op op);
/* The same with blocks of counts[i], one behind the other; all ranks give the same counts. */
TALLY_API tally_status tally_reduce_scatter(tally_endpoint* endpoint, tally_group* group, const void* input,
                                            void* output, const size_t* counts, tally_dtype dtype, tally_op op);
/* Rank r gets the reduction of ranks 0 to r. */
TALLY_API tally_status tally_scan(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                  size_t count, tally_dtype dtype, tally_op op);
/* Rank r gets the reduction of ranks 0 to r - 1; output of rank 0 is not written. */
TALLY_API tally_status tally_exscan(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                    size_t count, tally_dtype dtype, tally_op op);
/* Input: one block; output at the root: n blocks. */
TALLY_API tally_status tally_gather(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                    size_t count, tally_dtype dtype, int root);
/* `count` is of input; counts and displacements are of output, and of use at the root only. */
TALLY_API tally_status tally_gatherv(tally_endpoint* endpoint, tally_group* group, const void* input, size_t count,
                                     void* output, const size_t* counts, const size_t* displacements,
                                     tally_dtype dtype, int root);
/* Input at the root: n blocks; output: one. */
TALLY_API tally_status tally_scatter(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                     size_t count, tally_dtype dtype, int root);
/* counts and displacements are of input, and of use at the root only; `count` is of output. */
TALLY_API tally_status tally_scatterv(tally_endpoint* endpoint, tally_group* group, const void* input,
                                      const size_t* counts, const size_t* displacements, void* output, size_t count,
                                      tally_dtype dtype, int root);
/* Input: one block; output: n blocks. */
TALLY_API tally_status tally_allgather(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                       size_t count, tally_dtype dtype);
/* `count` is of input; all ranks give the same counts, which are of output. displacements may differ. */
TALLY_API tally_status tally_allgatherv(tally_endpoint* endpoint, tally_group* group, const void* input, size_t count,
                                        void* output, const size_t* counts, const size_t* displacements,
                                        tally_dtype dtype);
/* Input: n blocks, block j for rank j; output: n blocks, block i from rank i. */
TALLY_API tally_status tally_alltoall(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                      size_t count, tally_dtype dtype);
TALLY_API tally_status tally_alltoallv(tally_endpoint* endpoint, tally_group* group, const void* input,
                                       const size_t* input_counts, const size_t* input_displacements, void* output,
                                       const size_t* output_counts, const size_t* output_displacements,
                                       tally_dtype dtype);

/* The same, started. */
TALLY_API tally_status tally_barrier_start(tally_endpoint* endpoint, tally_group* group, tally_request** request);
TALLY_API tally_status tally_bcast_start(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t count,
                                         tally_dtype dtype, int root, tally_request** request);
TALLY_API tally_status tally_allreduce_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                             void* output, size_t count, tally_dtype dtype, tally_op op,
                                             tally_request** request);
TALLY_API tally_status tally_reduce_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                          void* output, size_t count, tally_dtype dtype, tally_op op, int root,
                                          tally_request** request);
TALLY_API tally_status tally_reduce_scatter_block_start(tally_endpoint* endpoint, tally_group* group,
                                                        const void* input, void* output, size_t count,
                                                        tally_dtype dtype, tally_op op, tally_request** request);
TALLY_API tally_status tally_reduce_scatter_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                                  void* output, const size_t* counts, tally_dtype dtype, tally_op op,
                                                  tally_request** request);
TALLY_API tally_status tally_scan_start(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                        size_t count, tally_dtype dtype, tally_op op, tally_request** request);
TALLY_API tally_status tally_exscan_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                          void* output, size_t count, tally_dtype dtype, tally_op op,
                                          tally_request** request);
TALLY_API tally_status tally_gather_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                          void* output, size_t count, tally_dtype dtype, int root,
                                          tally_request** request);
TALLY_API tally_status tally_gatherv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                           size_t count, void* output, const size_t* counts,
                                           const size_t* displacements, tally_dtype dtype, int root,
                                           tally_request** request);
TALLY_API tally_status tally_scatter_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                           void* output, size_t count, tally_dtype dtype, int root,
                                           tally_request** request);
TALLY_API tally_status tally_scatterv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                            const size_t* counts, const size_t* displacements, void* output,
                                            size_t count, tally_dtype dtype, int root, tally_request** request);
TALLY_API tally_status tally_allgather_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                             void* output, size_t count, tally_dtype dtype, tally_request** request);
TALLY_API tally_status tally_allgatherv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                              size_t count, void* output, const size_t* counts,
                                              const size_t* displacements, tally_dtype dtype,
                                              tally_request** request);
TALLY_API tally_status tally_alltoall_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                            void* output, size_t count, tally_dtype dtype, tally_request** request);
TALLY_API tally_status tally_alltoallv_start(tally_endpoint* endpoint, tally_group* group, const void* input,
                                             const size_t* input_counts, const size_t* input_displacements,
                                             void* output, const size_t* output_counts,
                                             const size_t* output_displacements, tally_dtype dtype,
                                             tally_request** request);

/* The same as persistent requests: the arrays of counts and displacements are copied. */
TALLY_API tally_status tally_barrier_init(tally_endpoint* endpoint, tally_group* group, tally_request** request);
TALLY_API tally_status tally_bcast_init(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t count,
                                        tally_dtype dtype, int root, tally_request** request);
TALLY_API tally_status tally_allreduce_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                            void* output, size_t count, tally_dtype dtype, tally_op op,
                                            tally_request** request);
TALLY_API tally_status tally_reduce_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                         void* output, size_t count, tally_dtype dtype, tally_op op, int root,
                                         tally_request** request);
TALLY_API tally_status tally_reduce_scatter_block_init(tally_endpoint* endpoint, tally_group* group,
                                                       const void* input, void* output, size_t count,
                                                       tally_dtype dtype, tally_op op, tally_request** request);
TALLY_API tally_status tally_reduce_scatter_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                                 void* output, const size_t* counts, tally_dtype dtype, tally_op op,
                                                 tally_request** request);
TALLY_API tally_status tally_scan_init(tally_endpoint* endpoint, tally_group* group, const void* input, void* output,
                                       size_t count, tally_dtype dtype, tally_op op, tally_request** request);
TALLY_API tally_status tally_exscan_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                         void* output, size_t count, tally_dtype dtype, tally_op op,
                                         tally_request** request);
TALLY_API tally_status tally_gather_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                         void* output, size_t count, tally_dtype dtype, int root,
                                         tally_request** request);
TALLY_API tally_status tally_gatherv_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                          size_t count, void* output, const size_t* counts,
                                          const size_t* displacements, tally_dtype dtype, int root,
                                          tally_request** request);
TALLY_API tally_status tally_scatter_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                          void* output, size_t count, tally_dtype dtype, int root,
                                          tally_request** request);
TALLY_API tally_status tally_scatterv_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                           const size_t* counts, const size_t* displacements, void* output,
                                           size_t count, tally_dtype dtype, int root, tally_request** request);
TALLY_API tally_status tally_allgather_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                            void* output, size_t count, tally_dtype dtype, tally_request** request);
TALLY_API tally_status tally_allgatherv_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                             size_t count, void* output, const size_t* counts,
                                             const size_t* displacements, tally_dtype dtype,
                                             tally_request** request);
TALLY_API tally_status tally_alltoall_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                           void* output, size_t count, tally_dtype dtype, tally_request** request);
TALLY_API tally_status tally_alltoallv_init(tally_endpoint* endpoint, tally_group* group, const void* input,
                                            const size_t* input_counts, const size_t* input_displacements,
                                            void* output, const size_t* output_counts,
                                            const size_t* output_displacements, tally_dtype dtype,
                                            tally_request** request);

/* --- errors --------------------------------------------------------------------------------- */

/* This thread's last failure; "" when there was none. Valid until the thread's next tally call. */
TALLY_API const char* tally_last_error(void);
/* "TALLY_ERR_ARGUMENT" and the like. */
TALLY_API const char* tally_status_name(tally_status status);
TALLY_API const char* tally_version(void);

#ifdef __cplusplus
}
#endif

#endif /* TALLY_TALLY_H */
