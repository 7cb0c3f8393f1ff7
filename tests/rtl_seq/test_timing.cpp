// SPDX-License-Identifier: BSD-3-Clause
// Cycles: latency of a short packet, throughput of long ones, host memory reads that forwarding saves.
#include "rtl_seq/run.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using schedule::Buffer;
using schedule::Instruction;
using schedule::Op;

Instruction make(Op op, Buffer src, Buffer dst, int recv, int send) {
  Instruction i;
  i.op = op;
  i.src_buf = src;
  i.dst_buf = dst;
  i.recv_peer = recv;
  i.send_peer = send;
  return i;
}

/// 0 sends to 1, 1 reduces with its own and sends to 2, 2 receives.
Case relay() {
  Case c;
  c.ranks = {{{make(Op::kSend, Buffer::kInput, Buffer::kOutput, -1, 1)}},
             {{make(Op::kRecvReduceSend, Buffer::kInput, Buffer::kOutput, 0, 2)}},
             {{make(Op::kRecv, Buffer::kInput, Buffer::kOutput, 1, -1)}}};
  c.dtype = device::Dtype::kF64;
  return c;
}

TEST(SeqTiming, short_packet_is_relayed_within_9_cycles) {
  std::mt19937_64 random(seed(1));
  Cluster cluster(3, Timing{}, random());
  Case c = relay();
  c.count = 1;
  run_case(cluster, c, random);
  ASSERT_EQ(cluster.node(1).received_last.size(), 1u);
  const auto cycles = cluster.node(1).sent_first[0] - cluster.node(1).received_last[0];
  RecordProperty("cycles", static_cast<int>(cycles));
  std::printf("relay of 8 bytes: %d cycles\n", static_cast<int>(cycles));
  EXPECT_LE(cycles, 9u);
}

TEST(SeqTiming, first_packet_leaves_soon_after_its_descriptor) {
  // With Input in the descriptor nothing is read before.
  std::mt19937_64 random(seed(20));
  Cluster cluster(2, Timing{}, random());
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    const Instruction i = r == 0 ? make(Op::kSend, Buffer::kInput, Buffer::kOutput, -1, 1)
                                 : make(Op::kRecv, Buffer::kInput, Buffer::kOutput, 0, -1);
    load_program(cluster.node(r), 0, {{i}}, 0);
  }
  for (unsigned i = 0; i < 10; ++i) cluster.cycle();
  const std::uint64_t start = cluster.node(0).now;
  for (unsigned r = 0; r < 2; ++r) {
    auto d = make_desc(1, 0, device::Dtype::kF64, device::Redop::kSum, 1, 8, 1, 0, false);
    if (r == 0) d.flags = device::kCollFlagInline;
    cluster.node(r).post(d);
  }
  ASSERT_TRUE(cluster.run_to_completions(1));
  const auto cycles = cluster.node(0).sent_first[0] - start;
  std::printf("descriptor to first packet: %d cycles\n", static_cast<int>(cycles));
  EXPECT_EQ(cluster.node(0).reads, 0u);
  EXPECT_LE(cycles, 31u);
}

TEST(SeqTiming, full_packets_are_relayed_every_71_cycles) {
  std::mt19937_64 random(seed(2));
  Timing timing;
  timing.wire_latency = 10;
  Cluster cluster(3, timing, random());
  Case c = relay();
  c.count = 64 * 504;  // 64 packets
  run_case(cluster, c, random);
  const auto& sent = cluster.node(1).sent_last;
  ASSERT_EQ(sent.size(), 64u);
  // Not the first few, which the operand read holds up.
  const double cycles = static_cast<double>(sent[63] - sent[15]) / 48;
  std::printf("relay of 4032 bytes: every %.2f cycles\n", cycles);
  EXPECT_LE(cycles, 71.0);
}

TEST(SeqTiming, full_packets_of_two_lanes_share_the_datapath_without_bubbles) {
  // Each node sends in one lane and receives in the other: two packets of the datapath for each one on the wire.
  std::mt19937_64 random(seed(9));
  Timing timing;
  timing.wire_latency = 10;
  Cluster cluster(2, timing, random());
  Case c;
  const auto send = [](int to) { return make(Op::kSend, Buffer::kInput, Buffer::kOutput, -1, to); };
  const auto recv = [](int from) { return make(Op::kRecv, Buffer::kInput, Buffer::kOutput, from, -1); };
  c.ranks = {{{send(1)}, {recv(1)}}, {{recv(0)}, {send(0)}}};
  c.dtype = device::Dtype::kF64;
  c.count = 64 * 504;
  run_case(cluster, c, random);
  const auto& sent = cluster.node(0).sent_last;
  ASSERT_EQ(sent.size(), 64u);
  const double cycles = static_cast<double>(sent[55] - sent[15]) / 80;
  std::printf("4032 bytes through the datapath: every %.2f cycles\n", cycles);
  EXPECT_LE(cycles, 64.0);
}

