// SPDX-License-Identifier: BSD-3-Clause
// Header checks of received messages.
#include <gtest/gtest.h>

#include "bench.hpp"

namespace {

using namespace tally::test;
namespace device = tally::device;
using device::PacketType;
using device::QpKind;

constexpr unsigned kContext = 3;

TEST(Demux, messages_that_do_not_belong_are_discarded_and_counted) {
  Bench bench({});
  const std::vector<std::uint8_t> body(100, 7);
  const auto good = header(PacketType::kEager, kContext, 4, 2, 1, 100);
  const auto bad = [&](auto change, QpKind kind = QpKind::kMsg, unsigned ep = 2, unsigned peer = 4) {
    auto h = good;
    change(h);
    bench.inject(ep, peer, kind, h, body, false);
  };
  bad([](auto& h) { h.magic ^= 0x100; });
  bad([](auto& h) { h.version = 2; });
  bad([](auto& h) { h.dst_rank = 1; });
  bad([](auto& h) { h.src_rank = 5; });
  bad([](auto& h) { h.payload_len = 99; });
  bad([](auto& h) { h.length = 101; });
  bad([](auto& h) { h.ptype = 0; });
  bad([](auto& h) { h.ptype = 4; });
  bad([](auto& h) { h.ptype = static_cast<std::uint8_t>(PacketType::kRts); });
  bad([](auto& h) { h.ptype = static_cast<std::uint8_t>(PacketType::kFin); }, QpKind::kColl);
  bad([](auto& h) { h.ptype = static_cast<std::uint8_t>(PacketType::kColl); });
  bad([](auto& h) { h.ptype = static_cast<std::uint8_t>(PacketType::kColl); }, QpKind::kColl);
  bad([](auto&) {}, QpKind::kColl);
  const auto collective = [](auto& h) {
    h.ptype = static_cast<std::uint8_t>(PacketType::kColl);
    h.dst_rank = 0;
    h.lane = 4;
  };
  bad(collective, QpKind::kColl, 0);
  // A request of a lane that does not exist, with payload, on a Msg queue pair.
  const auto request = [](auto& h) {
    h.ptype = static_cast<std::uint8_t>(PacketType::kCollRequest);
    h.dst_rank = 0;
  };
  auto strange = header(PacketType::kCollRequest, kContext, 4, 0, 0);
  strange.lane = 4;
  bench.inject(0, 4, QpKind::kColl, strange, {}, false);
  bad(request, QpKind::kColl, 0);
  strange.lane = 0;
  bench.inject(0, 4, QpKind::kMsg, strange, {}, false);
  bench.inject(2, 4, QpKind::kMsg, header(PacketType::kRts, kContext, 4, 2, 1), {}, false,
               60);  // shorter than a header
  bench.expect_finished();
  EXPECT_EQ(bench.events[10], 18u);
  EXPECT_EQ(bench.resolved_cycles.size(), 18u);
  bench.inject(2, 4, QpKind::kMsg, good, body);
  bench.expect_finished();
  EXPECT_EQ(bench.reference.unexpected(2), 1u);
  EXPECT_EQ(bench.resolved_cycles.size(), 19u);
}

TEST(Demux, collective_messages_go_to_the_sequencer_whole) {
  BenchConfig config;
  config.stall_percent = 40;
  Bench bench(config);
  auto data = header(PacketType::kColl, kContext, 4, 0, 0, 130);
  data.lane = 3;
  const std::vector<std::uint8_t> body(130, 9);
  auto credit = header(PacketType::kCollCredit, kContext, 1, 0, 0);
  credit.length = 5;
  auto request = header(PacketType::kCollRequest, kContext, 1, 0, 0);
  request.lane = 3;
  for (int i = 0; i < 10; ++i) {
    bench.inject(0, 4, QpKind::kColl, data, body);
    bench.inject(0, 1, QpKind::kColl, credit);
    bench.inject(0, 1, QpKind::kColl, request);
    bench.inject(0, 1, QpKind::kMsg, header(PacketType::kEager, kContext, 1, 0, 5, 130), body);
  }
  bench.expect_finished();
  EXPECT_EQ(bench.to_sequencer.size(), 60u);
  EXPECT_EQ(bench.resolved_cycles.size(), 40u);
}

TEST(Demux, an_endpoint_that_is_not_enabled_gets_nothing) {
  BenchConfig config;
  Bench bench(config);
  bench.enable(0b1101);
  bench.run(3);
  bench.inject(1, 4, QpKind::kColl, header(PacketType::kFin, kContext, 4, 1, 0), {}, false);
  bench.expect_finished();
  EXPECT_EQ(bench.events[10], 1u);
  EXPECT_TRUE(bench.completions.empty());
}

}  // namespace
