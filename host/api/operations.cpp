// SPDX-License-Identifier: BSD-3-Clause
// Messages: checks of arguments, and posts.
#include <cstddef>
#include <cstdint>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"

using tally::RecvDescriptor;
using tally::SendDescriptor;
using tally::Status;
using tally::api::bad_argument;
using tally::api::check_sign;

template <typename Descriptor, typename Start>
Status tally_endpoint::post_message(tally_request* request, Descriptor& message, tally_memory* region, bool internal,
                                    Start&& start, tally_request** out) {
  request->regions[0] = region;
  request->length = message.length;
  request->marks.internal = internal;
  message.key = region == nullptr ? 0 : region->key;
  message.cookie = request->cookie;
  bool complete_now = false;
  Status status = start(&request->completion, &complete_now);
  return posted(request, std::move(status), complete_now, out);
}

Status tally_endpoint::post_send(SendDescriptor& send, tally_group& group, tally_memory* region,
                                 bool internal, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kSend, group);
  request->peer = send.destination;
  const auto start = [&](auto* completion, bool* now) { return engine_->start_send(send, completion, now); };
  return post_message(request, send, region, internal, start, out);
}

Status tally_endpoint::describe_send(tally_group& group, const void* buffer, std::size_t length, int destination,
                                     int tag, bool synchronous, SendDescriptor* send, tally_memory** region) {
  const int last = static_cast<int>(group.ranks.size()) - 1;
  if (destination < 0 || destination > last) {
    return bad_argument("destination {} is out of range (0 to {})", destination, last);
  }
  if (tag < 0) return bad_argument("tag {} is out of range (0 to {})", tag, TALLY_MAX_TAG);
  if (Status status = check_buffer(buffer, length, region); !status.ok()) return status;
  send->buffer = buffer;
  send->length = length;
  send->context = group.context;
  send->destination = group.ranks[static_cast<std::size_t>(destination)];
  send->tag = static_cast<std::uint32_t>(tag);
  send->synchronous = synchronous;
  return {};
}

Status tally_endpoint::start_send(tally_group& group, const void* buffer, std::size_t length, int destination,
                                  int tag, bool synchronous, tally_request** request) {
  SendDescriptor send;
  tally_memory* region = nullptr;
  Status status = describe_send(group, buffer, length, destination, tag, synchronous, &send, &region);
  return status.ok() ? post_send(send, group, region, false, request) : status;
}

Status tally_endpoint::check_buffer(const void* buffer, std::size_t length, tally_memory** region) {
  if (length > max_message_) [[unlikely]] {
    Status status = check_sign("length", length);
    if (!status.ok()) return status;
    return {TALLY_ERR_UNSUPPORTED, fmt::format("length {}: engine '{}' takes {} bytes", length,
                                               capabilities().name, capabilities().max_message)};
  }
  if (last_region_ != nullptr && length != 0 && last_region_->holds(buffer, length)) [[likely]] {
    *region = last_region_;
    return {};
  }
  return find_region("buffer", buffer, length, nullptr, region);
}

template <typename Descriptor>
Status tally_endpoint::set_pattern(tally_group& group, int source, int tag, Descriptor* wanted) const {
  const int last = static_cast<int>(group.ranks.size()) - 1;
  if (source != TALLY_ANY_SOURCE && (source < 0 || source > last)) {
    return bad_argument("source {} is out of range (0 to {}, or TALLY_ANY_SOURCE)", source, last);
  }
  if (tag < 0 && tag != TALLY_ANY_TAG) {
    return bad_argument("tag {} is out of range (0 to {}, or TALLY_ANY_TAG)", tag, TALLY_MAX_TAG);
  }
  wanted->context = group.context;
  wanted->any_source = source == TALLY_ANY_SOURCE;
  wanted->source = wanted->any_source ? std::uint16_t{0} : group.ranks[static_cast<std::size_t>(source)];
  wanted->any_tag = tag == TALLY_ANY_TAG;
  wanted->tag = wanted->any_tag ? 0 : static_cast<std::uint32_t>(tag);
  return {};
}
template Status tally_endpoint::set_pattern(tally_group&, int, int, tally::ProbeDescriptor*) const;

Status tally_endpoint::describe_receive(tally_group& group, void* buffer, std::size_t length, int source, int tag,
                                        RecvDescriptor* receive, tally_memory** region) {
  Status status = set_pattern(group, source, tag, receive);
  if (status.ok()) status = check_buffer(buffer, length, region);
  receive->buffer = buffer;
  receive->length = length;
  return status;
}

Status tally_endpoint::start_receive(tally_group& group, void* buffer, std::size_t length, int source,
                                     int tag, tally_request** request) {
  RecvDescriptor receive;
  tally_memory* region = nullptr;
  Status status = describe_receive(group, buffer, length, source, tag, &receive, &region);
  return status.ok() ? post_receive(receive, group, region, false, request) : status;
}

Status tally_endpoint::post_receive(RecvDescriptor& receive, tally_group& group, tally_memory* region,
                                    bool internal, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kReceive, group);
  const auto start = [&](auto* completion, bool* now) { return engine_->start_recv(receive, completion, now); };
  return post_message(request, receive, region, internal, start, out);
}
