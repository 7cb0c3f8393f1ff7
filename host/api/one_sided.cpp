// SPDX-License-Identifier: BSD-3-Clause
// The origin's side of one-sided operations, and the messages of both sides.
#include "api/one_sided.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "api/boundary.hpp"
#include "api/contexts.hpp"
#include "api/endpoint.hpp"
#include "api/names.hpp"
#include "api/posting.hpp"

namespace tally::api {
namespace {

using namespace std::chrono_literals;

/// The library's channel of the group of all ranks.
constexpr std::uint16_t kContext = kLibraryChannel << kChannelShift;

/// What a rank sent before it left has come by then.
constexpr auto kLeftGrace = 1s;

const char* right_of(OneSidedKind kind) noexcept {
  return kind == OneSidedKind::kPut ? "write" : kind == OneSidedKind::kGet ? "read" : "do atomic operations";
}

/// Of an atomic operation.
void store_value(const OneSidedCall& call, std::uint64_t value) noexcept {
  if (call.buffer == nullptr) return;
  const auto narrow = static_cast<std::uint32_t>(value);
  std::memcpy(call.buffer, call.wide ? static_cast<const void*>(&value) : &narrow, call.wide ? sizeof value : sizeof narrow);
}

const char* name_of(OneSidedKind kind) noexcept {
  switch (kind) {
    case OneSidedKind::kPut:
      return "put";
    case OneSidedKind::kGet:
      return "get";
    case OneSidedKind::kFetchAdd:
      return "fetch-and-add";
    case OneSidedKind::kSwap:
      return "swap";
    case OneSidedKind::kCompareSwap:
      return "compare-and-swap";
    case OneSidedKind::kFlush:
      break;
  }
  return "flush";
}

}  // namespace

Status refusal_status(Refusal refusal, OneSidedKind kind, int rank, std::uint64_t offset, std::uint64_t length,
                      std::uint64_t region_bytes) {
  switch (refusal) {
    case Refusal::kNone:
    case Refusal::kEngine:
      break;
    case Refusal::kReleased:
      return {TALLY_ERR_NOT_REGISTERED, fmt::format("key: rank {} has released it", rank)};
    case Refusal::kRange:
      return bad_argument("offset {}: {} bytes from there are not within the region of {} bytes that rank {} has exported",
                          offset, length, region_bytes, rank);
    case Refusal::kRight:
      return {TALLY_ERR_PROTECTION,
              fmt::format("key: rank {} has exported the region without the right to {}", rank, right_of(kind))};
    case Refusal::kAlignment:
      return bad_argument("offset {}: the address there, at rank {}, is not a multiple of {} bytes", offset, rank, length);
    case Refusal::kLeft:
      return {TALLY_ERR_JOB, fmt::format("rank {} has left the job", rank)};
  }
  return {};
}

OneSided::OneSided(tally_endpoint& endpoint)
    : endpoint_(endpoint),
      slots_([&endpoint](void* base, std::size_t bytes, tally_memory** region) {
        return endpoint.register_memory(base, bytes, region);
      }),
      peers_(static_cast<std::size_t>(endpoint.size())) {}

// --- messages ----------------------------------------------------------------------------------------------

Status OneSided::stand() {
  if (!standing_.empty() || !unposted_.empty() || broken_ != TALLY_OK) return {};
  unposted_.reserve(kStanding);
  while (unposted_.size() < kStanding) {
    Slot slot;
    if (Status status = slots_.take(MessageSlots::kLeast, &slot); !status.ok()) {
      for (Slot& taken : unposted_) slots_.give(&taken);
      unposted_.clear();
      return status;
    }
    unposted_.push_back(slot);
  }
  post_standing();
  return {};
}

void OneSided::post_standing() {
  while (!unposted_.empty() && broken_ == TALLY_OK) {
    const Slot& slot = unposted_.back();
    RecvDescriptor receive;
    receive.buffer = slot.data;
    receive.length = MessageSlots::kLeast;
    receive.context = kContext;
    receive.any_source = true;
    receive.tag = kHeadTag;
    Standing standing;
    standing.slot = slot;
    const Status status = endpoint_.post_receive(receive, *endpoint_.all_ranks(), slot.region, true, &standing.request);
    if (status.code() == TALLY_AGAIN) return;
    if (!status.ok()) return fail_all(status.code());
    standing_.push_back(standing);
    unposted_.pop_back();
  }
}

void OneSided::take_arrivals() {
  while (!standing_.empty() && standing_.front().request->state == tally_request::State::kDone) {
    Standing arrived = standing_.front();
    standing_.pop_front();
    const Completion done = arrived.request->completion;
    endpoint_.release(*arrived.request);
    unposted_.push_back(arrived.slot);
    if (done.status != TALLY_OK) return fail_all(done.status);
    Head head;
    if (done.length < sizeof head) continue;  // not of this library
    std::memcpy(&head, arrived.slot.data, sizeof head);
    const std::byte* data = arrived.slot.data + sizeof head;
    const std::size_t bytes = done.length - sizeof head;
    if (head.word == Word::kAsk) {
      serve(done.source, head, data, bytes);
    } else {
      answered(head, data, bytes);
    }
    if (Peer& peer = peers_[done.source]; peer.heard != Clock::time_point{}) peer.heard = Clock::now();
    post_standing();
  }
  if (!unposted_.empty()) post_standing();
}

Status OneSided::compose(const Head& head, std::uint16_t peer, const void* data, std::size_t bytes) {
  Outgoing out;
  Status status = slots_.take(MessageSlots::kLeast, &out.slot);
  if (!status.ok()) return status;
  std::memcpy(out.slot.data, &head, sizeof head);
  if (bytes != 0) {
    std::memcpy(out.slot.data + sizeof head, data, bytes);
    endpoint_.count_one_sided_copy(bytes);
  }
  out.bytes = sizeof head + bytes;
  out.peer = peer;
  if (head.word == Word::kAsk) {
    out.id = head.id;
    out.serial = head.serial;
  }
  outbox_.push_back(out);
  return {};
}

void OneSided::flush_outbox() {
  std::size_t sent = 0;
  for (; sent < outbox_.size(); ++sent) {
    Outgoing& out = outbox_[sent];
    SendDescriptor message;
    message.buffer = out.slot.data;
    message.length = out.bytes;
    message.context = kContext;
    message.destination = out.peer;
    message.tag = kHeadTag;
    outgoing_.reserve(outgoing_.size() + 1);
    const Status status = endpoint_.post_send(message, *endpoint_.all_ranks(), out.slot.region, true, &out.request);
    if (status.code() == TALLY_AGAIN) break;
    if (status.ok()) {
      outgoing_.push_back(out);
      continue;
    }
    slots_.give(&out.slot);
    if (out.id == kNone) continue;  // an answer: the origin hears from its own engine
    if (Operation& operation = operations_[out.id]; operation.live && operation.serial == out.serial)
      settle(operation, status.code(), Refusal::kEngine);
  }
  outbox_.erase(outbox_.begin(), outbox_.begin() + static_cast<std::ptrdiff_t>(sent));
}

void OneSided::reap() {
  for (std::size_t k = 0; k < outgoing_.size();) {
    Outgoing& out = outgoing_[k];
    if (given_up(*out.request)) {  // its slot stays in use: the engine may still read it
      outgoing_[k] = outgoing_.back();
      outgoing_.pop_back();
      continue;
    }
    if (out.request->state != tally_request::State::kDone) {
      ++k;
      continue;
    }
    const tally_status status = out.request->completion.status;
    endpoint_.release(*out.request);
    slots_.give(&out.slot);
    if (status != TALLY_OK && out.id != kNone) {
      if (Operation& operation = operations_[out.id]; operation.live && operation.serial == out.serial)
        settle(operation, status, status == TALLY_ERR_JOB && left(out.peer) ? Refusal::kLeft : Refusal::kEngine);
    }
    outgoing_[k] = outgoing_.back();
    outgoing_.pop_back();
  }
}

Status OneSided::post_data(bool send, std::uint16_t peer, std::uint32_t tag, void* buffer, std::uint64_t bytes,
                           tally_memory* region, tally_request** request) {
  if (send) {
    SendDescriptor message;
    message.buffer = buffer;
    message.length = bytes;
    message.context = kContext;
    message.destination = peer;
    message.tag = tag;
    return endpoint_.post_send(message, *endpoint_.all_ranks(), region, true, request);
  }
  RecvDescriptor receive;
  receive.buffer = buffer;
  receive.length = bytes;
  receive.context = kContext;
  receive.source = peer;
  receive.tag = tag;
  return endpoint_.post_receive(receive, *endpoint_.all_ranks(), region, true, request);
}

bool OneSided::has_unsent() const noexcept {
  if (!outbox_.empty() || serving_ != 0) return true;
  if (live_ == 0) return false;
  return std::any_of(operations_.begin(), operations_.end(), [](const Operation& operation) {
    return operation.live && operation.request->state != tally_request::State::kAbandoned;
  });
}

bool OneSided::left(std::uint16_t peer) const noexcept { return endpoint_.has_left(peer); }

std::size_t OneSided::advance() {
  take_arrivals();
  if (!outgoing_.empty()) reap();
  if (serving_ != 0) advance_served();
  if (!moving_.empty()) advance_data();
  if (live_ != 0) watch_peers();
  if (!outbox_.empty()) flush_outbox();
  return std::exchange(ended_, 0);
}

// --- the origin --------------------------------------------------------------------------------------------

void OneSided::start(const OneSidedCall& call, tally_request* request) {
  if (call.key.rank == endpoint_.rank()) return carry_out_here(call, *request);
  ++endpoint_.counts_.fallback_one_sided;
  std::uint32_t id = static_cast<std::uint32_t>(operations_.size());
  if (free_operations_.empty()) {
    operations_.emplace_back().id = id;
    free_operations_.reserve(operations_.size());
  } else {
    id = free_operations_.back();
    free_operations_.pop_back();
  }
  Operation& operation = operations_[id];
  operation.call = call;
  operation.request = request;
  ++operation.serial;
  operation.order = order_++;
  operation.live = true;
  operation.ending = false;
  operation.goes_on = false;
  operation.data = nullptr;
  operation.waits = true;
  ++live_;
  Peer& peer = peers_[call.key.rank];
  ++peer.live;
  if (broken_ != TALLY_OK) return settle(operation, broken_, Refusal::kEngine);
  peer.waiting.push(&operation);
  ask_more(call.key.rank);
  flush_outbox();
}

void OneSided::carry_out_here(const OneSidedCall& call, tally_request& request) {
  Completion outcome;
  outcome.length = call.length;
  std::byte* at = nullptr;
  const Refusal refusal = check(call.key.number, call.key.nonce, call.kind, call.wide, call.offset, call.length, &at);
  if (refusal != Refusal::kNone) {
    outcome.detail = static_cast<std::uint32_t>(refusal);
    outcome.length = call.key.length;
    outcome.status = refusal_status(refusal, call.kind, 0, 0, 0, 0).code();
  } else if (call.kind == OneSidedKind::kPut || call.kind == OneSidedKind::kGet) {
    const bool put = call.kind == OneSidedKind::kPut;
    if (call.length != 0) std::memmove(put ? at : call.buffer, put ? call.buffer : at, call.length);
    endpoint_.count_one_sided_copy(call.length);
  } else {
    const std::uint64_t before = atomic(call.kind, call.wide, at, call.operand, call.compare);
    store_value(call, before);
  }
  end_request(request, outcome);
}

void OneSided::ask_more(std::uint16_t target) {
  Peer& peer = peers_[target];
  while (!peer.waiting.empty() && peer.unanswered < kWindow) {
    Operation& operation = *peer.waiting.pop();
    operation.waits = false;
    const OneSidedCall& call = operation.call;
    Head head;
    head.word = Word::kAsk;
    head.kind = call.kind;
    head.wide = call.wide ? 1 : 0;
    head.id = operation.id;
    head.serial = operation.serial;
    head.number = call.key.number;
    head.nonce = call.key.nonce;
    head.offset = call.offset;
    head.length = call.length;
    head.operand = call.operand;
    head.compare = call.compare;
    const bool carries = call.kind == OneSidedKind::kPut && call.length <= kInline;
    ++peer.unanswered;
    const Status status = compose(head, target, call.buffer, carries ? call.length : 0);
    if (!status.ok()) settle(operation, status.code(), Refusal::kEngine);
  }
}

OneSided::Operation* OneSided::find(const Head& head) noexcept {
  if (head.id >= operations_.size()) return nullptr;
  Operation& operation = operations_[head.id];
  return operation.live && operation.serial == head.serial && !operation.ending ? &operation : nullptr;
}

void OneSided::answered(const Head& head, const std::byte* data, std::size_t bytes) {
  Operation* operation = find(head);
  if (operation == nullptr) return;  // it has been given up
  const OneSidedCall& call = operation->call;
  if (head.word == Word::kGoOn) {
    operation->goes_on = true;
    operation->number = head.number;
    if (!std::exchange(operation->moving, true)) moving_.push_back(operation);
    return;  // advance() looks at it next
  }
  // A program that has given the operation up may use its buffers again.
  const bool wanted = operation->request->state != tally_request::State::kAbandoned;
  if (head.refusal == Refusal::kNone && wanted && call.kind != OneSidedKind::kPut) {
    if (call.kind != OneSidedKind::kGet) {
      store_value(call, head.value);
    } else if (const std::uint64_t copied = std::min<std::uint64_t>(bytes, call.length); copied != 0) {
      std::memcpy(call.buffer, data, copied);
      endpoint_.count_one_sided_copy(copied);
    }
  }
  const tally_status status = head.refusal == Refusal::kEngine
                                  ? static_cast<tally_status>(head.value)
                                  : refusal_status(head.refusal, call.kind, 0, 0, 0, 0).code();
  settle(*operation, status, head.refusal, head.length);
}

void OneSided::advance_data() {
  for (std::size_t k = 0; k < moving_.size();) {
    Operation& operation = *moving_[k];
    move_data(operation);
    if (operation.goes_on || operation.data != nullptr) {
      ++k;
      continue;
    }
    operation.moving = false;
    moving_[k] = moving_.back();
    moving_.pop_back();
  }
}

void OneSided::move_data(Operation& operation) {
  const OneSidedCall& call = operation.call;
  const bool put = call.kind == OneSidedKind::kPut;
  if (operation.goes_on) {
    const Status status = post_data(put, call.key.rank, put ? put_tag(operation.number) : get_tag(operation.id),
                                    call.buffer, call.length, call.region, &operation.data);
    if (status.code() == TALLY_AGAIN) return;
    operation.goes_on = false;
    if (!status.ok()) return settle(operation, status.code(), Refusal::kEngine);
  }
  if (operation.data != nullptr && given_up(*operation.data)) {
    operation.data = nullptr;
    if (operation.ending) end(operation);
    return;
  }
  if (operation.data == nullptr || operation.data->state != tally_request::State::kDone) return;
  const tally_status status = operation.data->completion.status;
  endpoint_.release(*std::exchange(operation.data, nullptr));
  if (operation.ending) {
    end(operation);
  } else if (!put || status != TALLY_OK) {  // of a put the target tells
    settle(operation, status, status == TALLY_OK ? Refusal::kNone : Refusal::kEngine);
  }
}

/// The operation ends so, as soon as the message of its data has ended.
void OneSided::settle(Operation& operation, tally_status status, Refusal refusal, std::uint64_t region_bytes) {
  if (operation.ending) return;
  operation.ending = true;
  operation.outcome = Completion{};
  operation.outcome.status = status;
  operation.outcome.detail = static_cast<std::uint32_t>(refusal);
  operation.outcome.length = region_bytes;
  operation.goes_on = false;
  if (operation.data != nullptr && operation.data->state == tally_request::State::kActive && status != TALLY_OK) {
    if (operation.data->kind == tally_request::Kind::kReceive) {
      endpoint_.engine_->cancel(operation.data->cookie);
    } else {
      endpoint_.abandon(&operation.data);
    }
  }
  if (operation.data == nullptr) end(operation);
}

void OneSided::end(Operation& operation) {
  const std::uint16_t target = operation.call.key.rank;
  Peer& peer = peers_[target];
  operation.live = false;
  --live_;
  --peer.live;
  if (!std::exchange(operation.waits, false)) --peer.unanswered;
  if (operation.outcome.status != TALLY_OK && operation.request->marks.detached && peer.lost == TALLY_OK) {
    peer.lost = operation.outcome.status;
    peer.lost_reason = static_cast<Refusal>(operation.outcome.detail);
  }
  tally_request& request = *operation.request;
  const std::uint64_t order = operation.order;
  const Completion outcome = operation.outcome;
  free_operations_.push_back(operation.id);
  end_request(request, outcome);
  for (std::size_t k = 0; k < flushes_.size();) {
    Flush& flush = flushes_[k];
    const bool counts = order < flush.before && (flush.target < 0 || flush.target == target);
    if (!counts || --flush.under_way != 0) {
      ++k;
      continue;
    }
    const Flush over = flush;
    flushes_.erase(flushes_.begin() + static_cast<std::ptrdiff_t>(k));
    --live_;
    end_flush(over);
  }
  ask_more(target);
}

void OneSided::start_flush(int target, tally_request* request) {
  Flush flush;
  flush.request = request;
  flush.target = target;
  flush.before = order_;
  for (std::size_t rank = 0; rank < peers_.size(); ++rank)
    flush.under_way += target < 0 || static_cast<std::size_t>(target) == rank ? peers_[rank].live : 0;
  if (flush.under_way == 0) return end_flush(flush);
  flushes_.push_back(flush);
  ++live_;
}

void OneSided::end_flush(const Flush& flush) {
  Completion outcome;
  for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
    Peer& peer = peers_[rank];
    if (peer.lost == TALLY_OK || (flush.target >= 0 && static_cast<std::size_t>(flush.target) != rank)) continue;
    outcome.status = std::exchange(peer.lost, TALLY_OK);
    outcome.detail = static_cast<std::uint32_t>(peer.lost_reason);
    outcome.source = static_cast<std::uint16_t>(rank);
    break;  // of several the next flush tells
  }
  end_request(*flush.request, outcome);
}

