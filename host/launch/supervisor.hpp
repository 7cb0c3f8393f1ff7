// SPDX-License-Identifier: BSD-3-Clause
// Runs one job: the ranks, for simulated engines the fabric, and whatever they leave behind.
//
// Two processes stand between the user and the ranks. The *launcher* is the one the user started; the *supervisor*, its
// child, owns the segment and the ranks. Both adopt orphans (PR_SET_CHILD_SUBREAPER), so whichever of them is killed,
// the other one ends every process of the job, including grandchildren that left their process group.
#pragma once

#include <string>
#include <vector>

#include "launch/job_segment.hpp"

namespace tally::launch {

struct JobSpec {
  enum class Counters { kNone, kTable, kJson };
  unsigned ranks = 1;
  job::EngineKind engine = job::EngineKind::kSoft;
  std::string config;                  ///< fabric parameters, or empty
  std::string pcap;                    ///< capture file of the fabric, or empty
  Counters counters = Counters::kNone; ///< what to print behind all output
  std::string counters_json;           ///< write them to this file, or empty
  bool tag_output = false;
  bool mpi = true;                     ///< programs linked with Open MPI's library get Tally's
  bool bind = true;                    ///< each rank to its share of the processors, where there are enough
  double deadlock_seconds = 0;         ///< a job that waits for so long for itself is ended (deadlock.hpp); 0: never
  std::string program;                 ///< resolved path
  std::vector<std::string> arguments;  ///< with argv[0]
};

/// Runs the job to its end; returns the exit code of `tally run`.
[[nodiscard]] int run_job(const JobSpec& spec);

}  // namespace tally::launch
