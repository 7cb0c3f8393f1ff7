// SPDX-License-Identifier: BSD-3-Clause
// RoCEv2 frames, built byte by byte from docs/wire.md and the InfiniBand specification, independent of the
// RTL.
#pragma once

#include <cstdint>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace tally::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kSendOnly = 0x04, kWriteOnly = 0x0A, kReadRequest = 0x0C, kReadFirst = 0x0D, kReadMiddle = 0x0E,
                              kReadLast = 0x0F, kReadOnly = 0x10, kAcknowledge = 0x11;
inline constexpr std::uint8_t kOpcodes[] = {kSendOnly,   kWriteOnly, kReadRequest, kReadFirst,
                                            kReadMiddle, kReadLast,  kReadOnly,    kAcknowledge};

/// Fields of TxInfo and RxInfo (docs/device.md), and the payload.
struct Packet {
  std::uint8_t opcode = kSendOnly;
  std::uint8_t qp = 0;
  bool ackreq = false;
  std::uint32_t psn = 0;
  std::uint8_t syndrome = 0;
  std::uint32_t msn = 0;
  std::uint64_t va = 0;
  std::uint32_t rkey = 0, dmalen = 0;
  Bytes payload;

  bool has_aeth() const { return opcode >= kReadFirst && opcode != kReadMiddle; }
  bool has_reth() const { return opcode == kReadRequest || opcode == kWriteOnly; }
  bool has_payload() const { return opcode != kReadRequest && opcode != kAcknowledge; }
  bool operator==(const Packet&) const = default;
};

struct Route {
  std::uint64_t src_mac = 0, dst_mac = 0;
  std::uint32_t src_ip = 0, dst_ip = 0;
  std::uint32_t qpn = 0;
};

/// CRC-32 of IEEE 802.3, bit by bit.
inline std::uint32_t crc32(const Bytes& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

inline void put_be(Bytes& to, std::uint64_t value, unsigned count) {
  while (count-- > 0) to.push_back(static_cast<std::uint8_t>(value >> (8 * count)));
}

/// ICRC of a frame without its last four bytes.
inline std::uint32_t icrc(const Bytes& body) {
  Bytes counted(8, 0xFF);
  counted.insert(counted.end(), body.begin() + 14, body.end());
  for (const std::size_t variable : {15, 22, 24, 25, 40, 41, 46}) counted[8 + variable - 14] = 0xFF;
  return crc32(counted);
}

/// Puts the right ICRC at the end of a frame that has room for it.
inline void seal(Bytes& frame) {
  frame.resize(frame.size() - 4);
  const std::uint32_t crc = icrc(frame);
  for (unsigned i = 0; i < 4; ++i) frame.push_back(static_cast<std::uint8_t>(crc >> (8 * i)));
}

/// The right IPv4 checksum for the header as it stands.
inline void checksum(Bytes& frame) {
  frame[24] = frame[25] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 14; i < 34; i += 2) sum += static_cast<std::uint32_t>(frame[i] << 8 | frame[i + 1]);
  while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
  frame[24] = static_cast<std::uint8_t>(~sum >> 8);
  frame[25] = static_cast<std::uint8_t>(~sum);
}

inline Bytes make_frame(const Packet& packet, const Route& route) {
  const std::size_t pad = (4 - packet.payload.size() % 4) % 4;
  const std::size_t extension = packet.has_reth() ? 16 : packet.has_aeth() ? 4 : 0;
  const std::size_t udp = 8 + 12 + extension + packet.payload.size() + pad + 4;
  Bytes frame;
  put_be(frame, route.dst_mac, 6);
  put_be(frame, route.src_mac, 6);
  put_be(frame, 0x0800, 2);
  put_be(frame, 0x4500, 2);
  put_be(frame, 20 + udp, 2);
  put_be(frame, 0x0000, 2);
  put_be(frame, 0x4000, 2);
  put_be(frame, 64, 1);
  put_be(frame, 17, 1);
  put_be(frame, 0, 2);
  put_be(frame, route.src_ip, 4);
  put_be(frame, route.dst_ip, 4);
  put_be(frame, 0xC000u + packet.qp, 2);
  put_be(frame, 4791, 2);
  put_be(frame, udp, 2);
  put_be(frame, 0, 2);
  put_be(frame, packet.opcode, 1);
  put_be(frame, 0x40 | pad << 4, 1);
  put_be(frame, 0xFFFF, 2);
  put_be(frame, route.qpn, 4);
  put_be(frame, packet.ackreq ? 0x80 : 0, 1);
  put_be(frame, packet.psn, 3);
  if (packet.has_reth()) {
    put_be(frame, packet.va, 8);
    put_be(frame, packet.rkey, 4);
    put_be(frame, packet.dmalen, 4);
  } else if (packet.has_aeth()) {
    put_be(frame, packet.syndrome, 1);
    put_be(frame, packet.msn, 3);
  }
  frame.insert(frame.end(), packet.payload.begin(), packet.payload.end());
  frame.resize(frame.size() + pad + 4);
  checksum(frame);
  seal(frame);
  return frame;
}

