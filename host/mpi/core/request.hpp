// SPDX-License-Identifier: BSD-3-Clause
// What an MPI_Request stands for, and how the core waits.
//
// A request is one operation of the engine (a message, a collective) with what is to be done at its end (unpacking, the
// status), or a Task: a coroutine that does in several steps what no operation of the engine does alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mpi_api.h"

#include "core/objects.hpp"
#include "core/task.hpp"

namespace tally::mpi {

struct Request : Object {
  enum class Type : std::uint8_t {
    kNothing,      ///< complete from the start (MPI_PROC_NULL); status is written
    kSend,
    kReceive,
    kCollective,   ///< one of the engine's
    kTask,
    kGeneralized,  ///< MPI_Grequest_start
  };
  Request() noexcept : Object(Kind::kRequest) {}

  Type type = Type::kNothing;
  bool persistent = false;
  bool active = false;      ///< started and not yet taken by wait or test; always true unless persistent
  bool complete = false;    ///< `status` (and `failure`) are final
  tally_request* engine = nullptr;
  std::unique_ptr<Task> task;
  Ref<Comm> comm;
  Ref<Datatype> datatype;   ///< receive: of the buffer that is unpacked into
  void* buffer = nullptr;
  MPI_Count count = 0;
  std::byte* packed = nullptr;      ///< of the packed data, from the runtime's pool; nullptr: none
  std::uint64_t packed_bytes = 0;
  MPI_Status status{};
  int failure = MPI_SUCCESS;        ///< error class
  std::string failure_text;
  /// Persistent: starts it again (made by the *_init function).
  std::function<void(Request&)> start;
  /// At the end of a collective of the engine: unpacks and gives memory back.
  std::function<void(Request&)> finish;
};

/// Moves everything on without waiting: the engine, and every task under way. Calls complete requests' ends.
void progress();
/// True when the request is complete; moves it on by itself.
bool test(Request& request);
/// Waits until `done()`; between looks the thread sleeps for what `requests` (and all tasks) wait for.
void wait_until(std::span<Request* const> requests, bool (*done)(void*), void* argument);
/// Waits until it is complete; its failure stays in the request.
void wait(Request& request);
/// Runs a task to its end: the blocking form of what Tasks do.
void run(Task task);

}  // namespace tally::mpi
