// SPDX-License-Identifier: BSD-3-Clause
// Each descriptor, message and error of the message path by itself. Completions and bytes are compared by the
// bench.
#include <gtest/gtest.h>

#include <cstring>

#include "bench.hpp"

namespace {

using namespace tally::test;
namespace device = tally::device;
using device::Opcode;
using device::PacketType;
using device::QpKind;
using device::Status;

constexpr unsigned kContext = 3;

device::RecvDesc receive(unsigned ep, unsigned peer, std::uint32_t tag, unsigned handle, std::uint32_t room,
                         std::uint32_t cookie) {
  return recv_desc(Opcode::kRecv, peer, kContext, tag, handle, Bench::recv_area(ep) + 4096 * cookie, room,
                   cookie, Bench::recv_key(ep));
}
device::RecvDesc send(unsigned ep, unsigned peer, std::uint32_t tag, std::uint32_t bytes,
                      std::uint32_t cookie) {
  return send_desc(peer, kContext, tag, Bench::send_area(ep) + 999 * cookie, bytes, cookie,
                   Bench::send_key(ep));
}
device::RecvDesc plain(Opcode opcode, std::uint32_t cookie, unsigned handle = 0) {
  return recv_desc(opcode, 0, kContext, 0, handle, 0, 0, cookie, 0);
}

void expect_status(const Bench& bench, unsigned ep, std::uint32_t cookie, Status status,
                   std::uint32_t detail = 0) {
  const auto* completion = bench.find(ep, cookie);
  ASSERT_NE(completion, nullptr) << "no completion of " << cookie;
  EXPECT_EQ(completion->cqe.status, static_cast<std::uint8_t>(status)) << "cookie " << cookie;
  EXPECT_EQ(completion->cqe.detail, detail) << "cookie " << cookie;
}

TEST(Command, nop_and_unknown_opcodes_complete_at_once) {
  Bench bench({});
  for (const unsigned opcode : {0u, 10u, 17u, 18u, 255u}) {
    bench.submit(opcode % 4, plain(static_cast<Opcode>(opcode), opcode));
  }
  bench.expect_finished();
  expect_status(bench, 0, 0, Status::kOk);
  for (const unsigned opcode : {10u, 17u, 18u, 255u})
    expect_status(bench, opcode % 4, opcode, Status::kBadOpcode);
}

TEST(Command, fields_out_of_range_are_named) {
  Bench bench({});
  const auto set = [](device::RecvDesc desc, auto change) {
    change(desc);
    return desc;
  };
  bench.submit(1, send(1, 6, 1, 4, 1));
  bench.submit(1, send(1, 2, 0x80000000, 4, 2));
  bench.submit(1, set(inline_desc(2, kContext, 1, 33, 3), [](auto&) {}));
  bench.submit(1, receive(1, 6, 1, 0, 4, 4));
  bench.submit(1, receive(1, 2, 0xffffffff, 0, 4, 5));
  bench.submit(1, receive(1, 2, 1, 16, 4, 6));
  bench.submit(1, plain(Opcode::kCancel, 7, 16));
  bench.submit(1, set(plain(Opcode::kProbe, 8), [](auto& d) { d.peer = 6; }));
  bench.submit(1, set(plain(Opcode::kProbe, 9), [](auto& d) { d.tag = 0x80000000; }));
  bench.submit(1, plain(Opcode::kMrecv, 10, 4096));
  bench.submit(1, set(plain(Opcode::kFetch, 11), [](auto& d) { d.peer = 6; }));
  bench.submit(1, set(inline_desc(2, kContext, 1, 4, 12), [](auto& d) { d.flags |= device::kMsgFlagSync; }));
  bench.expect_finished();
  const unsigned field[] = {0, 4, 8, 24, 4, 8, 6, 6, 4, 8, 6, 4, 1};
  for (unsigned i = 1; i <= 12; ++i) expect_status(bench, 1, i, Status::kBadField, field[i]);
  EXPECT_TRUE(bench.sent_cycles.empty());
}

TEST(Command, wildcards_and_searches_ignore_the_fields_they_replace) {
  Bench bench({});
  auto any = receive(0, 99, 0xffffffff, 3, 4, 1);
  any.flags = device::kMsgFlagAnySource | device::kMsgFlagAnyTag;
  auto search = receive(0, 1, 1, 0xffff, 4, 2);
  search.flags = device::kMsgFlagNoAppend;
  bench.submit(0, any);
  bench.submit(0, search);
  bench.expect_finished();
  EXPECT_TRUE(bench.reference.posted(0, 3));
  expect_status(bench, 0, 2, Status::kNotPosted);
}

TEST(Command, buffers_outside_their_region_are_refused) {
  Bench bench({});
  auto wrong_key = send(2, 1, 1, 4, 1);
  wrong_key.key ^= 1 << 12;
  auto other_endpoint = send(2, 1, 1, 4, 2);
  other_endpoint.key = Bench::send_key(1);
  auto past_end = receive(2, 1, 1, 0, 4, 3);
  past_end.addr = Bench::recv_area(2) + (2u << 20) - 3;
  auto claimed = plain(Opcode::kMrecv, 4, 0);
  claimed.length = 1;
  auto fetch = plain(Opcode::kFetch, 5);
  fetch.length = 1;
  for (const auto& desc : {wrong_key, other_endpoint, past_end, claimed, fetch}) bench.submit(2, desc);
  bench.expect_finished();
  expect_status(bench, 2, 1, Status::kProtection, wrong_key.key);
  expect_status(bench, 2, 2, Status::kProtection, Bench::send_key(1));
  expect_status(bench, 2, 3, Status::kProtection, Bench::recv_key(2));
  expect_status(bench, 2, 4, Status::kProtection);
  expect_status(bench, 2, 5, Status::kProtection);
  EXPECT_TRUE(bench.sent_cycles.empty());
}

TEST(Command, collective_is_handed_over_two_cycles_after_it_came) {
  Bench bench({});
  for (unsigned i = 0; i < 3; ++i) {
    bench.submit(0, plain(Opcode::kCollective, 0));
    bench.run(2);
    EXPECT_EQ(bench.collectives.size(), i);
    bench.run(1);
    EXPECT_EQ(bench.collectives.size(), i + 1);
    bench.run(5);
  }
  bench.expect_finished();
}

TEST(Command, collectives_are_for_endpoint_0_only) {
  Bench bench({});
  auto desc = plain(Opcode::kCollective, 0);
  desc.addr = 77;  // a collective's cookie
  bench.submit(0, desc);
  bench.submit(3, desc);
  bench.expect_finished();
  ASSERT_EQ(bench.collectives.size(), 1u);
  EXPECT_EQ(std::memcmp(bench.collectives[0].data(), &desc, 64), 0);
  expect_status(bench, 3, 77, Status::kUnsupported);
}

TEST(Command, an_endpoint_without_completion_places_starts_nothing_and_holds_up_no_other) {
  Bench bench({});
  bench.cq_ok = 0b1101;
  for (unsigned e = 0; e < 4; ++e) {
    for (unsigned i = 0; i < 5; ++i) bench.submit(e, plain(Opcode::kNop, i));
  }
  bench.run(500);
  for (unsigned e = 0; e < 4; ++e) EXPECT_EQ(bench.find(e, 4) != nullptr, e != 1) << "endpoint " << e;
  EXPECT_EQ(bench.find(1, 0), nullptr);
  bench.cq_ok = 15;
  bench.expect_finished();
  EXPECT_NE(bench.find(1, 4), nullptr);
}

TEST(Command, a_full_queue_pair_holds_up_its_endpoint_only) {
  BenchConfig config;
  config.window_cells = 17;
  config.ack_latency = 2000;
  Bench bench(config);
  for (unsigned i = 0; i < 4; ++i) bench.submit(0, send(0, 1, 1, 1000, i));
  for (unsigned i = 0; i < 4; ++i) bench.submit(2, plain(Opcode::kNop, i));
  bench.run(300);
  EXPECT_EQ(bench.sent_cycles.size(), 1u);
  EXPECT_NE(bench.find(2, 3), nullptr);
  bench.expect_finished();
  EXPECT_EQ(bench.sent_cycles.size(), 4u);
}

TEST(Command, unfinished_eager_sends_of_an_endpoint_are_bounded) {
  BenchConfig config;
  config.window_cells = 1000;
  config.ack_latency = 3000;
  config.spill_log2 = 10;
  Bench bench(config);
  for (unsigned i = 0; i < 150; ++i) bench.submit(0, inline_desc(1, kContext, 1, 8, i));
  bench.submit(0, plain(Opcode::kNop, 150));
  bench.run(2500);
  EXPECT_EQ(bench.sent_cycles.size(), device::kEagerSends);
  bench.expect_finished();
  EXPECT_EQ(bench.sent_cycles.size(), 150u);
  EXPECT_EQ(bench.most_eager, device::kEagerSends);
}

TEST(Command, receives_wait_for_a_rendezvous_place_and_sends_do_not) {
  Bench bench({});
  bench.rndv_room = false;
  bench.submit(0, receive(0, 1, 1, 0, 4, 1));
  bench.submit(1, inline_desc(5, kContext, 1, 4, 2));
  bench.run(200);
  EXPECT_FALSE(bench.reference.posted(0, 0));
  EXPECT_EQ(bench.sent_cycles.size(), 1u);
  bench.rndv_room = true;
  bench.expect_finished();
  EXPECT_TRUE(bench.reference.posted(0, 0));
}

TEST(Eager, sizes_reach_posted_and_unexpected_receives_whole) {
  for (const bool posted : {true, false}) {
    BenchConfig config;
    config.eager_max = device::kMaxPayload;
    Bench bench(config);
    const std::uint32_t sizes[] = {0, 1, 63, 64, 65, 128, 2048, 4031, 4032};
    for (std::uint32_t i = 0; i < 9; ++i) {
      if (posted) {
        bench.submit(1, receive(1, 0, i, i, 4096, i));
        bench.run_until_idle();
      }
      bench.submit(0, send(0, 1, i, sizes[i], i));
      bench.run_until_idle();
      if (!posted) {
        bench.submit(1, receive(1, 0, i, i, 4096, i));
        bench.run_until_idle();
      }
      expect_status(bench, 1, i, Status::kOk);
      EXPECT_EQ(bench.find(1, i)->cqe.flags, posted ? 0 : device::kCqeFlagUnexpected);
    }
    bench.expect_finished();
  }
}

TEST(Eager, inline_sends_need_no_memory_and_are_eager_whatever_eager_max) {
  BenchConfig config;
  config.eager_max = 0;
  Bench bench(config);
  for (std::uint32_t n = 0; n <= 32; n += 8) {
    bench.submit(3, receive(3, 2, n, n / 8, 32, n));
    bench.submit(2, inline_desc(3, kContext, n, n, n));
  }
  bench.expect_finished();
  for (std::uint32_t n = 0; n <= 32; n += 8) expect_status(bench, 3, n, Status::kOk);
}

TEST(Eager, long_messages_are_cut_and_nothing_beyond_the_room_is_written) {
  for (const bool posted : {true, false}) {
    for (const std::uint32_t room : {0u, 1u, 64u, 100u, 999u}) {
      Bench bench({});
      const auto desc = receive(1, 0, 1, 0, room, 1);
      std::memset(bench.at(desc.addr), 0xee, 2000);
      if (posted) bench.submit(1, desc);
      if (posted) bench.run_until_idle();
      bench.submit(0, send(0, 1, 1, 1000, 1));
      if (!posted) bench.run_until_idle();
      if (!posted) bench.submit(1, desc);
      bench.submit(0, send(0, 1, 2, 5, 2));  // the next message is not harmed
      bench.submit(1, receive(1, 0, 2, 1, 5, 2));
      bench.expect_finished();
      expect_status(bench, 1, 1, Status::kTruncated);
      EXPECT_EQ(bench.find(1, 1)->cqe.length, 1000u);
      expect_status(bench, 1, 2, Status::kOk);
      for (std::uint32_t i = room; i < 2000; ++i) ASSERT_EQ(*bench.at(desc.addr + i), 0xee) << "byte " << i;
    }
  }
}

TEST(Eager, arrivals_wait_for_their_completions) {
  BenchConfig config;
  config.completion_stall_percent = 97;
  Bench bench(config);
  for (std::uint32_t i = 0; i < 16; ++i) bench.submit(1, receive(1, 0, 1, i, 64, i));
  bench.run_until_idle();
  for (std::uint32_t i = 0; i < 16; ++i) bench.submit(0, inline_desc(1, kContext, 1, 8, 100 + i));
  bench.expect_finished();
  for (std::uint32_t i = 0; i < 16; ++i) expect_status(bench, 1, i, Status::kOk);
}

TEST(Eager, a_region_that_went_away_is_not_written) {
  BenchConfig config;
  config.bounce = 1;
  Bench bench(config);
  const auto desc = receive(1, 0, 1, 0, 1000, 1);
  std::memset(bench.at(desc.addr), 0xee, 1000);
  bench.submit(1, desc);
  bench.run_until_idle();
  bench.region(1, Bench::recv_key(1), 0, 0, false);
  bench.reference.region_ok = [](unsigned, std::uint32_t key, std::uint64_t, std::uint32_t) {
    return (key & 3) == 1;
  };
  bench.submit(0, send(0, 1, 1, 1000, 1));
  bench.run_until_idle();
  bench.submit(0, send(0, 1, 2, 500, 2));  // payload and bounce slot of the one before are gone and free
  bench.expect_finished();
  expect_status(bench, 1, 1, Status::kProtection, Bench::recv_key(1));
  for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(*bench.at(desc.addr + i), 0xee) << "byte " << i;
  EXPECT_EQ(bench.reference.unexpected(1), 1u);
}

TEST(Eager, messages_of_one_peer_are_taken_in_order) {
  Bench bench({});
  for (std::uint32_t i = 0; i < 8; ++i) bench.submit(0, send(0, 1, 1, 100 + i, i));
  bench.run_until_idle();
  for (std::uint32_t i = 0; i < 8; ++i) {
    auto desc = receive(1, 0, 1, i, 4096, i);
    if ((i & 1) != 0) desc.flags = device::kMsgFlagAnySource;
    if ((i & 2) != 0) desc.flags |= device::kMsgFlagAnyTag;
    bench.submit(1, desc);
  }
  bench.expect_finished();
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(bench.find(1, i)->cqe.length, 100 + i);
}

TEST(Eager, bounce_slots_are_used_again) {
  BenchConfig config;
  config.bounce = 3;
  Bench bench(config);
  for (std::uint32_t i = 0; i < 40; ++i) {
    for (std::uint32_t k = 0; k < 3; ++k) bench.submit(0, send(0, 1, k, 300, 3 * i + k));
    bench.run_until_idle();
    for (std::uint32_t k = 0; k < 3; ++k) bench.submit(1, receive(1, 0, 2 - k, k, 300, 3 * i + k));
    bench.run_until_idle();
  }
  bench.expect_finished();
  EXPECT_EQ(bench.events[2], 120u);
  EXPECT_EQ(bench.reference.spilled(1), 0u);
}

TEST(Rendezvous, posted_and_unexpected_reach_the_rendezvous_unit_and_the_fin_completes_the_send) {
  for (const bool posted : {true, false}) {
    Bench bench({});
    if (posted) bench.submit(1, receive(1, 0, 1, 0, 9000, 5));
    if (posted) bench.run_until_idle();
    bench.submit(0, send(0, 1, 1, 5000, 6));
    bench.run_until_idle();
    if (!posted) {
      EXPECT_EQ(bench.find(0, 6), nullptr);
      bench.submit(1, receive(1, 0, 1, 0, 9000, 5));
    }
    bench.expect_finished();
    ASSERT_NE(bench.find(0, 6), nullptr);
    EXPECT_EQ(bench.find(0, 6)->cqe.flags, device::kCqeFlagRendezvous);
    EXPECT_EQ(bench.find(0, 6)->cqe.length, 5000u);
  }
}

TEST(Rendezvous, a_short_send_with_sync_is_one_and_completes_when_it_is_matched) {
  for (const std::uint32_t length : {0u, 1u, 32u, 300u}) {
    Bench bench({});
    auto sync = send(0, 1, 1, length, 6);
    sync.flags = device::kMsgFlagSync;
    bench.submit(0, sync);
    bench.run_until_idle();
    EXPECT_EQ(bench.find(0, 6), nullptr) << length;
    bench.submit(1, receive(1, 0, 1, 0, 300, 5));
    bench.expect_finished();
    ASSERT_NE(bench.find(0, 6), nullptr) << length;
    EXPECT_EQ(bench.find(0, 6)->cqe.flags, device::kCqeFlagRendezvous);
    EXPECT_EQ(bench.find(0, 6)->cqe.length, length);
  }
}

TEST(Rendezvous, a_fin_with_an_error_completes_the_send_with_it) {
  Bench bench({});
  auto fin = header(PacketType::kFin, kContext, 4, 2, 0);
  fin.status = static_cast<std::uint8_t>(Status::kProtection);
  fin.cookie = 9;
  fin.offset = 1234;
  fin.length = 70000;
  bench.inject(2, 4, QpKind::kColl, fin);
  bench.expect_finished();
  expect_status(bench, 2, 9, Status::kProtection);
}

TEST(Rendezvous, fetch_starts_one_from_the_fields_of_the_spilled_header) {
  Bench bench({});
  auto fetch =
      recv_desc(Opcode::kFetch, 4, kContext, 0x7fffffff, 0, Bench::recv_area(0), 8192, 1, Bench::recv_key(0));
  fetch.remote_addr = 0x123456789abcdef0;
  fetch.remote_key = 0x11223344;
  fetch.remote_length = 8000;
  fetch.remote_cookie = 0x55667788;
  fetch.remote_stamp = 0x99aabbcc;
  bench.submit(0, plain(Opcode::kProbe, 2));
  bench.submit(0, fetch);
  bench.submit(0, plain(Opcode::kProbe, 3));
  bench.expect_finished();
  EXPECT_NE(bench.find(0, 1), nullptr);
}

TEST(Probe, tells_of_the_oldest_match_and_leaves_it) {
  Bench bench({});
  auto probe = recv_desc(Opcode::kProbe, 0, kContext, 1, 0, 0, 0, 1, 0);
  bench.submit(1, probe);
  bench.submit(0, send(0, 1, 1, 77, 1));
  bench.submit(0, send(0, 1, 1, 5000, 2));
  bench.run_until_idle();
  probe.cookie = 2;
  bench.submit(1, probe);
  bench.submit(1, receive(1, 0, 1, 0, 77, 3));
  probe.cookie = 4;
  bench.submit(1, probe);
  bench.expect_finished();
  expect_status(bench, 1, 1, Status::kNotFound);
  EXPECT_EQ(bench.find(1, 2)->cqe.length, 77u);
  EXPECT_EQ(bench.find(1, 4)->cqe.length, 5000u);
}

TEST(Probe, a_claimed_message_is_for_its_mrecv_only) {
  Bench bench({});
  bench.submit(0, send(0, 1, 1, 77, 1));
  bench.submit(0, send(0, 1, 1, 5000, 2));
  bench.run_until_idle();
  auto claim = recv_desc(Opcode::kProbe, 0, kContext, 1, 0, 0, 0, 1, 0);
  claim.flags = device::kMsgFlagClaim;
  bench.submit(1, claim);
  claim.cookie = 2;
  bench.submit(1, claim);
  bench.submit(1, receive(1, 0, 1, 0, 5000, 3));
  bench.run_until_idle();
  EXPECT_TRUE(bench.reference.posted(1, 0));
  for (const std::uint32_t cookie : {2u, 1u}) {
    auto take = recv_desc(Opcode::kMrecv, 0, kContext, 0, bench.find(1, cookie)->cqe.detail,
                          Bench::recv_area(1) + 100000 * cookie, 5000, 10 + cookie, Bench::recv_key(1));
    bench.submit(1, take);
    take.cookie += 10;
    bench.submit(1, take);  // a second time: no such message
  }
  bench.expect_finished();
  EXPECT_EQ(bench.find(1, 11)->cqe.length, 77u);
  EXPECT_EQ(bench.find(1, 12)->cqe.length, 5000u);
  expect_status(bench, 1, 21, Status::kNotFound);
  expect_status(bench, 1, 22, Status::kNotFound);
}

TEST(Cancel, takes_a_posted_receive_back_once) {
  Bench bench({});
  bench.submit(1, receive(1, 0, 1, 7, 100, 1));
  bench.submit(1, plain(Opcode::kCancel, 2, 7));
  bench.submit(1, plain(Opcode::kCancel, 3, 7));
  bench.run_until_idle();
  bench.submit(0, send(0, 1, 1, 4, 1));
  bench.expect_finished();
  expect_status(bench, 1, 2, Status::kOk);
  expect_status(bench, 1, 3, Status::kNotFound);
  EXPECT_EQ(bench.find(1, 1), nullptr);
}

TEST(Cancel, handles_of_two_endpoints_are_different_entries) {
  Bench bench({});
  bench.submit(1, receive(1, 0, 1, 7, 100, 1));
  bench.submit(2, plain(Opcode::kCancel, 2, 7));
  bench.expect_finished();
  expect_status(bench, 2, 2, Status::kNotFound);
  EXPECT_TRUE(bench.reference.posted(1, 7));
}

TEST(Receive, a_handle_in_use_is_refused) {
  Bench bench({});
  bench.submit(1, receive(1, 0, 1, 7, 100, 1));
  bench.submit(1, receive(1, 0, 2, 7, 100, 2));
  bench.expect_finished();
  expect_status(bench, 1, 2, Status::kBadField, 6);
  EXPECT_TRUE(bench.reference.posted(1, 7));
}

TEST(Spill, messages_without_an_unexpected_entry_go_to_the_host_with_reason_and_post_count) {
  BenchConfig config;
  config.unexpected = 1;
  Bench bench(config);
  bench.submit(1, receive(1, 0, 9, 0, 100, 1));
  bench.run_until_idle();
  for (std::uint32_t i = 0; i < 3; ++i) bench.submit(0, send(0, 1, i, i == 2 ? 5000 : 1000, i));
  bench.run_until_idle();
  bench.submit(0, send(0, 1, 9, 50, 3));  // what is posted is still taken
  bench.expect_finished();
  ASSERT_EQ(bench.events[12], 1u);
  ASSERT_EQ(bench.events[11], 1u);
  expect_status(bench, 1, 1, Status::kOk);
}

TEST(Spill, receives_that_have_not_seen_all_spills_are_returned) {
  BenchConfig config;
  config.unexpected = 0;
  Bench bench(config);
  bench.submit(0, send(0, 1, 1, 10, 1));
  bench.run_until_idle();
  bench.submit(1, receive(1, 0, 1, 0, 100, 1));
  auto seen = receive(1, 0, 1, 0, 100, 2);
  seen.spill_seen = 1;
  bench.submit(1, seen);
  auto off = plain(Opcode::kSpillOff, 3);
  bench.submit(1, off);
  off.cookie = 4;
  off.spill_seen = 1;
  bench.submit(1, off);
  bench.expect_finished();
  expect_status(bench, 1, 1, Status::kNotPosted, 1);
  EXPECT_EQ(bench.find(1, 1)->cqe.flags, 1u << 8);
  EXPECT_TRUE(bench.reference.posted(1, 0));
  expect_status(bench, 1, 3, Status::kNotFound, 1);
  expect_status(bench, 1, 4, Status::kOk);
}

TEST(Spill, spill_on_sends_everything_unexpected_to_the_host_until_spill_off) {
  Bench bench({});
  bench.submit(1, plain(Opcode::kSpillOn, 1));
  bench.run_until_idle();
  bench.submit(0, send(0, 1, 1, 0, 1));
  bench.submit(2, inline_desc(1, kContext, 1, 20, 1));
  bench.run_until_idle();
  auto off = plain(Opcode::kSpillOff, 2);
  off.spill_seen = 2;
  bench.submit(1, off);
  bench.run_until_idle();
  bench.submit(0, send(0, 1, 1, 10, 2));
  bench.expect_finished();
  EXPECT_EQ(bench.reference.spilled(1), 2u);
  EXPECT_EQ(bench.reference.unexpected(1), 1u);
}

TEST(Spill, a_full_ring_holds_up_its_endpoint_only_and_loses_nothing) {
  BenchConfig config;
  config.bounce = 0;
  config.spill_log2 = 1;
  config.keep_spills = true;
  Bench bench(config);
  for (std::uint32_t i = 0; i < 6; ++i) {
    bench.submit(0, send(0, 1, 1, 100, i));
    bench.submit(0, send(0, 2, 1, 0, 10 + i));
  }
  bench.run(1000);
  EXPECT_EQ(bench.spills_seen(1), 2u);
  EXPECT_EQ(bench.reference.unexpected(2), 6u);
  for (int i = 0; i < 4; ++i) {
    bench.free_spill_slot(1);
    bench.run(200);
  }
  bench.expect_finished();
  EXPECT_EQ(bench.spills_seen(1), 6u);
}

TEST(Spill, the_longest_message_fills_its_slot) {
  BenchConfig config;
  config.eager_max = device::kMaxPayload;
  config.bounce = 0;
  Bench bench(config);
  bench.submit(0, send(0, 1, 1, device::kMaxPayload, 1));
  bench.expect_finished();
  EXPECT_EQ(bench.events[13], 1u);
}

}  // namespace
