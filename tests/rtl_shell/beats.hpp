// SPDX-License-Identifier: BSD-3-Clause
// What the tests of the rings share: random beats and a bench with the device's cycle counter.
#pragma once

#include <cstdint>
#include <random>

#include "support/module_bench.hpp"
#include "tally/device.hpp"

namespace tally::test {

static_assert(sizeof(Beat) == device::kBeatBytes);

inline Beat random_beat(std::mt19937_64& random) {
  Beat beat;
  for (auto& b : beat) b = static_cast<std::uint8_t>(random());
  return beat;
}

/// With the free-running cycle counter that times completions.
template <typename Model>
struct CycleBench : ModuleBench<Model> {
  CycleBench() { this->top.cycle_i = 0; }
  void step() {
    ModuleBench<Model>::step();
    this->top.cycle_i += 1;
  }
};

}  // namespace tally::test
