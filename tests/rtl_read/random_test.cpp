// SPDX-License-Identifier: BSD-3-Clause
// Random rendezvous between devices over channels that lose, repeat and reorder READ packets.
#include <gtest/gtest.h>

#include <map>

#include "rtl_read/bench.hpp"

namespace {

using namespace tally::test;
using tally::device::Status;

constexpr std::uint64_t kSend = Device::kBase;
constexpr std::uint64_t kRecv = Device::kBase + (2u << 20);
constexpr std::uint64_t kArea = 2u << 20;
constexpr std::uint32_t kSendKey = 0x1000, kRecvKey = 0x2000, kShortKey = 0x3000, kBadKey = 0x7777;

struct Scenario {
  unsigned devices = 2, ranks = 2, jobs = 20;
  std::uint32_t longest = 20000;
  std::uint32_t first_psn = 0;
  unsigned bad_percent = 0;
  int dead = -1;  // this device's packets vanish
  DeviceConfig device;
  ChannelConfig channel;
};

struct Expected {
  unsigned device, source_device;
  Matched matched;
  Status status;
  std::uint64_t writable;  // bytes of the buffer that its region covers
  bool done = false, fin = false;
};

std::uint8_t status_of_fin(Status status) {
  if (status == Status::kRemoteProtection) return static_cast<std::uint8_t>(Status::kProtection);
  if (status == Status::kRetryExceeded) return static_cast<std::uint8_t>(status);
  return 0;
}

void run(const Scenario& scenario, Random& random) {
  Job job(scenario.devices, scenario.ranks, scenario.device, scenario.channel);
  job.connect_all(scenario.first_psn);
  if (scenario.dead >= 0) job.dead[static_cast<unsigned>(scenario.dead)] = true;
  std::vector<std::vector<std::uint8_t>> before;
  std::vector<std::uint64_t> next(scenario.devices, kRecv + 16);
  for (unsigned d = 0; d < scenario.devices; ++d) {
    before.push_back(job[d].memory);
    for (unsigned ep = 0; ep < 4; ++ep) {
      job[d].region(ep, kSendKey + ep, kSend, kArea);
      job[d].region(ep, kRecvKey + ep, kRecv, kArea);
    }
  }
  std::map<std::uint32_t, Expected> expected;
  for (std::uint32_t i = 0; i < scenario.jobs; ++i) {
    const unsigned to = static_cast<unsigned>(random.below(scenario.ranks));
    const unsigned from = static_cast<unsigned>(random.below(scenario.ranks));
    const unsigned d = job.device_of(to);
    const unsigned s = job.device_of(from);
    Expected e{d, s, {}, Status::kOk, 0};
    Matched& m = e.matched;
    m.ep = job.ep_of(to);
    m.source = from;
    m.length = static_cast<std::uint32_t>(1 + random.below(random.percent(30) ? 600 : scenario.longest));
    m.room = m.length + static_cast<std::uint32_t>(random.below(100));
    if (random.percent(15)) m.room = static_cast<std::uint32_t>(random.below(m.length));
    const std::uint32_t want = std::min(m.room, m.length);
    if (next[d] + want + 200 > kRecv + kArea) continue;
    m.addr = next[d];
    next[d] += want + 1 + random.below(100);
    m.key = kRecvKey + m.ep;
    m.remote_key = kSendKey + job.ep_of(from);
    m.remote_addr = kSend + random.below(kArea - m.length);
    m.cookie = 0x1000 + i;
    m.remote_cookie = 0x900000 + i;
    m.tag = static_cast<std::uint32_t>(random.next());
    m.context = static_cast<std::uint32_t>(random.below(65536));
    m.arrival = static_cast<std::uint32_t>(random.next());
    m.stamp = static_cast<std::uint32_t>(random.next());
    m.by_command = random.percent(50);
    m.unexpected = m.by_command && random.percent(70);
    e.writable = want;
    if (m.room < m.length) e.status = Status::kTruncated;
    const bool unreachable =
        scenario.dead >= 0 && (d == static_cast<unsigned>(scenario.dead) || s == static_cast<unsigned>(scenario.dead));
    if (want != 0 && random.percent(scenario.bad_percent)) {
      switch (random.below(3)) {
        case 0:
          m.remote_key = kBadKey;
          e.status = Status::kRemoteProtection;
          break;
        case 1:
          m.key = kBadKey;
          e.status = Status::kProtection;
          e.writable = 0;
          break;
        default:
          m.key = kShortKey + (i << 16);
          e.writable = random.below(want);
          job[d].region(m.ep, m.key, m.addr, e.writable);
          e.status = Status::kProtection;
          break;
      }
    }
    if (want != 0 && unreachable) e.status = Status::kRetryExceeded;
    expected[m.cookie] = e;
    job[d].match(m);
  }

  std::vector<std::size_t> seen(scenario.devices), fins(scenario.devices);
  std::size_t open = 2 * expected.size();
  std::uint64_t quiet_at = 0;
  while (open > 0 || quiet_at == 0 || !job.quiet()) {
    job.step();
    ASSERT_LT(job.cycle, 6'000'000u) << open << " completions and Fins did not come";
    for (unsigned d = 0; d < scenario.devices; ++d) {
      for (; seen[d] < job[d].completions.size(); ++seen[d]) {
        const auto& cqe = job[d].completions[seen[d]];
        ASSERT_TRUE(expected.count(cqe.cookie)) << cqe.cookie;
        Expected& e = expected[cqe.cookie];
        ASSERT_FALSE(e.done);
        ASSERT_EQ(e.device, d);
        e.done = true;
        --open;
        ASSERT_EQ(static_cast<unsigned>(cqe.status), static_cast<unsigned>(e.status)) << "cookie " << cqe.cookie;
        ASSERT_EQ(cqe.opcode, static_cast<unsigned>(tally::device::Opcode::kRecv));
        ASSERT_EQ(cqe.length, e.matched.length);
        ASSERT_EQ(cqe.tag, e.matched.tag);
        ASSERT_EQ(cqe.source, e.matched.source);
        ASSERT_EQ(cqe.context_id, e.matched.context);
        ASSERT_EQ(cqe.cycles, e.matched.arrival);
        ASSERT_EQ(cqe.flags, e.matched.unexpected ? 3u : 2u);
        ASSERT_EQ(cqe.detail, e.status == Status::kProtection ? e.matched.key : 0u);
        ASSERT_EQ(job[d].completion_eps[seen[d]], e.matched.ep);
        // The data is in memory when the completion is offered.
        const std::uint64_t want = std::min(e.matched.room, e.matched.length);
        const auto to = e.matched.addr - Device::kBase;
        const auto from = e.matched.remote_addr - Device::kBase;
        const bool whole = e.status == Status::kOk || e.status == Status::kTruncated;
        for (std::uint64_t b = 0; b < want; ++b) {
          const std::uint8_t value = job[d].memory[to + b];
          const std::uint8_t sent = before[e.source_device][from + b];
          if (whole) {
            ASSERT_EQ(value, sent) << "byte " << b << " of " << want;
          } else if (value != before[d][to + b]) {
            ASSERT_EQ(value, sent) << "byte " << b << " of " << want;
            ASSERT_LT(b, e.writable);
          }
          before[d][to + b] = value;
        }
      }
      for (; fins[d] < job[d].fins.size(); ++fins[d]) {
        const auto& fin = job[d].fins[fins[d]];
        ASSERT_GE(fin.cookie, 0x900000u);
        Expected& e = expected[fin.cookie - 0x900000 + 0x1000];
        ASSERT_FALSE(e.fin);
        e.fin = true;
        --open;
        ASSERT_EQ(e.device, d);
        ASSERT_EQ(fin.magic, tally::device::kDeviceId);
        ASSERT_EQ(fin.version, 1);
        ASSERT_EQ(fin.ptype, static_cast<unsigned>(tally::device::PacketType::kFin));
        ASSERT_EQ(fin.status, status_of_fin(e.status));
        ASSERT_EQ(fin.offset, e.matched.stamp);
        ASSERT_EQ(fin.length, e.matched.length);
        ASSERT_EQ(fin.payload_len, 0);
        ASSERT_EQ(fin.dst_rank, e.matched.source);
        ASSERT_EQ(fin.src_rank, e.matched.ep * scenario.devices + d);
        ASSERT_EQ(job[d].fin_eps[fins[d]], e.matched.ep);
      }
    }
    if (open == 0 && quiet_at == 0) quiet_at = job.cycle;
  }
  for (unsigned d = 0; d < scenario.devices; ++d) {
    ASSERT_TRUE(job[d].memory == before[d]) << "device " << d << ": bytes outside the buffers changed";
    if (scenario.dead < 0) {
      ASSERT_EQ(job[d].errors.size(), 0u);
    }
    ASSERT_EQ(job[d].errors.size(), job[d].counts.qp_errors);
  }
}

DeviceConfig random_device(Random& random) {
  DeviceConfig device;
  device.pmtu = 256u << random.below(5);
  device.ready_percent = static_cast<unsigned>(random.percent(30) ? 100 : 30 + random.below(70));
  device.read_latency = static_cast<unsigned>(1 + random.below(250));
  device.retry_timer = static_cast<std::uint32_t>(3000 + random.below(3000));
  device.ahead = static_cast<unsigned>(random.percent(50) ? 0 : random.below(130));
  device.seed = 1 + random.below(1u << 30);
  return device;
}

TEST(Read, random_jobs_move_every_byte_over_a_good_channel) {
  Random random(seed(41));
  for (unsigned round = 0; round < 8 * effort(); ++round) {
    Scenario s;
    s.devices = static_cast<unsigned>(1 + random.below(3));
    s.ranks = static_cast<unsigned>(s.devices * (1 + random.below(4)));
    s.jobs = 40;
    s.bad_percent = 15;
    s.first_psn = static_cast<std::uint32_t>(random.next());
    s.device = random_device(random);
    run(s, random);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(Read, lost_repeated_and_reordered_packets_are_recovered) {
  Random random(seed(42));
  for (unsigned round = 0; round < 10 * effort(); ++round) {
    Scenario s;
    s.devices = 2;
    s.ranks = static_cast<unsigned>(2 + 2 * random.below(2));
    s.jobs = 30;
    s.bad_percent = round % 2 ? 10 : 0;
    s.first_psn = static_cast<std::uint32_t>(0x1000000 - random.below(200));  // wraps
    s.device = random_device(random);
    s.channel.lose = static_cast<unsigned>(random.below(6));
    s.channel.repeat = static_cast<unsigned>(random.below(10));
    s.channel.reorder = static_cast<unsigned>(random.below(10));
    s.channel.latency = static_cast<unsigned>(1 + random.below(400));
    run(s, random);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(Read, long_jobs_of_many_segments_are_recovered) {
  Random random(seed(43));
  for (unsigned round = 0; round < 3 * effort(); ++round) {
    Scenario s;
    s.jobs = 8;
    s.longest = 300000;
    s.first_psn = 0xffff80;
    s.device = random_device(random);
    s.channel.lose = round % 3;
    s.channel.reorder = round % 3;
    run(s, random);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

TEST(Read, a_dead_peer_ends_its_jobs_and_no_others) {
  Random random(seed(44));
  for (unsigned round = 0; round < 3 * effort(); ++round) {
    Scenario s;
    s.devices = 3;
    s.ranks = 6;
    s.jobs = 60;
    s.dead = static_cast<int>(random.below(3));
    s.device = random_device(random);
    s.device.retry_limit = static_cast<unsigned>(random.below(3));
    // Alone on its queue pair nobody waits this long for an answer that comes.
    s.device.retry_timer = 20000;
    run(s, random);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
