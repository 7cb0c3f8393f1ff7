// SPDX-License-Identifier: BSD-3-Clause
// tally_frame_tx: every frame byte for byte, sides, discarding, fairness and rate.
#include "tx_bench.hpp"

namespace {

using namespace tally::test;

struct Load {
  unsigned idle, stall;
};
class FrameTx : public ::testing::TestWithParam<Load> {};

TEST_P(FrameTx, frames_of_all_sources_are_right_to_the_last_byte) {
  Random random(seed(41));
  TxBench bench;
  for (unsigned qp = 0; qp < 256; ++qp)
    if (random.percent(90)) bench.connect(static_cast<std::uint8_t>(qp), true, random_route(random));
  bench.connect(7, false, random_route(random));
  for (unsigned s = 0; s < 4; ++s)
    for (unsigned n = 0; n < 250 * effort(); ++n)
      bench.queues[s].push_back(random_packet(random, random_opcode(random, s)));
  // Every length of the payload modulo the beat, behind all header lengths.
  for (unsigned bytes = 0; bytes < 140; ++bytes)
    for (const std::uint8_t opcode : {kSendOnly, kWriteOnly, kReadMiddle, kReadOnly}) {
      const unsigned s = opcode == kSendOnly || opcode == kWriteOnly ? 0 : 3;
      Packet packet = random_packet(random, opcode);
      if (bytes != 0 || opcode != kWriteOnly) packet.payload.assign(bytes, static_cast<std::uint8_t>(random.next()));
      bench.queues[s].push_back(packet);
    }
  for (int n = 0; !bench.done(); ++n) {
    ASSERT_LT(n, 400000 * static_cast<int>(effort())) << "no progress";
    bench.cycle(random, GetParam().idle, GetParam().stall);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(bench.discarded, 0u);
  for (int n = 0; n < 20; ++n) bench.cycle(random, 0, 0);
  EXPECT_TRUE(bench.dut->idle_o);
}
INSTANTIATE_TEST_SUITE_P(Load, FrameTx,
                         ::testing::Values(Load{0, 0}, Load{30, 0}, Load{0, 30}, Load{50, 50}));

/// Cycles a frame when `packet` comes from a source again and again.
double cycles_a_frame(const Packet& packet, unsigned source) {
  Random random(1);
  TxBench bench;
  bench.connect(packet.qp, true, Route{0, 0x02544C000001, 0, 0x0A540002, 0x123});
  const unsigned frames = 100;
  for (unsigned n = 0; n < frames; ++n) bench.queues[source].push_back(packet);
  while (!bench.done()) bench.cycle(random, 0, 0);
  const double cycles = static_cast<double>(bench.ends.back() - bench.ends[9]) / (frames - 10);
  std::printf("opcode 0x%02x, %zu bytes: %.2f cycles a frame\n", packet.opcode, packet.payload.size(),
              cycles);
  return cycles;
}

TEST(FrameTxRate, frames_follow_each_other_without_a_gap) {
  Packet packet;
  packet.payload.resize(72);  // a message of 8 bytes
  EXPECT_LE(cycles_a_frame(packet, 0), 3.01);
  packet.payload.resize(4096);
  EXPECT_LE(cycles_a_frame(packet, 0), 65.01);
  packet.opcode = kReadMiddle;
  EXPECT_LE(cycles_a_frame(packet, 3), 65.01);
  packet.opcode = kWriteOnly;
  EXPECT_LE(cycles_a_frame(packet, 0), 66.01);
  packet = Packet{};
  packet.opcode = kReadRequest;
  EXPECT_LE(cycles_a_frame(packet, 2), 2.01);
  packet.opcode = kAcknowledge;
  EXPECT_LE(cycles_a_frame(packet, 1), 1.01);
}

TEST(FrameTxRate, a_packet_needs_7_cycles_to_its_frame) {
  Random random(1);
  TxBench bench;
  bench.connect(0, true, Route{0, 1, 0, 2, 3});
  Packet packet;
  packet.payload.resize(72);
  bench.queues[0].push_back(packet);
  while (!bench.done()) bench.cycle(random, 0, 0);
  EXPECT_EQ(bench.began_at - bench.granted_at, 7u);
}

TEST(FrameTxOrder, acknowledgements_go_first_and_starve_nobody) {
  Random random(seed(42));
  TxBench bench;
  bench.connect(0, true, Route{0, 1, 0, 2, 3});
  for (unsigned s = 0; s < 4; ++s)
    for (int n = 0; n < 30; ++n) {
      Packet packet = random_packet(random, random_opcode(random, s));
      packet.qp = 0;
      bench.queues[s].push_back(packet);
    }
  while (!bench.done()) bench.cycle(random, 0, 0);
  unsigned count[4] = {};
  for (unsigned n = 0; n < 60; ++n) {
    EXPECT_EQ(bench.grants[n] == 1, n % 2 == 0) << n;
    ++count[bench.grants[n]];
  }
  EXPECT_EQ(count[0], 10u);
  EXPECT_EQ(count[2], 10u);
  EXPECT_EQ(count[3], 10u);
}

TEST(FrameTxOff, packets_of_a_disabled_device_are_discarded_with_their_beats) {
  Random random(seed(43));
  TxBench bench;
  bench.connect(0, true, Route{0, 1, 0, 2, 3});
  bench.dut->enable_i = 0;
  bench.connected[0] = false;  // as the model sees it
  for (int n = 0; n < 20; ++n) {
    Packet packet = random_packet(random, kSendOnly);
    packet.qp = 0;
    bench.queues[0].push_back(packet);
  }
  for (int n = 0; n < 3000; ++n) bench.cycle(random, 20, 20);
  EXPECT_TRUE(bench.done());
  EXPECT_EQ(bench.discarded, 20u);
  EXPECT_TRUE(bench.ends.empty());
}

TEST(FrameTxConnect, packets_of_queue_pairs_that_were_disconnected_are_discarded) {
  Random random(seed(44));
  TxBench bench;
  for (const bool up : {true, false, true}) {
    for (unsigned qp = 0; qp < 256; ++qp) bench.connect(static_cast<std::uint8_t>(qp), up, random_route(random));
    bench.discarded = bench.to_discard = 0;
    for (unsigned qp = 0; qp < 256; ++qp) {
      Packet packet = random_packet(random, kAcknowledge);
      packet.qp = static_cast<std::uint8_t>(qp);
      bench.queues[1].push_back(packet);
    }
    for (int n = 0; n < 3000 && !bench.done(); ++n) bench.cycle(random, 10, 10);
    EXPECT_TRUE(bench.done());
    EXPECT_EQ(bench.discarded, up ? 0u : 256u);
  }
}

}  // namespace
