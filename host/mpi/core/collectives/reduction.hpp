// SPDX-License-Identifier: BSD-3-Clause
// MPI's operations on elements of a datatype: what the engine reduces by itself, what it hands to a function,
// and the function itself (MPI_Reduce_local).
#pragma once

#include "core/objects.hpp"
#include "tally/tally.h"

namespace tally::mpi {

/// How a collective of the engine reduces elements of a datatype with an operation.
struct EngineReduction {
  tally_dtype dtype;
  tally_op op;
  /// The engine moves size() bytes of each element, without gaps: buffers are packed before and unpacked
  /// behind it. Otherwise it takes them as they lie in memory, extent() bytes each.
  bool packed;
};

/// MPI_ERR_OP where the standard's table does not have the operation for the type (6.9.2), or for a
/// predefined operation on a derived type; for MPI_REPLACE and MPI_NO_OP, which are of one-sided calls only.
void check_reduction(const Op& op, const Datatype& type);

/// Of a checked pair: does the engine have it?
bool engine_reduces(const Op& op, const Datatype& type) noexcept;
/// What the engine is told. Good until the operation is destroyed.
EngineReduction engine_reduction(Op& op, Datatype& type);

/// inout[i] = in[i] op inout[i] for elements at the type's extent; `in` is of the lower ranks. Of a checked
/// pair.
void reduce_local(Op& op, Datatype& type, const void* in, void* inout, MPI_Count count);

/// Reductions by the CPU between messages: elements are moved as they lie in memory, extent() bytes each, or,
/// where that would move gaps that are the program's, packed.
bool moves_packed(const Datatype& type) noexcept;
/// Bytes of one element as it is moved.
std::size_t carried_bytes(const Datatype& type) noexcept;
/// reduce_local() of elements as they are moved. Counted (Runtime::cpu_reduced_bytes).
void reduce_carried(Op& op, Datatype& type, const std::byte* in, std::byte* inout, MPI_Count count);

}  // namespace tally::mpi
