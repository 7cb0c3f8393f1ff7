// SPDX-License-Identifier: BSD-3-Clause
// The same schedules with plain host arithmetic: whole instructions, channels without bound.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "schedule/schedule.hpp"
#include "tally/device.hpp"

namespace tally::test {

using Bytes = std::vector<std::uint8_t>;

/// One rank's part of a collective: its program and its memory.
struct RankRun {
  unsigned rank = 0;  ///< what peers of instructions call it
  std::vector<schedule::Lane> lanes;
  Bytes memory;
  std::size_t input = 0, output = 0, scratch = 0;  ///< where the buffers begin in it; they may overlap
};

/// What all ranks of a collective have in common.
struct Shared {
  device::Dtype dtype = device::Dtype::kI32;
  device::Redop redop = device::Redop::kSum;
  std::uint64_t chunk = 0;                            ///< bytes
  std::uint64_t total = 0;                            ///< bytes of the vector
  std::uint16_t pass_chunks = 0;                      ///< ScheduleHeader.chunks
  std::array<std::uint8_t, 4> send_lane{0, 1, 2, 3};  ///< where what a lane sends is received
};

/// Of all types of the device; 1 for none.
[[nodiscard]] std::uint32_t element_bytes(device::Dtype dtype);
/// Random elements: integers of any value; floating point mostly of mixed magnitude, and some of any bits.
[[nodiscard]] Bytes random_elements(device::Dtype dtype, std::size_t count, std::mt19937_64& random);

/// Runs the programs on the memories; false: the lanes wait for each other.
[[nodiscard]] bool run_reference(std::vector<RankRun>& ranks, const Shared& shared);

}  // namespace tally::test
