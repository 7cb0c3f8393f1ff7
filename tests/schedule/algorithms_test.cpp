// SPDX-License-Identifier: BSD-3-Clause
// The algorithms: proved by the verifier, and run with numbers by an interpreter that knows nothing of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>

#include "schedule/algorithms/build.hpp"
#include "schedule/interpreter.hpp"
#include "schedule/makers.hpp"
#include "schedule/reference.hpp"
#include "schedule/schedule.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

constexpr int kMaxRanks = 33;

class Algorithm : public testing::TestWithParam<Maker> {};
INSTANTIATE_TEST_SUITE_P(Each, Algorithm, testing::ValuesIn(makers()),
                         [](const auto& each) { return std::string(each.param.name); });

/// visit(schedule, in_place) for every root and each way of calling, by the schedule that serves it.
template <typename Visit>
void for_each_variant(const Maker& maker, int ranks, Visit&& visit) {
  const Collective collective = maker.make(1, 0, false).collective;
  for (const int root : roots(collective, ranks)) {
    for (const bool in_place : {false, true}) {
      if (collective == Collective::kBcast && !in_place) continue;
      SCOPED_TRACE(std::to_string(ranks) + " ranks, root " + std::to_string(root) +
                   (in_place ? ", in place" : ""));
      visit(maker.make(ranks, root, in_place), in_place);
    }
  }
}

TEST_P(Algorithm, is_proved_for_every_rank_count_root_and_way_of_calling) {
  for (int n = 1; n <= kMaxRanks; ++n) {
    for_each_variant(GetParam(), n, [](const Schedule& s, bool in_place) {
      EXPECT_TRUE(in_place ? s.in_place : s.out_of_place) << "it does not claim to serve the call";
      EXPECT_EQ(verify(s), "");
    });
  }
  EXPECT_EQ(verify(GetParam().make(64, 0, false)), "") << "64 ranks";
}

TEST_P(Algorithm, leaves_what_mpi_says_under_random_interleavings) {
  std::mt19937_64 random(seed(0x5eed1));
  for (unsigned round = 0; round < 3 * effort(); ++round) {
    for (int n = 1; n <= kMaxRanks; n = n < 9 ? n + 1 : n + static_cast<int>(random() % 6) + 1) {
      for_each_variant(GetParam(), n, [&](const Schedule& s, bool in_place) {
        const std::uint64_t elements = random() % (has_blocks(s.collective) ? 30 : 150);
        EXPECT_EQ(run_and_check(s, in_place, elements, random), "") << elements << " elements";
      });
    }
  }
}

TEST_P(Algorithm, takes_blocks_of_any_sizes_where_it_says_so) {
  std::mt19937_64 random(seed(0x5eed7));
  for (int n = 1; n <= 9; ++n) {
    for_each_variant(GetParam(), n, [&](const Schedule& s, bool in_place) {
      if (!s.by_counts) {
        EXPECT_THROW((void)compile(s, 0, std::vector<std::uint16_t>(s.ranks.size()), Layout{}),
                     std::invalid_argument);
        return;
      }
      for (unsigned round = 0; round < 4 * effort(); ++round) {
        const Counts counts = random_counts(s.collective, s.ranks.size(), in_place, random);
        EXPECT_EQ(run_and_check(s, in_place, counts, random), "");
      }
    });
  }
}

TEST_P(Algorithm, sends_the_same_messages_in_place_and_out_of_place) {
  // So that ranks may call differently.
  for (int n = 1; n <= 17; ++n) {
    const Schedule out = GetParam().make(n, n / 2 % n, false);
    const Schedule in = GetParam().make(n, n / 2 % n, true);
    EXPECT_EQ(signature(out), signature(in));
    for (std::size_t r = 0; r < out.ranks.size(); ++r) {
      for (std::size_t l = 0; l < kMaxLanes; ++l) {
        const auto messages = [&](const Schedule& s) {
          std::vector<std::tuple<bool, int, int>> list;
          if (l >= s.ranks[r].lanes.size()) return list;
          for (const Instruction& i : s.ranks[r].lanes[l]) {
            if (receives(i.op)) list.emplace_back(false, i.recv_peer, i.chunks);
            if (sends(i.op)) list.emplace_back(true, i.send_peer, i.chunks);
          }
          return list;
        };
        EXPECT_EQ(messages(out), messages(in)) << n << " ranks, rank " << r << ", lane " << l;
      }
    }
  }
}

TEST_P(Algorithm, fits_the_device) {
  for (int n = 1; n <= 16; ++n) {
    for_each_variant(GetParam(), n, [](const Schedule& s, bool) {
      for (const RankSchedule& rank : s.ranks) {
        std::size_t entries = 1;
        for (const Lane& lane : rank.lanes) entries += lane.size();
        EXPECT_LE(entries, 220u) << "several schedules must fit the schedule memory of 1024 entries";
      }
    });
  }
}

