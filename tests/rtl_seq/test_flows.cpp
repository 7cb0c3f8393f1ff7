// SPDX-License-Identifier: BSD-3-Clause
// Credits, places and requests: contexts that share all flows, counters that wrap, senders that keep no rule.
#include "rtl_seq/programs.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Dtype;
using device::PacketType;
using device::Redop;
using device::Status;
using schedule::Lane;

TEST(SeqFlows, context_whose_peer_never_comes_holds_up_no_other) {
  // Context 0 waits on both nodes, for each other's short and long data in all lanes, with its places full.
  for (const std::uint32_t bytes : {300u, 40000u}) {
    Cluster cluster(2, Timing{}, seed(850));
    std::mt19937_64 random(seed(851));
    const Case c = make_case(schedule::allreduce_ring(2));
    for (unsigned r = 0; r < 2; ++r) {
      const int peer = 1 - static_cast<int>(r);
      add_regions(cluster.node(r));
      const Lane sends = {send_to(peer), send_to(peer), send_to(peer), send_to(peer)};
      load_program(cluster.node(r), 0, {sends, sends, sends, sends}, 0);
      load_program(cluster.node(r), 40, c.ranks[r], c.scratch_chunks);
      cluster.node(r).post(bytes_desc(0, 0, bytes, 0));
    }
    for (unsigned i = 0; i < 2000; ++i) cluster.cycle();
    for (std::uint16_t k = 1; k < device::kCollectiveSlots; ++k) {
      for (unsigned r = 0; r < 2; ++r) {
        auto d = make_desc(k, 0, Dtype::kI32, Redop::kSum, 4000, 4, 2, 40, false);
        d.output_addr += k * 20000u;
        d.scratch_addr += k * 20000u;
        cluster.node(r).post(d);
      }
    }
    for (unsigned r = 0; r < 2; ++r) {
      ASSERT_TRUE(runs(cluster, r, device::kCollectiveSlots - 1)) << "node " << r << " is held up";
      for (const auto& cqe : cluster.node(r).completions) EXPECT_EQ(cqe.status, code(Status::kOk));
      EXPECT_EQ(cluster.node(r).completions.size(), device::kCollectiveSlots - 1u);
    }
    for (std::uint16_t k = 2; k < device::kCollectiveSlots; ++k) {
      EXPECT_TRUE(same(cluster.node(0), kOutputAddr + k * 20000u, cluster.node(1), kOutputAddr + 20000, 16000)) << k;
    }
  }
}

TEST(SeqFlows, credits_wait_for_a_network_that_takes_nothing) {
  // Node 0 receives in all lanes of all slots and may not answer: what it owes fills its queues, and none of it is lost.
  Cluster cluster(2, Timing{}, seed(857));
  for (unsigned r = 0; r < 2; ++r) {
    const schedule::Instruction i = r == 0 ? recv_from(1) : send_to(0);
    const Lane lane(6, i);
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, {lane, lane, lane, lane}, 0);
  }
  for (const std::uint32_t bytes : {300u, 9000u}) {
    cluster.node(0).net_stopped = true;
    const auto seq = static_cast<std::uint16_t>(bytes == 300 ? 0 : 1);
    for (std::uint16_t k = 0; k < device::kCollectiveSlots; ++k) {
      for (unsigned r = 0; r < 2; ++r) cluster.node(r).post(bytes_desc(k, seq, bytes, 0));
    }
    for (unsigned i = 0; i < 3000; ++i) cluster.cycle();
    cluster.node(0).net_stopped = false;
    const std::size_t all = device::kCollectiveSlots * (seq + 1u);
    for (unsigned r = 0; r < 2; ++r) ASSERT_TRUE(runs(cluster, r, all)) << "node " << r << ", " << bytes << " bytes";
  }
  for (unsigned r = 0; r < 2; ++r) {
    for (const auto& cqe : cluster.node(r).completions) EXPECT_EQ(cqe.status, code(Status::kOk));
  }
}

