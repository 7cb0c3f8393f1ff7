// SPDX-License-Identifier: BSD-3-Clause
// Selection, compilation and signature.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "schedule/schedule.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

std::string chosen(Collective collective, int ranks, std::uint64_t bytes, const std::string& name,
                   std::uint64_t flow_bytes = kFlowBytes) {
  Schedule s;
  std::string error;
  return select(collective, ranks, 0, bytes, name, &s, &error, flow_bytes) ? s.algorithm : "error: " + error;
}

TEST(Select, takes_recursive_doubling_for_small_and_ring_for_large_vectors) {
  for (const char* name : {"", "auto"}) {
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 0, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, kSmallBytes, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, kSmallBytes + 1, name), "ring");
  }
}

TEST(Select, never_gives_a_schedule_for_a_vector_that_it_cannot_take) {
  for (const std::string& name : algorithms(Collective::kAllreduce)) {
    for (const std::uint64_t bytes :
         {std::uint64_t{0}, kSmallBytes, kSmallBytes + 1, std::uint64_t{1} << 30}) {
      Schedule s;
      std::string error;
      ASSERT_TRUE(select(Collective::kAllreduce, 6, 0, bytes, name, &s, &error)) << error;
      EXPECT_TRUE(s.max_bytes == 0 || bytes <= s.max_bytes) << name << " " << bytes;
    }
  }
  EXPECT_NE(chosen(Collective::kAllreduce, 4, kSmallBytes + 1, "recursive_doubling_fused")
                .find("takes at most 16384"),
            std::string::npos);
}

/// What flows hold at each path MTU of the device.
constexpr std::uint64_t kFlows[] = {8 * 192, 8 * 448, 8 * 960, 8 * 1984, kFlowBytes};

TEST(Select, takes_the_unfused_schedule_where_flows_hold_less_than_the_vector) {
  for (const std::uint64_t flow : kFlows) {
    for (const char* name : {"auto", "recursive_doubling"}) {
      const std::uint64_t fused = std::min(flow, kSmallBytes);
      EXPECT_EQ(chosen(Collective::kAllreduce, 6, fused, name, flow), "recursive_doubling_fused") << flow;
      if (fused == kSmallBytes) continue;
      EXPECT_EQ(chosen(Collective::kAllreduce, 6, fused + 1, name, flow), "recursive_doubling") << flow;
      EXPECT_EQ(chosen(Collective::kAllreduce, 6, kSmallBytes, name, flow), "recursive_doubling") << flow;
    }
    EXPECT_EQ(chosen(Collective::kAllreduce, 6, kSmallBytes + 1, "auto", flow), "ring") << flow;
  }
  EXPECT_NE(
      chosen(Collective::kAllreduce, 4, 2000, "recursive_doubling_fused", 8 * 192).find("takes at most 1536"),
      std::string::npos);
}

TEST(Select, never_gives_a_schedule_that_needs_more_than_the_flows_hold) {
  for (const std::uint64_t flow : kFlows) {
    for (const std::string& name : algorithms(Collective::kAllreduce)) {
      for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1536}, std::uint64_t{1537},
                                        std::uint64_t{10000}, kSmallBytes, kSmallBytes + 1}) {
        Schedule s;
        std::string error;
        ASSERT_TRUE(select(Collective::kAllreduce, 5, 0, bytes, name, &s, &error, flow)) << error;
        EXPECT_TRUE(s.max_bytes == 0 || (bytes <= s.max_bytes && s.max_bytes <= flow))
            << name << " " << bytes;
        EXPECT_EQ(verify(s), "");
      }
    }
  }
}

TEST(Select, takes_every_name_that_it_lists) {
  for (const Collective collective : {Collective::kBarrier, Collective::kBcast, Collective::kAllreduce}) {
    for (const std::string& name : algorithms(collective)) {
      EXPECT_NE(chosen(collective, 5, 100, name).substr(0, 6), "error:") << name;
    }
  }
}

TEST(Select, names_what_there_is_when_an_algorithm_is_unknown) {
  EXPECT_EQ(chosen(Collective::kBcast, 4, 8, "ring"),
            "error: algorithm \"ring\" is not one of bcast: auto, binomial");
}

TEST(Select, refuses_a_root_outside_the_group) {
  Schedule s;
  std::string error;
  EXPECT_FALSE(select(Collective::kBcast, 4, 4, 8, "", &s, &error));
  EXPECT_EQ(error, "root is 4, not a rank of a group of 4");
}

TEST(Compile, translates_peers_to_job_ranks) {
  const Program p = compile(bcast_binomial(3, 0), 0, {7, 2, 9});
  ASSERT_EQ(p.lanes.size(), 1u);
  ASSERT_EQ(p.lanes[0].size(), 2u);
  EXPECT_EQ(p.lanes[0][0].send_peer, 9);
  EXPECT_EQ(p.lanes[0][1].send_peer, 2);
  EXPECT_EQ(p.lanes[0][0].recv_peer, kNoPeer);
}

TEST(Compile, gives_every_program_an_id_of_its_own) {
  const Schedule s = barrier_dissemination(2);
  std::set<std::uint64_t> ids;
  for (int k = 0; k < 10; ++k) ids.insert(compile(s, k % 2, {0, 1}).id);
  EXPECT_EQ(ids.size(), 10u);
  EXPECT_EQ(ids.count(0), 0u);
}

TEST(Compile, refuses_a_group_of_another_size) {
  EXPECT_THROW((void)compile(barrier_dissemination(3), 0, {0, 1}), std::invalid_argument);
  EXPECT_THROW((void)compile(barrier_dissemination(2), 2, {0, 1}), std::invalid_argument);
}

TEST(Signature, differs_by_collective_algorithm_and_root_but_not_by_rank_count) {
  EXPECT_EQ(signature(allreduce_ring(4)), signature(allreduce_ring(9)));
  std::set<std::uint16_t> seen{signature(allreduce_ring(4)), signature(allreduce_recursive_doubling(4)),
                               signature(allreduce_recursive_doubling_fused(4)),
                               signature(barrier_dissemination(4))};
  for (int root = 0; root < 16; ++root) seen.insert(signature(bcast_binomial(16, root)));
  EXPECT_EQ(seen.size(), 20u);
}

}  // namespace
}  // namespace tally::test
