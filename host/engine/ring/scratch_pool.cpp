// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/scratch_pool.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tally::ring {

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kSmallest = std::uint64_t{64} << 10;

}  // namespace

void ScratchPool::FreePages::operator()(std::byte* p) const { std::free(p); }

Status ScratchPool::take(std::uint64_t bytes, int* index) {
  Buffer* best = nullptr;  // the smallest that is large enough, else the largest
  bool in_use = false;
  for (Buffer& buffer : buffers_) {
    in_use = in_use || buffer.used;
    if (buffer.used) continue;
    const bool enough = buffer.bytes >= bytes;
    if (best == nullptr ||
        (best->bytes >= bytes ? enough && buffer.bytes < best->bytes : buffer.bytes > best->bytes))
      best = &buffer;
  }
  if (best == nullptr) {
    if (buffers_.size() == most_) return {TALLY_AGAIN, "all scratch buffers are in use"};
    best = &buffers_.emplace_back();
  }
  if (best->bytes < bytes) {
    Status status = fill(*best, bytes);
    if (!status.ok()) return in_use ? Status{TALLY_AGAIN, status.message()} : status;
  }
  best->used = true;
  *index = static_cast<int>(best - buffers_.data());
  return {};
}

/// Memory of at least `bytes` in place of what the buffer has.
Status ScratchPool::fill(Buffer& buffer, std::uint64_t bytes) {
  const std::uint64_t size = std::max(kSmallest, std::bit_ceil(bytes));
  std::unique_ptr<std::byte, FreePages> memory(static_cast<std::byte*>(std::aligned_alloc(kPage, size)));
  if (memory == nullptr)
    return {TALLY_ERR_NO_MEMORY, "no memory for " + std::to_string(size) + " bytes of scratch"};
  std::memset(memory.get(), 0, size);  // pages that are there when the device comes
  if (buffer.bytes != 0) {
    buffer.bytes = 0;
    Status status = regions_.remove(buffer.key);
    if (!status.ok()) return status;
  }
  buffer.memory = std::move(memory);
  Status status = regions_.add(buffer.memory.get(), size, &buffer.key);
  if (!status.ok()) return {status.code(), "scratch: " + status.message()};
  buffer.bytes = size;
  return {};
}

}  // namespace tally::ring
