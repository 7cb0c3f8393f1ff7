// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/operand.hpp"

#include <cstring>

#include "core/collectives/exchange.hpp"
#include "core/collectives/reduction.hpp"
#include "core/runtime.hpp"

namespace tally::mpi::collectives {

Operand::Operand(const Call& call)
    : call_(call),
      type_(call.send.type != nullptr ? *call.send.type : *call.receive.type),
      packed_(moves_packed(type_)),
      element_(carried_bytes(type_)) {
  const Side& all = call.send.blocks != 0 ? call.send : call.receive;
  for (int i = 0; i < all.blocks; ++i) count_ += all.count_of(i);
  bytes_ = bytes(count_);
  value_ = Staging(bytes_);
  other_ = Staging(bytes_);
}

void Operand::load() {
  if (bytes_ == 0) return;
  if (packed_) {
    pack({call_.send.buffer, count_, &type_}, value());
  } else {
    std::memcpy(value(), call_.send.buffer, bytes_);
    runtime.local_bytes += bytes_;
  }
}

void Operand::append() {
  reduce_carried(*call_.op, type_, value(), other(), count_);
  runtime.cpu_reduced_bytes += bytes_;
  swap();
}

void Operand::store(MPI_Count first) const {
  const Block block = call_.receive.block(0);
  if (block.count == 0) return;
  if (packed_) {
    unpack(block, value() + bytes(first));
  } else {
    std::memcpy(block.address, value() + bytes(first), bytes(block.count));
    runtime.local_bytes += bytes(block.count);
  }
}

}  // namespace tally::mpi::collectives
