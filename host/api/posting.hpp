// SPDX-License-Identifier: BSD-3-Clause
// A message from the arguments of a call to the engine. All of it is inlined into the functions of tally.h: no step does much,
// and a program may post millions of messages a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "api/endpoint.hpp"

#define TALLY_INLINE [[gnu::always_inline]] inline

namespace tally::api {

// What is wrong with an argument (operations.cpp).
[[nodiscard]] [[gnu::cold]] Status bad_destination(int destination, std::size_t ranks);
[[nodiscard]] [[gnu::cold]] Status bad_source(int source, std::size_t ranks);
[[nodiscard]] [[gnu::cold]] Status bad_tag(int tag, bool receive);
[[nodiscard]] [[gnu::cold]] Status bad_length(std::size_t length, const Capabilities& engine);

}  // namespace tally::api

// --- requests ---------------------------------------------------------------------------------

TALLY_INLINE tally_request* tally_endpoint::new_request(tally_request::Kind kind, tally_group& group) {
  if (free_requests_ == nullptr) [[unlikely]]
    add_requests();
  tally_request* request = free_requests_;
  free_requests_ = request->next_free;
  // What the kind in question does not set is of no consequence, but for these.
  request->kind = kind;
  request->state = tally_request::State::kActive;
  request->marks = {};
  request->group = &group;
  request->regions[0] = nullptr;
  return request;
}

TALLY_INLINE tally::Status tally_endpoint::posted(tally_request* request, tally::Status status, bool complete_now,
                                                  tally_request** out) {
  if (!status.ok()) [[unlikely]] {
    release(*request);
    return status;
  }
  if (request->regions[0] != nullptr) ++request->regions[0]->users;
  if (request->kind == tally_request::Kind::kSend) ++unsent_;
  if (!request->marks.internal) {
    ++live_requests_;
    ++request->group->users;
  }
  *out = request;
  if (complete_now) {
    moved_ = true;
    ++news_;
    complete(*request);
  }
  return status;
}

TALLY_INLINE void tally_endpoint::complete(tally_request& request) {
  using Kind = tally_request::Kind;
  const bool message = request.kind == Kind::kSend || request.kind == Kind::kReceive;
  if (!message || request.state != tally_request::State::kActive || request.marks.special()) [[unlikely]] {
    complete_special(request);
    return;
  }
  complete_message(request);
  request.state = tally_request::State::kDone;
}

TALLY_INLINE void tally_endpoint::complete_message(tally_request& request) {
  if (request.regions[0] != nullptr) --request.regions[0]->users;
  const tally_status status = request.completion.status;
  const bool counts = !request.marks.internal && (status == TALLY_OK || status == TALLY_ERR_TRUNCATED);
  if (request.kind == tally_request::Kind::kSend) {
    if (request.state != tally_request::State::kAbandoned) --unsent_;
    if (!counts) return;
    ++counts_.sends;
    counts_.sent_bytes += request.length;
  } else {
    if (!counts) return;
    ++counts_.receives;
    counts_.received_bytes += std::min(request.completion.length, request.length);
  }
}

TALLY_INLINE void tally_endpoint::retire(tally_request** handle) noexcept {
  tally_request& request = **handle;
  if (!request.marks.internal) {
    --live_requests_;
    --request.group->users;
  }
  release(request);
  *handle = nullptr;
}

// --- messages ---------------------------------------------------------------------------------

TALLY_INLINE tally::Status tally_endpoint::check_buffer(const void* buffer, std::size_t length, tally_memory** region) {
  if (length > max_message_) [[unlikely]]
    return tally::api::bad_length(length, capabilities());
  if (last_region_ != nullptr && length != 0 && last_region_->holds(buffer, length)) [[likely]] {
    *region = last_region_;
    return {};
  }
  return find_region("buffer", buffer, length, nullptr, region);
}

