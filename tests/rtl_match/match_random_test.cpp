// SPDX-License-Identifier: BSD-3-Clause
// tally_match against the reference under random posts, arrivals and frees, at several sizes.
#include <gtest/gtest.h>

#include <Vtally_match.h>
#include <Vtally_match_1.h>
#include <Vtally_match_2.h>
#include <Vtally_match_8.h>
#include <Vtally_match_odd.h>

#include "support/seed.hpp"
#include "rtl_match/match_bench.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

template <class Bench>
class MatchRandom : public ::testing::Test {};

using Benches = ::testing::Types<MatchBench<Vtally_match_1, 1, 1>, MatchBench<Vtally_match_2, 2, 2>,
                                 MatchBench<Vtally_match_odd, 3, 5, 33, 7>, MatchBench<Vtally_match_8, 8, 8>,
                                 MatchBench<Vtally_match, device::kPostedEntries, device::kUnexpectedEntries>>;
TYPED_TEST_SUITE(MatchRandom, Benches);

struct Mix {
  unsigned posts, arrivals, frees;  // percent of cycles in which one is offered
};

Post random_post(Random& random, std::uint64_t number) {
  return {static_cast<std::uint16_t>(random.below(2)), static_cast<std::uint16_t>(random.below(3)),
          static_cast<std::uint32_t>(random.below(3)), random.percent(25), random.percent(25), number};
}

Message random_message(Random& random, std::uint64_t number) {
  return {static_cast<std::uint16_t>(random.below(2)), static_cast<std::uint16_t>(random.below(3)),
          static_cast<std::uint32_t>(random.below(3)), number, std::nullopt};
}

TYPED_TEST(MatchRandom, agrees_with_the_reference) {
  Random random(seed(51));
  TypeParam bench;
  std::uint64_t number = 0;
  // Phases that fill the posted queue, fill the slots, starve of frees, and run at full speed.
  constexpr Mix kPhases[] = {{40, 40, 40}, {60, 5, 60}, {5, 60, 60}, {50, 50, 2}, {100, 100, 100}, {20, 80, 10}, {80, 20, 30}};
  for (int round = 0; round < 6; ++round) {
    for (const Mix& mix : kPhases) {
      for (int i = 0; i < 2000; ++i) {
        if (!bench.post_offer && random.percent(mix.posts)) bench.post_offer = random_post(random, ++number);
        if (!bench.arrival_offer && random.percent(mix.arrivals)) bench.arrival_offer = random_message(random, ++number);
        if (!bench.to_free.empty() && random.percent(mix.frees)) {
          bench.free_offer = bench.to_free[random.below(bench.to_free.size())];
        }
        bench.cycle();
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
  bench.drain();
  unsigned post_hits = 0, post_fulls = 0, arrival_hits = 0, arrival_fulls = 0;
  for (const auto& r : bench.post_results) post_hits += r.hit, post_fulls += r.full;
  for (const auto& r : bench.arrival_results) arrival_hits += r.hit, arrival_fulls += r.full;
  // The run reached what it is about.
  EXPECT_GT(post_hits, 100u);
  EXPECT_GT(arrival_hits, 100u);
  EXPECT_GT(post_fulls, 10u);
  EXPECT_GT(arrival_fulls, 10u);
}

TYPED_TEST(MatchRandom, full_posted_queue_refuses_and_keeps_what_it_has) {
  TypeParam bench;
  for (unsigned i = 0; i < TypeParam::kPosted; ++i) {
    ASSERT_FALSE(bench.post({1, 0, i, false, false, i}).full) << i;
  }
  EXPECT_EQ(bench.top.posted_level_o, TypeParam::kPosted);
  EXPECT_TRUE(bench.post({1, 0, 999, false, false, 999}).full);
  EXPECT_EQ(bench.top.posted_level_o, TypeParam::kPosted);
  // The refused post matches nothing; each stored one is found, youngest first.
  const ArrivalResult stray = bench.arrive({1, 0, 999, 0, std::nullopt});
  EXPECT_FALSE(stray.hit);
  for (unsigned i = TypeParam::kPosted; i-- > 0;) {
    const ArrivalResult r = bench.arrive({1, 0, i, 0, std::nullopt});
    ASSERT_TRUE(r.hit) << i;
    ASSERT_EQ(r.payload, i);
  }
}

TYPED_TEST(MatchRandom, full_unexpected_queue_refuses_until_a_slot_is_freed) {
  TypeParam bench;
  for (unsigned i = 0; i < TypeParam::kSlots; ++i) {
    ASSERT_FALSE(bench.arrive({1, 0, i, i, std::nullopt}).full) << i;
  }
  EXPECT_TRUE(bench.arrive({1, 0, 999, 0, std::nullopt}).full);
  const PostResult r = bench.post({1, 0, 0, true, true, 0});
  ASSERT_TRUE(r.hit);
  EXPECT_TRUE(bench.arrive({1, 0, 999, 0, std::nullopt}).full) << "the matched message keeps its slot";
  bench.free_slot(r.slot);
  const ArrivalResult again = bench.arrive({1, 0, 999, 0, std::nullopt});
  EXPECT_FALSE(again.full);
  EXPECT_EQ(again.slot, r.slot);
}

TYPED_TEST(MatchRandom, full_unexpected_queue_still_matches_arrivals) {
  TypeParam bench;
  for (unsigned i = 0; i < TypeParam::kSlots; ++i) bench.arrive({1, 0, i, i, std::nullopt});
  bench.post({2, 0, 5, false, false, 77});
  const ArrivalResult r = bench.arrive({2, 0, 5, 0, std::nullopt});
  EXPECT_TRUE(r.hit);
  EXPECT_EQ(r.payload, 77u);
}

}  // namespace
}  // namespace tally::test
