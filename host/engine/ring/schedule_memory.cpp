// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/schedule_memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "tally/device.hpp"
#include "tally/device_registers.hpp"

namespace tally::ring {

using schedule::Instruction;
using schedule::Program;

namespace {

std::uint32_t entries_of(const Program& program) {
  std::size_t entries = 1;
  for (const schedule::Lane& lane : program.lanes) entries += lane.size();
  return static_cast<std::uint32_t>(entries);
}

/// Value of ScheduleHeader.input_chunks and output_chunks for a buffer that the schedule does not use.
constexpr std::uint16_t kUnused = 0xffff;

device::Instr encode_instruction(const Instruction& i, std::size_t lane) {
  device::Instr out{};
  out.op = static_cast<std::uint8_t>(i.op);
  out.flags = i.has_dep ? static_cast<std::uint8_t>(device::kInstrFlagHasDep) : std::uint8_t{0};
  out.src_buf = static_cast<std::uint8_t>(i.src_buf);
  out.dst_buf = static_cast<std::uint8_t>(i.dst_buf);
  out.src_chunk = i.src_chunk;
  out.dst_chunk = i.dst_chunk;
  out.chunks = i.chunks;
  out.size_chunk = i.size_chunk;
  out.send_peer = schedule::sends(i.op) ? static_cast<std::uint16_t>(i.send_peer) : std::uint16_t{0};
  out.recv_peer = schedule::receives(i.op) ? static_cast<std::uint16_t>(i.recv_peer) : std::uint16_t{0};
  out.dep_lane = i.has_dep ? i.dep_lane : std::uint8_t{0};
  out.dep_step = i.has_dep ? i.dep_step : std::uint16_t{0};
  out.send_lane = static_cast<std::uint8_t>(schedule::target_lane(i, lane));
  if (i.by_bytes) {
    out.flags = static_cast<std::uint8_t>(out.flags | device::kInstrFlagByBytes);
    out.src_offset = i.src_offset;
    out.dst_offset = i.dst_offset;
    out.bytes = i.bytes;
  }
  return out;
}

}  // namespace

ScheduleMemory::ScheduleMemory(Bar& bar) : bar_(bar) {
  residents_.reserve(device::kScheduleEntries);
  words_.reserve(std::size_t{device::kScheduleEntries} * 8);
}

Status ScheduleMemory::check(const Program& program, unsigned nodes) {
  if (program.id == 0) return {TALLY_ERR_ARGUMENT, "program has no id: it was not made by schedule::compile"};
  if (program.lanes.empty() || program.lanes.size() > device::kNumLanes) {
    return {TALLY_ERR_UNSUPPORTED, "program has " + std::to_string(program.lanes.size()) +
                                       " lanes, the device " + std::to_string(device::kNumLanes)};
  }
  std::size_t entries = 1;
  for (const schedule::Lane& lane : program.lanes) {
    entries += lane.size();
    for (const Instruction& i : lane) {
      const auto bad = [&](int peer) { return peer < 0 || static_cast<unsigned>(peer) >= nodes; };
      if ((schedule::sends(i.op) && bad(i.send_peer)) || (schedule::receives(i.op) && bad(i.recv_peer))) {
        return {TALLY_ERR_ARGUMENT,
                "program names a peer that is not one of " + std::to_string(nodes) + " ranks"};
      }
      if (schedule::sends(i.op) && schedule::target_lane(i, 0) >= device::kNumLanes)
        return {TALLY_ERR_ARGUMENT, "program names a lane that the device does not have"};
    }
  }
  if (entries > device::kScheduleEntries) {
    return {TALLY_ERR_UNSUPPORTED, "program takes " + std::to_string(entries) +
                                       " entries, the schedule memory has " +
                                       std::to_string(device::kScheduleEntries)};
  }
  return {};
}

bool ScheduleMemory::cached(std::uint64_t id) const {
  return std::any_of(residents_.begin(), residents_.end(), [&](const Resident& r) { return r.id == id; });
}

bool ScheduleMemory::place(std::uint32_t entries, std::uint32_t* first) {
  for (;;) {
    std::uint32_t at = 0;
    for (auto r = residents_.begin();; ++r) {
      const std::uint32_t end = r == residents_.end() ? device::kScheduleEntries : r->first;
      if (end - at >= entries) {
        residents_.insert(r, {writing_, at, entries, ++clock_, 0});
        *first = at;
        return true;
      }
      if (r == residents_.end()) break;
      at = r->first + r->entries;
    }
    // check() has seen to it that an empty memory has room, so this ends.
    auto oldest = residents_.end();
    for (auto r = residents_.begin(); r != residents_.end(); ++r) {
      if (r->users == 0 && (oldest == residents_.end() || r->used < oldest->used)) oldest = r;
    }
    if (oldest == residents_.end()) return false;
    residents_.erase(oldest);
  }
}

void ScheduleMemory::encode(const Program& program) {
  device::ScheduleHeader header{};
  header.lanes = static_cast<std::uint8_t>(program.lanes.size());
  const auto length = [&](std::size_t lane) {
    return lane < program.lanes.size() ? static_cast<std::uint16_t>(program.lanes[lane].size())
                                       : std::uint16_t{0};
  };
  header.lane0_len = length(0);
  header.lane1_len = length(1);
  header.lane2_len = length(2);
  header.lane3_len = length(3);
  header.scratch_chunks = program.scratch_chunks;
  header.chunks = program.max_chunk_bytes != 0 ? program.chunks : std::uint16_t{0};
  header.input_chunks = program.uses_input ? program.input_chunks : kUnused;
  header.output_chunks = program.uses_output ? program.output_chunks : kUnused;
  if (program.by_bytes) {
    header.flags = static_cast<std::uint8_t>(device::kHeaderFlagSizes);
    header.input_bytes = program.uses_input ? static_cast<std::uint32_t>(program.input_bytes) : 0;
    header.output_bytes = program.uses_output ? static_cast<std::uint32_t>(program.output_bytes) : 0;
    header.scratch_bytes = static_cast<std::uint32_t>(program.scratch_bytes);
  }
  words_.clear();
  const auto add = [&](const auto& entry) {
    std::array<std::uint32_t, 8> words;
    static_assert(sizeof(entry) == sizeof words);
    std::memcpy(words.data(), &entry, sizeof words);
    words_.insert(words_.end(), words.begin(), words.end());
  };
  add(header);
  for (std::size_t lane = 0; lane < program.lanes.size(); ++lane) {
    for (const Instruction& i : program.lanes[lane]) add(encode_instruction(i, lane));
  }
}

ScheduleMemory::Load ScheduleMemory::load(const Program& program, std::uint16_t* at) {
  const auto resident = [&](std::uint64_t id) {
    return std::find_if(residents_.begin(), residents_.end(), [&](const Resident& r) { return r.id == id; });
  };
  if (writing_ != program.id && resident(program.id) == residents_.end()) {
    // A program that was given up half-way (its collective was aborted) is not there.
    if (writing_ != 0) std::erase_if(residents_, [&](const Resident& r) { return r.id == writing_; });
    writing_ = program.id;
    written_ = 0;
    if (!place(entries_of(program), &first_)) {
      writing_ = 0;
      return Load::kNoRoom;
    }
    encode(program);
  }
  if (writing_ == program.id) {
    if (!write()) return Load::kLater;
    writing_ = 0;
    ++loads_;
  }
  const auto found = resident(program.id);
  found->used = ++clock_;
  ++found->users;
  *at = static_cast<std::uint16_t>(found->first);
  return Load::kDone;
}

/// The rest of the program that is being written; false: the window's queue is full.
bool ScheduleMemory::write() {
  if (written_ == 0) {
    if (!bar_.write32(device::global_reg::kSchedAddr, first_)) return false;
    written_ = 1;
  }
  for (; written_ <= words_.size(); ++written_) {
    const auto k = static_cast<std::uint32_t>(written_ - 1);
    if (!bar_.write32(device::global_reg::kSchedData0 + 4 * (k % 8), words_[k])) return false;
  }
  return true;
}

void ScheduleMemory::release(std::uint64_t id) {
  for (Resident& r : residents_) {
    if (r.id == id) --r.users;
  }
}

}  // namespace tally::ring
