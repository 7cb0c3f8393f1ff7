// SPDX-License-Identifier: BSD-3-Clause
// The whole engine on the fabric, driven by registers and rings: messages, wildcards, protection, collectives.
// One fabric a process: each test case runs in a process of its own (ctest).
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>

#include "device/raw_host.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally::device;
using tally::test::RawHost;

constexpr std::uint64_t kLimitPs = 2'000'000'000;  // 2 ms simulated

class Device : public ::testing::Test {
 protected:
  void start(unsigned nodes) {
    fabric = std::make_unique<tally::sim::Fabric>(tally::sim::FabricConfig(), nodes);
    for (unsigned n = 0; n < nodes; ++n) {
      hosts.push_back(std::make_unique<RawHost>(*fabric, n, nodes));
      memory.emplace_back(kMemory, std::uint8_t{0xEE});
      keys.push_back(hosts[n]->add_region(memory[n].data(), kMemory, 5));
    }
    for (unsigned n = 0; n < nodes; ++n) EXPECT_EQ(hosts[n]->read(global_reg::kId), kDeviceId);
  }

  MsgDesc send(unsigned from, unsigned to, std::size_t at, std::uint32_t length, std::uint32_t tag, std::uint32_t cookie) {
    MsgDesc d{};
    d.opcode = static_cast<std::uint8_t>(Opcode::kSend);
    d.peer = static_cast<std::uint16_t>(to);
    d.tag = tag;
    d.key = keys[from];
    d.addr = reinterpret_cast<std::uint64_t>(memory[from].data() + at);
    d.length = length;
    d.cookie = cookie;
    return d;
  }
  MsgDesc recv(unsigned at_node, unsigned from, std::size_t at, std::uint32_t room, std::uint32_t tag, std::uint32_t cookie,
               unsigned flags = 0) {
    MsgDesc d = send(at_node, from, at, room, tag, cookie);
    d.opcode = static_cast<std::uint8_t>(Opcode::kRecv);
    d.flags = static_cast<std::uint8_t>(flags);
    return d;
  }

  /// Runs until `node` has a completion with this cookie that is not a credit; returns it.
  Cqe completion(unsigned node, std::uint32_t cookie) {
    Cqe found{};
    const auto look = [&] {
      hosts[node]->poll();
      for (const Cqe& c : hosts[node]->completions)
        if (c.cookie == cookie && c.opcode != static_cast<std::uint8_t>(Opcode::kCredit)) {
          found = c;
          return true;
        }
      return false;
    };
    EXPECT_TRUE(fabric->run_until(look, kLimitPs)) << "no completion " << cookie << " on node " << node;
    return found;
  }
  unsigned credits(unsigned node) {
    hosts[node]->poll();
    unsigned n = 0;
    for (const Cqe& c : hosts[node]->completions)
      if (c.opcode == static_cast<std::uint8_t>(Opcode::kCredit)) n += c.length;
    return n;
  }
  void fill(unsigned node, std::size_t at, std::size_t n, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < n; ++i) memory[node][at + i] = static_cast<std::uint8_t>(random());
  }
  static Status status(const Cqe& c) { return static_cast<Status>(c.status); }

  static constexpr std::size_t kMemory = 1u << 20;
  std::unique_ptr<tally::sim::Fabric> fabric;
  std::vector<std::unique_ptr<RawHost>> hosts;
  std::vector<std::vector<std::uint8_t>> memory;
  std::vector<std::uint32_t> keys;
};

/// One message of `length` bytes from node 0 to node `to`, received late or early, at odd addresses.
class Message : public Device, public ::testing::WithParamInterface<std::tuple<std::uint32_t, bool, unsigned>> {};

