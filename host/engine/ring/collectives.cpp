// SPDX-License-Identifier: BSD-3-Clause
// Collectives: programs, scratch, one at a time, aborts.
#include <cstdlib>
#include <cstring>

#include "engine/numerics/reduce.hpp"
#include "engine/ring/ring_engine.hpp"

namespace tally::ring {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint32_t kCollFailed = 1u << static_cast<unsigned>(device::QpKind::kColl);
/// An abort that comes before the device has started the collective is lost, so it is repeated.
constexpr std::chrono::milliseconds kRepeatAbort{1};

Status not_registered(const char* what, std::uint32_t key, std::uint64_t length) {
  return {TALLY_ERR_NOT_REGISTERED, std::string(what) + " (" + std::to_string(length) +
                                        " bytes) is not within the region of key " + std::to_string(key)};
}

}  // namespace

void RingEngine::FreePages::operator()(std::byte* p) const { std::free(p); }

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
  const std::uint64_t element = numerics::element_bytes(collective.dtype);
  if (element == 0) return {TALLY_ERR_ARGUMENT, "dtype " + std::to_string(collective.dtype) + " is unknown"};
  if (collective.redop != TALLY_OP_NONE && collective.redop != TALLY_SUM && collective.redop != TALLY_MIN &&
      collective.redop != TALLY_MAX) {
    return {TALLY_ERR_ARGUMENT, "redop " + std::to_string(collective.redop) + " is unknown"};
  }
  const std::uint64_t limit = capabilities_.max_message;
  if (collective.count > limit / element) {
    return {TALLY_ERR_ARGUMENT,
            "count " + std::to_string(collective.count) + " is more than the device takes"};
  }
  const std::uint64_t total = collective.count * element;
  if (program.max_bytes != 0 && total > program.max_bytes) {
    return {TALLY_ERR_ARGUMENT, "program is for vectors of at most " + std::to_string(program.max_bytes) +
                                    " bytes, not " + std::to_string(total)};
  }
  if (program.chunks == 0) return {TALLY_ERR_ARGUMENT, "program has no chunks"};
  const std::uint64_t chunk = schedule::chunk_bytes(collective.count, element, program.chunks);
  const std::uint64_t most = std::min(total, program.span * chunk);  // bytes of one instruction
  if (program.max_bytes != 0 && most > capabilities_.flow_bytes) {
    return {TALLY_ERR_UNSUPPORTED, "program needs flows that hold " + std::to_string(most) +
                                       " bytes, those of the device hold " +
                                       std::to_string(capabilities_.flow_bytes)};
  }
  if (!regions_.covers(collective.input_key, collective.input, total)) {
    return not_registered("input", collective.input_key, total);
  }
  if (!regions_.covers(collective.output_key, collective.output, total)) {
    return not_registered("output", collective.output_key, total);
  }
  Status status = schedules_.cached(program.id)
                      ? Status{}
                      : ScheduleMemory::check(program, static_cast<unsigned>(peers_.size()));
  if (!status.ok()) return status;
  for (std::size_t r = 0; r < peers_.size(); ++r) {
    if ((peers_[r].failed & kCollFailed) != 0 && names(program, static_cast<int>(r))) return peer_error(r);
  }
  const std::uint64_t scratch = chunk * program.scratch_chunks;
  status = need_scratch(scratch);
  if (!status.ok()) return status;
  OperationIndex index = kNoOperation;
  status = begin(Kind::kCollective, collective.cookie, &index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.program = &program;
  operation.collective = device::CollDesc{};
  device::CollDesc& d = operation.collective;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kCollective);
  d.dtype = static_cast<std::uint8_t>(collective.dtype);
  d.context_id = collective.context;
  d.seq = collective.seq;
  d.redop = static_cast<std::uint8_t>(collective.redop);
  d.signature = collective.signature;
  d.count = static_cast<std::uint32_t>(collective.count);
  d.chunk_bytes = static_cast<std::uint32_t>(chunk);
  d.total_bytes = static_cast<std::uint32_t>(total);
  d.cookie = index;
  if (total > 0) {
    d.input_addr = reinterpret_cast<std::uintptr_t>(collective.input);
    d.output_addr = reinterpret_cast<std::uintptr_t>(collective.output);
    d.input_key = collective.input_key;
    d.output_key = collective.output_key;
    use_region(operation, collective.input_key, total);
    use_region(operation, collective.output_key, total);
  }
  if (scratch > 0) {
    d.scratch_addr = reinterpret_cast<std::uintptr_t>(scratch_.memory.get());
    d.scratch_key = scratch_.key;
    use_region(operation, scratch_.key, scratch);
  }
  operation.place = Place::kHeld;
  operation.held = Held::kTurn;
  held_collectives_.push(operations_, index);
  feed_collectives();
  return {};
}

