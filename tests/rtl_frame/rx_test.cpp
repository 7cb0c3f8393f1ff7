// SPDX-License-Identifier: BSD-3-Clause
// tally_frame_rx: good frames come out whole, bad ones leave nothing and are counted, and nothing stops it.
#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "Vtally_frame_rx.h"
#include "frame.hpp"

namespace {

using namespace tally::test;

constexpr std::uint64_t kMac = 0x02544C000005;
constexpr std::uint32_t kIp = 0x0A540006;
constexpr std::uint32_t kQpnBase = 0x100;
constexpr std::uint8_t kClosed = 0xC3;  // a queue pair that is not connected

/// What a frame must lead to.
enum class Fate { kPacket, kDropped, kIcrcError };

/// A frame as its beats; `keep` of each.
struct Input {
  Bytes bytes;
  Fate fate = Fate::kPacket;
  Packet packet;
  std::vector<std::uint64_t> keep;  // empty: as the length says

  std::size_t beats() const { return keep.empty() ? beats_of(bytes.size()) : keep.size(); }
  std::uint64_t keep_at(std::size_t i) const {
    return keep.empty() ? keep_of(bytes.size() - 64 * i) : keep[i];
  }
};

Route route_to(std::uint8_t qp) { return {0x02544C000001, kMac, 0x0A540002, kIp, kQpnBase + qp}; }

Input good(const Packet& packet) {
  return {make_frame(packet, route_to(packet.qp)), Fate::kPacket, packet, {}};
}

Packet random_good(Random& random) {
  Packet packet = random_packet(random, kOpcodes[random.below(std::size(kOpcodes))]);
  if (packet.qp == kClosed) packet.qp = 0;
  return packet;
}

class RxBench {
 public:
  RxBench() {
    dut->in_valid_i = 0;
    dut->pkt_ready_i = 0;
    dut->beat_ready_i = 0;
    dut->enable_i = 1;
    dut->mac_i = kMac;
    dut->ip_i = kIp;
    for (unsigned qp = 0; qp < 256; ++qp) connect(qp, qp != kClosed);
  }

  void connect(unsigned qp, bool up) {
    dut.settle();  // ends the cycle before
    dut->conn_valid_i = 1;
    dut->conn_up_i = up;
    dut->conn_qp_i = static_cast<std::uint8_t>(qp);
    dut.step();
    dut->conn_valid_i = 0;
  }

  void send(unsigned input, const Input& frame) {
    queues[input].push_back(frame);
    if (frame.fate == Fate::kPacket) expected[input].push_back(frame.packet);
    want_dropped += frame.fate == Fate::kDropped;
    want_icrc += frame.fate == Fate::kIcrcError;
    ++want_packets;
  }

  void cycle(Random& random, unsigned idle, unsigned stall) {
    for (unsigned c = 0; c < 2; ++c) {
      if (!offered_[c]) offered_[c] = !queues[c].empty() && !random.percent(idle);
      dut->in_valid_i =
          static_cast<std::uint8_t>((dut->in_valid_i & ~(1u << c)) | unsigned{offered_[c]} << c);
      if (!offered_[c]) continue;
      const Input& frame = queues[c].front();
      put_beat(dut->in_data_i, beat_of(frame.bytes, at_[c], static_cast<std::uint8_t>(at_[c] * 37 + 0x5A)),
               c);
      put_bits(dut->in_keep_i, 64 * c, 64, frame.keep_at(at_[c]));
      const bool last = at_[c] + 1 == frame.beats();
      dut->in_last_i = static_cast<std::uint8_t>((dut->in_last_i & ~(1u << c)) | unsigned{last} << c);
    }
    dut->pkt_ready_i = !random.percent(stall);
    dut->beat_ready_i = !random.percent(stall);
    dut.settle();
    for (unsigned c = 0; c < 2; ++c) {
      if (!offered_[c] || (dut->in_ready_o >> c & 1) == 0) continue;
      offered_[c] = false;
      taken_at = dut.cycles;
      if (++at_[c] < queues[c].front().beats()) continue;
      at_[c] = 0;
      queues[c].pop_front();
    }
    dropped += dut->dropped_o;
    icrc_errors += dut->icrc_error_o;
    packets += dut->packet_o;
    if (dut->pkt_valid_o && dut->pkt_ready_i) {
      ASSERT_EQ(beats_left_, 0u);
      out_at = dut.cycles;
      out_ = get_info(dut->pkt_info_o);
      beats_left_ = beats_of(out_.payload.size());
      if (beats_left_ == 0) finish();
    } else if (dut->beat_valid_o && dut->beat_ready_i) {
      ASSERT_GT(beats_left_, 0u);
      const Beat beat = get_beat(dut->beat_data_o);
      const std::size_t at = 64 * (beats_of(out_.payload.size()) - beats_left_);
      for (std::size_t i = 0; i < 64 && at + i < out_.payload.size(); ++i) out_.payload[at + i] = beat[i];
      if (--beats_left_ == 0) finish();
    }
    dut.edge();
  }

