// SPDX-License-Identifier: BSD-3-Clause
// The Verilator context of the module tests: registers without reset start random, as in hardware, but in builds that
// count coverage.
#pragma once

#include <verilated.h>

#include <cstdint>

namespace tally::test {

/// Outlives the model that is made with it. Equal seeds give equal registers.
struct RandomContext : VerilatedContext {
  explicit RandomContext(std::uint64_t seed = 0) {
#ifdef TALLY_COVERAGE
    randReset(0);  // a random value before the first one would count as a toggle
#else
    randReset(2);
#endif
    randSeed(static_cast<int>(seed & 0x3fffffff) + 1);  // 0 would mean: by the clock
  }
};

}  // namespace tally::test
