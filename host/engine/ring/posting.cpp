// SPDX-License-Identifier: BSD-3-Clause
// Descriptors on their way to the device.
#include <cstdlib>
#include <cstring>

#include "engine/numerics/reduce.hpp"
#include "engine/ring/ring_engine.hpp"

namespace tally::ring {

namespace {

constexpr std::size_t kPage = 4096;

Status not_registered(const char* what, std::uint32_t key, std::uint64_t length) {
  return {TALLY_ERR_NOT_REGISTERED, std::string(what) + " (" + std::to_string(length) +
                                        " bytes) is not within the region of key " + std::to_string(key)};
}

}  // namespace

void RingEngine::FreePages::operator()(std::byte* p) const { std::free(p); }

/// A record, or why there is none.
Status RingEngine::begin(OperationIndex* index) {
  *index = operations_.allocate();
  if (*index == kNoOperation) {
    return {TALLY_AGAIN,
            "all " + std::to_string(options_.operations) + " operations of the engine are under way"};
  }
  return {};
}

void RingEngine::use_region(Operation& operation, std::uint32_t key, std::uint64_t length) {
  if (length == 0) return;
  regions_.use(key);
  operation.keys[operation.key_count++] = key;
}

Status RingEngine::post_send(const SendDescriptor& send) {
  if (!failure_.ok()) return failure_;
  if (send.destination >= peers_.size()) {
    return {TALLY_ERR_ARGUMENT, "destination " + std::to_string(send.destination) + " is not one of " +
                                    std::to_string(peers_.size()) + " ranks"};
  }
  if (send.length > capabilities_.max_message) {
    return {TALLY_ERR_ARGUMENT, "length " + std::to_string(send.length) + " is more than a message may have"};
  }
  if (!regions_.covers(send.key, send.buffer, send.length))
    return not_registered("buffer", send.key, send.length);
  OperationIndex index = kNoOperation;
  Status status = begin(&index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.kind = Kind::kSend;
  operation.cookie = send.cookie;
  device::MsgDesc& d = operation.message;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kSend);
  d.context_id = send.context;
  d.peer = send.destination;
  d.tag = send.tag;
  d.length = static_cast<std::uint32_t>(send.length);
  d.cookie = index;
  if (send.length <= device::kInlineBytes) {
    d.flags = static_cast<std::uint8_t>(device::kMsgFlagInline);
    if (send.length > 0) std::memcpy(d.inline_data, send.buffer, send.length);
  } else {
    d.key = send.key;
    d.addr = reinterpret_cast<std::uintptr_t>(send.buffer);
    use_region(operation, send.key, send.length);
  }
  post_or_hold(index, peers_[send.destination].held);
  return {};
}

Status RingEngine::post_recv(const RecvDescriptor& recv) {
  if (!failure_.ok()) return failure_;
  if (!recv.any_source && recv.source >= peers_.size()) {
    return {TALLY_ERR_ARGUMENT, "source " + std::to_string(recv.source) + " is not one of " +
                                    std::to_string(peers_.size()) + " ranks"};
  }
  if (recv.length > capabilities_.max_message) {
    return {TALLY_ERR_ARGUMENT, "length " + std::to_string(recv.length) + " is more than a message may have"};
  }
  if (!regions_.covers(recv.key, recv.buffer, recv.length))
    return not_registered("buffer", recv.key, recv.length);
  OperationIndex index = kNoOperation;
  Status status = begin(&index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.kind = Kind::kRecv;
  operation.cookie = recv.cookie;
  device::MsgDesc& d = operation.message;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kRecv);
  d.flags = static_cast<std::uint8_t>((recv.any_source ? device::kMsgFlagAnySource : 0) |
                                      (recv.any_tag ? device::kMsgFlagAnyTag : 0));
  d.context_id = recv.context;
  d.peer = recv.any_source ? std::uint16_t{0} : recv.source;
  d.tag = recv.any_tag ? 0 : recv.tag;
  d.length = static_cast<std::uint32_t>(recv.length);
  d.cookie = index;
  if (recv.length > 0) {
    d.key = recv.key;
    d.addr = reinterpret_cast<std::uintptr_t>(recv.buffer);
    use_region(operation, recv.key, recv.length);
  }
  post_or_hold(index, held_receives_);
  return {};
}

Status RingEngine::post_collective(const CollectiveDescriptor& collective) {
  if (!failure_.ok()) return failure_;
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
  const std::uint64_t scratch = chunk * program.scratch_chunks;
  status = need_scratch(scratch);
  if (!status.ok()) return status;
  OperationIndex index = kNoOperation;
  status = begin(&index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.kind = Kind::kCollective;
  operation.cookie = collective.cookie;
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

Held RingEngine::obstacle(const Operation& operation) const {
  if (operation.kind == Kind::kSend && peers_[operation.message.peer].credits == 0) return Held::kNoCredit;
  if (operation.kind == Kind::kRecv && posted_ >= device::kPostedEntries) return Held::kPostedFull;
  if (submissions_.full() || on_device_ >= device_limit_) return Held::kRingFull;
  return Held::kNot;
}

void RingEngine::count_held(Held why) {
  if (why == Held::kNoCredit) ++no_credit_;
  if (why == Held::kPostedFull) ++posted_full_;
  if (why == Held::kRingFull) ++ring_full_;
}

/// Sends and receives. What comes behind a held one of the same queue is held for the same reason.
void RingEngine::post_or_hold(OperationIndex index, OperationQueue& queue) {
  Operation& operation = operations_[index];
  const Held why = queue.empty() ? obstacle(operation) : operations_[queue.front()].held;
  if (why == Held::kNot) {
    submit(index, true);
    return;
  }
  operation.place = Place::kHeld;
  operation.held = why;
  count_held(why);
  queue.push(operations_, index);
  if (operation.kind == Kind::kSend) ++held_sends_;
}

/// `alone`: nothing follows at once, so the doorbell is rung, with the whole descriptor where the device
/// seems idle.
void RingEngine::submit(OperationIndex index, bool alone) {
  Operation& operation = operations_[index];
  operation.place = Place::kDevice;
  operation.held = Held::kNot;
  ++on_device_;
  if (operation.kind == Kind::kSend) --peers_[operation.message.peer].credits;
  if (operation.kind == Kind::kCollective) running_ = index;
  // Completions tell how far the device has read. Receives rest in it without one, so that up to as many
  // entries as there are receives posted have most likely been read. A wrong guess costs the device a read,
  // nothing else.
  const bool idle = submissions_.unconsumed() <= posted_;
  if (operation.kind == Kind::kRecv) ++posted_;
  std::byte descriptor[64];
  std::memcpy(descriptor, &operation.message, sizeof descriptor);  // either member: 64 bytes
  submissions_.push(descriptor);
  if (!alone || doorbell_pending_) {
    doorbell_pending_ = true;
    if (alone) ring_doorbell();
    return;
  }
  if (idle && bar_.write64bytes(device::ep_reg::kDesc0, descriptor)) return;
  doorbell_pending_ = true;
  ring_doorbell();
}

void RingEngine::ring_doorbell() {
  if (doorbell_pending_ && bar_.write32(device::ep_reg::kSqTail, submissions_.tail()))
    doorbell_pending_ = false;
}

void RingEngine::feed_collectives() {
  if (running_ != kNoOperation || held_collectives_.empty() || !failure_.ok()) return;
  Operation& operation = operations_[held_collectives_.front()];
  const Held why = obstacle(operation);
  if (why != Held::kNot) {
    if (operation.held != why) count_held(why);
    operation.held = why;
    return;
  }
  std::uint16_t at = 0;
  if (!schedules_.load(*operation.program, &at)) return;
  operation.collective.schedule = at;
  submit(held_collectives_.pop(operations_), true);
}

void RingEngine::feed() {
  if (!failure_.ok()) return;
  ring_doorbell();
  feed_collectives();
  bool posted = false;
  while (!held_receives_.empty()) {
    Operation& operation = operations_[held_receives_.front()];
    operation.held = obstacle(operation);
    if (operation.held != Held::kNot) break;
    submit(held_receives_.pop(operations_), false);
    posted = true;
  }
  // One send of each peer in turn, so that none keeps the ring to itself.
  for (std::size_t idle = 0; held_sends_ > 0 && idle < peers_.size();) {
    Peer& peer = peers_[next_peer_];
    next_peer_ = (next_peer_ + 1) % peers_.size();
    ++idle;
    if (peer.held.empty()) continue;
    Operation& operation = operations_[peer.held.front()];
    operation.held = obstacle(operation);
    if (operation.held != Held::kNot) continue;
    submit(peer.held.pop(operations_), false);
    --held_sends_;
    posted = true;
    idle = 0;
  }
  if (posted) ring_doorbell();
}

}  // namespace tally::ring
