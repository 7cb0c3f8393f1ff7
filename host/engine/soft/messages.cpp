// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace tally::soft {
namespace {

constexpr std::uint64_t kKeepBytes = 64u << 10;  // larger unexpected buffers are given back at once

/// Of a receive or a probe.
template <typename Descriptor>
constexpr unsigned wildcard_class(const Descriptor& wanted) noexcept {
  return (wanted.any_source ? 1u : 0u) | (wanted.any_tag ? 2u : 0u);
}

}  // namespace

bool Messages::send(const SendDescriptor& descriptor, Completion* completion) {
  const std::uint16_t destination = descriptor.destination;
  if (descriptor.length <= kMaxPayload && !descriptor.synchronous && sends_[destination].empty() && send_short(descriptor)) [[likely]] {
    completion->cookie = descriptor.cookie;
    completion->status = TALLY_OK;
    completion->length = descriptor.length;
    completion->device_ns = 0;
    return true;
  }
  enqueue(descriptor);
  return false;
}

void Messages::enqueue(const SendDescriptor& descriptor) {
  const std::uint16_t destination = descriptor.destination;
  SendOp* op = send_pool_.take();
  *op = SendOp{descriptor};
  sends_[destination].push(op);
  sending_ |= std::uint64_t{1} << destination;
  push(destination);
  if (!sends_[destination].empty()) ++work_.held_sends;
}

bool Messages::send_short(const SendDescriptor& send) {
  const auto bytes = static_cast<std::uint32_t>(send.length);
  const FrameSlot slot = transport_.reserve(send.destination, bytes);
  if (slot.header == nullptr) return false;
  *slot.header = {.bytes = static_cast<std::uint16_t>(bytes),
                  .kind = FrameKind::kMessage,
                  .context = send.context,
                  .tag = send.tag,
                  .length = send.length};
  if (bytes == 8) {
    std::memcpy(slot.payload, send.buffer, 8);
  } else if (bytes != 0) {
    std::memcpy(slot.payload, send.buffer, bytes);
  }
  transport_.commit(send.destination);
  work_.framed_bytes += bytes;
  return true;
}

void Messages::advance() {
  for (std::uint64_t rest = sending_; rest != 0; rest &= rest - 1) {
    push(static_cast<std::uint32_t>(std::countr_zero(rest)));
  }
  rendezvous_.advance();
}

void Messages::push(std::uint32_t destination) {
  Fifo<SendOp>& queue = sends_[destination];
  while (!queue.empty()) {
    SendOp* op = queue.front();
    const SendDescriptor& send = op->descriptor;
    // What a rank sends to itself is kept by it: it may be in a blocking send now.
    const bool large = send.length >= kRendezvousBytes && destination != transport_.rank();
    // Who cannot reach the other's memory is not likely to be reached.
    // A synchronous send of any length asks: it ends when its receive has the data.
    const bool fetched = send.synchronous || (large && !op->unlent && transport_.direct(destination));
    tally_status status = TALLY_OK;
    const auto bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(send.length - op->sent, kMaxPayload));
    const bool gone = transport_.gone(destination);
    if (fetched && !gone) {
      const Rendezvous::Asking asking = rendezvous_.ask(send);
      if (asking == Rendezvous::Asking::kNoRoom) return;
      op->unlent = asking == Rendezvous::Asking::kUnlent;
      if (op->unlent) continue;
      queue.pop();
      send_pool_.give(op);
      continue;
    }
    if (const FrameSlot slot = gone && fetched ? FrameSlot{} : transport_.reserve(destination, bytes);
        slot.header != nullptr) {
      *slot.header = {.bytes = static_cast<std::uint16_t>(bytes),
                      .kind = op->started ? FrameKind::kMore : FrameKind::kMessage,
                      .context = send.context,
                      .tag = send.tag,
                      .length = send.length};
      if (bytes != 0) std::memcpy(slot.payload, static_cast<const std::byte*>(send.buffer) + op->sent, bytes);
      transport_.commit(destination);
      work_.framed_bytes += bytes;
      if (large) work_.staged_bytes += bytes;
      op->started = true;
      op->sent += bytes;
      if (op->sent != send.length) continue;
    } else if (gone) {
      status = TALLY_ERR_JOB;
    } else {
      return;
    }
    Completion completion;
    completion.cookie = send.cookie;
    completion.status = status;
    completion.length = op->sent;
    completions_.push(completion);
    queue.pop();
    send_pool_.give(op);
  }
  sending_ &= ~(std::uint64_t{1} << destination);
}

