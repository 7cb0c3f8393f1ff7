// SPDX-License-Identifier: BSD-3-Clause
// One behaviour of the message path each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "bench.hpp"

namespace tally::test {
namespace {

using device::Cqe;
using device::MsgDesc;
using device::Opcode;
using device::PacketType;
using device::Status;

MsgDesc send(std::uint16_t peer, std::uint32_t tag, std::uint64_t address, std::uint32_t length, std::uint32_t cookie) {
  return message(Opcode::kSend, peer, 3, tag, address, length, cookie);
}
MsgDesc receive(std::uint16_t peer, std::uint32_t tag, std::uint64_t address, std::uint32_t room,
                std::uint32_t cookie) {
  return message(Opcode::kRecv, peer, 3, tag, address, room, cookie);
}

const Cqe* completion_of(const Bench& bench, std::uint32_t cookie) {
  for (const auto& cqe : bench.completions) {
    const bool credit = cqe.opcode == static_cast<std::uint8_t>(Opcode::kCredit) && cqe.status == 0;
    if (cqe.cookie == cookie && !credit) return &cqe;
  }
  return nullptr;
}

std::vector<PacketRecord> packets(const Bench& bench, PacketType type) {
  std::vector<PacketRecord> found;
  for (const auto& packet : bench.sent) {
    if (packet.header.ptype == static_cast<std::uint8_t>(type)) found.push_back(packet);
  }
  return found;
}

void expect_status(const Bench& bench, std::uint32_t cookie, Status status, std::uint32_t detail = 0) {
  const Cqe* cqe = completion_of(bench, cookie);
  ASSERT_NE(cqe, nullptr) << "no completion of " << cookie;
  EXPECT_EQ(+cqe->status, +static_cast<std::uint8_t>(status)) << "cookie " << cookie;
  EXPECT_EQ(cqe->detail, detail) << "cookie " << cookie;
}

TEST(Command, nop_completes_at_once) {
  Bench bench({});
  auto desc = message(Opcode::kNop, 0, 0, 0, 0, 0, 77);
  bench.submit(&desc);
  bench.run_until_idle();
  ASSERT_EQ(bench.completions.size(), 1u);
  EXPECT_EQ(bench.completions[0].cookie, 77u);
  EXPECT_EQ(+bench.completions[0].opcode, +static_cast<std::uint8_t>(Opcode::kNop));
  EXPECT_EQ(+bench.completions[0].status, 0);
}

TEST(Command, unknown_opcode_is_refused) {
  Bench bench({});
  for (const unsigned opcode : {4u, 16u, 255u}) {
    auto desc = message(static_cast<Opcode>(opcode), 0, 0, 0, 0, 0, opcode);
    bench.submit(&desc);
  }
  bench.run_until_idle();
  for (const unsigned opcode : {4u, 16u, 255u}) {
    expect_status(bench, opcode, Status::kBadOpcode);
  }
}

TEST(Command, fields_out_of_range_are_named) {
  Bench bench({});
  auto bad_peer = send(4, 1, Bench::kSendArea, 4, 1);
  auto bad_source = receive(4, 1, Bench::kRecvArea, 4, 2);
  auto bad_tag = send(1, 0x80000000, Bench::kSendArea, 4, 3);
  auto bad_recv_tag = receive(1, 0xffffffff, Bench::kRecvArea, 4, 4);
  auto bad_inline = send(1, 1, Bench::kSendArea, 33, 5);
  bad_inline.flags = device::kMsgFlagInline;
  for (const auto* desc : {&bad_peer, &bad_source, &bad_tag, &bad_recv_tag, &bad_inline}) bench.submit(desc);
  bench.run_until_idle();
  expect_status(bench, 1, Status::kBadField, 4);
  expect_status(bench, 2, Status::kBadField, 4);
  expect_status(bench, 3, Status::kBadField, 8);
  expect_status(bench, 4, Status::kBadField, 8);
  expect_status(bench, 5, Status::kBadField, 24);
  EXPECT_TRUE(bench.sent.empty());
  EXPECT_EQ(bench.counters.protection, 0u);
}

TEST(Command, buffers_outside_their_region_are_refused) {
  Bench bench({});
  auto wrong_key = send(1, 1, Bench::kSendArea, 4, 1);
  wrong_key.key = 0x00012401;
  auto past_end = send(1, 1, Bench::kSendArea + Bench::kAreaBytes - 3, 4, 2);
  auto before = receive(1, 1, Bench::kRecvArea - 1, 4, 3);
  auto other_region = receive(1, 1, Bench::kSendArea, 4, 4);
  for (const auto* desc : {&wrong_key, &past_end, &before, &other_region}) bench.submit(desc);
  bench.run_until_idle();
  expect_status(bench, 1, Status::kProtection, wrong_key.key);
  expect_status(bench, 2, Status::kProtection, Bench::kSendKey);
  expect_status(bench, 3, Status::kProtection, Bench::kRecvKey);
  expect_status(bench, 4, Status::kProtection, Bench::kRecvKey);
  EXPECT_EQ(bench.counters.protection, 4u);
  EXPECT_TRUE(bench.sent.empty());
}

TEST(Command, no_bytes_need_no_region) {
  Bench bench({});
  auto to = receive(2, 9, 0, 0, 1);
  to.key = 0;
  auto from = send(2, 9, 0, 0, 2);
  from.key = 0xffff;
  bench.submit(&to);
  bench.submit(&from);
  bench.run_until_idle();
  expect_status(bench, 1, Status::kOk);
  expect_status(bench, 2, Status::kOk);
}

TEST(Command, collective_is_handed_on_unchanged) {
  Bench bench({});
  Beat desc;
  for (unsigned i = 0; i < 64; ++i) desc[i] = static_cast<std::uint8_t>(i * 7 + 1);
  desc[0] = static_cast<std::uint8_t>(Opcode::kCollective);
  bench.submit(desc.data());
  bench.run_until_idle();
  ASSERT_EQ(bench.collectives.size(), 1u);
  EXPECT_EQ(bench.collectives[0], desc);
  EXPECT_TRUE(bench.completions.empty());
}

TEST(Command, receive_without_a_free_entry_is_refused) {
  Bench bench({});
  for (std::uint32_t i = 0; i <= device::kPostedEntries; ++i) {
    auto desc = receive(1, i, Bench::kRecvArea, 4, i);
    bench.submit(&desc);
  }
  bench.run_until_idle();
  ASSERT_EQ(bench.completions.size(), 1u);
  expect_status(bench, device::kPostedEntries, Status::kBadField, 0);
}

TEST(MessagePath, rendezvous_of_a_region_that_is_gone_fails_on_both_sides) {
  Bench bench({});
  auto from = send(1, 5, Bench::kSendArea + 3, 10000, 1);
  bench.submit(&from);
  bench.run_until_idle();
  bench.region(Bench::kSendKey, Bench::kSendArea, Bench::kAreaBytes, false);
  const std::vector<std::uint8_t> before(bench.at(Bench::kRecvArea), bench.at(Bench::kRecvArea) + 10000);
  auto to = receive(1, 5, Bench::kRecvArea, 10000, 2);
  bench.submit(&to);
  bench.run_until_idle();
  expect_status(bench, 1, Status::kProtection, Bench::kSendKey);
  expect_status(bench, 2, Status::kRemoteProtection);
  EXPECT_EQ(bench.counters.protection, 1u);
  EXPECT_EQ(bench.counters.rendezvous, 0u);
  EXPECT_FALSE(bench.unanswered());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), bench.at(Bench::kRecvArea)));
  EXPECT_EQ(packets(bench, PacketType::kReadNak).size(), 1u);
}

