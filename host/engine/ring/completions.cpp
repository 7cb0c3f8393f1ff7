// SPDX-License-Identifier: BSD-3-Clause
// Completions on their way to the caller.
#include "engine/ring/ring_engine.hpp"

namespace tally::ring {

namespace {

/// An abort that comes before the device has started the collective is lost, so it is repeated.
constexpr std::chrono::milliseconds kRepeatAbort{1};

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
      return TALLY_ERR_UNSUPPORTED;
    case device::Status::kBadField:
      break;  // the driver checks every field: one that is refused is its mistake
    case device::Status::kMismatch:
      return TALLY_ERR_MISMATCH;
    case device::Status::kAborted:
      return TALLY_ERR_ABORTED;
  }
  return TALLY_ERR_INTERNAL;
}

}  // namespace

void RingEngine::release(Operation& operation) {
  for (std::uint8_t k = 0; k < operation.key_count; ++k) regions_.release(operation.keys[k]);
  operation.key_count = 0;
}

/// The record of an operation that the caller has been told of.
void RingEngine::finish(OperationIndex index) {
  release(operations_[index]);
  operations_.free(index);
}

void RingEngine::finish_locally(OperationIndex index, tally_status status) {
  Operation& operation = operations_[index];
  operation.place = Place::kFinished;
  operation.held = Held::kNot;
  operation.status = status;
  finished_.push(operations_, index);
}

bool RingEngine::take_credit(const device::Cqe& cqe) {
  if (cqe.source >= peers_.size() || cqe.length > initial_credits_ - peers_[cqe.source].credits) {
    fail(TALLY_ERR_INTERNAL, "the device returned " + std::to_string(cqe.length) +
                                 " message credits of rank " + std::to_string(cqe.source) +
                                 ", more than were used");
    return false;
  }
  peers_[cqe.source].credits += cqe.length;
  return true;
}

/// True: *out is an operation's completion.
bool RingEngine::take(const device::Cqe& cqe, Completion* out) {
  if (!submissions_.set_head(cqe.sq_head)) {
    fail(TALLY_ERR_INTERNAL, "the device has read submission ring entries that were never posted");
    return false;
  }
  if (cqe.opcode == static_cast<std::uint8_t>(device::Opcode::kCredit)) {
    (void)take_credit(cqe);
    return false;
  }
  if (cqe.cookie >= operations_.size() || operations_[cqe.cookie].place != Place::kDevice) {
    fail(TALLY_ERR_INTERNAL,
         "the device completed operation " + std::to_string(cqe.cookie) + ", which it does not have");
    return false;
  }
  const Operation& operation = operations_[cqe.cookie];
  *out = Completion{};
  out->cookie = operation.cookie;
  out->status = status_of(static_cast<device::Status>(cqe.status));
  out->length = cqe.length;
  out->tag = cqe.tag;
  out->source = cqe.source;
  out->detail = cqe.detail;
  out->device_ns = std::uint64_t{cqe.cycles} * 1000 / device::kClockMhz;
  --on_device_;
  if (operation.kind == Kind::kRecv) --posted_;
  if (operation.kind == Kind::kCollective) running_ = kNoOperation;
  finish(cqe.cookie);
  return true;
}

std::size_t RingEngine::poll(std::span<Completion> out) {
  std::size_t count = 0;
  device::Cqe cqe;
  while (count < out.size() && failure_.ok() && completions_.next(&cqe)) {
    if (take(cqe, &out[count])) ++count;
  }
  const auto unreported = static_cast<std::uint16_t>(completions_.head() - head_told_);
  if (unreported >= (1u << options_.cq_log2) / 4 &&
      bar_.write32(device::ep_reg::kCqHead, completions_.head())) {
    head_told_ = completions_.head();
  }
  if (count == 0 && failure_.ok() && !bar_.alive()) fail(TALLY_ERR_JOB, "the device or its fabric is gone");
  feed();
  repeat_abort();
  for (; count < out.size() && !finished_.empty(); ++count) {
    const OperationIndex index = finished_.pop(operations_);
    out[count] = Completion{};
    out[count].cookie = operations_[index].cookie;
    out[count].status = operations_[index].status;
    finish(index);
  }
  return count;
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
    finish_locally(i, TALLY_ERR_ABORTED);
    return;
  }
}

void RingEngine::repeat_abort() {
  if (running_ == kNoOperation || !operations_[running_].abort || !failure_.ok()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - abort_told_ < kRepeatAbort) return;
  const device::CollDesc& d = operations_[running_].collective;
  const std::uint32_t word = std::uint32_t{d.context_id} << 16 | d.seq;
  if (bar_.write32(device::ep_reg::kCollAbort, word)) abort_told_ = now;
}

void RingEngine::fail(tally_status status, std::string why) {
  failure_ = Status(status, std::move(why));
  // The queues are abandoned with their order: everything that is under way is in a record.
  for (Peer& peer : peers_) peer.held = OperationQueue{};
  held_receives_ = OperationQueue{};
  held_collectives_ = OperationQueue{};
  held_sends_ = 0;
  running_ = kNoOperation;
  posted_ = 0;
  on_device_ = 0;
  for (OperationIndex i = 0; i < operations_.size(); ++i) {
    const Place place = operations_[i].place;
    if (place == Place::kHeld || place == Place::kDevice) finish_locally(i, status);
  }
}

}  // namespace tally::ring
