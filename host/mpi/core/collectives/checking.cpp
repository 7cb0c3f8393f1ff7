// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/checking.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/collectives/exchange.hpp"
#include "core/error.hpp"

namespace tally::mpi::collectives {

namespace {

constexpr int kPhase = 14;  ///< behind those of any call's own messages

/// Of one block: what identifies its data whatever datatypes they are given by.
struct Data {
  std::uint64_t bytes = 0;
  std::uint64_t types = 0;    ///< hash of the sequence of basic types
  std::uint8_t known = 0;     ///< 0: the rank has no such block
  std::uint8_t any_type = 0;  ///< MPI_PACKED goes with everything
  std::uint8_t unused[6] = {};
};

/// What a rank tells another one about its call.
struct Record {
  std::uint8_t kind = 0;
  std::uint8_t form = 0;
  std::uint8_t in_place = 0;
  std::uint8_t has_op = 0;
  std::int32_t root = -1;  ///< -1: none that all ranks know
  std::int32_t op = -1;    ///< -1: the program's own
  std::int32_t unused = 0;
  Data vector;    ///< of a reduction
  Data to_you;    ///< of the block that the sender of the record sends to its receiver
  Data from_you;  ///< of the block that it expects
};

struct Finding {
  std::int32_t error_class = MPI_SUCCESS;
  char text[252] = {};
};

Data data_of(const Block& block) {
  Data data;
  data.known = 1;
  data.bytes = block.count == 0 ? 0 : block.bytes();
  if (data.bytes == 0) return data;
  data.types = block.type->type->signature_hash(block.count);
  data.any_type = block.type->type->uniform() == datatype::Named::kPacked ? 1 : 0;
  return data;
}

Data data_of(const Side& side, int index) {
  return side.count_of(index) == 0 ? Data{0, 0, 1, 0, {}} : data_of(side.block(index));
}

bool reduces_vectors(Kind kind) { return kind >= Kind::kReduce && kind <= Kind::kExscan; }

/// The vector of a reduction; of reduce_scatter all blocks.
Data vector_of(const Call& call) {
  const Side& side = call.send.blocks != 0 ? call.send : call.receive;
  if (side.blocks == 0) return {};
  MPI_Count elements = 0;
  for (int i = 0; i < side.blocks; ++i) elements += side.count_of(i);
  return data_of({side.buffer, elements, side.type});
}

/// What this rank's call says to `peer`, a rank that messages go to.
Record record_for(const Call& call, Form form, int peer) {
  Record record;
  record.kind = static_cast<std::uint8_t>(call.kind);
  record.form = static_cast<std::uint8_t>(form);
  record.in_place = call.in_place ? 1 : 0;
  if (call.role != Role::kAll && !call.comm->inter()) record.root = call.root;
  if (call.op != nullptr) {
    record.has_op = 1;
    record.op = call.op->reduction ? static_cast<std::int32_t>(*call.op->reduction) : -1;
  }
  if (reduces_vectors(call.kind)) {
    record.vector = vector_of(call);
    return record;
  }
  if (call.kind >= Kind::kNeighborAllgather || call.kind == Kind::kBarrier) return record;
  const bool from_all = call.role == Role::kAll;
  if (call.kind == Kind::kBcast) {
    if (call.role == Role::kRoot) record.to_you = data_of(call.receive, 0);
    if (call.role == Role::kPeer && peer == call.root) record.from_you = data_of(call.receive, 0);
    return record;
  }
  if (call.send.blocks != 0 && (from_all || call.role == Role::kRoot || peer == call.root))
    record.to_you = data_of(call.send, call.send.blocks == 1 ? 0 : peer);
  if (call.receive.blocks != 0 && (from_all || call.role == Role::kRoot || peer == call.root))
    record.from_you = data_of(call.receive, call.receive.blocks == 1 ? 0 : peer);
  // In place the data come from the other buffer: the own block, or the one for the peer.
  if (call.in_place && from_all) {
    const bool own = call.kind == Kind::kAllgather || call.kind == Kind::kAllgatherv;
    record.to_you = data_of(call.receive, own ? call.comm->rank : peer);
  }
  return record;
}

std::string function_of(const Record& record) {
  const std::string_view whole = name(static_cast<Kind>(record.kind));
  if (record.form == static_cast<std::uint8_t>(Form::kBlocking)) return std::string(whole);
  if (record.form == static_cast<std::uint8_t>(Form::kPersistent)) return fmt::format("{}_init", whole);
  std::string started = fmt::format("MPI_I{}", whole.substr(4));
  started[5] = static_cast<char>(started[5] + ('a' - 'A'));
  return started;
}

std::string op_of(const Record& record) {
  if (record.op < 0) return "an operation of the program";
  return std::string(datatype::name(static_cast<datatype::Op>(record.op)));
}

struct Names {
  std::string mine;
  std::string theirs;
};

Finding finding(int error_class, const std::string& text) {
  Finding found;
  found.error_class = error_class;
  std::memcpy(found.text, text.data(), std::min(text.size(), sizeof found.text - 1));
  return found;
}

/// What one rank sends and the other receives.
Finding compare_data(const Data& sent, const Data& received, const std::string& sender,
                     const std::string& receiver) {
  if (sent.known == 0 || received.known == 0) return {};
  if (sent.bytes != received.bytes) {
    return finding(MPI_ERR_COUNT, fmt::format("{} sends {} bytes to {}, which receives {}", sender,
                                              sent.bytes, receiver, received.bytes));
  }
  if (sent.types == received.types || sent.any_type != 0 || received.any_type != 0) return {};
  return finding(MPI_ERR_TYPE, fmt::format("{} sends {} bytes of other basic datatypes than {} receives",
                                           sender, sent.bytes, receiver));
}

Finding compare(const Record& mine, const Record& theirs, const Names& names) {
  if (mine.kind != theirs.kind || mine.form != theirs.form) {
    return finding(MPI_ERR_OTHER, fmt::format("{} calls {}, {} {}", names.mine, function_of(mine),
                                              names.theirs, function_of(theirs)));
  }
  if (mine.root != theirs.root) {
    return finding(MPI_ERR_ROOT, fmt::format("{} gives root {}, {} root {}", names.mine, mine.root,
                                             names.theirs, theirs.root));
  }
  if (mine.has_op != 0 && theirs.has_op != 0 && mine.op != theirs.op) {
    return finding(MPI_ERR_OP,
                   fmt::format("{} gives {}, {} {}", names.mine, op_of(mine), names.theirs, op_of(theirs)));
  }
  if (mine.vector.known != 0 && theirs.vector.known != 0) {
    if (mine.vector.bytes != theirs.vector.bytes) {
      return finding(MPI_ERR_COUNT, fmt::format("{} gives {} bytes, {} {} bytes", names.mine,
                                                mine.vector.bytes, names.theirs, theirs.vector.bytes));
    }
    if (mine.vector.types != theirs.vector.types)
      return finding(MPI_ERR_TYPE,
                     fmt::format("{} gives another datatype than {}", names.mine, names.theirs));
  }
  Finding found = compare_data(mine.to_you, theirs.from_you, names.mine, names.theirs);
  if (found.error_class == MPI_SUCCESS)
    found = compare_data(theirs.to_you, mine.from_you, names.theirs, names.mine);
  return found;
}

std::string rank_name(const Comm& comm, int rank, bool remote) {
  return fmt::format("rank {}{}", rank,
                     !comm.inter() ? ""
                     : remote      ? " of the remote group"
                                   : " of the local group");
}

}  // namespace

bool checking() noexcept {
  static const bool on = [] {
    const char* const set = std::getenv("TALLY_CHECK");
    return set != nullptr && *set != '\0' && std::string_view(set) != "0";
  }();
  return on;
}

Task compare_calls(const Call& call, Form form) {
  const Comm& comm = *call.comm;
  const int tag = call.tag;
  const int peers = comm.peers();
  const auto count = static_cast<std::size_t>(peers);
  std::vector<Record> sent(count), received(count);
  std::vector<Finding> findings(count);
  const auto with_all = [&](Exchange* exchange, auto&& send, auto&& receive) {
    for (int i = 0; i < peers; ++i) {
      if (!comm.inter() && i == comm.rank) continue;
      receive(exchange, static_cast<std::size_t>(i), comm.peer(i));
      send(exchange, static_cast<std::size_t>(i), comm.peer(i));
    }
  };
  for (int i = 0; i < peers; ++i) sent[static_cast<std::size_t>(i)] = record_for(call, form, i);
  {
    Exchange exchange(comm.internal, tag + kPhase);
    with_all(
        &exchange,
        [&](Exchange* x, std::size_t i, int to) {
          x->send(reinterpret_cast<const std::byte*>(&sent[i]), sizeof(Record), to);
        },
        [&](Exchange* x, std::size_t i, int from) {
          x->receive(reinterpret_cast<std::byte*>(&received[i]), sizeof(Record), from);
        });
    co_await exchange.all();
  }
  Finding own;
  for (int i = 0; i < peers && own.error_class == MPI_SUCCESS; ++i) {
    if (!comm.inter() && i == comm.rank) continue;
    const auto n = static_cast<std::size_t>(i);
    own = compare(sent[n], received[n], {rank_name(comm, comm.rank, false), rank_name(comm, i, true)});
  }
  // A rank whose own call agrees with all may not be able to know: the others tell it.
  {
    Exchange exchange(comm.internal, tag + kPhase + 1);
    with_all(
        &exchange,
        [&](Exchange* x, std::size_t, int to) {
          x->send(reinterpret_cast<const std::byte*>(&own), sizeof own, to);
        },
        [&](Exchange* x, std::size_t i, int from) {
          x->receive(reinterpret_cast<std::byte*>(&findings[i]), sizeof(Finding), from);
        });
    co_await exchange.all();
  }
  if (own.error_class != MPI_SUCCESS) fail(own.error_class, "{}", own.text);
  for (const Finding& found : findings) {
    if (found.error_class != MPI_SUCCESS) fail(found.error_class, "{}", found.text);
  }
}

}  // namespace tally::mpi::collectives