  /// Until everything has its fate.
  void run(Random& random, unsigned idle, unsigned stall, int limit = 1000000) {
    for (int n = 0; n < limit && !done() && !::testing::Test::HasFatalFailure(); ++n)
      cycle(random, idle, stall);
    EXPECT_TRUE(done()) << "no progress: " << packets << " of " << want_packets << " frames";
    for (int n = 0; n < 30; ++n) cycle(random, 0, 0);
    EXPECT_EQ(dropped, want_dropped);
    EXPECT_EQ(icrc_errors, want_icrc);
    EXPECT_EQ(packets, want_packets);
    EXPECT_TRUE(dut->idle_o);
  }
  bool done() const {
    return queues[0].empty() && queues[1].empty() && expected[0].empty() && expected[1].empty() &&
           packets >= want_packets;
  }

  ModuleBench<Vtally_frame_rx> dut;
  std::array<std::deque<Input>, 2> queues;
  std::array<std::deque<Packet>, 2> expected;
  std::deque<std::uint64_t> ends;
  std::uint64_t taken_at = 0, out_at = 0;  // the last beat was taken, the last packet shown
  unsigned dropped = 0, icrc_errors = 0, packets = 0, want_dropped = 0, want_icrc = 0, want_packets = 0;

 private:
  void finish() {
    ends.push_back(dut.cycles);
    for (auto& queue : expected)
      if (!queue.empty() && queue.front() == out_) {
        queue.pop_front();
        return;
      }
    FAIL() << "a packet that is not the next of either input: opcode " << int{out_.opcode} << ", "
           << out_.payload.size() << " bytes";
  }

