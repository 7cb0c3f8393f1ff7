// SPDX-License-Identifier: BSD-3-Clause
// Packets of the network ends as their beats.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "support/module_bench.hpp"
#include "tally/device.hpp"

namespace tally::test {

static_assert(sizeof(Beat) == device::kBeatBytes);

inline Beat random_beat(std::mt19937_64& random) {
  Beat beat;
  for (auto& b : beat) b = static_cast<std::uint8_t>(random());
  return beat;
}

/// A packet as its beats, header first.
using Packet = std::vector<Beat>;

inline Beat as_beat(const device::WireHeader& header) {
  Beat beat;
  std::memcpy(beat.data(), &header, sizeof header);
  return beat;
}
inline device::WireHeader as_header(const Beat& beat) {
  device::WireHeader header;
  std::memcpy(&header, beat.data(), sizeof header);
  return header;
}

}  // namespace tally::test
