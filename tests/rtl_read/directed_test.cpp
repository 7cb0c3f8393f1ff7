// SPDX-License-Identifier: BSD-3-Clause
// One device against a scripted peer, and the promised rates.
#include <gtest/gtest.h>

#include <algorithm>

#include "rtl_read/bench.hpp"

namespace {

using namespace tally::test;
using tally::device::Status;

constexpr unsigned kQp = 128 + 3;  // Read, endpoint 0, peer 3
constexpr std::uint32_t kKey = 0x4321;
constexpr std::uint32_t kTx = 0xfffffe, kRx = 0x000100;

struct Alone : Device {
  explicit Alone(DeviceConfig config = {}) : Device(config) {
    region(0, kKey, kBase, memory.size());
    connect(kQp, true, kTx, kRx);
  }
  void run(unsigned cycles) {
    while (cycles-- > 0) step();
  }
  Packet take() {
    for (int i = 0; i < 30000 && sent.empty(); ++i) step();
    EXPECT_FALSE(sent.empty());
    if (sent.empty()) return {};
    const Packet packet = sent.front();
    sent.pop_front();
    return packet;
  }
  void ask(std::uint32_t psn, std::uint64_t va, std::uint32_t bytes, std::uint32_t key = kKey) {
    Packet p;
    p.opcode = kRequest;
    p.qp = kQp;
    p.psn = psn & 0xffffff;
    p.va = va;
    p.rkey = key;
    p.dmalen = bytes;
    receive(p);
  }
  void expect_answer(unsigned opcode, std::uint32_t psn, std::uint64_t va, std::size_t bytes) {
    const Packet p = take();
    ASSERT_EQ(p.opcode, opcode);
    EXPECT_EQ(p.qp, kQp);
    EXPECT_EQ(p.psn, psn & 0xffffff);
    EXPECT_EQ(p.syndrome, 0u);
    ASSERT_EQ(p.data.size(), bytes);
    EXPECT_TRUE(std::equal(p.data.begin(), p.data.end(), memory.begin() + static_cast<std::ptrdiff_t>(va - kBase)));
  }
  void expect_nak(unsigned syndrome, std::uint32_t psn) {
    const Packet p = take();
    EXPECT_EQ(p.opcode, kAck);
    EXPECT_EQ(p.syndrome, syndrome);
    EXPECT_EQ(p.psn, psn & 0xffffff);
    EXPECT_EQ(p.data.size(), 0u);
  }
  void job(std::uint32_t cookie, std::uint32_t bytes, unsigned source = 3) {
    Matched m;
    m.source = source;
    m.length = m.room = bytes;
    m.cookie = cookie;
    m.key = kKey;
    m.addr = kBase + 4096;
    m.remote_addr = 0x5000000003;
    m.remote_key = 0x99;
    match(m);
  }
  /// Answers packets from `psn` on of bytes from `offset` on with the byte `fill`.
  void answer(std::uint32_t psn, std::size_t bytes, std::uint8_t fill, unsigned opcode = kMiddle) {
    Packet p;
    p.opcode = opcode;
    p.qp = kQp;
    p.psn = psn & 0xffffff;
    p.data.assign(bytes, fill);
    receive(p);
  }
  void nak(std::uint32_t psn, unsigned syndrome) {
    Packet p;
    p.opcode = kAck;
    p.qp = kQp;
    p.psn = psn & 0xffffff;
    p.syndrome = syndrome;
    receive(p);
  }
  void expect_request(std::uint32_t psn, std::uint64_t offset, std::uint32_t bytes) {
    const Packet p = take();
    EXPECT_EQ(p.opcode, kRequest);
    EXPECT_EQ(p.qp, kQp);
    EXPECT_EQ(p.psn, psn & 0xffffff);
    EXPECT_EQ(p.va, 0x5000000003 + offset);
    EXPECT_EQ(p.rkey, 0x99u);
    EXPECT_EQ(p.dmalen, bytes);
  }
  void expect_end(std::uint32_t cookie, Status status) {
    for (int i = 0; i < 30000 && completions.size() == ended_; ++i) step();
    ASSERT_GT(completions.size(), ended_);
    EXPECT_EQ(completions[ended_].cookie, cookie);
    EXPECT_EQ(completions[ended_].status, static_cast<unsigned>(status));
    ++ended_;
  }

