// SPDX-License-Identifier: BSD-3-Clause
// Hand-written and random programs: local work, several lanes, dependencies, every instruction.
#include "rtl_seq/run.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using schedule::Buffer;
using schedule::Instruction;
using schedule::Op;

TEST(SeqPrograms, zero_byte_local_work_ends_at_once) {
  std::mt19937_64 random(seed(10));
  Cluster cluster(1, Timing{}, random());
  Case c;
  Instruction copy, reduce, nop;
  copy.op = Op::kCopy;
  reduce.op = Op::kReduce;
  c.ranks = {{{copy, nop, reduce}}};
  run_case(cluster, c, random);
  EXPECT_EQ(cluster.node(0).reads, 0u);
  EXPECT_LT(cluster.node(0).completion_cycle[0], 100u);
}

TEST(SeqPrograms, empty_program_completes) {
  std::mt19937_64 random(seed(11));
  Cluster cluster(1, Timing{}, random());
  Case c;
  c.ranks = {{{}}};
  c.count = 3;
  run_case(cluster, c, random);
}

TEST(SeqPrograms, node_sends_to_itself) {
  std::mt19937_64 random(seed(12));
  Cluster cluster(1, Timing{}, random());
  Case c;
  Instruction send, recv;
  send.op = Op::kSend;
  send.send_peer = 0;
  recv.op = Op::kRecvReduceCopy;
  recv.recv_peer = 0;
  c.ranks = {{{send, recv}}};
  c.count = 4000;
  run_case(cluster, c, random);
}

TEST(SeqPrograms, four_lanes_of_reductions_share_the_destination_buffer) {
  std::mt19937_64 random(seed(13));
  Timing timing;
  timing.stall = 0.3;
  Cluster cluster(1, timing, random());
  Case c;
  c.chunks = 4;
  c.count = 9001;
  std::vector<schedule::Lane> lanes(4);
  for (std::uint16_t l = 0; l < 4; ++l) {
    Instruction i;
    i.op = Op::kReduce;
    i.src_chunk = i.dst_chunk = i.size_chunk = l;
    lanes[l] = {i, i, i};
  }
  c.ranks = {lanes};
  run_case(cluster, c, random);
}

/// Random programs that cannot deadlock and have no races: rounds, in which each lane of each rank works on a chunk of
/// its own, which passes from lane to lane by dependencies.
Case random_program(unsigned ranks, std::mt19937_64& random) {
  Case c;
  const unsigned lanes = 1 + static_cast<unsigned>(random() % 4);
  const unsigned rounds = 1 + static_cast<unsigned>(random() % 5);
  c.chunks = lanes;
  c.scratch_chunks = lanes;
  c.ranks.assign(ranks, std::vector<schedule::Lane>(lanes));
  for (unsigned round = 0; round < rounds; ++round) {
    for (unsigned l = 0; l < lanes; ++l) {
      // One transfer for each rank to the next, of one size; then local work on the result.
      const unsigned hop = 1 + static_cast<unsigned>(random() % std::max(1u, ranks - 1));
      const auto mine = static_cast<std::uint16_t>((l + round) % lanes);
      for (unsigned r = 0; r < ranks; ++r) {
        auto& lane = c.ranks[r][l];
        const auto add = [&](Op op, Buffer src, Buffer dst) {
          Instruction i;
          i.op = op;
          i.src_buf = src;
          i.dst_buf = dst;
          i.src_chunk = i.dst_chunk = i.size_chunk = mine;
          i.send_peer = static_cast<int>((r + hop) % ranks);
          i.recv_peer = static_cast<int>((r + ranks - hop) % ranks);
          // The lane that worked on this chunk in the round before has ended it.
          if (round > 0 && lanes > 1) {
            i.has_dep = true;
            i.dep_lane = static_cast<std::uint8_t>((l + 1) % lanes);
            i.dep_step = static_cast<std::uint16_t>(3 * round);
          }
          lane.push_back(i);
        };
        const auto any_read = [&] { return static_cast<Buffer>(random() % 3); };
        add(Op::kSend, any_read(), Buffer::kOutput);
        const Buffer into = random() & 1 ? Buffer::kOutput : Buffer::kScratch;
        add(random() & 1 ? Op::kRecv : Op::kRecvReduceCopy, any_read(), into);
        const Op local[] = {Op::kNop, Op::kCopy, Op::kReduce};
        add(local[random() % 3], into, into == Buffer::kOutput ? Buffer::kScratch : Buffer::kOutput);
      }
    }
  }
  return c;
}

