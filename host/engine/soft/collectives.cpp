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
using Fetched = Rendezvous::Fetched;

/// Instructions of at least so many bytes leave their data where they are: where each rank has a processor,
/// and where a rank that waits until its data have been fetched waits for others to have had their turn.
constexpr std::uint64_t kRemoteBytes = 12u << 10;
constexpr std::uint64_t kRemoteBytesCrowded = 32u << 10;
/// Most bytes of a piece: a multiple of kMaxPayload.
constexpr std::uint64_t kPieceBytes = 1u << 20;
/// Fetched at once where the data are to be reduced: they are still in the cache then.
constexpr std::uint32_t kBounceBytes = 64u << 10;
/// Moved at once within a rank.
constexpr std::uint64_t kLocalBytes = 256u << 10;

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

/// Field by field: as a whole it would wait until what was stored before has left the processor.
void copy(CollectiveDescriptor& to, const CollectiveDescriptor& from) noexcept {
  to.program = from.program;
  to.input = from.input;
  to.output = from.output;
  to.count = from.count;
  to.dtype = from.dtype;
  to.redop = from.redop;
  to.context = from.context;
  to.seq = from.seq;
  to.signature = from.signature;
  to.cookie = from.cookie;
}

void move(std::byte* to, const std::byte* from, std::uint32_t bytes) noexcept {
  if (bytes != 0 && to != from) std::memmove(to, from, bytes);
}

}  // namespace

Collectives::Collectives(Transport& transport, Rendezvous& rendezvous, Completions& completions,
                         Work& work) noexcept
    : transport_(transport),
      rendezvous_(rendezvous),
      completions_(completions),
      work_(work),
      remote_bytes_(transport.crowded() ? kRemoteBytesCrowded : kRemoteBytes) {}

Collectives::Context& Collectives::context(std::uint16_t id) {
  if (contexts_.size() <= id) contexts_.resize(std::size_t{id} + 1);
  std::unique_ptr<Context>& slot = contexts_[id];
  if (slot == nullptr) {
    slot = std::make_unique<Context>();
    slot->id = id;
    slot->flows.resize(std::size_t{kLanes} * transport_.size());
    used_.push_back(slot.get());
  }
  return *slot;
}

Status Collectives::post(const CollectiveDescriptor& descriptor, Completion* completion, bool* complete) {
  if (descriptor.context >= kGroupContexts) {
    return {TALLY_ERR_ARGUMENT,
            fmt::format("context {} is out of range (0 to {})", descriptor.context, kGroupContexts - 1)};
  }
  const schedule::Program& program = *descriptor.program;
  if (program.lanes.size() > kLanes) {
    return {TALLY_ERR_UNSUPPORTED,
            fmt::format("schedule has {} lanes, engine 'soft' has {}", program.lanes.size(), kLanes)};
  }
  Context& where = context(descriptor.context);
  if (where.broken) {
    *completion = Completion{};
    completion->cookie = descriptor.cookie;
    completion->status = TALLY_ERR_ABORTED;
    *complete = true;
    return {};
  }
  Operation* operation = operation_pool_.take();
  operation->left = 0;
  for (std::size_t lane = 0; lane < program.lanes.size(); ++lane) {
    operation->lanes[lane].begin();
    operation->left += program.lanes[lane].empty() ? 0 : 1;
  }
  copy(operation->descriptor, descriptor);
  operation->extent = extent(where, descriptor);
  const bool idle = where.operations.empty();
  where.operations.push(operation);
  if (!idle) return {};
  posting_ = completion;
  posting_cookie_ = descriptor.cookie;
  start(where);
  *complete = posting_ == nullptr;
  posting_ = nullptr;
  return {};
}

const Collectives::Extent& Collectives::extent(Context& where, const CollectiveDescriptor& call) noexcept {
  const schedule::Program& program = *call.program;
  Extent& last = where.extent;
  if (last.program == program.id && last.count == call.count && last.dtype == call.dtype) return last;
  const std::uint64_t element = numerics::element_bytes(call.dtype);
  last.program = program.id;
  last.count = call.count;
  last.dtype = call.dtype;
  last.chunk = schedule::chunk_bytes(call.count, element, program.chunks, program.max_chunk_bytes);
  last.total = call.count * element;
  last.pass_bytes = program.chunks * last.chunk;
  last.passes = static_cast<std::uint32_t>(schedule::passes(last.total, program.chunks, last.chunk));
  last.dependent = false;
  for (const schedule::Lane& lane : program.lanes) {
    for (const Instruction& instruction : lane) last.dependent = last.dependent || instruction.has_dep;
  }
  return last;
}

