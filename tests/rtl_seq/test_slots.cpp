// SPDX-License-Identifier: BSD-3-Clause
// Slots change hands, contexts share flows: what one collective leaves behind must not reach another one.
#include "rtl_seq/programs.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Status;
using schedule::Instruction;
using schedule::Lane;
using schedule::Op;

TEST(SeqSlots, refused_descriptor_leaves_other_contexts_running) {
  // The refused one gets the slot that context 21 had before; context 21 runs in another one now.
  Cluster cluster(2, Timing{}, seed(80));
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, {{r == 0 ? recv_from(1) : send_to(0)}}, 0);
  }
  Node& node = cluster.node(0);
  node.post(bytes_desc(20, 0, 5000, 0));
  node.post(bytes_desc(21, 0, 5000, 0));
  cluster.node(1).post(bytes_desc(21, 0, 5000, 0));
  ASSERT_TRUE(runs(cluster, 0, 1));
  node.abort(20, 0);
  ASSERT_TRUE(runs(cluster, 0, 2));
  node.post(bytes_desc(21, 1, 5000, 0));
  auto refused = bytes_desc(22, 0, 5000, 0);
  refused.dtype = 200;
  node.post(refused);
  ASSERT_TRUE(runs(cluster, 0, 3));
  EXPECT_EQ(node.completions[2].context_id, 22);
  EXPECT_EQ(node.completions[2].status, code(Status::kBadField));
  cluster.node(1).post(bytes_desc(21, 1, 5000, 0));
  ASSERT_TRUE(runs(cluster, 0, 4));
  EXPECT_EQ(node.completions[3].status, code(Status::kOk));
  EXPECT_TRUE(same(node, kOutputAddr, cluster.node(1), kInputAddr, 5000));
}

TEST(SeqSlots, packet_of_an_aborted_collective_does_not_reach_the_next_one_of_its_slot) {
  // The next one waits for the slot and takes it while a packet of the aborted one is still coming in.
  for (const unsigned at : {2u, 10u, 25u, 40u, 55u, 63u}) {
    SCOPED_TRACE(at);
    Timing timing;
    timing.stall = 0.3;
    Cluster cluster(2, timing, seed(81));
    constexpr std::uint32_t kBytes = 3 * 4032;
    for (unsigned r = 0; r < 2; ++r) {
      add_regions(cluster.node(r));
      load_program(cluster.node(r), 0, {{r == 0 ? recv_from(1) : send_to(0)}}, 0);
    }
    Node& node = cluster.node(0);
    for (std::uint16_t k = 0; k < device::kCollectiveSlots; ++k) {
      node.post(bytes_desc(static_cast<std::uint16_t>(20 + k), 0, kBytes, 0));
    }
    node.post(bytes_desc(40, 0, kBytes, 0));
    cluster.node(1).post(bytes_desc(20, 0, kBytes, 0));
    ASSERT_TRUE(cluster.run_until([&] { return !cluster.node(1).sent_last.empty(); }, 10000));
    for (unsigned i = 0; i < timing.wire_latency + at; ++i) cluster.cycle();
    node.abort(20, 0);
    for (unsigned i = 0; i < 1000; ++i) cluster.cycle();
    ASSERT_EQ(node.completions.size(), 1u);
    cluster.node(1).abort(20, 0);
    auto next = bytes_desc(40, 0, kBytes, 0);
    next.input_addr += 20000;
    cluster.node(1).post(next);
    ASSERT_TRUE(runs(cluster, 0, 2));
    EXPECT_EQ(node.completions[1].context_id, 40);
    EXPECT_EQ(node.completions[1].status, code(Status::kOk));
    EXPECT_TRUE(same(node, kOutputAddr, cluster.node(1), kInputAddr + 20000, kBytes));
  }
}

TEST(SeqSlots, request_for_a_later_collective_waits_for_that_one) {
  // Node 0 is one collective ahead and asks for credits of the second while node 1 has not begun the first.
  Cluster cluster(3, Timing{}, seed(82));
  for (unsigned r = 0; r < 2; ++r) {
    add_regions(cluster.node(r));
    load_program(cluster.node(r), 0, {{r == 1 ? recv_from(0) : send_to(1)}}, 0);
  }
  load_program(cluster.node(1), 50, {{recv_from(2)}}, 0);
  cluster.node(0).post(bytes_desc(7, 0, 8, 0));
  cluster.node(0).post(bytes_desc(7, 1, 9000, 0));
  for (unsigned i = 0; i < 3000; ++i) cluster.cycle();
  EXPECT_EQ(cluster.node(0).completions.size(), 1u);
  cluster.node(1).post(bytes_desc(7, 0, 8, 0));
  ASSERT_TRUE(runs(cluster, 1, 1));
  EXPECT_EQ(cluster.node(1).completions[0].status, code(Status::kOk));
  auto other = bytes_desc(7, 1, 9000, 50);
  other.signature = 3;
  cluster.node(1).post(other);
  ASSERT_TRUE(runs(cluster, 1, 2)) << "the request is lost";
  EXPECT_EQ(cluster.node(1).completions[1].status, code(Status::kMismatch));
  EXPECT_EQ(cluster.node(1).completions[1].source, 0);
}

TEST(SeqSlots, lanes_forget_the_collective_before) {
  // All slots want the datapath at once, so lanes are woken for reasons of the collective before when the next one starts.
  Timing timing;
  timing.stall = 0.3;
  Cluster cluster(1, timing, seed(83));
  Node& node = cluster.node(0);
  add_regions(node);
  std::vector<Lane> lanes(4);
  for (std::uint16_t l = 0; l < 4; ++l) {
    lanes[l] = {Instruction{.op = Op::kCopy, .src_chunk = l, .dst_chunk = l, .size_chunk = l}};
  }
  load_program(node, 0, lanes, 0);
  constexpr std::uint32_t kBytes = 4000;
  constexpr std::uint16_t kCollectives = 240;
  for (std::uint16_t k = 0; k < kCollectives; ++k) {
    auto d = bytes_desc(k % 9, k / 9, kBytes, 0);
    d.chunk_bytes = kBytes / 4;
    d.input_addr += k * 4096u;
    d.output_addr += k * 4096u;
    node.post(d);
  }
  ASSERT_TRUE(runs(cluster, 0, kCollectives));
  for (std::uint16_t k = 0; k < kCollectives; ++k) {
    EXPECT_EQ(node.completions[k].status, code(Status::kOk));
    EXPECT_TRUE(same(node, kInputAddr + k * 4096u, node, kOutputAddr + k * 4096u, kBytes)) << "collective " << k;
  }
}

}  // namespace