TEST(MessagePath, truncated_rendezvous_reads_only_what_fits) {
  Bench bench({});
  auto to = receive(1, 5, Bench::kRecvArea + 7, 5000, 2);
  auto none = receive(1, 6, Bench::kRecvArea, 0, 3);
  bench.submit(&to);
  bench.submit(&none);
  auto from = send(1, 5, Bench::kSendArea + 3, 20000, 4);
  auto from_none = send(1, 6, Bench::kSendArea + 3, 20000, 5);
  bench.submit(&from);
  bench.submit(&from_none);
  bench.run_until_idle();
  expect_status(bench, 2, Status::kTruncated);
  expect_status(bench, 3, Status::kTruncated);
  expect_status(bench, 4, Status::kOk);
  expect_status(bench, 5, Status::kOk);
  EXPECT_EQ(completion_of(bench, 2)->length, 20000u);
  EXPECT_EQ(completion_of(bench, 3)->length, 20000u);
  EXPECT_EQ(completion_of(bench, 4)->length, 20000u);
  std::size_t bytes = 0;
  for (const auto& packet : packets(bench, PacketType::kReadData)) bytes += packet.header.payload_len;
  EXPECT_EQ(bytes, 5000u);
}

TEST(MessagePath, more_rendezvous_than_jobs_wait_and_complete) {
  BenchConfig config;
  config.nodes = 1;
  Bench bench(config);
  constexpr std::uint32_t kMessages = 3 * device::kRendezvousJobs;
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    auto to = receive(0, i, Bench::kRecvArea + i * 20000, 20000, 100 + i);
    bench.submit(&to);
  }
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    auto from = send(0, i, Bench::kSendArea + i * 20000, 20000, i);
    bench.submit(&from);
  }
  bench.run_until_idle();
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    expect_status(bench, i, Status::kOk);
    expect_status(bench, 100 + i, Status::kOk);
  }
  EXPECT_EQ(std::memcmp(bench.at(Bench::kRecvArea), bench.at(Bench::kSendArea), 20000 * kMessages), 0);
  EXPECT_FALSE(bench.unanswered());
}

