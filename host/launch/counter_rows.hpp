// SPDX-License-Identifier: BSD-3-Clause
// The counters of tally.h as people read them: in sections, in this order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"
#include "tally/tally.h"

namespace tally::launch {

struct CounterRow {
  const char* name;
  std::uint64_t tally_counters::*field;
  std::string unit = {};  ///< where the name does not tell
};
struct CounterSection {
  const char* title;
  std::vector<CounterRow> rows;
};
[[nodiscard]] const std::array<CounterSection, 5>& counter_sections();

/// What a rank has told last, and when (steady clock, ns). Empty where it has told nothing, or belongs to another version.
struct ToldCounters {
  tally_counters value{};
  std::int64_t time_ns = 0;
  std::uint32_t answered = 0;  ///< Header::counters_asked then
};
[[nodiscard]] std::optional<ToldCounters> told_counters(const job::Segment& segment, std::uint32_t rank);

}  // namespace tally::launch
