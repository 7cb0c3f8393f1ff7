// SPDX-License-Identifier: BSD-3-Clause
// MPI's operations on elements of a datatype: what the engine reduces by itself, what it hands to a function,
// and the function itself (MPI_Reduce_local).
#pragma once

#include "core/objects.hpp"
#include "tally/tally.h"

namespace tally::mpi {

/// MPI_ERR_OP where the standard's table does not have the operation for the type (6.9.2), or for a
/// predefined operation on a derived type; for MPI_REPLACE and MPI_NO_OP, which are of one-sided calls only.
void check_reduction(const Op& op, const Datatype& type);

/// Of a checked pair: does the engine have it by itself? The others are reduced by a function, on the CPU.
bool engine_reduces(const Op& op, const Datatype& type) noexcept;

/// How a collective of the engine reduces elements of a datatype with an operation. Made for a call: what is
/// started with it goes on without it, but the function of an operation that the engine does not have refers
/// to this until the call has ended.
class EngineReduction {
 public:
  EngineReduction(Op& op, Datatype& type);
  EngineReduction(const EngineReduction&) = delete;
  EngineReduction& operator=(const EngineReduction&) = delete;
  ~EngineReduction();

  [[nodiscard]] tally_dtype dtype() const noexcept { return dtype_; }
  [[nodiscard]] tally_op op() const noexcept { return reduction_; }
  /// The engine moves elements without their gaps, carried_bytes() each: buffers are packed before and
  /// unpacked behind it. Otherwise it takes them as they lie in memory, extent() bytes each.
  [[nodiscard]] bool packed() const noexcept { return packed_; }
  /// Elements that the engine is told for so many of MPI's: none, where they have no bytes.
  [[nodiscard]] std::size_t elements(MPI_Count count) const noexcept {
    return empty_ ? 0 : static_cast<std::size_t>(count);
  }

 private:
  static void apply(const void* in, void* inout, std::size_t count, void* self);

  Op& op_;
  Datatype& type_;
  bool own_;  ///< dtype_ and reduction_ were created
  bool packed_;
  bool empty_ = false;
  tally_dtype dtype_ = TALLY_BYTE;
  tally_op reduction_ = TALLY_OP_NONE;
};

/// inout[i] = in[i] op inout[i] for elements at the type's extent; `in` is of the lower ranks. Of a checked
/// pair.
void reduce_local(Op& op, Datatype& type, const void* in, void* inout, MPI_Count count);

/// Reductions by the CPU between messages: elements are moved as they lie in memory, extent() bytes each, or,
/// where that would move gaps that are the program's, packed.
bool moves_packed(const Datatype& type) noexcept;
/// Bytes of one element as it is moved.
std::size_t carried_bytes(const Datatype& type) noexcept;
/// reduce_local() of elements as they are moved. Any thread.
void reduce_carried(Op& op, Datatype& type, const std::byte* in, std::byte* inout, MPI_Count count);

}  // namespace tally::mpi