// Beats of a packet run over the cycles that the data took, from the end of its first packet to that of its last.
double link_use(unsigned source_shift, unsigned target_shift) {
  BenchConfig config;
  config.read_latency_cycles = 150;
  config.write_latency_cycles = 150;
  config.loop_beats = 256;
  Bench bench(config);
  constexpr std::uint32_t kBytes = 1 << 20;
  auto to = receive(1, 5, Bench::kRecvArea + target_shift, kBytes, 2);
  auto from = send(1, 5, Bench::kSendArea + source_shift, kBytes, 1);
  bench.submit(&to);
  bench.submit(&from);
  bench.run_until_idle();
  expect_status(bench, 2, Status::kOk);
  EXPECT_EQ(std::memcmp(bench.at(Bench::kRecvArea + target_shift), bench.at(Bench::kSendArea + source_shift), kBytes),
            0);
  const auto data = packets(bench, PacketType::kReadData);
  EXPECT_EQ(data.size(), kBytes / device::kMtu);
  const double beats = static_cast<double>((data.size() - 1) * (device::kMtuBeats + 1));
  const double use = beats / static_cast<double>(data.back().cycle - data.front().cycle);
  ::testing::Test::RecordProperty("link_use", std::to_string(use));
  std::printf("link use %.4f\n", use);
  return use;
}

TEST(MessagePath, rendezvous_fills_the_link_despite_slow_memory) { EXPECT_GT(link_use(0, 0), 0.99); }

TEST(MessagePath, unaligned_rendezvous_nearly_fills_the_link) { EXPECT_GT(link_use(33, 17), 0.96); }

TEST(MessagePath, short_message_passes_a_long_one) {
  BenchConfig config;
  config.read_latency_cycles = 150;
  Bench bench(config);
  constexpr std::uint32_t kBytes = 1 << 20;
  auto to = receive(1, 5, Bench::kRecvArea, kBytes, 2);
  auto short_to = receive(2, 6, Bench::kRecvArea + kBytes, 100, 4);
  bench.submit(&to);
  bench.submit(&short_to);
  auto from = send(1, 5, Bench::kSendArea, kBytes, 1);
  bench.submit(&from);
  ASSERT_TRUE(bench.run_until([&] { return packets(bench, PacketType::kReadData).size() >= 20; }));
  const std::uint64_t start = bench.cycle();
  auto short_from = send(2, 6, Bench::kSendArea + kBytes, 100, 3);
  bench.submit(&short_from);
  ASSERT_TRUE(bench.run_until([&] { return completion_of(bench, 4) != nullptr; }));
  EXPECT_LT(bench.cycle() - start, 1200u);  // two memory accesses and the packets that were ahead
  EXPECT_EQ(completion_of(bench, 2), nullptr);
  bench.run_until_idle();
  expect_status(bench, 2, Status::kOk);
}

