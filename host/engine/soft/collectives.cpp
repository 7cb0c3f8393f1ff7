// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/collectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/numerics/reduce.hpp"
#include "tally/device.hpp"

namespace tally::soft {
namespace {

using device::MismatchField;
using schedule::Instruction;

constexpr std::uint32_t bit(MismatchField field) noexcept { return static_cast<std::uint32_t>(field); }

/// Distance of 16-bit serial numbers (RFC 1982).
constexpr int distance(std::uint16_t from, std::uint16_t to) noexcept {
  return static_cast<std::int16_t>(static_cast<std::uint16_t>(to - from));
}

std::uint64_t instruction_bytes(const Instruction& instruction, std::uint64_t chunk,
                                std::uint64_t total) noexcept {
  if (instruction.by_bytes) return instruction.bytes;
  return schedule::extent_bytes(instruction.size_chunk, instruction.chunks, chunk, total);
}

void move(std::byte* to, const std::byte* from, std::uint32_t bytes) noexcept {
  if (bytes != 0 && to != from) std::memmove(to, from, bytes);
}

}  // namespace

Collectives::Context& Collectives::context(std::uint16_t id) {
  std::unique_ptr<Context>& slot = contexts_[id];
  if (slot == nullptr) {
    slot = std::make_unique<Context>();
    slot->id = id;
    slot->flows.resize(std::size_t{kLanes} * transport_.size());
    used_.push_back(slot.get());
  }
  return *slot;
}

Status Collectives::post(const CollectiveDescriptor& descriptor) {
  if (descriptor.context >= kContexts) {
    return {TALLY_ERR_ARGUMENT,
            fmt::format("context {} is out of range (0 to {})", descriptor.context, kContexts - 1)};
  }
  const schedule::Program& program = *descriptor.program;
  if (program.lanes.size() > kLanes) {
    return {TALLY_ERR_UNSUPPORTED,
            fmt::format("schedule has {} lanes, engine 'soft' has {}", program.lanes.size(), kLanes)};
  }
  Context& where = context(descriptor.context);
  if (where.broken) {
    Completion completion;
    completion.cookie = descriptor.cookie;
    completion.status = TALLY_ERR_ABORTED;
    completions_.push(completion);
    return {};
  }
  Operation* operation = operation_pool_.take();
  *operation = Operation{};
  operation->descriptor = descriptor;
  const std::uint64_t element = numerics::element_bytes(descriptor.dtype);
  operation->chunk =
      schedule::chunk_bytes(descriptor.count, element, program.chunks, program.max_chunk_bytes);
  operation->total = descriptor.count * element;
  operation->pass_bytes = program.chunks * operation->chunk;
  operation->passes =
      static_cast<std::uint32_t>(schedule::passes(operation->total, program.chunks, operation->chunk));
  const bool idle = where.operations.empty();
  where.operations.push(operation);
  if (idle) start(where);
  return {};
}

void Collectives::start(Context& where) {
  while (!where.operations.empty()) {
    Operation* operation = where.operations.front();
    const schedule::Program& program = *operation->descriptor.program;
    const std::uint64_t scratch =
        program.by_bytes ? program.scratch_bytes : program.scratch_chunks * operation->chunk;
    if (where.scratch.size() < scratch) where.scratch.resize(scratch);
    for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
      for (std::uint64_t rest = where.waiting[lane]; rest != 0; rest &= rest - 1) {
        if (!check_head(where, lane, static_cast<std::uint32_t>(std::countr_zero(rest)))) return;
      }
    }
    advance(where);
    if (where.operations.front() == operation) return;  // it waits; otherwise the next one starts
  }
}

Collectives::Head Collectives::head(const Context& where, std::uint32_t lane,
                                    std::uint32_t source) const noexcept {
  const Fifo<Packet>& flow = where.flows[lane * transport_.size() + source];
  if (!flow.empty()) return {&flow.front()->header, flow.front()->payload.data()};
  if (arrival_.frame != nullptr && arrival_.source == source && arrival_.frame->header.lane == lane &&
      arrival_.frame->header.context == where.id) {
    return {&arrival_.frame->header, arrival_.frame->payload()};
  }
  return {};
}

