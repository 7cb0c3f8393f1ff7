// SPDX-License-Identifier: BSD-3-Clause
// What an MPI_Request stands for, and how the core waits.
//
// A request is one operation of the engine (a message, a collective) with what is to be done at its end, or a
// Task: a coroutine that does in several steps what no operation of the engine does alone. All functions
// below need the library's lock where there is one; the waiting ones give it up while they wait.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "mpi_api.h"

#include "core/error.hpp"
#include "core/objects.hpp"
#include "core/runtime.hpp"
#include "core/staging.hpp"
#include "core/task.hpp"

namespace tally::mpi {

struct Request;

/// What a request does beyond its operation of the engine, with all that it needs for it; null where there is
/// nothing: a message, or a collective straight from and into the program's buffers. Lives as long as the
/// request.
struct Plan {
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  virtual ~Plan() = default;
  /// Persistent requests: starts the operation. Sets request.engine (start_engine()) or request.task, or
  /// neither: then it is complete.
  virtual void start(Request&) {}
  /// The operation is over (request.failure tells how): unpacks. May write request.status, and throw Error.
  virtual void finish(Request&) {}
};

enum class SendMode : std::uint8_t { kStandard, kSynchronous, kBuffered, kReady };

/// Taken from a pool; `delete` gives it back.
struct Request : Object {
  enum class Type : std::uint8_t {
    kNothing,  ///< complete from the start (MPI_PROC_NULL); status is written
    kSend,
    kReceive,
    kCollective,  ///< one of the engine's
    kTask,
    kGeneralized,  ///< MPI_Grequest_start
  };
  explicit Request(Type of) noexcept : Object(Kind::kRequest), type(of) {}
  ~Request();
  static void* operator new(std::size_t bytes);
  static void operator delete(void* block) noexcept;

  Type type;
  bool persistent = false;
  bool active = true;     ///< started, and not yet taken by wait or test: always, unless persistent
  bool complete = false;  ///< `status` and `failure` are final
  bool cancel_asked = false;
  bool cancelled = false;
  SendMode mode = SendMode::kStandard;
  int failure = MPI_SUCCESS;       ///< error class
  const char* function = nullptr;  ///< that made it: "MPI_Irecv"
  tally_request* engine = nullptr;
  Task task;
  Ref<Comm> comm;

  // Messages: what was asked for. Of a receive from MPI_ANY_SOURCE that is over, the status tells the rest.
  Ref<Datatype> datatype;  ///< only where it is used again: data to unpack, or persistent
  void* buffer = nullptr;
  MPI_Count count = 0;
  int peer = MPI_PROC_NULL;  ///< as the program gave it
  int tag = MPI_ANY_TAG;
  std::uint64_t bytes = 0;  ///< to send, or of room
  Staging packed;           ///< the data while they are with the engine, where the datatype is not contiguous

  MPI_Status status{};
  std::string failure_text;
  std::unique_ptr<Plan> plan;
  Request* next = nullptr;  ///< in the list of tasks under way, or of requests that nobody waits for
  Request* previous = nullptr;
  enum class Listed : std::uint8_t { kNo, kTask, kOrphan } listed = Listed::kNo;
  bool orphan = false;  ///< freed by the program while under way: given back at its end
};

// --- progress ----------------------------------------------------------------------------------

/// A look that found nothing: threads that wait for the library's lock get their turn.
void let_others_in();

/// Moves everything on without waiting: the engine, and every task under way.
void progress();
/// True when the request is complete; moves it on by itself. Never throws for the operation's failure: that
/// stays in the request.
bool test(Request& request);
/// Waits until it is complete; its failure stays in the request.
void wait(Request& request);

/// The operation with the engine is over: writes status and failure, runs the plan. `result` as tally_wait
/// gave it.
void conclude(Request& request, tally_status status, const tally_result& result);
/// Sets the failure of the exception that is being handled.
void set_failure(Request& request) noexcept;

/// The end of a request without one: runs the plan, sets the status's MPI_ERROR.
void finish(Request& request);
/// One look at the engine's operation; true: it is over, and the request with it.
bool test_engine(Request& request);

/// What a failed call of the Tally API means. An empty text: tally_last_error().
[[nodiscard]] Error error_of(tally_status status, const std::string& text) noexcept;
/// Text of MPI_ERR_TRUNCATE.
[[nodiscard]] std::string truncation_text(std::uint64_t length, int source, int tag, std::uint64_t room);
/// Rank in the communicator of a message's sender, of its rank in comm.group.
[[nodiscard]] inline int source_of(const Comm& comm, int rank_in_group) noexcept {
  return comm.inter() ? comm.from_group[static_cast<std::size_t>(rank_in_group)] : rank_in_group;
}

/// Throws the request's failure, if there is one, for the error handler of its communicator.
void throw_failure(const Request& request);

namespace detail {
using Look = bool (*)(void*);
void wait_until(Look done, void* argument);
extern constinit Request* first_task;  ///< of those under way
}  // namespace detail

/// Waits until done() -> bool is true. It is called again when anything has moved; the library's lock is held
/// then, and given up in between. What done() throws is thrown here, and so is the end of the job or of the
/// time (TALLY_TIMEOUT).
template <typename Done>
void wait_until(Done&& done) {
  detail::wait_until(
      [](void* argument) -> bool { return (*static_cast<std::remove_reference_t<Done>*>(argument))(); },
      &done);
}
/// Something has happened that other threads may wait for, and that is no operation of the engine.
void wake_waiting() noexcept;

/// True when a blocking call may wait inside tally.h's: there is nothing else to move on, and no lock to give
/// up.
[[nodiscard]] inline bool direct() noexcept { return !runtime.locks && detail::first_task == nullptr; }

/// Starts an operation of the engine: start(tally_request**) -> tally_status is called until there is room.
/// Throws Error.
template <typename Start>
tally_request* start_engine(Start&& start) {
  tally_request* request = nullptr;
  tally_status status = start(&request);
  if (status == TALLY_AGAIN) [[unlikely]] {
    wait_until([&] {
      status = start(&request);
      return status != TALLY_AGAIN;
    });
  }
  check(status);
  return request;
}

/// Waits for an operation of the engine that is not behind a Request. The status is the operation's.
tally_status wait_engine(tally_request* request, tally_result* result);

/// Runs an operation of the engine to its end. blocking() is the call of tally.h that does so,
/// start(tally_request**) its start. Both return a tally_status; so does this.
template <typename Blocking, typename Start>
tally_status run_engine(Blocking&& blocking, Start&& start, tally_result* result = nullptr) {
  if (direct()) [[likely]]
    return blocking();
  return wait_engine(start_engine(std::forward<Start>(start)), result);
}

// --- tasks -------------------------------------------------------------------------------------

/// Runs a task to its end: the blocking form of what Tasks do. Throws what it throws.
void run(Task task);
/// request.task begins; it is moved on whenever the library waits or is asked for progress. For new requests
/// and in Plan::start.
void launch(Request& request);
/// A request whose task begins. The plan, if any, holds what the task refers to.
[[nodiscard]] Request* launch(Comm& comm, Task task, std::unique_ptr<Plan> plan = nullptr);

// --- handles -----------------------------------------------------------------------------------

/// The program frees a request that may be under way: the object goes when the operation has ended.
void abandon(Request* request);
/// Before the end of the library: buffered messages and sends that nobody waits for are waited for, receives are cancelled.
void conclude_abandoned();

}  // namespace tally::mpi