 private:
  std::size_t ended_ = 0;
};

DeviceConfig small() {
  DeviceConfig config;
  config.pmtu = 256;
  return config;
}

TEST(ReadResponder, opcodes_follow_the_position_in_the_answer) {
  Alone device(small());
  device.ask(kRx, Device::kBase + 5, 600);
  device.ask(kRx + 3, Device::kBase + 1000, 256);
  device.ask(kRx + 4, Device::kBase + 77, 257);
  device.expect_answer(kFirst, kRx, Device::kBase + 5, 256);
  device.expect_answer(kMiddle, kRx + 1, Device::kBase + 261, 256);
  device.expect_answer(kLast, kRx + 2, Device::kBase + 517, 88);
  device.expect_answer(kOnly, kRx + 3, Device::kBase + 1000, 256);
  device.expect_answer(kFirst, kRx + 4, Device::kBase + 77, 256);
  device.expect_answer(kLast, kRx + 5, Device::kBase + 333, 1);
  device.run(50);
  EXPECT_TRUE(device.idle());
}

TEST(ReadResponder, every_path_mtu_cuts_its_answers) {
  for (const unsigned pmtu : {256u, 512u, 1024u, 2048u, 4096u}) {
    DeviceConfig config;
    config.pmtu = pmtu;
    Alone device(config);
    device.ask(kRx, Device::kBase + 3, 3 * pmtu + 1);
    device.ask(kRx + 4, Device::kBase + 9, 1);  // behind the PSNs of four packets
    device.expect_answer(kFirst, kRx, Device::kBase + 3, pmtu);
    device.expect_answer(kMiddle, kRx + 1, Device::kBase + 3 + pmtu, pmtu);
    device.expect_answer(kMiddle, kRx + 2, Device::kBase + 3 + 2 * pmtu, pmtu);
    device.expect_answer(kLast, kRx + 3, Device::kBase + 3 + 3 * pmtu, 1);
    device.expect_answer(kOnly, kRx + 4, Device::kBase + 9, 1);
  }
}

TEST(ReadResponder, a_request_of_no_bytes_is_answered_whatever_its_key) {
  Alone device(small());
  device.ask(kRx, 0, 0, 0xbad);
  device.ask(kRx + 1, Device::kBase, 1);
  device.expect_answer(kOnly, kRx, Device::kBase, 0);
  device.expect_answer(kOnly, kRx + 1, Device::kBase, 1);
}

TEST(ReadResponder, a_gap_is_answered_by_one_nak_until_psns_start_anew) {
  Alone device(small());
  device.ask(kRx + 1, Device::kBase, 1);
  device.ask(kRx + 2, Device::kBase, 1);
  device.expect_nak(0x60, kRx);
  device.run(100);
  EXPECT_TRUE(device.sent.empty());
  device.ask(kRx + 1, Device::kBase, 1);  // anew
  device.expect_nak(0x60, kRx);
  device.ask(kRx, Device::kBase, 1);
  device.expect_answer(kOnly, kRx, Device::kBase, 1);
  device.ask(kRx + 2, Device::kBase, 1);
  device.expect_nak(0x60, kRx + 1);
  EXPECT_EQ(device.counts.naks_sent, 3u);
}

TEST(ReadResponder, a_refused_range_ends_its_request_only) {
  Alone device(small());
  device.region(0, 0x55, Device::kBase, 300);
  device.ask(kRx, Device::kBase, 1000, 0x55);
  device.ask(kRx + 4, Device::kBase + 9, 20);
  device.expect_answer(kFirst, kRx, Device::kBase, 256);
  device.expect_nak(0x62, kRx);
  device.expect_answer(kOnly, kRx + 4, Device::kBase + 9, 20);
  EXPECT_EQ(device.counts.remote_protection, 1u);
}

TEST(ReadResponder, the_region_must_be_of_the_endpoint_of_the_queue_pair) {
  Alone device(small());
  device.region(1, 0x66, Device::kBase, 1000);
  device.ask(kRx, Device::kBase, 10, 0x66);
  device.expect_nak(0x62, kRx);
}

TEST(ReadResponder, a_repeated_request_replaces_what_is_queued_from_its_psn_on) {
  DeviceConfig config = small();
  config.read_latency = 400;
  Alone device(config);
  device.ask(kRx, Device::kBase, 256 * 100);
  device.ask(kRx + 100, Device::kBase + 50000, 256);
  device.ask(kRx + 101, Device::kBase + 60000, 256);
  device.run(200);
  // The rest of the first from PSN 90 on, and the second; the third is queued no more.
  device.ask(kRx + 90, Device::kBase + 256 * 90, 256 * 10);
  device.ask(kRx + 100, Device::kBase + 50000, 256);
  std::vector<std::uint32_t> psns;
  for (int i = 0; i < 3000; ++i) {
    device.step();
    while (!device.sent.empty()) {
      psns.push_back(device.sent.front().psn - kRx);
      device.sent.pop_front();
    }
  }
  ASSERT_GE(psns.size(), 11u);
  EXPECT_LT(psns.size(), 60u);
  std::vector<std::uint32_t> tail(psns.end() - 11, psns.end());
  for (std::uint32_t k = 0; k < 11; ++k) EXPECT_EQ(tail[k], 90 + k);
  EXPECT_EQ(device.counts.duplicates, 2u);
}

TEST(ReadResponder, a_request_beyond_the_queue_is_discarded) {
  DeviceConfig config = small();
  config.ready_percent = 100;
  Alone device(config);
  for (std::uint32_t k = 0; k < 6; ++k) device.ask(kRx + 64 * k, Device::kBase, 256 * 64);
  unsigned answers = 0, naks = 0;
  for (int i = 0; i < 8000; ++i) {
    device.step();
    answers += static_cast<unsigned>(device.sent.size());
    naks += static_cast<unsigned>(
        std::count_if(device.sent.begin(), device.sent.end(), [](const Packet& p) { return p.opcode == kAck; }));
    device.sent.clear();
  }
  EXPECT_EQ(naks, 1u);  // the sixth shows that the fifth is missing
  EXPECT_EQ(answers, 4u * 64u + naks);
  device.ask(kRx + 64 * 4, Device::kBase, 256);
  device.expect_answer(kOnly, kRx + 256, Device::kBase, 256);
}

TEST(ReadResponder, an_unconnected_queue_pair_is_not_answered) {
  Alone device(small());
  device.connect(kQp, false, 0, 0);
  device.ask(kRx, Device::kBase, 10);
  device.run(100);
  EXPECT_TRUE(device.sent.empty());
  device.connect(kQp, true, 0, 7);
  device.ask(7, Device::kBase, 10);
  device.expect_answer(kOnly, 7, Device::kBase, 10);
}

TEST(ReadRequester, a_job_is_cut_in_segments_with_a_psn_a_packet) {
  Alone device;
  device.job(1, 150001);
  device.expect_request(kTx, 0, 65536);
  device.expect_request(kTx + 16, 65536, 65536);
  device.expect_request(kTx + 32, 131072, 18929);
  for (std::uint32_t k = 0; k < 36; ++k) device.answer(kTx + k, 4096, static_cast<std::uint8_t>(k));
  device.answer(kTx + 36, 2545, 36);
  device.expect_end(1, Status::kOk);
  for (std::uint32_t k = 0; k < 150001; ++k) ASSERT_EQ(device.at(Device::kBase + 4096 + k), k / 4096) << k;
  EXPECT_EQ(device.counts.retries, 0u);
  device.run(20);
  EXPECT_TRUE(device.idle());
  EXPECT_EQ(device.fins.size(), 1u);
}

TEST(ReadRequester, at_most_four_requests_are_under_way_on_a_queue_pair) {
  Alone device(small());
  for (std::uint32_t k = 0; k < 6; ++k) device.job(k, 10);
  device.run(200);
  EXPECT_EQ(device.sent.size(), 4u);
  device.answer(kTx, 10, 1);
  device.run(100);
  EXPECT_EQ(device.sent.size(), 5u);
}

TEST(ReadRequester, after_a_gap_it_asks_for_the_rest_once) {
  Alone device(small());
  device.job(1, 1000);
  device.job(2, 300);
  device.expect_request(kTx, 0, 1000);
  device.expect_request(kTx + 4, 0, 300);
  device.answer(kTx, 256, 1);
  device.answer(kTx + 2, 256, 1);
  device.answer(kTx + 3, 232, 1);
  device.expect_request(kTx + 1, 256, 744);
  device.expect_request(kTx + 4, 0, 300);
  device.run(200);
  EXPECT_TRUE(device.sent.empty());
  // The answer to that loses its start as well.
  device.answer(kTx + 2, 256, 1);
  device.expect_request(kTx + 1, 256, 744);
  device.expect_request(kTx + 4, 0, 300);
  device.answer(kTx + 1, 256, 1);
  device.answer(kTx + 2, 256, 1);
  device.answer(kTx + 3, 232, 1);
  device.expect_end(1, Status::kOk);
  device.answer(kTx + 4, 256, 2);
  device.answer(kTx + 5, 44, 2);
  device.expect_end(2, Status::kOk);
  EXPECT_EQ(device.counts.retries, 4u);
}

TEST(ReadRequester, a_sequence_nak_makes_it_ask_again) {
  Alone device(small());
  device.job(1, 256);
  device.expect_request(kTx, 0, 256);
  device.nak(kTx, 0x60);
  device.expect_request(kTx, 0, 256);
  device.nak(kTx - 1, 0x60);  // stale
  device.run(200);
  EXPECT_TRUE(device.sent.empty());
  EXPECT_EQ(device.counts.naks_received, 1u);
  device.answer(kTx, 256, 1);
  device.expect_end(1, Status::kOk);
}

TEST(ReadRequester, an_access_nak_ends_its_job_and_no_other) {
  Alone device(small());
  device.job(1, 1000);
  device.job(2, 100);
  device.expect_request(kTx, 0, 1000);
  device.expect_request(kTx + 4, 0, 100);
  device.answer(kTx, 256, 1);
  device.nak(kTx, 0x62);
  device.expect_end(1, Status::kRemoteProtection);
  device.answer(kTx + 4, 100, 2);
  device.expect_end(2, Status::kOk);
  device.run(30);
  ASSERT_EQ(device.fins.size(), 2u);
  EXPECT_EQ(device.fins[0].status, static_cast<unsigned>(Status::kProtection));
  EXPECT_EQ(device.fins[1].status, 0u);
}

TEST(ReadRequester, a_packet_of_wrong_length_is_discarded) {
  Alone device(small());
  device.job(1, 100);
  device.expect_request(kTx, 0, 100);
  device.answer(kTx, 99, 1);
  device.answer(kTx, 101, 1);
  device.answer(kTx + 1, 100, 1);  // never asked for
  device.answer(kTx, 100, 2);
  device.expect_end(1, Status::kOk);
  EXPECT_EQ(device.at(Device::kBase + 4096 + 99), 2);
  EXPECT_EQ(device.completions.size(), 1u);
}

TEST(ReadRequester, its_timer_doubles_then_the_queue_pair_gives_up_until_connected) {
  DeviceConfig config = small();
  config.retry_timer = 500;
  config.retry_limit = 3;
  Alone device(config);
  device.job(1, 10);
  device.job(2, 10);
  while (device.errors.empty() && device.cycle < 50000) device.step();
  ASSERT_EQ(device.sent.size(), 2u * 4u);
  const auto& at = device.sent_cycles;
  EXPECT_NEAR(static_cast<double>(at[2] - at[0]), 500, 80);
  EXPECT_NEAR(static_cast<double>(at[4] - at[2]), 1000, 80);
  EXPECT_NEAR(static_cast<double>(at[6] - at[4]), 2000, 80);
  EXPECT_NEAR(static_cast<double>(device.cycle - at[6]), 4000, 80);
  device.expect_end(1, Status::kRetryExceeded);
  device.expect_end(2, Status::kRetryExceeded);
  device.job(3, 10);  // at once
  device.run(40);
  device.expect_end(3, Status::kRetryExceeded);
  EXPECT_EQ(device.sent.size(), 8u);
  ASSERT_EQ(device.errors.size(), 1u);
  EXPECT_EQ(device.errors[0].opcode, static_cast<unsigned>(tally::device::Opcode::kQpError));
  EXPECT_EQ(device.errors[0].status, static_cast<unsigned>(Status::kRetryExceeded));
  EXPECT_EQ(device.errors[0].source, 3u);
  EXPECT_EQ(device.errors[0].detail, static_cast<unsigned>(tally::device::QpKind::kRead));
  EXPECT_EQ(device.error_eps[0], 0u);
  EXPECT_EQ(device.counts.timeouts, 4u);
  device.run(30);
  EXPECT_TRUE(device.idle());
  EXPECT_EQ(device.fins.size(), 3u);
  device.sent.clear();
  device.connect(kQp, true, 70, 0);
  device.job(4, 10);
  device.expect_request(70, 0, 10);
  device.answer(70, 10, 1);
  device.expect_end(4, Status::kOk);
}

TEST(ReadRequester, an_invalid_request_nak_makes_the_queue_pair_give_up_at_once) {
  Alone device(small());
  device.job(1, 10);
  device.expect_request(kTx, 0, 10);
  device.nak(kTx, 0x61);
  device.expect_end(1, Status::kRetryExceeded);
  EXPECT_EQ(device.counts.qp_errors, 1u);
}

TEST(ReadRequester, a_disconnected_queue_pair_ends_its_jobs) {
  Alone device(small());
  device.job(1, 10);
  device.expect_request(kTx, 0, 10);
  device.connect(kQp, false, 0, 0);
  device.expect_end(1, Status::kRetryExceeded);
  EXPECT_EQ(device.errors.size(), 0u);
}

TEST(Rndv, a_silent_peer_holds_up_no_jobs_of_another) {
  Alone device(small());
  device.connect(128 + 5, true, 10, 0);
  for (std::uint32_t k = 0; k < 60; ++k) device.job(k, 10, 5);
  device.job(100, 10);
  device.run(300);
  const auto mine = std::count_if(device.sent.begin(), device.sent.end(), [](const Packet& p) { return p.qp == kQp; });
  EXPECT_EQ(mine, 1);
  device.answer(kTx, 10, 1);
  device.expect_end(100, Status::kOk);
}

TEST(Rndv, completions_do_not_wait_for_fins) {
  Alone device(small());
  device.hold_fins = true;
  for (std::uint32_t k = 0; k < 6; ++k) device.job(k, 10);
  for (std::uint32_t k = 0; k < 6; ++k) {
    while (device.sent.empty() && device.cycle < 3000) device.step();
    device.sent.pop_front();
    device.answer(kTx + k, 10, 1);
  }
  for (std::uint32_t k = 0; k < 6; ++k) device.expect_end(k, Status::kOk);
  EXPECT_EQ(device.fins.size(), 0u);
  device.hold_fins = false;
  device.run(60);
  EXPECT_EQ(device.fins.size(), 6u);
  EXPECT_TRUE(device.idle());
}

TEST(Rndv, nothing_to_read_is_completed_at_once) {
  Alone device(small());
  Matched m;
  m.source = 3;
  m.length = 5000;
  m.room = 0;
  m.cookie = 9;
  m.remote_cookie = 8;
  device.match(m);
  device.expect_end(9, Status::kTruncated);
  device.run(30);
  EXPECT_EQ(device.sent.size(), 0u);
  ASSERT_EQ(device.fins.size(), 1u);
  EXPECT_EQ(device.fins[0].cookie, 8u);
  EXPECT_EQ(device.counts.truncated, 1u);
}

TEST(Rndv, room_is_low_when_fewer_than_64_places_are_free) {
  Alone device(small());
  for (std::uint32_t k = 0; k < 256 - 64 + 6; ++k) device.job(k, 10);
  device.run(2000);
  EXPECT_TRUE(device.room());
  device.job(999, 10);
  device.run(20);
  EXPECT_FALSE(device.room());
  for (std::uint32_t k = 0; k < 59; ++k) device.job(1000 + k, 10);
  device.run(500);
  EXPECT_FALSE(device.idle());
}

// Rates: responses at up to one frame each 82 cycles of 4096 bytes keep a 100 Gb/s link full at 250 MHz.
TEST(ReadRate, a_job_asks_within_six_cycles) {
  Alone device;
  device.job(1, 1000);
  device.take();
  const std::uint64_t cycles = device.sent_cycles[0] - device.job_cycles[0];
  std::printf("job to request: %llu cycles\n", static_cast<unsigned long long>(cycles));
  EXPECT_LE(cycles, 6u);
}

double cycles_a_packet(unsigned pmtu, unsigned ranks, std::uint32_t bytes, unsigned ahead = 130) {
  DeviceConfig config;
  config.pmtu = pmtu;
  config.read_latency = 150;
  config.ahead = ahead;
  config.retry_timer = 100000;
  ChannelConfig channel;
  channel.latency = 250;
  Job job(2, ranks, config, channel);
  job.connect_all(5);
  for (unsigned ep = 0; ep < 4; ++ep) {
    for (unsigned d = 0; d < 2; ++d) job[d].region(ep, kKey + ep, Device::kBase, job[d].memory.size());
  }
  for (unsigned peer = 1; peer < ranks; peer += 2) {
    Matched m;
    m.source = peer;
    m.length = m.room = bytes;
    m.key = kKey;
    m.addr = Device::kBase + 3 + (1u << 20) * (peer / 2);
    m.remote_addr = Device::kBase + 77;
    m.remote_key = kKey + peer / 2;
    job[0].match(m);
  }
  const std::size_t jobs = ranks / 2;
  while (job[0].completions.size() < jobs && job.cycle < 1000000) job.step();
  for (const auto& cqe : job[0].completions) EXPECT_EQ(cqe.status, 0u);
  EXPECT_EQ(job[0].completions.size(), jobs);
  EXPECT_EQ(job[0].counts.retries, 0u);
  const double packets = static_cast<double>(jobs) * bytes / pmtu;
  const double result = static_cast<double>(job.cycle) / packets;
  std::printf("pmtu %u, %u queue pairs, %u bytes: %.1f cycles a packet\n", pmtu, ranks / 2, bytes, result);
  return result;
}

TEST(ReadRate, a_mebibyte_takes_at_most_70_cycles_a_packet_of_4096_bytes) {
  EXPECT_LE(cycles_a_packet(4096, 2, 1u << 20), 70.0);
  EXPECT_LE(cycles_a_packet(4096, 6, 1u << 19), 70.0);
}

TEST(ReadRate, packets_that_come_one_behind_the_other_take_at_most_82_cycles) {
  EXPECT_LE(cycles_a_packet(4096, 2, 1u << 20, 0), 82.0);
}

TEST(ReadRate, short_packets_take_at_most_8_cycles) {
  EXPECT_LE(cycles_a_packet(256, 2, 1u << 20), 8.0);
  EXPECT_LE(cycles_a_packet(512, 2, 1u << 20), 12.0);
}

}  // namespace
