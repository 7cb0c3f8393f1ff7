// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/reduction.hpp"

#include <algorithm>
#include <limits>

#include "core/error.hpp"
#include "core/handles.hpp"
#include "core/runtime.hpp"
#include "core/staging.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi {

namespace {

bool is_user(const Op& op) noexcept { return op.function != nullptr || op.function_c != nullptr; }

/// The function of the program; an int holds the count of MPI_User_function.
void call_user(const Op& op, Datatype& type, std::byte* in, std::byte* inout, MPI_Count count) {
  MPI_Datatype of = handle(&type);
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

EngineReduction engine_reduction(Op& op, Datatype& type) {
  return {datatype::engine_dtype(type.type->named()), datatype::engine_op(*op.reduction), false};
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
  runtime.cpu_reduced_bytes += bytes;
  if (!moves_packed(type)) return reduce_local(op, type, in, inout, count);
  // The function gets its elements where the datatype has them.
  const datatype::Type& map = *type.type;
  const MPI_Count span = map.true_extent() + (count - 1) * std::abs(map.extent());
  const MPI_Count lowest = map.true_lb() + std::min<MPI_Count>(0, (count - 1) * map.extent());
  const Staging left(static_cast<std::uint64_t>(span));
  const Staging right(static_cast<std::uint64_t>(span));
  const auto packed = static_cast<datatype::Count>(bytes);
  std::byte* const first = left.data() - lowest;
  std::byte* const second = right.data() - lowest;
  datatype::unpack(map, first, count, 0, packed, in);
  datatype::unpack(map, second, count, 0, packed, inout);
  reduce_local(op, type, first, second, count);
  datatype::pack(map, second, count, 0, packed, inout);
}

}  // namespace tally::mpi
