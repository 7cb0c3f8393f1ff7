// SPDX-License-Identifier: BSD-3-Clause
#include "core/collectives/arguments.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/collectives/reduction.hpp"
#include "core/error.hpp"
#include "core/handles.hpp"
#include "core/runtime.hpp"

namespace tally::mpi::collectives {

const char* name(Kind kind) noexcept {
  switch (kind) {
    case Kind::kBarrier:
      return "MPI_Barrier";
    case Kind::kBcast:
      return "MPI_Bcast";
    case Kind::kGather:
      return "MPI_Gather";
    case Kind::kGatherv:
      return "MPI_Gatherv";
    case Kind::kScatter:
      return "MPI_Scatter";
    case Kind::kScatterv:
      return "MPI_Scatterv";
    case Kind::kAllgather:
      return "MPI_Allgather";
    case Kind::kAllgatherv:
      return "MPI_Allgatherv";
    case Kind::kAlltoall:
      return "MPI_Alltoall";
    case Kind::kAlltoallv:
      return "MPI_Alltoallv";
    case Kind::kAlltoallw:
      return "MPI_Alltoallw";
    case Kind::kReduce:
      return "MPI_Reduce";
    case Kind::kAllreduce:
      return "MPI_Allreduce";
    case Kind::kReduceScatterBlock:
      return "MPI_Reduce_scatter_block";
    case Kind::kReduceScatter:
      return "MPI_Reduce_scatter";
    case Kind::kScan:
      return "MPI_Scan";
    case Kind::kExscan:
      return "MPI_Exscan";
    case Kind::kNeighborAllgather:
      return "MPI_Neighbor_allgather";
    case Kind::kNeighborAllgatherv:
      return "MPI_Neighbor_allgatherv";
    case Kind::kNeighborAlltoall:
      return "MPI_Neighbor_alltoall";
    case Kind::kNeighborAlltoallv:
      return "MPI_Neighbor_alltoallv";
    case Kind::kNeighborAlltoallw:
      return "MPI_Neighbor_alltoallw";
  }
  return "?";
}

std::size_t Block::bytes() const noexcept {
  return static_cast<std::size_t>(count) * static_cast<std::size_t>(type->type->size());
}

MPI_Count Side::count_of(int index) const noexcept { return varying ? counts[index] : count; }

Block Side::block(int index) const {
  if (!varying) return {buffer + index * count * type->type->extent(), count, type};
  if (types != nullptr)
    return {buffer + displacements[index], counts[index], &get_type(types[static_cast<std::size_t>(index)])};
  if (displacements.data != nullptr)
    return {buffer + displacements[index] * type->type->extent(), counts[index], type};
  MPI_Count before = 0;
  for (int i = 0; i < index; ++i) before += counts[i];
  return {buffer + before * type->type->extent(), counts[index], type};
}

namespace {

[[noreturn]] void bad_count(const SideNames& names, int index, MPI_Count count) {
  if (index < 0) fail(MPI_ERR_COUNT, "{} {} is negative", names.count, count);
  fail(MPI_ERR_COUNT, "{}s[{}] {} is negative", names.count, index, count);
}

/// A null buffer is right where the datatype says all (MPI_BOTTOM), or where there is nothing.
void check_buffer(const SideNames& names, const void* buffer, const datatype::Type& type, bool any) {
  if (buffer != nullptr || !any || type.size() == 0 || type.true_lb() != 0) [[likely]]
    return;
  fail(MPI_ERR_BUFFER, "{} is NULL", names.buffer);
}

Datatype* usable(MPI_Datatype handle, const SideNames& names) {
  Datatype& type = get_type(handle, names.type);
  if (!type.type->committed()) [[unlikely]]
    fail(MPI_ERR_TYPE, "{} has not been committed", names.type);
  return &type;
}

std::byte* bytes_of(const void* buffer) { return static_cast<std::byte*>(const_cast<void*>(buffer)); }

/// True when one of them is above 0.
bool check_counts(const SideNames& names, Counts counts, int blocks) {
  if (blocks > 0 && counts.data == nullptr) fail(MPI_ERR_ARG, "{}s is NULL", names.count);
  bool any = false;
  for (int i = 0; i < blocks; ++i) {
    const MPI_Count count = counts[i];
    if (count < 0) [[unlikely]]
      bad_count(names, i, count);
    any = any || count > 0;
  }
  return any;
}

}  // namespace

Call begin(Kind kind, MPI_Comm comm) {
  Call call;
  call.kind = kind;
  call.comm = &get_comm(comm);
  current_call.comm = call.comm;
  current_call.peer = MPI_PROC_NULL;
  return call;
}

void set_root(Call* call, int root) {
  const Comm& comm = *call->comm;
  call->root = root;
  current_call.peer = root;
  if (!comm.inter()) {
    if (root < 0 || root >= comm.size) [[unlikely]]
      fail(MPI_ERR_ROOT, "root {} is out of range (0 to {})", root, comm.size - 1);
    call->role = root == comm.rank ? Role::kRoot : Role::kPeer;
    return;
  }
  if (root == MPI_ROOT) {
    call->role = Role::kRoot;
  } else if (root == MPI_PROC_NULL) {
    call->role = Role::kNone;
  } else {
    if (root < 0 || root >= comm.peers())
      fail(MPI_ERR_ROOT,
           "root {} is neither MPI_ROOT, MPI_PROC_NULL nor a rank of the remote group (0 to {})", root,
           comm.peers() - 1);
    call->role = Role::kPeer;
  }
}

void set_side(Side* side, const SideNames& names, const void* buffer, MPI_Count count, MPI_Datatype type,
              int blocks) {
  if (count < 0) [[unlikely]]
    bad_count(names, -1, count);
  side->buffer = bytes_of(buffer);
  side->blocks = blocks;
  side->count = count;
  side->type = usable(type, names);
  check_buffer(names, buffer, *side->type->type, count > 0 && blocks > 0);
}

void set_side(Side* side, const SideNames& names, const void* buffer, Counts counts, Counts displacements,
              MPI_Datatype type, int blocks) {
  const bool any = check_counts(names, counts, blocks);
  if (blocks > 0 && displacements.data == nullptr && names.displacements != nullptr)
    fail(MPI_ERR_ARG, "{} is NULL", names.displacements);
  side->buffer = bytes_of(buffer);
  side->blocks = blocks;
  side->type = usable(type, names);
  side->varying = true;
  side->counts = counts;
  side->displacements = displacements;
  if (any && displacements.data == nullptr) check_buffer(names, buffer, *side->type->type, true);
  if (!any || displacements.data == nullptr || buffer != nullptr) return;
  bool at_start = false;  // an element at address 0
  for (int i = 0; i < blocks; ++i) at_start = at_start || (counts[i] > 0 && displacements[i] == 0);
  check_buffer(names, buffer, *side->type->type, at_start);
}

void set_side(Side* side, const SideNames& names, const void* buffer, Counts counts, Counts displacements,
              const MPI_Datatype* types, int blocks) {
  check_counts(names, counts, blocks);
  if (blocks > 0 && displacements.data == nullptr) fail(MPI_ERR_ARG, "{} is NULL", names.displacements);
  if (blocks > 0 && types == nullptr) fail(MPI_ERR_ARG, "{}s is NULL", names.type);
  side->buffer = bytes_of(buffer);
  side->blocks = blocks;
  side->varying = true;
  side->counts = counts;
  side->displacements = displacements;
  side->types = types;
  for (int i = 0; i < blocks; ++i) {
    if (counts[i] == 0) continue;  // what programs often give MPI_DATATYPE_NULL for
    const Datatype& type = get_type(types[i], names.type);
    if (!type.type->committed()) fail(MPI_ERR_TYPE, "{}s[{}] has not been committed", names.type, i);
    check_buffer(names, buffer, *type.type, counts[i] > 0 && displacements[i] == 0);
  }
}

bool in_place(const Call& call, const char* name, const void* buffer, bool allowed) {
  if (buffer != MPI_IN_PLACE) [[likely]]
    return false;
  if (call.comm->inter())
    fail(MPI_ERR_BUFFER, "{} is MPI_IN_PLACE, which an intercommunicator does not have", name);
  if (!allowed) fail(MPI_ERR_BUFFER, "{} is MPI_IN_PLACE, which is not allowed here", name);
  return true;
}

namespace {

/// Bytes of the program's memory.
struct Range {
  std::intptr_t begin = std::numeric_limits<std::intptr_t>::max();
  std::intptr_t end = std::numeric_limits<std::intptr_t>::min();  ///< behind the last
};

/// From the first to the last byte of `count` elements, more than 0.
Range range_of(const std::byte* buffer, MPI_Count count, const datatype::Type& type) {
  const auto first = reinterpret_cast<std::intptr_t>(buffer) + type.true_lb();
  const std::intptr_t last = first + (count - 1) * type.extent();
  return {std::min(first, last), std::max(first, last) + type.true_extent()};
}

/// Calls use(address, count, type) for what holds data, equal blocks together.
template <typename Use>
void for_blocks(const Side& side, Use&& use) {
  const auto one = [&](const std::byte* address, MPI_Count count, const Datatype& type) {
    if (count > 0 && type.type->size() > 0) use(address, count, *type.type);
  };
  if (!side.varying) return one(side.buffer, side.count * side.blocks, *side.type);
  if (side.types == nullptr && side.displacements.data == nullptr) {
    MPI_Count all = 0;
    for (int i = 0; i < side.blocks; ++i) all += side.counts[i];
    return one(side.buffer, all, *side.type);
  }
  for (int i = 0; i < side.blocks; ++i) {
    if (side.counts[i] == 0) continue;
    const Block block = side.block(i);
    one(block.address, block.count, *block.type);
  }
}

Range range_of(const Side& side) {
  Range all;
  for_blocks(side, [&](const std::byte* address, MPI_Count count, const datatype::Type& type) {
    const Range range = range_of(address, count, type);
    all = {std::min(all.begin, range.begin), std::max(all.end, range.end)};
  });
  return all;
}

/// Ranges of which every byte is data. Of elements with gaps the first byte alone.
std::vector<Range> dense_ranges_of(const Side& side) {
  std::vector<Range> ranges;
  for_blocks(side, [&](const std::byte* address, MPI_Count count, const datatype::Type& type) {
    Range range = range_of(address, count, type);
    if (!type.contiguous()) {
      range.begin = reinterpret_cast<std::intptr_t>(address) + type.true_lb();
      range.end = range.begin + 1;
    }
    ranges.push_back(range);
  });
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  return ranges;
}

}  // namespace

void check_alias(const Call& call) {
  if (call.send.blocks == 0 || call.receive.blocks == 0) return;
  const Range sent = range_of(call.send);
  const Range received = range_of(call.receive);
  if (sent.begin >= received.end || received.begin >= sent.end) [[likely]]
    return;
  const std::vector<Range> sends = dense_ranges_of(call.send);
  auto next = sends.begin();
  std::intptr_t reached = std::numeric_limits<std::intptr_t>::min();  // by sends that begin before `next`
  for (const Range& receive : dense_ranges_of(call.receive)) {
    for (; next != sends.end() && next->begin <= receive.begin; ++next) reached = std::max(reached, next->end);
    if (reached > receive.begin || (next != sends.end() && next->begin < receive.end))
      fail(MPI_ERR_BUFFER, "sendbuf and recvbuf overlap: only MPI_IN_PLACE lets them be the same");
  }
}

void set_op(Call* call, MPI_Op op) {
  call->op = &get_op(op);
  const Side& side = call->receive.type != nullptr ? call->receive : call->send;
  if (side.type != nullptr) check_reduction(*call->op, *side.type);
}

}  // namespace tally::mpi::collectives
