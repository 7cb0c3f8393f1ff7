// SPDX-License-Identifier: BSD-3-Clause
// Checks of arguments, and posts.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/names.hpp"
#include "engine/numerics/reduce.hpp"

using tally::Status;
using tally::api::bad_argument;
using tally::schedule::Collective;

namespace {

/// A negative int that became a size_t; no object is that large.
Status check_sign(const char* argument, std::size_t value) {
  if (value <= PTRDIFF_MAX) return {};
  return bad_argument("{} {} is negative", argument, static_cast<std::ptrdiff_t>(value));
}

}  // namespace

Status tally_endpoint::start_send(tally_group& group, const void* buffer, std::size_t length, int destination,
                                  int tag, tally_request** request) {
  const int last = static_cast<int>(group.ranks.size()) - 1;
  if (destination < 0 || destination > last) {
    return bad_argument("destination {} is out of range (0 to {})", destination, last);
  }
  if (tag < 0) return bad_argument("tag {} is out of range (0 to {})", tag, TALLY_MAX_TAG);
  Status status = check_length(length);
  tally_memory* region = nullptr;
  if (status.ok()) status = find_region("buffer", buffer, length, &region);
  if (!status.ok()) return status;
  tally::SendDescriptor send;
  send.buffer = buffer;
  send.length = length;
  send.context = group.context;
  send.destination = group.ranks[static_cast<std::size_t>(destination)];
  send.tag = static_cast<std::uint32_t>(tag);
  return post_send(send, group, region, false, request);
}

Status tally_endpoint::post_send(tally::SendDescriptor send, tally_group& group, tally_memory* region,
                                 bool internal, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kSend, group);
  request->regions[0] = region;
  request->length = send.length;
  request->peer = send.destination;
  request->internal = internal;
  send.key = region == nullptr ? 0 : region->key;
  send.cookie = request->cookie;
  return posted(request, engine_->post_send(send), out);
}

Status tally_endpoint::check_length(std::size_t length) const {
  Status status = check_sign("length", length);
  if (status.ok() && length > capabilities().max_message) {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("length {}: engine '{}' takes {} bytes", length,
                                               capabilities().name, capabilities().max_message)};
  }
  return status;
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

Status tally_endpoint::start_receive(tally_group& group, void* buffer, std::size_t length, int source,
                                     int tag, tally_request** request) {
  tally::RecvDescriptor receive;
  Status status = set_pattern(group, source, tag, &receive);
  if (status.ok()) status = check_length(length);
  tally_memory* region = nullptr;
  if (status.ok()) status = find_region("buffer", buffer, length, &region);
  if (!status.ok()) return status;
  receive.buffer = buffer;
  receive.length = length;
  return post_receive(receive, group, region, false, request);
}

Status tally_endpoint::post_receive(tally::RecvDescriptor receive, tally_group& group, tally_memory* region,
                                    bool internal, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kReceive, group);
  request->regions[0] = region;
  request->length = receive.length;
  request->internal = internal;
  receive.key = region == nullptr ? 0 : region->key;
  receive.cookie = request->cookie;
  return posted(request, engine_->post_recv(receive), out);
}

Status tally_endpoint::check_vector(std::size_t count, tally_dtype dtype, std::uint64_t* bytes) const {
  const std::size_t element = tally::numerics::element_bytes(dtype);
  if (element == 0) return bad_argument("dtype {} is not an element type", static_cast<int>(dtype));
  Status status = check_sign("count", count);
  if (!status.ok()) return status;
  if (count > capabilities().max_message / element) {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("count {} of {} bytes each: engine '{}' takes {} bytes", count,
                                               element, capabilities().name, capabilities().max_message)};
  }
  *bytes = count * element;
  return {};
}

Status tally_endpoint::start_allreduce(tally_group& group, const void* input, void* output, std::size_t count,
                                       tally_dtype dtype, tally_op op, tally_request** request) {
  std::uint64_t bytes = 0;
  Status status = check_vector(count, dtype, &bytes);
  if (!status.ok()) return status;
  if (tally::api::op_name(op) == nullptr || op == TALLY_OP_NONE) {
    return bad_argument("op {} is not a reduction", static_cast<int>(op));
  }
  if (!tally::numerics::reduces(dtype, op)) {
    return bad_argument("dtype {}: {} does not reduce it", tally::api::dtype_name(dtype),
                        tally::api::op_name(op));
  }
  if (bytes != 0 && input != output) {
    const auto in = reinterpret_cast<std::uintptr_t>(input);
    const auto out = reinterpret_cast<std::uintptr_t>(output);
    if ((in < out ? out - in : in - out) < bytes) {
      return bad_argument("input {} and output {} of {} bytes overlap and are not the same", input, output,
                          bytes);
    }
  }
  return start_collective(group, Collective::kAllreduce, 0, input, output, count, dtype, op, request);
}

Status tally_endpoint::start_bcast(tally_group& group, void* buffer, std::size_t count, tally_dtype dtype,
                                   int root, tally_request** request) {
  std::uint64_t bytes = 0;
  Status status = check_vector(count, dtype, &bytes);
  if (!status.ok()) return status;
  const int last = static_cast<int>(group.ranks.size()) - 1;
  if (root < 0 || root > last) return bad_argument("root {} is out of range (0 to {})", root, last);
  return start_collective(group, Collective::kBcast, root, buffer, buffer, count, dtype, TALLY_OP_NONE,
                          request);
}

Status tally_endpoint::start_barrier(tally_group& group, tally_request** request) {
  return start_collective(group, Collective::kBarrier, 0, nullptr, nullptr, 0, TALLY_BYTE, TALLY_OP_NONE,
                          request);
}

Status tally_endpoint::start_collective(tally_group& group, Collective collective, int root,
                                        const void* input, void* output, std::size_t count, tally_dtype dtype,
                                        tally_op op, tally_request** out) {
  const std::uint64_t bytes = count * tally::numerics::element_bytes(dtype);
  const bool bcast = collective == Collective::kBcast;
  tally_memory* input_region = nullptr;
  tally_memory* output_region = nullptr;
  Status status = find_region(bcast ? "buffer" : "input", input, bytes, &input_region);
  if (status.ok()) status = find_region(bcast ? "buffer" : "output", output, bytes, &output_region);
  if (!status.ok()) return status;
  if (broken(group.context)) {
    return {TALLY_ERR_ABORTED, fmt::format("group is broken: {}", broken_text(group.context))};
  }
  const tally::api::Compiled* compiled = nullptr;
  status = group.schedules.get(collective, root, bytes, &compiled);
  if (!status.ok()) return status;

  tally_request* request = new_request(tally_request::Kind::kCollective, group);
  request->regions[0] = input_region;
  request->regions[1] = output_region;
  request->length = bytes;
  request->count = count;
  request->dtype = dtype;
  request->op = op;
  request->seq = group.next_seq;

  tally::CollectiveDescriptor descriptor;
  descriptor.program = &compiled->program;
  descriptor.input = input;
  descriptor.output = output;
  descriptor.input_key = input_region == nullptr ? 0 : input_region->key;
  descriptor.output_key = output_region == nullptr ? 0 : output_region->key;
  descriptor.count = count;
  descriptor.dtype = dtype;
  descriptor.redop = op;
  descriptor.context = group.context;
  descriptor.seq = request->seq;
  descriptor.signature = compiled->signature;
  descriptor.cookie = request->cookie;
  status = posted(request, engine_->post_collective(descriptor), out);
  if (status.ok()) ++group.next_seq;
  return status;
}
