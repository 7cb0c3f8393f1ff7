// SPDX-License-Identifier: BSD-3-Clause
// The driver, rule by rule, on a model of the device's interface.
#include <cstdlib>

#include "engine/ring/environment.hpp"
#include "ring/ring_fixture.hpp"
#include "tally/device_registers.hpp"

namespace tally::test {
namespace {

using ring::RingEngine;

std::string refusal(FakeDevice& device, unsigned rank, unsigned ranks) {
  try {
    RingEngine engine(device, rank, ranks);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "none";
}

TEST(RingEngineBringUp, refuses_what_is_not_this_device) {
  FakeDevice device;
  EXPECT_EQ(refusal(device, 0, 2), "none");
  EXPECT_NE(refusal(device, 0, 17).find("17 ranks"), std::string::npos);
  EXPECT_NE(refusal(device, 2, 2).find("rank 2 of 2"), std::string::npos);
  device.registers[device::global_reg::kVersion / 4] += 1;  // a lower half of another value is compatible
  EXPECT_EQ(refusal(device, 0, 2), "none");
  device.registers[device::global_reg::kVersion / 4] += 1 << 16;
  EXPECT_NE(refusal(device, 0, 2).find("version " + std::to_string((device::kDeviceVersion >> 16) + 1)), std::string::npos);
  device.registers[device::global_reg::kId / 4] = 0xffffffff;
  EXPECT_NE(refusal(device, 0, 2).find("no Tally device"), std::string::npos);
  device.alive_ = false;
  EXPECT_NE(refusal(device, 0, 2).find("does not answer"), std::string::npos);
  EXPECT_TRUE(device.broken_rules.empty());
}

TEST(RingEngineBringUp, comes_up_where_the_window_refuses_writes_now_and_then) {
  FakeDevice device(7);
  device.refuse_percent = 50;
  RingEngine engine(device, 1, 3);
  EXPECT_EQ(device.registers[device::ep_reg::kEnable / 4], 1u);
  EXPECT_EQ(device.registers[device::ep_reg::kRank / 4], 1u);
  EXPECT_TRUE(device.broken_rules.empty());
}

TEST_F(RingEngineTest, posts_through_the_window_when_idle_and_through_the_ring_in_a_burst) {
  open();
  ASSERT_TRUE(send(100, 1, 0, 1).ok());
  EXPECT_EQ(device_.window_posts, 1u);
  EXPECT_EQ(device_.ring_posts, 0u);
  ASSERT_TRUE(send(100, 2, 0, 2).ok());
  ASSERT_TRUE(send(100, 3, 0, 3).ok());
  EXPECT_EQ(device_.window_posts, 1u);
  EXPECT_EQ(device_.ring_posts, 2u);
  device_.consume();
  while (device_.complete_send()) {
  }
  EXPECT_EQ(poll().size(), 3u);
  ASSERT_TRUE(send(100, 1, 0, 4).ok());
  EXPECT_EQ(device_.window_posts, 2u);
}

TEST_F(RingEngineTest, posts_a_first_receive_and_a_send_behind_receives_through_the_window) {
  open();
  for (std::uint32_t k = 0; k < 5; ++k) ASSERT_TRUE(recv(8, 1, k, k).ok());
  EXPECT_EQ(device_.window_posts, 1u) << "receives that join others are in no hurry";
  ASSERT_TRUE(send(8, 1, 0, 9).ok());
  EXPECT_EQ(device_.window_posts, 2u);
}

TEST_F(RingEngineTest, stores_small_payloads_in_the_descriptor) {
  open();
  for (std::size_t k = 0; k < 64; ++k) memory_[k] = static_cast<std::byte>(k + 1);
  ASSERT_TRUE(send(32, 1, 5, 1).ok());
  ASSERT_TRUE(send(33, 1, 5, 2).ok());
  device_.consume();
  ASSERT_EQ(device_.sends.size(), 2u);
  EXPECT_EQ(device_.sends[0].flags, device::kMsgFlagInline);
  EXPECT_EQ(std::memcmp(device_.sends[0].inline_data, memory_.data(), 32), 0);
  EXPECT_EQ(device_.sends[1].flags, 0);
  EXPECT_EQ(device_.sends[1].addr, reinterpret_cast<std::uintptr_t>(memory_.data()));
  EXPECT_EQ(device_.sends[1].key, key_);
  EXPECT_EQ(counters().cpu_copied_bytes, 0u);
}

TEST_F(RingEngineTest, needs_no_region_for_nothing) {
  open();
  EXPECT_TRUE(engine_->post_send({.buffer = nullptr, .length = 0, .destination = 1}).ok());
  EXPECT_TRUE(engine_->post_recv({.buffer = nullptr, .length = 0, .source = 1}).ok());
  device_.consume();
  EXPECT_EQ(device_.sends.size() + device_.receives.size(), 2u);
}

TEST_F(RingEngineTest, hands_wildcards_to_the_device) {
  open();
  ASSERT_TRUE(
      engine_->post_recv({.buffer = nullptr, .length = 0, .source = 999, .any_source = true, .any_tag = true})
          .ok());
  device_.consume();
  EXPECT_EQ(device_.receives[0].flags, device::kMsgFlagAnySource | device::kMsgFlagAnyTag);
}

TEST_F(RingEngineTest, refuses_arguments_by_name) {
  open();
  EXPECT_EQ(send(8, 4, 0, 0).code(), TALLY_ERR_ARGUMENT);
  EXPECT_NE(send(8, 4, 0, 0).message().find("destination 4"), std::string::npos);
  EXPECT_NE(recv(8, 9, 0, 0).message().find("source 9"), std::string::npos);
  EXPECT_EQ(send(std::uint64_t{1} << 32, 1, 0, 0).code(), TALLY_ERR_ARGUMENT);
  EXPECT_EQ(send(memory_.size() + 1, 1, 0, 0).code(), TALLY_ERR_NOT_REGISTERED);
  EXPECT_EQ(recv(memory_.size() + 1, 1, 0, 0).code(), TALLY_ERR_NOT_REGISTERED);
  EXPECT_TRUE(poll().empty());
}

TEST_F(RingEngineTest, refuses_a_key_that_outlived_its_region) {
  open();
  std::vector<std::byte> other(100);
  std::uint32_t old_key = 0;
  std::uint32_t new_key = 0;
  ASSERT_TRUE(engine_->register_memory(other.data(), 100, &old_key).ok());
  ASSERT_TRUE(engine_->deregister_memory(old_key).ok());
  EXPECT_EQ(device_.regions[old_key & 0xff].word >> 31, 0u);
  ASSERT_TRUE(engine_->register_memory(other.data(), 100, &new_key).ok());
  EXPECT_NE(old_key, new_key);
  const SendDescriptor d{.buffer = other.data(), .length = 50, .key = old_key, .destination = 1};
  EXPECT_EQ(engine_->post_send(d).code(), TALLY_ERR_NOT_REGISTERED);
  EXPECT_EQ(engine_->deregister_memory(old_key).code(), TALLY_ERR_ARGUMENT);
}

TEST_F(RingEngineTest, keeps_a_region_while_an_operation_uses_it) {
  open();
  ASSERT_TRUE(recv(100, 1, 0, 0).ok());
  EXPECT_EQ(engine_->deregister_memory(key_).code(), TALLY_ERR_BUSY);
  device_.consume();
  ASSERT_TRUE(device_.complete_recv());
  EXPECT_EQ(engine_->deregister_memory(key_).code(), TALLY_ERR_BUSY);
  EXPECT_EQ(poll().size(), 1u);
  EXPECT_TRUE(engine_->deregister_memory(key_).ok());
}

TEST_F(RingEngineTest, names_the_limit_when_all_regions_are_in_use) {
  open();
  std::uint32_t key = 0;
  for (std::uint32_t k = 1; k < device::kMrEntries; ++k) {
    ASSERT_TRUE(engine_->register_memory(memory_.data() + k, 1, &key).ok());
  }
  const Status status = engine_->register_memory(memory_.data(), 1, &key);
  EXPECT_EQ(status.code(), TALLY_ERR_NO_MEMORY);
  EXPECT_NE(status.message().find("at most 64"), std::string::npos);
}

TEST_F(RingEngineTest, holds_sends_beyond_the_window_of_their_peer_alone) {
  open(16, {.operations = 500});  // 192 cells for each peer, of 256 bytes
  EXPECT_EQ(device_.registers[device::global_reg::kTxWindow / 4], 192u);
  device_.tags_count_up = true;
  for (std::uint32_t k = 0; k < 15; ++k) ASSERT_TRUE(send(4000, 1, k, k).ok());  // 16 cells each
  device_.consume();
  EXPECT_EQ(device_.sends.size(), 12u);
  ASSERT_TRUE(send(8, 2, 0, 50).ok());  // another peer is not held up
  device_.consume();
  EXPECT_EQ(device_.sends.size(), 13u);
  EXPECT_EQ(counters().fallback_send_window, 3u);
  ASSERT_TRUE(device_.complete_send());
  EXPECT_EQ(poll().size(), 1u);
  device_.consume();
  EXPECT_EQ(device_.sends.back().tag, 12u);
  EXPECT_EQ(device_.sends.size(), 13u);
}

TEST_F(RingEngineTest, leaves_each_rank_some_of_the_sends_that_the_device_takes) {
  open(3, {.operations = 500});
  for (std::uint32_t k = 0; k < 200; ++k) ASSERT_TRUE(send(8, 1, k, k).ok());
  device_.consume();
  EXPECT_EQ(device_.sends.size(), device::kEagerSends - 8);  // less 4 for each of the others
  for (std::uint32_t k = 0; k < 6; ++k) ASSERT_TRUE(send(8, 2, k, k).ok());
  device_.consume();
  EXPECT_EQ(device_.sends.size(), device::kEagerSends - 4);
}

TEST_F(RingEngineTest, holds_no_rendezvous_for_those_before_it) {
  open(2, {.operations = 1000, .eager_max = 100});
  for (std::uint32_t k = 0; k < 700; ++k) ASSERT_TRUE(send(101, 1, k, k).ok());
  ASSERT_TRUE(send(100, 1, 700, 700).ok());
  for (int round = 0; round < 5; ++round) {
    device_.consume();
    (void)device_.complete_other();  // Nop
    poll();
  }
  EXPECT_EQ(device_.sends.size(), 701u);
  EXPECT_EQ(counters().fallback_send_window, 0u);
}

TEST_F(RingEngineTest, asks_for_a_rendezvous_of_short_synchronous_sends) {
  open(2, {.operations = 1000, .eager_max = 100});
  for (const std::uint32_t length : {0u, 8u, 100u, 101u}) {
    SendDescriptor send;
    send.buffer = memory_.data();
    send.length = length;
    send.key = key_;
    send.destination = 1;
    send.cookie = length;
    send.synchronous = true;
    ASSERT_TRUE(engine_->post_send(send).ok());
    device_.consume();
    EXPECT_EQ(device_.sends.back().flags, device::kMsgFlagSync) << length;
    EXPECT_EQ(device_.sends.back().length, length);
  }
}

TEST_F(RingEngineTest, holds_sends_and_collectives_until_every_rank_is_up) {
  int awaited = 2;
  ring::RingEngineOptions options;
  options.awaited_rank = [&] { return awaited; };
  open(4, options);
  ASSERT_TRUE(send(8, 1, 0, 1).ok());
  ASSERT_TRUE(recv(8, 1, 0, 2).ok());
  poll();
  device_.consume();
  EXPECT_EQ(device_.sends.size(), 0u);
  EXPECT_EQ(device_.receives.size(), 1u);
  EXPECT_NE(engine_->describe_pending().find("rank 2 has not opened its endpoint"), std::string::npos);
  awaited = -1;
  poll();
  device_.consume();
  EXPECT_EQ(device_.sends.size(), 1u);
  EXPECT_EQ(counters().fallback_send_window, 0u);
}

TEST_F(RingEngineTest, takes_over_from_the_device_when_its_posted_entries_are_used_up) {
  open(4, {.posted = 4});
  for (std::uint32_t k = 0; k < 6; ++k) ASSERT_TRUE(recv(8, 1, k, k).ok());
  device_.consume();
  EXPECT_EQ(device_.receives.size(), 4u);
  ASSERT_EQ(device_.others.size(), 1u);
  EXPECT_EQ(device_.others[0].opcode, static_cast<std::uint8_t>(device::Opcode::kSpillOn));
  EXPECT_EQ(counters().fallback_posted_full, 2u);
  EXPECT_EQ(counters().handovers_to_host, 1u);
  ASSERT_TRUE(device_.complete_other());
  poll();
  device_.consume();
  ASSERT_EQ(device_.receives.size(), 6u);  // two searches
  EXPECT_EQ(device_.receives[4].flags, device::kMsgFlagNoAppend);
  EXPECT_NE(engine_->describe_pending().find("the host stands in"), std::string::npos);
}

TEST_F(RingEngineTest, holds_what_meets_a_full_ring_and_says_again_when_software_is_full) {
  open(2, {.sq_log2 = 2, .operations = 10});
  for (std::uint32_t k = 0; k < 10; ++k)
    ASSERT_TRUE(send(8, static_cast<std::uint16_t>(k % 2), k, k).ok()) << k;
  EXPECT_EQ(counters().fallback_ring_full,
            7u);  // three fit, with the Nop that tells how far the device has read
  EXPECT_EQ(send(8, 0, 10, 10).code(), TALLY_AGAIN);
  EXPECT_EQ(recv(8, 0, 10, 10).code(), TALLY_AGAIN);
  device_.tags_count_up = true;
  std::vector<std::uint32_t> cookies;
  for (int round = 0; round < 20; ++round) {
    device_.consume();
    while (device_.complete_send() || device_.complete_other()) {
    }
    for (const Completion& c : poll()) cookies.push_back(c.cookie);
  }
  std::sort(cookies.begin(), cookies.end());
  ASSERT_EQ(cookies.size(), 10u);
  for (std::uint32_t k = 0; k < 10; ++k) EXPECT_EQ(cookies[k], k);
  EXPECT_TRUE(send(8, 0, 10, 10).ok());
}

TEST_F(RingEngineTest, learns_from_a_nop_that_the_device_has_read_receives) {
  for (unsigned log2 = 1; log2 < 4; ++log2) {
    FakeDevice device;
    ring::RingEngine engine(device, 0, 2, {.sq_log2 = log2});
    for (std::uint32_t k = 0; k < 40; ++k)
      ASSERT_TRUE(engine.post_recv({.source = 1, .tag = k, .cookie = k}).ok());
    std::vector<Completion> out(10);
    for (int round = 0; round < 60; ++round) {
      device.consume();
      (void)device.complete_other();
      EXPECT_EQ(engine.poll(out), 0u);
    }
    EXPECT_EQ(device.receives.size(), 40u);
    EXPECT_TRUE(device.broken_rules.empty());
  }
}

TEST_F(RingEngineTest, tells_the_device_at_once_that_a_ring_of_one_completion_is_read) {
  open(2, {.cq_log2 = 0});
  for (std::uint32_t k = 0; k < 5; ++k) ASSERT_TRUE(send(8, 1, k, k).ok());
  device_.consume();
  for (std::uint32_t k = 0; k < 5; ++k) {
    ASSERT_TRUE(device_.complete_send());
    EXPECT_FALSE(device_.complete_send());
    EXPECT_EQ(poll().size(), 1u);
  }
}

TEST_F(RingEngineTest, rings_again_where_the_window_refused_the_doorbell) {
  open();
  device_.refuse_percent = 100;
  ASSERT_TRUE(send(8, 1, 0, 1).ok());
  ASSERT_TRUE(send(8, 2, 0, 2).ok());
  EXPECT_EQ(device_.window_posts + device_.ring_posts, 0u);
  device_.refuse_percent = 0;
  poll();
  device_.consume();
  EXPECT_EQ(device_.sends.size(), 2u);
}

TEST_F(RingEngineTest, reports_each_status_of_the_device_as_its_own) {
  open();
  const std::pair<device::Status, tally_status> expected[] = {
      {device::Status::kOk, TALLY_OK},
      {device::Status::kTruncated, TALLY_ERR_TRUNCATED},
      {device::Status::kProtection, TALLY_ERR_PROTECTION},
      {device::Status::kRemoteProtection, TALLY_ERR_PROTECTION},
      {device::Status::kBadOpcode, TALLY_ERR_UNSUPPORTED},
      {device::Status::kBadField, TALLY_ERR_INTERNAL},
      {device::Status::kMismatch, TALLY_ERR_MISMATCH},
      {device::Status::kAborted, TALLY_ERR_ABORTED},
      {device::Status::kRetryExceeded, TALLY_ERR_PEER},
      {device::Status::kRnrExceeded, TALLY_ERR_PEER},
      {device::Status::kUnsupported, TALLY_ERR_UNSUPPORTED},
      {static_cast<device::Status>(99), TALLY_ERR_INTERNAL}};
  for (const auto& [status, code] : expected) {
    ASSERT_TRUE(recv(100, 1, 3, 77).ok());
    device_.consume();
    device_.cycles = 500;
    ASSERT_TRUE(device_.complete_recv(status, 4000, 3, 1));
    const auto done = poll();
    ASSERT_EQ(done.size(), 1u);
    EXPECT_EQ(done[0].status, code) << static_cast<int>(status);
    EXPECT_EQ(done[0].cookie, 77u);
    EXPECT_EQ(done[0].length, 4000u);
    EXPECT_EQ(done[0].tag, 3u);
    EXPECT_EQ(done[0].source, 1u);
    EXPECT_EQ(done[0].device_ns, 2000u);  // 500 cycles of 4 ns
  }
}

TEST_F(RingEngineTest, gives_no_more_completions_than_there_is_room_for) {
  open();
  for (std::uint32_t k = 0; k < 5; ++k) ASSERT_TRUE(recv(8, 1, k, k).ok());
  device_.consume();
  while (device_.complete_recv()) {
  }
  EXPECT_EQ(poll(2).size(), 2u);
  EXPECT_EQ(poll(2).size(), 2u);
  EXPECT_EQ(poll(2).size(), 1u);
}

TEST_F(RingEngineTest, extends_device_counters_beyond_32_bits) {
  device_.registers[device::global_reg::kCntReducedBeats / 4] = 0xfffffff0;
  device_.registers[device::global_reg::kCntTxPackets / 4] = 5;
  open();
  EXPECT_EQ(counters().device_reduced_bytes, 0u);  // since open
  device_.registers[device::global_reg::kCntReducedBeats / 4] = 0x10;
  device_.registers[device::global_reg::kCntTxPackets / 4] = 12;
  EXPECT_EQ(counters().device_reduced_bytes, 0x20u * 64);
  EXPECT_EQ(counters().device_tx_packets, 7u);
  device_.registers[device::global_reg::kCntReducedBeats / 4] = 0;
  EXPECT_EQ(counters().device_reduced_bytes, ((std::uint64_t{1} << 32) + 0x10) * 64);
}

TEST_F(RingEngineTest, ends_every_operation_when_the_device_is_gone) {
  open();
  ASSERT_TRUE(send(8, 1, 0, 1).ok());
  for (std::uint32_t k = 0; k < 70; ++k) ASSERT_TRUE(recv(8, 1, k, 100 + k).ok());
  device_.consume();
  ASSERT_TRUE(device_.complete_send());
  device_.alive_ = false;
  std::vector<Completion> done = poll();  // what was finished is finished
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_OK);
  done = poll(50);
  EXPECT_EQ(done.size(), 50u);
  const auto rest = poll(50);
  EXPECT_EQ(rest.size(), 20u);
  done.insert(done.end(), rest.begin(), rest.end());
  for (const Completion& c : done) EXPECT_EQ(c.status, TALLY_ERR_JOB);
  EXPECT_EQ(send(8, 1, 0, 1).code(), TALLY_ERR_JOB);
  EXPECT_TRUE(poll().empty());
  EXPECT_NE(engine_->describe_pending().find("gone"), std::string::npos);
}

TEST_F(RingEngineTest, gives_up_on_a_device_that_breaks_the_protocol) {
  open();
  ASSERT_TRUE(recv(8, 1, 0, 5).ok());
  device_.consume();
  device::Cqe cqe{};
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kSpillOff);  // nobody asked
  ASSERT_TRUE(device_.push(cqe));
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_INTERNAL);
  EXPECT_NE(send(8, 1, 0, 1).message().find("spill mode"), std::string::npos);
}

