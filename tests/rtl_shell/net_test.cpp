// SPDX-License-Identifier: BSD-3-Clause
// tally_net_tx and tally_net_rx: order, addressing, loopback and header checks under random back-pressure.
#include <gtest/gtest.h>

#include <deque>

#include "Vtally_net_rx.h"
#include "Vtally_net_tx.h"
#include "beats.hpp"
#include "support/seed.hpp"

namespace {

using tally::device::PacketType;
using tally::device::WireHeader;
using tally::test::as_beat;
using tally::test::as_header;
using tally::test::Beat;
using tally::test::ModuleBench;
using tally::test::Packet;
using tally::test::random_beat;

constexpr unsigned kNode = 3, kNodes = 8;
// Big-endian on the wire, read as a little-endian field.
constexpr std::uint16_t kEtherTypeSwapped = (tally::device::kEtherType & 0xff) << 8 | tally::device::kEtherType >> 8;

WireHeader header(PacketType type, unsigned dst, unsigned payload) {
  WireHeader h{};
  h.ptype = static_cast<std::uint8_t>(type);
  h.dst_node = static_cast<std::uint16_t>(dst);
  h.payload_len = static_cast<std::uint16_t>(payload);
  return h;
}

WireHeader received_header(PacketType type, unsigned src, unsigned payload) {
  WireHeader h = header(type, kNode, payload);
  h.src_node = static_cast<std::uint16_t>(src);
  h.ethertype = kEtherTypeSwapped;
  return h;
}

Packet packet(std::mt19937_64& random, const WireHeader& h) {
  Packet p{as_beat(h)};
  for (unsigned i = 0; i < (h.payload_len + 63u) / 64; ++i) p.push_back(random_beat(random));
  return p;
}

unsigned random_payload(std::mt19937_64& random) {
  return random() % 4 == 0 ? static_cast<unsigned>(random() % 4097) : static_cast<unsigned>(random() % 200);
}

class NetTx : public ::testing::TestWithParam<unsigned> {};  // percent of cycles with back-pressure

TEST_P(NetTx, packets_stay_whole_in_order_and_go_to_their_side) {
  std::mt19937_64 random(tally::test::seed(11));
  ModuleBench<Vtally_net_tx> dut;
  dut->node_i = kNode;
  std::deque<Packet> in[2], expect[2][2];  // [source unit] and [net, loop][source unit]
  for (unsigned unit = 0; unit < 2; ++unit)
    for (int i = 0; i < 300; ++i) {
      WireHeader h = header(PacketType::kEager, static_cast<unsigned>(random() % kNodes), random_payload(random));
      h.cookie = unit;  // tells the unit at the output
      in[unit].push_back(packet(random, h));
      expect[h.dst_node == kNode][unit].push_back(in[unit].back());
    }
  std::size_t at[2] = {0, 0}, left = 600;
  bool presented[2] = {false, false};
  Packet out[2];
  for (int cycle = 0; left > 0; ++cycle) {
    ASSERT_LT(cycle, 400000) << "no progress";
    for (unsigned u = 0; u < 2; ++u) {
      if (!presented[u]) presented[u] = !in[u].empty() && random() % 100 >= GetParam();
      dut->in_valid_i = static_cast<std::uint8_t>((dut->in_valid_i & ~(1u << u)) | (unsigned{presented[u]} << u));
      if (presented[u]) {
        tally::test::put_beat(dut->in_data_i, in[u].front()[at[u]], u);
        const bool last = at[u] + 1 == in[u].front().size();
        dut->in_last_i = static_cast<std::uint8_t>((dut->in_last_i & ~(1u << u)) | (unsigned{last} << u));
      }
    }
    dut->net_ready_i = random() % 100 >= GetParam();
    dut->loop_ready_i = random() % 100 >= GetParam();
    dut.settle();
    for (unsigned u = 0; u < 2; ++u)
      if ((dut->in_ready_o >> u & 1) && presented[u]) {
        presented[u] = false;
        if (++at[u] == in[u].front().size()) {
          in[u].pop_front();
          at[u] = 0;
        }
      }
    for (unsigned side = 0; side < 2; ++side) {
      const bool taken = side == 0 ? dut->net_valid_o && dut->net_ready_i : dut->loop_valid_o && dut->loop_ready_i;
      if (!taken) continue;
      out[side].push_back(side == 0 ? tally::test::get_beat(dut->net_data_o) : tally::test::get_beat(dut->loop_data_o));
      if (!(side == 0 ? dut->net_last_o : dut->loop_last_o)) continue;
      WireHeader h = as_header(out[side][0]);
      EXPECT_EQ(h.src_node, kNode);
      EXPECT_EQ(h.ethertype, kEtherTypeSwapped);
      EXPECT_EQ(h.dst_mac[4] << 8 | h.dst_mac[5], h.dst_node);
      EXPECT_EQ(h.src_mac[4] << 8 | h.src_mac[5], kNode);
      EXPECT_EQ(h.src_mac[0], tally::device::kMacPrefix >> 24);
      EXPECT_EQ(h.src_mac[3], tally::device::kMacPrefix & 0xff);
      if (side == 0) {
        const unsigned tail = h.payload_len % 64;
        EXPECT_EQ(dut->net_keep_o, tail == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << tail) - 1);
      }
      std::memset(h.dst_mac, 0, 6);
      std::memset(h.src_mac, 0, 6);
      h.ethertype = 0;
      h.src_node = 0;
      out[side][0] = as_beat(h);
      ASSERT_LT(h.cookie, 2u);
      auto& queue = expect[side][h.cookie];
      ASSERT_FALSE(queue.empty());
      EXPECT_EQ(out[side], queue.front());
      queue.pop_front();
      out[side].clear();
      --left;
    }
    dut.step();
  }
  dut->in_valid_i = 0;
  for (int i = 0; i < 3; ++i) dut.step();
  EXPECT_TRUE(dut->idle_o);
}
INSTANTIATE_TEST_SUITE_P(Backpressure, NetTx, ::testing::Values(0, 30, 80));

