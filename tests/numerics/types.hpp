// SPDX-License-Identifier: BSD-3-Clause
// Types and operations of reductions as docs/reductions.md lists them, for the tests. Shares nothing with
// host/engine/numerics or hw/rtl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tally/tally.h"

namespace tally::test {

/// A binary floating-point format, on bits.
struct Format {
  int exponent_bits = 0;
  int fraction_bits = 0;
  [[nodiscard]] constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  [[nodiscard]] constexpr std::uint64_t fraction_mask() const { return (1ull << fraction_bits) - 1; }
  [[nodiscard]] constexpr std::uint64_t exponent_max() const { return (1ull << exponent_bits) - 1; }
  [[nodiscard]] constexpr std::uint64_t make(std::uint64_t sign, std::uint64_t exponent,
                                             std::uint64_t fraction) const {
    return (sign & 1) << (exponent_bits + fraction_bits) | (exponent & exponent_max()) << fraction_bits |
           (fraction & fraction_mask());
  }
  [[nodiscard]] constexpr std::uint64_t infinity() const { return make(0, exponent_max(), 0); }
  [[nodiscard]] constexpr std::uint64_t nan() const {
    return make(0, exponent_max(), 1ull << (fraction_bits - 1));
  }
};

inline constexpr Format kF16{5, 10};
inline constexpr Format kBf16{8, 7};
inline constexpr Format kF32{8, 23};
inline constexpr Format kF64{11, 52};

enum class Kind { kBytes, kSigned, kUnsigned, kFloat, kComplex, kPair };

/// value_bits: of the number that is ordered, added or multiplied: a component of a complex number, the value
/// of a pair. format: of that number, where it is floating point.
struct Type {
  tally_dtype dtype;
  const char* name;
  std::size_t bytes;
  Kind kind;
  unsigned value_bits;
  Format format = {};
};

inline constexpr Type kTypes[] = {
    {TALLY_BYTE, "byte", 1, Kind::kBytes, 8},
    {TALLY_I8, "i8", 1, Kind::kSigned, 8},
    {TALLY_I16, "i16", 2, Kind::kSigned, 16},
    {TALLY_I32, "i32", 4, Kind::kSigned, 32},
    {TALLY_I64, "i64", 8, Kind::kSigned, 64},
    {TALLY_U8, "u8", 1, Kind::kUnsigned, 8},
    {TALLY_U16, "u16", 2, Kind::kUnsigned, 16},
    {TALLY_U32, "u32", 4, Kind::kUnsigned, 32},
    {TALLY_U64, "u64", 8, Kind::kUnsigned, 64},
    {TALLY_F16, "f16", 2, Kind::kFloat, 16, kF16},
    {TALLY_BF16, "bf16", 2, Kind::kFloat, 16, kBf16},
    {TALLY_F32, "f32", 4, Kind::kFloat, 32, kF32},
    {TALLY_F64, "f64", 8, Kind::kFloat, 64, kF64},
    {TALLY_C64, "c64", 8, Kind::kComplex, 32, kF32},
    {TALLY_C128, "c128", 16, Kind::kComplex, 64, kF64},
    {TALLY_F32_I32, "f32_i32", 8, Kind::kPair, 32, kF32},
    {TALLY_F64_I32, "f64_i32", 16, Kind::kPair, 64, kF64},
    {TALLY_I64_I32, "i64_i32", 16, Kind::kPair, 64},
    {TALLY_I32_I32, "i32_i32", 8, Kind::kPair, 32},
    {TALLY_I16_I32, "i16_i32", 8, Kind::kPair, 16},
};

/// Byte offset of the index of a pair.
constexpr std::size_t index_offset(const Type& type) { return type.bytes / 2; }

struct Op {
  tally_op op;
  const char* name;
};

inline constexpr Op kOps[] = {
    {TALLY_SUM, "sum"},   {TALLY_PROD, "prod"}, {TALLY_MIN, "min"},       {TALLY_MAX, "max"},
    {TALLY_LAND, "land"}, {TALLY_LOR, "lor"},   {TALLY_LXOR, "lxor"},     {TALLY_BAND, "band"},
    {TALLY_BOR, "bor"},   {TALLY_BXOR, "bxor"}, {TALLY_MINLOC, "minloc"}, {TALLY_MAXLOC, "maxloc"},
};

/// Bytes for a number that is no type's.
inline const Type& type_of(unsigned dtype) {
  for (const Type& type : kTypes) {
    if (static_cast<unsigned>(type.dtype) == dtype) return type;
  }
  return kTypes[0];
}

/// Is there such a reduction? Any number will do.
constexpr bool exists(const Type& type, unsigned op) {
  const bool bitwise = op == TALLY_BAND || op == TALLY_BOR || op == TALLY_BXOR;
  const bool loc = op == TALLY_MINLOC || op == TALLY_MAXLOC;
  switch (type.kind) {
    case Kind::kBytes:
      return bitwise;
    case Kind::kSigned:
    case Kind::kUnsigned:
      return op >= TALLY_SUM && op <= TALLY_BXOR;
    case Kind::kFloat:
      return op == TALLY_SUM || op == TALLY_PROD || op == TALLY_MIN || op == TALLY_MAX;
    case Kind::kComplex:
      return op == TALLY_SUM || op == TALLY_PROD;
    case Kind::kPair:
      return loc;
  }
  return false;
}

inline bool exists(unsigned dtype, unsigned op) {
  const Type& type = type_of(dtype);
  return static_cast<unsigned>(type.dtype) == dtype && exists(type, op);
}

}  // namespace tally::test
