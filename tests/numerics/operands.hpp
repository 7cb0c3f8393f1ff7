// SPDX-License-Identifier: BSD-3-Clause
// Operands that find mistakes in adders: corner values, and random pairs that are drawn close to each other.
#pragma once

#include <cstdint>
#include <vector>

#include "numerics/oracle.hpp"
#include "support/seed.hpp"

namespace tally::test {

/// The seed of these tests where TALLY_SEED is not set.
inline constexpr std::uint64_t kSeed = 20240917;

struct Format {
  int exponent_bits;
  int fraction_bits;
  [[nodiscard]] std::uint64_t fraction_mask() const { return (1ull << fraction_bits) - 1; }
  [[nodiscard]] std::uint64_t exponent_max() const { return (1ull << exponent_bits) - 1; }
  [[nodiscard]] std::uint64_t make(std::uint64_t sign, std::uint64_t exponent, std::uint64_t fraction) const {
    return (sign & 1) << (exponent_bits + fraction_bits) | (exponent & exponent_max()) << fraction_bits |
           (fraction & fraction_mask());
  }
};

inline Format format_of(tally_dtype dtype) { return dtype == TALLY_F32 ? Format{8, 23} : Format{11, 52}; }

/// Values at every edge of the type. Floating point: zeros, subnormals, least and greatest normals,
/// infinities, NaNs of both kinds with payloads, and fractions that tie, nearly tie or carry, at exponents up
/// to two significands apart.
inline std::vector<std::uint64_t> corner_values(tally_dtype dtype) {
  std::vector<std::uint64_t> values;
  if (!is_float(dtype)) {
    const int bits = is_wide(dtype) ? 64 : 32;
    for (int i = 0; i < bits; ++i) {
      const std::uint64_t power = 1ull << i;
      for (const std::uint64_t x : {power, power - 1, power + 1, ~power, ~power + 1, ~power + 2}) {
        values.push_back(x & mask_of(dtype));
      }
    }
    return values;
  }
  const Format f = format_of(dtype);
  const int m = f.fraction_bits;
  const std::uint64_t all = f.fraction_mask();
  const std::uint64_t top = 1ull << (m - 1);
  const std::uint64_t bias = f.exponent_max() / 2;
  const auto width = static_cast<std::uint64_t>(m);
  std::vector<std::uint64_t> magnitudes;
  for (const std::uint64_t fraction : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3},
                                       top - 1, top, top + 1, all - 1, all}) {
    for (const std::uint64_t exponent : {std::uint64_t{0},
                                         std::uint64_t{1},
                                         std::uint64_t{2},
                                         std::uint64_t{3},
                                         width - 1,
                                         width,
                                         width + 1,
                                         width + 2,
                                         bias - width - 4,
                                         bias - width - 3,
                                         bias - width - 2,
                                         bias - width - 1,
                                         bias - width,
                                         bias - width + 1,
                                         bias - 2,
                                         bias - 1,
                                         bias,
                                         bias + 1,
                                         bias + width,
                                         bias + width + 1,
                                         f.exponent_max() - width - 2,
                                         f.exponent_max() - width - 1,
                                         f.exponent_max() - 3,
                                         f.exponent_max() - 2,
                                         f.exponent_max() - 1,
                                         f.exponent_max()}) {
      magnitudes.push_back(f.make(0, exponent, fraction));
    }
  }
  for (const std::uint64_t magnitude : magnitudes) {
    values.push_back(magnitude);
    values.push_back(magnitude | f.make(1, 0, 0));
  }
  return values;
}

struct Pair {
  std::uint64_t a;
  std::uint64_t b;
};

/// Draws operand pairs of one type.
class PairSource {
 public:
  PairSource(tally_dtype dtype, std::uint64_t seed)
      : dtype_(dtype), format_(format_of(dtype)), corners_(corner_values(dtype)), random_(seed) {}

