// SPDX-License-Identifier: BSD-3-Clause
// Seed of a randomized test: TALLY_SEED if set, else fixed by the test; always printed.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace tally::test {

inline std::uint64_t seed_or(std::uint64_t fallback) {
  const char* text = std::getenv("TALLY_SEED");
  const std::uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : fallback;
  std::printf("TALLY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

/// Random numbers of one test.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// From 0 to bound - 1; bound is at least 1.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  std::uint64_t bits64() { return engine_(); }
  /// True in `percent` of 100 calls.
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tally::test