void OneSided::end_request(tally_request& request, Completion outcome) {
  outcome.cookie = request.cookie;
  request.completion = outcome;
  endpoint_.moved_ = true;
  endpoint_.complete(request);
  ++ended_;
}

void OneSided::watch_peers() {
  for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
    Peer& peer = peers_[rank];
    if ((peer.unanswered == 0 && peer.waiting.empty()) || !left(static_cast<std::uint16_t>(rank))) continue;
    const Clock::time_point now = Clock::now();
    if (peer.heard == Clock::time_point{}) peer.heard = now;
    if (now - peer.heard <= kLeftGrace) continue;
    settle_waiting(peer, TALLY_ERR_JOB, Refusal::kLeft);
    for (Operation& operation : operations_) {
      if (operation.live && operation.call.key.rank == rank) settle(operation, TALLY_ERR_JOB, Refusal::kLeft);
    }
  }
}

void OneSided::settle_waiting(Peer& peer, tally_status status, Refusal refusal) {
  while (!peer.waiting.empty()) settle(*peer.waiting.pop(), status, refusal);
}

void OneSided::fail_all(tally_status status) {
  broken_ = status;
  for (Peer& peer : peers_) settle_waiting(peer, status, Refusal::kEngine);
  for (Operation& operation : operations_) {
    if (operation.live) settle(operation, status, Refusal::kEngine);
  }
}