TEST_F(RingEngineTest, ignores_no_completion_of_what_it_never_posted) {
  open();
  device::Cqe cqe{};
  cqe.cookie = 3;
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kSend);
  ASSERT_TRUE(device_.push(cqe));
  poll();
  EXPECT_EQ(send(8, 1, 0, 1).code(), TALLY_ERR_INTERNAL);
}

TEST_F(RingEngineTest, tells_what_each_operation_waits_for) {
  open(16);
  for (std::uint32_t k = 0; k < 13; ++k) ASSERT_TRUE(send(4000, 1, k, k).ok());
  ASSERT_TRUE(engine_
                  ->post_recv({.buffer = memory_.data(),
                               .length = 10,
                               .key = key_,
                               .context = 2,
                               .any_source = true,
                               .any_tag = false,
                               .tag = 9})
                  .ok());
  const std::string text = engine_->describe_pending();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 15) << text;
  EXPECT_EQ(text.find("1 sends are held: the device takes 49152 bytes of messages for each receiver"), 0u)
      << text;
  EXPECT_NE(text.find("send of 4000 bytes to rank 1, tag 12, context 0: held: rank 1 has not taken"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("receive of 10 bytes from any rank, tag 9, context 2: on the device"),
            std::string::npos)
      << text;
}

TEST_F(RingEngineTest, names_the_rank_whose_queue_pair_gave_up) {
  open(4);
  ASSERT_TRUE(send(8, 2, 0, 7).ok());
  device_.consume();
  ASSERT_TRUE(device_.complete_send(device::Status::kRetryExceeded));
  device::Cqe cqe{};
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kQpError);
  cqe.source = 2;
  cqe.detail = static_cast<std::uint32_t>(device::QpKind::kMsg);
  ASSERT_TRUE(device_.push(cqe));
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_PEER);
  EXPECT_EQ(done[0].source, 2u);
  EXPECT_EQ(send(8, 2, 0, 7).code(), TALLY_ERR_PEER);
  EXPECT_NE(send(8, 2, 0, 7).message().find("rank 2 does not answer"), std::string::npos);
  EXPECT_NE(engine_->describe_pending().find("rank 2 does not answer"), std::string::npos);
  EXPECT_TRUE(send(8, 1, 0, 8).ok());
}

