// SPDX-License-Identifier: BSD-3-Clause
// Inputs of a reduction and the check of its result, computed here from the inputs, without the library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tally/tally.h"

namespace tally::bench {

enum class Pattern {
  kExact,   ///< every order of combination gives the same value: integers (full range, they wrap), floats that are small
            ///< multiples of 1/4 or whole numbers, for products powers of two
  kRandom,  ///< f32 and f64 of many magnitudes, but for products: the order matters, within an error bound
};

/// Writes rank `rank`'s contribution number `round` to a reduction by `op`.
void fill_input(std::span<std::byte> input, tally_dtype dtype, tally_op op, Pattern pattern, std::uint64_t seed,
                unsigned round, unsigned rank);

/// Writes bytes that no result holds, so that an output that was never written is seen.
void poison(std::span<std::byte> output);

/// Checks rank `rank`'s result of ranks 0 .. ranks - 1. kExact: equal values. kRandom: within (ranks - 1) rounding errors of
/// the sum of magnitudes (sum), or equal (min, max). Returns "" or the first difference.
[[nodiscard]] std::string check_result(std::span<const std::byte> output, tally_dtype dtype, tally_op op,
                                       Pattern pattern, std::uint64_t seed, unsigned round, unsigned ranks,
                                       unsigned rank);

}  // namespace tally::bench
