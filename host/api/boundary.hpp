// SPDX-License-Identifier: BSD-3-Clause
// The edge of the C ABI: exceptions and Status become a tally_status and this thread's last error.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/engine.hpp"
#include "job/job.hpp"
#include "tally/tally.h"

namespace tally::api {

/// Sets this thread's last error to "call: text".
void set_last_error(const char* call, const char* text) noexcept;
[[nodiscard]] const char* last_error() noexcept;

/// A failure of an argument.
template <typename... Args>
[[nodiscard]] [[gnu::cold]] [[gnu::noinline]] Status bad_argument(fmt::format_string<Args...> format,
                                                                  Args&&... args) {
  return {TALLY_ERR_ARGUMENT, fmt::format(format, std::forward<Args>(args)...)};
}

/// A negative int that became a size_t; no object is that large.
[[nodiscard]] inline Status check_sign(const char* argument, std::size_t value) {
  if (value <= PTRDIFF_MAX) return {};
  return bad_argument("{} {} is negative", argument, static_cast<std::ptrdiff_t>(value));
}
/// The same for an element of an array.
[[nodiscard]] inline Status check_sign(const char* argument, std::size_t index, std::size_t value) {
  if (value <= PTRDIFF_MAX) return {};
  return bad_argument("{}[{}] {} is negative", argument, index, static_cast<std::ptrdiff_t>(value));
}

/// The status of the exception that is being handled.
[[nodiscard]] tally_status caught(const char* call) noexcept;

/// Runs f() -> Status; nothing is thrown beyond it.
template <typename F>
[[gnu::always_inline]] inline tally_status boundary(const char* call, F&& f) noexcept {
  try {
    const Status status = f();
    if (!status.ok() && status.code() != TALLY_AGAIN) [[unlikely]]
      set_last_error(call, status.message().c_str());
    return status.code();
  } catch (...) {
    return caught(call);
  }
}

}  // namespace tally::api
