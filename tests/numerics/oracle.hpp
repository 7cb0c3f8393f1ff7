// SPDX-License-Identifier: BSD-3-Clause
// An independent statement of docs/reductions.md for the tests: one element at a time, with the host's adder
// and plain comparisons. Shares nothing with host/engine/numerics or hw/rtl.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tally/tally.h"

namespace tally::test {

inline constexpr tally_dtype kDtypes[] = {TALLY_I32, TALLY_I64, TALLY_F32, TALLY_F64};
inline constexpr tally_op kOps[] = {TALLY_SUM, TALLY_MIN, TALLY_MAX};

inline std::string name_of(tally_dtype dtype) {
  switch (dtype) {
    case TALLY_I32:
      return "i32";
    case TALLY_I64:
      return "i64";
    case TALLY_F32:
      return "f32";
    case TALLY_F64:
      return "f64";
    default:
      return "byte";
  }
}
inline std::string name_of(tally_op op) {
  return op == TALLY_SUM ? "sum" : op == TALLY_MIN ? "min" : op == TALLY_MAX ? "max" : "none";
}

inline bool is_wide(tally_dtype dtype) { return dtype == TALLY_I64 || dtype == TALLY_F64; }
inline bool is_float(tally_dtype dtype) { return dtype == TALLY_F32 || dtype == TALLY_F64; }
inline std::uint64_t mask_of(tally_dtype dtype) { return is_wide(dtype) ? ~0ull : 0xffffffffull; }

/// Floating point on values; F is float or double, B its bits.
template <class F, class B>
B oracle_float(tally_op op, B a_bits, B b_bits, B canonical) {
  // volatile: the sum is made by the processor when the test runs, not by the compiler.
  volatile F a = std::bit_cast<F>(a_bits);
  volatile F b = std::bit_cast<F>(b_bits);
  if (std::isnan(a) || std::isnan(b)) return canonical;
  if (op == TALLY_SUM) {
    volatile F r = a + b;
    return std::isnan(r) ? canonical : std::bit_cast<B>(static_cast<F>(r));
  }
  bool a_less = a < b;
  if (a == b) a_less = std::signbit(a) && !std::signbit(b);
  return (op == TALLY_MIN) == a_less ? a_bits : b_bits;
}

/// Two's complement on the low `bits` bits, with 128-bit arithmetic.
inline std::uint64_t oracle_int(tally_op op, std::uint64_t a, std::uint64_t b, int bits) {
  const auto value = [bits](std::uint64_t x) {
    __extension__ using Wide = __int128;
    const Wide unsigned_value = static_cast<Wide>(x);
    const Wide one = 1;
    return (x >> (bits - 1)) & 1 ? unsigned_value - (one << bits) : unsigned_value;
  };
  const auto va = value(a);
  const auto vb = value(b);
  const auto r = op == TALLY_SUM ? va + vb : (op == TALLY_MIN) == (va < vb) ? va : vb;
  const auto low = static_cast<std::uint64_t>(r);
  return bits == 64 ? low : low & ((1ull << bits) - 1);
}

/// The bits of a op b; 32-bit types in the low half. A pair that does not exist gives a.
inline std::uint64_t oracle(tally_dtype dtype, tally_op op, std::uint64_t a, std::uint64_t b) {
  if (op != TALLY_SUM && op != TALLY_MIN && op != TALLY_MAX) return a;
  switch (dtype) {
    case TALLY_I32:
      return oracle_int(op, a, b, 32);
    case TALLY_I64:
      return oracle_int(op, a, b, 64);
    case TALLY_F32:
      return oracle_float<float, std::uint32_t>(op, static_cast<std::uint32_t>(a),
                                                static_cast<std::uint32_t>(b), 0x7fc00000u);
    case TALLY_F64:
      return oracle_float<double, std::uint64_t>(op, a, b, 0x7ff8000000000000ull);
    default:
      return a;
  }
}

}  // namespace tally::test
