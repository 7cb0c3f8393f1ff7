// SPDX-License-Identifier: BSD-3-Clause
// The Tally jobs that run on this machine.
//
// A job's segment has no name, but the process that made it holds its descriptor: /proc/<pid>/fd tells of it, for the processes of
// the same user (of all, for root).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "job/job.hpp"

namespace tally::launch {

struct RunningJob {
  pid_t id = 0;      ///< `tally run`, or the process that made the segment
  pid_t holder = 0;  ///< has the segment's descriptor
  std::string path;  ///< of the segment
  std::uint64_t inode = 0;
  std::unique_ptr<job::Segment> segment;  ///< nullptr: it cannot be looked at
  std::string trouble;                    ///< why
  std::string command;                    ///< of its first rank here
  double started_s = 0;                   ///< of the holder, since boot

  /// Whether a process has this number that belongs to the job.
  [[nodiscard]] bool has(pid_t pid) const noexcept;
  /// False: no process is left that could change anything.
  [[nodiscard]] bool runs() const;
};

/// Those that this user may look at, by id.
[[nodiscard]] std::vector<RunningJob> running_jobs();
/// Why none of them is the job of process `pid`, in a sentence.
[[nodiscard]] std::string why_no_job(pid_t pid);
/// Seconds since the machine has started.
[[nodiscard]] double since_boot_s();
/// The process is there, and no zombie.
[[nodiscard]] bool process_lives(pid_t pid);

}  // namespace tally::launch
