// SPDX-License-Identifier: BSD-3-Clause
// The messages of collectives in software, and their ends.
#include <algorithm>
#include <cstring>

#include "api/contexts.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"
#include "api/software_collectives.hpp"
#include "tally/device.hpp"

namespace tally::api {
namespace {

using device::MismatchField;

constexpr std::uint32_t bit(MismatchField field) noexcept { return static_cast<std::uint32_t>(field); }

std::uint16_t library_context(std::uint16_t context) noexcept {
  return static_cast<std::uint16_t>(context | kLibraryChannel << kChannelShift);
}

/// Own numbers are those of a process.
std::uint16_t common(int number) noexcept {
  return static_cast<std::uint16_t>(number < kFirstOwn ? number : kFirstOwn);
}

}  // namespace

bool SoftwareCollectives::take_slot(Operation& operation, std::size_t bytes, Slot* slot) {
  const Status status = slots_.take(bytes, slot);
  if (!status.ok()) fail(operation, status.code());
  return status.ok();
}

void SoftwareCollectives::write_head(const Operation& operation, std::uint64_t bytes,
                                     std::byte* to) const noexcept {
  const CollectiveDescriptor& own = operation.call.descriptor;
  Head head{};
  head.count = own.count;
  head.bytes = bytes;
  head.element = operation.call.element;
  head.seq = operation.seq;
  head.signature = own.signature;
  head.dtype = common(static_cast<int>(own.dtype));
  head.redop = common(static_cast<int>(own.redop));
  std::memcpy(to, &head, sizeof head);
}

bool SoftwareCollectives::post(Group& where, Operation& operation, std::size_t lane, int peer, void* into,
                               std::size_t bytes, tally_memory* region, tally_request** request) {
  RecvDescriptor receive;
  receive.buffer = into;
  receive.length = bytes;
  receive.context = library_context(where.context);
  receive.source = static_cast<std::uint16_t>(peer);
  receive.tag = static_cast<std::uint32_t>(lane);
  const Status status = endpoint_.post_receive(receive, *endpoint_.all_ranks(), region, true, request);
  if (!status.ok() && status.code() != TALLY_AGAIN) fail(operation, status.code(), peer);
  return status.ok();
}

bool SoftwareCollectives::take_head(Group& where, Operation& operation, std::size_t lane, const Step& step) {
  LaneState& state = operation.lanes[lane];
  const int peer = step.instruction.recv_peer;
  if (state.head.request == nullptr) {
    if (!take_slot(operation, MessageSlots::kLeast, &state.head.slot)) return false;
    if (!post(where, operation, lane, peer, state.head.slot.data, MessageSlots::kLeast,
              state.head.slot.region, &state.head.request)) {
      slots_.give(&state.head.slot);
      return false;
    }
  }
  tally_request& request = *state.head.request;
  if (request.state != tally_request::State::kDone) return false;
  const Completion& done = request.completion;
  if (done.status != TALLY_OK && done.status != TALLY_ERR_TRUNCATED) {
    fail(operation, done.status, peer);
    return false;
  }
  Head head{};
  Head expected{};
  std::byte bytes[sizeof(Head)];
  write_head(operation, step.bytes, bytes);
  std::memcpy(&expected, bytes, sizeof expected);
  if (done.status == TALLY_OK && done.length >= sizeof head)
    std::memcpy(&head, state.head.slot.data, sizeof head);
  const std::uint32_t fields =
      (head.count != expected.count ? bit(MismatchField::kCount) : 0) |
      (head.dtype != expected.dtype || head.element != expected.element ? bit(MismatchField::kDtype) : 0) |
      (head.redop != expected.redop ? bit(MismatchField::kRedop) : 0) |
      (head.signature != expected.signature || head.seq != expected.seq ? bit(MismatchField::kSignature) : 0);
  const std::uint64_t length = sizeof head + (step.bytes <= kInline ? step.bytes : 0);
  if (fields != 0 || head.bytes != step.bytes || done.length != length) {
    mismatch(operation, peer, fields != 0 ? fields : bit(MismatchField::kSignature), head.count);
    return false;
  }
  endpoint_.release(request);
  state.head.request = nullptr;
  return true;
}

void SoftwareCollectives::send(Group& where, LaneState& state, const schedule::Instruction& instruction,
                               std::size_t lane, const std::byte* data, std::size_t bytes,
                               tally_memory* region, Slot* slot, bool counts) {
  Outgoing out;
  out.data = data;
  out.bytes = bytes;
  out.region = region;
  out.context = library_context(where.context);
  out.peer = static_cast<std::uint16_t>(instruction.send_peer);
  out.tag = static_cast<std::uint32_t>(schedule::target_lane(instruction, lane));
  out.slot = *slot;
  *slot = Slot{};
  if (counts) {
    out.lane = &state;
    out.serial = state.serial;
    ++state.unsent;
  }
  outbox_.push_back(out);
}

/// Posts what waits to be sent; true when something was.
bool SoftwareCollectives::flush() {
  std::size_t sent = 0;
  for (; sent < outbox_.size(); ++sent) {
    Outgoing& out = outbox_[sent];
    SendDescriptor message;
    message.buffer = out.data;
    message.length = out.bytes;
    message.context = out.context;
    message.destination = out.peer;
    message.tag = out.tag;
    outgoing_.reserve(outgoing_.size() + 1);
    const Status status =
        endpoint_.post_send(message, *endpoint_.all_ranks(), out.region, true, &out.request);
    if (status.code() == TALLY_AGAIN) break;
    if (!status.ok()) {  // the peer or the device is gone: whoever waits for this is told by the engine
      slots_.give(&out.slot);
      continue;
    }
    outgoing_.push_back(out);
  }
  outbox_.erase(outbox_.begin(), outbox_.begin() + static_cast<std::ptrdiff_t>(sent));
  return sent != 0;
}

/// Takes what has been sent, and what has ended after a failure.
bool SoftwareCollectives::reap() {
  bool moved = false;
  for (std::size_t k = 0; k < outgoing_.size();) {
    Outgoing& out = outgoing_[k];
    if (out.request->state != tally_request::State::kDone) {
      ++k;
      continue;
    }
    const tally_status status = out.request->completion.status;
    endpoint_.release(*out.request);
    slots_.give(&out.slot);
    if (out.lane != nullptr && out.lane->serial == out.serial) {
      --out.lane->unsent;
      moved = true;
      for (Group* where : active_) {  // what has not arrived must not seem complete here
        Operation* operation = where->operations.front();
        if (status == TALLY_OK || operation == nullptr) continue;
        for (const LaneState& state : operation->lanes)
          if (&state == out.lane) fail(*operation, status, out.peer);
      }
    }
    out = outgoing_.back();
    outgoing_.pop_back();
  }
  std::erase_if(dying_, [&](Dying& dying) {
    if (dying.incoming.request->state != tally_request::State::kDone) return false;
    endpoint_.release(*dying.incoming.request);
    slots_.give(&dying.incoming.slot);
    --dying.operation->dying;
    moved = true;
    return true;
  });
  return moved;
}

void SoftwareCollectives::mismatch(Operation& operation, int peer, std::uint32_t fields,
                                   std::uint64_t count) noexcept {
  fail(operation, TALLY_ERR_MISMATCH, peer);
  operation.outcome.detail =
      fields << 24 | static_cast<std::uint32_t>(std::min<std::uint64_t>(count, 0xffffff));
}

void SoftwareCollectives::fail(Operation& operation, tally_status status, int peer) noexcept {
  if (operation.failed) return;
  operation.failed = true;
  operation.outcome = Completion{};
  operation.outcome.status = status;
  operation.outcome.source = static_cast<std::uint16_t>(peer);
}

void SoftwareCollectives::withdraw(Operation& operation) {
  for (LaneState& state : operation.lanes) {
    const auto cancel = [&](Incoming& incoming) {
      if (incoming.request == nullptr) {
        slots_.give(&incoming.slot);
        return;
      }
      if (incoming.request->state == tally_request::State::kActive)
        endpoint_.engine_->cancel(incoming.request->cookie);
      dying_.push_back({incoming, &operation});
      ++operation.dying;
      incoming = Incoming{};
    };
    cancel(state.head);
    for (Incoming& piece : state.pieces) cancel(piece);
    const auto of_this = [&](const Outgoing& out) {
      return out.lane == &state && out.serial == state.serial && out.slot.data == nullptr;
    };
    std::erase_if(outbox_, of_this);
    // The receiver has no use for what is under way.
    for (Outgoing& out : outgoing_) {
      if (of_this(out) && out.request->state == tally_request::State::kActive)
        endpoint_.abandon(&out.request);
    }
    std::erase_if(outgoing_, [](const Outgoing& out) { return out.request == nullptr; });
    state.serial = 0;
  }
}

void SoftwareCollectives::finish(Group& where, const Completion& outcome) {
  Operation* operation = where.operations.pop();
  tally_request& request = *operation->request;
  // Sends from slots that are under way do not count in whatever the lanes do next.
  for (LaneState& state : operation->lanes) state.serial = 0;
  pool_.give(operation);
  const std::uint32_t cookie = request.cookie;
  request.completion = outcome;
  request.completion.cookie = cookie;
  endpoint_.moved_ = true;
  endpoint_.complete(request);
  ++ended_;
}

void SoftwareCollectives::abort(const tally_request& request) noexcept {
  for (Group* where : active_) {
    for (Operation* each = where->operations.front(); each != nullptr; each = each->next)
      if (each->request == &request) each->abort = true;
  }
}

void SoftwareCollectives::forget(std::uint16_t context) noexcept {
  if (context >= groups_.size() || groups_[context] == nullptr || groups_[context]->active) return;
  slots_.give(&groups_[context]->scratch);
  groups_[context]->seq = 0;
}

}  // namespace tally::api
