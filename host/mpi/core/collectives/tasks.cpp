// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/tasks.hpp"

#include "core/collectives/exchange.hpp"
#include "core/collectives/local_group.hpp"
#include "core/error.hpp"
#include "core/runtime.hpp"

namespace tally::mpi::collectives {

bool engine_does(const Call& call) {
  return !call.comm->inter() && call.kind < Kind::kNeighborAllgather && call.kind != Kind::kAlltoallw;
}

Task task_of(const Call& call) {
  ++runtime.composed;
  switch (call.kind) {
    case Kind::kBarrier:
      return inter_barrier(call);
    case Kind::kBcast:
      return inter_bcast(call);
    case Kind::kReduce:
    case Kind::kAllreduce:
    case Kind::kReduceScatterBlock:
    case Kind::kReduceScatter:
      return inter_reduce(call);
    case Kind::kNeighborAllgather:
    case Kind::kNeighborAllgatherv:
    case Kind::kNeighborAlltoall:
    case Kind::kNeighborAlltoallv:
    case Kind::kNeighborAlltoallw:
      return exchange_with_neighbors(call);
    default:
      return exchange_blocks(call);
  }
}

// A block of no bytes is no message: its datatype may be anything.
Task exchange_blocks(const Call& call) {
  const Comm& comm = *call.comm;
  const int tag = call.tag;
  const int peers = comm.peers();
  Exchange exchange(comm.internal, tag);
  const auto receive = [&](int block, int from) {
    if (call.receive.count_of(block) == 0) return;
    const Block to = call.receive.block(block);
    if (to.bytes() != 0) exchange.receive(to, comm.peer(from));
  };
  const auto send = [&](int block, int to) {
    const Side& side = call.in_place ? call.receive : call.send;
    if (side.count_of(block) == 0) return;
    const Block from = side.block(block);
    if (from.bytes() == 0) return;
    if (call.in_place) {
      exchange.send_copy(from, comm.peer(to));
    } else {
      exchange.send(from, comm.peer(to));
    }
  };
  const bool with_root = call.role == Role::kPeer;
  const bool to_self = !comm.inter();
  const int first = comm.inter() ? 0 : comm.rank + 1;  // ranks begin with different peers
  if (call.in_place || call.send.blocks != 0) {
    // What is sent from the buffer that is received into is copied before.
    if (call.in_place) {
      for (int k = 0; k < peers; ++k) {
        if (k != comm.rank) send(k, k);
      }
    }
  }
  if (call.receive.blocks != 0) {
    if (with_root) {
      receive(0, call.root);
    } else {
      for (int k = 0; k < peers; ++k) {
        if (const int i = (first + k) % peers; !to_self || i != comm.rank) receive(i, i);
      }
    }
  }
  if (call.send.blocks != 0) {
    if (with_root) {
      send(0, call.root);
    } else {
      for (int k = 0; k < peers; ++k) {
        if (const int i = (first + k) % peers; !to_self || i != comm.rank)
          send(call.send.blocks == 1 ? 0 : i, i);
      }
    }
    if (to_self && call.send.count_of(comm.rank) != 0 && call.receive.count_of(comm.rank) != 0)
      copy(call.send.block(comm.rank), call.receive.block(comm.rank));
  }
  co_await exchange.all();
  exchange.finish();
}

Task inter_barrier(const Call& call) {
  const Comm& comm = *call.comm;
  const int tag = call.tag;
  const LocalGroup local = local_group(comm);
  co_await gather_arrivals(local, tag);
  if (local.rank == 0) {
    Operations leaders;
    leaders.receive(comm.internal, nullptr, 0, comm.peer(0), tag);
    leaders.send(comm.internal, nullptr, 0, comm.peer(0), tag);
    co_await leaders.all();
  }
  co_await broadcast(local, tag + 1, nullptr, 0);
}

Task inter_bcast(const Call& call) {
  const Comm& comm = *call.comm;
  const int tag = call.tag;
  if (call.role == Role::kNone) co_return;
  const Block block = call.receive.block(0);
  if (call.role == Role::kRoot) {
    Exchange exchange(comm.internal, tag);
    exchange.send(block, comm.peer(0));
    co_await exchange.all();
    co_return;
  }
  const LocalGroup local = local_group(comm);
  const std::size_t bytes = block.bytes();
  const bool plain = is_plain(block);
  const Staging staging = plain ? Staging() : Staging(bytes);
  std::byte* const data = plain ? first_byte(block) : staging.data();
  if (local.rank == 0) {
    Exchange exchange(comm.internal, tag);
    exchange.receive(data, bytes, comm.peer(call.root));
    co_await exchange.all();
  }
  co_await broadcast(local, tag + 1, data, bytes);
  if (!plain) unpack(block, data);
}

Task inter_reduce(const Call& call) {
  const Comm& comm = *call.comm;
  const int tag = call.tag;
  if (call.role == Role::kNone) co_return;
  const LocalGroup local = local_group(comm);
  Operand operand(call);
  if (call.send.blocks != 0) {
    operand.load();
    co_await reduce_to_first(local, tag, operand);
  }
  const bool first = local.rank == 0;
  Operations across;
  if (call.kind == Kind::kReduce) {
    const bool is_root = call.role == Role::kRoot;
    if (is_root) across.receive(comm.internal, operand.value(), operand.bytes(), comm.peer(0), tag + 1);
    if (!is_root && first)
      across.send(comm.internal, operand.value(), operand.bytes(), comm.peer(call.root), tag + 1);
    co_await across.all();
    if (call.role == Role::kRoot) operand.store();
    co_return;
  }
  if (first) {
    across.receive(comm.internal, operand.other(), operand.bytes(), comm.peer(0), tag + 1);
    across.send(comm.internal, operand.value(), operand.bytes(), comm.peer(0), tag + 1);
    co_await across.all();
    operand.swap();
  }
  if (call.kind == Kind::kAllreduce) {
    co_await broadcast(local, tag + 2, operand.value(), operand.bytes());
    operand.store();
    co_return;
  }
  Operations blocks;
  MPI_Count before = 0;
  if (first) {
    for (int i = 0; i < local.size; ++i) {
      const MPI_Count count = call.send.count_of(i);
      if (i != 0)
        blocks.send(local.group, operand.value() + operand.bytes(before), operand.bytes(count), i, tag + 2);
      before += count;
    }
  } else {
    blocks.receive(local.group, operand.value(), operand.bytes(call.receive.count), 0, tag + 2);
  }
  co_await blocks.all();
  operand.store();
}

}  // namespace tally::mpi::collectives
