// SPDX-License-Identifier: BSD-3-Clause
// From an MSCCL program to a schedule.
#pragma once

#include <string>

#include "schedule/msccl/parse.hpp"
#include "schedule/schedule.hpp"

namespace tally::schedule::msccl {

/// The program with a lane for each thread block, in the order of the file: more lanes than engines have.
/// Steps that move chunks which are not next to each other in the vector become several. False and *error,
/// which names a line, where a step cannot run or the program needs what schedules have not.
[[nodiscard]] bool convert(const Algorithm& algorithm, Schedule* out, std::string* error);

/// The same work in at most kMaxLanes lanes, with flows of one packet: a schedule for any size. `wide` has
/// been proved (detail::verify_wide).
[[nodiscard]] Schedule narrow(const Schedule& wide);

}  // namespace tally::schedule::msccl