void Collectives::pop_head(Context& where, std::uint32_t lane, std::uint32_t source) noexcept {
  Fifo<Packet>& flow = where.flows[lane * transport_.size() + source];
  if (flow.empty()) {
    arrival_.frame = nullptr;
    return;
  }
  packet_pool_.give(flow.pop());
  if (flow.empty()) where.waiting[lane] &= ~(std::uint64_t{1} << source);
}

void Collectives::keep_arrival(Context& where) {
  const Frame& frame = *arrival_.frame;
  Packet* packet = packet_pool_.take();
  packet->header = frame.header;
  if (frame.header.bytes != 0) std::memcpy(packet->payload.data(), frame.payload(), frame.header.bytes);
  work_.copied_bytes += frame.header.bytes;
  where.flows[frame.header.lane * transport_.size() + arrival_.source].push(packet);
  where.waiting[frame.header.lane] |= std::uint64_t{1} << arrival_.source;
  arrival_.frame = nullptr;
}

void Collectives::arrive(std::uint32_t source, const Frame& frame) {
  if (frame.header.context >= kContexts || frame.header.lane >= kLanes) return;
  Context& where = context(frame.header.context);
  if (where.broken) return;
  arrival_ = {&frame, source};
  if (!where.operations.empty() && where.flows[frame.header.lane * transport_.size() + source].empty()) {
    if (!check_head(where, frame.header.lane, source)) return;
    Operation* operation = where.operations.front();
    if (arrival_.frame != nullptr) advance(where);
    // A collective that follows is started only when the arrival is out of the way: it may belong to that
    // one.
    if (arrival_.frame != nullptr && !where.broken) keep_arrival(where);
    if (where.operations.front() != operation) start(where);
  } else {
    keep_arrival(where);
  }
  arrival_.frame = nullptr;
}

bool Collectives::check_head(Context& where, std::uint32_t lane, std::uint32_t source) {
  const CollectiveDescriptor& own = where.operations.front()->descriptor;
  const LaneState& state = where.operations.front()->lanes[lane];
  for (Head first = head(where, lane, source); first.header != nullptr; first = head(where, lane, source)) {
    const FrameHeader& header = *first.header;
    const int ahead = distance(own.seq, header.seq);
    if (ahead < 0) {
      // A collective that completed has consumed all that its ranks sent, so that rank ran another one: for
      // example two roots of a bcast, which both send and expect nothing.
      mismatch(where, source, bit(MismatchField::kSignature), header.count);
      return false;
    }
    if (ahead == 0) {
      const std::uint32_t fields = (header.count != own.count ? bit(MismatchField::kCount) : 0) |
                                   (header.dtype != own.dtype ? bit(MismatchField::kDtype) : 0) |
                                   (header.redop != own.redop ? bit(MismatchField::kRedop) : 0) |
                                   (header.signature != own.signature ? bit(MismatchField::kSignature) : 0);
      if (fields == 0) return true;
      mismatch(where, source, fields, header.count);
      return false;
    }
    const auto& lanes = own.program->lanes;
    if (lane >= lanes.size()) return true;
    // In a later pass the lane does all of its program again.
    const bool last_pass = state.pass + 1 >= where.operations.front()->passes;
    const bool expected = std::any_of(lanes[lane].begin() + (last_pass ? state.step : 0), lanes[lane].end(),
                                      [source](const Instruction& instruction) {
                                        return schedule::receives(instruction.op) &&
                                               instruction.recv_peer == static_cast<int>(source);
                                      });
    if (!expected) return true;
    mismatch(where, source, bit(MismatchField::kSignature), header.count);
    return false;
  }
  return true;
}

void Collectives::advance_all() {
  for (std::size_t i = 0; i < used_.size(); ++i) {
    Context& where = *used_[i];
    if (where.operations.empty()) continue;
    Operation* operation = where.operations.front();
    advance(where);
    if (where.operations.front() != operation) start(where);
  }
}

void Collectives::advance(Context& where) {
  Operation& operation = *where.operations.front();
  const std::vector<schedule::Lane>& lanes = operation.descriptor.program->lanes;
  for (bool moved = true; moved;) {
    moved = false;
    for (std::uint32_t lane = 0; lane < lanes.size(); ++lane) {
      moved |= run_lane(where, operation, lane);
      if (where.broken) return;
    }
  }
  for (std::uint32_t lane = 0; lane < lanes.size(); ++lane) {
    if (operation.lanes[lane].step != lanes[lane].size()) return;
  }
  Completion completion;
  completion.cookie = operation.descriptor.cookie;
  completion.length = operation.total;
  finish(where, completion);
}