TEST_F(RingEngineTest, takes_a_late_fin_of_a_rendezvous_that_was_given_up_for_no_other_operation) {
  open(4);
  ASSERT_TRUE(send(5000, 2, 0, 7).ok());
  device_.consume();
  ASSERT_EQ(device_.sends.size(), 1u);
  device::Cqe cqe{};
  cqe.cookie = device_.sends.front().cookie;
  cqe.opcode = static_cast<std::uint8_t>(device::Opcode::kSend);
  cqe.flags = device::kCqeFlagRendezvous;
  cqe.status = static_cast<std::uint8_t>(device::Status::kRetryExceeded);
  device_.sends.pop_front();
  ASSERT_TRUE(device_.push(cqe));
  const auto done = poll();
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_PEER);
  ASSERT_TRUE(engine_->deregister_memory(key_).ok()) << "the region is free";
  ASSERT_TRUE(engine_->register_memory(memory_.data(), memory_.size(), &key_).ok());
  ASSERT_TRUE(send(8, 1, 0, 8).ok());
  device_.consume();
  EXPECT_NE(device_.sends.front().cookie, cqe.cookie);
  cqe.status = static_cast<std::uint8_t>(device::Status::kOk);
  ASSERT_TRUE(device_.push(cqe));
  EXPECT_TRUE(poll().empty());
  ASSERT_TRUE(device_.complete_send());
  EXPECT_EQ(poll().size(), 1u) << "the engine goes on";
}

