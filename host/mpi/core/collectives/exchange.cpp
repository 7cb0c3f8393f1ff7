// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/exchange.hpp"

#include "core/error.hpp"
#include "core/runtime.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi::collectives {

bool is_plain(const Block& block) noexcept {
  const datatype::Type& type = *block.type->type;
  return type.contiguous() || (block.count <= 1 && type.one_block());
}
std::byte* first_byte(const Block& block) noexcept { return block.address + block.type->type->true_lb(); }

void pack(const Block& block, std::byte* out) noexcept {
  datatype::pack(*block.type->type, block.address, block.count, 0,
                 static_cast<datatype::Count>(block.bytes()), out);
  runtime.packed_bytes += block.bytes();
}
void unpack(const Block& block, const std::byte* in) noexcept {
  datatype::unpack(*block.type->type, block.address, block.count, 0,
                   static_cast<datatype::Count>(block.bytes()), in);
  runtime.unpacked_bytes += block.bytes();
}

void copy(const Block& from, const Block& to) {
  if (from.bytes() > to.bytes())
    fail(MPI_ERR_TRUNCATE, "this rank sends {} bytes to itself and receives {}", from.bytes(), to.bytes());
  datatype::copy(*from.type->type, from.address, from.count, *to.type->type, to.address, to.count);
  runtime.local_bytes += from.bytes();
}

void Exchange::send_packed(const Block& block, int to, int phase) {
  const std::size_t bytes = block.bytes();
  sent_.emplace_back(bytes);
  pack(block, sent_.back().data());
  send(sent_.back().data(), bytes, to, phase);
}

void Exchange::send(const Block& block, int to, int phase) {
  if (!is_plain(block)) return send_packed(block, to, phase);
  send(first_byte(block), block.bytes(), to, phase);
}

void Exchange::send_copy(const Block& block, int to, int phase) { send_packed(block, to, phase); }

void Exchange::receive(const Block& block, int from, int phase) {
  if (is_plain(block)) return receive(first_byte(block), block.bytes(), from, phase);
  const std::size_t bytes = block.bytes();
  received_.push_back({block, Ref<Datatype>::share(block.type), Staging(bytes)});
  receive(received_.back().packed.data(), bytes, from, phase);
}

void Exchange::finish() {
  for (const Received& received : received_) unpack(received.block, received.packed.data());
  received_.clear();
  sent_.clear();
}

}  // namespace tally::mpi::collectives