Messages::Posted* Messages::take_posted(std::uint16_t context, std::uint16_t source,
                                        std::uint32_t tag) noexcept {
  MatchEntry* oldest = nullptr;
  if (posted_in_ == 1) [[likely]] {  // no receive has wildcards
    oldest = posted_[0].oldest(match_key(0, context, source, tag));
    if (oldest == nullptr) return nullptr;
    auto* posted = static_cast<Posted*>(oldest);
    withdraw(*posted);
    return posted;
  }
  for (unsigned rest = posted_in_; rest != 0; rest &= rest - 1) {
    const auto c = static_cast<unsigned>(std::countr_zero(rest));
    MatchEntry* entry = posted_[c].oldest(match_key(c, context, source, tag));
    if (entry != nullptr && (oldest == nullptr || entry->age < oldest->age)) oldest = entry;
  }
  if (oldest == nullptr) return nullptr;
  auto* posted = static_cast<Posted*>(oldest);
  withdraw(*posted);
  return posted;
}

void Messages::withdraw(Posted& posted) noexcept {
  MatchTable& table = posted_[posted.wildcard_class];
  table.remove(&posted);
  posted.waits = false;
  if (table.empty()) posted_in_ &= ~(1u << posted.wildcard_class);
}

void Messages::add_places(std::uint32_t cookie) {
  while (!has_place(cookie)) places_.push_back(std::make_unique<Posted[]>(kPostedBlock));
}

void Messages::arrive(std::uint32_t source, const FrameView& frame) {
  const FrameHeader& header = *frame.header;
  if (header.kind > FrameKind::kAsk) return rendezvous_.arrive(source, frame);
  if (header.kind == FrameKind::kMore) return deliver(source, frame);
  const auto from = static_cast<std::uint16_t>(source);
  Posted* posted = take_posted(header.context, from, header.tag);
  if (posted == nullptr) return keep(source, frame);
  ++work_.matches;
  if (header.kind == FrameKind::kAsk) {
    Ask ask;
    std::memcpy(&ask, frame.payload, sizeof ask);
    rendezvous_.fetch(posted->descriptor, from, header.tag, header.length, ask);
  } else if (header.bytes == header.length) [[likely]] {
    const std::uint64_t copied = std::min<std::uint64_t>(header.length, posted->descriptor.length);
    if (copied == 8) {
      std::memcpy(posted->descriptor.buffer, frame.payload, 8);
    } else if (copied != 0) {
      std::memcpy(posted->descriptor.buffer, frame.payload, copied);
    }
    work_.framed_bytes += copied;
    write_completion(completions_.add(), posted->descriptor, source, header.tag, header.length);
  } else {
    inbound_[source] = {posted->descriptor, nullptr, header.length, 0, header.tag};
    deliver(source, frame);
  }
}

/// A message that nothing matches yet.
void Messages::keep(std::uint32_t source, const FrameView& frame) {
  const FrameHeader& header = *frame.header;
  Unexpected* entry = unexpected_pool_.take();
  entry->asks = header.kind == FrameKind::kAsk;
  if (entry->asks) {
    std::memcpy(&entry->ask, frame.payload, sizeof entry->ask);
    if (entry->early()) ++asking_;
  } else if (entry->capacity < header.length) {
    entry->capacity = std::bit_ceil(header.length);
    entry->data = std::make_unique_for_overwrite<std::byte[]>(entry->capacity);
  }
  entry->context = header.context;
  entry->source = static_cast<std::uint16_t>(source);
  entry->tag = header.tag;
  entry->length = header.length;
  entry->arrived = 0;
  entry->age = age_++;
  for (unsigned rest = indexed_; rest != 0; rest &= rest - 1) {
    const auto c = static_cast<unsigned>(std::countr_zero(rest));
    unexpected_[c].append(match_key(c, header.context, entry->source, header.tag), entry);
  }
  news_ = news_ || missed_;
  missed_ = false;
  if (entry->asks) return;
  inbound_[source] = {{}, entry, header.length, 0, header.tag};
  deliver(source, frame);
}

