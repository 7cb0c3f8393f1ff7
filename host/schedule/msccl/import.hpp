// SPDX-License-Identifier: BSD-3-Clause
// Algorithms from MSCCL XML files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "schedule/schedule.hpp"

namespace tally::schedule {

/// What a file became.
struct Imported {
  Schedule schedule;     ///< proved, in at most kMaxLanes lanes; algorithm: its name and a hash of its text
  std::string protocol;  ///< as the file says; it changes nothing here
  std::size_t gpus = 0;
  std::size_t thread_blocks = 0;               ///< of the GPU that has the most
  std::size_t steps = 0;                       ///< of all
  std::uint64_t min_bytes = 0, max_bytes = 0;  ///< sizes that the file is meant for; 0: no limit
};

/// From a file's text. False and *error, which names line or rank, lane and step, where it is no such file,
/// holds something unknown, or does not compute its collective.
[[nodiscard]] bool import_msccl(const std::string& xml, Imported* out, std::string* error);

/// An algorithm's name that is a file's: it ends with ".xml".
[[nodiscard]] bool is_file(const std::string& algorithm);
/// The file's algorithm, read at the first use in this process; nullptr and *error (which names the file).
/// Thread safe.
[[nodiscard]] std::shared_ptr<const Imported> load_msccl(const std::string& path, std::string* error);

}  // namespace tally::schedule