TEST(SeqFlows, sender_runs_ahead_in_many_contexts) {
  // Two short collectives of each of 16 contexts complete at the sender before the receiver has begun any.
  Cluster cluster(2, Timing{}, seed(852));
  constexpr std::uint16_t kContexts = 16;
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, {{r == 0 ? send_to(1) : recv_from(0)}}, 0);
  }
  const auto desc = [](unsigned r, std::uint16_t context, std::uint16_t seq) {
    auto d = bytes_desc(context, seq, 512, 0);
    (r == 0 ? d.input_addr : d.output_addr) += (context * 2u + seq) * 600u;
    return d;
  };
  for (std::uint16_t k = 0; k < kContexts; ++k) {
    for (std::uint16_t seq = 0; seq < 2; ++seq) cluster.node(0).post(desc(0, k, seq));
  }
  ASSERT_TRUE(runs(cluster, 0, 2 * kContexts));
  for (std::uint16_t k = kContexts; k-- > 0;) {
    for (std::uint16_t seq = 0; seq < 2; ++seq) cluster.node(1).post(desc(1, k, seq));
  }
  ASSERT_TRUE(runs(cluster, 1, 2 * kContexts));
  for (unsigned k = 0; k < 2 * kContexts; ++k) {
    EXPECT_EQ(cluster.node(1).completions[k].status, code(Status::kOk));
    EXPECT_TRUE(same(cluster.node(0), kInputAddr + k * 600, cluster.node(1), kOutputAddr + k * 600, 512)) << k;
  }
}

