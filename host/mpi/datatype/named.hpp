// SPDX-License-Identifier: BSD-3-Clause
// The predefined datatypes of MPI: values of C, C++ and Fortran, and the pairs for MINLOC and MAXLOC.
#pragma once

#include <cstdint>
#include <string_view>

#include "tally/tally.h"

namespace tally::datatype {

/// Bytes, elements and displacements: 64 bits everywhere.
using Count = std::int64_t;

/// MPI_X is kX; two MPI names of one type (MPI_LONG_LONG and MPI_LONG_LONG_INT) are one here.
enum class Named : std::uint8_t {
  // C
  kChar,
  kSignedChar,
  kUnsignedChar,
  kShort,
  kUnsignedShort,
  kInt,
  kUnsigned,
  kLong,
  kUnsignedLong,
  kLongLong,
  kUnsignedLongLong,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat,
  kDouble,
  kLongDouble,
  kWchar,
  kCBool,
  kCFloatComplex,
  kCDoubleComplex,
  kCLongDoubleComplex,
  // C++
  kCxxBool,
  kCxxFloatComplex,
  kCxxDoubleComplex,
  kCxxLongDoubleComplex,
  // All languages
  kByte,
  kPacked,
  kAint,
  kOffset,
  kCount,
  // Fortran
  kCharacter,
  kLogical,
  kInteger,
  kReal,
  kDoublePrecision,
  kComplex,
  kDoubleComplex,
  kLogical1,
  kLogical2,
  kLogical4,
  kLogical8,
  kLogical16,
  kInteger1,
  kInteger2,
  kInteger4,
  kInteger8,
  kInteger16,
  kReal2,
  kReal4,
  kReal8,
  kReal16,
  kComplex4,
  kComplex8,
  kComplex16,
  kComplex32,
  // Markers of MPI-1 that Open MPI's ABI still has: no bytes; LB and UB set the bounds of a struct.
  kLb,
  kUb,
  // Pairs: a value and an index of its own type. Their elements are two.
  kFloatInt,
  kDoubleInt,
  kLongInt,
  k2Int,
  kShortInt,
  kLongDoubleInt,
  k2Real,
  k2DoublePrecision,
  k2Integer,
  k2Complex,
  k2DoubleComplex,
};
inline constexpr int kNamedTypes = static_cast<int>(Named::k2DoubleComplex) + 1;

/// "MPI_INT". With a terminating NUL.
[[nodiscard]] std::string_view name(Named type) noexcept;

/// The type whose elements the engine reduces as MPI defines it, and of which an element in memory is the
/// same bytes (pairs: with their padding, which the engine may set to 0). 0: none; then apply() of
/// reduction.hpp reduces it. MPI_LONG: TALLY_I64. MPI_BYTE and MPI_PACKED: TALLY_BYTE.
[[nodiscard]] tally_dtype engine_dtype(Named type) noexcept;

}  // namespace tally::datatype