  bool offered_[2] = {};
  std::size_t at_[2] = {};
  Packet out_;
  std::size_t beats_left_ = 0;
};

/// A frame with one thing wrong; everything else, ICRC and checksum too, is right.
Input spoiled(Random& random) {
  const Packet packet = random_good(random);
  Input in = good(packet);
  Bytes& f = in.bytes;
  in.fate = Fate::kDropped;
  const auto change = [&](std::size_t at, std::uint8_t bits) {
    f[at] = static_cast<std::uint8_t>(f[at] ^ bits);
    checksum(f);
    seal(f);
  };
  const auto bit = [&] { return static_cast<std::uint8_t>(1u << random.below(8)); };
  switch (random.below(16)) {
    case 0:
      change(random.below(6), bit());
      break;  // another's MAC
    case 1:
      change(12 + random.below(2), bit());
      break;  // not IPv4
    case 2:
      change(14, bit());
      break;  // version, header length
    case 3:
      change(16 + random.below(2), bit());
      break;  // total length
    case 4:
      change(20, static_cast<std::uint8_t>(1u << random.below(6)));
      break;  // more fragments, offset
    case 5:
      change(23, bit());
      break;  // protocol
    case 6:
      change(30 + random.below(4), bit());
      break;  // destination address
    case 7:
      change(36 + random.below(2), bit());
      break;  // destination port
    case 8:
      change(38 + random.below(2), bit());
      break;  // UDP length
    case 9:
      change(43, static_cast<std::uint8_t>(1u << random.below(4)));
      break;  // BTH version
    case 10:
      change(44 + random.below(2), bit());
      break;  // P_Key
    case 11:
      change(47 + random.below(2), bit());
      break;  // QPN of nobody
    case 12:  // QPN not connected
      change(49, static_cast<std::uint8_t>(f[49] ^ kClosed));
      break;
    case 13: {  // opcodes that a device does not know
      std::uint8_t opcode = static_cast<std::uint8_t>(random.next());
      while (opcode == 0x04 || opcode == 0x0A || (opcode >= 0x0C && opcode <= 0x11)) ++opcode;
      change(42, static_cast<std::uint8_t>(f[42] ^ opcode));
      break;
    }
    case 14:  // IPv4 checksum
      f[24 + random.below(2)] ^= bit();
      break;
    default:  // ICRC
      in.fate = Fate::kIcrcError;
      f[f.size() - 1 - random.below(4)] ^= bit();
      break;
  }
  return in;
}

/// Beats that are no frame, or a frame with too few, too many or torn beats.
Input garbage(Random& random) {
  Input in = good(random_good(random));
  in.fate = Fate::kDropped;
  switch (random.below(7)) {
    case 0:
      in.bytes.resize(random.below(in.bytes.size()));
      break;  // truncated
    case 1:
      in.bytes.resize(in.bytes.size() + 1 + random.below(200));
      break;  // longer than it says
    case 2:
      in.bytes.resize(4300 + random.below(9000));
      break;  // without an end
    case 3:
      in.bytes.resize(1 + random.below(4200));
      for (auto& byte : in.bytes) byte = static_cast<std::uint8_t>(random.next());
      break;
    case 4:  // nothing but an end
      in.bytes.clear();
      break;
    default:  // holes in a beat
      in.keep.resize(in.beats());
      for (std::size_t i = 0; i < in.keep.size(); ++i) in.keep[i] = keep_of(in.bytes.size() - 64 * i);
      in.keep[random.below(in.keep.size())] &= ~(std::uint64_t{1} << random.below(2));
      break;
  }
  if (in.bytes.empty()) in.keep = {0};
  return in;
}

struct Load {
  unsigned idle, stall;
};
class FrameRx : public ::testing::TestWithParam<Load> {};

TEST_P(FrameRx, good_packets_come_out_and_bad_frames_leave_nothing) {
  Random random(seed(51));
  RxBench bench;
  for (unsigned c = 0; c < 2; ++c)
    for (unsigned n = 0; n < 600 * effort(); ++n) {
      const unsigned kind = static_cast<unsigned>(random.below(10));
      bench.send(c, kind < 6 ? good(random_good(random)) : kind < 8 ? spoiled(random) : garbage(random));
    }
  for (std::size_t bytes = 0; bytes < 140; ++bytes)
    for (const std::uint8_t opcode : {kSendOnly, kReadOnly, kWriteOnly}) {
      Packet packet = random_packet(random, opcode);
      packet.qp = 9;
      packet.payload.assign(opcode == kWriteOnly ? bytes + 1 : bytes, 0);
      for (auto& byte : packet.payload) byte = static_cast<std::uint8_t>(random.next());
      if (opcode == kWriteOnly) packet.dmalen = static_cast<std::uint32_t>(bytes + 1);
      bench.send(0, good(packet));
    }
  bench.run(random, GetParam().idle, GetParam().stall);
}
INSTANTIATE_TEST_SUITE_P(Load, FrameRx,
                         ::testing::Values(Load{0, 0}, Load{30, 0}, Load{0, 60}, Load{40, 90}));

// What the ICRC leaves out because routers may change it, and no other check looks at: the sender's MAC
// address, UDP checksum, BTH resv8a. (TOS and TTL are covered by the IPv4 checksum.)
bool free_byte(std::size_t byte) {
  return (byte >= 6 && byte < 12) || byte == 40 || byte == 41 || byte == 46;
}

TEST(FrameRxBits, every_flipped_bit_is_found) {
  Random random(seed(52));
  RxBench bench;
  for (const std::uint8_t opcode : kOpcodes) {
    Packet packet = random_packet(random, opcode);
    if (packet.qp == kClosed) packet.qp = 1;
    if (packet.has_payload()) packet.payload.resize(opcode == kSendOnly || opcode == kWriteOnly ? 150 : 13);
    if (opcode == kWriteOnly) packet.dmalen = 150;
    const Input whole = good(packet);
    for (std::size_t bit = 0; bit < whole.bytes.size() * 8; ++bit) {
      Input in = whole;
      in.bytes[bit / 8] = static_cast<std::uint8_t>(in.bytes[bit / 8] ^ 1u << (bit % 8));
      in.fate = free_byte(bit / 8) ? Fate::kPacket : Fate::kDropped;  // or kIcrcError: counted together
      bench.send(0, in);
    }
    bench.send(0, whole);
  }
  for (int n = 0; n < 400000 && !bench.done() && !HasFatalFailure(); ++n) bench.cycle(random, 0, 0);
  EXPECT_TRUE(bench.done());
  EXPECT_EQ(bench.dropped + bench.icrc_errors, bench.want_dropped + bench.want_icrc);
  EXPECT_EQ(bench.packets, bench.want_packets);
}

TEST(FrameRxWrite, write_whose_length_is_not_that_of_its_payload_is_discarded) {
  Random random(seed(56));
  RxBench bench;
  const auto send = [&](std::size_t bytes, std::uint32_t dmalen) {
    Packet packet = random_packet(random, kWriteOnly);
    packet.qp = 0x41;
    packet.payload.assign(bytes, 0x5C);
    packet.dmalen = dmalen;
    Input in = good(packet);
    if (bytes == 0 || bytes > 4096 || bytes != dmalen) in.fate = Fate::kDropped;
    bench.send(0, in);
  };
  for (const std::size_t bytes : {1u, 4u, 57u, 58u, 59u, 64u, 122u, 1024u, 4095u, 4096u}) {
    const auto right = static_cast<std::uint32_t>(bytes);
    for (const std::uint32_t dmalen : {right, right + 1, right - 1, right | 0x10000, right | 0x80000000, 0u})
      send(bytes, dmalen);
  }
  send(0, 0);
  send(0, 4);
  send(4097, 4097);
  send(4160, 4160);
  send(12, 12);
  EXPECT_EQ(bench.want_dropped, 10 * 5 + 4u);
  bench.run(random, 20, 20);
}

#ifndef TALLY_SMALL_STORE
TEST(FrameRxRoom, holds_four_long_packets_or_32_short_ones_and_makes_the_inputs_wait) {
  for (const std::size_t bytes : {4096u, 72u}) {
    Random random(seed(53));
    RxBench bench;
    Packet packet = random_packet(random, kSendOnly);
    packet.qp = 4;
    packet.payload.assign(bytes, 0x77);
    const unsigned frames = 100;
    for (unsigned n = 0; n < frames; ++n) bench.send(n % 2, good(packet));
    for (int n = 0; n < 8000; ++n) bench.cycle(random, 0, 100);  // the output takes nothing
    EXPECT_GE(bench.packets, bytes == 72 ? 32u : 4u);
    EXPECT_LT(bench.packets, frames);
    bench.run(random, 0, 0);
  }
}

/// Cycles a frame at the output.
double cycles_a_frame(const Packet& packet, unsigned inputs) {
  Random random(1);
  RxBench bench;
  for (unsigned n = 0; n < 200; ++n) bench.send(n % inputs, good(packet));
  bench.run(random, 0, 0);
  const double cycles = static_cast<double>(bench.ends.back() - bench.ends[19]) / 180;
  std::printf("opcode 0x%02x, %zu bytes, %u inputs: %.2f cycles a frame\n", packet.opcode,
              packet.payload.size(), inputs, cycles);
  return cycles;
}

TEST(FrameRxRate, frames_follow_each_other_without_a_gap) {
  for (const unsigned inputs : {1u, 2u}) {
    Packet packet;
    packet.payload.resize(72);
    EXPECT_LE(cycles_a_frame(packet, inputs), 3.01);
    packet.payload.resize(4096);
    EXPECT_LE(cycles_a_frame(packet, inputs), 65.01);
    packet.opcode = kWriteOnly;
    packet.dmalen = 4096;
    EXPECT_LE(cycles_a_frame(packet, inputs), 66.01);
    packet.dmalen = 0;
    packet.payload.clear();
    packet.opcode = kAcknowledge;
    EXPECT_LE(cycles_a_frame(packet, inputs), 1.01);
  }
}

#endif

TEST(FrameRxRate, a_packet_comes_4_cycles_after_its_last_beat) {
  Random random(1);
  RxBench bench;
  Packet packet;
  packet.payload.resize(72);
  bench.send(0, good(packet));
  bench.run(random, 0, 0);
  EXPECT_EQ(bench.out_at - bench.taken_at, 4u);
}

TEST(FrameRxEndless, a_frame_without_an_end_does_not_hold_up_the_other_input) {
  Random random(seed(54));
  RxBench bench;
  Input endless = good(random_good(random));
  endless.bytes.resize(64 * 5000);
  endless.fate = Fate::kDropped;
  bench.send(0, endless);
  for (int n = 0; n < 20; ++n) {
    Packet packet = random_packet(random, kAcknowledge);
    packet.qp = 3;
    bench.send(1, good(packet));
  }
  for (int n = 0; n < 500; ++n) bench.cycle(random, 0, 0);
  EXPECT_TRUE(bench.expected[1].empty());
  EXPECT_FALSE(bench.queues[0].empty());
  bench.run(random, 0, 0);
}

TEST(FrameRxConnect, frames_for_queue_pairs_that_were_disconnected_are_dropped) {
  Random random(seed(57));
  RxBench bench;
  for (const bool up : {false, true, false}) {
    for (unsigned qp = 0; qp < 256; ++qp) bench.connect(qp, up);
    for (unsigned qp = 0; qp < 256; ++qp) {
      Packet packet = random_packet(random, kAcknowledge);
      packet.qp = static_cast<std::uint8_t>(qp);
      Input in = good(packet);
      if (!up) in.fate = Fate::kDropped;
      bench.send(qp % 2, in);
    }
    bench.run(random, 10, 10);
  }
}

TEST(FrameRxOff, a_disabled_device_drops_every_frame) {
  Random random(seed(55));
  RxBench bench;
  bench.dut->enable_i = 0;
  for (int n = 0; n < 30; ++n) {
    Input in = good(random_good(random));
    in.fate = Fate::kDropped;
    bench.send(n % 2 == 0, in);
  }
  bench.run(random, 20, 20);
}

}  // namespace
