// SPDX-License-Identifier: BSD-3-Clause
// Calls of every collective on memory, and what MPI says that they leave there.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"

namespace tally::test {

/// Sizes of a v-form, in elements.
struct Counts {
  std::vector<std::vector<std::uint64_t>> block;  ///< [rank][rank] alltoallv: from, to; else [0][rank]
};

/// Runs `s` once on random integers, with sums as reductions, under a random interleaving and compares all
/// memory with what MPI says. `elements`: of the vector, or of each block. Returns an empty string or what is
/// wrong.
[[nodiscard]] std::string run_and_check(const schedule::Schedule& s, bool in_place, std::uint64_t elements,
                                        std::mt19937_64& random);
/// The same for blocks of the given sizes, which lie in any order and with gaps between them where MPI lets
/// them.
[[nodiscard]] std::string run_and_check(const schedule::Schedule& s, bool in_place, const Counts& counts,
                                        std::mt19937_64& random);
/// Some empty, most small, one large; square for alltoallv, and symmetric where it is in place.
[[nodiscard]] Counts random_counts(schedule::Collective collective, std::size_t ranks, bool in_place,
                                   std::mt19937_64& random);

}  // namespace tally::test
