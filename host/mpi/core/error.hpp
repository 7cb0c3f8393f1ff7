// SPDX-License-Identifier: BSD-3-Clause
// How the core tells that an MPI call failed.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "core/objects.hpp"
#include "tally/tally.h"

namespace tally::mpi {

/// Leaves a core function; the front hands it to the error handler that the standard names.
struct Error {
  int error_class;   ///< MPI_ERR_... of the ABI
  std::string text;  ///< names the argument; the function is added by the front
  /// Whose error handler is called, where that is not told by the call's arguments: of the request that has failed.
  Ref<Comm> comm{};
};

template <typename... Args>
[[noreturn]] void fail(int error_class, fmt::format_string<Args...> text, Args&&... args) {
  throw Error{error_class, fmt::format(text, std::forward<Args>(args)...), {}};
}

/// Throws what a failed call of the Tally API means in MPI's classes, with tally_last_error() as text.
void check(tally_status status);

}  // namespace tally::mpi
