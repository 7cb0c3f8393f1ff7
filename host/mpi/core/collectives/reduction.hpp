// SPDX-License-Identifier: BSD-3-Clause
// MPI's operations on elements of a datatype: what the engine reduces by itself, what it hands to a function, and the
// function itself (MPI_Reduce_local).
#pragma once

#include "core/objects.hpp"
#include "tally/tally.h"

namespace tally::mpi {

/// How a collective of the engine reduces elements of a datatype with an operation.
struct EngineReduction {
  tally_dtype dtype;
  tally_op op;
  /// The engine moves size() bytes of each element, without gaps: buffers are packed before and unpacked behind it. Otherwise it
  /// takes them as they lie in memory, extent() bytes each.
  bool packed;
};

/// Fails with MPI_ERR_OP where the standard's table does not have the operation for the type (6.9.2), or for a predefined
/// operation on a derived type. What it returns is good until the operation is destroyed.
EngineReduction engine_reduction(Op& op, Datatype& type);

/// Fails as engine_reduction() does.
void check_reduction(const Op& op, const Datatype& type);

/// inout[i] = in[i] op inout[i] for elements at the type's extent; `in` is of the lower ranks. Of a checked pair.
void reduce_local(Op& op, Datatype& type, const void* in, void* inout, MPI_Count count);

}  // namespace tally::mpi
