// SPDX-License-Identifier: BSD-3-Clause
// tally_ep_flush: one drop for each endpoint that ends, also when several end at once or one begins again meanwhile.
#include <gtest/gtest.h>

#include <Vtally_ep_flush.h>

#include <array>

#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

class Flush : public ::testing::Test {
 protected:
  Flush() {
    bench.top.enable_i = 0;
    bench.top.flush_ready_i = 0;
    bench.step();
  }
  void enable(unsigned mask) {
    bench.top.enable_i = static_cast<std::uint8_t>(mask);
    bench.step();
  }
  /// The endpoint whose drop is asked for next; answers after `delay` cycles. -1: none is asked for.
  int drop(unsigned delay) {
    for (int i = 0; i < 8 && !bench.top.flush_valid_o; ++i) bench.step();
    if (!bench.top.flush_valid_o) return -1;
    for (unsigned i = 0; i < delay; ++i) bench.step();
    const int ep = bench.top.flush_ep_o;
    EXPECT_TRUE(bench.top.flushing_o >> ep & 1);
    bench.top.flush_ready_i = 1;
    bench.step();
    bench.top.flush_ready_i = 0;
    bench.settle();
    return ep;
  }

  ModuleBench<Vtally_ep_flush> bench;
};

TEST_F(Flush, nothing_is_dropped_at_reset_or_enable) {
  enable(0xf);
  EXPECT_EQ(drop(0), -1);
  EXPECT_EQ(bench.top.flushing_o, 0);
  EXPECT_TRUE(bench.top.idle_o);
}

TEST_F(Flush, each_endpoint_that_ends_is_dropped_once) {
  enable(0xf);
  enable(0x5);
  EXPECT_FALSE(bench.top.idle_o);
  EXPECT_EQ(drop(3), 1);
  EXPECT_EQ(drop(0), 3);
  EXPECT_EQ(drop(0), -1);
  EXPECT_EQ(bench.top.flushing_o, 0);
}

TEST_F(Flush, endpoint_that_begins_again_is_held_off_until_its_drop_is_over) {
  enable(0x1);
  enable(0x0);
  enable(0x1);
  EXPECT_EQ(bench.top.flushing_o, 1);
  EXPECT_EQ(drop(5), 0);
  EXPECT_EQ(bench.top.flushing_o, 0);
  EXPECT_EQ(drop(0), -1);
}

TEST_F(Flush, random_ends_and_answers_leave_nothing_pending) {
  Random random(seed(11));
  std::array<unsigned, device::kNumEndpoints> ends{}, drops{};
  unsigned mask = 0;
  for (unsigned cycle = 0; cycle < 20000; ++cycle) {
    if (random.below(8) == 0) {
      const unsigned e = static_cast<unsigned>(random.below(device::kNumEndpoints));
      // An endpoint that is still being dropped does not end again: its driver waits for EpStatus.
      if (!(bench.top.flushing_o >> e & 1)) {
        if (mask >> e & 1) ++ends[e];
        mask ^= 1u << e;
      }
    }
    bench.top.enable_i = static_cast<std::uint8_t>(mask);
    bench.top.flush_ready_i = random.below(4) == 0;
    bench.settle();
    if (bench.top.flush_valid_o && bench.top.flush_ready_i) ++drops[bench.top.flush_ep_o];
    bench.edge();
    bench.settle();
  }
  for (int i = 0; i < 8; ++i) {
    const int ep = drop(0);
    if (ep >= 0) ++drops[static_cast<std::size_t>(ep)];
  }
  EXPECT_EQ(drops, ends);
  EXPECT_TRUE(bench.top.idle_o);
}

}  // namespace
}  // namespace tally::test
