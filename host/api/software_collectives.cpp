// SPDX-License-Identifier: BSD-3-Clause
// Execution: instructions, from lane to lane. Messages are in software_messages.cpp.
#include "api/software_collectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "api/endpoint.hpp"
#include "api/posting.hpp"
#include "engine/numerics/reduce.hpp"
#include "tally/device.hpp"

namespace tally::api {
namespace {

using schedule::Instruction;
using schedule::Op;

/// A piece; more where an element is larger.
constexpr std::uint64_t kPieceBytes = 128u << 10;
/// Pieces of one instruction that are under way at once.
constexpr std::uint32_t kUnderWay = 8;

std::uint64_t instruction_bytes(const Instruction& i, std::uint64_t chunk, std::uint64_t total) noexcept {
  if (i.by_bytes) return i.bytes;
  return schedule::extent_bytes(i.size_chunk, i.chunks, chunk, total);
}

}  // namespace

SoftwareCollectives::SoftwareCollectives(tally_endpoint& endpoint)
    : endpoint_(endpoint), slots_([&endpoint](void* base, std::size_t bytes, tally_memory** region) {
        return endpoint.register_memory(base, bytes, region);
      }) {}

SoftwareCollectives::Group& SoftwareCollectives::group(std::uint16_t context) {
  if (groups_.size() <= context) groups_.resize(std::size_t{context} + 1);
  if (groups_[context] == nullptr) {
    groups_[context] = std::make_unique<Group>();
    groups_[context]->context = context;
    active_.reserve(groups_.size());
  }
  return *groups_[context];
}

void SoftwareCollectives::start(const Call& call, tally_request* request) {
  Group& where = group(call.descriptor.context);
  const schedule::Program& program = *call.descriptor.program;
  Operation* operation = pool_.take();
  operation->call = call;
  operation->request = request;
  operation->seq = where.seq++;
  operation->chunk =
      schedule::chunk_bytes(call.descriptor.count, call.element, program.chunks, program.max_chunk_bytes);
  operation->total = call.descriptor.count * call.element;
  operation->pass_bytes = program.chunks * operation->chunk;
  operation->passes =
      static_cast<std::uint32_t>(schedule::passes(operation->total, program.chunks, operation->chunk));
  operation->piece = std::max<std::uint64_t>(kPieceBytes / call.element, 1) * call.element;
  operation->started = operation->abort = operation->failed = false;
  operation->dying = 0;
  std::fill_n(operation->lanes.begin(), program.lanes.size(), LaneState{});
  where.operations.push(operation);
  if (where.active) return;
  where.active = true;
  active_.push_back(&where);
}

std::size_t SoftwareCollectives::advance() {
  ended_ = 0;
  for (bool moved = true; moved;) {
    moved = reap();
    for (std::size_t k = 0; k < active_.size(); ++k) moved |= run(*active_[k]);
    moved |= flush();
    std::erase_if(active_, [](Group* where) {
      if (where->operations.empty()) where->active = false;
      return !where->active;
    });
  }
  return ended_;
}

/// Moves the first operation of a group on; true when something has moved.
bool SoftwareCollectives::run(Group& where) {
  bool any = false;
  while (!where.operations.empty()) {
    Operation& operation = *where.operations.front();
    if (operation.abort && !operation.failed) fail(operation, TALLY_ERR_ABORTED);
    if (!operation.failed && !operation.started) operation.started = begin(where, operation);
    bool ended = !operation.failed;
    if (!operation.failed) {
      const std::size_t lanes = operation.call.descriptor.program->lanes.size();
      for (bool moved = true; moved && !operation.failed;) {
        moved = false;
        for (std::size_t l = 0; l < lanes && !operation.failed; ++l) moved |= run_lane(where, operation, l);
        any |= moved;
      }
      for (std::size_t l = 0; l < lanes; ++l)
        ended &= operation.lanes[l].step == operation.call.descriptor.program->lanes[l].size();
    }
    if (operation.failed) {
      withdraw(operation);
      if (operation.dying != 0) return any;
      const Completion outcome = operation.outcome;
      // As in an engine, those that wait behind it have no future either.
      finish(where, outcome);
      for (Operation* rest = where.operations.front(); rest != nullptr; rest = rest->next) rest->abort = true;
      any = true;
      continue;
    }
    if (!ended) return any;
    Completion done;
    done.length = operation.total;
    finish(where, done);
    any = true;
  }
  return any;
}

bool SoftwareCollectives::begin(Group& where, Operation& operation) {
  const schedule::Program& program = *operation.call.descriptor.program;
  const std::uint64_t scratch =
      program.by_bytes ? program.scratch_bytes : program.scratch_chunks * operation.chunk;
  if (scratch == 0) return true;
  if (where.scratch.data != nullptr && (MessageSlots::kLeast << where.scratch.size_class) >= scratch)
    return true;
  slots_.give(&where.scratch);
  return take_slot(operation, scratch, &where.scratch);
}

bool SoftwareCollectives::dependency_met(const Operation& operation, std::size_t lane,
                                         const Instruction& instruction) noexcept {
  if (!instruction.has_dep || instruction.dep_step == 0) return true;
  const LaneState& other = operation.lanes[instruction.dep_lane];
  const std::uint32_t pass = operation.lanes[lane].pass;
  return other.pass > pass || (other.pass == pass && other.step >= instruction.dep_step);
}

SoftwareCollectives::Step SoftwareCollectives::step_of(Group& where, Operation& operation,
                                                       std::size_t lane) const {
  const Call& call = operation.call;
  const LaneState& state = operation.lanes[lane];
  const Instruction& i = call.descriptor.program->lanes[lane][state.step];
  const std::uint64_t pass_offset = state.pass * operation.pass_bytes;
  Step step{i};
  step.bytes = instruction_bytes(i, operation.chunk, operation.total - pass_offset);
  const auto address = [&](schedule::Buffer buffer, std::uint16_t chunk, std::uint32_t at,
                           tally_memory** region) {
    const std::uint64_t offset = i.by_bytes ? at : chunk * operation.chunk;
    if (buffer == schedule::Buffer::kScratch) {
      *region = where.scratch.region;
      return where.scratch.data + offset;
    }
    const bool output = buffer == schedule::Buffer::kOutput;
    *region = output ? call.output_region : call.input_region;
    auto* base = static_cast<std::byte*>(output ? call.descriptor.output
                                                : const_cast<void*>(call.descriptor.input));  // never a dst
    return base + pass_offset + offset;
  };
  if (step.bytes == 0) return step;
  if (schedule::reads_src(i.op)) step.src = address(i.src_buf, i.src_chunk, i.src_offset, &step.src_region);
  if (schedule::writes_dst(i.op)) step.dst = address(i.dst_buf, i.dst_chunk, i.dst_offset, &step.dst_region);
  return step;
}

bool SoftwareCollectives::run_lane(Group& where, Operation& operation, std::size_t lane) {
  const schedule::Lane& instructions = operation.call.descriptor.program->lanes[lane];
  LaneState& state = operation.lanes[lane];
  bool moved = false;
  while (state.step < instructions.size()) {
    const Instruction& instruction = instructions[state.step];
    if (!state.begun) {
      if (!dependency_met(operation, lane, instruction)) return moved;
      state.begun = true;
      state.serial = ++serial_;
      moved = true;
    }
    const Step step = step_of(where, operation, lane);
    if (schedule::receives(instruction.op) && !state.headed) {
      if (!take_head(where, operation, lane, step)) return moved;
      state.headed = true;
      moved = true;
    }
    const std::uint64_t before = state.offset;
    const bool done = step.bytes <= kInline ? run_short(where, operation, lane, step)
                                            : run_long(where, operation, lane, step);
    moved |= state.offset != before;
    if (operation.failed || !done) return moved;
    const bool again = state.step + 1 == instructions.size() && state.pass + 1 < operation.passes;
    const std::uint32_t next_step = again ? 0 : state.step + 1;
    const std::uint32_t next_pass = again ? state.pass + 1 : state.pass;
    state = LaneState{};
    state.step = next_step;
    state.pass = next_pass;
    moved = true;
  }
  return moved;
}

void SoftwareCollectives::copy(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  if (bytes == 0 || to == from) return;
  std::memmove(to, from, bytes);
  endpoint_.counts_.cpu_copied_bytes += bytes;
  endpoint_.counts_.cpu_copied_schedule += bytes;
}

void SoftwareCollectives::combine(const Operation& operation, const Instruction& instruction, std::byte* out,
                                  const std::byte* first, std::byte* second, std::size_t bytes, bool ours) {
  if (bytes == 0) return;
  const std::size_t count = bytes / operation.call.element;
  const OwnOperation& own = operation.call.own;
  endpoint_.counts_.cpu_reduced_bytes += bytes;
  if (own.function == nullptr) {
    numerics::reduce(operation.call.descriptor.dtype, operation.call.descriptor.redop, out, first, second,
                     count);
    return;
  }
  // The function leaves its result where the operand of the higher ranks is.
  const std::byte* lower = instruction.second_first ? second : first;
  const std::byte* upper = instruction.second_first ? first : second;
  if (upper == out) {
    own.function(lower, out, count, own.argument);
  } else if (upper == second && ours) {
    own.function(lower, second, count, own.argument);
    copy(out, second, bytes);
  } else if (lower != out) {
    copy(out, upper, bytes);
    own.function(lower, out, count, own.argument);
  } else {
    if (temporary_.size() < bytes) temporary_.resize(bytes);
    copy(temporary_.data(), upper, bytes);
    own.function(lower, temporary_.data(), count, own.argument);
    copy(out, temporary_.data(), bytes);
  }
}

bool SoftwareCollectives::run_short(Group& where, Operation& operation, std::size_t lane, const Step& step) {
  LaneState& state = operation.lanes[lane];
  const Instruction& i = step.instruction;
  Slot slot = state.head.slot;  // what has come; what goes out leaves from there, too
  if (i.op == Op::kSend) {
    if (!take_slot(operation, MessageSlots::kLeast, &slot)) return false;
    write_head(operation, step.bytes, slot.data);
  }
  state.head.slot = Slot{};
  std::byte* data = slot.data == nullptr ? nullptr : slot.data + sizeof(Head);
  switch (i.op) {
    case Op::kNop:
      break;
    case Op::kSend:
      copy(data, step.src, step.bytes);
      break;
    case Op::kCopy:
      copy(step.dst, step.src, step.bytes);
      break;
    case Op::kReduce:
      combine(operation, i, step.dst, step.dst, const_cast<std::byte*>(step.src), step.bytes, false);
      break;
    case Op::kRecv:
    case Op::kRecvCopySend:
      copy(step.dst, data, step.bytes);
      break;
    case Op::kRecvReduceSend:
      combine(operation, i, data, step.src, data, step.bytes, true);
      break;
    case Op::kRecvReduceCopy:
      combine(operation, i, step.dst, step.src, data, step.bytes, true);
      break;
    case Op::kRecvReduceCopySend:
      combine(operation, i, step.dst, step.src, data, step.bytes, true);
      copy(data, step.dst, step.bytes);
      break;
  }
  if (schedule::sends(i.op)) {
    send(where, state, i, lane, slot.data, sizeof(Head) + step.bytes, slot.region, &slot, false);
  } else {
    slots_.give(&slot);
  }
  return true;
}

bool SoftwareCollectives::run_long(Group& where, Operation& operation, std::size_t lane, const Step& step) {
  LaneState& state = operation.lanes[lane];
  const Instruction& i = step.instruction;
  const bool receives = schedule::receives(i.op);
  const bool sends = schedule::sends(i.op);
  if (!receives && !sends) {
    for (; state.offset < step.bytes; state.offset += std::min(operation.piece, step.bytes - state.offset)) {
      const std::size_t n = std::min(operation.piece, step.bytes - state.offset);
      if (i.op == Op::kCopy) copy(step.dst + state.offset, step.src + state.offset, n);
      if (i.op == Op::kReduce) {
        combine(operation, i, step.dst + state.offset, step.dst + state.offset,
                const_cast<std::byte*>(step.src) + state.offset, n, false);
      }
    }
    return true;
  }
  slots_.give(&state.head.slot);
  if (sends && !state.announced) {
    Slot slot;
    if (!take_slot(operation, sizeof(Head), &slot)) return false;
    write_head(operation, step.bytes, slot.data);
    send(where, state, i, lane, slot.data, sizeof(Head), slot.region, &slot, false);
    state.announced = true;
  }
  // Where flows hold the schedule's instructions, what is sent leaves the lane at once.
  const bool held = operation.call.descriptor.program->max_bytes != 0;
  const bool in_slot = held || i.op == Op::kRecvReduceSend;
  const bool direct = i.op == Op::kRecv || i.op == Op::kRecvCopySend;
  while (state.offset < step.bytes) {
    while (receives && state.under_way < kAhead && state.posted < step.bytes) {
      const std::size_t n = std::min(operation.piece, step.bytes - state.posted);
      Incoming& next = state.pieces[(state.first + state.under_way) % kAhead];
      if (!direct && !take_slot(operation, operation.piece, &next.slot)) return false;
      if (!post(where, operation, lane, i.recv_peer, direct ? step.dst + state.posted : next.slot.data, n,
                direct ? step.dst_region : next.slot.region, &next.request)) {
        slots_.give(&next.slot);
        break;
      }
      ++state.under_way;
      state.posted += n;
    }
    if (operation.failed) return false;
    const std::size_t n = std::min(operation.piece, step.bytes - state.offset);
    if (sends && !held && state.unsent >= kUnderWay) return false;
    Slot slot;
    if (receives) {
      if (state.under_way == 0) return false;
      Incoming& oldest = state.pieces[state.first];
      if (oldest.request->state != tally_request::State::kDone) return false;
      const Completion& done = oldest.request->completion;
      if (done.status != TALLY_OK || done.length != n) {
        if (done.status == TALLY_OK || done.status == TALLY_ERR_TRUNCATED) {
          mismatch(operation, i.recv_peer, static_cast<std::uint32_t>(device::MismatchField::kSignature), 0);
        } else {
          fail(operation, done.status, i.recv_peer);
        }
        return false;
      }
      endpoint_.release(*oldest.request);
      oldest.request = nullptr;
      slot = oldest.slot;
      oldest.slot = Slot{};
      state.first = (state.first + 1) % kAhead;
      --state.under_way;
    }
    const std::byte* src = step.src == nullptr ? nullptr : step.src + state.offset;
    std::byte* dst = step.dst == nullptr ? nullptr : step.dst + state.offset;
    if (i.op == Op::kRecvReduceSend) combine(operation, i, slot.data, src, slot.data, n, true);
    if (i.op == Op::kRecvReduceCopy || i.op == Op::kRecvReduceCopySend)
      combine(operation, i, dst, src, slot.data, n, true);
    if (sends && !in_slot) {
      const bool from_dst = dst != nullptr;
      Slot none;
      send(where, state, i, lane, from_dst ? dst : src, n, from_dst ? step.dst_region : step.src_region,
           &none, true);
      slots_.give(&slot);
    } else if (sends) {
      if (slot.data == nullptr && !take_slot(operation, operation.piece, &slot)) return false;
      if (i.op != Op::kRecvReduceSend) copy(slot.data, dst != nullptr ? dst : src, n);
      send(where, state, i, lane, slot.data, n, slot.region, &slot, !held);
    } else {
      slots_.give(&slot);
    }
    state.offset += n;
  }
  // What leaves from a slot does so without the lane.
  return in_slot || state.unsent == 0;
}

std::string SoftwareCollectives::describe_pending() const {
  std::string text;
  for (const Group* where : active_) {
    const Operation* operation = where->operations.front();
    if (operation == nullptr) continue;
    const auto& lanes = operation->call.descriptor.program->lanes;
    for (std::size_t l = 0; l < lanes.size(); ++l) {
      const LaneState& state = operation->lanes[l];
      if (state.step >= lanes[l].size()) continue;
      const Instruction& i = lanes[l][state.step];
      std::string reason = "is ready";
      if (!state.begun) {
        reason = fmt::format("waits for step {} of lane {}", i.dep_step, i.dep_lane);
      } else if (schedule::receives(i.op) && (!state.headed || state.under_way != 0)) {
        reason = fmt::format("waits for data from rank {}", i.recv_peer);
      } else if (schedule::sends(i.op)) {
        reason = fmt::format("waits for rank {} to take data", i.send_peer);
      }
      text += fmt::format("software collective {} of context {}: lane {}, step {} of {} {}\n", operation->seq,
                          where->context, l, state.step, lanes[l].size(), reason);
    }
  }
  return text;
}

}  // namespace tally::api
