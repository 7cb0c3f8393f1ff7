// SPDX-License-Identifier: BSD-3-Clause
// The state of the library in this process.
#pragma once

#include <atomic>
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
  bool locks = false;               ///< MPI_THREAD_MULTIPLE
  Lock mutex;                       ///< held by calls then; a wait gives it up while it sleeps
  tally_endpoint* endpoint = nullptr;
  int job_rank = 0;
  int job_size = 1;
  Comm* world = nullptr;
  Comm* self = nullptr;
  std::uint64_t packed_bytes = 0;    ///< that the CPU packed because a datatype is not contiguous
  std::uint64_t unpacked_bytes = 0;
};
extern Runtime runtime;

/// What this thread is doing in the library, for error texts and for reports of waits that last. Written at each call:
/// plain stores.
struct Call {
  const char* function = nullptr;  ///< "MPI_Recv"
  const Comm* comm = nullptr;
  int peer = MPI_PROC_NULL;        ///< or MPI_ANY_SOURCE, or a root
  int tag = MPI_ANY_TAG;
  const Request* request = nullptr;  ///< that is waited for
};
extern thread_local Call current_call;

}  // namespace tally::mpi
