// SPDX-License-Identifier: BSD-3-Clause
// Finds jobs that cannot go on: every rank waits, and nothing is on its way.
//
// Each rank publishes a wait that lasts in its WaitRecord: how many of its threads wait, how often they have
// looked for news, what its engine has moved so far, and what it waits for. A job is deadlocked when over the
// whole time given
//   - every rank that has not left the job is in the same wait (who computes, or has not opened its endpoint,
//   is not in one; where
//     other threads may call, all threads of the process are),
//   - no rank's engine has moved anything,
//   - each rank has looked for news several times (a rank that is stopped, or waits for a processor, has
//   not), and
//   - the simulated devices are at rest (engine rtl): no event is due, hence no message, answer or timer is
//   on its way.
// A message that is under way would have been taken by one of those looks, and would have ended a wait or
// moved something.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "job/job.hpp"

namespace tally::launch {

class DeadlockWatch {
 public:
  using Clock = std::chrono::steady_clock;
  /// `after` 0: never. threads_of(pid): threads of a process; a parameter for tests.
  DeadlockWatch(const job::Segment& segment, std::chrono::duration<double> after,
                std::function<unsigned(std::int32_t)> threads_of = count_threads);

  /// How often look() is to be called; 0: never.
  [[nodiscard]] std::chrono::milliseconds interval() const noexcept;
  /// running[r]: rank r's process lives. A report of several lines, once the job is deadlocked.
  [[nodiscard]] std::optional<std::string> look(const std::vector<bool>& running, Clock::time_point now);

  /// From /proc; 0: the process is gone.
  static unsigned count_threads(std::int32_t pid);

 private:
  struct Seen {
    std::uint64_t waits = 0;
    std::uint64_t looks = 0;
    std::uint64_t activity = 0;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  /// False: the rank does not wait.
  [[nodiscard]] bool read(unsigned rank, Seen* seen) const;
  [[nodiscard]] bool devices_at_rest() const noexcept;
  [[nodiscard]] std::string report(const std::vector<bool>& alive, std::chrono::duration<double> quiet) const;

  const job::Segment& segment_;
  std::chrono::duration<double> after_;
  std::function<unsigned(std::int32_t)> threads_of_;
  std::vector<Seen> first_;  ///< of the ranks in order; empty: not all wait
  std::vector<bool> alive_;
  Clock::time_point since_;
};

}  // namespace tally::launch