TEST(MessagePath, long_messages_take_turns) {
  Bench bench({});
  constexpr std::uint32_t kBytes = 1 << 18;
  for (std::uint16_t peer = 0; peer < 3; ++peer) {
    auto to = receive(peer, 5, Bench::kRecvArea + peer * kBytes, kBytes, 10u + peer);
    bench.submit(&to);
  }
  for (std::uint16_t peer = 0; peer < 3; ++peer) {
    auto from = send(peer, 5, Bench::kSendArea + peer * kBytes, kBytes, peer);
    bench.submit(&from);
  }
  bench.run_until_idle();
  std::array<int, 3> count{};
  int widest = 0;
  for (const auto& packet : packets(bench, PacketType::kReadData)) {
    ++count[packet.header.dst_node];
    if (*std::max_element(count.begin(), count.end()) < 60) {
      widest = std::max(widest, *std::max_element(count.begin(), count.end()) -
                                    *std::min_element(count.begin(), count.end()));
    }
  }
  EXPECT_LE(widest, 4);
  EXPECT_EQ(std::memcmp(bench.at(Bench::kRecvArea), bench.at(Bench::kSendArea), 3 * kBytes), 0);
}

TEST(MessagePath, credits_join_while_the_network_is_busy) {
  BenchConfig config;
  config.nodes = 1;
  Bench bench(config);
  constexpr std::uint32_t kMessages = 48;
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    auto from = send(0, i, Bench::kSendArea, 1, i);
    bench.submit(&from);
  }
  bench.run_until_idle();
  EXPECT_EQ(bench.counters.unexpected, kMessages);
  bench.network_stall_percent = 100;
  for (std::uint32_t i = 0; i < kMessages; ++i) {
    auto to = receive(0, i, Bench::kRecvArea + i, 1, 100 + i);
    bench.submit(&to);
  }
  for (int i = 0; i < 5000; ++i) bench.tick();
  bench.network_stall_percent = 0;
  bench.run_until_idle();
  std::uint32_t credits = 0;
  for (const auto& packet : packets(bench, PacketType::kCredit)) credits += packet.header.length;
  EXPECT_EQ(credits, kMessages);
  EXPECT_LE(packets(bench, PacketType::kCredit).size(), 4u);
}

TEST(MessagePath, data_that_belongs_to_no_job_is_dropped) {
  Bench bench({});
  // Job 0 waits for 5000 bytes of peer 1, whose answer the test plays: the network holds the request back.
  auto to = receive(1, 5, Bench::kRecvArea, 5000, 2);
  bench.submit(&to);
  bench.run_until_idle();
  bench.network_stall_percent = 100;
  device::WireHeader rts{};
  rts.ptype = static_cast<std::uint8_t>(PacketType::kRts);
  rts.src_node = 1;
  rts.context_id = 3;
  rts.tag = 5;
  rts.length = 5000;
  rts.addr = Bench::kSendArea;
  rts.key = Bench::kSendKey;
  bench.inject(rts);
  for (int i = 0; i < 100; ++i) bench.tick();
  ASSERT_TRUE(bench.unanswered());
  const std::vector<std::uint8_t> before(bench.at(Bench::kMemoryBase), bench.at(Bench::kMemoryBase) + Bench::kMemoryBytes);
  const std::vector<std::uint8_t> payload(300, 0xab);
  device::WireHeader data{};
  data.ptype = static_cast<std::uint8_t>(PacketType::kReadData);
  data.src_node = 1;
  unsigned dropped = 0;
  const auto expect_drop = [&](const char* what) {
    bench.inject(data, payload);
    for (int i = 0; i < 100; ++i) bench.tick();
    EXPECT_EQ(bench.counters.dropped, ++dropped) << what;
  };
  data.offset = 4701;
  expect_drop("one byte past the receive");
  data.offset = 0xffffff00;
  expect_drop("offset that wraps");
  data.offset = 0;
  data.cookie = 1;
  expect_drop("job that does not run");
  data.cookie = 8;
  expect_drop("job number out of range");
  data.cookie = 0;
  data.src_node = 2;
  expect_drop("another peer");
  data.src_node = 99;
  expect_drop("no peer");
  device::WireHeader nak = data;
  nak.ptype = static_cast<std::uint8_t>(PacketType::kReadNak);
  nak.src_node = 2;
  bench.inject(nak);
  for (int i = 0; i < 100; ++i) bench.tick();
  EXPECT_EQ(bench.counters.dropped, ++dropped);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), bench.at(Bench::kMemoryBase)));
  EXPECT_TRUE(bench.unanswered());
  // The job is unharmed.
  bench.network_stall_percent = 0;
  bench.run_until_idle();
  expect_status(bench, 2, Status::kOk);
  EXPECT_EQ(std::memcmp(bench.at(Bench::kRecvArea), bench.at(Bench::kSendArea), 5000), 0);
}

