// SPDX-License-Identifier: BSD-3-Clause
// The algorithms: proved by the verifier, and run with numbers by an interpreter that knows nothing of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "schedule/interpreter.hpp"
#include "schedule/schedule.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

constexpr int kMaxRanks = 33;

struct Algorithm {
  const char* name;
  Schedule (*make)(int);
};
const Algorithm kAllreduces[] = {{"recursive_doubling", allreduce_recursive_doubling},
                                 {"recursive_doubling_fused", allreduce_recursive_doubling_fused},
                                 {"ring", [](int n) { return allreduce_ring(n); }}};

class Allreduce : public testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(Each, Allreduce, testing::ValuesIn(kAllreduces),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(Allreduce, is_proved_for_every_rank_count) {
  for (int n = 1; n <= kMaxRanks; ++n) EXPECT_EQ(verify(GetParam().make(n)), "") << n << " ranks";
  EXPECT_EQ(verify(GetParam().make(64)), "") << "64 ranks";
}

TEST_P(Allreduce, fits_the_device) {
  for (int n = 1; n <= 16; ++n) {
    for (const RankSchedule& rank : GetParam().make(n).ranks) {
      std::size_t entries = 1;
      for (const Lane& lane : rank.lanes) entries += lane.size();
      EXPECT_LE(entries, 64u) << "several schedules must fit the schedule memory of 1024 entries";
    }
  }
}

InterpreterOptions options_for(const Schedule& s, std::size_t elements, std::mt19937_64& random) {
  InterpreterOptions o;
  o.packet = 1 + random() % 5;
  // Where the schedule asks for flows that hold an instruction, give exactly that.
  o.capacity =
      s.max_bytes == 0 ? 1 + random() % 3 : std::max<std::size_t>(1, (elements + o.packet - 1) / o.packet);
  o.in_place = random() % 2 != 0;
  return o;
}

TEST_P(Allreduce, sums_random_integers_under_random_interleavings) {
  std::mt19937_64 random(seed(0x5eed1));
  for (unsigned round = 0; round < 6 * effort(); ++round) {
    for (int n = 1; n <= kMaxRanks; n = n < 9 ? n + 1 : n + static_cast<int>(random() % 6) + 1) {
      const Schedule s = GetParam().make(n);
      const std::size_t elements = random() % 150;
      std::vector<std::vector<std::uint64_t>> inputs(static_cast<std::size_t>(n));
      std::vector<std::uint64_t> expected(elements, 0);
      for (auto& input : inputs) {
        for (std::size_t k = 0; k < elements; ++k) {
          input.push_back(random());
          expected[k] += input.back();
        }
      }
      const InterpreterOptions o = options_for(s, elements, random);
      std::string error;
      const auto outputs = interpret<std::uint64_t>(
          s, inputs, [](std::uint64_t a, std::uint64_t b) { return a + b; }, o, random, &error);
      ASSERT_EQ(error, "") << n << " ranks, " << elements << " elements, packet " << o.packet << ", in place "
                           << o.in_place;
      for (const auto& output : outputs)
        ASSERT_EQ(output, expected) << n << " ranks, in place " << o.in_place;
    }
  }
}

TEST_P(Allreduce, gives_every_rank_the_same_bits_of_a_floating_point_sum) {
  std::mt19937_64 random(seed(0x5eed2));
  std::uniform_real_distribution<double> value(-1e9, 1e9);
  for (int n = 1; n <= kMaxRanks; ++n) {
    const Schedule s = GetParam().make(n);
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

TEST(AllreduceRecursiveDoublingFused, gives_the_bits_of_the_unfused_schedule) {
  // Engines with small flows take the unfused one in its place.
  std::mt19937_64 random(seed(0x5eed6));
  std::uniform_real_distribution<double> value(-1e9, 1e9);
  for (unsigned round = 0; round < 2 * effort(); ++round) {
    for (int n = 1; n <= kMaxRanks; ++n) {
      std::vector<std::vector<double>> inputs(static_cast<std::size_t>(n));
      for (auto& input : inputs) {
        for (int k = 0; k < 77; ++k)
          input.push_back(value(random) * std::pow(10.0, static_cast<double>(random() % 20)));
      }
      const auto run = [&](const Schedule& s) {
        std::string error;
        auto outputs = interpret<double>(
            s, inputs, [](double a, double b) { return a + b; }, options_for(s, 77, random), random, &error);
        EXPECT_EQ(error, "") << n << " ranks";
        return outputs;
      };
      const auto fused = run(allreduce_recursive_doubling_fused(n));
      const auto unfused = run(allreduce_recursive_doubling(n));
      ASSERT_EQ(fused.size(), unfused.size());
      for (std::size_t r = 0; r < fused.size(); ++r) {
        ASSERT_EQ(std::memcmp(fused[r].data(), unfused[r].data(), 77 * sizeof(double)), 0)
            << n << " ranks, rank " << r;
      }
    }
  }
}

TEST(AllreduceRecursiveDoublingFused, takes_one_lane_and_one_step_more_than_exchanges) {
  const Schedule s = allreduce_recursive_doubling_fused(16);
  for (const RankSchedule& rank : s.ranks) {
    ASSERT_EQ(rank.lanes.size(), 1u);
    EXPECT_EQ(rank.lanes[0].size(), 5u);
  }
}

TEST(Barrier, is_proved_for_every_rank_count) {
  for (int n = 1; n <= kMaxRanks; ++n) EXPECT_EQ(verify(barrier_dissemination(n)), "") << n << " ranks";
  EXPECT_EQ(verify(barrier_dissemination(64)), "");
}

TEST(Barrier, ends_under_random_interleavings) {
  std::mt19937_64 random(seed(0x5eed4));
  for (int n = 1; n <= kMaxRanks; ++n) {
    std::string error;
    (void)interpret<std::uint64_t>(
        barrier_dissemination(n), std::vector<std::vector<std::uint64_t>>(static_cast<std::size_t>(n)),
        [](std::uint64_t a, std::uint64_t) { return a; }, {}, random, &error);
    EXPECT_EQ(error, "") << n << " ranks";
  }
}

TEST(Bcast, is_proved_for_every_rank_count_and_root) {
  for (int n = 1; n <= kMaxRanks; ++n) {
    for (int root = 0; root < n; ++root)
      EXPECT_EQ(verify(bcast_binomial(n, root)), "") << n << " ranks, root " << root;
  }
}

TEST(Bcast, carries_random_data_under_random_interleavings) {
  std::mt19937_64 random(seed(0x5eed5));
  for (int n = 1; n <= kMaxRanks; ++n) {
    const int root = static_cast<int>(random() % static_cast<unsigned>(n));
    const std::size_t elements = random() % 100;
    std::vector<std::vector<std::uint64_t>> inputs(static_cast<std::size_t>(n));
    for (auto& input : inputs) {
      for (std::size_t k = 0; k < elements; ++k) input.push_back(random());
    }
    std::string error;
    const auto outputs = interpret<std::uint64_t>(
        bcast_binomial(n, root), inputs, [](std::uint64_t a, std::uint64_t) { return a; },
        {.packet = 1 + random() % 5, .capacity = 1, .in_place = true}, random, &error);
    ASSERT_EQ(error, "") << n << " ranks, root " << root;
    for (const auto& output : outputs)
      ASSERT_EQ(output, inputs[static_cast<std::size_t>(root)]) << n << " ranks";
  }
}

}  // namespace
}  // namespace tally::test
