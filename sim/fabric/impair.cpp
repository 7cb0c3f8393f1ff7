// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fabric/impair.hpp"

#include <array>
#include <cstddef>

namespace tally::sim {

namespace {

constexpr std::size_t kAddressBytes = 12;  // destination and source MAC: a corrupt frame still reaches a NIC

// Finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Impairment::Impairment(const FabricConfig& config, std::uint64_t link)
    : loss_(config.loss),
      duplicate_(config.duplicate),
      reorder_(config.reorder),
      corrupt_(config.corrupt),
      active_(loss_ > 0 || duplicate_ > 0 || reorder_ > 0 || corrupt_ > 0),
      state_(mix(config.seed + mix(link + 1))) {}

std::uint64_t Impairment::next() { return mix(state_ += 0x9e3779b97f4a7c15u); }

bool Impairment::happens(double probability) {
  return static_cast<double>(next() >> 11) * 0x1p-53 < probability;  // uniform in [0, 1)
}

Impairment::Fate Impairment::draw() {
  // All four are drawn for every frame: one probability does not change what the others do.
  Fate fate;
  fate.lost = happens(loss_);
  fate.duplicated = happens(duplicate_) && !fate.lost;
  fate.held = happens(reorder_) && !fate.lost;
  fate.corrupted = happens(corrupt_) && !fate.lost;
  counts_.lost += fate.lost;
  counts_.duplicated += fate.duplicated;
  counts_.reordered += fate.held;
  counts_.corrupted += fate.corrupted;
  return fate;
}

void Impairment::corrupt(std::span<std::byte> frame) {
  const std::uint64_t bits = (frame.size() - kAddressBytes) * 8;
  std::array<std::uint64_t, 3> flipped{};
  const std::uint64_t count = 1 + next() % flipped.size();
  for (std::size_t i = 0; i < count; ++i) {
    bool again = true;
    while (again) {
      flipped[i] = next() % bits;
      again = false;
      for (std::size_t j = 0; j < i; ++j) again = again || flipped[j] == flipped[i];
    }
    frame[kAddressBytes + flipped[i] / 8] ^= std::byte{1} << (flipped[i] % 8);
  }
}

}  // namespace tally::sim
