// SPDX-License-Identifier: BSD-3-Clause
// Selection, compilation and signature.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

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

std::vector<Collective> collectives() {
  std::vector<Collective> all;
  for (std::size_t c = 0; c < kCollectives; ++c) all.push_back(static_cast<Collective>(c));
  return all;
}

/// What flows hold at each path MTU of the device.
constexpr std::uint64_t kFlows[] = {8 * 192, 8 * 448, 8 * 960, 8 * 1024, 8 * 2048, 8 * 4032, kFlowBytes};

TEST(Select, takes_few_rounds_for_small_and_few_bytes_for_large_vectors) {
  for (const char* name : {"", "auto"}) {
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 0, name), "direct");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, kUnaskedBytes, name), "direct");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, kUnaskedBytes + 1, name), "direct_blocks_short");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 8 * kUnaskedBytes, name), "direct_blocks_short");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 8 * kUnaskedBytes + 1, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 4, kUnaskedBytes, name), "direct");
    EXPECT_EQ(chosen(Collective::kAllreduce, 4, kUnaskedBytes + 1, name), "direct_blocks_short");
    EXPECT_EQ(chosen(Collective::kAllreduce, 2, 8, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 2, 6145, name), "ring_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 24576, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 4, 12288, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 4, 12289, name), "ring_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 16, kSmallBytes + 1, name), "ring_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 32, kSmallBytes + 1, name), "rabenseifner");
    EXPECT_EQ(chosen(Collective::kAllreduce, 6, 6144, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 6, 6145, name), "ring_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 1 << 20, name), "ring_fused");
    EXPECT_EQ(chosen(Collective::kAllreduce, 8, 1 << 30, name), "ring_fused");
    EXPECT_EQ(chosen(Collective::kBcast, 8, 8, name), "binomial");
    EXPECT_EQ(chosen(Collective::kBcast, 8, 1 << 20, name), "chain");
    EXPECT_EQ(chosen(Collective::kScan, 8, 8, name), "recursive_doubling_fused");
    EXPECT_EQ(chosen(Collective::kScan, 8, 1 << 20, name), "linear");
    EXPECT_EQ(chosen(Collective::kAllgather, 8, 8 * kUnaskedBytes, name), "direct");
    EXPECT_EQ(chosen(Collective::kAllgather, 8, 1 << 16, name), "pairwise");
    EXPECT_EQ(chosen(Collective::kAllgather, 8, 1 << 20, name), "ring");
    EXPECT_EQ(chosen(Collective::kAlltoall, 8, 8 * kUnaskedBytes, name), "direct");
    EXPECT_EQ(chosen(Collective::kAlltoall, 8, 8 * kUnaskedBytes + 8, name), "pairwise");
  }
}

TEST(Select, gives_one_short_program_of_the_ring_for_all_sizes) {
  for (int ranks = 2; ranks <= 16; ++ranks) {
    for (std::uint64_t bytes = 1 << 16; bytes < 1 << 25; bytes += bytes / 7) {
      Schedule s;
      std::string error;
      ASSERT_TRUE(select(Collective::kAllreduce, ranks, 0, bytes, "ring", &s, &error)) << error;
      std::size_t entries = 1;
      for (const Lane& lane : s.ranks[0].lanes) entries += lane.size();
      EXPECT_LE(entries, 220u) << ranks << " ranks, " << bytes;
      EXPECT_EQ(s.algorithm, "ring_fused");
      EXPECT_LE(chunk_bytes(bytes, 1, s.chunks, s.max_chunk_bytes), kFlowBytes);
    }
  }
}

