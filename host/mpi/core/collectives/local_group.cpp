// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/local_group.hpp"

namespace tally::mpi::collectives {

LocalGroup local_group(const Comm& comm) noexcept {
  if (!comm.inter()) return {comm.internal, comm.rank, comm.size};
  return {comm.local->internal, comm.local->rank, comm.local->size};
}

Task broadcast(LocalGroup local, int tag, std::byte* data, std::size_t bytes) {
  int distance = 1;  // to the rank that has it earlier
  while (distance < local.size && (local.rank & distance) == 0) distance <<= 1;
  if (local.rank != 0) {
    Operations receive;
    receive.receive(local.group, data, bytes, local.rank - distance, tag);
    co_await receive.all();
  }
  Operations sends;
  for (distance >>= 1; distance > 0; distance >>= 1) {
    if (local.rank + distance < local.size) sends.send(local.group, data, bytes, local.rank + distance, tag);
  }
  co_await sends.all();
}

Task reduce_to_first(LocalGroup local, int tag, Operand& operand) {
  for (int distance = 1; distance < local.size; distance <<= 1) {
    Operations step;
    if ((local.rank & distance) != 0) {
      step.send(local.group, operand.value(), operand.bytes(), local.rank - distance, tag);
      co_await step.all();
      co_return;
    }
    if (local.rank + distance >= local.size) continue;
    step.receive(local.group, operand.other(), operand.bytes(), local.rank + distance, tag);
    co_await step.all();
    operand.append();
  }
}

Task gather_arrivals(LocalGroup local, int tag) {
  for (int distance = 1; distance < local.size; distance <<= 1) {
    Operations step;
    if ((local.rank & distance) != 0) {
      step.send(local.group, nullptr, 0, local.rank - distance, tag);
      co_await step.all();
      co_return;
    }
    if (local.rank + distance >= local.size) continue;
    step.receive(local.group, nullptr, 0, local.rank + distance, tag);
    co_await step.all();
  }
}

}  // namespace tally::mpi::collectives
