// SPDX-License-Identifier: BSD-3-Clause
// tally_match against the reference under random programs of all operations, at several sizes.
#include <gtest/gtest.h>

#ifndef TALLY_FEW_SIZES
#include <Vtally_match_1.h>
#include <Vtally_match_2.h>
#endif
#include <Vtally_match_8.h>
#include <Vtally_match_odd.h>
#include <Vtally_match_tight.h>

#include "rtl_match/match_bench.hpp"
#include "rtl_match/program.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

template <class Bench>
class MatchRandom : public ::testing::Test {};

using Benches = ::testing::Types<
#ifndef TALLY_FEW_SIZES
    MatchBench<Vtally_match_1, 1, 1>, MatchBench<Vtally_match_2, 2, 2>,
#endif
    MatchBench<Vtally_match_odd, 3, 5, 33, 7>, MatchBench<Vtally_match_8, 8, 8>,
    MatchBench<Vtally_match_tight, 64, 64, 65, 70>>;
TYPED_TEST_SUITE(MatchRandom, Benches);

TYPED_TEST(MatchRandom, agrees_with_the_reference) {
  Random random(seed(51));
  TypeParam bench;
  Program<TypeParam> program(bench, random);
  for (unsigned round = 0; round < 12 * effort(); ++round) {
    for (const Mix& mix : kMixes) {
      program.run(mix, 3000);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  bench.drain();
  // The run reached what it is about.
  unsigned results[5] = {}, arrivals[3] = {}, order = 0, full = 0, bounce = 0;
  for (const auto& a : bench.post_answers) ++results[static_cast<int>(a.result)];
  for (const auto& a : bench.arrival_answers) {
    ++arrivals[static_cast<int>(a.result)];
    order += a.reason == Reason::kOrder;
    full += a.reason == Reason::kUnexpected;
    bounce += a.reason == Reason::kBounce;
  }
  for (const unsigned count : results) EXPECT_GT(count, 100u);
  for (const unsigned count : arrivals) EXPECT_GT(count, 100u);
  EXPECT_GT(order, 50u);
  EXPECT_GT(full, 10u);
  EXPECT_GT(bounce, 10u);
  EXPECT_GT(bench.flushes, 5u);
  if (TypeParam::kPosted == 64) {
    EXPECT_GT(bench.conflicts, 100u);  // tables of 16 places
  }
  for (const unsigned count : program.hits) EXPECT_GT(count, 20u);
}

TYPED_TEST(MatchRandom, table_is_empty_again_after_everything_was_taken) {
  // A place that is not released would end in conflicts.
  Random random(seed(52));
  TypeParam bench;
  Program<TypeParam> program(bench, random);
  for (unsigned round = 0; round < 40; ++round) {
    Mix mix = kMixes[1];
    mix.contexts = 60000;
    mix.spill_off = 0;
    program.run(mix, 100);
    program.empty();
    if (::testing::Test::HasFatalFailure()) return;
    const unsigned before = bench.conflicts;
    const unsigned n = std::min({TypeParam::kPosted, 8u});
    for (unsigned i = 0; i < n; ++i) {
      Post p{Op::kPost, 1, static_cast<std::uint16_t>(random.below(65536)), 0, 0, false, false, i, 0, i};
      p.spill_seen = bench.reference.endpoints[1].spills;
      bench.post(p);
    }
    // Eight keys or less: at most four in a row of either bank is the worst case, so all have room.
    EXPECT_EQ(bench.conflicts, before);
    for (unsigned i = 0; i < n; ++i) bench.post({Op::kCancel, 1, 0, 0, 0, false, false, i, 0, 0});
  }
}

}  // namespace
}  // namespace tally::test
