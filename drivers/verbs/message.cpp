// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/message.hpp"

#include <cstring>

#include "engine/soft/rendezvous.hpp"

namespace tally::verbs {
namespace {

using device::PacketType;
using soft::FrameKind;

constexpr std::uint32_t kMagic = 0x594C4154;  // "TALY"
constexpr std::uint8_t kVersion = 1;
/// MsgHeader.flags of an Rts: the data are not to be taken before a receive has matched.
constexpr std::uint8_t kSynchronous = 0x80;
/// The same: the data can be read.
constexpr std::uint8_t kReadable = 0x40;
constexpr std::size_t kTakenAt = 2;  // of reserved0: byte 8 of the header

void begin(MsgHeader& header, std::uint8_t type, std::uint16_t source, std::uint16_t destination,
           std::uint32_t taken) noexcept {
  header = {};
  header.magic = kMagic;
  header.version = kVersion;
  header.ptype = type;
  header.src_rank = source;
  header.dst_rank = destination;
  set_taken(header, taken);
}

}  // namespace

void set_taken(MsgHeader& header, std::uint32_t taken) noexcept {
  std::memcpy(header.reserved0 + kTakenAt, &taken, sizeof taken);
}

void write_header(MsgHeader& header, const soft::FrameHeader& frame, const std::byte* payload,
                  std::uint16_t source, std::uint16_t destination, std::uint32_t taken,
                  std::uint32_t* payload_bytes) noexcept {
  auto type = static_cast<std::uint8_t>(kHostFrame + static_cast<std::uint8_t>(frame.kind));
  const bool short_length = frame.length <= UINT32_MAX;
  if (frame.kind == FrameKind::kMessage && frame.bytes == frame.length) {
    type = static_cast<std::uint8_t>(PacketType::kEager);
  } else if (frame.kind == FrameKind::kAsk && short_length) {
    type = static_cast<std::uint8_t>(PacketType::kRts);
  } else if (frame.kind == FrameKind::kDone) {
    type = static_cast<std::uint8_t>(PacketType::kFin);
  } else if (frame.kind == FrameKind::kCollective && short_length) {
    type = static_cast<std::uint8_t>(PacketType::kColl);
  }
  begin(header, type, source, destination, taken);
  header.context_id = frame.context;
  *payload_bytes = frame.bytes;
  switch (static_cast<PacketType>(type)) {
    case PacketType::kRts: {
      soft::Ask ask;
      std::memcpy(&ask, payload, sizeof ask);
      header.tag = frame.tag;
      header.length = static_cast<std::uint32_t>(frame.length);
      header.addr = ask.address;
      header.key = ask.key;
      header.cookie = ask.number;
      header.flags = static_cast<std::uint8_t>((ask.synchronous != 0 ? kSynchronous : 0) |
                                               (ask.readable != 0 ? kReadable : 0));
      *payload_bytes = 0;
      break;
    }
    case PacketType::kFin:
      header.cookie = frame.tag;
      *payload_bytes = 0;
      break;
    case PacketType::kColl:
      header.offset = frame.tag;
      header.count = static_cast<std::uint32_t>(frame.length);
      break;
    case PacketType::kEager:
      header.tag = frame.tag;
      header.length = static_cast<std::uint32_t>(frame.length);
      break;
    default:
      header.tag = frame.tag;
      header.addr = frame.length;
      break;
  }
  header.payload_len = static_cast<std::uint16_t>(*payload_bytes);
  header.seq = frame.seq;
  header.signature = frame.signature;
  header.dtype = frame.dtype;
  header.redop = frame.redop;
  header.lane = frame.lane;
}

void write_control(MsgHeader& header, Control kind, std::uint16_t source, std::uint16_t destination,
                   std::uint32_t taken, std::uint32_t payload_bytes) noexcept {
  begin(header, static_cast<std::uint8_t>(kind), source, destination, taken);
  header.payload_len = static_cast<std::uint16_t>(payload_bytes);
}

bool valid(const MsgHeader& header, std::size_t bytes, std::uint32_t source, std::uint32_t destination) noexcept {
  return bytes >= kHeaderBytes && header.magic == kMagic && header.version == kVersion &&
         header.src_rank == source && header.dst_rank == destination &&
         header.payload_len == bytes - kHeaderBytes;
}

bool read_frame(const MsgHeader& header, std::byte* payload, soft::FrameHeader* frame) noexcept {
  *frame = {.bytes = header.payload_len,
            .seq = header.seq,
            .kind = FrameKind::kMessage,
            .lane = header.lane,
            .dtype = header.dtype,
            .redop = header.redop,
            .context = header.context_id,
            .signature = header.signature,
            .tag = header.tag,
            .length = header.length};
  switch (static_cast<PacketType>(header.ptype)) {
    case PacketType::kEager:
      return header.length == header.payload_len;
    case PacketType::kRts: {
      soft::Ask ask;
      ask.address = header.addr;
      ask.number = header.cookie;
      ask.synchronous = (header.flags & kSynchronous) != 0 ? 1 : 0;
      ask.readable = (header.flags & kReadable) != 0 ? 1 : 0;
      ask.key = header.key;
      std::memcpy(payload, &ask, sizeof ask);
      frame->kind = FrameKind::kAsk;
      frame->bytes = sizeof ask;
      return header.payload_len == 0;
    }
    case PacketType::kFin:
      frame->kind = FrameKind::kDone;
      frame->tag = header.cookie;
      frame->bytes = 16;  // as the soft engine's notes, whose words nobody reads
      std::memset(payload, 0, 16);
      return header.payload_len == 0;
    case PacketType::kColl:
      frame->kind = FrameKind::kCollective;
      frame->tag = header.offset;
      frame->length = header.count;
      return true;
    default:
      break;
  }
  frame->length = header.addr;
  const unsigned kind = static_cast<unsigned>(header.ptype) - kHostFrame;
  if (kind < static_cast<unsigned>(FrameKind::kMessage) || kind > static_cast<unsigned>(FrameKind::kFetched))
    return false;
  frame->kind = static_cast<FrameKind>(kind);
  return header.payload_len <= soft::kMaxPayload;
}

std::uint32_t taken_of(const MsgHeader& header) noexcept {
  std::uint32_t taken = 0;
  std::memcpy(&taken, header.reserved0 + kTakenAt, sizeof taken);
  return taken;
}

}  // namespace tally::verbs
