// SPDX-License-Identifier: BSD-3-Clause
// What stands where: places of the buffers of each collective, and the sizes of instructions.
#include <algorithm>

#include "schedule/schedule.hpp"

namespace tally::schedule {

const char* name_of(Collective collective) {
  static constexpr const char* kNames[kCollectives] = {"barrier",        "bcast",     "allreduce", "reduce",
                                                       "reduce_scatter", "scan",      "exscan",    "gather",
                                                       "scatter",        "allgather", "alltoall"};
  const auto n = static_cast<std::size_t>(collective);
  return n < kCollectives ? kNames[n] : "unknown collective";
}

std::size_t places(const Schedule& s, std::size_t rank, Buffer buffer) {
  if (buffer == Buffer::kScratch) return s.scratch_chunks;
  const bool in = buffer == Buffer::kInput;
  const bool is_root = rank == s.root;
  switch (s.collective) {
    case Collective::kBarrier:
      return 0;
    case Collective::kBcast:
    case Collective::kAllreduce:
    case Collective::kScan:
    case Collective::kExscan:
    case Collective::kAlltoall:
      return s.chunks;
    case Collective::kReduce:
      return in || is_root ? s.chunks : 0;
    case Collective::kReduceScatter:
      return in ? s.chunks : s.block_chunks;
    case Collective::kGather:
      return in ? s.block_chunks : is_root ? s.chunks : 0;
    case Collective::kScatter:
      return !in ? s.block_chunks : is_root ? s.chunks : 0;
    case Collective::kAllgather:
      return in ? s.block_chunks : s.chunks;
  }
  return 0;
}

std::size_t logical_chunk(const Schedule& s, std::size_t rank, Buffer buffer, std::size_t place) {
  const bool one_block =
      buffer == Buffer::kInput
          ? s.collective == Collective::kGather || s.collective == Collective::kAllgather
          : s.collective == Collective::kReduceScatter || s.collective == Collective::kScatter;
  return one_block ? rank * s.block_chunks + place : place;
}

std::uint16_t span(const Schedule& s) {
  std::uint16_t most = 1;
  for (const RankSchedule& rank : s.ranks) {
    for (const Lane& lane : rank.lanes) {
      for (const Instruction& i : lane) most = std::max(most, i.chunks);
    }
  }
  return most;
}

namespace {

// Blocks are equal; chunks of a vector are of whole elements, rounded up, whose sizes divide
// kMaxElementBytes.
std::uint64_t grain(const Schedule& s) { return has_blocks(s.collective) ? 1 : kMaxElementBytes; }

}  // namespace

std::uint64_t instruction_bytes(const Schedule& s, std::uint64_t bytes, std::uint16_t span) {
  const std::uint64_t most = s.max_chunk_bytes == 0 ? bytes : std::min(bytes, span * s.max_chunk_bytes);
  if (span >= s.chunks) return most;
  const std::uint64_t share = s.chunks * grain(s);
  return std::min(most, span * (bytes / share + (bytes % share != 0 ? 1 : 0)) * grain(s));
}

std::uint64_t largest_vector(const Schedule& s, std::uint64_t bytes) {
  const std::uint16_t most = span(s);
  if (s.max_chunk_bytes != 0 && most * s.max_chunk_bytes <= bytes) return kAnyBytes;
  if (most >= s.chunks) return bytes;
  return bytes / most / grain(s) * grain(s) * s.chunks;
}

std::uint64_t instruction_limit(const Schedule& s, std::uint64_t flow_bytes) {
  if (s.max_bytes == 0) return 0;
  const std::uint64_t held = std::min(flow_bytes, kFlowBytes);
  return s.unasked ? std::min(held / kFlowPackets, kUnaskedBytes) : held;
}

}  // namespace tally::schedule
