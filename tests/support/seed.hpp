// SPDX-License-Identifier: BSD-3-Clause
// Seeds, random numbers and effort of randomised tests.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace tally::test {

/// The seed of a randomised test: TALLY_SEED, else `fallback`. Always printed, so that a failure can be
/// replayed.
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

/// splitmix64 (Steele, Lea, Flood, OOPSLA 2014): cheap enough for one draw a port and cycle.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// From 0 to bound - 1; bound is at least 1.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// True in `p` of 100 calls.
  bool percent(unsigned p) { return below(100) < p; }

 private:
  std::uint64_t state_;
};

}  // namespace tally::test
