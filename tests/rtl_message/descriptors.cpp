// SPDX-License-Identifier: BSD-3-Clause
// Descriptors and message headers of the tests.
#include "bench.hpp"

namespace tally::test {

Descriptor send_desc(unsigned peer, unsigned context, std::uint32_t tag, std::uint64_t address,
                     std::uint32_t length, std::uint32_t cookie, std::uint32_t key) {
  return recv_desc(device::Opcode::kSend, peer, context, tag, 0, address, length, cookie, key);
}

Descriptor inline_desc(unsigned peer, unsigned context, std::uint32_t tag, std::uint32_t length,
                       std::uint32_t cookie) {
  Descriptor desc = recv_desc(device::Opcode::kSend, peer, context, tag, 0, 0, length, cookie, 0);
  desc.flags = device::kMsgFlagInline;
  for (unsigned i = 0; i < 32; ++i)
    reinterpret_cast<std::uint8_t*>(&desc)[32 + i] = static_cast<std::uint8_t>(cookie * 3 + i);
  return desc;
}

Descriptor recv_desc(device::Opcode opcode, unsigned peer, unsigned context, std::uint32_t tag,
                     unsigned handle, std::uint64_t address, std::uint32_t length, std::uint32_t cookie,
                     std::uint32_t key) {
  Descriptor desc{};
  desc.opcode = static_cast<std::uint8_t>(opcode);
  desc.peer = static_cast<std::uint16_t>(peer);
  desc.context_id = static_cast<std::uint16_t>(context);
  desc.tag = tag;
  desc.handle = static_cast<std::uint16_t>(handle);
  desc.addr = address;
  desc.length = length;
  desc.cookie = cookie;
  desc.key = key;
  return desc;
}

device::MsgHeader header(device::PacketType type, unsigned context, unsigned from, unsigned to, std::uint32_t tag,
                         unsigned payload) {
  device::MsgHeader h{};
  h.magic = device::kDeviceId;
  h.version = 1;
  h.ptype = static_cast<std::uint8_t>(type);
  h.src_rank = static_cast<std::uint16_t>(from);
  h.dst_rank = static_cast<std::uint16_t>(to);
  h.context_id = static_cast<std::uint16_t>(context);
  h.tag = tag;
  h.payload_len = static_cast<std::uint16_t>(payload);
  h.length = payload;
  return h;
}

}  // namespace tally::test
