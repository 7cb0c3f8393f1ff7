// SPDX-License-Identifier: BSD-3-Clause
// What `tally top` shows of a job: its counters by rank with their rates, as text or as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "launch/counter_rows.hpp"
#include "launch/running_jobs.hpp"

namespace tally::launch {

/// One look at a job.
struct TopLook {
  struct Rank {
    std::int32_t pid = 0;       ///< 0: not (yet) in the job, or on another host
    const char* state = "-";    ///< "runs", "waits", "left", "died", "-"
    std::optional<ToldCounters> told;
  };
  std::int64_t time_ns = 0;  ///< steady clock
  std::vector<Rank> ranks;
};

struct TopOptions {
  enum class Sort { kSections, kName, kValue, kRate };
  std::vector<std::string> patterns;  ///< of names: with *, ? or [ as a shell's, else a part of the name. Empty: all
  bool zeros = false;                 ///< rows that are 0 everywhere, too
  Sort sort = Sort::kSections;
};

/// Asks the ranks for their counters and waits, at most `patience_ms`, until those that live have answered.
[[nodiscard]] TopLook look_at(const RunningJob& job, int patience_ms);

/// Whether any counter's name has the pattern.
[[nodiscard]] bool matches_a_counter(const std::string& pattern);

/// `before`: an earlier look that rates are measured from; nullptr: none. `width`: columns to use at most.
[[nodiscard]] std::string top_text(const RunningJob& job, const TopLook& now, const TopLook* before,
                                   const TopOptions& options, std::size_t width);
/// The same as one line of JSON, with every counter that has the patterns: "job", "command", "engine", "uptime_s", "ranks" (of
/// each: "rank", "pid", "state", "age_s", "counters", "rates"; null where there is none), "total", "total_rates" (a second).
[[nodiscard]] std::string top_json(const RunningJob& job, const TopLook& now, const TopLook* before,
                                   const TopOptions& options);

/// All jobs, a line each.
[[nodiscard]] std::string jobs_text(const std::vector<RunningJob>& jobs);
[[nodiscard]] std::string jobs_json(const std::vector<RunningJob>& jobs);

}  // namespace tally::launch
