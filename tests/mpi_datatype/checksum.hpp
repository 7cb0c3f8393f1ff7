// SPDX-License-Identifier: BSD-3-Clause
// What both sides of the comparison with Open MPI share: seeds of cases, the contents of buffers, a checksum.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tally::test {

inline std::uint64_t case_seed(std::uint64_t seed, std::uint64_t i) { return seed * 1000003 + i; }

/// A buffer for two elements of a type; the byte at a displacement is a function of it.
class Pattern {
 public:
  Pattern(std::int64_t true_lb, std::int64_t true_ub, std::int64_t extent)
      : low_(std::min(true_lb, true_lb + extent)), bytes_(length(low_, std::max(true_ub, true_ub + extent))) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      const auto at = static_cast<std::uint64_t>(low_ + static_cast<std::int64_t>(i));
      bytes_[i] = static_cast<unsigned char>(at * 0x9e3779b97f4a7c15u >> 56);
    }
  }
  [[nodiscard]] unsigned char* address() { return bytes_.data() - low_; }

 private:
  static std::size_t length(std::int64_t low, std::int64_t high) {
    return static_cast<std::size_t>(high - low);
  }
  std::int64_t low_;
  std::vector<unsigned char> bytes_;
};

/// FNV-1a.
inline std::uint64_t checksum(const std::vector<unsigned char>& bytes) {
  std::uint64_t sum = 0xcbf29ce484222325u;
  for (const unsigned char b : bytes) sum = (sum ^ b) * 0x100000001b3u;
  return sum;
}

}  // namespace tally::test
