// SPDX-License-Identifier: BSD-3-Clause
// Writes a capture of frames that tally_frame_tx made: every opcode, all sorts of lengths.
//
// usage: rtl_frame_capture FILE.pcap [BAD]   in every BAD-th frame one bit of BTH, payload or ICRC is flipped
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "sim/fabric/pcap.hpp"
#include "tally/device.hpp"
#include "tx_bench.hpp"

namespace {

using namespace tally::test;

/// A SEND of a device begins with a MsgHeader.
void message(Packet& packet) {
  tally::device::MsgHeader header{};
  header.magic = 0x594C4154;
  header.version = 1;
  header.ptype = 1;
  header.payload_len = static_cast<std::uint16_t>(packet.payload.size() - sizeof header);
  std::memcpy(packet.payload.data(), &header, sizeof header);
}

void add(TxBench& bench, Random& random, std::uint8_t opcode, std::size_t bytes) {
  Packet packet = random_packet(random, opcode);
  packet.qp = static_cast<std::uint8_t>(random.below(192));
  if (packet.has_payload()) {
    packet.payload.assign(opcode == kSendOnly    ? std::max(bytes, sizeof(tally::device::MsgHeader))
                          : opcode == kWriteOnly ? std::max<std::size_t>(bytes, 1)
                                                 : bytes,
                          0);
    for (auto& byte : packet.payload) byte = static_cast<std::uint8_t>(random.next());
  }
  if (opcode == kSendOnly) message(packet);
  if (opcode == kWriteOnly) packet.dmalen = static_cast<std::uint32_t>(packet.payload.size());
  const unsigned source = opcode == kSendOnly      ? 0
                          : opcode == kWriteOnly   ? 0
                          : opcode == kAcknowledge ? 1
                          : opcode == kReadRequest ? 2
                                                   : 3;
  // ACK, RNR NAK, NAK
  const std::uint8_t syndromes[] = {0x00, 0x1F, 0x21, 0x60, 0x62};
  if (opcode == kAcknowledge)
    packet.syndrome = syndromes[random.below(5)];
  else if (packet.has_aeth())
    packet.syndrome = 0;
  bench.queues[source].push_back(packet);
}

int capture(const char* path, unsigned bad) {
  Random random(seed(61));
  TxBench bench;
  for (unsigned qp = 0; qp < 192; ++qp) {
    const unsigned node = qp % 16;
    bench.connect(static_cast<std::uint8_t>(qp), true,
                  {0, 0x02544C000000u + node, 0, 0x0A540001 + node, 0x100 + (qp & 0xF0u) + 3});
  }
  for (std::size_t n = 0; n < 200; ++n)
    for (const std::uint8_t opcode : kOpcodes) add(bench, random, opcode, n < 140 ? n : random.below(4097));
  add(bench, random, kSendOnly, 4096);
  add(bench, random, kWriteOnly, 4096);
  add(bench, random, kReadMiddle, 4096);
  tally::sim::PcapWriter file(path);
  unsigned frames = 0;
  bench.on_frame = [&](const Bytes& whole) {
    Bytes frame = whole;
    ++frames;
    if (bad != 0 && frames % bad == 0) {
      const std::size_t at = 47 + random.below(frame.size() - 47);
      frame[at] = static_cast<std::uint8_t>(frame[at] ^ 1u << random.below(8));
    }
    file.write(bench.dut.cycles * 4000, std::as_bytes(std::span(frame)));
  };
  while (!bench.done()) bench.cycle(random, 20, 20);
  std::printf("%u frames\n", frames);
  return ::testing::Test::HasFailure() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: rtl_frame_capture FILE.pcap [BAD]\n");
    return 2;
  }
  try {
    return capture(argv[1], argc == 3 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rtl_frame_capture: %s\n", error.what());
    return 1;
  }
}
