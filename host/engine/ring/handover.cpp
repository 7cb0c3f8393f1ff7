// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/handover.hpp"

#include <algorithm>
#include <cstring>

namespace tally::ring {

namespace {

constexpr std::uint32_t kRoundLimit =
    256;  // receives of a round: bounds how long a message waits for its end

Result result_of(const device::MsgHeader& message) {
  return {.source = message.src_rank, .tag = message.tag, .length = message.length};
}

}  // namespace

void Handover::take_over() {
  if (host_mode_) return;
  host_mode_ = true;
  spill_mode_ = false;
  again_ = false;
  no_place_ = false;
  ++counters_.to_host;
}

void Handover::learn(std::uint32_t spill_count) {
  if (static_cast<std::int32_t>(spill_count - known_) > 0) known_ = spill_count;
}

void Handover::posted(OperationIndex index, std::uint32_t spill_seen) {
  Operation& operation = operations_[index];
  operation.number = ++posted_;
  operation.seen = spill_seen;
  operation.host_mode = host_mode_;
  on_device_.push(operations_, index);
  if (!host_mode_) confirmed_ = posted_;  // nothing asks; take_over() makes a fence first
}

void Handover::left_device(OperationIndex index) {
  on_device_.remove(operations_, index);
  no_place_ = false;
}

void Handover::returned(OperationIndex index, const device::Cqe& cqe) {
  on_device_.remove(operations_, index);
  Operation& operation = operations_[index];
  const auto reason = static_cast<device::SpillReason>(cqe.flags >> 8);
  learn(cqe.detail);
  take_over();
  if (reason != device::SpillReason::kNoAppend) ++counters_.returned;
  // After a receive for which its tables had no place, the device posts none until it has heard of it: the
  // next one would overtake it.
  if (reason == device::SpillReason::kConflict) no_place_ = true;
  if (reason == device::SpillReason::kConflict ||
      (reason == device::SpillReason::kOrder && cqe.detail == operation.seen))
    again_ = true;
  if (operation.cancel != Cancel::kNo) {
    device_.end(index, {.status = TALLY_ERR_CANCELLED});
    return;
  }
  operation.held = Held::kHandover;
  if (operation.host_mode) {
    to_cleared(index);
    return;
  }
  // The device was in spill mode when it missed this one, unless its tables were the reason.
  operation.cleared = reason == device::SpillReason::kOrder && cqe.detail != operation.seen;
  operation.place = Place::kHeld;
  early_returns_.push(operations_, index);
  if (spill_mode_) again_ = true;  // joins the others with the next fence
}

void Handover::to_cleared(OperationIndex index) {
  Operation& operation = operations_[index];
  operation.cleared = true;
  if (match_.message_for(operation.receive) != nullptr) {
    deliver_from_host(index);
    return;
  }
  operation.place = Place::kHost;
  match_.add_receive(operation.order, operation.receive, index);
}

void Handover::deliver(OperationIndex index, const device::MsgHeader& header,
                       std::span<const std::byte> bytes) {
  Operation& operation = operations_[index];
  if (header.ptype == static_cast<std::uint8_t>(device::PacketType::kRts)) {
    operation.place = Place::kHeld;
    operation.held = Held::kRingFull;
    fetches_.emplace_back(index, header);
    return;
  }
  const std::size_t taken = std::min<std::size_t>(bytes.size(), operation.receive.length);
  if (taken > 0) std::memcpy(reinterpret_cast<void*>(operation.receive.addr), bytes.data(), taken);
  counters_.copied_bytes += taken;
  Result result = result_of(header);
  if (header.length > operation.receive.length) result.status = TALLY_ERR_TRUNCATED;
  device_.end(index, result);
}

void Handover::deliver_from_host(OperationIndex index) {
  const Message message = match_.take_message_for(operations_[index].receive);
  ++counters_.matches;
  deliver(index, message.header, message.payload);
}

Status Handover::spilled(const device::Cqe& cqe, std::span<const std::byte> slot) {
  Message message;
  std::memcpy(&message.header, slot.data(), sizeof message.header);
  const device::MsgHeader& h = message.header;
  const bool eager = h.ptype == static_cast<std::uint8_t>(device::PacketType::kEager);
  const std::size_t bytes = eager ? h.payload_len : 0;
  if (h.magic != device::kDeviceId || (!eager && !message.rendezvous()) ||
      (eager && h.length != h.payload_len) || bytes > slot.size() - sizeof h || h.tag != cqe.tag ||
      h.src_rank != cqe.source) {
    return {TALLY_ERR_INTERNAL,
            "the device spilled something that is not a message of rank " + std::to_string(cqe.source)};
  }
  if (static_cast<std::int32_t>(cqe.detail - posted_) > 0)
    return {TALLY_ERR_INTERNAL, "the device has processed receives that were never posted"};
  ++counters_.spilled[std::min<std::size_t>(cqe.flags >> 8, std::size(counters_.spilled) - 1)];
  ++seen_;
  learn(seen_);
  take_over();
  const std::span<const std::byte> payload = slot.subspan(sizeof h, bytes);
  if (settled() && unsettled_.empty()) {
    if (const OperationIndex index = match_.receive_for(h); index != kNoOperation) {
      match_.remove_receive(operations_[index].order, operations_[index].receive);
      ++counters_.matches;
      deliver(index, h, payload);
      return {};
    }
  }
  message.payload.assign(payload.begin(), payload.end());
  counters_.copied_bytes += bytes;
  unsettled_.push_back(std::move(message));
  settle();
  return {};
}

/// A round is over: what was spilled meanwhile meets the receives.
void Handover::settle() {
  if (!settled()) return;
  while (!unsettled_.empty()) {
    Message message = std::move(unsettled_.front());
    unsettled_.pop_front();
    const OperationIndex index = match_.receive_for(message.header);
    if (index == kNoOperation) {
      match_.add_message(std::move(message));
      continue;
    }
    match_.remove_receive(operations_[index].order, operations_[index].receive);
    ++counters_.matches;
    deliver(index, message.header, message.payload);
  }
}

void Handover::send_control(device::Opcode opcode) {
  control_ = opcode == device::Opcode::kSpillOn ? Control::kOn : Control::kOff;
  fence_ = posted_;
  off_seen_ = seen_;
  device_.submit_control(opcode, seen_);
}

Status Handover::controlled(const device::Cqe& cqe) {
  const auto opcode = static_cast<device::Opcode>(cqe.opcode);
  if (control_ != (opcode == device::Opcode::kSpillOn ? Control::kOn : Control::kOff))
    return {TALLY_ERR_INTERNAL, "the device has answered a change of spill mode that was not asked for"};
  control_ = Control::kNone;
  if (opcode == device::Opcode::kSpillOff) {
    if (static_cast<device::Status>(cqe.status) != device::Status::kOk) {
      learn(cqe.detail);
      return {};
    }
    ++counters_.to_device;
    host_mode_ = false;
    // A message that was spilled after it may have overtaken this answer.
    if (known_ != off_seen_) take_over();
    return {};
  }
  confirmed_ = fence_;
  spill_mode_ = true;
  again_ = false;
  waiting_.prepend(operations_, early_returns_);
  settle();
  return {};
}

Result Handover::probe_missed(OperationIndex index) {
  probed(index);
  const device::RecvDesc& probe = operations_[index].receive;
  const Message* message = match_.message_for(probe);
  if (message == nullptr) return {.status = TALLY_AGAIN};
  Result result = result_of(message->header);
  if ((probe.flags & device::kMsgFlagClaim) != 0) {
    do {
      next_claim_ = (next_claim_ + 1) & ~kHostMessage;
    } while (claimed_.count(kHostMessage | next_claim_) != 0);
    result.message = kHostMessage | next_claim_;
    claimed_.emplace(result.message, match_.take_message_for(probe));
    ++counters_.matches;
  }
  return result;
}

void Handover::receive_claimed(OperationIndex index, std::uint32_t name) {
  const auto node = claimed_.extract(name);
  const Message& message = node.mapped();
  deliver(index, message.header, message.payload);
}

bool Handover::cancel(OperationIndex index) {
  Operation& operation = operations_[index];
  if (operation.place == Place::kHost) {
    match_.remove_receive(operation.order, operation.receive);
  } else if (operation.place != Place::kHeld) {
    return false;
  } else if (std::any_of(fetches_.begin(), fetches_.end(), [&](const auto& f) { return f.first == index; })) {
    return true;  // it has its message
  } else {
    // Which of the two queues it is in makes no difference but for its ends.
    OperationIndex i = early_returns_.front();
    while (i != kNoOperation && i != index) i = operations_[i].next;
    (i == index ? early_returns_ : waiting_).remove(operations_, index);
  }
  device_.end(index, {.status = TALLY_ERR_CANCELLED});
  return true;
}

void Handover::step() {
  while (!fetches_.empty() && device_.room() > 0) {
    const auto [index, header] = fetches_.front();
    fetches_.pop_front();
    device_.submit_fetch(index, header);
  }
  if (!host_mode_ || control_ != Control::kNone || device_.room() == 0) return;
  if (!settled()) {
    send_control(device::Opcode::kSpillOn);
    return;
  }
  if (seen_ != known_ || probing_ != kNoOperation) return;  // what is missing is on its way
  start_round();
  if (!settled()) {
    if (device_.room() > 0) send_control(device::Opcode::kSpillOn);
    return;
  }
  if (waiting_.empty() && match_.receives() == 0 && match_.messages() == 0 && probing_ == kNoOperation &&
      device_.room() > 0) {
    send_control(device::Opcode::kSpillOff);
  }
}

void Handover::start_round() {
  std::uint32_t most = kRoundLimit;
  const auto may_post = [&] { return device_.handle_free() && !no_place_; };
  for (; most > 0 && match_.receives() > 0 && may_post() && device_.room() > 0; --most) {
    const OperationIndex index = match_.oldest_receive();
    match_.remove_receive(operations_[index].order, operations_[index].receive);
    device_.submit_receive(index, seen_, false);
  }
  bool searching = false;
  for (; most > 0 && !waiting_.empty() && device_.room() > 0; --most) {
    if (!ask_next(&searching)) break;
  }
}

bool Handover::ask_next(bool* searching) {
  const OperationIndex index = waiting_.front();
  Operation& operation = operations_[index];
  if (operation.kind == Kind::kProbe) {
    // It sees what the receives before it have left.
    if (!settled()) return false;
    waiting_.remove(operations_, index);
    probing_ = index;
    device_.submit_probe(index);
    return false;
  }
  const bool matches = match_.message_for(operation.receive) != nullptr;
  if (!matches && match_.receives() == 0 && device_.handle_free() && !no_place_) {
    // Behind a search it might overtake: the message for which the host searches may go to an earlier one.
    if (*searching) return false;
    waiting_.remove(operations_, index);
    device_.submit_receive(index, seen_, false);
    return true;
  }
  if (operation.cleared) {
    if (*searching) return false;
    waiting_.remove(operations_, index);
    to_cleared(index);
    return true;
  }
  waiting_.remove(operations_, index);
  *searching = true;
  device_.submit_receive(index, seen_, true);
  return true;
}

std::string Handover::describe() const {
  if (!host_mode_) return {};
  return "the host stands in for the device's match unit: " +
         std::to_string(match_.receives() + waiting_.size() + early_returns_.size()) +
         " receives wait with it (" + std::to_string(match_.receives()) + " of them for a message), " +
         std::to_string(match_.messages() + unsettled_.size()) + " messages for a receive; the device has " +
         std::to_string(on_device_.size()) + " receives\n";
}

void Handover::abandon() {
  match_.clear();
  waiting_ = OperationQueue{};
  early_returns_ = OperationQueue{};
  on_device_ = OperationQueue{};
  unsettled_.clear();
  fetches_.clear();
  probing_ = kNoOperation;
  control_ = Control::kNone;
  host_mode_ = false;
}

}  // namespace tally::ring
