// SPDX-License-Identifier: BSD-3-Clause
// Named corners of MPI matching on tally_match at its default size.
#include <gtest/gtest.h>

#include <Vtally_match.h>

#include <algorithm>
#include <iterator>

#include "rtl_match/match_bench.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

class Match : public ::testing::Test {
 protected:
  static Message message(std::uint16_t context, std::uint16_t source, std::uint32_t tag, std::uint64_t payload) {
    return {context, source, tag, payload, std::nullopt};
  }
  static Post exact(std::uint16_t context, std::uint16_t source, std::uint32_t tag, std::uint64_t payload) {
    return {context, source, tag, false, false, payload};
  }
  static Post any_source(std::uint16_t context, std::uint32_t tag, std::uint64_t payload) {
    return {context, 0xffff, tag, true, false, payload};
  }
  static Post any_tag(std::uint16_t context, std::uint16_t source, std::uint64_t payload) {
    return {context, source, 0xffffffff, false, true, payload};
  }
  static Post any(std::uint16_t context, std::uint64_t payload) { return {context, 0xffff, 0xffffffff, true, true, payload}; }

  MatchBench<Vtally_match, device::kPostedEntries, device::kUnexpectedEntries> bench;
};

TEST_F(Match, oldest_post_wins_across_wildcard_classes) {
  // Each order of the four classes: the arrival takes them as they were posted.
  int order[] = {0, 1, 2, 3};
  do {
    for (const int kind : order) {
      const auto payload = static_cast<std::uint64_t>(kind);
      const Post posts[] = {exact(1, 2, 3, payload), any_source(1, 3, payload), any_tag(1, 2, payload), any(1, payload)};
      EXPECT_FALSE(bench.post(posts[kind]).hit);
    }
    for (const int kind : order) {
      const ArrivalResult r = bench.arrive(message(1, 2, 3, 0));
      EXPECT_TRUE(r.hit);
      EXPECT_EQ(r.payload, static_cast<std::uint64_t>(kind));
    }
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_F(Match, oldest_unexpected_wins_for_each_wildcard_class) {
  for (const int kind : {0, 1, 2, 3}) {
    bench.arrive(message(9, 2, 3, 100));  // another context, oldest of all
    bench.arrive(message(1, 2, 3, 200));
    bench.arrive(message(1, 2, 3, 201));
    const Post posts[] = {exact(1, 2, 3, 0), any_source(1, 3, 0), any_tag(1, 2, 0), any(1, 0)};
    for (const std::uint64_t want : {200u, 201u}) {
      const PostResult r = bench.post(posts[kind]);
      EXPECT_TRUE(r.hit);
      EXPECT_EQ(r.payload, want);
      EXPECT_EQ(r.source, 2);
      EXPECT_EQ(r.tag, 3u);
    }
    EXPECT_EQ(bench.post(exact(9, 2, 3, 0)).payload, 100u);
  }
}

TEST_F(Match, wildcard_takes_oldest_of_different_sources_and_tags) {
  bench.arrive(message(1, 7, 70, 1));
  bench.arrive(message(1, 5, 50, 2));
  bench.arrive(message(1, 6, 50, 3));
  EXPECT_EQ(bench.post(any_source(1, 50, 0)).payload, 2u);
  EXPECT_EQ(bench.post(any(1, 0)).payload, 1u);
  EXPECT_EQ(bench.post(any_tag(1, 6, 0)).payload, 3u);
}

TEST_F(Match, post_that_took_a_message_does_not_take_a_later_one) {
  bench.arrive(message(1, 2, 3, 10));
  EXPECT_TRUE(bench.post(exact(1, 2, 3, 0)).hit);
  const ArrivalResult r = bench.arrive(message(1, 2, 3, 11));
  EXPECT_FALSE(r.hit);
  EXPECT_FALSE(r.full);
}

TEST_F(Match, message_that_took_a_post_is_not_found_by_a_later_post) {
  bench.post(exact(1, 2, 3, 10));
  EXPECT_TRUE(bench.arrive(message(1, 2, 3, 0)).hit);
  EXPECT_FALSE(bench.post(any(1, 11)).hit);
}

TEST_F(Match, contexts_do_not_mix) {
  bench.post(any(1, 10));
  EXPECT_FALSE(bench.arrive(message(2, 2, 3, 0)).hit);
  EXPECT_FALSE(bench.post(any(3, 11)).hit);
  EXPECT_EQ(bench.arrive(message(3, 2, 3, 0)).payload, 11u);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, 10u);
  EXPECT_TRUE(bench.post(any(2, 12)).hit);
}

TEST_F(Match, each_bit_of_context_source_and_tag_counts) {
  bench.post(exact(0, 0, 0, 42));
  unsigned kept = 0;
  auto must_miss = [&](const Message& m) {
    EXPECT_FALSE(bench.arrive(m).hit);
    // Take it out again, so that the slots last.
    const PostResult r = bench.post(exact(m.context, m.source, m.tag, 0));
    ASSERT_TRUE(r.hit);
    bench.free_slot(r.slot);
    ++kept;
  };
  for (unsigned bit = 0; bit < 16; ++bit) must_miss(message(static_cast<std::uint16_t>(1u << bit), 0, 0, 0));
  for (unsigned bit = 0; bit < 16; ++bit) must_miss(message(0, static_cast<std::uint16_t>(1u << bit), 0, 0));
  for (unsigned bit = 0; bit < 32; ++bit) must_miss(message(0, 0, 1u << bit, 0));
  EXPECT_EQ(kept, 64u);
  EXPECT_EQ(bench.arrive(message(0, 0, 0, 0)).payload, 42u);
}

TEST_F(Match, each_bit_counts_when_a_post_looks_at_unexpected_messages) {
  bench.arrive(message(0, 0, 0, 42));
  unsigned kept = 0;
  auto must_miss = [&](std::uint16_t context, std::uint16_t source, std::uint32_t tag) {
    EXPECT_FALSE(bench.post(exact(context, source, tag, 7)).hit);
    EXPECT_EQ(bench.arrive(message(context, source, tag, 0)).payload, 7u);  // takes it out again
    ++kept;
  };
  for (unsigned bit = 0; bit < 16; ++bit) must_miss(static_cast<std::uint16_t>(1u << bit), 0, 0);
  for (unsigned bit = 0; bit < 16; ++bit) must_miss(0, static_cast<std::uint16_t>(1u << bit), 0);
  for (unsigned bit = 0; bit < 32; ++bit) must_miss(0, 0, 1u << bit);
  EXPECT_EQ(kept, 64u);
  EXPECT_EQ(bench.post(exact(0, 0, 0, 0)).payload, 42u);
}

TEST_F(Match, tag_upper_bound_matches_exactly) {
  for (const std::uint32_t tag : {0x7fffffffu, 0xffffffffu}) {
    bench.post(exact(1, 0, tag, tag));
    EXPECT_FALSE(bench.arrive(message(1, 0, tag - 1, 1)).hit);
    EXPECT_EQ(bench.arrive(message(1, 0, tag, 0)).payload, tag);
    const PostResult r = bench.post(exact(1, 0, tag - 1, 0));
    EXPECT_EQ(r.tag, tag - 1);
  }
}

TEST_F(Match, slot_is_not_reused_before_it_is_freed) {
  const ArrivalResult first = bench.arrive(message(1, 0, 0, 1));
  const PostResult matched = bench.post(exact(1, 0, 0, 0));
  EXPECT_EQ(matched.slot, first.slot);
  for (unsigned i = 0; i + 1 < device::kUnexpectedEntries; ++i) {
    const ArrivalResult r = bench.arrive(message(1, 0, 1 + i, 2));
    ASSERT_FALSE(r.full);
    ASSERT_NE(r.slot, first.slot);
  }
  EXPECT_TRUE(bench.arrive(message(1, 0, 500, 3)).full);
  bench.free_slot(matched.slot);
  EXPECT_EQ(bench.arrive(message(1, 0, 500, 3)).slot, first.slot);
}

TEST_F(Match, order_survives_slots_freed_out_of_order) {
  // Slots are taken lowest first: after frees a younger message lies in a lower slot than an older one.
  for (std::uint64_t i = 0; i < 4; ++i) bench.arrive(message(1, 0, static_cast<std::uint32_t>(i), i));
  const PostResult r = bench.post(exact(1, 0, 0, 0));
  bench.free_slot(r.slot);
  EXPECT_EQ(bench.arrive(message(1, 0, 9, 4)).slot, r.slot);
  for (const std::uint64_t want : {1u, 2u, 3u, 4u}) EXPECT_EQ(bench.post(any(1, 0)).payload, want);
}

TEST_F(Match, result_comes_three_cycles_after_the_handshake) {
  bench.arrive(message(1, 2, 3, 0));
  bench.post(exact(1, 2, 3, 0));
  ASSERT_EQ(bench.taken_at.size(), 2u);
  ASSERT_EQ(bench.result_at.size(), 2u);
  for (int i : {0, 1}) EXPECT_EQ(bench.result_at[static_cast<std::size_t>(i)] - bench.taken_at[static_cast<std::size_t>(i)], 3u);
}

TEST_F(Match, busy_ports_alternate_at_one_operation_each_two_cycles) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    if (!bench.post_offer) bench.post_offer = exact(1, 0, 7, i);
    if (!bench.arrival_offer) bench.arrival_offer = message(1, 0, 7, i);
    bench.cycle();
  }
  ASSERT_EQ(bench.taken.size(), 50u);
  for (std::size_t i = 1; i < bench.taken.size(); ++i) {
    EXPECT_NE(bench.taken[i], bench.taken[i - 1]) << i;
    EXPECT_EQ(bench.taken_at[i] - bench.taken_at[i - 1], 2u) << i;
  }
}

TEST_F(Match, arrival_right_behind_its_post_finds_it) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    bench.post_offer = exact(1, 0, 7, i);
    while (bench.post_offer) bench.cycle();
    bench.arrival_offer = message(1, 0, 7, 0);
    bench.drain();
    ASSERT_TRUE(bench.arrival_results.back().hit);
    ASSERT_EQ(bench.arrival_results.back().payload, i);
  }
}

}  // namespace
}  // namespace tally::test
