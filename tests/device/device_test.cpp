// SPDX-License-Identifier: BSD-3-Clause
// The whole engine on the fabric, driven by registers and rings: messages, wildcards, protection, endpoints, handover,
// transport errors, collectives.
// One fabric a process: each test case runs in a process of its own (ctest).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

#include "device/raw_host.hpp"
#include "support/seed.hpp"
#include "tally/device_registers.hpp"

namespace {

using namespace tally::device;
using tally::test::Place;
using tally::test::RawHost;
using tally::test::RawOptions;

constexpr std::uint64_t kLimitPs = 2'000'000'000;  // 2 ms simulated

class Device : public ::testing::Test {
 protected:
  /// One endpoint a device, rank = node.
  void start(unsigned nodes, const RawOptions& options = {}, const tally::sim::FabricConfig& config = {}) {
    std::vector<Place> places;
    for (unsigned n = 0; n < nodes; ++n) places.push_back({n, 0});
    start(places, options, config);
  }
  void start(const std::vector<Place>& places, const RawOptions& options = {}, const tally::sim::FabricConfig& config = {}) {
    unsigned nodes = 0;
    for (const Place& place : places) nodes = std::max(nodes, place.node + 1);
    fabric = std::make_unique<tally::sim::Fabric>(config, nodes);
    for (unsigned rank = 0; rank < places.size(); ++rank) {
      hosts.push_back(std::make_unique<RawHost>(*fabric, places, rank, options));
      memory.emplace_back(kMemory, std::uint8_t{0xEE});
      keys.push_back(hosts[rank]->add_region(memory[rank].data(), kMemory, 5));
    }
    for (const auto& host : hosts) EXPECT_EQ(host->read(global_reg::kId), kDeviceId);
    fabric->run_for(20'000'000);  // the match unit clears its tables after reset: what is posted before waits
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
  /// The handle of a receive is its cookie.
  RecvDesc recv(unsigned at_rank, unsigned from, std::size_t at, std::uint32_t room, std::uint32_t tag, std::uint32_t cookie,
                unsigned flags = 0) {
    RecvDesc d{};
    d.opcode = static_cast<std::uint8_t>(Opcode::kRecv);
    d.flags = static_cast<std::uint8_t>(flags);
    d.peer = static_cast<std::uint16_t>(from);
    d.handle = static_cast<std::uint16_t>(cookie);
    d.tag = tag;
    d.key = keys[at_rank];
    d.addr = reinterpret_cast<std::uint64_t>(memory[at_rank].data() + at);
    d.length = room;
    d.cookie = cookie;
    return d;
  }
  RecvDesc control(Opcode opcode, std::uint32_t cookie) {
    RecvDesc d{};
    d.opcode = static_cast<std::uint8_t>(opcode);
    d.cookie = cookie;
    return d;
  }

  /// Runs until `node` has a completion of a descriptor with this cookie; returns it.
  Cqe completion(unsigned node, std::uint32_t cookie) {
    Cqe found{};
    const auto look = [&] {
      hosts[node]->poll();
      for (const Cqe& c : hosts[node]->completions)
        if (c.cookie == cookie && (c.opcode != static_cast<std::uint8_t>(Opcode::kSpill) || c.status != 0)) {
          found = c;
          return true;
        }
      return false;
    };
    EXPECT_TRUE(fabric->run_until(look, kLimitPs)) << "no completion " << cookie << " on node " << node;
    return found;
  }
  /// Runs until there is a completion of this kind that no descriptor asked for.
  Cqe event(unsigned node, Opcode opcode) {
    Cqe found{};
    const auto look = [&] {
      hosts[node]->poll();
      for (const Cqe& c : hosts[node]->completions)
        if (c.opcode == static_cast<std::uint8_t>(opcode)) {
          found = c;
          return true;
        }
      return false;
    };
    EXPECT_TRUE(fabric->run_until(look, kLimitPs)) << "no event on node " << node;
    return found;
  }
  void fill(unsigned node, std::size_t at, std::size_t n, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < n; ++i) memory[node][at + i] = static_cast<std::uint8_t>(random());
  }
  static Status status(const Cqe& c) { return static_cast<Status>(c.status); }

