// SPDX-License-Identifier: BSD-3-Clause
// Collectives: checks, programs and scratch, those on the device, aborts.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "engine/numerics/reduce.hpp"
#include "engine/ring/ring_engine.hpp"
#include "tally/device_registers.hpp"

namespace tally::ring {

namespace {

constexpr std::uint32_t kCollFailed = 1u << static_cast<unsigned>(device::QpKind::kColl);
/// An abort that comes before the device has started the collective is lost, so it is repeated.
constexpr std::chrono::milliseconds kRepeatAbort{1};

Status not_registered(const char* what, std::uint32_t key, std::uint64_t length) {
  return {TALLY_ERR_NOT_REGISTERED, std::string(what) + " (" + std::to_string(length) +
                                        " bytes) is not within the region of key " + std::to_string(key)};
}

/// Sizes of a collective's buffers, bytes.
struct Sizes {
  std::uint64_t chunk = 0, total = 0, input = 0, output = 0, scratch = 0;
};

Sizes sizes_of(const schedule::Program& program, const CollectiveDescriptor& collective) {
  Sizes sizes;
  const std::uint64_t element = numerics::element_bytes(collective.dtype);
  sizes.total = collective.count * element;
  if (program.by_bytes) {
    sizes.input = program.input_bytes;
    sizes.output = program.output_bytes;
    sizes.scratch = program.scratch_bytes;
  } else {
    sizes.chunk =
        schedule::chunk_bytes(collective.count, element, program.chunks, program.max_chunk_bytes);
    const auto of = [&](std::uint16_t chunks) {
      return chunks == 0 ? sizes.total : std::min(sizes.total, chunks * sizes.chunk);
    };
    sizes.input = of(program.input_chunks);
    sizes.output = of(program.output_chunks);
    sizes.scratch = program.scratch_chunks * sizes.chunk;
  }
  if (!program.uses_input) sizes.input = 0;
  if (!program.uses_output) sizes.output = 0;
  return sizes;
}

/// Byte of Input that lane 0 reads first.
std::uint64_t first_read(const schedule::Program& program, std::uint64_t chunk) {
  for (const schedule::Instruction& i : program.lanes.front()) {
    if (schedule::reads_src(i.op) && i.src_buf == schedule::Buffer::kInput)
      return i.by_bytes ? i.src_offset : i.src_chunk * chunk;
  }
  return 0;
}

bool overlap(const void* a, std::uint64_t a_bytes, const void* b, std::uint64_t b_bytes) {
  const auto x = reinterpret_cast<std::uintptr_t>(a);
  const auto y = reinterpret_cast<std::uintptr_t>(b);
  return x < y + b_bytes && y < x + a_bytes;
}

}  // namespace

/// The rank takes part in it, as this rank sees it.
bool RingEngine::names(const schedule::Program& program, int rank) {
  for (const schedule::Lane& lane : program.lanes) {
    for (const schedule::Instruction& i : lane) {
      if ((schedule::sends(i.op) && i.send_peer == rank) || (schedule::receives(i.op) && i.recv_peer == rank))
        return true;
    }
  }
  return false;
}

/// The device can run it with this call's type, operation and sizes; otherwise what is wrong.
Status RingEngine::check_program(const schedule::Program& program, const CollectiveDescriptor& collective) {
  const std::uint64_t element = numerics::element_bytes(collective.dtype);
  if (element == 0) return {TALLY_ERR_ARGUMENT, "dtype " + std::to_string(collective.dtype) + " is unknown"};
  if (collective.redop != TALLY_OP_NONE && !numerics::reduces(collective.dtype, collective.redop)) {
    return {TALLY_ERR_ARGUMENT, "redop " + std::to_string(collective.redop) + " does not reduce dtype " +
                                    std::to_string(collective.dtype)};
  }
  if (program.chunks == 0) return {TALLY_ERR_ARGUMENT, "program has no chunks"};
  return {};
}

Status RingEngine::post_collective(const CollectiveDescriptor& collective) {
  if (!failure_.ok()) return failure_;
  if (options_.endpoint != 0)
    return {TALLY_ERR_UNSUPPORTED, "collectives run on endpoint 0 of a device, this is endpoint " +
                                       std::to_string(options_.endpoint)};
  if (collective.program == nullptr) return {TALLY_ERR_ARGUMENT, "program is NULL"};
  const schedule::Program& program = *collective.program;
  if (collective.context >= device::kCollectiveContexts) {
    return {TALLY_ERR_ARGUMENT, "context " + std::to_string(collective.context) + " is not below " +
                                    std::to_string(device::kCollectiveContexts)};
  }
  Status status = check_program(program, collective);
  if (!status.ok()) return status;
  const std::uint64_t limit = capabilities_.max_message;
  if (collective.count > limit / numerics::element_bytes(collective.dtype)) {
    return {TALLY_ERR_ARGUMENT,
            "count " + std::to_string(collective.count) + " is more than the device takes"};
  }
  const Sizes sizes = sizes_of(program, collective);
  if (sizes.input > limit || sizes.output > limit || sizes.scratch > limit)
    return {TALLY_ERR_UNSUPPORTED, "a buffer of more than " + std::to_string(limit) + " bytes"};
  if (program.max_bytes != 0 && sizes.total > program.max_bytes) {
    return {TALLY_ERR_ARGUMENT, "program is for vectors of at most " + std::to_string(program.max_bytes) +
                                    " bytes, not " + std::to_string(sizes.total)};
  }
  const std::uint64_t instruction = std::min(sizes.total, program.span * sizes.chunk);
  if (program.max_bytes != 0 && instruction > capabilities_.flow_bytes) {
    return {TALLY_ERR_UNSUPPORTED, "program needs flows that hold instructions of " +
                                       std::to_string(instruction) + " bytes, those of the device hold " +
                                       std::to_string(capabilities_.flow_bytes)};
  }
  if (!regions_.covers(collective.input_key, collective.input, sizes.input)) {
    return not_registered("input", collective.input_key, sizes.input);
  }
  if (!regions_.covers(collective.output_key, collective.output, sizes.output)) {
    return not_registered("output", collective.output_key, sizes.output);
  }
  if (!schedules_.cached(program.id)) {
    status = ScheduleMemory::check(program, static_cast<unsigned>(peers_.size()));
    if (!status.ok()) return status;
  }
  for (std::size_t r = 0; r < peers_.size(); ++r) {
    if ((peers_[r].failed & kCollFailed) != 0 && names(program, static_cast<int>(r))) return peer_error(r);
  }
  OperationIndex index = kNoOperation;
  status = begin(Kind::kCollective, collective.cookie, &index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.program = &program;
  operation.scratch_bytes = sizes.scratch;
  operation.collective = device::CollDesc{};
  device::CollDesc& d = operation.collective;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kCollective);
  d.dtype = static_cast<std::uint8_t>(collective.dtype);
  d.context_id = collective.context;
  d.seq = collective.seq;
  d.redop = static_cast<std::uint8_t>(collective.redop);
  d.signature = collective.signature;
  d.count = static_cast<std::uint32_t>(collective.count);
  d.chunk_bytes = static_cast<std::uint32_t>(sizes.chunk);
  d.cookie = index;
  if (sizes.input > 0 && sizes.input <= device::kCollInlineBytes) {
    // The descriptor carries what is this short: the device reads no memory for it.
    d.flags = device::kCollFlagInline;
    std::memcpy(reinterpret_cast<std::byte*>(&d) + offsetof(device::CollDesc, input_key), collective.input,
                sizes.input);
  } else if (sizes.input > 0) {
    d.input_addr = reinterpret_cast<std::uintptr_t>(collective.input);
    d.input_key = collective.input_key;
    use_region(operation, collective.input_key, sizes.input);
    // A schedule for calls in place alone may write Output and read it from Input.
    if (operands_.takes(sizes.input) &&
        (program.out_of_place || !overlap(collective.input, sizes.input, collective.output, sizes.output))) {
      operation.input = static_cast<const std::byte*>(collective.input);
      operation.input_bytes = static_cast<std::uint32_t>(sizes.input);
      operation.input_first = static_cast<std::uint32_t>(std::min(first_read(program, sizes.chunk), sizes.input - 1));
    }
  }
  if (sizes.output > 0) {
    d.output_addr = reinterpret_cast<std::uintptr_t>(collective.output);
    d.output_key = collective.output_key;
    use_region(operation, collective.output_key, sizes.output);
  }
  operation.place = Place::kHeld;
  operation.held = Held::kTurn;
  held_collectives_.push(operations_, index);
  feed_collectives();
  return {};
}

/// In the order of the calls. One that waits for its schedule or scratch lets those of other contexts pass: all
/// ranks need not agree on the order of different contexts.
void RingEngine::feed_collectives() {
  collectives_behind_ = false;
  if (!failure_.ok()) return;
  std::uint64_t waiting = 0;  // bit c: one of context c waits
  static_assert(device::kCollectiveContexts <= 64);
  for (OperationIndex i = held_collectives_.front(); i != kNoOperation;) {
    const OperationIndex next = operations_[i].next;
    const std::uint64_t context = std::uint64_t{1} << operations_[i].collective.context_id;
    if ((waiting & context) == 0) {
      bool all = false;
      const Held why = feed_collective(i, &all);
      if (why != Held::kNot) {
        Operation& operation = operations_[i];
        if (operation.held != why) count_held(why);
        operation.held = why;
        waiting |= context;
      }
      if (all) return;
    }
    i = next;
  }
}

Held RingEngine::feed_collective(OperationIndex index, bool* all) {
  Operation& operation = operations_[index];
  *all = true;
  if (!peers_up()) return Held::kPeersDown;
  if (running_.size() == kCollectives) return Held::kQueueFull;
  if (room() == 0) {
    collectives_behind_ = true;
    return Held::kRingFull;
  }
  std::uint16_t at = 0;
  switch (schedules_.load(*operation.program, &at)) {
    case ScheduleMemory::Load::kDone:
      break;
    case ScheduleMemory::Load::kLater:
      collectives_behind_ = true;
      return Held::kTurn;
    case ScheduleMemory::Load::kNoRoom:
      *all = false;
      return Held::kTurn;
  }
  device::CollDesc& d = operation.collective;
  if (operation.scratch_bytes > 0) {
    const Status status = scratch_.take(operation.scratch_bytes, &operation.scratch);
    if (!status.ok()) {
      schedules_.release(operation.program->id);
      if (status.code() != TALLY_AGAIN) {
        held_collectives_.remove(operations_, index);
        end(index, {.status = status.code()});
        *all = false;
        return Held::kNot;
      }
      *all = false;
      return Held::kTurn;
    }
    d.scratch_addr = reinterpret_cast<std::uintptr_t>(scratch_.address(operation.scratch));
    d.scratch_key = scratch_.key(operation.scratch);
    use_region(operation, d.scratch_key, operation.scratch_bytes);
  }
  d.schedule = at;
  held_collectives_.remove(operations_, index);
  running_.push_back(index);
  operation.place = Place::kDevice;
  operation.held = Held::kNot;
  const std::span<const std::byte> input(operation.input, operation.input_bytes);
  operation.operand = input.empty() ? -1 : operands_.open(input, operation.input_first);
  if (operation.operand < 0) {
    push(&operation.collective);
  } else {
    d.input_addr = OperandWindow::address(operation.operand);
    d.input_key = 0;
    push(&operation.collective);
    operands_.fill(operation.operand, input, operation.input_first);
  }
  *all = false;
  return Held::kNot;
}

void RingEngine::abort_collective(std::uint16_t context, std::uint16_t seq) {
  const auto is_it = [&](OperationIndex index) {
    const device::CollDesc& d = operations_[index].collective;
    return d.context_id == context && d.seq == seq;
  };
  for (const OperationIndex index : running_) {
    if (!is_it(index)) continue;
    operations_[index].abort = true;
    abort_told_ = {};
    repeat_aborts();
    return;
  }
  for (OperationIndex i = held_collectives_.front(); i != kNoOperation; i = operations_[i].next) {
    if (!is_it(i)) continue;
    held_collectives_.remove(operations_, i);
    end(i, {.status = TALLY_ERR_ABORTED});
    return;
  }
}

/// Tells the device of all collectives that are to end, again and again until they have.
void RingEngine::repeat_aborts() {
  if (running_.empty() || !failure_.ok()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - abort_told_ < kRepeatAbort) return;
  for (const OperationIndex index : running_) {
    if (!operations_[index].abort) continue;
    const device::CollDesc& d = operations_[index].collective;
    const std::uint32_t word = std::uint32_t{d.context_id} << 16 | d.seq;
    if (!bar_.write32(ep(device::ep_reg::kCollAbort), word)) return;
    abort_told_ = now;
  }
}

}  // namespace tally::ring