TEST(Select, gives_for_every_size_and_flow_a_proved_schedule_that_serves_it) {
  for (const Collective collective : collectives()) {
    for (const std::string& name : algorithms(collective)) {
      for (const int ranks : {1, 2, 5, 8}) {
        for (const std::uint64_t flow : kFlows) {
          for (const std::uint64_t block :
               {0, 1, 16, 128, 129, 1000, 1536, 10000, 16384, 40000, 1 << 20, 1 << 28}) {
            Call call;
            call.collective = collective;
            call.ranks = ranks;
            call.root = ranks - 1;
            call.flow_bytes = flow;
            call.in_place = collective == Collective::kBcast || block % 2 != 0;
            call.bytes = has_blocks(collective) ? block * static_cast<std::uint64_t>(ranks) : block;
            Schedule s;
            std::string error;
            // Some names are for small vectors only; "auto" never fails.
            for (const std::string& algorithm : {std::string("auto"), name}) {
              if (!select(call, algorithm, &s, &error)) {
                ASSERT_NE(algorithm, "auto") << error;
                EXPECT_NE(error.find("takes at most"), std::string::npos) << error;
                continue;
              }
              EXPECT_TRUE(call.in_place ? s.in_place : s.out_of_place);
              if (s.max_bytes == 0) continue;
              EXPECT_EQ(s.max_bytes, std::min(s.max_bytes, largest_vector(s, instruction_limit(s, flow))));
              EXPECT_LE(call.bytes, s.max_bytes) << s.algorithm;
              EXPECT_LE(instruction_bytes(s, s.max_bytes, span(s)), flow) << s.algorithm;
              if (block == 16) {
                EXPECT_EQ(verify(s), "") << s.algorithm;
              }
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(chosen(Collective::kAllreduce, 4, kSmallBytes + 1, "recursive_doubling_fused"),
            "error: allreduce algorithm recursive_doubling_fused takes at most 32768 bytes, not 32769");
  EXPECT_EQ(chosen(Collective::kAllreduce, 4, 2000, "recursive_doubling_fused", 8 * 192),
            "error: allreduce algorithm recursive_doubling_fused takes at most 1536 bytes, not 2000");
}

TEST(Select, serves_blocks_that_differ_in_size) {
  for (const Collective collective : collectives()) {
    if (!has_blocks(collective)) continue;
    for (const bool in_place : {false, true}) {
      for (const std::uint64_t bytes : {0, 5, 5000, 5000000}) {
        Call call;
        call.collective = collective;
        call.ranks = 5;
        call.bytes = bytes;
        call.in_place = in_place;
        call.by_counts = true;
        Schedule s;
        std::string error;
        EXPECT_TRUE(select(call, "auto", &s, &error)) << error;
        EXPECT_TRUE(s.by_counts);
      }
    }
  }
  Call call;
  call.collective = Collective::kGather;
  call.ranks = 5;
  call.by_counts = true;
  Schedule s;
  std::string error;
  EXPECT_FALSE(select(call, "binomial", &s, &error));
  EXPECT_EQ(error, "gather algorithm binomial takes only blocks of one size");
}

TEST(Select, takes_the_same_association_where_flows_hold_less_than_the_vector) {
  for (const std::uint64_t flow : kFlows) {
    for (const Collective collective : {Collective::kAllreduce, Collective::kScan, Collective::kExscan}) {
      for (const char* name : {"auto", "recursive_doubling"}) {
        // Up to where this algorithm is taken.
        const bool by_size = collective == Collective::kAllreduce && name == std::string("auto");
        const std::uint64_t small = by_size ? 8 * 3072 : std::min<std::uint64_t>(kSmallBytes, 8 * 4096);
        // Short vectors are done otherwise where packets hold kUnaskedBytes.
        if (std::min(flow, small) > 8 * kUnaskedBytes || name != std::string("auto")) {
          EXPECT_EQ(chosen(collective, 8, std::min(flow, small), name, flow), "recursive_doubling_fused")
              << flow;
        }
        if (flow >= small || (flow <= 8 * kUnaskedBytes && name == std::string("auto"))) continue;
        EXPECT_EQ(chosen(collective, 8, flow + 1, name, flow), "recursive_doubling") << flow;
        EXPECT_EQ(chosen(collective, 8, small, name, flow), "recursive_doubling") << flow;
      }
    }
    for (const std::uint64_t bytes : {100000u, 1u << 20, 3u << 20}) {
      Schedule s, wide;
      std::string error;
      ASSERT_TRUE(select(Collective::kAllreduce, 6, 0, bytes, "ring", &s, &error, flow)) << error;
      ASSERT_TRUE(select(Collective::kAllreduce, 6, 0, bytes, "ring", &wide, &error)) << error;
      EXPECT_EQ(s.chunks, wide.chunks);
    }
  }
  EXPECT_EQ(chosen(Collective::kAllreduce, 6, 1 << 20, "ring", 8 * 192), "ring");
}

TEST(Select, gives_equal_keys_to_equal_schedules_only) {
  for (const Collective collective : collectives()) {
    std::vector<std::string> names = algorithms(collective);
    names.emplace_back();
    for (const std::string& name : names) {
      std::map<std::uint32_t, std::tuple<std::string, std::uint16_t, std::uint64_t, bool>> seen;
      for (const bool in_place : {false, true}) {
        for (std::uint64_t bytes = 0; bytes < 10000000; bytes += bytes / 9 + 3) {
          Call call;
          call.collective = collective;
          call.ranks = 4;
          call.in_place = in_place;
          call.bytes = bytes;
          call.flow_bytes = 8 * 1984;
          Schedule s;
          s.algorithm = "none";
          std::string error;
          if (!select(call, name, &s, &error)) s.algorithm = "none";
          const auto made = std::tuple{s.algorithm, s.chunks, s.max_bytes, in_place};
          EXPECT_EQ(seen.emplace(select_key(call, name), made).first->second, made)
              << name << ", " << bytes << " bytes: " << error;
        }
      }
    }
  }
}

TEST(Select, takes_every_name_that_it_lists) {
  for (const Collective collective : collectives()) {
    EXPECT_FALSE(algorithms(collective).empty());
    for (const std::string& name : algorithms(collective)) {
      EXPECT_EQ(chosen(collective, 5, 100, name).substr(0, name.size()), name);
    }
  }
}

TEST(Select, names_what_there_is_when_an_algorithm_is_unknown) {
  EXPECT_EQ(chosen(Collective::kBcast, 4, 8, "ring"),
            "error: algorithm \"ring\" is not one of bcast: auto, binomial, knomial, double_tree, chain");
}

TEST(Select, takes_a_number_behind_names_that_have_one) {
  EXPECT_EQ(chosen(Collective::kBcast, 9, 100, "knomial:3"), "knomial:3");
  EXPECT_EQ(chosen(Collective::kBcast, 9, 100, "knomial:4"), "knomial");
  EXPECT_EQ(chosen(Collective::kAllreduce, 12, 100, "hierarchical:4"), "hierarchical:4");
  EXPECT_EQ(chosen(Collective::kAllreduce, 12, 100, "hierarchical:5"),
            "error: algorithm \"hierarchical:5\": nodes of 5 ranks do not divide 12");
  EXPECT_EQ(chosen(Collective::kReduce, 9, 100, "knomial:65"),
            "error: algorithm \"knomial:65\": radix must be 2 to 64");
  for (const char* name :
       {"knomial:", "knomial:0", "knomial:x", "knomial:3x", "binomial:3", "knomial3", "knomial:123456"})
    EXPECT_NE(chosen(Collective::kBcast, 9, 100, name).find("is not one of bcast"), std::string::npos)
        << name;
  EXPECT_TRUE(knows(Collective::kReduce, "knomial:7"));
  EXPECT_FALSE(knows(Collective::kAllreduce, "knomial:7"));
  EXPECT_FALSE(knows(Collective::kAllreduce, "ring_fused")) << "a variant";
}

TEST(Select, refuses_a_root_outside_the_group) {
  for (const Collective collective : collectives()) {
    Schedule s;
    std::string error;
    EXPECT_EQ(select(collective, 4, 4, 8, "", &s, &error), !has_root(collective));
    if (has_root(collective)) {
      EXPECT_EQ(error, "root is 4, not a rank of a group of 4");
    }
  }
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