TEST(MessagePath, message_beyond_the_credits_is_dropped_and_counted) {
  Bench bench({});
  device::WireHeader eager{};
  eager.ptype = static_cast<std::uint8_t>(PacketType::kEager);
  eager.src_node = 1;
  eager.context_id = 3;
  for (std::uint32_t i = 0; i <= device::kUnexpectedEntries; ++i) {
    eager.tag = i;
    bench.inject(eager, std::vector<std::uint8_t>(100 + i, static_cast<std::uint8_t>(i)));
  }
  bench.run_until_idle();
  EXPECT_EQ(bench.counters.unexpected, device::kUnexpectedEntries);
  EXPECT_EQ(bench.counters.dropped, 1u);
  for (std::uint32_t i = 0; i < device::kUnexpectedEntries; ++i) {
    auto to = receive(1, i, Bench::kRecvArea + i * 200, 200, i);
    bench.submit(&to);
  }
  bench.run_until_idle();
  for (std::uint32_t i = 0; i < device::kUnexpectedEntries; ++i) {
    expect_status(bench, i, Status::kOk);
    EXPECT_EQ(*bench.at(Bench::kRecvArea + i * 200 + 99), static_cast<std::uint8_t>(i));
  }
}

TEST(MessagePath, receiving_goes_on_while_the_network_takes_nothing) {
  Bench bench({});
  bench.network_stall_percent = 100;
  // Full house: reads asked by peers, rendezvous to ask for, eager messages; nothing can leave the device.
  device::WireHeader header{};
  header.context_id = 3;
  for (std::uint32_t i = 0; i < 4 * device::kRendezvousJobs; ++i) {
    header.ptype = static_cast<std::uint8_t>(PacketType::kReadReq);
    header.src_node = static_cast<std::uint16_t>(i % 4);
    header.addr = Bench::kSendArea;
    header.key = Bench::kSendKey;
    header.length = 100000;
    header.tag = 100000;
    header.count = i;
    bench.inject(header);
  }
  for (std::uint32_t i = 0; i < 60; ++i) {
    header.ptype = static_cast<std::uint8_t>(i % 2 == 0 ? PacketType::kRts : PacketType::kEager);
    header.src_node = static_cast<std::uint16_t>(i % 4);
    header.tag = i;
    header.length = i % 2 == 0 ? 9000 : 100;
    bench.inject(header, i % 2 == 0 ? std::vector<std::uint8_t>{} : std::vector<std::uint8_t>(100, 0x5a));
  }
  for (std::uint32_t i = 0; i < 60; ++i) {
    auto to = receive(static_cast<std::uint16_t>(i % 4), i, Bench::kRecvArea + i * 9000, 9000, 1000 + i);
    bench.submit(&to);
  }
  EXPECT_TRUE(bench.run_until([&] {
    for (std::uint32_t i = 1; i < 60; i += 2) {
      if (completion_of(bench, 1000 + i) == nullptr) return false;
    }
    return true;
  })) << "eager messages wait for the sender";
  EXPECT_TRUE(bench.sent.empty());
}

}  // namespace
}  // namespace tally::test
