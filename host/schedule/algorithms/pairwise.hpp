// SPDX-License-Identifier: BSD-3-Clause
// Exchanges of all ranks with all, pair by pair.
#pragma once

#include "schedule/algorithms/build.hpp"

namespace tally::schedule::detail {

/// Appends to a rank's kMaxLanes lanes: sends block j of Input to rank j, and reduces all contributions to
/// block `rank` into `home`. Uses a scratch chunk a lane. Returns the lane whose last instruction completes
/// `home`; home may be where Input's block `rank` stands, but no other block of Input. At least two ranks.
std::size_t pairwise_reduce(std::vector<Lane>& lanes, int rank, int ranks, Place home);

}  // namespace tally::schedule::detail
