// SPDX-License-Identifier: BSD-3-Clause
// tally_reduce (hw/rtl) against the rule of docs/reductions.md, stated once more in
// tests/numerics/oracle.hpp.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <tuple>

#include "rtl_reduce/reduce_dut.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

/// Beats made and sent at once.
constexpr std::size_t kBatch = 4096;
#if defined(TALLY_NETLIST) || defined(TALLY_COVERAGE)
/// These models are slow.
constexpr std::uint64_t kRandomPairs = 1u << 15;
constexpr unsigned kF16Step = 8191;
#else
/// Random pairs of each type and operation, times effort().
constexpr std::uint64_t kRandomPairs = 1u << 21;
/// Every how many of the right operands of f16 sum, below TALLY_EFFORT 20.
constexpr unsigned kF16Step = 509;
#endif

static_assert(static_cast<int>(tally::device::Dtype::kI8) == TALLY_I8);
static_assert(static_cast<int>(tally::device::Dtype::kU64) == TALLY_U64);
static_assert(static_cast<int>(tally::device::Dtype::kF16) == TALLY_F16);
static_assert(static_cast<int>(tally::device::Dtype::kF64) == TALLY_F64);
static_assert(static_cast<int>(tally::device::Dtype::kC128) == TALLY_C128);
static_assert(static_cast<int>(tally::device::Dtype::kI16I32) == TALLY_I16_I32);
static_assert(static_cast<int>(tally::device::Redop::kSum) == TALLY_SUM);
static_assert(static_cast<int>(tally::device::Redop::kBxor) == TALLY_BXOR);
static_assert(static_cast<int>(tally::device::Redop::kMaxloc) == TALLY_MAXLOC);

class RtlReduceType : public testing::TestWithParam<Type> {
 protected:
  const Type& type() const { return GetParam(); }
  std::size_t lanes() const { return kBeatBytes / type().bytes; }
};

TEST_P(RtlReduceType, all_pairs_of_corner_values_follow_the_rule) {
  ReduceDut dut;
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  Operands operands(type(), seed);
  const std::size_t count = (operands.corner_pairs() + lanes() - 1) / lanes();
  for (std::size_t done = 0; done < count; done += kBatch) {
    Beats beats(std::min(kBatch, count - done));
    operands.fill_corners(beats.a(), beats.b(), beats.size() * lanes(), done * lanes());
    for (const Op& op : kOps) {
      if (!exists(type(), op.op)) continue;
      beats.set(type(), op.op);
      ASSERT_TRUE(dut.stream(beats, random)) << op.name;
    }
  }
}

