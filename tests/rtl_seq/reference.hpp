// SPDX-License-Identifier: BSD-3-Clause
// The same schedules with plain host arithmetic: whole instructions, channels without bound.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "schedule/schedule.hpp"
#include "tally/device.hpp"

namespace tally::test {

using Bytes = std::vector<std::uint8_t>;

struct RankMemory {
  Bytes input, output, scratch;
  bool in_place = false;  ///< input is output
};

[[nodiscard]] std::uint32_t element_bytes(device::Dtype dtype);
/// Random elements: finite, of mixed magnitude.
[[nodiscard]] Bytes random_elements(device::Dtype dtype, std::size_t count, std::mt19937_64& random);

/// Runs lanes[rank] on memory[rank]; false: the lanes wait for each other.
[[nodiscard]] bool run_reference(const std::vector<std::vector<schedule::Lane>>& ranks, std::vector<RankMemory>& memory,
                                 device::Dtype dtype, device::Redop redop, std::uint64_t chunk, std::uint64_t total);

}  // namespace tally::test
