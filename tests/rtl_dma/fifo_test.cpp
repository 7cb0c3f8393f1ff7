// SPDX-License-Identifier: BSD-3-Clause
// tally_fifo at depths 1, 2, odd and 8, idle x backpressure.
#include <gtest/gtest.h>

#include <Vtally_fifo_1.h>
#include <Vtally_fifo_2.h>
#include <Vtally_fifo_3.h>
#include <Vtally_fifo_8.h>

#include <deque>

#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

template <class Model, unsigned Depth>
struct Config {
  using ModelType = Model;
  static constexpr unsigned kDepth = Depth;
};

template <class C>
class Fifo : public ::testing::Test {};

using Configs = ::testing::Types<Config<Vtally_fifo_1, 1>, Config<Vtally_fifo_2, 2>, Config<Vtally_fifo_3, 3>,
                                 Config<Vtally_fifo_8, 8>>;
TYPED_TEST_SUITE(Fifo, Configs);

TYPED_TEST(Fifo, keeps_order_and_level_under_idle_and_backpressure) {
  Random random(seed(11));
  for (const unsigned idle : {0u, 50u, 90u}) {
    for (const unsigned backpressure : {0u, 50u, 90u}) {
      ModuleBench<typename TypeParam::ModelType> bench;
      std::deque<std::uint16_t> reference;
      std::uint64_t moved = 0;
      bool offered = false;
      std::uint16_t word = 0;
      for (int i = 0; i < 5000; ++i) {
        if (!offered) {
          offered = !random.percent(idle);
          word = static_cast<std::uint16_t>(random.next());
        }
        bench.top.in_valid_i = offered;
        bench.top.in_data_i = word;
        bench.top.out_ready_i = !random.percent(backpressure);
        bench.settle();
        ASSERT_EQ(static_cast<bool>(bench.top.in_ready_o), reference.size() < TypeParam::kDepth);
        ASSERT_EQ(static_cast<bool>(bench.top.out_valid_o), !reference.empty());
        ASSERT_EQ(bench.top.level_o, reference.size());
        if (!reference.empty()) {
          ASSERT_EQ(bench.top.out_data_o, reference.front());
        }
        const bool push = offered && bench.top.in_ready_o;
        if (bench.top.out_valid_o && bench.top.out_ready_i) {
          reference.pop_front();
          ++moved;
        }
        if (push) {
          reference.push_back(word);
          offered = false;
        }
        bench.edge();
      }
      // Full speed: one word a cycle, at depth 1 one each two.
      if (idle == 0 && backpressure == 0) {
        EXPECT_GE(moved, TypeParam::kDepth == 1 ? 2499u : 4998u);
      }
      EXPECT_GT(moved, 0u);
    }
  }
}

TYPED_TEST(Fifo, fills_to_its_depth_then_refuses) {
  ModuleBench<typename TypeParam::ModelType> bench;
  bench.top.in_valid_i = 1;
  bench.top.out_ready_i = 0;
  unsigned stored = 0;
  for (int i = 0; i < 20; ++i) {
    bench.top.in_data_i = static_cast<std::uint16_t>(100 + stored);
    bench.settle();
    stored += bench.top.in_ready_o;
    bench.edge();
  }
  EXPECT_EQ(stored, TypeParam::kDepth);
  bench.top.in_valid_i = 0;
  bench.top.out_ready_i = 1;
  for (unsigned i = 0; i < TypeParam::kDepth; ++i) {
    bench.settle();
    ASSERT_TRUE(bench.top.out_valid_o);
    EXPECT_EQ(bench.top.out_data_o, 100 + i);
    bench.edge();
  }
  bench.settle();
  EXPECT_FALSE(bench.top.out_valid_o);
}

}  // namespace
}  // namespace tally::test