/// Fields that the opcode does not have stay 0.
inline Packet random_packet(Random& random, std::uint8_t opcode) {
  Packet packet;
  packet.opcode = opcode;
  packet.qp = static_cast<std::uint8_t>(random.next());
  packet.ackreq = random.percent(30);
  packet.psn = static_cast<std::uint32_t>(random.below(1u << 24));
  if (packet.has_reth()) {
    packet.va = random.next();
    packet.rkey = static_cast<std::uint32_t>(random.next());
    packet.dmalen = static_cast<std::uint32_t>(random.next());
  }
  if (packet.has_aeth()) {
    packet.syndrome = static_cast<std::uint8_t>(random.next());
    packet.msn = static_cast<std::uint32_t>(random.below(1u << 24));
  }
  if (packet.has_payload()) {
    const std::uint64_t bound[] = {9, 300, 4097};
    packet.payload.resize(random.percent(5) ? 4096 : random.below(bound[random.below(3)]));
    // A WRITE of nothing is none, and its RETH tells the bytes.
    if (opcode == kWriteOnly && packet.payload.empty()) packet.payload.resize(1);
    for (auto& byte : packet.payload) byte = static_cast<std::uint8_t>(random.next());
  }
  if (opcode == kWriteOnly) packet.dmalen = static_cast<std::uint32_t>(packet.payload.size());
  return packet;
}

inline constexpr unsigned kInfoBits = 214;

/// TxInfo or RxInfo of a packet into a port that holds several.
template <class Port>
void put_info(Port& port, const Packet& packet, unsigned index = 0) {
  unsigned at = index * kInfoBits;
  const auto put = [&](unsigned width, std::uint64_t value) {
    put_bits(port, at, width, value);
    at += width;
  };
  put(8, packet.opcode);
  put(8, packet.qp);
  put(1, packet.ackreq);
  put(24, packet.psn);
  put(8, packet.syndrome);
  put(24, packet.msn);
  put(64, packet.va);
  put(32, packet.rkey);
  put(32, packet.dmalen);
  put(13, packet.payload.size());
}

/// The packet of an info, its payload all zero.
template <class Port>
Packet get_info(const Port& port) {
  Packet packet;
  unsigned at = 0;
  const auto get = [&](unsigned width) {
    const std::uint64_t value = get_bits(port, at, width);
    at += width;
    return value;
  };
  packet.opcode = static_cast<std::uint8_t>(get(8));
  packet.qp = static_cast<std::uint8_t>(get(8));
  packet.ackreq = get(1) != 0;
  packet.psn = static_cast<std::uint32_t>(get(24));
  packet.syndrome = static_cast<std::uint8_t>(get(8));
  packet.msn = static_cast<std::uint32_t>(get(24));
  packet.va = get(64);
  packet.rkey = static_cast<std::uint32_t>(get(32));
  packet.dmalen = static_cast<std::uint32_t>(get(32));
  packet.payload.resize(get(13));
  return packet;
}

/// Beat `index` of some bytes; what lies beyond their end is `fill`.
inline Beat beat_of(const Bytes& bytes, std::size_t index, std::uint8_t fill) {
  Beat beat;
  beat.fill(fill);
  for (std::size_t i = 0; i < beat.size() && index * beat.size() + i < bytes.size(); ++i)
    beat[i] = bytes[index * beat.size() + i];
  return beat;
}
inline std::size_t beats_of(std::size_t bytes) { return (bytes + 63) / 64; }
inline std::uint64_t keep_of(std::size_t bytes) {
  return bytes >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bytes) - 1;
}

}  // namespace tally::test