  Pair next() {
    Pair p = is_float(dtype_) ? next_float() : next_int();
    if (random_.next() & 1) std::swap(p.a, p.b);
    return {p.a & mask_of(dtype_), p.b & mask_of(dtype_)};
  }

 private:
  std::uint64_t corner() { return corners_[random_.below(corners_.size())]; }

  /// A fraction: random, or with long runs of equal bits, which tie and carry.
  std::uint64_t fraction() {
    const std::uint64_t x = random_.next();
    switch (random_.below(4)) {
      case 0:
        return ~0ull << random_.below(64);
      case 1:
        return (1ull << random_.below(64)) - (x & 1);
      default:
        return x;
    }
  }

  Pair next_int() {
    switch (random_.below(4)) {
      case 0:
        return {random_.next(), corner()};
      case 1: {
        const std::uint64_t a = random_.next();
        return {a, a + random_.below(5) - 2};
      }
      case 2:
        return {random_.next() >> random_.below(64), ~(random_.next() >> random_.below(64))};
      default:
        return {random_.next(), random_.next()};
    }
  }

  Pair next_float() {
    const Format& f = format_;
    const auto reach = static_cast<std::uint64_t>(f.fraction_bits) + 4;
    const std::uint64_t sign = random_.next();
    const std::uint64_t exponent = random_.below(f.exponent_max());
    switch (random_.below(8)) {
      case 0:
        return {random_.next(), corner()};
      case 1:
      case 2: {  // exponents within the aligner's reach
        std::uint64_t other = exponent + random_.below(2 * reach + 1);
        other = other < reach ? 0 : other - reach;
        if (other >= f.exponent_max()) other = f.exponent_max() - 1;
        return {f.make(sign, exponent, fraction()), f.make(sign >> 1, other, fraction())};
      }
      case 3: {  // cancellation of all but some of the bits
        const std::uint64_t a = f.make(0, exponent, fraction());
        const std::uint64_t b = a ^ (random_.next() & f.fraction_mask()) >> random_.below(64);
        return {a | f.make(sign, 0, 0), b | f.make(~sign, 0, 0)};
      }
      case 4: {  // the same across a power of two
        const std::uint64_t a = f.make(0, exponent, 0) + random_.below(16);
        const std::uint64_t b = f.make(0, exponent, 0) - random_.below(16);
        return {a | f.make(sign, 0, 0), b ^ f.make(~sign, 0, 0)};
      }
      case 5:  // subnormals and what is near them
        return {f.make(sign, random_.below(4), fraction()),
                f.make(sign >> 1, random_.below(reach), fraction())};
      case 6: {  // near overflow
        const std::uint64_t high = f.exponent_max() - 1 - random_.below(3);
        return {f.make(sign, high, fraction()), f.make(sign >> 1, high - random_.below(reach), fraction())};
      }
      default:
        return {random_.next(), random_.next()};
    }
  }

  tally_dtype dtype_;
  Format format_;
  std::vector<std::uint64_t> corners_;
  Random random_;
};

/// Sums with the result written out.
struct KnownSum {
  tally_dtype dtype;
  std::uint64_t a;
  std::uint64_t b;
  std::uint64_t sum;
  const char* why;
};

