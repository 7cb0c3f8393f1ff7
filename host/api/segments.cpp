// SPDX-License-Identifier: BSD-3-Clause
#include "api/segments.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"

namespace tally::api {

Status measure(const tally_segment* segments, std::size_t count, SegmentList* list) {
  if (count != 0 && segments == nullptr) return bad_argument("segments is NULL");
  SegmentList measured{segments, count, 0, nullptr};
  bool contiguous = true;
  std::byte* end = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const tally_segment& segment = segments[i];
    if (segment.length == 0) continue;
    if (segment.base == nullptr) return bad_argument("segments[{}].base is NULL", i);
    if (Status status = check_sign("segments: length of element", i, segment.length); !status.ok())
      return status;
    if (segment.length > PTRDIFF_MAX - measured.bytes)
      return bad_argument("segments: their length is more than an object can have, at element {}", i);
    auto* base = static_cast<std::byte*>(segment.base);
    if (measured.bytes == 0) measured.contiguous = base;
    contiguous = contiguous && (measured.bytes == 0 || base == end);
    end = base + segment.length;
    measured.bytes += segment.length;
  }
  if (!contiguous) measured.contiguous = nullptr;
  *list = measured;
  return {};
}

void StagingBuffer::FreePages::operator()(std::byte* pages) const noexcept { std::free(pages); }

void StagingBuffer::gather(const SegmentList& list) const noexcept {
  std::byte* to = memory.get();
  for (const tally_segment& segment : std::span(list.segments, list.count)) {
    if (segment.length == 0) continue;
    std::memcpy(to, segment.base, segment.length);
    to += segment.length;
  }
}

void StagingBuffer::scatter(std::size_t bytes) const noexcept {
  const std::byte* from = memory.get();
  for (const tally_segment& segment : segments) {
    const std::size_t part = std::min(bytes, segment.length);
    if (part == 0) continue;
    std::memcpy(segment.base, from, part);
    from += part;
    bytes -= part;
  }
}

StagingBuffer* StagingPool::take(std::size_t bytes) {
  const std::size_t capacity = std::bit_ceil(std::max(bytes, kSmallest));
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [capacity](const StagingBuffer* buffer) {
    return buffer->capacity == capacity;
  });
  if (found != idle_.rend()) {
    StagingBuffer* buffer = *found;
    std::swap(*found, idle_.back());
    idle_.pop_back();
    idle_bytes_ -= capacity;
    return buffer;
  }
  auto made = std::make_unique<StagingBuffer>();
  made->memory.reset(static_cast<std::byte*>(std::aligned_alloc(kSmallest, capacity)));
  if (made->memory == nullptr) throw std::bad_alloc();
  made->capacity = capacity;
  idle_.reserve(buffers_.size() + 1);  // so that giving it back cannot fail
  buffers_.push_back(std::move(made));
  return buffers_.back().get();
}

void StagingPool::give(Engine& engine, StagingBuffer* buffer) noexcept {
  const bool keep = idle_bytes_ + buffer->capacity <= kIdle;
  if (!keep && (!buffer->registered || engine.deregister_memory(buffer->region.key).ok())) {
    std::erase_if(buffers_, [buffer](const auto& each) { return each.get() == buffer; });
    return;
  }
  idle_.push_back(buffer);
  idle_bytes_ += buffer->capacity;
}

}  // namespace tally::api

using tally::Status;
using tally::api::SegmentList;
using tally::api::StagingBuffer;

Status tally_endpoint::stage(const SegmentList& list, StagingBuffer** out) {
  if (list.bytes > max_message_) {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("segments of {} bytes: engine '{}' takes {} bytes", list.bytes,
                                               capabilities().name, capabilities().max_message)};
  }
  StagingBuffer* buffer = staging_.take(list.bytes);
  if (!cache_ && !buffer->registered) {
    buffer->region.endpoint = this;
    buffer->region.base = buffer->memory.get();
    buffer->region.length = buffer->capacity;
    Status status = engine_->register_memory(buffer->region.base, buffer->capacity, &buffer->region.key);
    if (!status.ok()) {
      staging_.give(*engine_, buffer);
      return status;
    }
    buffer->registered = true;
  }
  *out = buffer;
  return {};
}

Status tally_endpoint::staged_region(StagingBuffer& buffer, std::size_t bytes, tally_memory** region) {
  if (cache_) return find_region("segments", buffer.memory.get(), bytes, nullptr, region);
  *region = &buffer.region;
  return {};
}

/// After the post of a message that goes through `buffer`.
Status tally_endpoint::staged(Status status, StagingBuffer* buffer, tally_request* request) {
  if (!status.ok()) {
    staging_.give(*engine_, buffer);
    return status;
  }
  request->staging = buffer;
  request->marks.staged = true;
  if (request->state == tally_request::State::kDone) end_staging(*request);
  return status;
}

void tally_endpoint::end_staging(tally_request& request) noexcept {
  StagingBuffer* buffer = request.staging;
  request.marks.staged = false;
  const tally_status status = request.completion.status;
  const bool received = request.kind == tally_request::Kind::kReceive &&
                        request.state != tally_request::State::kAbandoned &&
                        (status == TALLY_OK || status == TALLY_ERR_TRUNCATED);
  if (received) {
    const std::uint64_t bytes = std::min(request.completion.length, request.length);
    buffer->scatter(bytes);
    count_staged(bytes);
  }
  staging_.give(*engine_, buffer);
}

Status tally_endpoint::start_send(tally_group& group, const tally_segment* segments, std::size_t count,
                                  int destination, int tag, tally_request** request) {
  SegmentList list;
  Status status = tally::api::measure(segments, count, &list);
  if (!status.ok()) return status;
  if (list.bytes == 0 || list.contiguous != nullptr)
    return start_send(group, list.contiguous, list.bytes, destination, tag, false, request);
  tally::SendDescriptor send;
  tally_memory* region = nullptr;
  status = describe_send(group, nullptr, 0, destination, tag, false, &send, &region);
  StagingBuffer* buffer = nullptr;
  if (status.ok()) status = stage(list, &buffer);
  if (!status.ok()) return status;
  status = staged_region(*buffer, list.bytes, &region);
  if (status.ok()) {
    buffer->gather(list);
    send.buffer = buffer->memory.get();
    send.length = list.bytes;
    status = post_send(send, group, region, false, request);
  }
  if (status.ok()) count_staged(list.bytes);
  return staged(std::move(status), buffer, *request);
}

Status tally_endpoint::start_receive(tally_group& group, const tally_segment* segments, std::size_t count,
                                     int source, int tag, tally_request** request) {
  SegmentList list;
  Status status = tally::api::measure(segments, count, &list);
  if (!status.ok()) return status;
  if (list.bytes == 0 || list.contiguous != nullptr)
    return start_receive(group, list.contiguous, list.bytes, source, tag, request);
  tally::RecvDescriptor receive;
  tally_memory* region = nullptr;
  status = describe_receive(group, nullptr, 0, source, tag, &receive, &region);
  StagingBuffer* buffer = nullptr;
  if (status.ok()) status = stage(list, &buffer);
  if (!status.ok()) return status;
  status = staged_region(*buffer, list.bytes, &region);
  if (status.ok()) {
    buffer->segments.assign(list.segments, list.segments + list.count);
    receive.buffer = buffer->memory.get();
    receive.length = list.bytes;
    status = post_receive(receive, group, region, false, request);
  }
  return staged(std::move(status), buffer, *request);
}
