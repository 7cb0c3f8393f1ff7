// SPDX-License-Identifier: BSD-3-Clause
#include "api/contexts.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tally::test {
namespace {

TEST(Contexts, are_all_given_out_once_and_the_smallest_free_one_comes_first) {
  std::array<std::atomic<std::uint64_t>, 2> bits{};
  bits[0] = 1;
  api::ContextPool one(bits, 0, 1);
  api::ContextPool other(bits, 0, 1);
  std::uint16_t context = 0;
  for (std::uint16_t expected = 1; expected < 128; ++expected) {
    ASSERT_TRUE((expected % 2 == 0 ? one : other).take(&context));
    EXPECT_EQ(context, expected);
  }
  EXPECT_FALSE(one.take(&context));
  one.give(100);
  one.give(70);
  ASSERT_TRUE(other.take(&context));
  EXPECT_EQ(context, 70);
  ASSERT_TRUE(one.take(&context));
  EXPECT_EQ(context, 100);
  EXPECT_FALSE(other.take(&context));
}

TEST(Contexts, of_different_hosts_never_meet_and_leave_none_out) {
  for (const std::uint32_t hosts : {1u, 2u, 3u, 64u}) {
    std::set<std::uint16_t> seen;
    for (std::uint32_t host = 0; host < hosts; ++host) {
      std::array<std::atomic<std::uint64_t>, kGroupContexts / 64> bits{};
      bits[0] = 1;
      api::ContextPool pool(bits, host, hosts);
      std::uint16_t context = 0;
      std::uint16_t last = 0;
      std::size_t own = 0;
      while (pool.take(&context)) {
        EXPECT_GT(context, last);
        EXPECT_TRUE(seen.insert(context).second) << context;
        last = context;
        ++own;
      }
      // Rank 0 leads every copy of the group of all ranks.
      if (host == 0) {
        EXPECT_GE(own, kGroupContexts / 2);
      }
      EXPECT_GE(own, kGroupContexts / 2 / hosts);
      pool.give(last);
      // Who joins later takes nothing away that another one of its host has taken.
      api::ContextPool second(bits, host, hosts);
      ASSERT_TRUE(second.take(&context));
      EXPECT_EQ(context, last);
      EXPECT_FALSE(pool.take(&context));
    }
    EXPECT_EQ(seen.size(), kGroupContexts - 1);
    EXPECT_EQ(*seen.begin(), 1);
  }
}

}  // namespace
}  // namespace tally::test
