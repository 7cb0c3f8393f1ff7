// SPDX-License-Identifier: BSD-3-Clause
// All makers of schedules, for tests that go through them.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"

namespace tally::test {

struct Maker {
  const char* name;
  /// `root` and `in_place` where the collective and the algorithm have them.
  schedule::Schedule (*make)(int ranks, int root, bool in_place);
};

void PrintTo(const Maker& maker, std::ostream* out);

[[nodiscard]] const std::vector<Maker>& makers();
/// Roots to try: both ends and one between; 0 alone where the collective has none.
[[nodiscard]] std::vector<int> roots(schedule::Collective collective, int ranks);

}  // namespace tally::test