void Messages::deliver(std::uint32_t source, const FrameView& frame) {
  Inbound& inbound = inbound_[source];
  const std::uint64_t bytes = frame.header->bytes;
  std::byte* target = nullptr;
  std::uint64_t room = 0;
  if (inbound.unexpected != nullptr) {
    target = inbound.unexpected->data.get();
    room = inbound.length;
  } else {
    target = static_cast<std::byte*>(inbound.receive.buffer);
    room = inbound.receive.length;
  }
  if (inbound.arrived < room) {
    const std::uint64_t copied = std::min(bytes, room - inbound.arrived);
    if (copied != 0) std::memcpy(target + inbound.arrived, frame.payload, copied);
    work_.framed_bytes += copied;
  }
  inbound.arrived += bytes;
  if (inbound.unexpected != nullptr) {
    inbound.unexpected->arrived = inbound.arrived;
    if (inbound.arrived == inbound.length) inbound.unexpected = nullptr;
  } else if (inbound.arrived == inbound.length) {
    write_completion(completions_.add(), inbound.receive, source, inbound.tag, inbound.length);
  }
}

Messages::Unexpected* Messages::oldest_unexpected(unsigned wildcard_class, std::uint64_t key) {
  if ((indexed_ >> wildcard_class & 1) == 0) [[unlikely]]
    index_class(wildcard_class);
  return static_cast<Unexpected*>(unexpected_[wildcard_class].oldest(key));
}

void Messages::remove_unexpected(Unexpected* message) noexcept {
  if (message->early()) --asking_;
  for (unsigned rest = indexed_; rest != 0; rest &= rest - 1) {
    unexpected_[static_cast<unsigned>(std::countr_zero(rest))].remove(message);
  }
}

void Messages::take_asking() {
  if (asking_ == 0) return;
  Unexpected* oldest = nullptr;
  unexpected_[0].for_each([&](MatchEntry& entry) {
    auto* message = static_cast<Unexpected*>(&entry);
    if (message->early() && (oldest == nullptr || message->age < oldest->age)) oldest = message;
  });
  if (!transport_.direct(oldest->source)) return;
  if (oldest->capacity < oldest->length) {
    oldest->capacity = std::bit_ceil(oldest->length);
    oldest->data = std::make_unique_for_overwrite<std::byte[]>(oldest->capacity);
  }
  if (rendezvous_.fetch_now(oldest->source, oldest->data.get(), oldest->ask.address, oldest->ask.key,
                            oldest->length, nullptr) !=
      Rendezvous::Fetched::kDone)
    return;
  rendezvous_.done(oldest->source, oldest->ask);
  oldest->arrived = oldest->length;
  oldest->asks = false;
  --asking_;
}

void Messages::index_class(unsigned wildcard_class) {
  std::vector<Unexpected*> messages;
  unexpected_[0].for_each([&](MatchEntry& entry) { messages.push_back(static_cast<Unexpected*>(&entry)); });
  std::sort(messages.begin(), messages.end(),
            [](const Unexpected* a, const Unexpected* b) { return a->age < b->age; });
  for (Unexpected* message : messages) {
    unexpected_[wildcard_class].append(
        match_key(wildcard_class, message->context, message->source, message->tag), message);
  }
  indexed_ |= 1u << wildcard_class;
}

bool Messages::receive(const RecvDescriptor& descriptor, Completion* completion) {
  const unsigned c = wildcard_class(descriptor);
  const std::uint64_t key = match_key(c, descriptor.context, descriptor.source, descriptor.tag);
  if (!unexpected_[0].empty()) [[unlikely]] {  // table 0 has all of them
    if (Unexpected* found = oldest_unexpected(c, key); found != nullptr) {
      remove_unexpected(found);
      ++work_.unexpected_matches;
      return hand_over(found, descriptor, completion);
    }
  }
  if (!has_place(descriptor.cookie)) [[unlikely]]
    add_places(descriptor.cookie);
  Posted& posted = place(descriptor.cookie);
  // Field by field: a copy of the whole would wait for the caller's stores, which are narrower.
  posted.descriptor.buffer = descriptor.buffer;
  posted.descriptor.length = descriptor.length;
  posted.descriptor.context = descriptor.context;
  posted.descriptor.source = descriptor.source;
  posted.descriptor.any_source = descriptor.any_source;
  posted.descriptor.any_tag = descriptor.any_tag;
  posted.descriptor.tag = descriptor.tag;
  posted.descriptor.cookie = descriptor.cookie;
  posted.wildcard_class = c;
  posted.age = age_++;
  posted_[c].append(key, &posted);
  posted.waits = true;
  posted_in_ |= 1u << c;
  return false;
}