bool Collectives::run_lane(Context& where, Operation& operation, std::uint32_t lane) {
  const schedule::Lane& instructions = operation.descriptor.program->lanes[lane];
  LaneState& state = operation.lanes[lane];
  bool moved = false;
  while (state.step < instructions.size()) {
    const Instruction& instruction = instructions[state.step];
    if (!dependency_met(operation, lane, instruction)) return moved;
    const std::uint64_t all =
        instruction_bytes(instruction, operation.chunk, operation.total - state.pass * operation.pass_bytes);
    const auto bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(all - state.offset, kMaxPayload));

    Head received;
    const auto from = static_cast<std::uint32_t>(instruction.recv_peer);
    if (schedule::receives(instruction.op)) {
      received = head(where, lane, from);
      if (received.header == nullptr) return moved;
      if (!check_head(where, lane, from)) return moved;
      received = head(where, lane, from);
      if (received.header == nullptr) return moved;
      if (received.header->bytes != bytes || received.header->packet != state.packet) {
        mismatch(where, from, bit(MismatchField::kSignature), received.header->count);
        return moved;
      }
    }
    Frame* frame = nullptr;
    const auto to = static_cast<std::uint32_t>(instruction.send_peer);
    if (schedule::sends(instruction.op)) {
      frame = transport_.reserve(to, bytes);
      if (frame == nullptr) return moved;
      const CollectiveDescriptor& own = operation.descriptor;
      frame->header = FrameHeader{};
      frame->header.bytes = bytes;
      frame->header.kind = FrameKind::kCollective;
      frame->header.lane = static_cast<std::uint8_t>(schedule::target_lane(instruction, lane));
      frame->header.dtype = static_cast<std::uint8_t>(own.dtype);
      frame->header.redop = static_cast<std::uint8_t>(own.redop);
      frame->header.context = where.id;
      frame->header.seq = own.seq;
      frame->header.signature = own.signature;
      frame->header.packet = state.packet;
      frame->header.count = own.count;
    }
    execute(where, operation, instruction, state.pass * operation.pass_bytes, state.offset, bytes,
            received.payload, frame == nullptr ? nullptr : frame->payload());
    if (frame != nullptr) transport_.commit(to);
    if (received.header != nullptr) pop_head(where, lane, from);
    moved = true;
    state.offset += bytes;
    ++state.packet;
    if (state.offset == all) {
      const bool again = state.step + 1 == instructions.size() && state.pass + 1 < operation.passes;
      state = again ? LaneState{0, state.pass + 1, 0, 0} : LaneState{state.step + 1, state.pass, 0, 0};
    }
    // The next packet of this flow has become its head: it may be of another collective.
    if (received.header != nullptr && !check_head(where, lane, from)) return moved;
  }
  return moved;
}

bool Collectives::dependency_met(const Operation& operation, std::uint32_t lane,
                                 const Instruction& instruction) noexcept {
  if (!instruction.has_dep || instruction.dep_step == 0) return true;
  const LaneState& other = operation.lanes[instruction.dep_lane];
  const std::uint32_t pass = operation.lanes[lane].pass;
  return other.pass > pass || (other.pass == pass && other.step >= instruction.dep_step);
}