TALLY_INLINE tally::Status tally_endpoint::describe_send(tally_group& group, const void* buffer, std::size_t length,
                                                         int destination, int tag, bool synchronous,
                                                         tally::SendDescriptor* send, tally_memory** region) {
  const auto place = static_cast<std::size_t>(static_cast<unsigned>(destination));
  if (place >= group.ranks.size()) [[unlikely]]
    return tally::api::bad_destination(destination, group.ranks.size());
  if (tag < 0) [[unlikely]]
    return tally::api::bad_tag(tag, false);
  send->buffer = buffer;
  send->length = length;
  send->context = group.context;
  send->destination = group.ranks[place];
  send->tag = static_cast<std::uint32_t>(tag);
  send->synchronous = synchronous;
  return check_buffer(buffer, length, region);
}

template <typename Descriptor>
TALLY_INLINE tally::Status tally_endpoint::set_pattern(tally_group& group, int source, int tag,
                                                       Descriptor* wanted) const {
  wanted->context = group.context;
  if (const auto place = static_cast<std::size_t>(static_cast<unsigned>(source)); place < group.ranks.size()) [[likely]] {
    wanted->any_source = false;
    wanted->source = group.ranks[place];
  } else if (source == TALLY_ANY_SOURCE) {
    wanted->any_source = true;
    wanted->source = 0;
  } else {
    return tally::api::bad_source(source, group.ranks.size());
  }
  if (tag >= 0) [[likely]] {
    wanted->any_tag = false;
    wanted->tag = static_cast<std::uint32_t>(tag);
  } else if (tag == TALLY_ANY_TAG) {
    wanted->any_tag = true;
    wanted->tag = 0;
  } else {
    return tally::api::bad_tag(tag, true);
  }
  return {};
}

TALLY_INLINE tally::Status tally_endpoint::describe_receive(tally_group& group, void* buffer, std::size_t length,
                                                            int source, int tag, tally::RecvDescriptor* receive,
                                                            tally_memory** region) {
  tally::Status status = set_pattern(group, source, tag, receive);
  if (!status.ok()) [[unlikely]]
    return status;
  receive->buffer = buffer;
  receive->length = length;
  return check_buffer(buffer, length, region);
}

template <typename Descriptor, typename Start>
TALLY_INLINE tally::Status tally_endpoint::post_message(tally_request* request, Descriptor& message,
                                                        tally_memory* region, bool internal, Start&& start,
                                                        tally_request** out) {
  request->regions[0] = region;
  request->length = message.length;
  request->marks.internal = internal;
  message.key = region == nullptr ? 0 : region->key;
  message.cookie = request->cookie;
  bool complete_now = false;
  tally::Status status = start(&request->completion, &complete_now);
  return posted(request, std::move(status), complete_now, out);
}

TALLY_INLINE tally::Status tally_endpoint::post_send(tally::SendDescriptor& send, tally_group& group,
                                                     tally_memory* region, bool internal, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kSend, group);
  request->peer = send.destination;
  const auto start = [&](auto* completion, bool* now) { return engine_->start_send(send, completion, now); };
  return post_message(request, send, region, internal, start, out);
}

TALLY_INLINE tally::Status tally_endpoint::post_receive(tally::RecvDescriptor& receive, tally_group& group,
                                                        tally_memory* region, bool internal, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kReceive, group);
  const auto start = [&](auto* completion, bool* now) { return engine_->start_recv(receive, completion, now); };
  return post_message(request, receive, region, internal, start, out);
}

TALLY_INLINE tally::Status tally_endpoint::start_send(tally_group& group, const void* buffer, std::size_t length,
                                                      int destination, int tag, bool synchronous,
                                                      tally_request** request) {
  tally::SendDescriptor send;
  tally_memory* region = nullptr;
  tally::Status status = describe_send(group, buffer, length, destination, tag, synchronous, &send, &region);
  if (!status.ok()) [[unlikely]]
    return status;
  return post_send(send, group, region, false, request);
}

TALLY_INLINE tally::Status tally_endpoint::start_receive(tally_group& group, void* buffer, std::size_t length,
                                                         int source, int tag, tally_request** request) {
  tally::RecvDescriptor receive;
  tally_memory* region = nullptr;
  tally::Status status = describe_receive(group, buffer, length, source, tag, &receive, &region);
  if (!status.ok()) [[unlikely]]
    return status;
  return post_receive(receive, group, region, false, request);
}
