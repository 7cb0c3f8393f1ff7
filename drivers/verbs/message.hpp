// SPDX-License-Identifier: BSD-3-Clause
// What travels in a SEND: the message header of docs/wire.md, and a payload. Frames of the soft engine that a
// device knows are written as it would write them; the others have types of their own (docs/wire.md, "Hosts
// over verbs").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "drivers/verbs/device.hpp"
#include "engine/soft/transport.hpp"
#include "tally/device.hpp"

namespace tally::verbs {

using device::MsgHeader;

/// Messages that count, on the way from one rank to another: each has a receive buffer.
inline constexpr std::uint32_t kWindow = 32;  // power of two
/// Receive buffers for what does not count: at most four credits, each of a quarter of the window, the one that
/// follows a greeting, and what is sent once.
inline constexpr std::uint32_t kControls = 8;
/// Entries of the send queues of messages and of reads.
inline constexpr std::uint32_t kSendDepth = 64;
inline constexpr std::uint32_t kReadDepth = 16;
inline constexpr std::uint32_t kHeaderBytes = sizeof(MsgHeader);
inline constexpr std::uint32_t kBufferBytes = kHeaderBytes + soft::kMaxPayload;

/// MsgHeader.ptype of what only hosts send.
inline constexpr std::uint8_t kHostFrame = 0x80;  ///< plus FrameKind
enum class Control : std::uint8_t {
  kCredit = 0xC0,  ///< nothing but what all messages say: how many were taken
  kBye = 0xC1,     ///< the sender leaves; nothing comes behind it
  kByeSeen = 0xC2,
  kFailed = 0xC3,  ///< the job has failed at the sender's host
  kBroken = 0xC4,  ///< a context is broken: payload BrokenNote; counts as a frame
};

struct BrokenNote {
  std::uint32_t context;
  std::uint32_t rank;
  char reason[240];
};

/// Writes the header of a frame. `payload` is that of the frame; where it goes into the header, *payload_bytes
/// becomes 0.
void write_header(MsgHeader& header, const soft::FrameHeader& frame, const std::byte* payload,
                  std::uint16_t source, std::uint16_t destination, std::uint32_t taken,
                  std::uint32_t* payload_bytes) noexcept;
/// Of a Control.
void write_control(MsgHeader& header, Control kind, std::uint16_t source, std::uint16_t destination,
                   std::uint32_t taken, std::uint32_t payload_bytes) noexcept;

/// Whether a message of `bytes` is one of `source` to `destination`.
[[nodiscard]] bool valid(const MsgHeader& header, std::size_t bytes, std::uint32_t source,
                         std::uint32_t destination) noexcept;
/// The frame that a message stands for; false when it is no frame. A payload that stood in the header is
/// written to `payload`.
[[nodiscard]] bool read_frame(const MsgHeader& header, std::byte* payload, soft::FrameHeader* frame) noexcept;
/// Messages that counted and that the sender has taken from us (header.reserved0, modulo 2^32).
[[nodiscard]] std::uint32_t taken_of(const MsgHeader& header) noexcept;
void set_taken(MsgHeader& header, std::uint32_t taken) noexcept;

/// What a rank tells the others through the launcher.
struct Card {
  static constexpr std::uint64_t kMagic = 0x31306276'796c6174;  // "talyvb01"
  static constexpr std::uint32_t kOrder = 0x01020304;
  std::uint64_t magic = kMagic;
  std::uint32_t order = kOrder;
  std::uint32_t greeter_qpn = 0;
  std::uint64_t job = 0;
  std::uint16_t pointer_bytes = sizeof(void*);
  std::uint8_t reads_served = 0;  ///< RDMA READs of one peer that are served at once
  std::uint8_t reserved = 0;
  Address address;
  char device[40] = {};
};

/// A datagram by which two ranks connect; see greeter.hpp.
struct Greeting {
  static constexpr std::uint32_t kMagic = 0x47524254;
  std::uint32_t magic = kMagic;
  std::uint8_t accept = 0;  ///< 1: the sender takes messages on these queue pairs
  std::uint8_t reserved[3] = {};
  std::uint64_t job = 0;
  std::uint16_t source = 0;
  std::uint16_t destination = 0;
  std::uint32_t message_qpn = 0;
  std::uint32_t message_psn = 0;
  std::uint32_t read_qpn = 0;
  std::uint32_t read_psn = 0;
  std::uint32_t reserved1 = 0;
};
static_assert(sizeof(Greeting) == 40);

}  // namespace tally::verbs
