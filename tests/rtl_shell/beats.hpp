// SPDX-License-Identifier: BSD-3-Clause
// Beats of Verilated 512-bit ports as byte arrays.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "tally/device.hpp"

namespace tally::test {

using Beat = std::array<std::uint8_t, device::kBeatBytes>;

/// Copies a beat into port words at `index` (a flat vector of several beats), and back.
template <typename Wide>
void set_beat(Wide& port, const Beat& beat, std::size_t index = 0) {
  std::memcpy(&port[index * 16], beat.data(), beat.size());
}
template <typename Wide>
Beat get_beat(const Wide& port, std::size_t index = 0) {
  Beat beat;
  std::memcpy(beat.data(), &port[index * 16], beat.size());
  return beat;
}

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
