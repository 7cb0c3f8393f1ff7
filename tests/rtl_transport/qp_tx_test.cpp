// SPDX-License-Identifier: BSD-3-Clause
// tally_qp_tx against a responder in C++ behind a channel that loses, copies and reorders.
#include "qp_tx_bench.hpp"

namespace tally::test {
namespace {

unsigned random_payload(Random& random) {
  switch (random.below(5)) {
    case 0:
      return 0;
    case 1:
      return 8;
    case 2:
      return static_cast<unsigned>(random.below(300));
    case 3:
      return 4032;
    default:
      return static_cast<unsigned>(random.below(4033));
  }
}

/// Random messages of all clients to a few peers, then everything must have arrived.
void random_program(std::uint64_t number, const Faults& faults, unsigned count, bool coll_write = true) {
  Random random(number);
  Bench bench(number + 1);
  bench.top.coll_write_i = coll_write;
  bench.faults = faults;
  // Peers next to each other, and from the last to the first.
  const unsigned peers = 1 + static_cast<unsigned>(random.below(3));
  const auto first_peer = static_cast<unsigned>(random.below(16));
  for (unsigned ep = 0; ep < 4; ++ep) {
    for (unsigned i = 0; i < peers; ++i) {
      const unsigned peer = (first_peer + i) % 16;
      bench.connect(ep << 4 | peer, true, static_cast<unsigned>(random.next()) & kPsnMask);
      bench.connect(64 | ep << 4 | peer, true, (0u - static_cast<unsigned>(random.below(20))) & kPsnMask);
    }
  }
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned i = 0; i < count; ++i) {
      const auto client = static_cast<unsigned>(random.below(3));
      const bool write = client == 2 && random.percent(60);
      const unsigned payload = client == 1 ? 0 : random_payload(random);
      bench.post(client, static_cast<unsigned>(random.below(4)),
                 (first_peer + static_cast<unsigned>(random.below(peers))) % 16,
                 write && coll_write && random.percent(30) ? 4096 : write ? payload + (payload == 0) : payload,
                 client == 0 && random.percent(70), client == 0, write);
    }
    bench.run_until_idle(3000000);
    for (const auto& [qp, ids] : bench.sent_to) bench.check_delivered(qp);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(bench.errors, 0u);
  EXPECT_EQ(bench.writes != 0, coll_write);
}

TEST(QpTx, delivers_in_order_over_a_clean_channel) {
  for (const unsigned stall : {0u, 40u}) {
    Faults faults;
    faults.stall = stall;
    faults.idle = stall;
    random_program(seed(1) + stall, faults, 250);
    random_program(seed(1) + stall + 1, faults, 150, false);
  }
}

TEST(QpTx, delivers_exactly_once_over_a_bad_channel) {
  const auto first = seed(2);
  for (unsigned i = 0; i < 6 * effort(); ++i) {
    Faults faults;
    faults.loss = i % 3 == 0 ? 10 : 3;
    faults.copy = 5;
    faults.reorder = 10;
    faults.ack_loss = i % 2 == 0 ? 30 : 5;
    faults.refuse = i % 3 == 1 ? 5 : 0;
    faults.stall = i % 2 == 0 ? 30 : 0;
    faults.idle = i % 4 == 0 ? 20 : 0;
    faults.delay = i % 2 == 0 ? 20 : 300;
    Random random(first + i);
    SCOPED_TRACE(first + i);
    random_program(first + 100 * i, faults, 150);
  }
}

TEST(QpTx, window_bounds_the_cells_of_a_queue_pair) {
  Bench bench(seed(3));
  bench.top.tx_window_i = 17;
  bench.connect(1, true, 0);
  bench.responders[1].dead = true;
  bench.connect(2, true, 0);
  for (unsigned i = 0; i < 30; ++i) bench.post(0, 0, 1, 8, true, true);
  for (unsigned i = 0; i < 1000; ++i) bench.cycle();
  EXPECT_EQ(bench.cells_used[1], 17u);
  EXPECT_EQ(bench.entered[0], 17u);
}

TEST(QpTx, dead_peer_fails_its_sends_and_reports_once) {
  Bench bench(seed(4));
  bench.top.retry_timer_i = 300;
  bench.top.retry_limits_i = 0x0702;
  bench.connect(0x13, true, 77);
  bench.connect(0x14, true, 78);
  bench.responders[0x13].dead = true;
  for (unsigned i = 0; i < 20; ++i) {
    bench.post(0, 1, 3, 100, true, true);
    bench.post(0, 1, 4, 100, true, true);
  }
  bench.run_until_idle(100000);
  // Sends after the failure end at once.
  const auto before = bench.cycles;
  bench.post(0, 1, 3, 8, true, true);
  bench.post(0, 1, 3, 8, true, false);
  bench.run_until_idle(1000);
  EXPECT_LT(bench.cycles - before, 100u);
  bench.check_delivered(0x14);
  EXPECT_EQ(bench.errors, 1u);
  EXPECT_EQ(bench.timeouts, 3u);  // two tries, then the end
  unsigned reports = 0, failed = 0;
  for (const auto& c : bench.completions) {
    if (c.opcode == kQpErrorOpcode) {
      ++reports;
      EXPECT_EQ(c.ep, 1u);
      EXPECT_EQ(c.source, 3u);
      EXPECT_EQ(c.detail, 0u);
      EXPECT_EQ(c.status, kRetryExceeded);
    } else if (c.status != 0) {
      ++failed;
      EXPECT_EQ(c.status, kRetryExceeded);
      EXPECT_EQ(c.length, 0u);
      EXPECT_EQ(bench.messages[c.cookie].peer, 3u);
    }
  }
  EXPECT_EQ(reports, 1u);
  EXPECT_EQ(failed, 21u);
  // Connected again, it works again, and no cell was lost.
  bench.sent_to[0x13].clear();
  bench.completions.clear();
  bench.connect(0x13, true, 500);
  for (unsigned i = 0; i < 40; ++i) bench.post(0, 1, 3, 4032, true, true);
  bench.run_until_idle(100000);
  bench.check_delivered(0x13);
}

TEST(QpTx, refusals_end_a_queue_pair_only_at_their_limit) {
  {
    Bench bench(seed(5));
    bench.top.retry_limits_i = 0x0307;
    bench.connect(0x45, true, 0xfffffe);
    bench.faults.refuse = 100;
    for (unsigned i = 0; i < 3; ++i) bench.post(1, 0, 5, 0, false, false);
    bench.run_until_idle(100000);
    EXPECT_EQ(bench.errors, 1u);
    ASSERT_EQ(bench.completions.size(), 1u);
    EXPECT_EQ(bench.completions[0].opcode, kQpErrorOpcode);
    EXPECT_EQ(bench.completions[0].status, kRnrExceeded);
    EXPECT_EQ(bench.completions[0].detail, 1u);
    EXPECT_EQ(bench.completions[0].source, 5u);
  }
  // Limit 7: never.
  Bench patient(seed(5));
  patient.connect(0x45, true, 0xfffffe);
  patient.faults.refuse = 100;
  patient.post(1, 0, 5, 0, false, false);
  for (unsigned i = 0; i < 60000; ++i) patient.cycle();
  EXPECT_EQ(patient.errors, 0u);
  patient.faults.refuse = 0;
  patient.run_until_idle(10000);
  patient.check_delivered(0x45);
}

TEST(QpTx, refused_packet_waits_as_long_as_its_code_says) {
  // Codes of the InfiniBand specification in units of 10 us; 0 is the longest.
  constexpr unsigned kUnits[32] = {65536, 1,    2,    3,    4,    6,    8,    12,   16,   24,    32,
                                   48,    64,   96,   128,  192,  256,  384,  512,  768,  1024,  1536,
                                   2048,  3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152};
  constexpr unsigned kLongest = 60000;  // cycles that are waited for the longer ones
  for (unsigned code = 0; code < 32; ++code) {
    Bench bench(seed(11) + code);
    bench.connect(0x45, true, 7);
    bench.rnr_code = code;
    bench.faults.refuse = 100;
    bench.post(1, 0, 5, 0, false, false);
    while (bench.packets_out == 0 && bench.cycles < 1000) bench.cycle();
    ASSERT_EQ(bench.packets_out, 1u);
    const auto refused = bench.cycles + 2 * bench.faults.delay;
    while (bench.packets_out == 1 && bench.cycles < refused + kLongest) bench.cycle();
    const auto waited = bench.cycles - refused;
    if (kUnits[code] * kRnrTick < kLongest) {
      EXPECT_GE(waited, kUnits[code] * kRnrTick - 5) << "code " << code;
      EXPECT_LE(waited, kUnits[code] * kRnrTick + 1000) << "code " << code;
    } else {
      EXPECT_EQ(bench.packets_out, 1u) << "code " << code;
    }
  }
}

TEST(QpTx, a_nak_other_than_for_a_gap_ends_the_queue_pair) {
  for (unsigned code = 1; code < 4; ++code) {  // invalid request, access, operation
    Bench bench(seed(12));
    bench.connect(0x13, true, 77);
    bench.responders[0x13].nak = code;
    for (unsigned i = 0; i < 3; ++i) bench.post(0, 1, 3, 100, true, true);
    bench.run_until_idle(20000);
    EXPECT_EQ(bench.errors, 1u);
    EXPECT_EQ(bench.timeouts, 0u);
    ASSERT_EQ(bench.completions.size(), 4u);
    for (const auto& c : bench.completions) EXPECT_EQ(c.status, kRetryExceeded);
  }
}

TEST(QpTx, unconnected_queue_pair_fails_its_sends_without_report) {
  Bench bench(seed(6));
  for (unsigned i = 0; i < 5; ++i) bench.post(0, 2, 9, 1000, true, true);
  bench.run_until_idle(2000);
  EXPECT_EQ(bench.packets_out, 0u);
  ASSERT_EQ(bench.completions.size(), 5u);
  for (const auto& c : bench.completions) EXPECT_EQ(c.status, kRetryExceeded);
}

TEST(QpTx, connecting_anew_ends_what_is_under_way_first) {
  Bench bench(seed(11));
  bench.connect(0x22, true, 1000);
  bench.responders[0x22].dead = true;
  bench.top.retry_timer_i = 100000;
  for (unsigned i = 0; i < 20; ++i) bench.post(0, 2, 2, 500, true, true);
  for (unsigned i = 0; i < 1000; ++i) bench.cycle();
  EXPECT_EQ(bench.completions.size(), 0u);
  bench.connect(0x22, true, 0xffffff);
  for (unsigned i = 0; i < 1000; ++i) bench.cycle();
  ASSERT_EQ(bench.completions.size(), 20u);
  for (unsigned i = 0; i < 20; ++i) {
    EXPECT_EQ(bench.completions[i].cookie, i);
    EXPECT_EQ(bench.completions[i].status, kRetryExceeded);
  }
  EXPECT_EQ(bench.errors, 0u);
  bench.sent_to.clear();
  bench.completions.clear();
  for (unsigned i = 0; i < 20; ++i) bench.post(0, 2, 2, 500, true, true);
  bench.run_until_idle(10000);
  bench.check_delivered(0x22);
  // Disconnected: the same, and nothing goes out.
  bench.connect(0x22, false, 0);
  const auto packets = bench.packets_out;
  bench.completions.clear();
  bench.post(0, 2, 2, 8, true, true);
  bench.run_until_idle(1000);
  ASSERT_EQ(bench.completions.size(), 1u);
  EXPECT_EQ(bench.completions[0].status, kRetryExceeded);
  EXPECT_EQ(bench.packets_out, packets);
}

TEST(QpTx, blocked_client_does_not_hold_up_the_others) {
  Bench bench(seed(7));
  bench.connect(1, true, 0);
  bench.connect(0x41, true, 0);
  bench.responders[0x41].dead = true;
  bench.top.retry_timer_i = 1000000;
  // Collective data fills its part; Fin and Msg still enter.
  for (unsigned i = 0; i < 150; ++i) bench.post(2, 0, 1, 4032, false, false);
  for (unsigned i = 0; i < 20000; ++i) bench.cycle();
  EXPECT_EQ(bench.entered[2], 1792u / 16u);
  for (unsigned i = 0; i < 100; ++i) bench.post(1, 0, 1, 0, false, false);
  for (unsigned i = 0; i < 100; ++i) bench.post(0, 0, 1, 8, true, true);
  for (unsigned i = 0; i < 5000; ++i) bench.cycle();
  EXPECT_EQ(bench.entered[1], 100u);
  EXPECT_EQ(bench.entered[0], 100u);
  bench.check_delivered(1);
}

TEST(QpTx, message_of_a_collective_goes_out_while_it_enters) {
  for (const unsigned payload : {8u, 4032u}) {
    Bench bench(seed(13));
    bench.connect(0x41, true, 0);
    bench.post(2, 0, 1, payload, false, false);
    while (bench.packets_out == 0 && bench.cycles < 1000) bench.cycle();
    EXPECT_LE(bench.first_request - bench.first_entry, 4u);
    EXPECT_LE(bench.first_out - bench.first_entry, 7u);
    EXPECT_LE(bench.last_out - bench.last_entry, 7u);
    bench.run_until_idle(10000);
    bench.check_delivered(0x41);
  }
  // Payload of the others may be long in coming: they wait for their last beat.
  Bench bench(seed(13));
  bench.connect(1, true, 0);
  bench.post(0, 0, 1, 4032, true, true);
  bench.run_until_idle(10000);
  bench.check_delivered(1);
  EXPECT_GT(bench.first_request, bench.last_entry);
  EXPECT_LE(bench.first_request - bench.last_entry, 4u);
}

// The header becomes the RETH as soon as it comes; the payload follows the writer.
TEST(QpTx, rdma_write_of_a_collective_goes_out_while_it_enters) {
  for (const unsigned payload : {1u, 64u, 65u, 256u, 257u, 4032u, 4095u, 4096u}) {
    for (const unsigned idle : {0u, 60u}) {
      Bench bench(seed(18) + payload + idle);
      bench.top.coll_write_i = 1;
      bench.faults.idle = idle;
      bench.connect(0x41, true, 0);
      for (unsigned i = 0; i < 3; ++i) bench.post(2, 0, 1, payload, false, false, true);
      while (bench.packets_out == 0 && bench.cycles < 1000) bench.cycle();
      EXPECT_LE(bench.first_request - bench.first_entry, 4u);
      bench.run_until_idle(10000);
      bench.check_delivered(0x41);
      EXPECT_EQ(bench.writes, 3u);
    }
  }
}

TEST(QpTx, full_rdma_writes_take_16_cells_each) {
  Bench bench(seed(19));
  bench.top.coll_write_i = 1;
  bench.connect(0x41, true, 0);
  bench.responders[0x41].dead = true;
  bench.top.retry_timer_i = 1000000;
  for (unsigned i = 0; i < 150; ++i) bench.post(2, 0, 1, 4096, false, false, true);
  for (unsigned i = 0; i < 20000; ++i) bench.cycle();
  EXPECT_EQ(bench.entered[2], 1792u / 16u);
}

TEST(QpTx, packet_lost_while_it_entered_comes_again_whole) {
  for (const unsigned payload : {8u, 1000u, 4032u, 4096u}) {
    for (const unsigned idle : {0u, 70u}) {
      Bench bench(seed(14) + payload + idle);
      bench.connect(0x41, true, 0xffffff);
      bench.faults.loss = 100;
      bench.faults.idle = idle;
      bench.top.coll_write_i = payload == 4096;
      bench.post(2, 0, 1, payload, false, false, payload == 4096);
      while (bench.packets_out == 0 && bench.cycles < 5000) bench.cycle();
      bench.faults.loss = 0;
      for (unsigned i = 0; i < 3; ++i) bench.post(2, 0, 1, payload, false, false, payload == 4096);
      bench.run_until_idle(20000);
      bench.check_delivered(0x41);
      EXPECT_GE(bench.retransmits, 1u);
      EXPECT_EQ(bench.errors, 0u);
    }
  }
}

// Answers of all kinds to earlier packets meet one that is half written and half read.
TEST(QpTx, answers_come_while_packets_enter_and_leave) {
  const auto first = seed(15);
  for (unsigned run = 0; run < 12 * effort(); ++run) {
    SCOPED_TRACE(first + run);
    Random random(first + run);
    Bench bench(first + 100 + run);
    bench.top.retry_timer_i = 300;
    bench.top.coll_write_i = run % 4 != 3;
    bench.faults.idle = 20 + run % 3 * 30;
    bench.faults.stall = run % 2 * 40;
    bench.faults.delay = 1 + run % 4 * 10;
    bench.faults.loss = run % 3 == 0 ? 15 : 2;
    bench.faults.refuse = run % 3 == 1 ? 15 : 0;
    bench.faults.reorder = run % 3 == 2 ? 15 : 0;
    bench.faults.copy = 5;
    for (unsigned peer = 0; peer < 2; ++peer) bench.connect(0x40 | peer, true, (0u - 9u) & kPsnMask);
    bench.connect(0, true, 5);
    for (unsigned i = 0; i < 60; ++i) {
      const unsigned client = random.percent(80) ? 2 : 1;
      const unsigned payload = client == 1 ? 0 : random_payload(random);
      bench.post(client, 0, static_cast<unsigned>(random.below(2)), payload, false, false,
                 client == 2 && payload != 0 && random.percent(70));
      if (random.percent(10)) bench.post(0, 0, 0, random_payload(random), true, true);
      for (auto wait = random.below(200); wait > 0; --wait) bench.cycle();
    }
    bench.run_until_idle(1000000);
    for (const auto& [qp, ids] : bench.sent_to) bench.check_delivered(qp);
    EXPECT_EQ(bench.errors, 0u);
    if (::testing::Test::HasFailure()) return;
  }
}

// The packet is not retired before it is whole.
TEST(QpTx, disconnecting_while_a_message_enters_loses_no_cell) {
  for (unsigned at = 0; at < 60; at += 7) {
    Bench bench(seed(16) + at);
    bench.connect(0x41, true, 100);
    bench.top.coll_write_i = at % 2;
    bench.faults.idle = 60;
    for (unsigned i = 0; i < 2; ++i) bench.post(2, 0, 1, 4032, false, false, true);
    while (bench.entered[2] == 0 && bench.cycles < 5000) bench.cycle();
    for (unsigned i = 0; i < at; ++i) bench.cycle();
    bench.connect_meanwhile(0x41, false, 0);
    bench.run_until_idle(10000);
    bench.sent_to.clear();
    bench.connect(0x41, true, 500);
    bench.faults.idle = 0;
    for (unsigned i = 0; i < 80; ++i) bench.post(2, 0, 1, 4032, false, false, true);
    bench.run_until_idle(100000);
    bench.check_delivered(0x41);
    EXPECT_EQ(bench.errors, 0u);
  }
}

TEST(QpTx, new_packets_of_a_collective_ask_for_one_acknowledgement_in_sixteen) {
  Bench bench(seed(17));
  bench.connect(0x41, true, 0);
  for (unsigned i = 0; i < 64; ++i) {
    bench.post(2, 0, 1, 8, false, false);
    for (unsigned n = 0; n < 40; ++n) bench.cycle();
  }
  EXPECT_EQ(bench.packets_out, 64u);
  EXPECT_EQ(bench.ack_requests, 4u);
  EXPECT_EQ(bench.timeouts, 0u);
}

// With 1792 cells, each full packet asks from the 84th on: 1344 are in use.
TEST(QpTx, packets_of_a_collective_ask_for_acknowledgements_while_cells_are_short) {
  Bench bench(seed(20));
  bench.connect(0x41, true, 0);
  bench.responders[0x41].dead = true;
  bench.top.retry_timer_i = 1000000;
  for (unsigned i = 0; i < 112; ++i) bench.post(2, 0, 1, 4032, false, false);
  for (unsigned i = 0; i < 20000 && bench.packets_out < 112; ++i) bench.cycle();
  EXPECT_EQ(bench.packets_out, 112u);
  EXPECT_GE(bench.ack_requests, 84u / 16u + 112u - 86u);
  EXPECT_LE(bench.ack_requests, 84u / 16u + 112u - 84u);
}

TEST(QpTx, small_messages_at_one_in_five_cycles_and_full_packets_at_one_beat_a_cycle) {
  {
    Bench bench(seed(8));
    for (unsigned p = 0; p < 4; ++p) bench.connect(p, true, 0);
    for (unsigned i = 0; i < 1000; ++i) bench.post(0, 0, i % 4, 8, true, true);
    bench.run_until_idle(20000);
    const double rate = static_cast<double>(bench.last_out - bench.first_entry) / 1000;
    std::printf("8-byte messages to 4 peers: %.2f cycles each; first beat out %llu cycles after the header\n",
                rate, static_cast<unsigned long long>(bench.first_out - bench.first_entry));
    EXPECT_LE(rate, 5.0);
    EXPECT_LE(bench.first_out - bench.first_entry, 8u);
  }
  {
    Bench bench(seed(9));
    bench.connect(1, true, 0);
    for (unsigned i = 0; i < 1000; ++i) bench.post(0, 0, 1, 8, true, true);
    bench.run_until_idle(20000);
    const double rate = static_cast<double>(bench.last_out - bench.first_entry) / 1000;
    std::printf("8-byte messages to one peer: %.2f cycles each\n", rate);
    EXPECT_LE(rate, 5.0);
  }
  {
    Bench bench(seed(10));
    bench.connect(1, true, 0);
    for (unsigned i = 0; i < 200; ++i) bench.post(0, 0, 1, 4032, true, true);
    bench.run_until_idle(40000);
    const double beats =
        static_cast<double>(bench.beats_out) / static_cast<double>(bench.last_out - bench.first_out + 1);
    std::printf("64-beat packets: %.3f beats a cycle\n", beats);
    EXPECT_GE(beats, 0.97);
  }
}

}  // namespace
}  // namespace tally::test
