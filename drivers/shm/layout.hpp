// SPDX-License-Identifier: BSD-3-Clause
// The shared-memory transport's area in the job segment: one ring for each ordered pair of ranks.
//
// A ring has one producer and one consumer and no lock. `tail` and `head` count bytes since the start of the
// job; a frame is a FrameHeader and its payload, padded to 64 bytes, and never wraps: where it would, a pad
// frame fills the rest of the ring.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tally::shm {

inline constexpr std::size_t kRingBytes = 256u << 10;  // power of two
inline constexpr std::size_t kFrameAlign = 64;

struct alignas(4096) Ring {
  alignas(64) std::atomic<std::uint64_t> tail;  ///< written by the producer
  alignas(64) std::atomic<std::uint64_t> head;  ///< written by the consumer
  alignas(4096) std::byte data[kRingBytes];
};
static_assert(sizeof(Ring) == 4096 + kRingBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Bytes of the area for a job of `ranks`; the ring from s to d is number s * ranks + d.
[[nodiscard]] constexpr std::uint64_t area_bytes(std::uint32_t ranks) noexcept {
  return std::uint64_t{ranks} * ranks * sizeof(Ring);
}

}  // namespace tally::shm