TEST_P(RtlReduceType, random_pairs_follow_the_rule) {
  ReduceDut dut;
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  Operands operands(type(), seed);
  const std::uint64_t count = kRandomPairs * effort() / lanes();
  for (std::uint64_t done = 0; done < count; done += kBatch) {
    for (const Op& op : kOps) {
      if (!exists(type(), op.op)) continue;
      Beats beats(kBatch);
      operands.fill(beats.a(), beats.b(), beats.size() * lanes());
      beats.set(type(), op.op);
      ASSERT_TRUE(dut.stream(beats, random, 2)) << op.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, RtlReduceType, testing::ValuesIn(kTypes),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(RtlReduce, all_pairs_of_8_bits_follow_the_rule) {
  ReduceDut dut;
  Random random(test::seed(kSeed));
  for (const tally_dtype dtype : {TALLY_I8, TALLY_U8, TALLY_BYTE}) {
    Beats beats(65536 / kBeatBytes);
    for (std::size_t i = 0; i < 65536; ++i) {
      beats.a()[i] = static_cast<std::uint8_t>(i);
      beats.b()[i] = static_cast<std::uint8_t>(i >> 8);
    }
    for (const Op& op : kOps) {
      if (!exists(type_of(dtype), op.op)) continue;
      beats.set(type_of(dtype), op.op);
      ASSERT_TRUE(dut.stream(beats, random)) << type_of(dtype).name << ' ' << op.name;
    }
  }
}

/// All of f16: from TALLY_EFFORT 20 on; else each left operand with some right ones.
TEST(RtlReduce, all_pairs_of_f16_sum_follow_the_rule) {
  ReduceDut dut;
  Random random(test::seed(kSeed));
  const unsigned step = effort() >= 20 && kF16Step < 1000 ? 1 : kF16Step;
  Beats beats(65536 * 2 / kBeatBytes);
  for (unsigned b = step / 2; b < 65536; b += step) {
    for (unsigned i = 0; i < 65536; ++i) {
      const auto x = static_cast<std::uint16_t>(i), y = static_cast<std::uint16_t>(b);
      std::memcpy(beats.a() + 2 * i, &x, 2);
      std::memcpy(beats.b() + 2 * i, &y, 2);
    }
    beats.set(type_of(TALLY_F16), TALLY_SUM);
    ASSERT_TRUE(dut.stream(beats, random));
  }
}

TEST(RtlReduce, known_results_come_out_of_every_lane_in_both_orders) {
  ReduceDut dut;
  Random random(test::seed(kSeed));
  for (const Known& k : known_results()) {
    const Type& type = type_of(k.dtype);
    ASSERT_LE(type.bytes, 8u);
    Beats beats(2);
    for (std::size_t at = 0; at < kBeatBytes; at += type.bytes) {
      std::memcpy(beats.a(0) + at, &k.a, type.bytes);
      std::memcpy(beats.b(0) + at, &k.b, type.bytes);
      std::memcpy(beats.a(1) + at, &k.b, type.bytes);
      std::memcpy(beats.b(1) + at, &k.a, type.bytes);
    }
    beats.set(type, k.op);
    // The scoreboard compares with the oracle; the oracle must agree with what is written out.
    for (std::size_t at = 0; at < 2 * kBeatBytes; at += type.bytes)
      ASSERT_EQ(std::memcmp(beats.want(0) + at, &k.result, type.bytes), 0) << type.name << ": " << k.why;
    ASSERT_TRUE(dut.stream(beats, random)) << k.why;
  }
}

TEST(RtlReduce, pairs_that_do_not_exist_give_a) {
  ReduceDut dut;
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  Operands operands(type_of(TALLY_U64), seed);
  std::size_t absent = 0;
  for (unsigned dtype = 0; dtype < 256; ++dtype) {
    Beats beats(256);
    operands.fill(beats.a(), beats.b(), beats.size() * 8);
    for (unsigned op = 0; op < 256; ++op) {
      beats.set(dtype, op, op, 1);
      if (exists(dtype, op)) continue;
      ++absent;
      ASSERT_EQ(std::memcmp(beats.want(op), beats.a(op), kBeatBytes), 0);
    }
    ASSERT_TRUE(dut.stream(beats, random));
  }
  EXPECT_EQ(absent, 65536u - 113u);
}

/// Beats of all types and operations, those that do not exist included. Classes change from beat to beat, or
/// seldom.
Beats mixed(Random& random, std::size_t count) {
  Beats beats(count);
  const unsigned change = random.below(2) == 0 ? 100 : 20;
  unsigned dtype = 0, op = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 0 || random.percent(change)) {
      dtype = static_cast<unsigned>(random.below(22));
      op = static_cast<unsigned>(random.below(14));
      if (random.percent(60)) {  // one that exists
        const Type& type = kTypes[random.below(std::size(kTypes))];
        dtype = type.dtype;
        do op = static_cast<unsigned>(1 + random.below(12));
        while (!exists(type, op));
      }
    }
    const Type& type = type_of(dtype);
    Operands(type, random.next()).fill(beats.a(i), beats.b(i), kBeatBytes / type.bytes);
    beats.set(dtype, op, i, 1);
  }
  return beats;
}

class RtlReduceFlow : public testing::TestWithParam<unsigned> {};

TEST_P(RtlReduceFlow, mixed_classes_keep_order_latency_and_rate) {
  Random random(test::seed(kSeed));
  ReduceDut dut;
  for (unsigned round = 0; round < 20 * effort(); ++round) {
    const Beats beats = mixed(random, 500);
    ASSERT_TRUE(dut.stream(beats, random, GetParam()));
  }
}

INSTANTIATE_TEST_SUITE_P(Idle, RtlReduceFlow, testing::Values(0u, 30u, 90u),
                         [](const auto& test) { return std::to_string(test.param); });

TEST(RtlReduce, each_class_takes_its_latency_and_keeps_its_rate) {
  struct Class {
    tally_dtype dtype;
    tally_op op;
    std::uint64_t latency;
    std::uint64_t cycles;
  };
  // Written out once more: what docs/device.md promises.
  const Class classes[] = {
      {TALLY_BYTE, TALLY_OP_NONE, 1, 1},   {TALLY_F64, TALLY_OP_NONE, 1, 1}, {TALLY_F64, TALLY_BAND, 1, 1},
      {TALLY_I64, TALLY_SUM, 3, 1},        {TALLY_F16, TALLY_MIN, 3, 1},     {TALLY_BYTE, TALLY_BOR, 3, 1},
      {TALLY_F64_I32, TALLY_MINLOC, 3, 1}, {TALLY_U8, TALLY_PROD, 5, 1},     {TALLY_I64, TALLY_PROD, 5, 1},
      {TALLY_F16, TALLY_SUM, 6, 1},        {TALLY_F64, TALLY_SUM, 6, 1},     {TALLY_C128, TALLY_SUM, 6, 1},
      {TALLY_BF16, TALLY_PROD, 6, 1},      {TALLY_F64, TALLY_PROD, 6, 1},    {TALLY_C64, TALLY_PROD, 12, 2},
      {TALLY_C128, TALLY_PROD, 12, 2},
  };
  const std::uint64_t seed = test::seed(kSeed);
  Random random(seed);
  ReduceDut dut;
  for (const Class& c : classes) {
    const Type& type = type_of(c.dtype);
    Operands operands(type, seed);
    Beats beats(1000);
    operands.fill(beats.a(), beats.b(), beats.size() * kBeatBytes / type.bytes);
    beats.set(type, c.op);
    for (std::size_t i = 0; i < 5; ++i) {
      ASSERT_TRUE(dut.cycle(&beats, i));
      for (std::uint64_t cycle = 1; cycle < c.latency; ++cycle) {
        ASSERT_FALSE(dut.out_valid()) << type.name;
        ASSERT_FALSE(dut.cycle(nullptr, 0));
      }
      ASSERT_TRUE(dut.out_valid()) << type.name;
      ASSERT_TRUE(dut.drain());
    }
    const std::uint64_t start = dut.cycles();
    ASSERT_TRUE(dut.stream(beats, random));
    // The last beat is in after 999 times the rate, out after the latency; then drain() waits.
    EXPECT_EQ(dut.cycles() - start, 999 * c.cycles + c.latency + 1 + 3) << type.name;
  }
}

TEST(RtlReduce, reset_drops_what_is_in_flight) {
  Random random(test::seed(kSeed));
  ReduceDut dut;
  for (int round = 0; round < 100; ++round) {
    const Beats beats = mixed(random, 20);
    const std::size_t sent = random.below(20);
    for (std::size_t i = 0; i < sent;) i += dut.cycle(&beats, i) ? 1 : 0;
    dut.reset();
    EXPECT_FALSE(dut.out_valid());
    ASSERT_TRUE(dut.drain());
    ASSERT_TRUE(dut.stream(mixed(random, 20), random, 30));
  }
}

}  // namespace
}  // namespace tally::test