  static constexpr std::size_t kMemory = 2u << 20;
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
  const RecvDesc r = recv(to, 0, 500'003, length, 7, 2);
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
  fabric->run_for(12'000'000);  // a Fin is acknowledged within the 2048 cycles of AckPolicy
  EXPECT_EQ(hosts[to]->read(unexpected ? global_reg::kCntMatchUnexpected : global_reg::kCntMatchPosted), 1u);
  EXPECT_EQ(hosts[to]->read(global_reg::kStatus) & 1, 1u) << "device is idle again";
}
INSTANTIATE_TEST_SUITE_P(Sizes, Message,
                         ::testing::Combine(::testing::Values(0, 1, 32, 63, 64, 65, 4031, 4032, 4033, 4096, 4097, 70'001),
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

TEST_F(Device, send_with_sync_completes_only_when_a_receive_has_matched_it) {
  start(2);
  std::uint32_t cookie = 1;
  for (const std::uint32_t length : {0u, 5u, 4032u}) {
    for (const unsigned to : {0u, 1u}) {
      fill(0, 0, length, length + to);
      MsgDesc s = send(0, to, 0, length, 7, cookie);
      s.flags = kMsgFlagSync;
      hosts[0]->post(s, true);
      fabric->run_for(20'000'000);
      hosts[0]->poll();
      for (const Cqe& c : hosts[0]->completions) EXPECT_NE(c.cookie, cookie) << "complete before it was matched";
      hosts[to]->post(recv(to, 0, 500'000, 4032, 7, cookie + 1), true);
      const Cqe got = completion(to, cookie + 1);
      EXPECT_EQ(status(got), Status::kOk);
      EXPECT_EQ(got.length, length);
      EXPECT_EQ(status(completion(0, cookie)), Status::kOk);
      EXPECT_TRUE(std::equal(memory[0].begin(), memory[0].begin() + length, memory[to].begin() + 500'000));
      cookie += 2;
    }
  }
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
  std::uint32_t handle = 1;
  for (const std::uint32_t length : {200u, 9000u}) {
    fill(0, 0, length, 5);
    hosts[1]->post(recv(1, 0, 1000, 70, 1, handle), true);
    hosts[0]->post(send(0, 1, 0, length, 1, length), true);
    const Cqe got = completion(1, handle++);
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
  bad_key.key ^= 0x400;  // another tag
  hosts[0]->post(bad_key, true);
  EXPECT_EQ(status(completion(0, 1)), Status::kProtection);
  RecvDesc past_end = recv(1, 0, kMemory - 10, 11, 1, 2);
  hosts[1]->post(past_end, true);
  EXPECT_EQ(status(completion(1, 2)), Status::kProtection);
  RecvDesc wraps = recv(1, 0, 0, 100, 1, 3);
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

TEST_F(Device, key_of_a_region_that_is_gone_is_refused_at_every_use) {
  start(2);
  // A posted receive whose region goes before the message comes: protection, and not a byte is written.
  hosts[1]->post(recv(1, 0, 0, 64, 1, 1), true);
  fabric->run_for(3'000'000);
  hosts[1]->drop_region(keys[1]);
  hosts[0]->post(send(0, 1, 0, 64, 1, 2), true);
  EXPECT_EQ(status(completion(1, 1)), Status::kProtection);
  EXPECT_EQ(memory[1][0], 0xEE);
  // A rendezvous whose source region goes before it is read: both sides learn it.
  const std::uint32_t key = hosts[1]->add_region(memory[1].data(), kMemory, 5, 2);
  hosts[0]->post(send(0, 1, 0, 50'000, 2, 3), true);
  fabric->run_for(3'000'000);
  hosts[0]->drop_region(keys[0]);
  RecvDesc late = recv(1, 0, 0, 50'000, 2, 4);
  late.key = key;
  hosts[1]->post(late, true);
  EXPECT_EQ(status(completion(1, 4)), Status::kRemoteProtection);
  EXPECT_EQ(status(completion(0, 3)), Status::kProtection);
  EXPECT_TRUE(std::all_of(memory[1].begin(), memory[1].end(), [](std::uint8_t b) { return b == 0xEE; }));
}

// --- endpoints ----------------------------------------------------------------------------------

TEST_F(Device, four_endpoints_of_one_device_exchange_messages_with_each_other_and_with_another) {
  start({{0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}});
  std::uint32_t cookie = 1;
  for (unsigned from = 0; from < 5; ++from)
    for (unsigned to = 0; to < 5; ++to)
      for (const std::uint32_t length : {16u, 9000u}) {
        const std::size_t at = 10'000u * (2 * (5 * from + to) + (length > 16)) + 1;
        fill(from, at, length, cookie);
        hosts[to]->post(recv(to, from, at + 500'003, length, cookie, cookie), cookie % 2 == 0);
        hosts[from]->post(send(from, to, at, length, cookie, cookie + 100), true);
        EXPECT_EQ(completion(to, cookie).source, from);
        EXPECT_EQ(status(completion(from, cookie + 100)), Status::kOk);
        EXPECT_EQ(std::memcmp(memory[from].data() + at, memory[to].data() + at + 500'003, length), 0);
        ++cookie;
      }
}

TEST_F(Device, same_context_and_tag_on_two_endpoints_do_not_meet) {
  start({{0, 0}, {0, 1}, {1, 0}});
  hosts[0]->post(recv(0, 2, 0, 8, 7, 1), true);
  hosts[1]->post(recv(1, 2, 0, 8, 7, 2), true);
  hosts[2]->post(send(2, 1, 0, 8, 7, 3), true);
  EXPECT_EQ(completion(1, 2).source, 2);
  fabric->run_for(5'000'000);
  hosts[0]->poll();
  EXPECT_TRUE(hosts[0]->completions.empty());
}

TEST_F(Device, key_of_another_endpoint_is_refused_and_touches_nothing) {
  start({{0, 0}, {0, 1}, {1, 0}});
  MsgDesc stolen = send(0, 2, 0, 64, 1, 1);
  stolen.key = keys[1];
  stolen.addr = reinterpret_cast<std::uint64_t>(memory[1].data());
  hosts[0]->post(stolen, true);
  EXPECT_EQ(status(completion(0, 1)), Status::kProtection);
  RecvDesc into = recv(0, 2, 0, 64, 1, 2);
  into.key = keys[1];
  into.addr = reinterpret_cast<std::uint64_t>(memory[1].data());
  hosts[0]->post(into, true);
  EXPECT_EQ(status(completion(0, 2)), Status::kProtection);
  EXPECT_TRUE(std::all_of(memory[1].begin(), memory[1].end(), [](std::uint8_t b) { return b == 0xEE; }));
}

TEST_F(Device, endpoint_that_uses_up_its_tables_leaves_another_endpoint_alone) {
  RawOptions options;
  options.posted = 4;
  options.unexpected = 2;
  options.bounce = 1;
  options.spill_log2 = 0;
  options.cq_log2 = 1;
  start({{0, 0}, {0, 1}, {1, 0}}, options);
  // Endpoint 0's host never looks: its unexpected entries, bounce slot, spill slot and completion ring fill up.
  for (std::uint32_t i = 0; i < 20; ++i) hosts[2]->post(send(2, 0, 0, 48, 9, i + 1), false);
  fabric->run_for(30'000'000);
  EXPECT_GT(hosts[2]->read(global_reg::kCntRnrReceived), 0u) << "the sender is held off";
  for (std::uint32_t i = 0; i < 3; ++i) {
    hosts[1]->post(recv(1, 2, 0, 64, 3, i), true);
    hosts[2]->post(send(2, 1, 0, 64, 3, 50 + i), true);
    EXPECT_EQ(status(completion(1, i)), Status::kOk);
  }
}

TEST_F(Device, disabled_endpoint_forgets_its_receives_and_messages) {
  start({{0, 0}, {0, 1}, {1, 0}});
  hosts[1]->post(recv(1, 2, 0, 64, 1, 1), true);
  hosts[2]->post(send(2, 1, 0, 64, 2, 2), true);
  EXPECT_EQ(status(completion(2, 2)), Status::kOk);
  fabric->run_for(5'000'000);
  hosts[1]->write(hosts[1]->reg(ep_reg::kEnable), 0);
  for (int i = 0; i < 1000 && (hosts[1]->read(hosts[1]->reg(ep_reg::kEpStatus)) & 1) != 0; ++i) fabric->run_for(1'000'000);
  EXPECT_EQ(hosts[1]->read(hosts[1]->reg(ep_reg::kEpStatus)) & 1, 0u);
  hosts[1]->begin_again();
  RecvDesc probe = control(Opcode::kProbe, 3);
  probe.flags = kMsgFlagAnySource | kMsgFlagAnyTag;
  hosts[1]->post(probe, true);
  EXPECT_EQ(status(completion(1, 3)), Status::kNotFound) << "the unexpected message is gone";
  hosts[1]->post(recv(1, 2, 0, 64, 5, 1), true);  // handle 1 is free again
  hosts[2]->post(send(2, 1, 0, 64, 5, 6), true);
  EXPECT_EQ(status(completion(1, 1)), Status::kOk);
}

// --- probe, claim, cancel -------------------------------------------------------------------------

TEST_F(Device, probe_leaves_the_message_and_claim_takes_it_for_mrecv) {
  start(2);
  for (const std::uint32_t length : {100u, 9000u}) {
    fill(0, 0, length, length);
    hosts[0]->post(send(0, 1, 0, length, 4, length), true);
    fabric->run_for(8'000'000);
    RecvDesc probe = control(Opcode::kProbe, 1 + length);
    probe.flags = kMsgFlagAnySource;
    probe.tag = 4;
    hosts[1]->post(probe, true);
    const Cqe seen = completion(1, 1 + length);
    EXPECT_EQ(status(seen), Status::kOk);
    EXPECT_EQ(seen.length, length);
    EXPECT_EQ(seen.source, 0);
    probe.flags = static_cast<std::uint8_t>(probe.flags | kMsgFlagClaim);
    probe.cookie = 2 + length;
    hosts[1]->post(probe, true);
    const Cqe claimed = completion(1, 2 + length);
    EXPECT_EQ(status(claimed), Status::kOk);
    probe.cookie = 3 + length;
    hosts[1]->post(probe, true);
    EXPECT_EQ(status(completion(1, 3 + length)), Status::kNotFound) << "it is claimed";
    RecvDesc mrecv = recv(1, 0, 200'001, length, 0, 4 + length);
    mrecv.opcode = static_cast<std::uint8_t>(Opcode::kMrecv);
    mrecv.handle = static_cast<std::uint16_t>(claimed.detail);
    hosts[1]->post(mrecv, true);
    const Cqe got = completion(1, 4 + length);
    EXPECT_EQ(status(got), Status::kOk);
    EXPECT_EQ(got.tag, 4u);
    EXPECT_EQ(got.length, length);
    EXPECT_TRUE(std::equal(memory[0].begin(), memory[0].begin() + length, memory[1].begin() + 200'001));
    mrecv.cookie = 5 + length;
    hosts[1]->post(mrecv, true);
    EXPECT_EQ(status(completion(1, 5 + length)), Status::kNotFound) << "it was received";
    EXPECT_EQ(status(completion(0, length)), Status::kOk);
  }
}

TEST_F(Device, cancelled_receive_takes_no_message_and_a_matched_one_cannot_be_cancelled) {
  start(2);
  hosts[1]->post(recv(1, 0, 0, 64, 1, 1), true);
  RecvDesc cancel = control(Opcode::kCancel, 100);
  cancel.handle = 1;
  hosts[1]->post(cancel, true);
  EXPECT_EQ(status(completion(1, 100)), Status::kOk);
  hosts[1]->post(recv(1, 0, 1000, 64, 1, 2), true);
  hosts[0]->post(send(0, 1, 0, 64, 1, 3), true);
  EXPECT_EQ(status(completion(1, 2)), Status::kOk);
  cancel.handle = 2;
  cancel.cookie = 101;
  hosts[1]->post(cancel, true);
  EXPECT_EQ(status(completion(1, 101)), Status::kNotFound);
  EXPECT_EQ(memory[1][0], 0xEE);
}

// --- handover -------------------------------------------------------------------------------------

TEST_F(Device, message_without_an_entry_is_spilled_and_receives_are_returned_until_the_host_has_seen_it) {
  RawOptions options;
  options.unexpected = 1;
  start(2, options);
  fill(0, 0, 200, 1);
  for (std::uint32_t i = 0; i < 3; ++i) hosts[0]->post(send(0, 1, 50 * i, 50, i, i), true);
  const Cqe spill = event(1, Opcode::kSpill);
  EXPECT_EQ(spill.flags >> 8, static_cast<unsigned>(SpillReason::kUnexpected));
  EXPECT_EQ(spill.tag, 1u);
  EXPECT_EQ(spill.length, 50u);
  const auto slot = hosts[1]->spill_slot(spill.cookie);
  MsgHeader header;
  std::memcpy(&header, slot.data(), sizeof header);
  EXPECT_EQ(header.ptype, static_cast<std::uint8_t>(PacketType::kEager));
  EXPECT_EQ(std::memcmp(slot.data() + 64, memory[0].data() + 50, 50), 0);
  fabric->run_for(5'000'000);
  hosts[1]->post(recv(1, 0, 0, 64, 9, 10), true);
  const Cqe back = completion(1, 10);
  EXPECT_EQ(status(back), Status::kNotPosted);
  EXPECT_EQ(back.detail, 2u) << "two messages were spilled";
  hosts[1]->post(recv(1, 0, 0, 64, 0, 11), true);
  EXPECT_EQ(status(completion(1, 11)), Status::kOk) << "the device's own message is found";
  RecvDesc off = control(Opcode::kSpillOff, 12);
  off.spill_seen = 1;
  hosts[1]->post(off, true);
  EXPECT_EQ(status(completion(1, 12)), Status::kNotFound);
  off.spill_seen = 2;
  off.cookie = 13;
  hosts[1]->post(off, true);
  EXPECT_EQ(status(completion(1, 13)), Status::kOk);
  RecvDesc again = recv(1, 0, 0, 64, 9, 14);
  again.spill_seen = 2;
  hosts[1]->post(again, true);
  hosts[0]->post(send(0, 1, 0, 50, 9, 15), true);
  EXPECT_EQ(status(completion(1, 14)), Status::kOk) << "posted again";
}

// --- transport ------------------------------------------------------------------------------------

TEST_F(Device, peer_that_does_not_answer_ends_sends_with_an_error) {
  RawOptions options;
  options.retry_timer = 500;
  options.retry_limits = 0x0702;
  start(2, options);
  hosts[1]->write(global_reg::kControl, 0);
  fabric->run_for(3'000'000);
  hosts[0]->post(send(0, 1, 0, 64, 1, 1), true);
  hosts[0]->post(send(0, 1, 0, 20'000, 1, 2), true);
  EXPECT_EQ(status(completion(0, 1)), Status::kRetryExceeded);
  EXPECT_EQ(status(completion(0, 2)), Status::kRetryExceeded);
  const Cqe error = event(0, Opcode::kQpError);
  EXPECT_EQ(error.source, 1);
  EXPECT_EQ(error.detail, static_cast<unsigned>(QpKind::kMsg));
  hosts[0]->post(send(0, 1, 0, 64, 1, 3), true);
  EXPECT_EQ(status(completion(0, 3)), Status::kRetryExceeded) << "at once";
  hosts[0]->post(recv(0, 0, 1000, 64, 5, 4), true);
  hosts[0]->post(send(0, 0, 0, 64, 5, 5), true);
  EXPECT_EQ(status(completion(0, 4)), Status::kOk) << "the endpoint works on";
}

/// Many messages of mixed sizes both ways over links with faults of every kind: each arrives once, whole, in order.
class Faults : public Device, public ::testing::WithParamInterface<std::tuple<unsigned, double>> {};

TEST_P(Faults, every_message_arrives_once_and_in_order) {
  const auto [pmtu, rate] = GetParam();
  RawOptions options;
  options.pmtu = pmtu;
  tally::sim::FabricConfig config;
  config.loss = config.duplicate = config.reorder = config.corrupt = rate;
  config.seed = tally::test::seed(77);
  start(2, options, config);
  constexpr std::uint32_t kCount = 40;
  constexpr std::uint32_t kSizes[] = {0, 8, 192, 193, 4032, 4033, 20'001};
  for (std::uint32_t i = 0; i < kCount; ++i)
    for (unsigned from = 0; from < 2; ++from) {
      const std::uint32_t length = kSizes[(i + from) % 7];
      const std::size_t at = 20'480 * i + from;  // sources in the first half, buffers in the second
      fill(from, at, length, i + 1);
      // All receives are alike: order alone decides which message each takes.
      RecvDesc r = recv(1 - from, from, at + kMemory / 2, 20'001, 3, i);
      hosts[1 - from]->post(r, false);
      hosts[from]->post(send(from, 1 - from, at, length, 3, 100 + i), false);
      fabric->run_for(2'000'000);
    }
  for (std::uint32_t i = 0; i < kCount; ++i)
    for (unsigned from = 0; from < 2; ++from) {
      const std::uint32_t length = kSizes[(i + from) % 7];
      const std::size_t at = 20'480 * i + from;  // sources in the first half, buffers in the second
      const Cqe got = completion(1 - from, i);
      EXPECT_EQ(status(got), Status::kOk);
      EXPECT_EQ(got.length, length) << "message " << i << " of " << from;
      EXPECT_EQ(std::memcmp(memory[from].data() + at, memory[1 - from].data() + at + kMemory / 2, length), 0);
      EXPECT_EQ(status(completion(from, 100 + i)), Status::kOk);
    }
  if (rate > 0) {
    EXPECT_GT(hosts[0]->read(global_reg::kCntIcrcErrors) + hosts[1]->read(global_reg::kCntIcrcErrors), 0u);
    EXPECT_GT(hosts[0]->read(global_reg::kCntRetransmits) + hosts[0]->read(global_reg::kCntReadRetries), 0u);
  } else {
    EXPECT_EQ(hosts[0]->read(global_reg::kCntRetransmits) + hosts[0]->read(global_reg::kCntReadRetries), 0u);
  }
}
INSTANTIATE_TEST_SUITE_P(Links, Faults, ::testing::Combine(::testing::Values(256u, 1024u, 4096u), ::testing::Values(0.0, 0.02)));

/// An allreduce of f64 sums by both algorithms on the device against the same tree in plain arithmetic (integers in
/// doubles: exact whatever the order).
class Collective : public Device, public ::testing::WithParamInterface<std::tuple<unsigned, unsigned, bool>> {
 protected:
  void allreduce(unsigned ranks, unsigned count, bool ring);
};

void Collective::allreduce(unsigned ranks, unsigned count, bool ring) {
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
    d.chunk_bytes = static_cast<std::uint32_t>(
        tally::schedule::chunk_bytes(count, 8, schedule.chunks, schedule.max_chunk_bytes));
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

TEST_P(Collective, allreduce_sums_on_the_devices) {
  const auto [ranks, count, ring] = GetParam();
  start(ranks);
  allreduce(ranks, count, ring);
}
INSTANTIATE_TEST_SUITE_P(Ranks, Collective,
                         ::testing::Combine(::testing::Values(1u, 2u, 3u, 4u, 5u, 8u), ::testing::Values(0u, 1u, 513u, 5000u),
                                            ::testing::Bool()));

/// The same in both forms of long data and all packet sizes, over links that lose, copy, reorder and corrupt frames.
class CollectiveForms : public Collective {};

TEST_P(CollectiveForms, allreduce_sums_over_bad_links_as_write_and_as_send) {
  const auto [ranks, pmtu, coll_write] = GetParam();
  RawOptions options;
  options.pmtu = pmtu;
  options.coll_write = coll_write;
  tally::sim::FabricConfig config;
  config.loss = config.duplicate = config.reorder = config.corrupt = 0.02;
  config.seed = tally::test::seed(78);
  start(ranks, options, config);
  allreduce(ranks, 12'345, true);
  std::uint64_t corrupt = 0, again = 0;
  for (unsigned r = 0; r < ranks; ++r) {
    again += hosts[r]->read(global_reg::kCntRetransmits);
    corrupt += hosts[r]->read(global_reg::kCntIcrcErrors);
  }
  EXPECT_GT(corrupt, 0u);
  EXPECT_GT(again, 0u);
}
INSTANTIATE_TEST_SUITE_P(Forms, CollectiveForms,
                         ::testing::Combine(::testing::Values(2u, 4u), ::testing::Values(256u, 512u, 1024u, 4096u),
                                            ::testing::Bool()));

}  // namespace
