// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/engine_call.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/collectives/exchange.hpp"
#include "core/error.hpp"
#include "core/runtime.hpp"

namespace tally::mpi::collectives {

namespace {

/// Arrays for one call of the engine, which reads them during the call only. Four: counts and displacements
/// of each side.
std::span<std::size_t> array(int which, int length) {
  static thread_local std::vector<std::size_t> arrays[4];
  std::vector<std::size_t>& own = arrays[which];
  if (own.size() < static_cast<std::size_t>(length)) own.resize(static_cast<std::size_t>(length));
  return std::span(own).first(static_cast<std::size_t>(length));
}

/// The blocks as they lie in memory are what the engine moves.
bool is_packed(const Side& side) {
  const datatype::Type& type = *side.type->type;
  return type.contiguous() || (!side.varying && side.blocks == 1 && side.count <= 1 && type.one_block());
}

std::size_t size(MPI_Count n) { return static_cast<std::size_t>(n); }

/// In place the rank's own block is taken from where it will be received, or all of them.
bool takes_own_block(Kind kind) {
  return kind == Kind::kGather || kind == Kind::kGatherv || kind == Kind::kAllgather ||
         kind == Kind::kAllgatherv;
}

std::size_t bytes_of_all(const Side& side) {
  const std::size_t element = size(side.type->type->size());
  std::size_t total = 0;
  for (int i = 0; i < side.blocks; ++i) {
    std::size_t bytes = 0;
    if (__builtin_mul_overflow(size(side.count_of(i)), element, &bytes) ||
        __builtin_add_overflow(total, bytes, &total))
      fail(MPI_ERR_COUNT, "{} elements of {} bytes are more than the address space", side.count_of(i),
           element);
  }
  return total;
}

}  // namespace

bool EngineCall::stages(const Call& call) {
  if (call.reduces()) return !engine_reduces(*call.op, *call.send.type) || moves_packed(*call.send.type);
  return (call.send.blocks != 0 && !is_packed(call.send)) ||
         (call.receive.blocks != 0 && !is_packed(call.receive));
}

EngineCall::EngineCall(const Call& call) : call_(call) {
  if (call.kind == Kind::kBarrier) return;
  if (call.reduces()) {
    place_reduction();
  } else {
    place_movement();
  }
}

EngineCall::Place EngineCall::place(const Side& side, Staging* staging, bool is_input) {
  Place place;
  if (side.blocks == 0) return place;
  const datatype::Type& type = *side.type->type;
  const std::size_t element = size(type.size());
  const bool direct = is_packed(side);
  if (!direct) *staging = Staging(bytes_of_all(side));
  std::byte* const base = direct ? side.buffer + type.true_lb() : staging->data();
  place.base = base;
  if (!side.varying) {
    if (__builtin_mul_overflow(size(side.count), element, &place.count)) (void)bytes_of_all(side);
  } else {
    place.counts = array(is_input ? 0 : 1, side.blocks);
    place.displacements = array(is_input ? 2 : 3, side.blocks);
    // The engine's displacements are not negative: they count from the lowest block.
    MPI_Count lowest = std::numeric_limits<MPI_Count>::max();
    for (int i = 0; direct && i < side.blocks; ++i) {
      if (side.counts[i] > 0) lowest = std::min<MPI_Count>(lowest, side.displacements[i] * type.extent());
    }
    if (lowest == std::numeric_limits<MPI_Count>::max()) lowest = 0;
    std::size_t next = 0;
    for (int i = 0; i < side.blocks; ++i) {
      const auto n = static_cast<std::size_t>(i);
      place.counts[n] = size(side.counts[i]) * element;
      if (direct) {
        place.displacements[n] =
            side.counts[i] == 0 ? 0 : size(side.displacements[i] * type.extent() - lowest);
      } else {
        place.displacements[n] = next;
        next += place.counts[n];
      }
    }
    if (direct) place.base = base + lowest;
  }
  if (direct) return place;
  const bool taken_from_here = !is_input && call_.in_place;
  if (!is_input && !taken_from_here && !(call_.kind == Kind::kBcast && call_.role == Role::kRoot))
    return place;
  std::byte* next = staging->data();
  for (int i = 0; i < side.blocks; ++i) {
    const Block block = side.block(i);
    if (!taken_from_here || !takes_own_block(call_.kind) || i == call_.comm->rank) pack(block, next);
    next += block.bytes();
  }
  return place;
}

void EngineCall::check_own(std::size_t sent, std::size_t received) const {
  if (sent == received) [[likely]]
    return;
  fail(MPI_ERR_COUNT,
       "sendcount and sendtype are {} bytes, recvcount and recvtype {}: ranks receive what others send", sent,
       received);
}

void EngineCall::place_movement() {
  sent_ = place(call_.send, &in_, true);
  received_ = place(call_.receive, &out_, false);
  input_ = sent_.base;
  output_ = received_.base;
  count_ = call_.send.blocks != 0 && !call_.send.varying ? sent_.count : received_.count;
  const bool both = call_.send.blocks != 0 && call_.receive.blocks != 0;
  if (both && !call_.send.varying && !call_.receive.varying) check_own(sent_.count, received_.count);
  if (!call_.in_place) return;
  if (call_.kind == Kind::kScatter || call_.kind == Kind::kScatterv) {
    output_ = TALLY_IN_PLACE;
  } else {
    input_ = TALLY_IN_PLACE;
  }
}

void EngineCall::place_reduction() {
  const EngineReduction& reduction = reduction_.emplace(*call_.op, *call_.send.type);
  const Side& all = call_.send;
  for (int i = 0; all.varying && i < all.blocks; ++i) {
    if (sent_.counts.empty()) sent_.counts = array(0, all.blocks);
    sent_.counts[static_cast<std::size_t>(i)] = reduction.elements(all.counts[static_cast<std::size_t>(i)]);
  }
  count_ = all.varying ? 0 : reduction.elements(all.count);
  input_ = all.buffer;
  output_ = call_.receive.blocks == 0 ? nullptr : call_.receive.buffer;
  if (!reduction.packed()) {
    if (call_.in_place) input_ = TALLY_IN_PLACE;
    return;
  }
  // A vector is one block here: reduce_scatter's stand one behind the other.
  const std::size_t bytes = bytes_of_all(all);
  Staging& whole = call_.in_place ? out_ : in_;
  whole = Staging(bytes);
  MPI_Count elements = 0;
  for (int i = 0; i < all.blocks; ++i) elements += all.count_of(i);
  pack({all.buffer, elements, all.type}, whole.data());
  if (!call_.in_place && call_.receive.blocks != 0) out_ = Staging(call_.receive.block(0).bytes());
  input_ = call_.in_place ? TALLY_IN_PLACE : in_.data();
  if (call_.receive.blocks != 0) output_ = out_.data();
}

void EngineCall::finish() {
  if (!out_ || call_.receive.blocks == 0) return;
  if (call_.kind == Kind::kExscan && call_.comm->rank == 0) return;  // nothing was received
  if (call_.kind == Kind::kBcast && call_.role == Role::kRoot) return;
  const std::byte* next = out_.data();
  for (int i = 0; i < call_.receive.blocks; ++i) {
    const Block block = call_.receive.block(i);
    unpack(block, next);
    next += block.bytes();
  }
}

tally_status EngineCall::start(tally_request** request) {
  tally_endpoint* const endpoint = runtime.endpoint;
  tally_group* const group = call_.group != nullptr ? call_.group : call_.comm->group;
  const tally_dtype dtype = reduction_ ? reduction_->dtype() : TALLY_BYTE;
  const tally_op op = reduction_ ? reduction_->op() : TALLY_OP_NONE;
  const int root = call_.root;
  switch (call_.kind) {
    case Kind::kBarrier:
      return tally_barrier_start(endpoint, group, request);
    case Kind::kBcast:
      return tally_bcast_start(endpoint, group, output_, count_, dtype, root, request);
    case Kind::kGather:
      return tally_gather_start(endpoint, group, input_, output_, count_, dtype, root, request);
    case Kind::kGatherv:
      return tally_gatherv_start(endpoint, group, input_, count_, output_, received_.counts.data(),
                                 received_.displacements.data(), dtype, root, request);
    case Kind::kScatter:
      return tally_scatter_start(endpoint, group, input_, output_, count_, dtype, root, request);
    case Kind::kScatterv:
      return tally_scatterv_start(endpoint, group, input_, sent_.counts.data(), sent_.displacements.data(),
                                  output_, count_, dtype, root, request);
    case Kind::kAllgather:
      return tally_allgather_start(endpoint, group, input_, output_, count_, dtype, request);
    case Kind::kAllgatherv:
      return tally_allgatherv_start(endpoint, group, input_, count_, output_, received_.counts.data(),
                                    received_.displacements.data(), dtype, request);
    case Kind::kAlltoall:
      return tally_alltoall_start(endpoint, group, input_, output_, count_, dtype, request);
    case Kind::kAlltoallv:
      return tally_alltoallv_start(endpoint, group, input_, sent_.counts.data(), sent_.displacements.data(),
                                   output_, received_.counts.data(), received_.displacements.data(), dtype,
                                   request);
    case Kind::kReduce:
      return tally_reduce_start(endpoint, group, input_, output_, count_, dtype, op, root, request);
    case Kind::kAllreduce:
      return tally_allreduce_start(endpoint, group, input_, output_, count_, dtype, op, request);
    case Kind::kReduceScatterBlock:
      return tally_reduce_scatter_block_start(endpoint, group, input_, output_, count_, dtype, op, request);
    case Kind::kReduceScatter:
      return tally_reduce_scatter_start(endpoint, group, input_, output_, sent_.counts.data(), dtype, op,
                                        request);
    case Kind::kScan:
      return tally_scan_start(endpoint, group, input_, output_, count_, dtype, op, request);
    case Kind::kExscan:
      return tally_exscan_start(endpoint, group, input_, output_, count_, dtype, op, request);
    default:
      return TALLY_ERR_UNSUPPORTED;
  }
}

}  // namespace tally::mpi::collectives
