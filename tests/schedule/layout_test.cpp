// SPDX-License-Identifier: BSD-3-Clause
// Programs for blocks that differ in size.
#include <gtest/gtest.h>

#include <stdexcept>

#include "schedule/schedule.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

const std::vector<std::uint16_t> kThree{0, 1, 2};

TEST(Layout, of_a_gather_is_known_to_the_root_alone) {
  const Schedule s = gather_linear(3, 1);
  const Program root = compile(s, 1, {5, 6, 7}, gatherv_layout(1, 1, 8, {24, 8, 0}, {100, 40, 0}));
  EXPECT_TRUE(root.by_bytes);
  EXPECT_EQ(root.input_bytes, 8u);
  EXPECT_EQ(root.output_bytes, 124u);
  EXPECT_EQ(root.scratch_bytes, 0u);
  bool received = false;
  for (const Lane& lane : root.lanes) {
    for (const Instruction& i : lane) {
      EXPECT_TRUE(i.by_bytes);
      if (i.op != Op::kRecv || i.recv_peer != 5) continue;
      received = true;
      EXPECT_EQ(i.dst_offset, 100u);
      EXPECT_EQ(i.bytes, 24u);
    }
  }
  EXPECT_TRUE(received);
  const Program leaf = compile(s, 0, {5, 6, 7}, gatherv_layout(0, 1, 24, {}, {}));
  EXPECT_EQ(leaf.input_bytes, 24u);
  EXPECT_EQ(leaf.output_bytes, 0u);
  EXPECT_FALSE(leaf.uses_output);
}

TEST(Layout, an_empty_block_extends_no_buffer) {
  const Program p = compile(gather_linear(3, 0), 0, kThree, gatherv_layout(0, 0, 8, {8, 0, 8}, {0, 1000, 8}));
  EXPECT_EQ(p.output_bytes, 16u);
}

TEST(Layout, scratch_takes_any_block_at_any_place) {
  const Schedule s = alltoall_pairwise(3, true);
  const Program p = compile(s, 0, kThree, alltoallv_layout({8, 16, 65}, {0, 8, 24}, {8, 16, 65}, {0, 8, 24}));
  EXPECT_EQ(p.scratch_bytes, s.scratch_chunks * 128u);
}

TEST(Layout, that_does_not_fit_the_schedule_is_refused) {
  const auto refused = [](const Schedule& s, const Layout& layout, const char* text) {
    try {
      (void)compile(s, 0, kThree, layout);
      FAIL() << "no exception: " << text;
    } catch (const std::invalid_argument& e) {
      EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
    }
  };
  refused(allgather_direct(3), allgatherv_layout(0, {1, 1, 1}, {0, 1, 2}),
          "does not take blocks that differ");
  refused(allgather_ring(3), allgatherv_layout(0, {1, 1}, {0, 1}), "2 places of Output, the schedule 3");
  refused(gather_linear(3, 0), gatherv_layout(1, 0, 1, {}, {}), "0 places of Output, the schedule 3");
  refused(gather_linear(3, 0), gatherv_layout(0, 0, 5, {4, 4, 4}, {0, 4, 8}), "differ in size");
  refused(allgather_ring(3), allgatherv_layout(0, {1, 1, 1}, {0, 1, std::uint64_t{1} << 32}), "4 GiB");
  Layout layout = alltoallv_layout({1, 1, 1}, {0, 1, 2}, {1, 1, 1}, {0, 1, 2});
  layout.blocks.clear();
  refused(alltoall_pairwise(3, true), layout, "no sizes of blocks");
  EXPECT_THROW((void)allgatherv_layout(3, {1, 1, 1}, {0, 1, 2}), std::invalid_argument);
  EXPECT_THROW((void)gatherv_layout(0, 0, 1, {1, 1}, {0}), std::invalid_argument);
}

TEST(Program, says_which_buffers_a_rank_has) {
  const Schedule s = gather_linear(3, 2);
  EXPECT_FALSE(compile(s, 0, kThree).uses_output);
  EXPECT_EQ(compile(s, 0, kThree).input_chunks, 1);
  EXPECT_TRUE(compile(s, 2, kThree).uses_output);
  EXPECT_EQ(compile(s, 2, kThree).output_chunks, 3);
  EXPECT_FALSE(compile(scatter_linear(3, 2), 1, kThree).uses_input);
  EXPECT_FALSE(compile(reduce_binomial(3, 2), 1, kThree).uses_output);
  EXPECT_FALSE(compile(barrier_dissemination(3), 0, kThree).uses_input);
  EXPECT_EQ(compile(allreduce_ring(3), 0, kThree).input_chunks, 0) << "the whole vector";
  EXPECT_EQ(compile(allgather_bruck(5), 0, {0, 1, 2, 3, 4}).span, 2);
}

}  // namespace
}  // namespace tally::test
