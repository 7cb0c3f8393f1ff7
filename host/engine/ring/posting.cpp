// SPDX-License-Identifier: BSD-3-Clause
// Descriptors of messages on their way to the device.
#include <cstring>

#include "engine/ring/ring_engine.hpp"
#include "tally/device_registers.hpp"

namespace tally::ring {

namespace {

constexpr std::uint32_t kControlCookie = 0xffffffff;  // no operation
constexpr std::uint32_t kMsgFailed = 1u << static_cast<unsigned>(device::QpKind::kMsg);

Status not_registered(const char* what, std::uint32_t key, std::uint64_t length) {
  return {TALLY_ERR_NOT_REGISTERED, std::string(what) + " (" + std::to_string(length) +
                                        " bytes) is not within the region of key " + std::to_string(key)};
}

}  // namespace

/// A record, or why there is none.
Status RingEngine::begin(Kind kind, std::uint32_t cookie, OperationIndex* index) {
  *index = operations_.allocate();
  if (*index == kNoOperation) {
    return {TALLY_AGAIN,
            "all " + std::to_string(options_.operations) + " operations of the engine are under way"};
  }
  operations_[*index].kind = kind;
  operations_[*index].cookie = cookie;
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
  if ((peers_[send.destination].failed & kMsgFailed) != 0) return peer_error(send.destination);
  OperationIndex index = kNoOperation;
  Status status = begin(Kind::kSend, send.cookie, &index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  const bool eager = send.length <= options_.eager_max && !send.synchronous;
  if (eager) {
    const std::uint64_t packet = device::kMsgHeaderBytes + send.length;
    operation.cells = static_cast<std::uint16_t>((packet + device::kCellBytes - 1) / device::kCellBytes);
  }
  device::MsgDesc& d = operation.send;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kSend);
  d.context_id = send.context;
  d.peer = send.destination;
  d.tag = send.tag;
  d.length = static_cast<std::uint32_t>(send.length);
  d.cookie = index;
  if (eager && send.length <= device::kInlineBytes) {
    d.flags = static_cast<std::uint8_t>(device::kMsgFlagInline);
    if (send.length > 0) std::memcpy(d.inline_data, send.buffer, send.length);
  } else {
    if (send.synchronous) d.flags = static_cast<std::uint8_t>(device::kMsgFlagSync);
    d.key = send.key;
    d.addr = reinterpret_cast<std::uintptr_t>(send.buffer);
    use_region(operation, send.key, send.length);
  }
  post_or_hold_send(index);
  return {};
}

Status RingEngine::check_receive(const char* what, const void* buffer, std::uint64_t length,
                                 std::uint32_t key) const {
  if (!failure_.ok()) return failure_;
  if (length > capabilities_.max_message) {
    return {TALLY_ERR_ARGUMENT, "length " + std::to_string(length) + " is more than a message may have"};
  }
  if (!regions_.covers(key, buffer, length)) return not_registered(what, key, length);
  return {};
}

Status RingEngine::post_recv(const RecvDescriptor& recv) {
  Status status = check_receive("buffer", recv.buffer, recv.length, recv.key);
  if (!status.ok()) return status;
  if (!recv.any_source && recv.source >= peers_.size()) {
    return {TALLY_ERR_ARGUMENT, "source " + std::to_string(recv.source) + " is not one of " +
                                    std::to_string(peers_.size()) + " ranks"};
  }
  OperationIndex index = kNoOperation;
  status = begin(Kind::kRecv, recv.cookie, &index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.receive = device::RecvDesc{};
  device::RecvDesc& d = operation.receive;
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
  post_or_hold_receive(index);
  return {};
}

Status RingEngine::post_probe(const ProbeDescriptor& probe) {
  if (!failure_.ok()) return failure_;
  if (!probe.any_source && probe.source >= peers_.size()) {
    return {TALLY_ERR_ARGUMENT, "source " + std::to_string(probe.source) + " is not one of " +
                                    std::to_string(peers_.size()) + " ranks"};
  }
  OperationIndex index = kNoOperation;
  const Status status = begin(Kind::kProbe, probe.cookie, &index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.receive = device::RecvDesc{};
  device::RecvDesc& d = operation.receive;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kProbe);
  d.flags = static_cast<std::uint8_t>((probe.any_source ? device::kMsgFlagAnySource : 0) |
                                      (probe.any_tag ? device::kMsgFlagAnyTag : 0) |
                                      (probe.claim ? device::kMsgFlagClaim : 0));
  d.context_id = probe.context;
  d.peer = probe.any_source ? std::uint16_t{0} : probe.source;
  d.tag = probe.any_tag ? 0 : probe.tag;
  d.cookie = index;
  post_or_hold_receive(index);
  return {};
}

Status RingEngine::post_mrecv(const MrecvDescriptor& mrecv) {
  Status status = check_receive("buffer", mrecv.buffer, mrecv.length, mrecv.key);
  if (!status.ok()) return status;
  const bool by_host = Handover::is_host_message(mrecv.message);
  if (by_host ? !handover_.has_claimed(mrecv.message)
              : mrecv.message >= claimed_.size() || !claimed_[mrecv.message]) {
    return {TALLY_ERR_ARGUMENT, "message " + std::to_string(mrecv.message) + " is not a claimed one"};
  }
  OperationIndex index = kNoOperation;
  status = begin(Kind::kMrecv, mrecv.cookie, &index);
  if (!status.ok()) return status;
  Operation& operation = operations_[index];
  operation.receive = device::RecvDesc{};
  device::RecvDesc& d = operation.receive;
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kMrecv);
  d.handle = static_cast<std::uint16_t>(mrecv.message);
  d.length = static_cast<std::uint32_t>(mrecv.length);
  d.cookie = index;
  if (mrecv.length > 0) {
    d.key = mrecv.key;
    d.addr = reinterpret_cast<std::uintptr_t>(mrecv.buffer);
    use_region(operation, mrecv.key, mrecv.length);
  }
  if (by_host) {
    handover_.receive_claimed(index, mrecv.message);
    handover_.step();
    return {};
  }
  claimed_[mrecv.message] = false;
  if (room() == 0 || !held_mrecvs_.empty()) hold(index, Held::kRingFull);
  held_mrecvs_.push(operations_, index);
  feed_mrecvs();
  return {};
}

void RingEngine::feed_mrecvs() {
  while (!held_mrecvs_.empty() && room() > 0) {
    Operation& operation = operations_[held_mrecvs_.pop(operations_)];
    operation.place = Place::kDevice;
    operation.held = Held::kNot;
    push(&operation.receive);
  }
}

void RingEngine::cancel(std::uint32_t cookie) {
  for (OperationIndex i = 0; i < operations_.size(); ++i) {
    Operation& operation = operations_[i];
    if (operation.kind != Kind::kRecv || operation.cookie != cookie || operation.place == Place::kFree ||
        operation.place == Place::kFinished || operation.place == Place::kZombie) {
      continue;
    }
    // Without a posted entry it is a search, or has met its message: its completion decides.
    if (!handover_.cancel(i) && operation.cancel == Cancel::kNo) {
      operation.cancel = Cancel::kWanted;
      if (operation.handle != kNoHandle) cancels_.push_back(i);
      feed_cancels();
    }
    return;
  }
}

void RingEngine::feed_cancels() {
  while (!cancels_.empty() && room() > 0) {
    const OperationIndex index = cancels_.back();
    cancels_.pop_back();
    Operation& operation = operations_[index];
    operation.cancel = Cancel::kPosted;
    device::RecvDesc d{};
    d.opcode = static_cast<std::uint8_t>(device::Opcode::kCancel);
    d.handle = operation.handle;
    d.cookie = index;
    push(&d);
  }
}

// --- sends ------------------------------------------------------------------------------------------

Held RingEngine::obstacle(const Operation& operation) const {
  const Peer& peer = peers_[operation.send.peer];
  if (!peers_up_) return Held::kPeersDown;
  if (operation.cells > 0) {
    if (peer.cells + operation.cells > window_) return Held::kWindow;
    if (peer.sends >= kOwnSends && sends_ + reserved_ >= kSends) return Held::kWindow;
  }
  return room() == 0 ? Held::kRingFull : Held::kNot;
}

void RingEngine::count_held(Held why) {
  if (why == Held::kWindow) ++window_held_;
  if (why == Held::kPostedFull) ++posted_full_;
  if (why == Held::kRingFull || why == Held::kQueueFull) ++ring_full_;
}

void RingEngine::hold(OperationIndex index, Held why) {
  operations_[index].place = Place::kHeld;
  operations_[index].held = why;
  count_held(why);
}

/// What comes behind a held one to the same rank is held for the same reason.
void RingEngine::post_or_hold_send(OperationIndex index) {
  (void)peers_up();
  Operation& operation = operations_[index];
  OperationQueue& held = peers_[operation.send.peer].held;
  const Held why = held.empty() ? obstacle(operation) : operations_[held.front()].held;
  if (why == Held::kNot) {
    submit_send(index);
    return;
  }
  hold(index, why);
  held.push(operations_, index);
  ++held_sends_;
}

void RingEngine::submit_send(OperationIndex index) {
  Operation& operation = operations_[index];
  operation.place = Place::kDevice;
  operation.held = Held::kNot;
  if (operation.cells > 0) {
    Peer& peer = peers_[operation.send.peer];
    peer.cells += operation.cells;
    if (peer.sends++ < kOwnSends) --reserved_;
    ++sends_;
  }
  push(&operation.send);
}

void RingEngine::feed_sends() {
  if (held_sends_ == 0 || !peers_up()) return;
  // One send of each peer in turn, so that none keeps the ring to itself.
  for (std::size_t idle = 0; held_sends_ > 0 && idle < peers_.size();) {
    Peer& peer = peers_[next_peer_];
    next_peer_ = (next_peer_ + 1) % peers_.size();
    ++idle;
    if (peer.held.empty()) continue;
    Operation& operation = operations_[peer.held.front()];
    operation.held = obstacle(operation);
    if (operation.held != Held::kNot) continue;
    submit_send(peer.held.pop(operations_));
    --held_sends_;
    idle = 0;
  }
}

// --- receives and probes ----------------------------------------------------------------------------

void RingEngine::post_or_hold_receive(OperationIndex index) {
  Operation& operation = operations_[index];
  operation.order = age_++;
  const bool needs_handle = operation.kind == Kind::kRecv;
  OperationQueue& waiting = handover_.waiting();
  if (!handover_.host_mode() && waiting.empty() && room() > 0 && (!needs_handle || handle_free())) {
    if (needs_handle) {
      submit_receive(index, handover_.seen(), false);
    } else {
      submit_probe(index);
    }
    return;
  }
  hold(index, needs_handle && !handle_free() ? Held::kPostedFull
              : handover_.host_mode()        ? Held::kHandover
                                             : Held::kRingFull);
  waiting.push(operations_, index);
  feed_receives();
}

void RingEngine::feed_receives() {
  OperationQueue& waiting = handover_.waiting();
  while (!handover_.host_mode() && !waiting.empty() && room() > 0) {
    const OperationIndex index = waiting.front();
    if (operations_[index].kind == Kind::kProbe) {
      submit_probe(waiting.pop(operations_));
    } else if (handle_free()) {
      submit_receive(waiting.pop(operations_), handover_.seen(), false);
    } else {
      handover_.take_over();
    }
  }
  handover_.step();
}

void RingEngine::submit_receive(OperationIndex index, std::uint32_t spill_seen, bool search) {
  Operation& operation = operations_[index];
  operation.place = Place::kDevice;
  operation.held = Held::kNot;
  device::RecvDesc& d = operation.receive;
  d.flags = static_cast<std::uint8_t>(d.flags & ~device::kMsgFlagNoAppend);
  if (search) {
    d.flags |= static_cast<std::uint8_t>(device::kMsgFlagNoAppend);
    d.handle = 0;
  } else {
    operation.handle = free_handles_.back();
    free_handles_.pop_back();
    d.handle = operation.handle;
  }
  d.spill_seen = spill_seen;
  handover_.posted(index, spill_seen);
  push(&d);
}

void RingEngine::submit_probe(OperationIndex index) {
  operations_[index].place = Place::kDevice;
  operations_[index].held = Held::kNot;
  push(&operations_[index].receive);
}

void RingEngine::submit_control(device::Opcode opcode, std::uint32_t spill_seen) {
  device::RecvDesc d{};
  d.opcode = static_cast<std::uint8_t>(opcode);
  d.cookie = kControlCookie;
  d.spill_seen = spill_seen;
  push(&d);
}

void RingEngine::submit_fetch(OperationIndex index, const device::MsgHeader& message) {
  Operation& operation = operations_[index];
  operation.place = Place::kDevice;
  operation.held = Held::kNot;
  device::RecvDesc d{};
  d.opcode = static_cast<std::uint8_t>(device::Opcode::kFetch);
  d.context_id = message.context_id;
  d.peer = message.src_rank;
  d.tag = message.tag;
  d.key = operation.receive.key;
  d.addr = operation.receive.addr;
  d.length = operation.receive.length;
  d.cookie = index;
  d.remote_addr = message.addr;
  d.remote_key = message.key;
  d.remote_length = message.length;
  d.remote_cookie = message.cookie;
  d.remote_stamp = message.offset;
  push(&d);
}

void RingEngine::end(OperationIndex index, const Result& result) {
  Operation& operation = operations_[index];
  operation.place = Place::kFinished;
  operation.held = Held::kNot;
  operation.result = result;
  finished_.push(operations_, index);
}

// --- the ring ---------------------------------------------------------------------------------------

/// Where there is no Nop among the entries that the device may not have read, the last one is kept for one.
/// It is posted when half of them are in use, so that behind it there is never more than the other half.
std::uint32_t RingEngine::room() const {
  const std::uint32_t free = submissions_.size() - submissions_.unconsumed();
  return nop_pending_ ? free : free - 1;
}

/// Takes a descriptor of 64 bytes; there is room().
void RingEngine::push(const void* descriptor) {
  // Completions tell how far the device has read. Receives rest in it without one, so that up to as many
  // entries as there are receives posted have most likely been read. A wrong guess costs the device a read,
  // nothing else. A receive that joins others is in no hurry, and the window takes 16 register writes: only a first one
  // goes through it.
  const bool receive = *static_cast<const std::uint8_t*>(descriptor) == static_cast<std::uint8_t>(device::Opcode::kRecv);
  const bool idle = submissions_.unconsumed() <= posted() && !(receive && posted() > 1);
  const std::span<const std::byte, 64> bytes(static_cast<const std::byte*>(descriptor), 64);
  submissions_.push(bytes);
  const bool nop = !nop_pending_ && submissions_.unconsumed() >= submissions_.size() / 2;
  if (nop) {
    device::RecvDesc d{};
    d.opcode = static_cast<std::uint8_t>(device::Opcode::kNop);
    d.cookie = kControlCookie;
    nop_pending_ = true;
    nop_at_ = submissions_.tail();
    submissions_.push(std::span<const std::byte, 64>(reinterpret_cast<const std::byte*>(&d), 64));
  }
  if (!batch_ && !nop && !doorbell_pending_ && idle && bar_.write64bytes(ep(device::ep_reg::kDesc0), bytes))
    return;
  doorbell_pending_ = true;
  if (!batch_) ring_doorbell();
}

void RingEngine::ring_doorbell() {
  if (doorbell_pending_ && bar_.write32(ep(device::ep_reg::kSqTail), submissions_.tail()))
    doorbell_pending_ = false;
}

void RingEngine::feed() {
  if (!failure_.ok()) return;
  ring_doorbell();
  batch_ = true;
  feed_cancels();
  feed_mrecvs();
  feed_receives();
  feed_sends();
  batch_ = false;
  ring_doorbell();
  feed_collectives();
}

}  // namespace tally::ring
