// SPDX-License-Identifier: BSD-3-Clause
// The control variables, performance variables and categories of MPI_T: what there is, as tables (MPI 5.0, chapter 15).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mpi_api.h"

#include "tally/tally.h"

namespace tally::mpi::tool {

/// An environment variable that Tally reads when MPI is initialized. Its value is a text; "" is: not set.
struct ControlVariable {
  const char* name;  ///< of the environment variable too
  int verbosity;
  int scope;
  const char* description;
};
/// Longest value with its terminating NUL; the element count of every control variable.
inline constexpr std::size_t kValueBytes = 1024;
[[nodiscard]] std::span<const ControlVariable> control_variables() noexcept;

/// A field of tally_counters.
struct Counter {
  const char* name;
  std::uint64_t tally_counters::*field;
  const char* description;
};
[[nodiscard]] std::span<const Counter> counters() noexcept;

struct Category {
  const char* name;
  const char* description;
  std::vector<int> control;      ///< indices
  std::vector<int> performance;  ///< indices
  std::vector<int> categories;   ///< indices of those within
};
[[nodiscard]] const std::vector<Category>& categories();

}  // namespace tally::mpi::tool
