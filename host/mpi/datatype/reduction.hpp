// SPDX-License-Identifier: BSD-3-Clause
// The predefined operations of MPI on predefined types (MPI 5.0, 6.9.2 to 6.9.4).
#pragma once

#include "mpi/datatype/datatype.hpp"

namespace tally::datatype {

enum class Op {
  kMax,
  kMin,
  kSum,
  kProd,
  kLand,
  kBand,
  kLor,
  kBor,
  kLxor,
  kBxor,
  kMinloc,
  kMaxloc,
  kReplace,  // inout becomes in; on every type
  kNoOp,     // inout stays; on every type
};

/// "MPI_SUM". With a terminating NUL.
[[nodiscard]] std::string_view name(Op op) noexcept;

/// Does the standard's table have the operation for this type? MPI_CHAR counts as an integer, as in other
/// implementations; MPI_WCHAR and MPI_CHARACTER do not. Logical operations take C integers and logical types,
/// not Fortran integers or MPI_AINT.
[[nodiscard]] bool legal(Op op, Named type) noexcept;
/// The operation of the engine; TALLY_OP_NONE for REPLACE and NO_OP.
[[nodiscard]] tally_op engine_op(Op op) noexcept;
/// Throws Fault::kOp with a text that names both, unless legal(op, type). A derived type is refused too.
void check(Op op, const Type& type);

/// Can a collective of the engine do it: engine_dtype(type) with engine_op(op), equal to apply() bit for bit
/// but for the padding of pairs? Then it follows docs/reductions.md. MIN and MAX of the other types keep that
/// rule too (a NaN wins, -0 < +0); their sums and products are rounded in the calling thread's mode.
[[nodiscard]] bool engine_reduces(Op op, Named type) noexcept;

/// inout[i] = in[i] op inout[i]. Elements stand one behind the other at the type's extent, and need no
/// alignment; padding of pairs is left alone. The pair is legal(). `in` and `inout` are the same array or do
/// not overlap.
void apply(Op op, Named type, const void* in, void* inout, Count count) noexcept;

}  // namespace tally::datatype
