// SPDX-License-Identifier: BSD-3-Clause
// A call in several steps, written as a coroutine: each co_await waits for operations of the engine.
//
//   Task alltoallw(Comm& comm, ...) {
//     Operations operations;
//     for (...) { operations.receive(...); operations.send(...); }
//     co_await operations.all();
//     ...
//   }
//
// The blocking form runs it to its end (request.hpp: run), the non-blocking one puts it into a request, the persistent one makes it
// anew at each start. A Task is moved on only by the thread that holds the library's lock.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>
#include <vector>

#include "tally/tally.h"

namespace tally::mpi {

class Task {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  /// Moves on as far as it goes without waiting; true when it is over. Throws what the coroutine threw.
  bool advance();
  /// Appends the engine's requests that it waits for now.
  void pending(std::vector<tally_request*>* requests) const;

 private:
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Handle handle_;
};

}  // namespace tally::mpi
