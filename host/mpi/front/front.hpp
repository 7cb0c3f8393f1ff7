// SPDX-License-Identifier: BSD-3-Clause
// What each MPI_* function does around the core's: is the library in a state to be called, the lock, the error handler.
#pragma once

// A function that the core does not define is null here.
#define TALLY_MPI_CORE_FUNCTION [[gnu::weak, gnu::visibility("hidden")]]
#include <limits>
#include <mutex>
#include <type_traits>

#include "mpi_api.h"

#include "core/functions.hpp"
#include "core/runtime.hpp"

/// MPI_X is another name of PMPI_X, which a profiler may take.
#define TALLY_MPI_ALIAS(result, name, parameters) \
  result name parameters __attribute__((weak, alias("P" #name)));

namespace tally::mpi::front {

/// The object whose error handler is called; the call may make it null (MPI_Comm_free).
class Holder {
 public:
  enum class Kind : unsigned char { kNone, kComm, kWindow, kFile, kSession, kErrhandler };
  Holder() noexcept = default;
  explicit Holder(MPI_Comm comm) noexcept : kind_(Kind::kComm), handle_(comm) {}
  explicit Holder(MPI_Win window) noexcept : kind_(Kind::kWindow), handle_(window) {}
  explicit Holder(MPI_File file) noexcept : kind_(Kind::kFile), handle_(file) {}
  explicit Holder(MPI_Session session) noexcept : kind_(Kind::kSession), handle_(session) {}
  /// The error handler itself, of an object that is not made yet.
  explicit Holder(MPI_Errhandler errhandler) noexcept : kind_(Kind::kErrhandler), handle_(errhandler) {}
  /// Files have no handles of their own yet.
  static Holder files() noexcept { return Holder(MPI_FILE_NULL); }
  /// Of an argument that is in and out; it may be NULL.
  template <typename Handle>
  static Holder at(const Handle* handle) noexcept {
    return handle == nullptr ? Holder() : Holder(*handle);
  }
  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const void* handle() const noexcept { return handle_; }

 private:
  Kind kind_ = Kind::kNone;
  const void* handle_ = nullptr;
};

/// The exception that is being handled goes to the holder's error handler; the code that the function returns.
int failed(const char* function, Holder holder) noexcept;
/// The same for MPI_T_*, which have no error handler.
int failed_tool() noexcept;
/// Before MPI_Init or after MPI_Finalize.
int out_of_time(const char* function) noexcept;
/// A function that the library does not serve.
int unserved(const char* function, Holder holder) noexcept;
int unserved_tool(const char* function, Holder holder) noexcept;
[[noreturn]] void unserved_value(const char* function) noexcept;
/// A pointer that has to lead somewhere is NULL.
[[noreturn]] void null_argument(const char* argument);
/// A value that does not fit the argument's type, where MPI_UNDEFINED does not tell it.
[[noreturn]] void too_large(const char* argument, long long value);

inline void begin(const char* function, const Holder& holder) noexcept {
  current_call.function = function;
  current_call.comm = holder.kind() == Holder::Kind::kComm ? holder.handle() : nullptr;
  current_call.request = nullptr;
  current_call.peer = MPI_PROC_NULL;
  current_call.role = Call::Peer::kRoot;
}

template <typename Body>
int any_time_call(const char* function, Holder holder, Body&& body) noexcept {
  begin(function, holder);
  try {
    // The function of an MPI_Op runs under the endpoint's lock, which comes behind this one; MPI allows it local calls only.
    if (runtime.locks && current_call.operations == 0) [[unlikely]] {
      const std::lock_guard lock(runtime.mutex);
      body();
    } else {
      body();
    }
    return MPI_SUCCESS;
  } catch (...) {
    return failed(function, holder);
  }
}

/// Reads what no other thread may change meanwhile, so that it takes no lock: a thread that calls it may hold what the
/// program's function needs that another thread has called under the lock (Python's, for one).
template <typename Body>
int local_call(const char* function, Holder holder, Body&& body) noexcept {
  if (runtime.phase.load(std::memory_order_relaxed) != Runtime::Phase::kInitialized) [[unlikely]]
    return out_of_time(function);
  begin(function, holder);
  try {
    body();
    return MPI_SUCCESS;
  } catch (...) {
    return failed(function, holder);
  }
}

template <typename Body>
int call(const char* function, Holder holder, Body&& body) noexcept {
  if (runtime.phase.load(std::memory_order_relaxed) != Runtime::Phase::kInitialized) [[unlikely]]
    return out_of_time(function);
  return any_time_call(function, holder, body);
}

template <typename Body>
int tool_call(const char* function, Holder, Body&& body) noexcept {
  current_call.function = function;
  try {
    if (runtime.locks) {
      const std::lock_guard lock(runtime.mutex);
      body();
    } else {
      body();
    }
    return MPI_SUCCESS;
  } catch (...) {
    return failed_tool();
  }
}

/// An output that the program has in a narrower (or differently named) type than the core.
template <typename Program, typename Core, bool kIn>
class Converted {
 public:
  Converted(const char* name, Program* program) : name_(name), program_(program) {
    if (program == nullptr) null_argument(name);
    if constexpr (kIn) value_ = *program;
  }
  Core* core() noexcept { return &value_; }
  void store() {
    if constexpr (sizeof(Program) < sizeof(Core)) {
      if (value_ > std::numeric_limits<Program>::max() || value_ < std::numeric_limits<Program>::min()) {
        // A position that is too large for the program was written behind the buffer it gave: that cannot be.
        if (kIn) too_large(name_, value_);
        *program_ = MPI_UNDEFINED;
        return;
      }
    }
    *program_ = static_cast<Program>(value_);
  }

 private:
  const char* name_;
  Program* program_;
  Core value_{};
};

}  // namespace tally::mpi::front
