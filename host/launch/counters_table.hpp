// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

#include "job/job.hpp"

namespace tally::launch {

/// The counters that the ranks left in the segment, per rank and in total, as text. Ranks that did not close their
/// endpoint have none and show "-".
[[nodiscard]] std::string counters_table(const job::Segment& segment);

/// The same as JSON: "engine", "ranks" (an object of counters each, or null), "total", "device_time_us" (simulated time at
/// the end, or null).
[[nodiscard]] std::string counters_json(const job::Segment& segment);

}  // namespace tally::launch
