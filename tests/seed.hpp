// SPDX-License-Identifier: BSD-3-Clause
// Seeds and effort of randomised tests.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tally::test {

/// The seed of a randomised test: TALLY_SEED, else `fallback`. Always printed, so that a failure can be replayed.
inline std::uint64_t seed(std::uint64_t fallback) {
  const char* text = std::getenv("TALLY_SEED");
  const std::uint64_t value = text != nullptr ? std::strtoull(text, nullptr, 0) : fallback;
  std::printf("seed %llu (replay: TALLY_SEED=%llu)\n", static_cast<unsigned long long>(value),
              static_cast<unsigned long long>(value));
  return value;
}

/// How many times the usual number of random cases to run: TALLY_EFFORT (the nightly run sets it), else 1.
inline unsigned effort() {
  const char* text = std::getenv("TALLY_EFFORT");
  const unsigned value = text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 1;
  return value == 0 ? 1 : value;
}

}  // namespace tally::test
