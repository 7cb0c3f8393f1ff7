// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/reduction.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/error.hpp"
#include "core/handles.hpp"
#include "core/runtime.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi {

namespace {

bool is_user(const Op& op) noexcept { return op.function != nullptr || op.function_c != nullptr; }

/// The function of the program; an int holds the count of MPI_User_function.
void call_user(const Op& op, Datatype& type, std::byte* in, std::byte* inout, MPI_Count count) {
  MPI_Datatype of = handle(&type);
  // Its calls of MPI take no lock (front.hpp), and reports of waits go on to name the collective.
  struct Inside {
    Inside() noexcept : outer(current_call) { ++current_call.operations; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { current_call = outer; }
    const Call outer;
  };
  const Inside inside;
  if (op.function_c != nullptr) {
    op.function_c(in, inout, &count, &of);
    return;
  }
  const MPI_Count most = std::numeric_limits<int>::max();
  for (MPI_Count done = 0; done < count;) {
    int length = static_cast<int>(std::min(count - done, most));
    const MPI_Count offset = done * type.type->extent();
    op.function(in + offset, inout + offset, &length, &of);
    done += length;
  }
}

}  // namespace

void check_reduction(const Op& op, const Datatype& type) {
  if (is_user(op)) return;
  const datatype::Op reduction = *op.reduction;
  if (reduction == datatype::Op::kReplace || reduction == datatype::Op::kNoOp)
    fail(MPI_ERR_OP, "op {} is of one-sided calls only", datatype::name(reduction));
  try {
    datatype::check(reduction, *type.type);
  } catch (const datatype::Error& error) {
    fail(MPI_ERR_OP, "{}", error.what());
  }
}

bool engine_reduces(const Op& op, const Datatype& type) noexcept {
  return !is_user(op) && datatype::engine_reduces(*op.reduction, type.type->named());
}

EngineReduction::EngineReduction(Op& op, Datatype& type)
    : op_(op), type_(type), own_(!engine_reduces(op, type)), packed_(moves_packed(type)) {
  if (!own_) {
    dtype_ = datatype::engine_dtype(type.type->named());
    reduction_ = datatype::engine_op(*op.reduction);
    return;
  }
  empty_ = carried_bytes(type) == 0;
  check(tally_op_create(runtime.endpoint, apply, this, op.commutative ? 1 : 0, &reduction_));
  const tally_status status = tally_dtype_create(runtime.endpoint, empty_ ? 1 : carried_bytes(type), &dtype_);
  if (status == TALLY_OK) return;
  (void)tally_op_free(runtime.endpoint, reduction_);
  check(status);
}

EngineReduction::~EngineReduction() {
  if (!own_) return;
  (void)tally_op_free(runtime.endpoint, reduction_);
  (void)tally_dtype_free(runtime.endpoint, dtype_);
}

void EngineReduction::apply(const void* in, void* inout, std::size_t count, void* self) {
  const auto& own = *static_cast<const EngineReduction*>(self);
  reduce_carried(own.op_, own.type_, static_cast<const std::byte*>(in), static_cast<std::byte*>(inout),
                 static_cast<MPI_Count>(count));
}

void reduce_local(Op& op, Datatype& type, const void* in, void* inout, MPI_Count count) {
  if (count == 0) return;
  if (!is_user(op)) {
    datatype::apply(*op.reduction, type.type->named(), in, inout, count);
    return;
  }
  call_user(op, type, static_cast<std::byte*>(const_cast<void*>(in)), static_cast<std::byte*>(inout), count);
}

bool moves_packed(const Datatype& type) noexcept {
  if (type.type->combiner() == datatype::Combiner::kNamed) return false;  // the gaps of a pair are padding
  return !type.type->contiguous() || type.type->true_lb() != 0;
}

std::size_t carried_bytes(const Datatype& type) noexcept {
  return static_cast<std::size_t>(moves_packed(type) ? type.type->size() : type.type->extent());
}

void reduce_carried(Op& op, Datatype& type, const std::byte* in, std::byte* inout, MPI_Count count) {
  if (count == 0) return;
  const std::size_t bytes = static_cast<std::size_t>(count) * carried_bytes(type);
  if (!moves_packed(type)) return reduce_local(op, type, in, inout, count);
  // The function gets its elements where the datatype has them.
  const datatype::Type& map = *type.type;
  const MPI_Count span = map.true_extent() + (count - 1) * std::abs(map.extent());
  const MPI_Count lowest = map.true_lb() + std::min<MPI_Count>(0, (count - 1) * map.extent());
  // Of the thread: the engine may call this without the library's lock.
  static thread_local std::vector<std::byte> left, right;
  if (left.size() < static_cast<std::size_t>(span)) {
    left.resize(static_cast<std::size_t>(span));
    right.resize(static_cast<std::size_t>(span));
  }
  const auto packed = static_cast<datatype::Count>(bytes);
  std::byte* const first = left.data() - lowest;
  std::byte* const second = right.data() - lowest;
  datatype::unpack(map, first, count, 0, packed, in);
  datatype::unpack(map, second, count, 0, packed, inout);
  reduce_local(op, type, first, second, count);
  datatype::pack(map, second, count, 0, packed, inout);
  runtime.unpacked_bytes += 2 * bytes;
  runtime.packed_bytes += bytes;
}

}  // namespace tally::mpi