TEST_F(RingEngineTest, connects_every_queue_pair_to_its_peer) {
  ring::RingEngineOptions options;
  options.endpoint = 0;
  options.addresses = {ring::simulated_address(7, 0), ring::simulated_address(7, 1),
                       ring::simulated_address(9, 2)};
  open(3, options);
  EXPECT_EQ(device_.registers[device::global_reg::kIp / 4], device::kIpPrefix + 8);
  EXPECT_EQ(device_.registers[device::global_reg::kMacHi / 4], 0x0254u);
  EXPECT_EQ(device_.registers[device::global_reg::kMacLo / 4], 0x4c000007u);
  for (std::uint32_t kind = 0; kind < 3; ++kind) {
    EXPECT_EQ(device_.queue_pairs[kind * 64 + 1].qpn, 0x100 + kind * 64 + 16);
    EXPECT_EQ(device_.queue_pairs[kind * 64 + 2].qpn, 0x100 + kind * 64 + 32);
    EXPECT_EQ(device_.queue_pairs[kind * 64 + 2].ip, device::kIpPrefix + 10);
    EXPECT_EQ(device_.queue_pairs[kind * 64 + 2].mac, 0x02544c000009u);
  }
}

TEST(RingEngineOptions, are_refused_by_name_when_out_of_range) {
  const auto refusal_of = [](ring::RingEngineOptions options) -> std::string {
    FakeDevice device;
    try {
      RingEngine engine(device, 0, 2, options);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_EQ(refusal_of({}), "none");
  EXPECT_NE(refusal_of({.sq_log2 = 0}).find("sq_log2 is 0, it must be 1 to 15"), std::string::npos);
  EXPECT_NE(refusal_of({.cq_log2 = 16}).find("cq_log2 is 16"), std::string::npos);
  EXPECT_NE(refusal_of({.mtu = 300}).find("mtu is 300"), std::string::npos);
  EXPECT_NE(refusal_of({.mtu = 1024, .eager_max = 961}).find("eager_max is 961, it must be 0 to 960"),
            std::string::npos);
  EXPECT_NE(refusal_of({.first_posted = 4000, .posted = 100}).find("posted is 100, it must be 1 to 96"),
            std::string::npos);
  EXPECT_NE(refusal_of({.bounce = 1025}).find("bounce is 1025"), std::string::npos);
  EXPECT_NE(refusal_of({.bounce = 1024}).find("bytes of shared memory"), std::string::npos);
  EXPECT_NE(refusal_of({.memory_offset = 100}).find("memory_offset 100"), std::string::npos);
}

TEST(RingEnvironment, sets_options_and_names_the_variable_that_is_wrong) {
  const auto with = [](const char* variable, const char* value, ring::RingEngineOptions* options) {
    setenv(variable, value, 1);
    Status status = ring::read_environment(options);
    unsetenv(variable);
    return status;
  };
  ring::RingEngineOptions o;
  EXPECT_TRUE(with("TALLY_MTU", "1024", &o).ok());
  EXPECT_TRUE(with("TALLY_EAGER_MAX", "0", &o).ok());
  EXPECT_TRUE(with("TALLY_POSTED", "7", &o).ok());
  EXPECT_TRUE(with("TALLY_UNEXPECTED", "0", &o).ok());
  EXPECT_TRUE(with("TALLY_BOUNCE", "3", &o).ok());
  EXPECT_TRUE(with("TALLY_SPILL", "4", &o).ok());
  EXPECT_TRUE(with("TALLY_CQ", "1", &o).ok());
  EXPECT_TRUE(with("TALLY_PUSH_MAX", "0", &o).ok());
  EXPECT_EQ(o.mtu, 1024u);
  EXPECT_EQ(o.eager_max, 0u);
  EXPECT_EQ(o.posted, 7u);
  EXPECT_EQ(o.unexpected, 0u);
  EXPECT_EQ(o.bounce, 3u);
  EXPECT_EQ(o.spill_log2, 2u);
  EXPECT_EQ(o.cq_log2, 0u);
  EXPECT_EQ(o.push_max, 0u);
  const std::pair<const char*, const char*> wrong[] = {
      {"TALLY_MTU", "300"},  {"TALLY_MTU", "128"},     {"TALLY_EAGER_MAX", "961"}, {"TALLY_POSTED", "0"},
      {"TALLY_POSTED", "x"}, {"TALLY_BOUNCE", "2000"}, {"TALLY_SPILL", "3"},       {"TALLY_SPILL", ""},
      {"TALLY_CQ", "-1"},    {"TALLY_CQ", "65536"},    {"TALLY_PUSH_MAX", "4097"}};
  for (const auto& [variable, value] : wrong) {
    const Status status = with(variable, value, &o);
    EXPECT_EQ(status.code(), TALLY_ERR_ARGUMENT) << variable << value;
    EXPECT_EQ(status.message().find(std::string(variable) + ": '" + value + "'"), 0u) << status.message();
  }
  EXPECT_EQ(o.mtu, 1024u);
}

}  // namespace
}  // namespace tally::test
