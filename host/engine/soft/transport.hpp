// SPDX-License-Identifier: BSD-3-Clause
// What the soft engine needs of a transport: ordered, reliable frames between the ranks of a job.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tally::soft {

inline constexpr std::uint32_t kMaxRanks = 64;
/// Largest payload of a frame, bytes: a multiple of every element size.
inline constexpr std::uint32_t kMaxPayload = 8192;

enum class FrameKind : std::uint8_t {
  kPad = 0,         ///< the transport's own
  kMessage = 1,     ///< first frame of a tagged message
  kMore = 2,        ///< next frame of the message that this sender began last
  kCollective = 3,  ///< packet of a (sender, context, lane) flow
};

/// Head of a frame; native byte order (both ends are processes of one host, or the transport converts).
struct FrameHeader {
  std::uint32_t bytes;  ///< payload bytes
  FrameKind kind;
  std::uint8_t lane;   ///< kCollective
  std::uint8_t dtype;  ///< kCollective: tally_dtype
  std::uint8_t redop;  ///< kCollective: tally_op
  std::uint16_t context;
  std::uint16_t seq;        ///< kCollective
  std::uint16_t signature;  ///< kCollective
  std::uint16_t reserved0;
  std::uint32_t tag;     ///< kMessage
  std::uint32_t packet;  ///< kCollective: number in its instruction
  std::uint64_t length;  ///< kMessage: bytes of the whole message
  std::uint64_t count;   ///< kCollective: elements of the vector
  std::uint64_t reserved1[3];
};
static_assert(sizeof(FrameHeader) == 64);

/// A frame in the transport's memory; `header.bytes` of payload follow, 64-byte aligned.
struct alignas(64) Frame {
  FrameHeader header;
  [[nodiscard]] std::byte* payload() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] const std::byte* payload() const noexcept {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
};
static_assert(sizeof(Frame) == 64);

/// Ordered for each pair of ranks. Sending to oneself works. One thread at a time; only wait() blocks.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual std::uint32_t rank() const noexcept = 0;
  [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
  /// Room for a frame with `bytes` (at most kMaxPayload) to `peer`, or nullptr when there is none now.
  /// The header is the caller's to fill, `bytes` included. One reservation at a time.
  [[nodiscard]] virtual Frame* reserve(std::uint32_t peer, std::uint32_t bytes) noexcept = 0;
  /// Sends the reserved frame.
  virtual void commit(std::uint32_t peer) noexcept = 0;
  /// The oldest frame from `peer`, or nullptr. Valid until pop().
  [[nodiscard]] virtual const Frame* front(std::uint32_t peer) noexcept = 0;
  virtual void pop(std::uint32_t peer) noexcept = 0;
  /// Wakes the peers that wait for what was committed or popped since the last flush.
  virtual void flush() noexcept = 0;
  /// Whether the peer has left the job: it will take nothing more.
  [[nodiscard]] virtual bool gone(std::uint32_t peer) const noexcept = 0;
  /// Sleeps until a frame is there, a reservation that failed since the last wait() may succeed, another rank
  /// wakes this one, or `timeout` is over.
  virtual void wait(std::chrono::microseconds timeout) noexcept = 0;
};

}  // namespace tally::soft
