// SPDX-License-Identifier: BSD-3-Clause
// Elements of every type as numbers, and what each operation makes of two of them: MPI's definitions in plain
// arithmetic, without the library. Floating-point operands are drawn such that every order of combination
// gives the same number.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "tally/tally.h"

namespace tally::test {

inline constexpr tally_dtype kAllDtypes[] = {
    TALLY_BYTE, TALLY_I8,      TALLY_I16,     TALLY_I32,     TALLY_I64,     TALLY_U8,     TALLY_U16,
    TALLY_U32,  TALLY_U64,     TALLY_F16,     TALLY_BF16,    TALLY_F32,     TALLY_F64,    TALLY_C64,
    TALLY_C128, TALLY_F32_I32, TALLY_F64_I32, TALLY_I64_I32, TALLY_I32_I32, TALLY_I16_I32};
inline constexpr tally_op kAllOps[] = {TALLY_SUM,  TALLY_PROD, TALLY_MIN,    TALLY_MAX,
                                       TALLY_LAND, TALLY_LOR,  TALLY_LXOR,   TALLY_BAND,
                                       TALLY_BOR,  TALLY_BXOR, TALLY_MINLOC, TALLY_MAXLOC};

/// What an element is made of.
struct Shape {
  std::size_t bytes;  ///< of an element
  std::size_t value;  ///< bytes of the value, or of each half of a complex number
  bool is_float, is_signed, is_complex;
  std::size_t index_at;  ///< where the index of a pair stands; 0: no pair
};

inline Shape shape_of(tally_dtype dtype) {
  switch (dtype) {
    case TALLY_BYTE:
    case TALLY_U8:
      return {1, 1, false, false, false, 0};
    case TALLY_U16:
      return {2, 2, false, false, false, 0};
    case TALLY_U32:
      return {4, 4, false, false, false, 0};
    case TALLY_U64:
      return {8, 8, false, false, false, 0};
    case TALLY_I8:
      return {1, 1, false, true, false, 0};
    case TALLY_I16:
      return {2, 2, false, true, false, 0};
    case TALLY_I32:
      return {4, 4, false, true, false, 0};
    case TALLY_I64:
      return {8, 8, false, true, false, 0};
    case TALLY_F16:
    case TALLY_BF16:
      return {2, 2, true, true, false, 0};
    case TALLY_F32:
      return {4, 4, true, true, false, 0};
    case TALLY_F64:
      return {8, 8, true, true, false, 0};
    case TALLY_C64:
      return {8, 4, true, true, true, 0};
    case TALLY_C128:
      return {16, 8, true, true, true, 0};
    case TALLY_F32_I32:
      return {8, 4, true, true, false, 4};
    case TALLY_F64_I32:
      return {16, 8, true, true, false, 8};
    case TALLY_I64_I32:
      return {16, 8, false, true, false, 8};
    case TALLY_I32_I32:
      return {8, 4, false, true, false, 4};
    case TALLY_I16_I32:
      return {8, 2, false, true, false, 4};
    default:
      break;
  }
  throw std::invalid_argument("no such element type");
}

/// Which operations MPI and docs/reductions.md have for a type.
inline bool has_reduction(tally_dtype dtype, tally_op op) {
  const Shape shape = shape_of(dtype);
  const bool bitwise = op == TALLY_BAND || op == TALLY_BOR || op == TALLY_BXOR;
  if (shape.index_at != 0) return op == TALLY_MINLOC || op == TALLY_MAXLOC;
  if (op == TALLY_MINLOC || op == TALLY_MAXLOC || op == TALLY_OP_NONE) return false;
  if (dtype == TALLY_BYTE) return bitwise;
  if (shape.is_complex) return op == TALLY_SUM || op == TALLY_PROD;
  return !shape.is_float || op <= TALLY_MAX;
}

struct Element {
  std::uint64_t integer = 0;  ///< of integer types, extended to 64 bits
  double real = 0, imaginary = 0;
  std::int32_t index = 0;
  bool operator==(const Element&) const = default;
};

/// A small number that the type holds exactly, in its bits, and back.
inline std::uint64_t float_bits(tally_dtype dtype, std::size_t bytes, double number) {
  std::uint64_t bits = 0;
  const auto single = static_cast<float>(number);
  if (bytes == 8) {
    std::memcpy(&bits, &number, 8);
  } else if (bytes == 4) {
    std::memcpy(&bits, &single, 4);
  } else if (dtype == TALLY_BF16) {
    std::memcpy(&bits, &single, 4);
    bits >>= 16;
  } else if (number != 0) {  // binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits; normal numbers
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(number), &exponent);  // in [0.5, 1)
    bits = (number < 0 ? 0x8000u : 0u) + (static_cast<std::uint64_t>(exponent + 14) << 10) +
           (static_cast<std::uint64_t>(std::ldexp(fraction, 11)) - 1024);
  } else {
    bits = std::signbit(number) ? 0x8000u : 0u;
  }
  return bits;
}
inline double float_number(tally_dtype dtype, std::size_t bytes, std::uint64_t bits) {
  double number = 0;
  float single = 0;
  if (bytes == 8) {
    std::memcpy(&number, &bits, 8);
    return number;
  }
  if (bytes == 4 || dtype == TALLY_BF16) {
    const auto word = static_cast<std::uint32_t>(bytes == 4 ? bits : bits << 16);
    std::memcpy(&single, &word, 4);
    return static_cast<double>(single);
  }
  const auto exponent = static_cast<int>(bits >> 10 & 31);
  const auto fraction = static_cast<double>(bits & 1023);
  number = exponent == 0    ? std::ldexp(fraction, -24)
           : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                            : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -number : number;
}