class Allreduce : public testing::TestWithParam<Maker> {};
INSTANTIATE_TEST_SUITE_P(Each, Allreduce, testing::ValuesIn([] {
                           std::vector<Maker> some;
                           for (const Maker& maker : makers()) {
                             if (maker.make(2, 0, false).collective == Collective::kAllreduce)
                               some.push_back(maker);
                           }
                           return some;
                         }()),
                         [](const auto& each) { return std::string(each.param.name); });

InterpreterOptions options_for(const Schedule& s, std::size_t elements, std::mt19937_64& random) {
  InterpreterOptions o = random_options(s, elements, random);
  o.in_place = !s.out_of_place || (s.in_place && random() % 2 != 0);
  return o;
}

TEST_P(Allreduce, gives_every_rank_the_same_bits_of_a_floating_point_sum) {
  std::mt19937_64 random(seed(0x5eed2));
  std::uniform_real_distribution<double> value(-1e9, 1e9);
  for (int n = 1; n <= kMaxRanks; ++n) {
    const Schedule s = GetParam().make(n, 0, false);
    std::vector<std::vector<double>> inputs(static_cast<std::size_t>(n));
    for (auto& input : inputs) {
      for (int k = 0; k < 77; ++k)
        input.push_back(value(random) * std::pow(10.0, static_cast<double>(random() % 20)));
    }
    std::string error;
    std::vector<std::vector<double>> first;
    for (int run = 0; run < 2; ++run) {
      const auto outputs = interpret<double>(
          s, inputs, [](double a, double b) { return a + b; }, options_for(s, 77, random), random, &error);
      ASSERT_EQ(error, "") << n << " ranks";
      if (run == 0) first = outputs;
      for (const auto& output : outputs) {
        ASSERT_EQ(std::memcmp(output.data(), first[0].data(), 77 * sizeof(double)), 0)
            << n << " ranks, run " << run;
      }
    }
  }
}

TEST(AllreduceRecursiveDoublingFused, deadlocks_where_flows_hold_less_than_it_states) {
  // The reason why it has a max_bytes: shown, so that nobody lifts it.
  std::mt19937_64 random(seed(0x5eed3));
  const Schedule s = allreduce_recursive_doubling_fused(4);
  std::string error;
  const std::vector<std::vector<std::uint64_t>> inputs(4, std::vector<std::uint64_t>(40, 1));
  (void)interpret<std::uint64_t>(
      s, inputs, [](std::uint64_t a, std::uint64_t b) { return a + b; },
      {.packet = 4, .capacity = 2, .in_place = false}, random, &error);
  EXPECT_NE(error.find("deadlock"), std::string::npos);
}

TEST(Fused, schedules_give_the_bits_of_the_unfused_ones) {
  // Engines with small flows take the unfused ones in their place.
  std::mt19937_64 random(seed(0x5eed6));
  std::uniform_real_distribution<double> value(-1e9, 1e9);
  for (unsigned round = 0; round < 2 * effort(); ++round) {
    for (int n = 1; n <= kMaxRanks; ++n) {
      std::vector<std::vector<double>> inputs(static_cast<std::size_t>(n));
      for (auto& input : inputs) {
        for (int k = 0; k < 177; ++k)
          input.push_back(value(random) * std::pow(10.0, static_cast<double>(random() % 20)));
      }
      const auto run = [&](const Schedule& s) {
        std::string error;
        auto outputs = interpret<double>(
            s, inputs, [](double a, double b) { return a + b; }, options_for(s, 177, random), random, &error);
        EXPECT_EQ(error, "") << n << " ranks";
        return outputs;
      };
      const auto expect_equal_bits = [&](const Schedule& a, const Schedule& b) {
        const auto left = run(a);
        const auto right = run(b);
        ASSERT_EQ(left.size(), right.size());
        for (std::size_t r = a.collective == Collective::kExscan ? 1 : 0; r < left.size(); ++r) {
          ASSERT_EQ(std::memcmp(left[r].data(), right[r].data(), 177 * sizeof(double)), 0)
              << a.algorithm << ", " << n << " ranks, rank " << r;
        }
      };
      expect_equal_bits(allreduce_recursive_doubling_fused(n), allreduce_recursive_doubling(n));
      expect_equal_bits(allreduce_ring_fused(n, 5), allreduce_ring(n, 5));
      for (const bool in_place : {false, true})
        expect_equal_bits(scan_recursive_doubling_fused(n, in_place), scan_recursive_doubling(n, !in_place));
      expect_equal_bits(exscan_recursive_doubling_fused(n), exscan_recursive_doubling(n));
    }
  }
}

