// SPDX-License-Identifier: BSD-3-Clause
// A schedule as a picture.
#pragma once

#include <string>

#include "schedule/schedule.hpp"

namespace tally::schedule {

/// A space-time diagram (SVG 1.1, UTF-8): a band of lanes for each rank, steps of dependency to the right,
/// messages as arrows in their chunk's colour, memory operations as marks, a legend below. A step is one
/// message or one operation, whatever its bytes. Empty and *error where sends and receives do not match or
/// the schedule does not end; whether its results are right is verify's matter.
[[nodiscard]] std::string svg(const Schedule& schedule, std::string* error);

}  // namespace tally::schedule