void Collectives::start(Context& where) {
  while (!where.operations.empty()) {
    Operation* operation = where.operations.front();
    const schedule::Program& program = *operation->descriptor.program;
    const std::uint64_t scratch =
        program.by_bytes ? program.scratch_bytes : program.scratch_chunks * operation->extent.chunk;
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
  const FrameHeader* arrived = arrival_.frame.header;
  if (arrived != nullptr && arrival_.source == source && arrived->lane == lane &&
      arrived->context == where.id) {
    return {arrived, arrival_.frame.payload};
  }
  return {};
}

void Collectives::pop_head(Context& where, std::uint32_t lane, std::uint32_t source) noexcept {
  Fifo<Packet>& flow = where.flows[lane * transport_.size() + source];
  if (flow.empty()) {
    arrival_.frame = {};
    return;
  }
  packet_pool_.give(flow.pop());
  if (flow.empty()) where.waiting[lane] &= ~(std::uint64_t{1} << source);
}

void Collectives::keep_arrival(Context& where) {
  const FrameHeader& header = *arrival_.frame.header;
  Packet* packet = packet_pool_.take();
  packet->header = header;
  if (header.bytes != 0) std::memcpy(packet->payload.data(), arrival_.frame.payload, header.bytes);
  work_.unexpected_bytes += header.bytes;
  where.flows[header.lane * transport_.size() + arrival_.source].push(packet);
  where.waiting[header.lane] |= std::uint64_t{1} << arrival_.source;
  arrival_.frame = {};
}

void Collectives::arrive(std::uint32_t source, const FrameView& frame) {
  const FrameHeader& header = *frame.header;
  if (header.context >= kGroupContexts || header.lane >= kLanes) return;
  Context& where = context(header.context);
  if (where.broken) return;
  arrival_ = {frame, source};
  if (!where.operations.empty() && where.flows[header.lane * transport_.size() + source].empty()) {
    if (!check_head(where, header.lane, source)) {
      arrival_.frame = {};
      return;
    }
    Operation* operation = where.operations.front();
    const std::uint32_t lane = header.lane;
    if (arrival_.frame.header != nullptr && lane < operation->descriptor.program->lanes.size())
      advance(where, lane);
    // A collective that follows is started only when the arrival is out of the way: it may belong to that
    // one.
    if (arrival_.frame.header != nullptr && !where.broken) keep_arrival(where);
    if (where.operations.front() != operation) start(where);
  } else {
    keep_arrival(where);
  }
  arrival_.frame = {};
}

bool Collectives::check_head(Context& where, std::uint32_t lane, std::uint32_t source) {
  const FrameHeader* header = head(where, lane, source).header;
  if (header == nullptr) return true;
  const CollectiveDescriptor& own = where.operations.front()->descriptor;
  const bool agreed = header->seq == own.seq && header->length == own.count && header->dtype == own.dtype &&
                      header->redop == own.redop && header->signature == own.signature;
  return agreed || check_other(where, lane, source, *header);
}

bool Collectives::check_other(Context& where, std::uint32_t lane, std::uint32_t source,
                              const FrameHeader& header) {
  const CollectiveDescriptor& own = where.operations.front()->descriptor;
  const LaneState& state = where.operations.front()->lanes[lane];
  const int ahead = distance(own.seq, header.seq);
  if (ahead < 0) {
    // A collective that completed has consumed all that its ranks sent, so that rank ran another one: for
    // example two roots of a bcast, which both send and expect nothing.
    mismatch(where, source, bit(MismatchField::kSignature), header.length);
    return false;
  }
  if (ahead == 0) {
    const std::uint32_t fields = (header.length != own.count ? bit(MismatchField::kCount) : 0) |
                                 (header.dtype != own.dtype ? bit(MismatchField::kDtype) : 0) |
                                 (header.redop != own.redop ? bit(MismatchField::kRedop) : 0) |
                                 (header.signature != own.signature ? bit(MismatchField::kSignature) : 0);
    mismatch(where, source, fields, header.length);
    return false;
  }
  const auto& lanes = own.program->lanes;
  if (lane >= lanes.size()) return true;
  // In a later pass the lane does all of its program again.
  const bool last_pass = state.pass + 1 >= where.operations.front()->extent.passes;
  const std::uint32_t next = state.step + (state.draining ? 1 : 0);
  const bool expected = std::any_of(lanes[lane].begin() + (last_pass ? next : 0), lanes[lane].end(),
                                    [source](const Instruction& instruction) {
                                      return schedule::receives(instruction.op) &&
                                             instruction.recv_peer == static_cast<int>(source);
                                    });
  if (!expected) return true;
  mismatch(where, source, bit(MismatchField::kSignature), header.length);
  return false;
}

void Collectives::advance_blocked() {
  blocked_ = false;
  for (std::size_t rest = thanks_.size(); rest != 0; --rest) {
    const Thanks first = thanks_.pop();
    thank(first);  // or again to the end
  }
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
    if (!operation.extent.dependent) break;
  }
  end_if_done(where);
}