TEST(Passes, give_what_mpi_says_whatever_the_length_of_the_vector) {
  std::mt19937_64 random(seed(0x5eeda));
  for (unsigned round = 0; round < 3 * effort(); ++round) {
    for (int n = 2; n <= 6; ++n) {
      for (Schedule s : {allreduce_ring(n, 4), allreduce_ring_fused(n), bcast_chain(n, n - 1),
                         reduce_chain(n, 1), scan_linear(n)}) {
        s.max_chunk_bytes = 8 * (1 + random() % 12);
        EXPECT_EQ(verify(s), "") << s.algorithm;
        for (const bool in_place : {false, true}) {
          if (!(in_place ? s.in_place : s.out_of_place) || (s.collective == Collective::kBcast && !in_place))
            continue;
          EXPECT_EQ(run_and_check(s, in_place, random() % 700, random), "")
              << s.algorithm << ", " << n << " ranks, chunks of " << s.max_chunk_bytes;
        }
      }
    }
  }
}

TEST(Passes, are_of_equal_length_and_whole_elements) {
  EXPECT_EQ(chunk_bytes(100, 8, 4), 200u);
  EXPECT_EQ(chunk_bytes(100, 8, 4, 200), 200u);
  EXPECT_EQ(passes(800, 4, 200), 1u);
  EXPECT_EQ(chunk_bytes(97, 8, 4, 64), 64u);
  EXPECT_EQ(passes(97 * 8, 4, 64), 4u);
  EXPECT_EQ(chunk_bytes(1 << 18, 4, 32, kFlowBytes), 32768u);
  EXPECT_EQ(chunk_bytes(3 << 17, 4, 32, kFlowBytes), 24576u);
  EXPECT_EQ(passes(3 << 19, 32, 24576), 2u);
  EXPECT_EQ(passes(0, 4, 0), 1u);
}

TEST(Fused, ring_deadlocks_where_flows_hold_less_than_it_states) {
  std::mt19937_64 random(seed(0x5eed8));
  const Schedule s = allreduce_ring_fused(4);
  std::string error;
  const std::vector<std::vector<std::uint64_t>> inputs(4, std::vector<std::uint64_t>(16 * 12, 1));
  (void)interpret<std::uint64_t>(
      s, inputs, [](std::uint64_t a, std::uint64_t b) { return a + b; },
      {.packet = 4, .capacity = 2, .in_place = false, .flows = Flows::kAsked}, random, &error);
  EXPECT_NE(error.find("deadlock"), std::string::npos);
}

TEST(Steps, pass_on_while_it_comes_what_is_sent_first) {
  const Schedule s = bcast_knomial(16, 0);
  int passing = 0;
  for (const RankSchedule& rank : s.ranks) {
    for (const Lane& lane : rank.lanes) {
      for (const Instruction& i : lane) passing += i.op == Op::kRecvCopySend ? 1 : 0;
    }
  }
  EXPECT_EQ(passing, 3) << "each inner rank, once";
  for (const RankSchedule& rank : reduce_knomial(16, 0).ranks) {
    for (const Lane& lane : rank.lanes) {
      for (const Instruction& i : lane)
        EXPECT_NE(i.op, Op::kRecvReduceCopySend) << "what is passed on is not kept";
    }
  }
}

TEST(Steps, happen_one_after_the_other) {
  // In place the second move sends back what the first one brought; through another place they exchange.
  detail::Steps wrong(detail::start("wrong", Collective::kAlltoall, 2));
  for (int r = 0; r < 2; ++r) wrong.copy(r, detail::input(r), detail::output(r), r);
  wrong.move(0, detail::input(1), 1, detail::output(0));
  wrong.move(1, detail::input(0), 0, detail::output(1));
  EXPECT_NE(verify(wrong.schedule()).find("(in place)"), std::string::npos);
  Schedule s = detail::start("right", Collective::kAlltoall, 2);
  s.scratch_chunks = 1;
  detail::Steps right(std::move(s));
  for (int r = 0; r < 2; ++r) right.copy(r, detail::input(r), detail::output(r), r);
  right.move(0, detail::input(1), 1, detail::scratch());
  right.move(1, detail::input(0), 0, detail::output(1));
  right.copy(1, detail::scratch(), detail::output(0));
  EXPECT_EQ(verify(right.schedule()), "");
}

TEST(Steps, makers_refuse_numbers_that_do_not_fit) {
  EXPECT_THROW((void)bcast_knomial(8, 0, 1), std::invalid_argument);
  EXPECT_THROW((void)reduce_knomial(1, 0, 65), std::invalid_argument);
  EXPECT_THROW((void)allreduce_hierarchical(6, 4), std::invalid_argument);
  EXPECT_THROW((void)allreduce_double_tree(0), std::invalid_argument);
}

TEST(AllreduceRecursiveDoublingFused, takes_one_lane_and_one_step_more_than_exchanges) {
  const Schedule s = allreduce_recursive_doubling_fused(16);
  for (const RankSchedule& rank : s.ranks) {
    ASSERT_EQ(rank.lanes.size(), 1u);
    EXPECT_EQ(rank.lanes[0].size(), 5u);
  }
}

}  // namespace
}  // namespace tally::test