TEST(SeqFlows, counters_wrap) {
  // Credits count modulo 256, packets of a bank modulo 16, short places modulo 4.
  std::mt19937_64 random(seed(853));
  Timing timing;
  timing.max_payload = 192;
  timing.wire_latency = 5;
  timing.read_latency = timing.write_latency = 10;
  Cluster cluster(2, timing, random());
  for (std::uint16_t i = 0; i < 30; ++i) {
    Case c = make_case(schedule::allreduce_recursive_doubling(2));
    c.count = i % 3 == 2 ? 20 : 600 + i * 10u;
    c.seq = static_cast<std::uint16_t>(65520 + i);
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(cluster.node(0).sent_last.size(), 256u);
}

TEST(SeqFlows, senders_that_differ_in_length_find_it) {
  // Both send, long or short, and expect nothing; `late`: the other one starts when the request is there already. Who has
  // found it sends nothing more: the other one may learn nothing, and ends by its host.
  for (const std::uint32_t bytes : {20u, 5000u}) {
    for (const bool late : {false, true}) {
      SCOPED_TRACE(std::to_string(bytes) + (late ? " late" : ""));
      Cluster cluster(3, Timing{}, seed(854));
      for (unsigned r = 0; r < 2; ++r) {
        add_regions(cluster.node(r));
        load_program(cluster.node(r), 0, {{send_to(1 - static_cast<int>(r))}, {recv_from(2)}}, 0);
      }
      cluster.node(0).post(bytes_desc(4, 9, 9000, 0));
      if (late) {  // the request of the first one is there before
        for (unsigned i = 0; i < 20000; ++i) cluster.cycle();
      }
      cluster.node(1).post(bytes_desc(4, 9, bytes, 0));
      for (unsigned i = 0; i < 20000; ++i) cluster.cycle();
      unsigned found = 0;
      for (unsigned r = 0; r < 2; ++r) {
        if (cluster.node(r).completions.empty()) {
          cluster.node(r).abort(4, 9);
          ASSERT_TRUE(runs(cluster, r, 1)) << "node " << r;
          EXPECT_EQ(cluster.node(r).completions[0].status, code(Status::kAborted));
          continue;
        }
        ++found;
        EXPECT_EQ(cluster.node(r).completions[0].status, code(Status::kMismatch));
        EXPECT_EQ(cluster.node(r).completions[0].source, 1 - r);
        EXPECT_EQ(cluster.node(r).completions[0].detail, (1u << 24) | (r == 0 ? bytes : 9000u));
      }
      EXPECT_GE(found, 1u);
    }
  }
}

TEST(SeqFlows, short_data_that_waits_for_another_collective_is_found_when_it_begins) {
  // One packet or two are in the places of the flow before the receiver's descriptor comes.
  for (const std::size_t packets : {1u, 2u}) {
    Cluster cluster(2, Timing{}, seed(858));
    for (unsigned r = 0; r < 2; ++r) {
      add_regions(cluster.node(r));
      load_program(cluster.node(r), 0, {Lane(packets, r == 0 ? recv_from(1) : send_to(0))}, 0);
    }
    cluster.node(1).post(bytes_desc(4, 9, 300, 0));
    ASSERT_TRUE(runs(cluster, 1, 1));
    EXPECT_EQ(cluster.node(1).completions[0].status, code(Status::kOk));
    cluster.node(0).post(bytes_desc(4, 9, 20, 0));
    ASSERT_TRUE(runs(cluster, 0, 1));
    EXPECT_EQ(cluster.node(0).completions[0].status, code(Status::kMismatch));
    EXPECT_EQ(cluster.node(0).completions[0].source, 1u);
    EXPECT_EQ(cluster.node(0).completions[0].detail, (1u << 24) | 300u);
  }
}

TEST(SeqFlows, receiver_of_something_else_finds_the_request_of_a_long_sender) {
  // It sends nothing back, so the sender waits until its host aborts it.
  for (const bool late : {false, true}) {
    Cluster cluster(3, Timing{}, seed(855));
    for (unsigned r = 0; r < 2; ++r) {
      add_regions(cluster.node(r));
      load_program(cluster.node(r), 0, {{r == 0 ? send_to(1) : recv_from(2)}}, 0);
    }
    cluster.node(0).post(bytes_desc(4, 9, 9000, 0));
    if (late) {  // the request of the sender is there before
      for (unsigned i = 0; i < 20000; ++i) cluster.cycle();
    }
    auto other = bytes_desc(4, 9, 9000, 0);
    other.signature = 1;
    cluster.node(1).post(other);
    ASSERT_TRUE(runs(cluster, 1, 1, 20000));
    EXPECT_EQ(cluster.node(1).completions[0].status, code(Status::kMismatch));
    EXPECT_EQ(cluster.node(1).completions[0].source, 0);
    cluster.node(0).abort(4, 9);
    ASSERT_TRUE(runs(cluster, 0, 1, 5000));
    EXPECT_EQ(cluster.node(0).completions[0].status, code(Status::kAborted));
  }
}

TEST(SeqFlows, credits_of_an_aborted_collective_do_not_reach_another_context) {
  std::mt19937_64 random(seed(856));
  Cluster cluster(2, Timing{}, random());
  for (std::uint16_t n = 0; n < 6; ++n) {
    // Node 1 grants all that its lane can take, and aborts; the sender never comes.
    add_regions(cluster.node(1));
    load_program(cluster.node(1), 200, {{recv_from(0), recv_from(0)}}, 0);
    const std::size_t before = cluster.node(1).completions.size();
    cluster.node(1).post(bytes_desc(static_cast<std::uint16_t>(30 + n), 0, 60000, 200));
    for (unsigned i = 0; i < 300; ++i) cluster.cycle();
    cluster.node(1).abort(static_cast<std::uint16_t>(30 + n), 0);
    ASSERT_TRUE(runs(cluster, 1, before + 1));
    cluster.node(1).completions.clear();
    cluster.node(1).completion_cycle.clear();
    cluster.node(0).completions.clear();
    Case c = make_case(schedule::allreduce_ring(2));
    c.count = 30000;
    c.context = static_cast<std::uint16_t>(10 + n);
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

/// Packets that no sequencer would send, to node 0 from node 1.
Packet forged(PacketType type, unsigned flags, std::uint16_t context, std::uint16_t seq, std::uint32_t count, unsigned len) {
  device::MsgHeader h{};
  h.ptype = static_cast<std::uint8_t>(type);
  h.flags = static_cast<std::uint8_t>(flags);
  h.src_rank = 1;
  h.context_id = context;
  h.seq = seq;
  h.signature = 0x5a5a;
  h.count = count;
  h.dtype = static_cast<std::uint8_t>(Dtype::kByte);
  h.payload_len = static_cast<std::uint16_t>(len);
  Packet p;
  p.beats.resize(1 + (len + 63) / 64);
  for (auto& beat : p.beats) beat.fill(0xdeadbeef);
  std::memcpy(p.beats[0].data(), &h, sizeof h);
  return p;
}

TEST(SeqFlows, data_that_nobody_granted_is_discarded) {
  // For a context that has not started, and for one that expects short data.
  std::mt19937_64 random(seed(857));
  Cluster cluster(2, Timing{}, random());
  Node& node = cluster.node(0);
  add_regions(node);
  load_program(node, 300, {{recv_from(1)}}, 0);
  for (unsigned k = 0; k < 20; ++k) cluster.inject(1, 0, forged(PacketType::kColl, 0, 6, 0, 5000, 4032));
  node.post(bytes_desc(7, 0, 100, 300));
  for (unsigned i = 0; i < 3000; ++i) cluster.cycle();
  for (unsigned k = 0; k < 20; ++k) cluster.inject(1, 0, forged(PacketType::kColl, 0, 7, 0, 100, 4032));
  for (unsigned i = 0; i < 3000; ++i) cluster.cycle();
  EXPECT_TRUE(node.completions.empty());
  cluster.inject(1, 0, forged(PacketType::kColl, device::kWireFlagShort | device::kWireFlagLast, 7, 0, 100, 100));
  ASSERT_TRUE(runs(cluster, 0, 1));
  EXPECT_EQ(node.completions[0].status, code(Status::kOk));
  EXPECT_EQ(bytes_at(node, kOutputAddr, 4), (Bytes{0xef, 0xbe, 0xad, 0xde}));
  node.completions.clear();
  Case c = make_case(schedule::allreduce_ring(2));
  c.count = 30000;
  c.context = 8;
  run_case(cluster, c, random);
}

TEST(SeqFlows, short_packets_beyond_the_two_places_are_discarded) {
  std::mt19937_64 random(seed(858));
  Cluster cluster(2, Timing{}, random());
  Node& node = cluster.node(0);
  const unsigned flags = device::kWireFlagShort | device::kWireFlagLast;
  for (std::uint16_t k = 0; k < 6; ++k) cluster.inject(1, 0, forged(PacketType::kColl, flags, 7, k, 100, 100));
  cluster.inject(1, 0, forged(PacketType::kColl, flags, 9, 0, 100, 513));  // too long to be short
  for (unsigned i = 0; i < 500; ++i) cluster.cycle();
  add_regions(node);
  load_program(node, 300, {{recv_from(1)}}, 0);
  for (std::uint16_t k = 0; k < 3; ++k) node.post(bytes_desc(7, k, 100, 300));
  node.post(bytes_desc(9, 0, 100, 300));
  ASSERT_TRUE(runs(cluster, 0, 2));
  for (unsigned i = 0; i < 5000; ++i) cluster.cycle();
  ASSERT_EQ(node.completions.size(), 2u) << "the third packet of context 7 or that of 9 had a place";
  for (const auto& cqe : node.completions) EXPECT_EQ(cqe.status, code(Status::kOk));
  node.abort(7, 2);
  ASSERT_TRUE(runs(cluster, 0, 3));
  node.abort(9, 0);
  ASSERT_TRUE(runs(cluster, 0, 4));
  node.completions.clear();
  cluster.node(1).completions.clear();
  Case c = make_case(schedule::allreduce_recursive_doubling(2));
  c.count = 100;
  c.context = 11;
  run_case(cluster, c, random);
}

}  // namespace
