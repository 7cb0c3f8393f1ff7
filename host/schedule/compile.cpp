// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <atomic>
#include <limits>
#include <stdexcept>

#include "schedule/schedule.hpp"

namespace tally::schedule {

namespace {

std::uint64_t next_program_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

int translate(int peer, const std::vector<std::uint16_t>& group_ranks) {
  if (peer < 0 || static_cast<std::size_t>(peer) >= group_ranks.size()) {
    throw std::invalid_argument("schedule names peer " + std::to_string(peer) + " in a group of " +
                                std::to_string(group_ranks.size()));
  }
  return group_ranks[static_cast<std::size_t>(peer)];
}

}  // namespace

Program compile(const Schedule& schedule, int rank, const std::vector<std::uint16_t>& group_ranks) {
  if (group_ranks.size() != schedule.ranks.size()) {
    throw std::invalid_argument("group_ranks has " + std::to_string(group_ranks.size()) +
                                " ranks, the schedule " + std::to_string(schedule.ranks.size()));
  }
  if (rank < 0 || static_cast<std::size_t>(rank) >= schedule.ranks.size()) {
    throw std::invalid_argument("rank " + std::to_string(rank) + " is not in the schedule");
  }
  const auto r = static_cast<std::size_t>(rank);
  Program p;
  p.lanes = schedule.ranks[r].lanes;
  p.chunks = schedule.chunks;
  p.scratch_chunks = schedule.scratch_chunks;
  p.max_bytes = schedule.max_bytes;
  p.max_chunk_bytes = schedule.max_chunk_bytes;
  p.out_of_place = schedule.out_of_place;
  p.span = span(schedule);
  p.uses_input = p.uses_output = false;
  if (has_blocks(schedule.collective)) {
    // A buffer that the rank does not have counts as one block, which nobody touches.
    p.input_chunks =
        static_cast<std::uint16_t>(std::max<std::size_t>(1, places(schedule, r, Buffer::kInput)));
    p.output_chunks =
        static_cast<std::uint16_t>(std::max<std::size_t>(1, places(schedule, r, Buffer::kOutput)));
  }
  p.id = next_program_id();
  for (Lane& lane : p.lanes) {
    for (Instruction& i : lane) {
      i.send_peer = sends(i.op) ? translate(i.send_peer, group_ranks) : kNoPeer;
      i.recv_peer = receives(i.op) ? translate(i.recv_peer, group_ranks) : kNoPeer;
      if (schedule.collective == Collective::kBarrier) continue;
      const auto touches = [&](Buffer b) {
        return (reads_src(i.op) && i.src_buf == b) || (writes_dst(i.op) && i.dst_buf == b);
      };
      p.uses_input = p.uses_input || touches(Buffer::kInput);
      p.uses_output = p.uses_output || touches(Buffer::kOutput);
    }
  }
  return p;
}

namespace {

std::uint32_t narrow(std::uint64_t value) {
  if (value > std::numeric_limits<std::uint32_t>::max())
    throw std::invalid_argument("a block ends beyond 4 GiB of its buffer");
  return static_cast<std::uint32_t>(value);
}

std::uint64_t end_of(const std::vector<Extent>& extents) {
  std::uint64_t end = 0;
  for (const Extent& e : extents) {
    if (e.bytes != 0) end = std::max<std::uint64_t>(end, std::uint64_t{narrow(e.offset)} + narrow(e.bytes));
  }
  return end;
}

/// Byte places of one rank's buffers.
class Bytes {
 public:
  Bytes(const Schedule& schedule, std::size_t rank, const Layout& layout) : layout_(layout) {
    const auto check = [&](Buffer buffer, std::size_t given, const char* name) {
      const std::size_t expected = places(schedule, rank, buffer);
      if (given == expected) return;
      throw std::invalid_argument("the layout has " + std::to_string(given) + " places of " + name +
                                  ", the schedule " + std::to_string(expected));
    };
    check(Buffer::kInput, layout.input.size(), "Input");
    check(Buffer::kOutput, layout.output.size(), "Output");
    if (schedule.scratch_chunks == 0) return;
    if (layout.blocks.size() != schedule.chunks)
      throw std::invalid_argument("the schedule has scratch, and the layout no sizes of blocks");
    // Any block may stand at any place of scratch; places begin at whole cache lines.
    for (const std::uint64_t bytes : layout.blocks) stride_ = std::max(stride_, (bytes + 63) / 64 * 64);
    scratch_ = narrow(stride_ * schedule.scratch_chunks);
  }
  void place(Instruction& i) const {
    i.by_bytes = true;
    if (i.op == Op::kNop) return;
    if (i.chunks != 1) throw std::invalid_argument("an instruction of several chunks has no byte range");
    std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
    const auto take = [&](Buffer buffer, std::uint16_t chunk) {
      const std::uint64_t here = bytes_of(buffer, chunk, i.size_chunk);
      if (bytes != std::numeric_limits<std::uint64_t>::max() && bytes != here)
        throw std::invalid_argument("source and destination of an instruction differ in size");
      bytes = here;
      return narrow(offset_of(buffer, chunk));
    };
    i.src_offset = reads_src(i.op) ? take(i.src_buf, i.src_chunk) : 0;
    i.dst_offset = writes_dst(i.op) ? take(i.dst_buf, i.dst_chunk) : 0;
    i.bytes = narrow(bytes);
  }
  [[nodiscard]] std::uint64_t scratch_bytes() const { return scratch_; }

