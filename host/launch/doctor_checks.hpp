// SPDX-License-Identifier: BSD-3-Clause
// What of a machine slows or stops a job, found in its settings.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tally::launch {

enum class Health {
  kGood,
  kNote,     ///< worth knowing, nothing to do
  kWarning,  ///< jobs run, slower than they could or not in all cases
  kProblem,  ///< something that is there cannot be used
};

struct Finding {
  Health health;
  std::string subject;  ///< what was looked at
  std::string text;     ///< what was found
  std::string advice;   ///< what to do; empty for kGood and kNote
};

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

/// What the checks look at. /proc, /sys and /dev are read below `root`; the rest is told, for the calls that
/// tell it know one machine only.
struct Machine {
  std::filesystem::path root = "/";
  std::uint64_t locked_memory = kUnlimited;  ///< RLIMIT_MEMLOCK, soft, bytes
  std::uint64_t shared_memory = 0;           ///< size of /dev/shm, bytes; 0: there is none
  unsigned processors = 1;                   ///< that this process may run on
  unsigned ranks = 0;                        ///< planned for this host; 0: not told
  bool process_vm = true;                    ///< processes reach each other's memory
};

/// This process's machine.
[[nodiscard]] Machine this_machine(unsigned ranks);

/// All checks, in the order in which they are explained in docs/cluster.md. Never throws for what the machine
/// lacks: a file that cannot be read counts as absent.
[[nodiscard]] std::vector<Finding> examine(const Machine& machine);

[[nodiscard]] const char* name_of(Health health) noexcept;

}  // namespace tally::launch
