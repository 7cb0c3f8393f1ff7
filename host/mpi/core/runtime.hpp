// SPDX-License-Identifier: BSD-3-Clause
// The state of the library in this process.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "mpi_api.h"

#include "core/lock.hpp"
#include "core/objects.hpp"
#include "tally/tally.h"

namespace tally::mpi {

struct Request;

struct Runtime {
  enum class Phase : int { kBefore, kInitialized, kFinalized };
  std::atomic<Phase> phase{Phase::kBefore};
  int thread_level = MPI_THREAD_SINGLE;
  bool locks = false;  ///< MPI_THREAD_MULTIPLE
  Lock mutex;          ///< held by calls then; a wait gives it up while it sleeps
  tally_endpoint* endpoint = nullptr;
  int job_rank = 0;
  int job_size = 1;
  Comm* world = nullptr;
  Comm* self = nullptr;
  // What the library does itself, for the counters: tally_endpoint_on_counters. Functions of MPI_Op run without its lock.
  std::atomic<std::uint64_t> packed_bytes{0};  ///< because a datatype is not contiguous
  std::atomic<std::uint64_t> unpacked_bytes{0};
  std::atomic<std::uint64_t> buffered_bytes{0};     ///< into buffers of MPI_Bsend
  std::atomic<std::uint64_t> local_bytes{0};        ///< from and to this rank, in collectives
  std::atomic<std::uint64_t> cpu_reduced_bytes{0};  ///< not by the engine or for it
  std::atomic<std::uint64_t> composed{0};           ///< collectives made of messages
};
extern Runtime runtime;

/// While it lives the thread does not hold the library's lock: for functions of the program, which may wait for a thread that
/// is at the door.
class WithoutLock {
 public:
  WithoutLock() : held_(runtime.locks ? runtime.mutex.give_up() : 0) {}
  WithoutLock(const WithoutLock&) = delete;
  WithoutLock& operator=(const WithoutLock&) = delete;
  ~WithoutLock() { runtime.mutex.take_back(held_); }

 private:
  unsigned held_;
};

/// What this thread is doing in the library, for error texts and for reports of waits that last. Written at
/// each call: plain stores. The front sets the first two and clears the others.
struct Call {
  const char* function = nullptr;    ///< "MPI_Recv"
  const void* comm = nullptr;        ///< handle of the call's communicator; it may be a wrong one
  const Request* request = nullptr;  ///< that is waited for
  int peer = MPI_PROC_NULL;          ///< also MPI_ANY_SOURCE. MPI_PROC_NULL: there is none
  int tag = MPI_ANY_TAG;             ///< of a message
  enum class Peer : std::uint8_t { kRoot, kDestination, kSource } role = Peer::kRoot;
  int operations = 0;  ///< functions of MPI_Op under way on this thread: they may hold the endpoint's lock

  void message(Peer is, int rank, int message_tag) noexcept {
    role = is;
    peer = rank;
    tag = message_tag;
  }
};
extern constinit thread_local Call current_call;

/// tally_endpoint_on_wait: one line about current_call (wait_report.cpp).
void describe_wait(void*, char* text, std::size_t bytes) noexcept;

}  // namespace tally::mpi