void Messages::probe(const ProbeDescriptor& descriptor) {
  const unsigned c = wildcard_class(descriptor);
  Unexpected* message =
      oldest_unexpected(c, match_key(c, descriptor.context, descriptor.source, descriptor.tag));
  Completion completion;
  completion.cookie = descriptor.cookie;
  if (message == nullptr) {
    completion.status = TALLY_AGAIN;
    missed_ = true;
  } else {
    completion.length = message->length;
    completion.tag = message->tag;
    completion.source = message->source;
  }
  if (message != nullptr && descriptor.claim) {
    if (free_claims_.empty()) {
      free_claims_.push_back(static_cast<std::uint32_t>(claimed_.size()));
      claimed_.push_back(nullptr);
    }
    completion.message = free_claims_.back();
    free_claims_.pop_back();
    claimed_[completion.message] = message;
    remove_unexpected(message);
    ++work_.unexpected_matches;
  }
  completions_.push(completion);
}

bool Messages::receive_claimed(const MrecvDescriptor& descriptor) {
  if (descriptor.message >= claimed_.size() || claimed_[descriptor.message] == nullptr) return false;
  RecvDescriptor receive;
  receive.buffer = descriptor.buffer;
  receive.length = descriptor.length;
  receive.key = descriptor.key;
  receive.cookie = descriptor.cookie;
  Unexpected* message = std::exchange(claimed_[descriptor.message], nullptr);
  receive.context = message->context;
  receive.source = message->source;
  receive.tag = message->tag;
  free_claims_.push_back(descriptor.message);
  Completion completion;
  if (hand_over(message, receive, &completion)) completions_.push(completion);
  return true;
}

void Messages::cancel(std::uint32_t cookie) {
  if (!has_place(cookie) || !place(cookie).waits) return;  // matched: it completes as it would have
  withdraw(place(cookie));
  Completion completion;
  completion.cookie = cookie;
  completion.status = TALLY_ERR_CANCELLED;
  completions_.push(completion);
}

bool Messages::hand_over(Unexpected* message, const RecvDescriptor& descriptor, Completion* completion) {
  bool complete = false;
  if (message->asks) {
    rendezvous_.fetch(descriptor, message->source, message->tag, message->length, message->ask);
  } else {
    const std::uint64_t copied = std::min(message->arrived, descriptor.length);
    if (copied != 0) std::memcpy(descriptor.buffer, message->data.get(), copied);
    work_.unexpected_bytes += copied;
    if (Inbound& inbound = inbound_[message->source]; inbound.unexpected == message) {
      inbound.receive = descriptor;  // the rest goes straight to the buffer
      inbound.unexpected = nullptr;
    } else {
      write_completion(*completion, descriptor, message->source, message->tag, message->length);
      complete = true;
    }
  }
  recycle(message);
  return complete;
}

void Messages::write_completion(Completion& completion, const RecvDescriptor& receive, std::uint32_t source,
                                std::uint32_t tag, std::uint64_t length) noexcept {
  completion.cookie = receive.cookie;
  completion.status = length > receive.length ? TALLY_ERR_TRUNCATED : TALLY_OK;
  completion.length = length;
  completion.tag = tag;
  completion.source = static_cast<std::uint16_t>(source);
  completion.detail = 0;
  completion.device_ns = 0;
  completion.message = 0;
}

void Messages::recycle(Unexpected* unexpected) noexcept {
  if (unexpected->capacity > kKeepBytes) {
    unexpected->data.reset();
    unexpected->capacity = 0;
  }
  unexpected_pool_.give(unexpected);
}

std::string Messages::describe_pending() const {
  std::string text;
  const auto describe_receive = [&text](const RecvDescriptor& receive, const std::string& state) {
    text +=
        fmt::format("receive of {} bytes from {}, {}, context {}: {}\n", receive.length,
                    receive.any_source ? "any rank" : fmt::format("rank {}", receive.source),
                    receive.any_tag ? "any tag" : fmt::format("tag {}", receive.tag), receive.context, state);
  };
  for (std::uint32_t rank = 0; rank < transport_.size(); ++rank) {
    if (const SendOp* op = sends_[rank].front(); op != nullptr) {
      text += fmt::format("send to rank {}, tag {}, context {}: {} of {} bytes taken\n", rank,
                          op->descriptor.tag, op->descriptor.context, op->sent, op->descriptor.length);
    }
    const Inbound& inbound = inbound_[rank];
    if (inbound.unexpected == nullptr && inbound.arrived < inbound.length) {
      describe_receive(inbound.receive,
                       fmt::format("{} of {} bytes arrived", inbound.arrived, inbound.length));
    }
  }
  for (const MatchTable& table : posted_) {
    table.for_each([&](const MatchEntry& entry) {
      describe_receive(static_cast<const Posted&>(entry).descriptor, "no matching message yet");
    });
  }
  return text + rendezvous_.describe_pending();
}

}  // namespace tally::soft
