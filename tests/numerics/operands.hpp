// SPDX-License-Identifier: BSD-3-Clause
// Operands that find mistakes in adders, multipliers and comparisons: corner values, and random pairs that
// are drawn close to each other or close to where a result rounds, overflows or vanishes.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/types.hpp"
#include "support/seed.hpp"

namespace tally::test {

/// The seed of these tests where TALLY_SEED is not set.
inline constexpr std::uint64_t kSeed = 20240917;

/// Numbers at every edge of the type's numbers (a component, a value). Floating point: zeros, subnormals,
/// least and greatest normals, infinities, NaNs of both kinds with payloads, and fractions that tie, nearly
/// tie or carry, at exponents up to two significands apart.
[[nodiscard]] std::vector<std::uint64_t> corner_values(const Type& type);

/// Draws operand pairs of one type.
class Operands {
 public:
  Operands(const Type& type, std::uint64_t seed);

  /// `elements` elements to a and to b.
  void fill(void* a, void* b, std::size_t elements);
  /// All pairs of corner values from pair `first` on, modulo their number; the rest of an element (imaginary
  /// part, index, padding) is drawn.
  void fill_corners(void* a, void* b, std::size_t elements, std::size_t first);
  [[nodiscard]] std::size_t corner_pairs() const { return corners_.size() * corners_.size(); }

 private:
  struct Pair {
    std::uint64_t a;
    std::uint64_t b;
  };

  void put(void* a, void* b, const Pair& first);
  void put_index(unsigned char* a, unsigned char* b);
  std::uint64_t corner() { return corners_[random_.below(corners_.size())]; }
  std::uint64_t fraction();
  std::uint64_t short_fraction();
  Pair number();
  Pair integer();
  Pair real();
  Pair sum_operands(std::uint64_t sign, std::uint64_t exponent);
  Pair product_operands(std::uint64_t sign, std::uint64_t exponent);

  const Type& type_;
  std::vector<std::uint64_t> corners_;
  Random random_;
};

/// Results written out.
struct Known {
  tally_dtype dtype;
  tally_op op;
  std::uint64_t a;
  std::uint64_t b;
  std::uint64_t result;
  const char* why;
};

[[nodiscard]] const std::vector<Known>& known_results();

}  // namespace tally::test
