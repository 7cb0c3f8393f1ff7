// SPDX-License-Identifier: BSD-3-Clause
// Sustained rates of the message path, in cycles a message, with memory as slow as a host's (600 ns).
#include <gtest/gtest.h>

#include <cstdio>

#include "bench.hpp"

namespace {

using namespace tally::test;
namespace device = tally::device;
using device::Opcode;

constexpr unsigned kMessages = 400;

BenchConfig fast() {
  BenchConfig config;
  config.read_latency = 150;
  config.write_latency = 150;
  config.network_latency = 1;
  config.ack_latency = 1;
  config.window_cells = 100000;
  return config;
}

// Of the middle half: neither the start nor the end.
double cycles_each(const char* what, const std::vector<std::uint64_t>& cycles) {
  EXPECT_GE(cycles.size(), kMessages);
  if (cycles.size() < 8) return 1e9;
  const std::size_t a = cycles.size() / 4, b = cycles.size() * 3 / 4;
  const double each = static_cast<double>(cycles[b] - cycles[a]) / static_cast<double>(b - a);
  std::printf("%s: %.2f cycles each\n", what, each);
  return each;
}

device::MsgHeader eager(std::uint32_t tag, unsigned bytes) {
  device::MsgHeader h{};
  h.magic = device::kDeviceId;
  h.version = 1;
  h.ptype = static_cast<std::uint8_t>(device::PacketType::kEager);
  h.src_rank = 4;
  h.dst_rank = 1;
  h.context_id = 3;
  h.tag = tag;
  h.payload_len = static_cast<std::uint16_t>(bytes);
  h.length = bytes;
  return h;
}

device::RecvDesc receive(std::uint32_t tag, unsigned handle, std::uint32_t cookie) {
  return recv_desc(Opcode::kRecv, 4, 3, tag, handle, Bench::recv_area(1) + 64 * (cookie % 16384), 8, cookie,
                   Bench::recv_key(1));
}

TEST(Rate, an_inline_send_takes_at_most_6_cycles) {
  Bench bench(fast());
  for (unsigned i = 0; i < kMessages; ++i) bench.submit(0, inline_desc(5, 3, 1, 8, i));
  bench.expect_finished();
  EXPECT_LE(cycles_each("inline 8-byte sends", bench.sent_cycles), 6.0);
}

TEST(Rate, inline_sends_of_four_endpoints_take_at_most_6_cycles) {
  Bench bench(fast());
  for (unsigned i = 0; i < kMessages; ++i) bench.submit(i % 4, inline_desc(5, 3, 1, 8, i));
  bench.expect_finished();
  EXPECT_LE(cycles_each("inline 8-byte sends of four endpoints", bench.sent_cycles), 6.0);
}

TEST(Rate, a_send_from_memory_takes_at_most_6_cycles) {
  Bench bench(fast());
  for (unsigned i = 0; i < kMessages; ++i) {
    bench.submit(0, send_desc(5, 3, 1, Bench::send_area(0) + 64 * i, 8, i, Bench::send_key(0)));
  }
  bench.expect_finished();
  EXPECT_LE(cycles_each("8-byte sends from memory", bench.sent_cycles), 6.0);
}

TEST(Rate, a_blocked_endpoint_does_not_slow_the_others) {
  BenchConfig config = fast();
  Bench bench(config);
  bench.cq_ok = 0b0001;
  for (unsigned e = 1; e < 4; ++e) bench.submit(e, inline_desc(5, 3, 1, 8, 1));
  for (unsigned i = 0; i < kMessages; ++i) bench.submit(0, inline_desc(5, 3, 1, 8, i));
  bench.run(kMessages * 12);
  EXPECT_LE(cycles_each("sends beside three blocked endpoints", bench.sent_cycles), 6.0);
  bench.cq_ok = 15;
  bench.expect_finished();
}

TEST(Rate, a_posted_receive_takes_at_most_6_cycles) {
  BenchConfig config = fast();
  config.posted = 16;
  Bench bench(config);
  bench.run(200);
  // Posted and taken back: two match operations each.
  for (unsigned i = 0; i < kMessages; ++i) {
    bench.submit(1, receive(1, i % 16, 2 * i));
    bench.submit(1, recv_desc(Opcode::kCancel, 0, 0, 0, i % 16, 0, 0, 2 * i + 1, 0));
  }
  bench.expect_finished();
  EXPECT_LE(cycles_each("receives posted and cancelled", bench.appended_cycles), 12.0);
}

TEST(Rate, an_8_byte_arrival_takes_at_most_8_cycles) {
  for (const bool posted : {true, false}) {
    BenchConfig config = fast();
    config.bounce = 16;
    Bench bench(config);
    // 16 at a time fit the small tables of this bench; each burst is timed by itself.
    double total = 0;
    unsigned bursts = 0;
    for (unsigned burst = 0; burst < kMessages / 16; ++burst) {
      for (unsigned i = 0; posted && i < 16; ++i) bench.submit(1, receive(i, i, burst * 16 + i));
      bench.run_until_idle();
      bench.hold_network = true;
      bench.resolved_cycles.clear();
      for (unsigned i = 0; i < 16; ++i) {
        bench.inject(1, 4, device::QpKind::kMsg, eager(i, 8),
                     std::vector<std::uint8_t>(8, static_cast<std::uint8_t>(i)));
      }
      bench.hold_network = false;
      bench.run_until_idle();
      ASSERT_EQ(bench.resolved_cycles.size(), 16u);
      total += static_cast<double>(bench.resolved_cycles.back() - bench.resolved_cycles.front()) / 15;
      ++bursts;
      for (unsigned i = 0; !posted && i < 16; ++i) bench.submit(1, receive(i, i, burst * 16 + i));
      bench.run_until_idle();
    }
    bench.expect_finished();
    std::printf("8-byte arrivals, %s: %.2f cycles each\n", posted ? "posted" : "unexpected", total / bursts);
    EXPECT_LE(total / bursts, 8.0);
  }
}

TEST(Rate, arrivals_are_spilled_at_most_8_cycles_each) {
  BenchConfig config = fast();
  config.bounce = 0;
  config.spill_log2 = 7;
  Bench bench(config);
  bench.run(200);
  for (unsigned i = 0; i < kMessages; ++i) {
    bench.inject(1, 4, device::QpKind::kMsg, eager(i, 8),
                 std::vector<std::uint8_t>(8, static_cast<std::uint8_t>(i)));
  }
  bench.expect_finished();
  EXPECT_LE(cycles_each("8-byte arrivals, spilled", bench.resolved_cycles), 8.0);
}

TEST(Rate, long_messages_move_a_beat_a_cycle) {
  BenchConfig config = fast();
  config.eager_max = device::kMaxPayload;
  config.bounce = 16;
  Bench bench(config);
  for (unsigned i = 0; i < 16; ++i) {
    bench.submit(
        1, recv_desc(Opcode::kRecv, 4, 3, 1, i, Bench::recv_area(1) + 4096 * i, 4096, i, Bench::recv_key(1)));
  }
  bench.run_until_idle();
  for (unsigned i = 0; i < 16; ++i) {
    bench.inject(1, 4, device::QpKind::kMsg, eager(1, 4032),
                 std::vector<std::uint8_t>(4032, static_cast<std::uint8_t>(i)));
  }
  bench.expect_finished();
  const auto& ends = bench.resolved_cycles;
  const double each = static_cast<double>(ends[14] - ends[2]) / 12;
  std::printf("4032-byte arrivals: %.1f cycles each (64 beats with the header)\n", each);
  EXPECT_LE(each, 69.0);
}

}  // namespace
