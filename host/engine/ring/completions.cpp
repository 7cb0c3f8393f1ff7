// SPDX-License-Identifier: BSD-3-Clause
// Completions on their way to the caller.
#include <algorithm>

#include "engine/ring/ring_engine.hpp"
#include "tally/device_registers.hpp"

namespace tally::ring {

namespace {

tally_status status_of(device::Status status) {
  switch (status) {
    case device::Status::kOk:
      return TALLY_OK;
    case device::Status::kTruncated:
      return TALLY_ERR_TRUNCATED;
    case device::Status::kProtection:
    case device::Status::kRemoteProtection:
      return TALLY_ERR_PROTECTION;
    case device::Status::kBadOpcode:
    case device::Status::kUnsupported:
      return TALLY_ERR_UNSUPPORTED;
    case device::Status::kMismatch:
      return TALLY_ERR_MISMATCH;
    case device::Status::kAborted:
      return TALLY_ERR_ABORTED;
    case device::Status::kRetryExceeded:
    case device::Status::kRnrExceeded:
      return TALLY_ERR_PEER;
    case device::Status::kBadField:  // the driver checks every field: one that is refused is its mistake
    case device::Status::kNotFound:
    case device::Status::kNotPosted:
      break;  // answers to the driver, not ends of operations
  }
  return TALLY_ERR_INTERNAL;
}

}  // namespace

void RingEngine::release(Operation& operation) {
  for (std::uint8_t k = 0; k < operation.key_count; ++k) regions_.release(operation.keys[k]);
  operation.key_count = 0;
  if (operation.scratch >= 0) scratch_.give(operation.scratch);
  operation.scratch = -1;
}

/// The record of an operation that the caller has been told of.
void RingEngine::finish(OperationIndex index) {
  Operation& operation = operations_[index];
  release(operation);
  if (operation.cancel == Cancel::kPosted) {
    operation.place = Place::kZombie;
  } else {
    operations_.free(index);
  }
}

void RingEngine::check(Status status) {
  if (!status.ok()) fail(status.code(), status.message());
}

/// True: *out is an operation's completion.
bool RingEngine::take(const device::Cqe& cqe, Completion* out) {
  if (!submissions_.set_head(cqe.sq_head)) {
    fail(TALLY_ERR_INTERNAL, "the device has read submission ring entries that were never posted");
    return false;
  }
  nop_pending_ = nop_pending_ && submissions_.holds(nop_at_);
  switch (static_cast<device::Opcode>(cqe.opcode)) {
    case device::Opcode::kNop:
      return false;
    case device::Opcode::kSpill: {
      const std::uint32_t mask = (1u << options_.spill_log2) - 1;
      if ((cqe.cookie & mask) != (handover_.seen() & mask)) {
        fail(TALLY_ERR_INTERNAL,
             "the device spilled to slot " + std::to_string(cqe.cookie) + ", out of turn");
        return false;
      }
      check(handover_.spilled(cqe,
                              spill_memory_.subspan(std::size_t{cqe.cookie & mask} * device::kSpillSlotBytes,
                                                    device::kSpillSlotBytes)));
      return false;
    }
    case device::Opcode::kSpillOn:
    case device::Opcode::kSpillOff:
      check(handover_.controlled(cqe));
      return false;
    case device::Opcode::kQpError:
      take_queue_pair_error(cqe);
      return false;
    case device::Opcode::kCancel:
      take_cancel(cqe);
      return false;
    default:
      return take_operation(cqe, out);
  }
}

bool RingEngine::take_operation(const device::Cqe& cqe, Completion* out) {
  const auto opcode = static_cast<device::Opcode>(cqe.opcode);
  const bool known = cqe.cookie < operations_.size() && operations_[cqe.cookie].place == Place::kDevice;
  const Kind kind = known ? operations_[cqe.cookie].kind : Kind::kSend;
  if (!known && opcode == device::Opcode::kSend && cqe.cookie < operations_.size() &&
      operations_[cqe.cookie].place == Place::kZombie && operations_[cqe.cookie].kind == Kind::kSend) {
    operations_.free(cqe.cookie);  // the Fin of a rendezvous whose queue pair had given up
    return false;
  }
  if (!known || !((opcode == device::Opcode::kSend && kind == Kind::kSend) ||
                  (opcode == device::Opcode::kRecv && (kind == Kind::kRecv || kind == Kind::kMrecv)) ||
                  (opcode == device::Opcode::kProbe && kind == Kind::kProbe) ||
                  (opcode == device::Opcode::kCollective && kind == Kind::kCollective))) {
    fail(TALLY_ERR_INTERNAL, "the device completed operation " + std::to_string(cqe.cookie) +
                                 ", which it does not have, with opcode " + std::to_string(cqe.opcode));
    return false;
  }
  const OperationIndex index = cqe.cookie;
  Operation& operation = operations_[index];
  *out = Completion{};
  out->cookie = operation.cookie;
  out->status = status_of(static_cast<device::Status>(cqe.status));
  out->length = cqe.length;
  out->tag = cqe.tag;
  out->source = cqe.source;
  out->detail = cqe.detail;
  out->device_ns = std::uint64_t{cqe.cycles} * 1000 / device::kClockMhz;
  switch (kind) {
    case Kind::kSend: {
      if (operation.cells > 0) {
        Peer& peer = peers_[operation.send.peer];
        peer.cells -= operation.cells;
        if (--peer.sends < kOwnSends) ++reserved_;
        --sends_;
      }
      if (out->status == TALLY_ERR_PEER) {
        out->source = operation.send.peer;
        // The receiver may have had the Rts all the same, and its Fin come later: the record is kept, so that the cookie
        // names no other operation.
        if ((cqe.flags & device::kCqeFlagRendezvous) != 0) {
          release(operation);
          operation.place = Place::kZombie;
          return true;
        }
      }
      break;
    }
    case Kind::kRecv:
      if (!take_receive(index, cqe)) return false;
      break;
    case Kind::kProbe:
      if (static_cast<device::Status>(cqe.status) == device::Status::kNotFound) {
        const Result result = handover_.probe_missed(index);
        out->status = result.status;
        out->source = result.source;
        out->tag = result.tag;
        out->length = result.length;
        out->message = result.message;
        break;
      }
      handover_.probed(index);
      if ((operation.receive.flags & device::kMsgFlagClaim) == 0 || out->status != TALLY_OK) break;
      if (cqe.detail >= claimed_.size() || claimed_[cqe.detail]) {
        fail(TALLY_ERR_INTERNAL,
             "the device claimed message " + std::to_string(cqe.detail) + " twice, or has none such");
        return false;
      }
      claimed_[cqe.detail] = true;
      out->message = cqe.detail;
      break;
    case Kind::kMrecv:
      break;
    case Kind::kCollective:
      std::erase(running_, index);
      schedules_.release(operation.program->id);
      if (operation.operand >= 0) operands_.release(operation.operand);
      if (out->status == TALLY_ERR_ABORTED && operation.failed_peer >= 0) {
        out->status = TALLY_ERR_PEER;
        out->source = static_cast<std::uint16_t>(operation.failed_peer);
      }
      break;
  }
  finish(index);
  return true;
}

/// False: it was not posted, the handover has it.
bool RingEngine::take_receive(OperationIndex index, const device::Cqe& cqe) {
  Operation& operation = operations_[index];
  if (operation.handle != kNoHandle) {
    free_handles_.push_back(operation.handle);
    operation.handle = kNoHandle;
  }
  if (operation.cancel == Cancel::kWanted) std::erase(cancels_, index);
  if (static_cast<device::Status>(cqe.status) == device::Status::kNotPosted) {
    handover_.returned(index, cqe);
    return false;
  }
  handover_.left_device(index);
  return true;
}

void RingEngine::take_cancel(const device::Cqe& cqe) {
  if (cqe.cookie >= operations_.size() || operations_[cqe.cookie].cancel != Cancel::kPosted) {
    fail(TALLY_ERR_INTERNAL,
         "the device cancelled operation " + std::to_string(cqe.cookie) + ", which nobody asked for");
    return;
  }
  Operation& operation = operations_[cqe.cookie];
  operation.cancel = Cancel::kWanted;
  if (operation.place == Place::kZombie) {
    operations_.free(cqe.cookie);
  } else if (operation.place == Place::kDevice &&
             static_cast<device::Status>(cqe.status) == device::Status::kOk) {
    free_handles_.push_back(operation.handle);
    operation.handle = kNoHandle;
    handover_.left_device(cqe.cookie);
    end(cqe.cookie, {.status = TALLY_ERR_CANCELLED});
  }
  // Not found: its completion is on its way, or is being taken.
}

void RingEngine::take_queue_pair_error(const device::Cqe& cqe) {
  if (cqe.source >= peers_.size() || cqe.detail > 2) {
    fail(TALLY_ERR_INTERNAL, "the device reports an error of a queue pair that does not exist");
    return;
  }
  Peer& peer = peers_[cqe.source];
  peer.failed |= 1u << cqe.detail;
  if (cqe.detail == static_cast<std::uint32_t>(device::QpKind::kMsg)) {
    for (; !peer.held.empty(); --held_sends_)
      end(peer.held.pop(operations_), {.status = TALLY_ERR_PEER, .source = cqe.source});
  }
  if (cqe.detail != static_cast<std::uint32_t>(device::QpKind::kColl)) return;
  for (OperationIndex i = held_collectives_.front(); i != kNoOperation;) {
    const OperationIndex next = operations_[i].next;
    if (names(*operations_[i].program, cqe.source)) {
      held_collectives_.remove(operations_, i);
      end(i, {.status = TALLY_ERR_PEER, .source = cqe.source});
    }
    i = next;
  }
  for (const OperationIndex index : running_) {
    Operation& operation = operations_[index];
    if (!names(*operation.program, cqe.source)) continue;
    operation.abort = true;
    operation.failed_peer = cqe.source;
    abort_told_ = {};
  }
}

/// Tells where the device may go on: a quarter of the completion ring at a time, each spill slot at once.
/// False: the window did not take it.
bool RingEngine::tell_heads() {
  const std::uint16_t head = completions_.head();
  const auto unreported = static_cast<std::uint16_t>(head - head_told_);
  if (unreported > 0 && unreported >= (1u << options_.cq_log2) / 4) {
    if (!bar_.write32(ep(device::ep_reg::kCqHead), head)) return false;
    head_told_ = head;
  }
  const auto spill_head = static_cast<std::uint16_t>(handover_.seen());
  if (spill_told_ != spill_head) {
    if (!bar_.write32(ep(device::ep_reg::kSpillHead), spill_head)) return false;
    spill_told_ = spill_head;
  }
  return true;
}

std::size_t RingEngine::poll(std::span<Completion> out) {
  std::size_t count = 0;
  device::Cqe cqe;
  while (count < out.size() && failure_.ok() && completions_.next(&cqe)) {
    if (take(cqe, &out[count])) ++count;
  }
  (void)tell_heads();
  if (count == 0 && failure_.ok() && !bar_.alive()) fail(TALLY_ERR_JOB, "the device or its fabric is gone");
  feed();
  repeat_aborts();
  for (; count < out.size() && !finished_.empty(); ++count) {
    const OperationIndex index = finished_.pop(operations_);
    const Operation& operation = operations_[index];
    out[count] = Completion{};
    out[count].cookie = operation.cookie;
    out[count].status = operation.result.status;
    out[count].source = operation.result.source;
    out[count].tag = operation.result.tag;
    out[count].length = operation.result.length;
    finish(index);
  }
  return count;
}

void RingEngine::fail(tally_status status, std::string why) {
  failure_ = Status(status, std::move(why));
  // The queues are abandoned with their order: everything that is under way is in a record.
  for (Peer& peer : peers_) peer.held = OperationQueue{};
  handover_.abandon();
  held_mrecvs_ = OperationQueue{};
  held_collectives_ = OperationQueue{};
  cancels_.clear();
  held_sends_ = 0;
  running_.clear();
  for (OperationIndex i = 0; i < operations_.size(); ++i) {
    Operation& operation = operations_[i];
    operation.cancel = Cancel::kNo;  // nobody answers
    if (operation.place == Place::kZombie) operations_.free(i);
    if (operation.place == Place::kHeld || operation.place == Place::kDevice ||
        operation.place == Place::kHost)
      end(i, {.status = status});
  }
}

}  // namespace tally::ring
