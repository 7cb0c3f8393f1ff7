// SPDX-License-Identifier: BSD-3-Clause
// tally_reduce (hw/rtl) against the rule of docs/reductions.md, stated once more in
// tests/numerics/oracle.hpp.
#include <gtest/gtest.h>

#include <tuple>

#include "numerics/operands.hpp"
#include "rtl_reduce/reduce_dut.hpp"
#include "tally/device.hpp"

static_assert(static_cast<int>(tally::device::Dtype::kI32) == TALLY_I32);
static_assert(static_cast<int>(tally::device::Dtype::kI64) == TALLY_I64);
static_assert(static_cast<int>(tally::device::Dtype::kF32) == TALLY_F32);
static_assert(static_cast<int>(tally::device::Dtype::kF64) == TALLY_F64);
static_assert(static_cast<int>(tally::device::Redop::kSum) == TALLY_SUM);
static_assert(static_cast<int>(tally::device::Redop::kMin) == TALLY_MIN);
static_assert(static_cast<int>(tally::device::Redop::kMax) == TALLY_MAX);

namespace tally::test {
namespace {

/// The documented latency, cycles.
constexpr std::uint64_t kLatency = 8;

/// A beat whose elements come from next().
Beat fill(tally_dtype dtype, tally_op op, std::uint64_t user, const std::function<Pair()>& next) {
  Beat beat;
  beat.dtype = static_cast<std::uint8_t>(dtype);
  beat.redop = static_cast<std::uint8_t>(op);
  beat.user = user;
  for (std::size_t i = 0; i < 8; ++i) {
    Pair p = next();
    if (!is_wide(dtype)) {
      const Pair high = next();
      p.a |= high.a << 32;
      p.b |= high.b << 32;
    }
    beat.a[i] = p.a;
    beat.b[i] = p.b;
  }
  return beat;
}

class RtlReduceOperation : public testing::TestWithParam<std::tuple<tally_dtype, tally_op>> {
 protected:
  tally_dtype dtype() const { return std::get<0>(GetParam()); }
  tally_op op() const { return std::get<1>(GetParam()); }
  std::size_t lanes() const { return is_wide(dtype()) ? 8 : 16; }
};

TEST_P(RtlReduceOperation, all_pairs_of_corner_values_follow_the_rule) {
  ReduceDut dut;
  Random random(test::seed(kSeed));
  const std::vector<std::uint64_t> corners = corner_values(dtype());
  const std::size_t n = corners.size();
  std::size_t index = 0;
  const auto pair = [&]() -> Pair {
    const std::size_t i = index++ % (n * n);
    return {corners[i / n], corners[i % n]};
  };
  dut.stream((n * n + lanes() - 1) / lanes(), [&] { return fill(dtype(), op(), index, pair); }, random, 0, 0);
}

TEST_P(RtlReduceOperation, a_million_random_pairs_follow_the_rule) {
  ReduceDut dut;
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  PairSource source(dtype(), seed);
  const std::uint64_t beats = ((1u << 20) + lanes() - 1) / lanes();
  dut.stream(
      beats, [&] { return fill(dtype(), op(), random.next(), [&] { return source.next(); }); }, random, 5, 5);
}

INSTANTIATE_TEST_SUITE_P(All, RtlReduceOperation,
                         testing::Combine(testing::ValuesIn(kDtypes), testing::ValuesIn(kOps)),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + '_' + name_of(std::get<1>(test.param));
                         });

TEST(RtlReduce, known_sums_come_out_of_every_lane_in_both_orders) {
  ReduceDut dut;
  Random random(test::seed(kSeed));
  for (const KnownSum& k : known_sums()) {
    // The scoreboard compares with the oracle; the oracle must agree with what is written out.
    ASSERT_EQ(oracle(k.dtype, TALLY_SUM, k.a, k.b), k.sum) << k.why;
    for (const bool swap : {false, true}) {
      const Pair p = swap ? Pair{k.b, k.a} : Pair{k.a, k.b};
      dut.stream(
          1, [&] { return fill(k.dtype, TALLY_SUM, k.sum, [&] { return p; }); }, random, 0, 0);
    }
  }
}

/// Beats of all types and operations, those that do not exist included, in random order.
class MixedSource {
 public:
  explicit MixedSource(std::uint64_t seed)
      : random_(seed),
        sources_{PairSource(TALLY_I32, seed), PairSource(TALLY_I64, seed), PairSource(TALLY_F32, seed),
                 PairSource(TALLY_F64, seed)} {}
  Beat next() {
    const std::size_t type = random_.below(4);
    PairSource& source = sources_[type];
    Beat beat = fill(kDtypes[type], kOps[random_.below(3)], user_++, [&] { return source.next(); });
    if (random_.percent(10)) beat.dtype = static_cast<std::uint8_t>(random_.below(16));
    if (random_.percent(10)) beat.redop = static_cast<std::uint8_t>(random_.below(8));
    return beat;
  }