TEST(SeqTiming, recursive_doubling_of_a_short_vector_reads_host_memory_once) {
  for (const int ranks : {2, 4, 8}) {
    for (const bool in_place : {false, true}) {
      std::mt19937_64 random(seed(3));
      Cluster cluster(static_cast<unsigned>(ranks), Timing{}, random());
      Case c = make_case(schedule::allreduce_recursive_doubling_fused(ranks));
      c.count = 1;
      c.dtype = device::Dtype::kF64;
      c.in_place = in_place;
      run_case(cluster, c, random);
      const Node& node = cluster.node(0);
      std::printf("%d ranks: %d reads, %d cycles\n", ranks, static_cast<int>(node.reads),
                  static_cast<int>(node.completion_cycle[0]));
      EXPECT_EQ(node.reads, 1u);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(SeqTiming, forwarded_operand_is_the_one_written_last) {
  // Lane 1 writes over what lane 0 wrote and kept; lane 0 must read it from memory.
  std::mt19937_64 random(seed(4));
  Cluster cluster(1, Timing{}, random());
  Case c;
  auto a = make(Op::kCopy, Buffer::kInput, Buffer::kOutput, -1, -1);
  auto other = make(Op::kReduce, Buffer::kInput, Buffer::kOutput, -1, -1);
  other.has_dep = true;
  other.dep_lane = 0;
  other.dep_step = 1;
  auto b = make(Op::kCopy, Buffer::kOutput, Buffer::kScratch, -1, -1);
  b.has_dep = true;
  b.dep_lane = 1;
  b.dep_step = 1;
  c.ranks = {{{a, b}, {other}}};
  c.scratch_chunks = 1;
  c.count = 20;
  run_case(cluster, c, random);
  if (HasFatalFailure()) return;
  // Without the other lane the copy is forwarded, with the same bytes.
  c.ranks = {{{a, make(Op::kCopy, Buffer::kOutput, Buffer::kScratch, -1, -1)}}};
  c.seq = 1;
  const auto before = cluster.node(0).reads;
  run_case(cluster, c, random);
  EXPECT_EQ(cluster.node(0).reads - before, 1u);
}

TEST(SeqTiming, reused_operand_is_read_again_after_it_was_written) {
  // In place: the second copy of the same source must see what the first reduction wrote to it.
  std::mt19937_64 random(seed(5));
  Cluster cluster(1, Timing{}, random());
  Case c;
  auto twice = make(Op::kCopy, Buffer::kOutput, Buffer::kScratch, -1, -1);
  auto reduce = make(Op::kReduce, Buffer::kScratch, Buffer::kOutput, -1, -1);
  auto again = make(Op::kCopy, Buffer::kInput, Buffer::kScratch, -1, -1);
  c.ranks = {{{twice, reduce, again, reduce, again}}};
  c.scratch_chunks = 1;
  c.count = 100;
  c.in_place = true;
  run_case(cluster, c, random);
}

TEST(SeqTiming, reused_operand_stays_while_the_next_is_read_ahead) {
  // Node 0 waits with a reused operand; the operands of what follows come meanwhile.
  std::mt19937_64 random(seed(7));
  Cluster cluster(2, Timing{}, random());
  Case c;
  const auto chunked = [](Instruction i, std::uint16_t chunk) {
    i.src_chunk = i.dst_chunk = i.size_chunk = chunk;
    return i;
  };
  const auto send = make(Op::kSend, Buffer::kInput, Buffer::kOutput, -1, 0);
  const auto reduce = make(Op::kRecvReduceCopy, Buffer::kInput, Buffer::kOutput, 1, -1);
  const auto copy = make(Op::kCopy, Buffer::kInput, Buffer::kScratch, -1, -1);
  schedule::Lane sends, reduces;
  for (std::uint16_t i = 0; i < 3; ++i) {
    sends.push_back(chunked(send, i));
    reduces.push_back(chunked(copy, i));
    reduces.push_back(chunked(reduce, i));
  }
  c.ranks = {{reduces}, {sends}};
  c.chunks = c.scratch_chunks = 3;
  c.skew = 1000;  // node 0 begins first
  c.count = 3000;
  run_case(cluster, c, random);
  EXPECT_EQ(cluster.node(0).reads, 3u);
}

TEST(SeqTiming, operands_of_the_next_instruction_are_read_ahead) {
  // Two receives with operands of their own: the second finds its operand there.
  std::mt19937_64 random(seed(8));
  Timing timing;
  timing.read_latency = 1000;
  Cluster cluster(2, timing, random());
  Case c;
  auto first = make(Op::kRecvReduceCopy, Buffer::kInput, Buffer::kOutput, 0, -1);
  auto second = first;
  second.src_chunk = second.dst_chunk = second.size_chunk = 1;
  auto send = make(Op::kSend, Buffer::kInput, Buffer::kOutput, -1, 1);
  auto send_second = send;
  send_second.src_chunk = send_second.size_chunk = 1;
  c.ranks = {{{send, send_second}}, {{first, second}}};
  c.chunks = 2;
  c.count = 100;
  run_case(cluster, c, random);
  // One latency of a read for the sender and one for the wire, not two.
  EXPECT_LT(cluster.node(1).completion_cycle[0], 1500u);
}

TEST(SeqTiming, input_is_reused_but_not_into_the_next_collective) {
  std::mt19937_64 random(seed(6));
  Cluster cluster(1, Timing{}, random());
  Case c;
  const auto copy = make(Op::kCopy, Buffer::kInput, Buffer::kOutput, -1, -1);
  c.ranks = {{{copy, copy, copy}}};
  c.count = 100;
  for (std::uint16_t i = 0; i < 3; ++i) {
    c.seq = i;
    run_case(cluster, c, random);  // other input each time
    if (HasFatalFailure()) return;
    EXPECT_EQ(cluster.node(0).reads, i + 1u);
  }
}

}  // namespace
