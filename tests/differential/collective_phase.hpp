// SPDX-License-Identifier: BSD-3-Clause
// Phases of collectives: one, or many at once on several groups, of every kind, type and operation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "tally/tally.h"

namespace tally::test {

/// A group as this rank sees it.
struct CollectiveGroup {
  tally_group* group;  ///< nullptr: all ranks, or a group that this rank is not in
  int size;
  int rank;  ///< -1: not a member
};

struct CollectivePhase {
  std::uint64_t number;
  std::vector<CollectiveGroup> groups;
};

/// Runs the phase that `plan`, equal on all ranks, makes, with this rank's choices from `local`; writes what
/// came out to `out`. Buffers are in memory of `room` bytes, registered. Returns "" or what is wrong.
std::string run_collectives(tally_endpoint* endpoint, const CollectivePhase& phase, std::mt19937_64& plan,
                            std::mt19937_64& local, std::byte* memory, std::size_t room, std::ostream& out);

}  // namespace tally::test
