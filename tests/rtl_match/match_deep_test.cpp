// SPDX-License-Identifier: BSD-3-Clause
// tally_match at its full size: order, latency and rate with up to 4096 entries in each queue. The bench
// checks that each result comes kLatency cycles after its operation was taken.
#include <gtest/gtest.h>

#include <Vtally_match.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "rtl_match/match_bench.hpp"
#include "rtl_match/program.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

static_assert(kLatency <= 12);

using Bench = MatchBench<Vtally_match, device::kPostedEntries, device::kUnexpectedEntries>;
constexpr unsigned kDepth = device::kPostedEntries;
static_assert(device::kUnexpectedEntries == kDepth);

class MatchDeep : public ::testing::Test {
 protected:
  /// Runs operations i = 0 to n - 1 back to back and checks the rate.
  template <class Offer>
  void run(unsigned n, Offer&& offer) {
    bench.drain();
    const std::size_t first = bench.taken_at.size();
    for (unsigned i = 0; i < n; ++i) {
      offer(i);
      while (bench.post_offer || bench.arrival_offer) {
        bench.cycle();
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
    for (std::size_t i = first + 1; i < bench.taken_at.size(); ++i) {
      ASSERT_EQ(bench.taken_at[i] - bench.taken_at[i - 1], kInterval) << "operation " << i - first;
    }
    bench.drain();
  }
  void fill_posted(Post (*make)(unsigned)) {
    run(kDepth, [&](unsigned i) {
      Post p = make(i);
      p.handle = i;
      p.payload = i;
      bench.post_offer = p;
    });
    ASSERT_EQ(bench.reference.posted.size(), kDepth);
  }
  void fill_unexpected(Message (*make)(unsigned)) {
    run(kDepth, [&](unsigned i) {
      Message m = make(i);
      m.payload = i;
      bench.arrival_offer = m;
    });
    ASSERT_EQ(bench.reference.stored.size(), kDepth);
  }

  Bench bench;
};

Post exact(unsigned i) {
  return {Op::kPost, 0, 1, static_cast<std::uint16_t>(i % 16), i, false, false, 0, 0, 0};
}
Message plain(unsigned i) { return {0, 1, static_cast<std::uint16_t>(i % 16), i, true, 0}; }
Post one_key(unsigned) { return {Op::kPost, 0, 1, 2, 3, false, false, 0, 0, 0}; }
Message one_message(unsigned) { return {0, 1, 2, 3, true, 0}; }
Post mixed(unsigned i) {
  return {Op::kPost, 0, 1, static_cast<std::uint16_t>(i % 16), i, i % 4 == 1, i % 4 == 2, 0, 0, 0};
}

TEST_F(MatchDeep, youngest_of_4096_distinct_receives_is_found) {
  fill_posted(exact);
  run(kDepth, [&](unsigned i) { bench.arrival_offer = plain(kDepth - 1 - i); });
  EXPECT_TRUE(bench.reference.posted.empty());
  EXPECT_EQ(bench.conflicts, 0u);
}

TEST_F(MatchDeep, receives_of_one_key_are_taken_in_order) {
  fill_posted(one_key);
  run(kDepth, [&](unsigned i) { bench.arrival_offer = one_message(i); });
  EXPECT_TRUE(bench.reference.posted.empty());
}

TEST_F(MatchDeep, youngest_of_4096_distinct_messages_is_found) {
  fill_unexpected(plain);
  run(kDepth, [&](unsigned i) { bench.post_offer = exact(kDepth - 1 - i); });
  EXPECT_TRUE(bench.reference.stored.empty());
  EXPECT_EQ(bench.conflicts, 0u);
}

TEST_F(MatchDeep, messages_of_one_key_are_taken_in_order_by_each_class) {
  fill_unexpected(one_message);
  run(kDepth, [&](unsigned i) {
    Post p = one_key(i);
    p.any_source = (i & 1) != 0;
    p.any_tag = (i & 2) != 0;
    bench.post_offer = p;
  });
  EXPECT_TRUE(bench.reference.stored.empty());
}

TEST_F(MatchDeep, both_queues_full_of_distinct_keys_have_no_conflict) {
  fill_unexpected([](unsigned i) { return Message{0, static_cast<std::uint16_t>(i), 7, i, true, 0}; });
  fill_posted([](unsigned i) {
    return Post{Op::kPost, 0, static_cast<std::uint16_t>(i + kDepth), 7, i, i % 3 == 1, i % 3 == 2, 0, 0, 0};
  });
  EXPECT_EQ(bench.conflicts, 0u);
  EXPECT_EQ(bench.arrive({0, 9, 9, 9, true, 0}).reason, Reason::kUnexpected);
}

TEST_F(MatchDeep, wildcards_among_4096_receives_are_taken_in_order_of_posting) {
  fill_posted(mixed);
  run(kDepth, [&](unsigned i) { bench.arrival_offer = plain(i); });
  run(kDepth, [&](unsigned i) { bench.arrival_offer = plain(i * 2654435761u % kDepth); });
}

TEST_F(MatchDeep, cancel_of_4096_receives_in_random_order_leaves_nothing) {
  Random random(seed(61));
  fill_posted([](unsigned i) {
    return Post{Op::kPost, 0, 1, 0, i % 5, false, false, 0, 0, 0};  // five long lists
  });
  std::vector<unsigned> order(kDepth);
  std::iota(order.begin(), order.end(), 0u);
  for (unsigned i = kDepth; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  run(kDepth,
      [&](unsigned i) { bench.post_offer = Post{Op::kCancel, 0, 0, 0, 0, false, false, order[i], 0, 0}; });
  EXPECT_TRUE(bench.reference.posted.empty());
  for (const PostAnswer& a : std::vector(bench.post_answers.end() - kDepth, bench.post_answers.end())) {
    EXPECT_EQ(a.result, PostResult::kHit);
  }
}

TEST_F(MatchDeep, flush_of_full_queues_frees_everything) {
  for (unsigned round = 0; round < 2; ++round) {
    fill_posted(exact);
    fill_unexpected([](unsigned i) { return Message{0, 2, 0, i, true, 0}; });
    const std::uint64_t before = bench.cycles;
    bench.flush(0);
    EXPECT_LE(bench.cycles - before, 4096u + 20u);
  }
}

TEST_F(MatchDeep, random_programs_agree_with_the_reference) {
  Random random(seed(62));
  Program<Bench> program(bench, random);
  constexpr Mix kDeep[] = {
      // posts arrivals ep ctx src tag wild append off stale unstorable flush
      {100, 100, 4, 20, 30, 40, 5, 80, 10, 0, 0, 0},    // many keys
      {100, 50, 2, 50, 64, 1000, 1, 90, 5, 0, 0, 0},    // posted queue grows
      {50, 100, 2, 50, 64, 1000, 1, 20, 30, 0, 0, 10},  // unexpected queue grows
      {100, 100, 4, 3, 4, 4, 20, 60, 15, 1, 1, 20},     // few keys
  };
  for (unsigned round = 0; round < 2 * effort(); ++round) {
    for (const Mix& mix : kDeep) {
      program.run(mix, 12000);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
  bench.drain();
  EXPECT_EQ(bench.conflicts, 0u);
}

}  // namespace
}  // namespace tally::test