inline const std::vector<KnownSum>& known_sums() {
  static const std::vector<KnownSum> kSums = {
      {TALLY_F32, 0x3f800000, 0x33800000, 0x3f800000, "1 + 2^-24 ties to even, down"},
      {TALLY_F32, 0x3f800001, 0x33800000, 0x3f800002, "1 + 2^-23 + 2^-24 ties to even, up"},
      {TALLY_F32, 0x3f800000, 0x33800001, 0x3f800001, "just above a tie goes up"},
      {TALLY_F32, 0x3f800000, 0xb3000000, 0x3f800000, "1 - 2^-25 ties to even, up"},
      {TALLY_F32, 0x3f800000, 0xb3000001, 0x3f7fffff, "just below 1 - 2^-25 goes down"},
      {TALLY_F32, 0x00000001, 0x00000001, 0x00000002, "subnormals add"},
      {TALLY_F32, 0x007fffff, 0x00000001, 0x00800000, "subnormals reach the least normal"},
      {TALLY_F32, 0x00800000, 0x80000001, 0x007fffff, "the least normal falls to a subnormal"},
      {TALLY_F32, 0x00800001, 0x80800000, 0x00000001, "cancellation leaves the least subnormal"},
      {TALLY_F32, 0x7f7fffff, 0x7f7fffff, 0x7f800000, "overflow"},
      {TALLY_F32, 0x7f7fffff, 0x73000000, 0x7f800000, "greatest + half an ulp ties to infinity"},
      {TALLY_F32, 0x7f7fffff, 0x72ffffff, 0x7f7fffff, "greatest + less than half an ulp stays"},
      {TALLY_F32, 0xff7fffff, 0xf3000000, 0xff800000, "the same below zero"},
      {TALLY_F32, 0x7f800000, 0xff800000, 0x7fc00000, "inf - inf is the canonical NaN"},
      {TALLY_F32, 0x7f800000, 0x7f800000, 0x7f800000, "inf + inf"},
      {TALLY_F32, 0xff800000, 0x7f7fffff, 0xff800000, "-inf + greatest"},
      {TALLY_F32, 0x7f800001, 0x3f800000, 0x7fc00000, "signalling NaN"},
      {TALLY_F32, 0xffc12345, 0x7f800000, 0x7fc00000, "payload and sign of a NaN are dropped"},
      {TALLY_F32, 0x80000000, 0x00000000, 0x00000000, "-0 + +0"},
      {TALLY_F32, 0x80000000, 0x80000000, 0x80000000, "-0 + -0"},
      {TALLY_F32, 0xc2280000, 0x42280000, 0x00000000, "exact cancellation is +0"},
      {TALLY_F64, 0x3ff0000000000000, 0x3ca0000000000000, 0x3ff0000000000000, "1 + 2^-53 ties to even, down"},
      {TALLY_F64, 0x3ff0000000000001, 0x3ca0000000000000, 0x3ff0000000000002, "ties to even, up"},
      {TALLY_F64, 0x3ff0000000000000, 0x3ca0000000000001, 0x3ff0000000000001, "just above a tie goes up"},
      {TALLY_F64, 0x000fffffffffffff, 0x0000000000000001, 0x0010000000000000,
       "subnormals reach the least normal"},
      {TALLY_F64, 0x0010000000000000, 0x8000000000000001, 0x000fffffffffffff, "the least normal falls"},
      {TALLY_F64, 0x7fefffffffffffff, 0x7c90000000000000, 0x7ff0000000000000, "half an ulp more is infinity"},
      {TALLY_F64, 0x7fefffffffffffff, 0x7c8fffffffffffff, 0x7fefffffffffffff, "less than half an ulp stays"},
      {TALLY_F64, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, "inf - inf"},
      {TALLY_F64, 0x7ff0000000000001, 0x0000000000000000, 0x7ff8000000000000, "signalling NaN"},
      {TALLY_F64, 0x3fb999999999999a, 0x3fc999999999999a, 0x3fd3333333333334, "0.1 + 0.2"},
      {TALLY_F64, 0x8000000000000000, 0x8000000000000000, 0x8000000000000000, "-0 + -0"},
      {TALLY_F64, 0xc045000000000000, 0x4045000000000000, 0x0000000000000000, "exact cancellation is +0"},
      {TALLY_I32, 0x7fffffff, 0x00000001, 0x80000000, "wraps"},
      {TALLY_I32, 0xffffffff, 0xffffffff, 0xfffffffe, "-1 + -1; nothing carries into the neighbour"},
      {TALLY_I64, 0x00000000ffffffff, 0x0000000000000001, 0x0000000100000000, "carries across the halves"},
      {TALLY_I64, 0x7fffffffffffffff, 0x7fffffffffffffff, 0xfffffffffffffffe, "wraps"},
  };
  return kSums;
}

}  // namespace tally::test