void Collectives::advance(Context& where, std::uint32_t lane) {
  Operation& operation = *where.operations.front();
  const bool moved = run_lane(where, operation, lane);
  if (where.broken) return;
  if (moved && operation.extent.dependent) return advance(where);
  end_if_done(where);
}

void Collectives::end_if_done(Context& where) {
  const Operation& operation = *where.operations.front();
  if (operation.left != 0) return;
  Completion completion;
  completion.cookie = operation.descriptor.cookie;
  completion.length = operation.extent.total;
  finish(where, completion);
}

bool Collectives::may_stay(const schedule::Program& program, std::uint64_t bytes,
                           std::uint32_t to) const noexcept {
  return bytes >= remote_bytes_ && program.max_bytes == 0 && to != transport_.rank() &&
         transport_.reads_us(to);
}

void Collectives::fetched(const FrameHeader& header) {
  if (header.tag != 0) transport_.take_back(header.tag);
  if (header.context >= contexts_.size() || contexts_[header.context] == nullptr) return;
  Context& where = *contexts_[header.context];
  if (where.operations.empty() || header.lane >= kLanes) return;
  Operation* operation = where.operations.front();
  LaneState& state = operation->lanes[header.lane];
  if (operation->descriptor.seq != header.seq || header.lane >= operation->descriptor.program->lanes.size() ||
      state.unfetched == 0)
    return;  // it was given up
  if (--state.unfetched != 0 || !state.draining) return;
  advance(where, header.lane);
  if (where.operations.front() != operation) start(where);
}

void Collectives::thank(const Thanks& thanks) {
  const FrameSlot slot = transport_.reserve(thanks.peer, 0);
  if (slot.header == nullptr) {
    thanks_.push(thanks);
    return;
  }
  *slot.header = {
      .seq = thanks.seq, .kind = FrameKind::kFetched, .lane = thanks.lane, .context = thanks.context, .tag = thanks.loan};
  transport_.commit(thanks.peer);
}