void Collectives::execute(Context& where, Operation& operation, const Instruction& instruction,
                          std::uint64_t pass_offset, std::uint64_t offset, std::uint32_t bytes,
                          const std::byte* received, std::byte* sent) {
  if (bytes == 0) return;
  const CollectiveDescriptor& own = operation.descriptor;
  const auto address = [&](schedule::Buffer buffer, std::uint16_t chunk, std::uint32_t at) {
    std::byte* base =
        buffer == schedule::Buffer::kScratch ? where.scratch.data()
        : buffer == schedule::Buffer::kOutput
            ? static_cast<std::byte*>(own.output)
            : static_cast<std::byte*>(const_cast<void*>(own.input));  // never a dst, but in place
    const std::uint64_t pass = buffer == schedule::Buffer::kScratch ? 0 : pass_offset;
    return base + pass + (instruction.by_bytes ? at : chunk * operation.chunk) + offset;
  };
  const std::byte* src = schedule::reads_src(instruction.op)
                             ? address(instruction.src_buf, instruction.src_chunk, instruction.src_offset)
                             : nullptr;
  std::byte* dst = schedule::writes_dst(instruction.op)
                       ? address(instruction.dst_buf, instruction.dst_chunk, instruction.dst_offset)
                       : nullptr;
  const auto reduce = [&](std::byte* out, const std::byte* a, const std::byte* b) {
    numerics::reduce(own.dtype, own.redop, out, a, b, bytes / numerics::element_bytes(own.dtype));
    work_.reduced_bytes += bytes;
  };
  const auto copy = [&](std::byte* out, const std::byte* in) {
    move(out, in, bytes);
    work_.copied_bytes += bytes;
  };
  switch (instruction.op) {
    case schedule::Op::kNop:
      break;
    case schedule::Op::kSend:
      copy(sent, src);
      break;
    case schedule::Op::kRecv:
      copy(dst, received);
      break;
    case schedule::Op::kCopy:
      copy(dst, src);
      break;
    case schedule::Op::kReduce:
      reduce(dst, dst, src);
      break;
    case schedule::Op::kRecvReduceCopy:
      reduce(dst, src, received);
      break;
    case schedule::Op::kRecvCopySend:
      copy(dst, received);
      copy(sent, received);
      break;
    case schedule::Op::kRecvReduceSend:
      reduce(sent, src, received);
      break;
    case schedule::Op::kRecvReduceCopySend:
      reduce(dst, src, received);
      copy(sent, dst);
      break;
  }
}

void Collectives::mismatch(Context& where, std::uint32_t source, std::uint32_t fields, std::uint64_t count) {
  Completion completion;
  completion.status = TALLY_ERR_MISMATCH;
  completion.source = static_cast<std::uint16_t>(source);
  completion.detail = fields << 24 | static_cast<std::uint32_t>(std::min<std::uint64_t>(count, 0xffffff));
  break_context(where, completion);
}

void Collectives::break_context(Context& where, const Completion& first) {
  where.broken = true;
  Completion completion = first;
  while (!where.operations.empty()) {
    completion.cookie = where.operations.front()->descriptor.cookie;
    finish(where, completion);
    completion = Completion{};
    completion.status = TALLY_ERR_ABORTED;
  }
  for (Fifo<Packet>& flow : where.flows) {
    while (!flow.empty()) packet_pool_.give(flow.pop());
  }
  where.waiting.fill(0);
}

void Collectives::finish(Context& where, const Completion& completion) {
  completions_.push(completion);
  operation_pool_.give(where.operations.pop());
}

void Collectives::abort(std::uint16_t id, std::uint16_t seq) {
  if (id >= kContexts || contexts_[id] == nullptr) return;
  Context& where = *contexts_[id];
  for (const Operation* operation = where.operations.front(); operation != nullptr;
       operation = operation->next) {
    if (operation->descriptor.seq != seq) continue;
    Completion completion;
    completion.status = TALLY_ERR_ABORTED;
    break_context(where, completion);
    return;
  }
}

std::string Collectives::describe_pending() const {
  std::string text;
  for (const Context* where : used_) {
    const Operation* operation = where->operations.front();
    if (operation == nullptr) continue;
    const auto& lanes = operation->descriptor.program->lanes;
    for (std::uint32_t lane = 0; lane < lanes.size(); ++lane) {
      const LaneState& state = operation->lanes[lane];
      if (state.step == lanes[lane].size()) continue;
      const Instruction& instruction = lanes[lane][state.step];
      std::string reason = "is ready";
      if (!dependency_met(*operation, lane, instruction)) {
        reason = fmt::format("waits for step {} of lane {}", instruction.dep_step, instruction.dep_lane);
      } else if (schedule::receives(instruction.op) &&
                 head(*where, lane, static_cast<std::uint32_t>(instruction.recv_peer)).header == nullptr) {
        reason = fmt::format("waits for data from rank {}", instruction.recv_peer);
      } else if (schedule::sends(instruction.op)) {
        reason = fmt::format("waits for rank {} to take data", instruction.send_peer);
      }
      text += fmt::format("collective {} of context {}: lane {}, step {} of {} {}\n",
                          operation->descriptor.seq, where->id, lane, state.step, lanes[lane].size(), reason);
    }
  }
  return text;
}

}  // namespace tally::soft
