// SPDX-License-Identifier: BSD-3-Clause
// What the library knows of each predefined type. Internal.
#pragma once

#include "mpi/datatype/datatype.hpp"

namespace tally::datatype {

/// How the value of a type (of a complex one: of each component) is written; external32 and reductions go by
/// it.
enum class Format : std::uint8_t {
  kNone,    // no value: markers and pairs
  kBytes,   // copied as it is
  kSigned,  // two's complement
  kUnsigned,
  kLogical,   // 0: false; C and C++ bool, Fortran's LOGICAL
  kFloat,     // IEEE 754 binary16, 32, 64 or 128, by its size
  kExtended,  // x87's 80 bits in 16 bytes
};

/// Rows of the table of MPI 5.0, 6.9.2.
enum class Group : std::uint8_t {
  kNone,
  kInteger,
  kFortranInteger,
  kFloating,
  kLogical,
  kComplex,
  kByte,
  kMultiLanguage,
  kPair
};

struct Kind {
  std::string_view name;
  Count size = 0;
  Count alignment = 1;
  Count extent = 0;
  Count external = 0;  // bytes in external32
  Format format = Format::kNone;
  bool complex = false;
  Group group = Group::kNone;
  tally_dtype dtype = static_cast<tally_dtype>(0);
  // Group::kPair and the complex pairs: the value at 0, the index at index_offset.
  bool pair = false;
  Named value = Named::kByte;
  Named index = Named::kByte;
  Count index_offset = 0;
};

[[nodiscard]] const Kind& kind(Named type) noexcept;

}  // namespace tally::datatype
