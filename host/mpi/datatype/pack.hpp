// SPDX-License-Identifier: BSD-3-Clause
// Moves between a buffer that a committed Type describes and its packed stream: the bytes of its elements in
// the order of the type map, without gaps; count * size() in all. Buffer addresses are those that MPI calls
// take: the type's displacements are added to them (MPI_BOTTOM: a null pointer). Nothing here allocates. Any
// thread may call; none of them checks that the buffer is big enough.
#pragma once

#include "mpi/datatype/datatype.hpp"

namespace tally::datatype {

/// Bytes [from, from + bytes) of the packed stream of `count` elements at `buffer`, to `out`. The range lies
/// in the stream. Any cut is good: a stream may be made, and taken apart, in pieces of any size and in any
/// order.
void pack(const Type& type, const void* buffer, Count count, Count from, Count bytes, void* out) noexcept;
/// The inverse: bytes [from, from + bytes) of the packed stream are at `in`; gaps of the buffer are not
/// touched.
void unpack(const Type& type, void* buffer, Count count, Count from, Count bytes, const void* in) noexcept;

/// Typed data to typed data of the same signature, e.g. a message to self. Moves the shorter of both streams.
void copy(const Type& from_type, const void* from, Count from_count, const Type& to_type, void* to,
          Count to_count) noexcept;

/// A run of bytes, `offset` from the buffer's address.
struct Segment {
  Count offset;
  Count length;
  friend bool operator==(const Segment&, const Segment&) = default;
};
/// Runs of the packed stream from byte `from` on, in its order, neighbours merged; as many as fit `out`.
/// Returns how many were written; *next: where the next call continues (the stream's length when there are no
/// more).
[[nodiscard]] std::size_t flatten(const Type& type, Count count, Count from, std::span<Segment> out,
                                  Count* next) noexcept;
/// Runs of one element of the type at most (0 for an empty one): flatten of `count` elements needs no more
/// than count times this.
[[nodiscard]] Count segments(const Type& type) noexcept;

// --- external32 (MPI 5.0, 14.5.2)
// ----------------------------------------------------------------------------
//
// Big endian; sizes of the standard's table: long and unsigned long take 4 bytes, long double and Fortran's
// REAL16 16 bytes of IEEE 754 binary128, wchar_t 2... A value that has no place in the smaller format: its
// low bytes, as C converts.

/// Bytes of one element in external32.
[[nodiscard]] Count external32_size(const Type& type) noexcept;
/// Writes count * external32_size(type) bytes.
void pack_external32(const Type& type, const void* buffer, Count count, void* out) noexcept;
void unpack_external32(const Type& type, void* buffer, Count count, const void* in) noexcept;

}  // namespace tally::datatype
