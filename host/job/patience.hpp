// SPDX-License-Identifier: BSD-3-Clause
// The rule of all waits, for those that come before there is an endpoint: after TALLY_WARN seconds (30) a
// line that says what is waited for, then again each time that as much more has passed as so far; after
// TALLY_TIMEOUT seconds, if that is set, an error.
#pragma once

#include <chrono>
#include <string>

namespace tally::job {

class Patience {
 public:
  /// `what`: "pmi1: waits for the other ranks in the launcher's barrier".
  explicit Patience(std::string what);
  /// Call now and then while waiting. Throws Error when the time is over.
  void look();

 private:
  std::string what_;
  std::chrono::steady_clock::time_point start_;
  double warn_after_;
  double give_up_after_;
};

}  // namespace tally::job
