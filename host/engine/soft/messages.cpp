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

void Messages::send(const SendDescriptor& descriptor) {
  SendOp* op = send_pool_.take();
  *op = SendOp{descriptor};
  sends_[descriptor.destination].push(op);
  sending_ |= std::uint64_t{1} << descriptor.destination;
  push(descriptor.destination);
}

void Messages::push_all() {
  for (std::uint64_t rest = sending_; rest != 0; rest &= rest - 1) {
    push(static_cast<std::uint32_t>(std::countr_zero(rest)));
  }
}

void Messages::push(std::uint32_t destination) {
  Fifo<SendOp>& queue = sends_[destination];
  while (!queue.empty()) {
    SendOp* op = queue.front();
    const SendDescriptor& send = op->descriptor;
    tally_status status = TALLY_OK;
    const auto bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(send.length - op->sent, kMaxPayload));
    Frame* frame = transport_.reserve(destination, bytes);
    if (frame != nullptr) {
      frame->header = FrameHeader{};
      frame->header.bytes = bytes;
      frame->header.kind = op->started ? FrameKind::kMore : FrameKind::kMessage;
      frame->header.context = send.context;
      frame->header.tag = send.tag;
      frame->header.length = send.length;
      if (bytes != 0)
        std::memcpy(frame->payload(), static_cast<const std::byte*>(send.buffer) + op->sent, bytes);
      transport_.commit(destination);
      work_.copied_bytes += bytes;
      op->started = true;
      op->sent += bytes;
      if (op->sent != send.length) continue;
    } else if (transport_.gone(destination)) {
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
  for (unsigned c = 0; c < kWildcardClasses; ++c) {
    MatchEntry* entry = posted_[c].oldest(match_key(c, context, source, tag));
    if (entry != nullptr && (oldest == nullptr || entry->age < oldest->age)) oldest = entry;
  }
  if (oldest == nullptr) return nullptr;
  auto* posted = static_cast<Posted*>(oldest);
  withdraw(posted);
  return posted;
}

void Messages::withdraw(Posted* posted) noexcept {
  posted_[posted->wildcard_class].remove(posted);
  cookies_.remove(posted);
}

void Messages::arrive(std::uint32_t source, const Frame& frame) {
  const FrameHeader& header = frame.header;
  if (header.kind == FrameKind::kMessage) {
    Inbound& inbound = inbound_[source];
    const auto from = static_cast<std::uint16_t>(source);
    if (Posted* posted = take_posted(header.context, from, header.tag); posted != nullptr) {
      inbound = {posted->descriptor, nullptr, header.length, 0, header.tag};
      posted_pool_.give(posted);
      ++work_.matches;
    } else {
      Unexpected* entry = unexpected_pool_.take();
      if (entry->capacity < header.length) {
        entry->capacity = std::bit_ceil(header.length);
        entry->data = std::make_unique_for_overwrite<std::byte[]>(entry->capacity);
      }
      entry->context = header.context;
      entry->source = from;
      entry->tag = header.tag;
      entry->length = header.length;
      entry->arrived = 0;
      entry->age = age_++;
      for (unsigned c = 0; c < kWildcardClasses; ++c) {
        unexpected_[c].append(match_key(c, header.context, from, header.tag), entry);
      }
      inbound = {{}, entry, header.length, 0, header.tag};
      news_ = news_ || missed_;
      missed_ = false;
    }
  }
  deliver(source, frame);
}

void Messages::deliver(std::uint32_t source, const Frame& frame) {
  Inbound& inbound = inbound_[source];
  const std::uint64_t bytes = frame.header.bytes;
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
    if (copied != 0) std::memcpy(target + inbound.arrived, frame.payload(), copied);
    work_.copied_bytes += copied;
  }
  inbound.arrived += bytes;
  if (inbound.unexpected != nullptr) {
    inbound.unexpected->arrived = inbound.arrived;
    if (inbound.arrived == inbound.length) inbound.unexpected = nullptr;
  } else if (inbound.arrived == inbound.length) {
    complete_receive(inbound.receive, source, inbound.tag, inbound.length);
  }
}

void Messages::receive(const RecvDescriptor& descriptor) {
  const unsigned c = wildcard_class(descriptor);
  const std::uint64_t key = match_key(c, descriptor.context, descriptor.source, descriptor.tag);
  MatchEntry* found = unexpected_[c].oldest(key);
  if (found == nullptr) {
    Posted* posted = posted_pool_.take();
    posted->descriptor = descriptor;
    posted->wildcard_class = c;
    posted->age = age_++;
    posted_[c].append(key, posted);
    cookies_.append(descriptor.cookie, posted);
    return;
  }
  for (MatchTable& table : unexpected_) table.remove(found);
  ++work_.matches;
  hand_over(static_cast<Unexpected*>(found), descriptor);
}

void Messages::probe(const ProbeDescriptor& descriptor) {
  const unsigned c = wildcard_class(descriptor);
  auto* message = static_cast<Unexpected*>(
      unexpected_[c].oldest(match_key(c, descriptor.context, descriptor.source, descriptor.tag)));
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
    for (MatchTable& table : unexpected_) table.remove(message);
    ++work_.matches;
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
  hand_over(message, receive);
  return true;
}

void Messages::cancel(std::uint32_t cookie) {
  auto* posted = static_cast<Posted*>(cookies_.oldest(cookie));
  if (posted == nullptr) return;  // matched: it completes as it would have
  withdraw(posted);
  posted_pool_.give(posted);
  Completion completion;
  completion.cookie = cookie;
  completion.status = TALLY_ERR_CANCELLED;
  completions_.push(completion);
}

void Messages::hand_over(Unexpected* message, const RecvDescriptor& descriptor) {
  const std::uint64_t copied = std::min(message->arrived, descriptor.length);
  if (copied != 0) std::memcpy(descriptor.buffer, message->data.get(), copied);
  work_.copied_bytes += copied;
  if (Inbound& inbound = inbound_[message->source]; inbound.unexpected == message) {
    inbound.receive = descriptor;  // the rest goes straight to the buffer
    inbound.unexpected = nullptr;
  } else {
    complete_receive(descriptor, message->source, message->tag, message->length);
  }
  recycle(message);
}

void Messages::complete_receive(const RecvDescriptor& receive, std::uint32_t source, std::uint32_t tag,
                                std::uint64_t length) {
  Completion completion;
  completion.cookie = receive.cookie;
  completion.status = length > receive.length ? TALLY_ERR_TRUNCATED : TALLY_OK;
  completion.length = length;
  completion.tag = tag;
  completion.source = static_cast<std::uint16_t>(source);
  completions_.push(completion);
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
  return text;
}

}  // namespace tally::soft