TEST_P(Message, arrives_whole_and_completes_on_both_sides) {
  const auto [length, unexpected, to] = GetParam();
  start(2);
  fill(0, 131, length, length + 1);
  const MsgDesc r = recv(to, 0, 500'003, length, 7, 2);
  if (!unexpected) {
    hosts[to]->post(r, true);
    fabric->run_for(3'000'000);
  }
  hosts[0]->post(send(0, to, 131, length, 7, 1), length % 2 == 0);
  if (unexpected) {
    fabric->run_for(8'000'000);
    hosts[to]->post(r, false);
  }
  const Cqe got = completion(to, 2);
  EXPECT_EQ(status(got), Status::kOk);
  EXPECT_EQ(got.length, length);
  EXPECT_EQ(got.source, 0);
  EXPECT_EQ(got.tag, 7u);
  const Cqe sent = completion(0, 1);
  EXPECT_EQ(status(sent), Status::kOk);
  EXPECT_TRUE(std::equal(memory[0].begin() + 131, memory[0].begin() + 131 + length, memory[to].begin() + 500'003));
  EXPECT_EQ(memory[to][500'002], 0xEE);
  EXPECT_EQ(memory[to][500'003 + length], 0xEE);
  fabric->run_for(5'000'000);
  EXPECT_EQ(credits(0), 1u) << "the message's credit comes back";
  EXPECT_EQ(hosts[to]->read(unexpected ? global_reg::kCntMatchUnexpected : global_reg::kCntMatchPosted), 1u);
  EXPECT_EQ(hosts[to]->read(global_reg::kStatus) & 1, 1u) << "device is idle again";
}
INSTANTIATE_TEST_SUITE_P(Sizes, Message,
                         ::testing::Combine(::testing::Values(0, 1, 32, 63, 64, 65, 4095, 4096, 4097, 70'001),
                                            ::testing::Bool(), ::testing::Values(0u, 1u)));

TEST_F(Device, inline_send_reads_no_payload_memory) {
  start(2);
  MsgDesc s = send(0, 1, 0, 20, 3, 1);
  s.flags = kMsgFlagInline;
  s.addr = 0;
  s.key = 0xdead;
  for (unsigned i = 0; i < 20; ++i) s.inline_data[i] = static_cast<std::uint8_t>(i + 1);
  hosts[1]->post(recv(1, 0, 0, 64, 3, 2), true);
  hosts[0]->post(s, true);
  EXPECT_EQ(status(completion(1, 2)), Status::kOk);
  EXPECT_EQ(memory[1][19], 20);
  EXPECT_EQ(memory[1][20], 0xEE);
  EXPECT_EQ(hosts[0]->read(global_reg::kCntDmaReadBeats), 0u);
}

TEST_F(Device, oldest_receive_takes_the_first_message_across_wildcards) {
  start(3);
  // In order: any/any, exact, any-source; messages of tag 4 from node 1 then node 2.
  hosts[0]->post(recv(0, 9, 0, 8, 9, 10, kMsgFlagAnySource | kMsgFlagAnyTag), true);
  hosts[0]->post(recv(0, 1, 100, 8, 4, 11), true);
  hosts[0]->post(recv(0, 9, 200, 8, 4, 12, kMsgFlagAnySource), true);
  fabric->run_for(2'000'000);
  hosts[1]->post(send(1, 0, 0, 8, 4, 1), true);
  EXPECT_EQ(completion(0, 10).source, 1);
  hosts[2]->post(send(2, 0, 0, 8, 4, 2), true);
  EXPECT_EQ(completion(0, 12).source, 2) << "the exact receive is of node 1";
  hosts[1]->post(send(1, 0, 0, 8, 4, 3), true);
  EXPECT_EQ(completion(0, 11).source, 1);
}

TEST_F(Device, truncated_message_fills_the_buffer_and_tells_its_length) {
  start(2);
  for (const std::uint32_t length : {200u, 9000u}) {
    fill(0, 0, length, 5);
    hosts[1]->post(recv(1, 0, 1000, 70, 1, length + 1), true);
    hosts[0]->post(send(0, 1, 0, length, 1, length), true);
    const Cqe got = completion(1, length + 1);
    EXPECT_EQ(status(got), Status::kTruncated);
    EXPECT_EQ(got.length, length);
    EXPECT_TRUE(std::equal(memory[0].begin(), memory[0].begin() + 70, memory[1].begin() + 1000));
    EXPECT_EQ(memory[1][1070], 0xEE);
    EXPECT_EQ(status(completion(0, length)), Status::kOk) << "the sender is not harmed";
  }
}

TEST_F(Device, bad_keys_and_bounds_complete_with_protection_and_touch_nothing) {
  start(2);
  MsgDesc bad_key = send(0, 1, 0, 64, 1, 1);
  bad_key.key ^= 0x100;  // stale tag
  hosts[0]->post(bad_key, true);
  EXPECT_EQ(status(completion(0, 1)), Status::kProtection);
  MsgDesc past_end = recv(1, 0, kMemory - 10, 11, 1, 2);
  hosts[1]->post(past_end, true);
  EXPECT_EQ(status(completion(1, 2)), Status::kProtection);
  MsgDesc wraps = recv(1, 0, 0, 100, 1, 3);
  wraps.addr = ~std::uint64_t{0} - 10;
  hosts[1]->post(wraps, true);
  EXPECT_EQ(status(completion(1, 3)), Status::kProtection);
  EXPECT_EQ(hosts[1]->read(global_reg::kCntProtection), 2u);
  // The endpoint works on.
  hosts[1]->post(recv(1, 0, 0, 64, 1, 4), true);
  hosts[0]->post(send(0, 1, 0, 64, 1, 5), true);
  EXPECT_EQ(status(completion(1, 4)), Status::kOk);
}

TEST_F(Device, unknown_opcode_and_bad_peer_are_named) {
  start(2);
  MsgDesc d = send(0, 1, 0, 8, 1, 1);
  d.opcode = 77;
  hosts[0]->post(d, true);
  EXPECT_EQ(status(completion(0, 1)), Status::kBadOpcode);
  hosts[0]->post(send(0, 2, 0, 8, 1, 2), true);
  const Cqe c = completion(0, 2);
  EXPECT_EQ(status(c), Status::kBadField);
  EXPECT_EQ(c.detail, offsetof(MsgDesc, peer));
}

/// An allreduce of f64 sums by both algorithms on the device against the same tree in plain arithmetic (integers in
/// doubles: exact whatever the order).
class Collective : public Device, public ::testing::WithParamInterface<std::tuple<unsigned, unsigned, bool>> {};

TEST_P(Collective, allreduce_sums_on_the_devices) {
  const auto [ranks, count, ring] = GetParam();
  start(ranks);
  std::vector<std::uint16_t> everyone;
  for (unsigned r = 0; r < ranks; ++r) everyone.push_back(static_cast<std::uint16_t>(r));
  const int n = static_cast<int>(ranks);
  const tally::schedule::Schedule schedule = ring ? tally::schedule::allreduce_ring(n)
                                                  : tally::schedule::allreduce_recursive_doubling(n);
  std::mt19937_64 random(tally::test::seed(31));
  std::vector<double> expected(count, 0.0);
  for (unsigned r = 0; r < ranks; ++r) {
    hosts[r]->load(tally::schedule::compile(schedule, static_cast<int>(r), everyone), 8);
    for (unsigned i = 0; i < count; ++i) {
      const double v = static_cast<double>(static_cast<int>(random() % 2001) - 1000);
      expected[i] += v;
      std::memcpy(memory[r].data() + 72 + 8 * i, &v, 8);
    }
    CollDesc d{};
    d.opcode = static_cast<std::uint8_t>(Opcode::kCollective);
    d.dtype = static_cast<std::uint8_t>(Dtype::kF64);
    d.redop = static_cast<std::uint8_t>(Redop::kSum);
    d.schedule = 8;
    d.signature = tally::schedule::signature(schedule);
    d.count = count;
    d.input_addr = reinterpret_cast<std::uint64_t>(memory[r].data() + 72);
    d.output_addr = reinterpret_cast<std::uint64_t>(memory[r].data() + 400'000);
    d.scratch_addr = reinterpret_cast<std::uint64_t>(memory[r].data() + 700'000);
    d.input_key = d.output_key = d.scratch_key = keys[r];
    d.chunk_bytes = static_cast<std::uint32_t>(tally::schedule::chunk_bytes(count, 8, schedule.chunks));
    d.total_bytes = 8 * count;
    d.cookie = 100;
    hosts[r]->post(d, true);
  }
  for (unsigned r = 0; r < ranks; ++r) {
    const Cqe c = completion(r, 100);
    EXPECT_EQ(status(c), Status::kOk) << "rank " << r << " detail " << c.detail;
    EXPECT_EQ(std::memcmp(memory[r].data() + 400'000, expected.data(), 8 * count), 0) << "rank " << r;
    EXPECT_EQ(memory[r][400'000 + 8 * count], 0xEE);
  }
}
INSTANTIATE_TEST_SUITE_P(Ranks, Collective,
                         ::testing::Combine(::testing::Values(1u, 2u, 3u, 4u, 5u, 8u), ::testing::Values(0u, 1u, 513u, 5000u),
                                            ::testing::Bool()));

}  // namespace
