// SPDX-License-Identifier: BSD-3-Clause
// A call in several steps, written as a coroutine: each co_await waits for operations of the engine or for
// another Task.
//
//   Task shift(const Comm& comm, const std::byte* out, std::byte* in, std::size_t bytes, int to, int from,
//   int tag) {
//     Operations operations;
//     operations.receive(comm.internal, in, bytes, from, tag);
//     operations.send(comm.internal, out, bytes, to, tag);
//     co_await operations.all();
//   }
//
// The blocking form runs it to its end (request.hpp: run), the non-blocking one gives it to a request
// (request.hpp: launch), the persistent one makes it anew at each start. The arguments of a coroutine that
// are references, and what they refer to, outlive it: a request keeps what it needs in its Plan.
//
// A Task never blocks its thread, and is moved on only by a thread that holds the library's lock; two Tasks
// move on in no order, so that what they start on one group must not depend on it (messages: tags of their
// own; collectives: a queue for each group).
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tally/tally.h"

namespace tally::mpi {

class Operations;

class [[nodiscard]] Task {
 public:
  struct promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  Task() noexcept = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }
  explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

  /// Moves on as far as it goes without waiting; true when it is over. Throws what the coroutine threw; it is
  /// over then, too.
  bool advance();

  /// co_await std::move(task): runs it to its end; throws what it threw.
  struct Join;
  [[nodiscard]] Join operator co_await() && noexcept;

 private:
  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Handle handle_;
};

struct Task::promise_type {
  struct Final {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    [[nodiscard]] std::coroutine_handle<> await_suspend(Handle finished) const noexcept;
    void await_resume() const noexcept {}
  };
  promise_type() noexcept : root(this) {}
  [[nodiscard]] Task get_return_object() noexcept { return Task(Handle::from_promise(*this)); }
  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] Final final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { failure = std::current_exception(); }

  promise_type* root;                 ///< of the Task that is advanced
  Handle parent;                      ///< waits for the end of this one
  Handle running;                     ///< in the root: the innermost one
  Operations* waiting_for = nullptr;  ///< in the root
  std::exception_ptr failure;
};

struct Task::Join {
  Handle child;
  [[nodiscard]] bool await_ready() const noexcept { return !child || child.done(); }
  [[nodiscard]] std::coroutine_handle<> await_suspend(Handle parent) const noexcept {
    child.promise().parent = parent;
    child.promise().root = parent.promise().root;
    parent.promise().root->running = child;
    return child;
  }
  void await_resume() const {
    if (child && child.promise().failure) std::rethrow_exception(child.promise().failure);
  }
};

inline Task::Join Task::operator co_await() && noexcept { return Join{handle_}; }

inline std::coroutine_handle<> Task::promise_type::Final::await_suspend(Handle finished) const noexcept {
  promise_type& own = finished.promise();
  if (!own.parent) return std::noop_coroutine();
  own.root->running = own.parent;
  return own.parent;
}

/// Operations of the engine that a Task waits for together. They start in the order in which they are added;
/// where the engine has no room, they start later.
class Operations {
 public:
  using Start = std::function<tally_status(tally_request**)>;
  Operations() = default;
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;
  /// What is still under way (a Task that gave up) is waited for: it uses the Task's memory.
  ~Operations();

  /// `length` in bytes; ranks are those of the group.
  void send(tally_group* group, const void* buffer, std::size_t length, int destination, int tag);
  void receive(tally_group* group, void* buffer, std::size_t length, int source, int tag);
  /// Any other: start(&request) is called until it does not answer TALLY_AGAIN.
  void add(Start start);

  struct All {
    Operations& operations;
    [[nodiscard]] bool await_ready() const { return operations.done(); }
    void await_suspend(Task::Handle task) const noexcept { task.promise().root->waiting_for = &operations; }
    void await_resume() const { operations.conclude(); }
  };
  /// co_await: until all have ended. Throws Error for the first failure, after the end of all.
  [[nodiscard]] All all() noexcept { return All{*this}; }

  /// After all(): of the i-th that was added. all() forgets the operations when others are added after it.
  [[nodiscard]] const tally_result& result(std::size_t i) const { return entries_[i].result; }
  /// Moves them on; true when all have ended.
  bool done();
  /// Blocking form of all(), for code that is no Task.
  void wait();

 private:
  struct Entry {
    Start start;  ///< not yet started
    tally_request* request = nullptr;
    tally_result result{};
  };
  void push(Entry entry);
  /// send() and receive(): starts it now where it may, else keeps how.
  template <typename Function>
  void add_message(const Function& start);
  void failed(tally_status status);
  void conclude();

  std::vector<Entry> entries_;
  std::size_t started_ = 0;  ///< entries before this one are with the engine, or over
  std::size_t ended_ = 0;    ///< entries before this one are over
  bool concluded_ = false;
  tally_status failure_ = TALLY_OK;
  std::string failure_text_;
};

}  // namespace tally::mpi