Status OneSided::explain(const tally_request& request) {
  const Completion& done = request.completion;
  const auto kind = static_cast<OneSidedKind>(request.seq);
  const auto refusal = static_cast<Refusal>(done.detail);
  if (kind == OneSidedKind::kFlush) {
    return {done.status, fmt::format("an operation on rank {}, freed before its end, has failed: {}{}", done.source,
                                     status_name(done.status),
                                     refusal == Refusal::kReleased ? ", its key had been released" : "")};
  }
  if (refusal != Refusal::kNone && refusal != Refusal::kEngine)
    return refusal_status(refusal, kind, request.peer, request.count, request.length, done.length);
  return {done.status, fmt::format("{} on rank {}: the engine reported {}", name_of(kind), request.peer,
                                   status_name(done.status))};
}

void OneSided::leave_out_standing(std::string* text) {
  const std::string mark = fmt::format("tag {}, context {}", kHeadTag, kContext);
  for (std::size_t begin = 0; begin < text->size();) {
    const std::size_t end = std::min(text->find('\n', begin), text->size() - 1) + 1;
    const std::size_t found = text->find(mark, begin);
    if (found < end) {
      text->erase(begin, end - begin);
    } else {
      begin = end;
    }
  }
}

std::string OneSided::describe_pending() const {
  std::string text;
  for (const Operation& operation : operations_) {
    if (!operation.live) continue;
    text += fmt::format("{} of {} bytes on rank {}: {}\n", name_of(operation.call.kind), operation.call.length,
                        operation.call.key.rank,
                        operation.data != nullptr ? "its data are under way" : "waits for that rank to make progress");
  }
  for (const Served& served : served_) {
    if (!served.live) continue;
    text += fmt::format("{} of {} bytes by rank {}: its data are under way\n", name_of(served.ask.kind),
                        served.ask.length, served.origin);
  }
  return text;
}

}  // namespace tally::api