/// A packet for the receiver, and what must come out (empty: nothing).
struct Case {
  Packet in;
  Packet out;
  unsigned unit;
  unsigned drops;
};

Case make_case(std::mt19937_64& random) {
  static constexpr PacketType kTypes[] = {PacketType::kEager, PacketType::kRts, PacketType::kReadReq,
                                          PacketType::kReadData, PacketType::kCredit, PacketType::kColl,
                                          PacketType::kCollCredit, PacketType::kReadNak};
  const PacketType type = kTypes[random() % 8];
  const bool data = type == PacketType::kEager || type == PacketType::kReadData || type == PacketType::kColl;
  WireHeader h = received_header(type, static_cast<unsigned>(random() % kNodes), data ? random_payload(random) : 0);
  h.tag = static_cast<std::uint32_t>(random());
  Case c{packet(random, h), {}, type == PacketType::kColl || type == PacketType::kCollCredit, 0};
  switch (random() % 12) {
    case 0: h.ethertype = 0x0008; c.drops = 1; break;               // IPv4
    case 1: h.dst_node = kNode + 1; c.drops = 1; break;             // another's
    case 2: h.src_node = kNodes; c.drops = 1; break;                // outside the job
    case 3: h.ptype = 99; c.drops = 1; break;                       // unknown
    case 4: h.payload_len = 4097; c.drops = 1; break;               // too long
    case 5: h.lane = tally::device::kNumLanes; c.drops = 1; break;  // no such lane
    case 6:                                                         // longer than it says
      c.out = c.in;
      c.in.push_back(random_beat(random));
      c.drops = 1;
      return c;
    case 7:                                                         // shorter than it says
      c.out = c.in;
      if (c.in.size() > 2) {
        c.in.resize(c.in.size() - 2);
        c.out[c.out.size() - 1].fill(0);
        c.out[c.out.size() - 2].fill(0);
        c.drops = 1;
      }
      return c;
    default: break;
  }
  c.in[0] = as_beat(h);
  if (c.drops == 0) c.out = c.in;
  return c;
}

class NetRx : public ::testing::TestWithParam<unsigned> {};

TEST_P(NetRx, good_packets_reach_their_unit_and_bad_ones_are_counted) {
  std::mt19937_64 random(tally::test::seed(12));
  ModuleBench<Vtally_net_rx> dut;
  dut->node_i = kNode;
  dut->nodes_i = kNodes;
  std::deque<Packet> in[2], expect[2][2];  // [input]; [unit][input]
  std::size_t want = 0, drops_wanted = 0;
  for (unsigned input = 0; input < 2; ++input)
    for (int i = 0; i < 600; ++i) {
      Case c = make_case(random);
      // The input is told at the output by bit 0 of the tag.
      const auto mark = [&](Packet& p) {
        WireHeader h = as_header(p[0]);
        h.tag = (h.tag & ~1u) | input;
        p[0] = as_beat(h);
      };
      mark(c.in);
      in[input].push_back(c.in);
      drops_wanted += c.drops;
      if (c.out.empty()) continue;
      mark(c.out);
      expect[c.unit][input].push_back(c.out);
      ++want;
    }
  std::size_t at[2] = {0, 0}, drops = 0;
  bool presented[2] = {false, false};
  Packet out[2];
  for (int cycle = 0; want > 0 || !in[0].empty() || !in[1].empty(); ++cycle) {
    ASSERT_LT(cycle, 600000) << "no progress";
    for (unsigned u = 0; u < 2; ++u) {
      if (!presented[u]) presented[u] = !in[u].empty() && random() % 100 >= GetParam();
      dut->in_valid_i = static_cast<std::uint8_t>((dut->in_valid_i & ~(1u << u)) | (unsigned{presented[u]} << u));
      if (presented[u]) {
        tally::test::put_beat(dut->in_data_i, in[u].front()[at[u]], u);
        const bool last = at[u] + 1 == in[u].front().size();
        dut->in_last_i = static_cast<std::uint8_t>((dut->in_last_i & ~(1u << u)) | (unsigned{last} << u));
      }
    }
    dut->out_ready_i = static_cast<std::uint8_t>((random() % 100 >= GetParam()) | (random() % 100 >= GetParam()) << 1);
    dut.settle();
    drops += dut->dropped_o;
    for (unsigned u = 0; u < 2; ++u)
      if ((dut->in_ready_o >> u & 1) && presented[u]) {
        presented[u] = false;
        if (++at[u] == in[u].front().size()) {
          in[u].pop_front();
          at[u] = 0;
        }
      }
    for (unsigned unit = 0; unit < 2; ++unit) {
      if (!(dut->out_valid_o & dut->out_ready_i & 1u << unit)) continue;
      out[unit].push_back(tally::test::get_beat(dut->out_data_o));
      if (!dut->out_last_o) continue;
      auto& queue = expect[unit][as_header(out[unit][0]).tag & 1];
      ASSERT_FALSE(queue.empty());
      EXPECT_EQ(out[unit], queue.front());
      queue.pop_front();
      out[unit].clear();
      --want;
    }
    dut.step();
  }
  EXPECT_EQ(drops, drops_wanted);
  dut->in_valid_i = 0;
  for (int i = 0; i < 3; ++i) dut.step();
  EXPECT_TRUE(dut->idle_o);
}
INSTANTIATE_TEST_SUITE_P(Backpressure, NetRx, ::testing::Values(0, 30, 80));

}  // namespace
