// SPDX-License-Identifier: BSD-3-Clause
// Collectives whose Input the host stores into the operand window.
#include "rtl_seq/programs.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Status;
using schedule::Instruction;
using schedule::Op;

constexpr std::uint32_t kBytes = 1000;

class SeqWindow : public testing::Test {
 protected:
  SeqWindow() : cluster(1, Timing{}, seed(90)), node(cluster.node(0)) {
    add_regions(node);
    load_program(node, 0, {{Instruction{.op = Op::kCopy}}}, 0);
  }
  void wait(unsigned cycles) {
    for (unsigned i = 0; i < cycles; ++i) cluster.cycle();
  }
  static device::CollDesc at(std::uint16_t context, std::uint64_t offset, std::uint32_t bytes = kBytes) {
    auto desc = bytes_desc(context, 0, bytes, 0);
    desc.input_addr = device::kOperandBase + offset;
    desc.input_key = 0;
    return desc;
  }

  Cluster cluster;
  Node& node;
};

TEST_F(SeqWindow, no_host_memory_is_read_for_what_was_stored) {
  node.post_pushed(bytes_desc(5, 0, kBytes, 0), 3, kInputAddr, kBytes, 500, 2);
  ASSERT_TRUE(runs(cluster, 0, 1));
  EXPECT_EQ(node.completions[0].status, code(Status::kOk));
  EXPECT_EQ(node.reads, 0u);
  EXPECT_TRUE(same(node, kOutputAddr, node, kInputAddr, kBytes));
}

TEST_F(SeqWindow, slot_is_used_again_with_other_contents) {
  for (std::uint16_t k = 0; k < 5; ++k) {
    const std::uint64_t from = kInputAddr + 5000u * k;
    const std::uint32_t bytes = k % 2 == 0 ? kBytes : 130;
    node.post_pushed(bytes_desc(5, k, bytes, 0), 15, from, bytes, 0, 3);
    ASSERT_TRUE(runs(cluster, 0, k + 1u));
    EXPECT_EQ(node.completions[k].status, code(Status::kOk));
    EXPECT_TRUE(same(node, kOutputAddr, node, from, bytes)) << k;
  }
}

TEST_F(SeqWindow, lines_that_come_late_are_waited_for_while_other_contexts_go_on) {
  node.post_pushed(bytes_desc(5, 0, kBytes, 0), 0, kInputAddr, kBytes, 0, 1000);
  node.post(bytes_desc(6, 0, kBytes, 0));
  ASSERT_TRUE(runs(cluster, 0, 1, 5000));
  EXPECT_EQ(node.completions[0].context_id, 6);
  ASSERT_TRUE(runs(cluster, 0, 2));
  EXPECT_EQ(node.completions[1].context_id, 5);
  EXPECT_GT(node.completion_cycle[1], 14000u);
  EXPECT_TRUE(same(node, kOutputAddr, node, kInputAddr, kBytes));
}

TEST_F(SeqWindow, input_past_the_end_of_the_window_is_refused) {
  constexpr std::uint64_t kWindow = device::kOperandSlots * device::kOperandSlotBytes;
  for (const auto& [offset, bytes] : {std::pair{kWindow - kBytes + 1, kBytes}, {kWindow - 1, 2u}, {std::uint64_t{0}, 70000u}}) {
    const std::size_t before = node.completions.size();
    node.post(at(static_cast<std::uint16_t>(10 + before), offset, bytes));
    ASSERT_TRUE(runs(cluster, 0, before + 1));
    EXPECT_EQ(node.completions[before].status, code(Status::kProtection)) << offset;
  }
  node.post_pushed(bytes_desc(9, 0, 4096, 0), 15, kInputAddr, 4096, 0, 1);
  ASSERT_TRUE(runs(cluster, 0, 4));
  EXPECT_EQ(node.completions[3].status, code(Status::kOk));
  EXPECT_TRUE(same(node, kOutputAddr, node, kInputAddr, 4096));
}

TEST_F(SeqWindow, only_input_may_lie_in_it) {
  node.add_region(0x777, device::kOperandBase, 0x10000);
  auto desc = bytes_desc(5, 0, kBytes, 0);
  desc.output_addr = device::kOperandBase;
  desc.output_key = 0x777;
  node.post(desc);
  ASSERT_TRUE(runs(cluster, 0, 1));
  EXPECT_EQ(node.completions[0].status, code(Status::kProtection));
  EXPECT_EQ(node.completions[0].detail, 0x777u);
  load_program(node, 50, {{Instruction{.op = Op::kCopy, .dst_buf = schedule::Buffer::kScratch}}}, 1);
  desc = bytes_desc(6, 0, kBytes, 50);
  desc.scratch_addr = device::kOperandBase + 0x1000;
  desc.scratch_key = 0x777;
  node.post(desc);
  ASSERT_TRUE(runs(cluster, 0, 2));
  EXPECT_EQ(node.completions[1].status, code(Status::kProtection));
  EXPECT_EQ(node.completions[1].detail, 0x777u);
}

TEST_F(SeqWindow, disable_ends_the_wait_for_lines_that_never_come) {
  node.post(at(5, 0x2000));
  wait(2000);
  node.abort(5, 0);
  wait(2000);
  EXPECT_TRUE(node.completions.empty());
  node.set_enable(false);
  ASSERT_TRUE(runs(cluster, 0, 1));
  EXPECT_EQ(node.completions[0].status, code(Status::kAborted));
  node.set_enable(true);
  wait(500);
  node.post_pushed(bytes_desc(5, 1, kBytes, 0), 2, kInputAddr, kBytes, 0, 1);
  ASSERT_TRUE(runs(cluster, 0, 2));
  EXPECT_EQ(node.completions[1].status, code(Status::kOk));
  EXPECT_TRUE(same(node, kOutputAddr, node, kInputAddr, kBytes));
}

}  // namespace
