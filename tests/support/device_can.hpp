// SPDX-License-Identifier: BSD-3-Clause
// Which collectives the simulated device takes: all, but for what the driver does not ask of it yet.
#pragma once

#include "engine/ring/sequencer_limits.hpp"
#include "support/exercise.hpp"

namespace tally::test {

inline bool device_can(Api api, tally_dtype dtype, tally_op op) {
  if (ring::kAllCollectives) return true;
  const bool type = dtype == TALLY_BYTE || dtype == TALLY_I32 || dtype == TALLY_I64 || dtype == TALLY_F32 ||
                    dtype == TALLY_F64;
  return !has_counts(api) && type &&
         (!is_reduction(api) || op == TALLY_SUM || op == TALLY_MIN || op == TALLY_MAX);
}
/// Collectives of several groups, started in an order of each rank's own.
inline bool device_runs_any_order() { return ring::kConcurrentCollectives; }

}  // namespace tally::test