bool Collectives::run_lane(Context& where, Operation& operation, std::uint32_t lane) {
  const schedule::Program& program = *operation.descriptor.program;
  const schedule::Lane& instructions = program.lanes[lane];
  LaneState& state = operation.lanes[lane];
  bool moved = false;
  while (state.step < instructions.size()) {
    const Instruction& instruction = instructions[state.step];
    const Extent& extent = operation.extent;
    const std::uint64_t all =
        instruction_bytes(instruction, extent.chunk, extent.total - state.pass * extent.pass_bytes);
    if (!state.draining) {
      if (!dependency_met(operation, lane, instruction)) return moved;
      const bool receives = schedule::receives(instruction.op);
      const bool sends = schedule::sends(instruction.op);
      const auto from = static_cast<std::uint32_t>(instruction.recv_peer);
      const auto to = static_cast<std::uint32_t>(instruction.send_peer);
      const std::uint64_t rest = all - state.offset;
      std::uint64_t bytes = std::min<std::uint64_t>(rest, receives || sends ? kMaxPayload : kLocalBytes);

      Head head_now;
      Received received;
      RemotePiece piece;
      bool remote = false;
      if (receives) {
        head_now = head(where, lane, from);
        if (head_now.header == nullptr) return moved;
        if (!check_head(where, lane, from)) return moved;
        remote = head_now.header->kind == FrameKind::kRemote;
        bool agreed = head_now.header->tag == state.received;
        if (remote) {
          std::memcpy(&piece, head_now.payload, sizeof piece);
          agreed = agreed && piece.total == all && piece.bytes == std::min(rest + state.used, kPieceBytes);
          received = {nullptr, from, piece.address + state.used, piece.key};
        } else {
          agreed = agreed && head_now.header->bytes == bytes;
          received.here = head_now.payload;
        }
        if (!agreed) {
          mismatch(where, from, bit(MismatchField::kSignature), head_now.header->length);
          return moved;
        }
        // The sender is told that we can read its memory, if so: its next large instruction may be remote.
        if (bytes == kMaxPayload && !remote) (void)transport_.direct(from);
      }
      if (state.offset == 0 && state.sent == 0) {
        // What is sent on has to stand somewhere, and pieces are sent on as they come.
        const bool stands = instruction.op == schedule::Op::kSend ||
                            (remote && (instruction.op == schedule::Op::kRecvCopySend ||
                                        instruction.op == schedule::Op::kRecvReduceCopySend));
        state.remote = sends && stands && may_stay(program, all, to);
        if (state.remote && state.loan.number == 0) {  // else it has waited for room since
          const Operands at = operands(where, operation, instruction, state.pass * extent.pass_bytes);
          state.remote = transport_.lend(to, at.dst != nullptr ? at.dst : at.src, all, &state.loan);
        }
      }
      if (state.remote) bytes = std::min(rest, kPieceBytes);
      if (remote) bytes = std::min(sends && !state.remote ? bytes : kPieceBytes, piece.bytes - state.used);

      FrameSlot slot;
      Sent sent;
      if (sends) {
        slot = transport_.reserve(to, state.remote ? sizeof(RemotePiece) : static_cast<std::uint32_t>(bytes));
        if (slot.header == nullptr) {
          blocked_ = true;
          return moved;
        }
        const CollectiveDescriptor& own = operation.descriptor;
        // Field by field: a copy of the whole would wait until all that was stored before it has left the
        // processor.
        FrameHeader& header = *slot.header;
        header.bytes = static_cast<std::uint16_t>(state.remote ? sizeof(RemotePiece) : bytes);
        header.seq = own.seq;
        header.kind = state.remote ? FrameKind::kRemote : FrameKind::kCollective;
        header.lane = static_cast<std::uint8_t>(schedule::target_lane(instruction, lane));
        header.dtype = static_cast<std::uint8_t>(own.dtype);
        header.redop = static_cast<std::uint8_t>(own.redop);
        header.context = where.id;
        header.signature = own.signature;
        header.tag = state.sent;
        header.length = own.count;
        sent = {state.remote ? nullptr : slot.payload, state.remote, 0};
      }
      const Fetched done =
          execute(where, operation, instruction, state.pass * operation.extent.pass_bytes, state.offset,
                  static_cast<std::uint32_t>(bytes), received, state.share, sent);
      if (done == Fetched::kLater) {
        blocked_ = true;
        return moved;
      }
      if (done == Fetched::kFailed) {
        Completion completion;
        completion.status = TALLY_ERR_ABORTED;
        break_context(where, completion);
        return moved;
      }
      if (sends) {
        if (state.remote) {
          const RemotePiece out{sent.address, all, static_cast<std::uint32_t>(bytes),
                                static_cast<std::uint8_t>(lane), {}, state.loan.key,
                                bytes == rest ? state.loan.number : 0};
          std::memcpy(slot.payload, &out, sizeof out);
          ++state.unfetched;
        }
        transport_.commit(to);
        ++state.sent;
      }
      moved = true;
      state.offset += bytes;
      if (receives) {
        state.used = remote ? state.used + bytes : 0;
        if (!remote || state.used == piece.bytes) {
          if (remote) thank({from, where.id, operation.descriptor.seq, piece.lane, piece.loan});
          pop_head(where, lane, from);
          state.used = 0;
          ++state.received;
        }
      }
      state.draining = state.offset == all;
      // The next packet of this flow has become its head: it may be of another collective.
      if (receives && !state.draining && !check_head(where, lane, from)) return moved;
    }
    if (!state.draining) continue;
    const bool last = state.step + 1 == instructions.size();
    // Another send may follow at once where no other lane counts on this one: it writes nothing.
    const bool send_follows =
        !last && program.lanes.size() == 1 && instructions[state.step + 1].op == schedule::Op::kSend;
    if (state.unfetched != 0 && !send_follows) return moved;
    const bool again = last && state.pass + 1 < operation.extent.passes;
    state.next(again);
    if (last && !again) --operation.left;
    moved = true;
    if (schedule::receives(instruction.op) &&
        !check_head(where, lane, static_cast<std::uint32_t>(instruction.recv_peer)))
      return moved;
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

Collectives::Operands Collectives::operands(Context& where, const Operation& operation,
                                            const Instruction& instruction, std::uint64_t pass_offset) noexcept {
  const CollectiveDescriptor& own = operation.descriptor;
  const auto address = [&](schedule::Buffer buffer, std::uint16_t chunk, std::uint32_t at) {
    std::byte* base =
        buffer == schedule::Buffer::kScratch ? where.scratch.data()
        : buffer == schedule::Buffer::kOutput
            ? static_cast<std::byte*>(own.output)
            : static_cast<std::byte*>(const_cast<void*>(own.input));  // never a dst, but in place
    const std::uint64_t pass = buffer == schedule::Buffer::kScratch ? 0 : pass_offset;
    return base + pass + (instruction.by_bytes ? at : chunk * operation.extent.chunk);
  };
  Operands found;
  if (schedule::reads_src(instruction.op))
    found.src = address(instruction.src_buf, instruction.src_chunk, instruction.src_offset);
  if (schedule::writes_dst(instruction.op))
    found.dst = address(instruction.dst_buf, instruction.dst_chunk, instruction.dst_offset);
  return found;
}

Rendezvous::Fetched Collectives::execute(Context& where, Operation& operation, const Instruction& instruction,
                                         std::uint64_t pass_offset, std::uint64_t offset, std::uint32_t bytes,
                                         const Received& received, Rendezvous::Share& share, Sent& sent) {
  if (bytes == 0) return Fetched::kDone;
  const CollectiveDescriptor& own = operation.descriptor;
  const Operands first = operands(where, operation, instruction, pass_offset);
  const std::byte* src = first.src == nullptr ? nullptr : first.src + offset;
  std::byte* dst = first.dst == nullptr ? nullptr : first.dst + offset;
  sent.address = reinterpret_cast<std::uint64_t>(dst != nullptr ? dst : src);
  const auto reduce = [&](std::byte* out, const std::byte* a, const std::byte* b, std::uint32_t n) {
    numerics::reduce(own.dtype, own.redop, out, a, b, n / numerics::element_bytes(own.dtype));
    work_.reduced_bytes += n;
  };
  const auto copy = [&](std::byte* out, const std::byte* in,
                        std::uint64_t Work::*cause = &Work::framed_bytes) {
    move(out, in, bytes);
    work_.*cause += bytes;
  };
  const auto reduce_received = [&](std::byte* out) {
    if (received.here != nullptr) {
      reduce(out, src, received.here, bytes);
      return Fetched::kDone;
    }
    if (bounce_.empty()) bounce_.resize(kBounceBytes);
    for (std::uint32_t done = 0; done < bytes;) {
      const std::uint32_t n = std::min(bytes - done, kBounceBytes);
      const Fetched fetched =
          rendezvous_.fetch_now(received.peer, bounce_.data(), received.there + done, received.key, n, nullptr);
      if (fetched != Fetched::kDone) return fetched;
      reduce(out + done, src + done, bounce_.data(), n);
      done += n;
    }
    return Fetched::kDone;
  };
  const auto take_received = [&] {
    if (received.here == nullptr) {
      return rendezvous_.fetch_now(received.peer, dst, received.there, received.key, bytes,
                                   instruction.op == schedule::Op::kRecv ? &share : nullptr);
    }
    copy(dst, received.here);
    return Fetched::kDone;
  };
  switch (instruction.op) {
    case schedule::Op::kNop:
      break;
    case schedule::Op::kSend:
      if (!sent.remote) copy(sent.here, src);
      break;
    case schedule::Op::kRecv:
      return take_received();
    case schedule::Op::kCopy:
      copy(dst, src, &Work::schedule_bytes);
      break;
    case schedule::Op::kReduce:
      reduce(dst, dst, src, bytes);
      break;
    case schedule::Op::kRecvReduceCopy:
      return reduce_received(dst);
    case schedule::Op::kRecvCopySend:
      if (const Fetched fetched = take_received(); fetched != Fetched::kDone) return fetched;
      if (!sent.remote) copy(sent.here, received.here != nullptr ? received.here : dst);
      break;
    case schedule::Op::kRecvReduceSend:
      return reduce_received(sent.here);
    case schedule::Op::kRecvReduceCopySend:
      if (const Fetched fetched = reduce_received(dst); fetched != Fetched::kDone) return fetched;
      if (!sent.remote) copy(sent.here, dst);
      break;
  }
  return Fetched::kDone;
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
  if (!where.operations.empty()) {
    // What was lent stays so: a peer may be reading it.
    for (LaneState& state : where.operations.front()->lanes) rendezvous_.drop(state.share);
  }
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
  if (posting_ != nullptr && completion.cookie == posting_cookie_) {
    posting_->copy(completion);
    posting_ = nullptr;
  } else {
    completions_.add().copy(completion);
  }
  operation_pool_.give(where.operations.pop());
}

void Collectives::abort(std::uint16_t id, std::uint16_t seq) {
  if (id >= contexts_.size() || contexts_[id] == nullptr) return;
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
      if (state.share.open) {
        reason = fmt::format("waits for rank {} to copy its share of the data", instruction.recv_peer);
      } else if (state.draining) {
        reason = fmt::format("waits for rank {} to fetch data", instruction.send_peer);
      } else if (!dependency_met(*operation, lane, instruction)) {
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
