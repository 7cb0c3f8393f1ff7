// SPDX-License-Identifier: BSD-3-Clause
// Tells whether the fabric's process still serves this job.
#pragma once

#include <chrono>

#include "launch/job_segment.hpp"

namespace tally::sim {

/// Asks the job's header each time and the operating system ten times a second.
class FabricWatch {
 public:
  explicit FabricWatch(const job::Header& header) : header_(header) {}
  /// False for good once the fabric is gone or the launcher ends the job.
  [[nodiscard]] bool alive();
  /// Asks the operating system now.
  [[nodiscard]] bool alive_now();

 private:
  const job::Header& header_;
  bool gone_ = false;
  std::chrono::steady_clock::time_point asked_{};
};

}  // namespace tally::sim
