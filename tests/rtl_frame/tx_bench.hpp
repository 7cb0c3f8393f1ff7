// SPDX-License-Identifier: BSD-3-Clause
// tally_frame_tx with its four sources and both sides.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <functional>

#include "Vtally_frame_tx.h"
#include "frame.hpp"

namespace tally::test {

inline constexpr std::uint64_t kOwnMac = 0x02544C000003;
inline constexpr std::uint32_t kOwnIp = 0x0A540004;

class TxBench {
 public:
  TxBench() {
    dut->req_valid_i = 0;
    dut->beat_valid_i = 0;
    dut->net_ready_i = 0;
    dut->loop_ready_i = 0;
    dut->enable_i = 1;
    dut->mac_i = kOwnMac;
    dut->ip_i = kOwnIp;
  }

  void connect(std::uint8_t qp, bool up, const Route& route) {
    dut->conn_valid_i = 1;
    dut->conn_up_i = up;
    dut->conn_qp_i = qp;
    dut->conn_mac_i = route.dst_mac;
    dut->conn_ip_i = route.dst_ip;
    dut->conn_qpn_i = route.qpn;
    dut.settle();
    dut.edge();
    dut->conn_valid_i = 0;
    routes[qp] = route;
    connected[qp] = up;
  }

  /// One cycle: sources offer what is queued (idle percent of the cycles not), sides take frames.
  void cycle(Random& random, unsigned idle, unsigned stall) {
    for (unsigned s = 0; s < 4; ++s) {
      if (!offered_[s]) offered_[s] = !queues[s].empty() && !random.percent(idle);
      dut->req_valid_i =
          static_cast<std::uint8_t>((dut->req_valid_i & ~(1u << s)) | unsigned{offered_[s]} << s);
      if (offered_[s]) put_info(dut->req_info_i, queues[s].front(), s);
    }
    for (unsigned p = 0; p < 2; ++p) {
      if (!beat_offered_[p]) beat_offered_[p] = !bodies_[p].empty() && !random.percent(idle);
      dut->beat_valid_i =
          static_cast<std::uint8_t>((dut->beat_valid_i & ~(1u << p)) | unsigned{beat_offered_[p]} << p);
      if (beat_offered_[p]) put_beat(dut->beat_data_i, beat_of(bodies_[p].front(), at_[p], fill_), p);
    }
    dut->net_ready_i = !random.percent(stall);
    dut->loop_ready_i = !random.percent(stall);
    dut.settle();
    for (unsigned s = 0; s < 4; ++s) {
      if (!offered_[s] || (dut->req_ready_o >> s & 1) == 0) continue;
      offered_[s] = false;
      grants.push_back(s);
      granted_at = dut.cycles;
      const Packet& packet = queues[s].front();
      if (!packet.payload.empty()) bodies_[s == 3].push_back(packet.payload);
      if (connected[packet.qp]) {
        Route route = routes[packet.qp];
        route.src_mac = kOwnMac;
        route.src_ip = kOwnIp;
        expected[route.dst_mac == kOwnMac].push_back(make_frame(packet, route));
      } else {
        ++to_discard;
      }
      queues[s].pop_front();
    }
    for (unsigned p = 0; p < 2; ++p) {
      if (!beat_offered_[p] || (dut->beat_ready_o >> p & 1) == 0) continue;
      beat_offered_[p] = false;
      fill_ = static_cast<std::uint8_t>(random.next());
      if (++at_[p] == beats_of(bodies_[p].front().size())) {
        at_[p] = 0;
        bodies_[p].pop_front();
      }
    }
    discarded += dut->discarded_o;
    for (unsigned side = 0; side < 2; ++side) take(side);
    EXPECT_EQ(beat_, dut->beat_o != 0);
    EXPECT_EQ(ended_, dut->packet_o != 0);
    beat_ = ended_ = false;
    dut.edge();
  }

  bool done() const {
    for (unsigned s = 0; s < 4; ++s)
      if (!queues[s].empty()) return false;
    return expected[0].empty() && expected[1].empty() && bodies_[0].empty() && bodies_[1].empty() &&
           discarded == to_discard;
  }

  ModuleBench<Vtally_frame_tx> dut;
  std::array<std::deque<Packet>, 4> queues;
  std::array<Route, 256> routes;
  std::array<bool, 256> connected{};
  std::array<std::deque<Bytes>, 2> expected;  // network, loopback
  std::deque<unsigned> grants;
  std::deque<std::uint64_t> ends;  // cycles in which frames ended
  std::function<void(const Bytes&)> on_frame = [](const Bytes&) {};
  std::uint64_t granted_at = 0, began_at = 0;  // the last packet was taken, the last frame began
  unsigned discarded = 0, to_discard = 0;

 private:
  void take(unsigned side) {
    const bool valid = side == 0 ? dut->net_valid_o : dut->loop_valid_o;
    const bool ready = side == 0 ? dut->net_ready_i : dut->loop_ready_i;
    if (!valid || !ready) return;
    beat_ = true;
    if (frame_[side].empty()) began_at = dut.cycles;
    const Beat beat = side == 0 ? get_beat(dut->net_data_o) : get_beat(dut->loop_data_o);
    const std::uint64_t keep = side == 0 ? dut->net_keep_o : dut->loop_keep_o;
    const bool last = side == 0 ? dut->net_last_o : dut->loop_last_o;
    EXPECT_TRUE(last || keep == ~std::uint64_t{0});
    EXPECT_EQ(keep & (keep + 1), 0u);
    for (unsigned i = 0; i < 64; ++i)
      if ((keep >> i & 1) != 0) frame_[side].push_back(beat[i]);
    if (!last) return;
    ended_ = true;
    ends.push_back(dut.cycles);
    ASSERT_FALSE(expected[side].empty());
    ASSERT_EQ(frame_[side], expected[side].front());
    expected[side].pop_front();
    on_frame(frame_[side]);
    frame_[side].clear();
  }

  bool offered_[4] = {}, beat_offered_[2] = {}, beat_ = false, ended_ = false;
  std::deque<Bytes> bodies_[2];  // payload of packets that were taken
  std::size_t at_[2] = {};
  Bytes frame_[2];
  std::uint8_t fill_ = 0xA5;  // spare bytes of a last beat
};

/// Queue pair `qp` of a peer; one in eight is this device itself.
inline Route random_route(Random& random) {
  Route route;
  route.dst_mac = random.percent(12) ? kOwnMac : random.below(std::uint64_t{1} << 48);
  route.dst_ip = static_cast<std::uint32_t>(random.next());
  route.qpn = static_cast<std::uint32_t>(random.below(1u << 24));
  return route;
}

/// Opcodes of the four sources.
inline std::uint8_t random_opcode(Random& random, unsigned source) {
  const std::uint8_t responses[] = {kReadFirst, kReadMiddle, kReadLast, kReadOnly, kAcknowledge};
  switch (source) {
    case 0:
      return random.percent(50) ? kSendOnly : kWriteOnly;
    case 1:
      return kAcknowledge;
    case 2:
      return kReadRequest;
    default:
      return responses[random.below(5)];
  }
}

}  // namespace tally::test