 private:
  Random random_;
  std::array<PairSource, 4> sources_;
  std::uint64_t user_ = 0;
};

class RtlReduceFlow : public testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(RtlReduceFlow, mixed_types_keep_order_sideband_and_bytes) {
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  MixedSource source(seed);
  ReduceDut dut;
  dut.stream(
      20000, [&] { return source.next(); }, random, std::get<0>(GetParam()), std::get<1>(GetParam()));
  // Nothing more comes out.
  const std::uint64_t taken = dut.taken();
  for (int i = 0; i < 20; ++i) dut.cycle(true);
  EXPECT_EQ(dut.taken(), taken);
  EXPECT_EQ(dut.in_flight(), 0u);
}

INSTANTIATE_TEST_SUITE_P(IdleAndStall, RtlReduceFlow,
                         testing::Combine(testing::Values(0u, 30u, 90u), testing::Values(0u, 30u, 90u)),
                         [](const auto& test) {
                           return "idle" + std::to_string(std::get<0>(test.param)) + "_stall" +
                                  std::to_string(std::get<1>(test.param));
                         });

TEST(RtlReduce, every_type_takes_the_documented_latency) {
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  MixedSource source(seed);
  ReduceDut dut;
  for (int i = 0; i < 500; ++i) {
    dut.stream(
        1, [&] { return source.next(); }, random, 0, 0);
    ASSERT_EQ(dut.last_latency(), kLatency);
    for (std::uint64_t gap = random.below(12); gap != 0; --gap) dut.cycle(random.percent(50));
  }
}

TEST(RtlReduce, takes_a_beat_every_cycle) {
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  MixedSource source(seed);
  ReduceDut dut;
  const std::uint64_t start = dut.cycles();
  dut.stream(
      1000, [&] { return source.next(); }, random, 0, 0);
  EXPECT_EQ(dut.cycles() - start, 1000 + kLatency);
}

TEST(RtlReduce, stands_while_the_output_is_not_taken) {
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  MixedSource source(seed);
  ReduceDut dut;
  std::size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    if (!dut.offering()) {
      dut.offer(source.next());
      ++sent;
    }
    dut.cycle(false);
  }
  // Eight stages are full, one beat waits outside.
  EXPECT_EQ(dut.in_flight(), kLatency);
  EXPECT_EQ(sent, kLatency + 1);
  EXPECT_FALSE(dut.in_ready());
  EXPECT_TRUE(dut.out_valid());
  for (int i = 0; i < 20; ++i) dut.cycle(true);
  EXPECT_EQ(dut.taken(), kLatency + 1);
}

TEST(RtlReduce, reset_drops_what_is_in_flight_and_nothing_after_it) {
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  MixedSource source(seed);
  ReduceDut dut;
  for (int round = 0; round < 50; ++round) {
    for (std::uint64_t i = random.below(12); i != 0; --i) {
      if (!dut.offering()) dut.offer(source.next());
      dut.cycle(random.percent(50));
    }
    dut.reset();
    EXPECT_FALSE(dut.out_valid());
    dut.stream(
        20, [&] { return source.next(); }, random, 30, 30);
  }
}

}  // namespace
}  // namespace tally::test