TEST(SeqPrograms, random_programs_give_the_reference_bytes) {
  std::mt19937_64 random(seed(14));
  for (unsigned n = 0; n < 12 * effort(); ++n) {
    const unsigned ranks = 1 + static_cast<unsigned>(random() % 4);
    Timing timing;
    timing.read_latency = 1 + static_cast<unsigned>(random() % 150);
    timing.write_latency = 1 + static_cast<unsigned>(random() % 300);
    timing.wire_latency = 1 + static_cast<unsigned>(random() % 100);
    timing.jitter = static_cast<unsigned>(random() % 100);
    timing.stall = static_cast<double>(random() % 4) * 0.15;
    timing.max_payload = kPayloads[n % std::size(kPayloads)];
    Cluster cluster(ranks, timing, random());
    for (std::uint16_t i = 0; i < 6; ++i) {
      Case c = random_program(ranks, random);
      c.dtype = random() & 1 ? device::Dtype::kI32 : device::Dtype::kF64;
      // Flows hold 8 packets, and everybody sends first.
      const unsigned most = static_cast<unsigned>(c.chunks) * (random() & 1 ? 100 : 4000) * timing.max_payload /
                            device::kMaxPayload;
      c.count = static_cast<std::uint32_t>(random() % std::max(most, 1u));
      c.in_place = random() & 1;
      c.pushed = static_cast<int>(random() % device::kOperandSlots);
      c.push_gap = static_cast<unsigned>(random() % 12);
      c.seq = i;
      SCOPED_TRACE("program " + std::to_string(n) + "." + std::to_string(i));
      run_case(cluster, c, random);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(SeqPrograms, fused_instructions_relay_around_a_ring) {
  // 0 sends; 1 relays with RecvCopySend; 2 with RecvReduceCopySend; 3 with RecvReduceSend; 0 receives.
  std::mt19937_64 random(seed(15));
  Timing timing;
  timing.stall = 0.2;
  Cluster cluster(4, timing, random());
  const auto make = [](Op op, int recv, int send) {
    Instruction i;
    i.op = op;
    i.recv_peer = recv;
    i.send_peer = send;
    return i;
  };
  for (std::uint16_t i = 0; i < 8; ++i) {
    Case c;
    c.ranks = {{{make(Op::kSend, -1, 1), make(Op::kRecv, 3, -1)}},
               {{make(Op::kRecvCopySend, 0, 2)}},
               {{make(Op::kRecvReduceCopySend, 1, 3)}},
               {{make(Op::kRecvReduceSend, 2, 0)}}};
    c.dtype = device::Dtype::kI64;
    // Node 0 sends all before it receives: eight packets in each of four flows.
    c.count = static_cast<std::uint32_t>(random() % (24 * 504));
    c.seq = i;
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

TEST(SeqPrograms, more_lanes_than_one_keep_the_datapath_busy_while_one_waits) {
  // Lane 0 of node 1 waits for node 0's late send; lane 1 must run on.
  std::mt19937_64 random(seed(16));
  Cluster cluster(2, Timing{}, random());
  Case c;
  Instruction send, recv, copy;
  send.op = Op::kSend;
  send.send_peer = 1;
  recv.op = Op::kRecv;
  recv.recv_peer = 0;
  copy.op = Op::kCopy;
  copy.src_chunk = copy.dst_chunk = copy.size_chunk = 1;
  c.chunks = 2;
  c.count = 2000;
  c.ranks = {{{send}, {}}, {{recv}, {copy}}};
  add_regions(cluster.node(1));
  load_program(cluster.node(1), 0, c.ranks[1], 0);
  load_program(cluster.node(0), 0, c.ranks[0], 0);
  add_regions(cluster.node(0));
  const auto desc = make_desc(1, 0, device::Dtype::kI32, device::Redop::kSum, 2000, 4, 2, 0, false);
  cluster.node(1).post(desc);
  for (unsigned i = 0; i < 1000; ++i) cluster.cycle();
  EXPECT_EQ(bytes_at(cluster.node(1), kOutputAddr + 4000, 4000), bytes_at(cluster.node(1), kInputAddr + 4000, 4000));
  EXPECT_TRUE(cluster.node(1).completions.empty());
  cluster.node(0).post(desc);
  EXPECT_TRUE(cluster.run_to_completions(1));
  EXPECT_EQ(bytes_at(cluster.node(1), kOutputAddr, 4000), bytes_at(cluster.node(0), kInputAddr, 4000));
}

}  // namespace