/// Collectives that wait may hold the old memory: it goes when none is under way.
Status RingEngine::need_scratch(std::uint64_t bytes) {
  if (bytes <= scratch_.bytes) return {};
  drop_old_scratch();
  std::uint64_t size = scratch_.bytes == 0 ? std::uint64_t{64} << 10 : scratch_.bytes;
  while (size < bytes) size *= 2;
  Scratch fresh;
  fresh.memory.reset(static_cast<std::byte*>(std::aligned_alloc(kPage, size)));
  if (fresh.memory == nullptr) {
    return {TALLY_ERR_NO_MEMORY, "no memory for " + std::to_string(size) + " bytes of scratch"};
  }
  std::memset(fresh.memory.get(), 0, size);  // pages that are there when the device comes
  fresh.bytes = size;
  const Status status = regions_.add(fresh.memory.get(), size, &fresh.key);
  if (!status.ok()) return {status.code(), "scratch: " + status.message()};
  if (scratch_.bytes != 0) old_scratch_.push_back(std::move(scratch_));
  scratch_ = std::move(fresh);
  drop_old_scratch();
  return {};
}

void RingEngine::drop_old_scratch() {
  std::erase_if(old_scratch_,
                [&](const Scratch& s) { return regions_.remove(s.key).code() != TALLY_ERR_BUSY; });
}

void RingEngine::feed_collectives() {
  if (running_ != kNoOperation || held_collectives_.empty() || !failure_.ok()) return;
  Operation& operation = operations_[held_collectives_.front()];
  const Held why = !peers_up() ? Held::kPeersDown : room() == 0 ? Held::kRingFull : Held::kNot;
  if (why != Held::kNot) {
    if (operation.held != why) count_held(why);
    operation.held = why;
    return;
  }
  std::uint16_t at = 0;
  if (!schedules_.load(*operation.program, &at)) return;
  operation.collective.schedule = at;
  running_ = held_collectives_.pop(operations_);
  operation.place = Place::kDevice;
  operation.held = Held::kNot;
  push(&operation.collective);
}

void RingEngine::abort_collective(std::uint16_t context, std::uint16_t seq) {
  const auto is_it = [&](OperationIndex index) {
    const device::CollDesc& d = operations_[index].collective;
    return d.context_id == context && d.seq == seq;
  };
  if (running_ != kNoOperation && is_it(running_)) {
    operations_[running_].abort = true;
    abort_told_ = {};
    repeat_abort();
    return;
  }
  for (OperationIndex i = held_collectives_.front(); i != kNoOperation; i = operations_[i].next) {
    if (!is_it(i)) continue;
    held_collectives_.remove(operations_, i);
    end(i, {.status = TALLY_ERR_ABORTED});
    return;
  }
}

void RingEngine::repeat_abort() {
  if (running_ == kNoOperation || !operations_[running_].abort || !failure_.ok()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - abort_told_ < kRepeatAbort) return;
  const device::CollDesc& d = operations_[running_].collective;
  const std::uint32_t word = std::uint32_t{d.context_id} << 16 | d.seq;
  if (bar_.write32(ep(device::ep_reg::kCollAbort), word)) abort_told_ = now;
}

}  // namespace tally::ring