 private:
  [[nodiscard]] std::uint64_t bytes_of(Buffer buffer, std::uint16_t chunk, std::uint16_t logical) const {
    return buffer == Buffer::kScratch ? layout_.blocks.at(logical) : extents(buffer).at(chunk).bytes;
  }
  [[nodiscard]] std::uint64_t offset_of(Buffer buffer, std::uint16_t chunk) const {
    if (buffer == Buffer::kScratch) return chunk * stride_;
    const Extent& e = extents(buffer).at(chunk);
    return e.bytes == 0 ? 0 : e.offset;
  }
  [[nodiscard]] const std::vector<Extent>& extents(Buffer buffer) const {
    return buffer == Buffer::kInput ? layout_.input : layout_.output;
  }

  const Layout& layout_;
  std::uint64_t stride_ = 0;
  std::uint64_t scratch_ = 0;
};

}  // namespace

Program compile(const Schedule& schedule, int rank, const std::vector<std::uint16_t>& group_ranks,
                const Layout& layout) {
  if (!schedule.by_counts)
    throw std::invalid_argument("schedule " + schedule.algorithm +
                                " does not take blocks that differ in size");
  Program p = compile(schedule, rank, group_ranks);
  const Bytes bytes(schedule, static_cast<std::size_t>(rank), layout);
  p.by_bytes = true;
  p.input_bytes = end_of(layout.input);
  p.output_bytes = end_of(layout.output);
  p.scratch_bytes = bytes.scratch_bytes();
  for (Lane& lane : p.lanes) {
    for (Instruction& i : lane) bytes.place(i);
  }
  return p;
}

std::uint16_t signature(const Schedule& schedule) noexcept {
  // FNV-1a, 32 bits (Fowler, Noll, Vo), folded to 16.
  std::uint32_t hash = 2166136261u;
  const auto add = [&](std::uint32_t byte) { hash = (hash ^ (byte & 0xff)) * 16777619u; };
  add(static_cast<std::uint32_t>(schedule.collective));
  for (const char c : schedule.algorithm) add(static_cast<unsigned char>(c));
  add(schedule.root);
  add(static_cast<std::uint32_t>(schedule.root) >> 8);
  add(static_cast<std::uint32_t>(schedule.chunks / schedule.ranks.size()));
  return static_cast<std::uint16_t>(hash >> 16 ^ (hash & 0xffff));
}

}  // namespace tally::schedule