/// Little endian; bytes that belong to no number are 0.
inline void encode(tally_dtype dtype, const Element& element, std::byte* to) {
  const Shape shape = shape_of(dtype);
  std::memset(to, 0, shape.bytes);
  const std::uint64_t first = shape.is_float ? float_bits(dtype, shape.value, element.real) : element.integer;
  std::memcpy(to, &first, shape.value);
  if (shape.is_complex) {
    const std::uint64_t second = float_bits(dtype, shape.value, element.imaginary);
    std::memcpy(to + shape.value, &second, shape.value);
  }
  if (shape.index_at != 0) std::memcpy(to + shape.index_at, &element.index, 4);
}
inline Element decode(tally_dtype dtype, const std::byte* from) {
  const Shape shape = shape_of(dtype);
  Element element;
  std::uint64_t bits = 0;
  std::memcpy(&bits, from, shape.value);
  if (shape.is_float) {
    element.real = float_number(dtype, shape.value, bits);
  } else {
    const unsigned unused = 64 - 8 * static_cast<unsigned>(shape.value);
    element.integer = shape.is_signed
                          ? static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << unused) >> unused)
                          : bits;
  }
  if (shape.is_complex) {
    bits = 0;
    std::memcpy(&bits, from + shape.value, shape.value);
    element.imaginary = float_number(dtype, shape.value, bits);
  }
  if (shape.index_at != 0) std::memcpy(&element.index, from + shape.index_at, 4);
  return element;
}

/// a op b.
inline Element combine(tally_dtype dtype, tally_op op, const Element& a, const Element& b) {
  const Shape shape = shape_of(dtype);
  const bool less = shape.is_float ? a.real < b.real
                    : shape.is_signed
                        ? static_cast<std::int64_t>(a.integer) < static_cast<std::int64_t>(b.integer)
                        : a.integer < b.integer;
  const bool equal = shape.is_float ? a.real == b.real : a.integer == b.integer;
  const auto truth = [&](const Element& e) { return e.integer != 0; };
  Element out;
  switch (op) {
    case TALLY_SUM:
      out.integer = a.integer + b.integer;
      out.real = a.real + b.real;
      out.imaginary = a.imaginary + b.imaginary;
      break;
    case TALLY_PROD:
      out.integer = a.integer * b.integer;
      out.real = a.real * b.real - a.imaginary * b.imaginary;
      out.imaginary = a.real * b.imaginary + a.imaginary * b.real;
      break;
    case TALLY_MIN:
      out = less ? a : b;
      break;
    case TALLY_MAX:
      out = less ? b : a;
      break;
    case TALLY_LAND:
      out.integer = truth(a) && truth(b) ? 1 : 0;
      break;
    case TALLY_LOR:
      out.integer = truth(a) || truth(b) ? 1 : 0;
      break;
    case TALLY_LXOR:
      out.integer = truth(a) != truth(b) ? 1 : 0;
      break;
    case TALLY_BAND:
      out.integer = a.integer & b.integer;
      break;
    case TALLY_BOR:
      out.integer = a.integer | b.integer;
      break;
    case TALLY_BXOR:
      out.integer = a.integer ^ b.integer;
      break;
    case TALLY_MINLOC:
    case TALLY_MAXLOC:
      out = less == (op == TALLY_MINLOC) ? a : b;
      if (equal) out.index = a.index < b.index ? a.index : b.index;
      break;
    default:
      throw std::invalid_argument("no operation");
  }
  std::byte bytes[16];
  encode(dtype, out, bytes);  // integers wrap to their size
  return decode(dtype, bytes);
}

/// An operand made of `random` bits, for reductions of up to 16 ranks.
inline Element operand(tally_dtype dtype, tally_op op, std::uint64_t random) {
  const Shape shape = shape_of(dtype);
  Element element;
  if (shape.is_complex && op == TALLY_PROD) {  // 1, i, -1, -i
    element.real = (random & 1) != 0 ? 0 : (random & 2) != 0 ? -1 : 1;
    element.imaginary = (random & 1) == 0 ? 0 : (random & 2) != 0 ? -1 : 1;
  } else if (shape.is_float && op == TALLY_PROD) {
    // 2 and 1/2 are so rare that products of 16 stay within binary16.
    element.real = (random & 0xff) == 0 ? 0.5 : (random & 15) == 0 ? 2 : (random & 1) != 0 ? -1 : 1;
  } else if (shape.is_float) {  // sums of 16 are exact in 8 bits
    element.real = static_cast<double>(static_cast<int>(random % 15)) - 7;
    element.imaginary = shape.is_complex ? static_cast<double>(static_cast<int>(random / 15 % 15)) - 7 : 0;
  } else if (op == TALLY_LAND || op == TALLY_LOR || op == TALLY_LXOR) {
    element.integer = random % 3 == 0 ? 0 : random;
  } else {
    element.integer = shape.index_at != 0 ? random % 5 - 2 : random;  // pairs: values that are often equal
  }
  element.index = shape.index_at != 0 ? static_cast<std::int32_t>(random >> 40) : 0;
  std::byte bytes[16];
  encode(dtype, element, bytes);
  return decode(dtype, bytes);
}

}  // namespace tally::test
