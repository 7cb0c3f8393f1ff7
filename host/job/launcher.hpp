// SPDX-License-Identifier: BSD-3-Clause
// What a program asks of whatever started it: its rank, the number of ranks, and one way to tell the others
// something before there is a network between them.
//
// `tally run` answers through the job segment. mpiexec.hydra and Slurm speak PMI-1 or PMI-2 on a descriptor
// that the process inherits; Open MPI's, PRRTE's and Slurm's PMIx answer through libpmix, which is loaded
// when it is needed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tally::job {

class Launcher {
 public:
  virtual ~Launcher() = default;
  /// "pmi1", "pmi2", "pmix".
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  [[nodiscard]] virtual int rank() const noexcept = 0;
  [[nodiscard]] virtual int size() const noexcept = 0;
  /// Gives every rank's value, by rank. All ranks call it, in the same order. Any bytes, a few hundred at
  /// most. Throws Error where the launcher refuses, or has gone.
  [[nodiscard]] virtual std::vector<std::string> exchange(std::string_view mine) = 0;
  /// Tells the launcher that this process leaves the job in good order. The last call.
  virtual void finish() noexcept = 0;
};

enum class LauncherKind { kNone, kTally, kPmi1, kPmi2, kPmix };

/// Which launcher the environment speaks of; TALLY_LAUNCHER=tally|pmi1|pmi2|pmix|none decides where it is
/// set. Throws Error, with the variables that were seen, where one is there by half.
[[nodiscard]] LauncherKind detect_launcher();

// Each connects by the variables that its launcher sets, and throws Error where that fails.
[[nodiscard]] std::unique_ptr<Launcher> connect_pmi1();
[[nodiscard]] std::unique_ptr<Launcher> connect_pmi2();
[[nodiscard]] std::unique_ptr<Launcher> connect_pmix();

/// Whether this build can talk to PMIx servers.
[[nodiscard]] bool have_pmix() noexcept;

}  // namespace tally::job
