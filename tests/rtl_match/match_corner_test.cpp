// SPDX-License-Identifier: BSD-3-Clause
// Named corners of MPI matching and of the handover on tally_match (docs/matching.md lists them).
#include <gtest/gtest.h>

#include <Vtally_match_8.h>
#include <Vtally_match_tight.h>

#include <algorithm>
#include <iterator>

#include "rtl_match/match_bench.hpp"

namespace tally::test {
namespace {

Message message(std::uint16_t context, std::uint16_t source, std::uint32_t tag, std::uint64_t payload,
                unsigned ep = 0) {
  return {ep, context, source, tag, true, payload};
}

class Match : public ::testing::Test {
 protected:
  // Receives name entry 0 to 7 in turn, unless a test names one.
  Post exact(std::uint16_t context, std::uint16_t source, std::uint32_t tag, std::uint64_t payload) {
    return {Op::kPost, 0, context, source, tag, false, false, handle(), 0, payload};
  }
  Post any_source(std::uint16_t context, std::uint32_t tag, std::uint64_t payload) {
    return {Op::kPost, 0, context, 0xffff, tag, true, false, handle(), 0, payload};
  }
  Post any_tag(std::uint16_t context, std::uint16_t source, std::uint64_t payload) {
    return {Op::kPost, 0, context, source, 0xffffffff, false, true, handle(), 0, payload};
  }
  Post any(std::uint16_t context, std::uint64_t payload) {
    return {Op::kPost, 0, context, 0xffff, 0xffffffff, true, true, handle(), 0, payload};
  }
  Post of_kind(int kind, std::uint64_t payload) {
    const Post posts[] = {exact(1, 2, 3, payload), any_source(1, 3, payload), any_tag(1, 2, payload),
                          any(1, payload)};
    return posts[kind];
  }
  static Post as(Op op, Post p) {
    p.op = op;
    return p;
  }
  static Post seen(std::uint32_t count, Post p) {
    p.spill_seen = count;
    return p;
  }
  static Post by_handle(Op op, unsigned handle, unsigned ep = 0) {
    return {op, ep, 0, 0, 0, false, false, handle, 0, 0};
  }
  static Post command(Op op, std::uint32_t spill_seen, unsigned ep = 0) {
    return {op, ep, 0, 0, 0, false, false, 0, spill_seen, 0};
  }
  unsigned handle() { return next_++ % 8; }

  MatchBench<Vtally_match_8, 8, 8> bench;

 private:
  unsigned next_ = 0;
};

// --- Order -----------------------------------------------------------------------------------------

TEST_F(Match, oldest_post_wins_across_wildcard_classes) {
  // Each order of the four classes: the arrival takes them as they were posted.
  int order[] = {0, 1, 2, 3};
  do {
    for (const int kind : order) {
      Post p = of_kind(kind, static_cast<std::uint64_t>(kind));
      p.handle = static_cast<unsigned>(kind);
      EXPECT_EQ(bench.post(p).result, PostResult::kAppended);
    }
    for (const int kind : order) {
      const ArrivalAnswer a = bench.arrive(message(1, 2, 3, 0));
      EXPECT_EQ(a.result, ArrivalResult::kHit);
      EXPECT_EQ(a.payload, static_cast<std::uint64_t>(kind));
    }
  } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST_F(Match, oldest_unexpected_wins_for_each_wildcard_class) {
  for (const int kind : {0, 1, 2, 3}) {
    bench.arrive(message(9, 2, 3, 100));  // another context, oldest of all
    bench.arrive(message(1, 2, 3, 200));
    bench.arrive(message(1, 2, 3, 201));
    for (const std::uint64_t want : {200u, 201u}) {
      const PostAnswer a = bench.post(of_kind(kind, 0));
      EXPECT_EQ(a.result, PostResult::kHit);
      EXPECT_EQ(a.payload, want);
      EXPECT_EQ(a.source, 2);
      EXPECT_EQ(a.tag, 3u);
    }
    EXPECT_EQ(bench.post(exact(9, 2, 3, 0)).payload, 100u);
  }
}

TEST_F(Match, earliest_receive_takes_earliest_message) {
  for (std::uint64_t i = 0; i < 4; ++i) bench.post(i % 2 == 0 ? exact(1, 2, 3, i) : any(1, i));
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(bench.arrive(message(1, 2, 3, i)).payload, i);
  for (std::uint64_t i = 0; i < 4; ++i) bench.arrive(message(1, 2, 3, i));
  for (std::uint64_t i = 0; i < 4; ++i)
    EXPECT_EQ(bench.post(i % 2 == 0 ? exact(1, 2, 3, i) : any(1, i)).payload, i);
}

TEST_F(Match, wildcard_takes_oldest_of_different_sources_and_tags) {
  bench.arrive(message(1, 7, 70, 1));
  bench.arrive(message(1, 5, 50, 2));
  bench.arrive(message(1, 6, 50, 3));
  EXPECT_EQ(bench.post(any_source(1, 50, 0)).payload, 2u);
  EXPECT_EQ(bench.post(any(1, 0)).payload, 1u);
  EXPECT_EQ(bench.post(any_tag(1, 6, 0)).payload, 3u);
}

TEST_F(Match, message_taken_under_one_key_is_gone_under_the_others) {
  // Out of the head, the middle and the tail of the lists of the other keys.
  for (const unsigned taken : {0u, 1u, 2u}) {
    for (std::uint32_t i = 0; i < 3; ++i) bench.arrive(message(1, 2, i, i));
    EXPECT_EQ(bench.post(exact(1, 2, taken, 0)).payload, taken);
    for (std::uint32_t i = 0; i < 3; ++i) {
      if (i == taken) continue;
      EXPECT_EQ(bench.post(i == 1 ? any_tag(1, 2, 0) : any(1, 0)).payload, i);
    }
    EXPECT_EQ(bench.post(as(Op::kSearch, any(1, 0))).result, PostResult::kMiss);
  }
}

TEST_F(Match, receive_that_took_a_message_does_not_take_a_later_one) {
  bench.arrive(message(1, 2, 3, 10));
  EXPECT_EQ(bench.post(exact(1, 2, 3, 0)).result, PostResult::kHit);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 11)).result, ArrivalResult::kStored);
}

TEST_F(Match, message_that_took_a_receive_is_not_found_by_a_later_one) {
  bench.post(exact(1, 2, 3, 10));
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).result, ArrivalResult::kHit);
  EXPECT_EQ(bench.post(any(1, 11)).result, PostResult::kAppended);
}

TEST_F(Match, operations_back_to_back_see_each_other) {
  // Post, arrival, post, arrival ... of one key at full speed: each arrival finds the post before it.
  for (std::uint64_t i = 0; i < 200; ++i) {
    if (!bench.post_offer) bench.post_offer = exact(1, 0, 7, i);
    if (!bench.arrival_offer) bench.arrival_offer = message(1, 0, 7, i);
    bench.cycle();
    if (::testing::Test::HasFatalFailure()) return;
  }
  bench.drain();
  ASSERT_GE(bench.taken.size(), 50u);
  for (std::size_t i = 1; i < 50; ++i) {
    EXPECT_NE(bench.taken[i], bench.taken[i - 1]) << i;
    EXPECT_EQ(bench.taken_at[i] - bench.taken_at[i - 1], kInterval) << i;
  }
  for (const auto& a : bench.post_answers) EXPECT_NE(a.result, PostResult::kReturned);
}

TEST_F(Match, place_released_right_before_its_next_use_is_kept) {
  // The second operation looks its key up while the first one empties it: for each distance.
  for (unsigned idle = 0; idle < 12; ++idle) {
    for (const bool second_is_post : {false, true}) {
      bench.post(exact(1, 2, 3, 1));
      bench.arrival_offer = message(1, 2, 3, 2);  // empties the key
      while (bench.arrival_offer) bench.cycle();
      for (unsigned i = 0; i < idle; ++i) bench.cycle();
      if (second_is_post) {
        EXPECT_EQ(bench.post(exact(1, 2, 3, 3)).result, PostResult::kAppended);
        EXPECT_EQ(bench.arrive(message(1, 2, 3, 4)).payload, 3u);
      } else {
        EXPECT_EQ(bench.arrive(message(1, 2, 3, 5)).result, ArrivalResult::kStored);
        EXPECT_EQ(bench.post(any_tag(1, 2, 6)).payload, 5u);
      }
      EXPECT_EQ(bench.post(as(Op::kSearch, exact(1, 2, 3, 0))).result, PostResult::kMiss);
    }
  }
}

// --- Keys ------------------------------------------------------------------------------------------

TEST_F(Match, contexts_do_not_mix) {
  bench.post(any(1, 10));
  EXPECT_EQ(bench.arrive(message(2, 2, 3, 0)).result, ArrivalResult::kStored);
  EXPECT_EQ(bench.post(any(3, 11)).result, PostResult::kAppended);
  EXPECT_EQ(bench.arrive(message(3, 2, 3, 0)).payload, 11u);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, 10u);
  EXPECT_EQ(bench.post(any(2, 12)).result, PostResult::kHit);
}

TEST_F(Match, endpoints_do_not_mix) {
  for (unsigned e = 0; e < 4; ++e) {
    Post p = any(1, e);
    p.ep = e;
    bench.post(p);
  }
  for (unsigned e = 4; e-- > 0;) EXPECT_EQ(bench.arrive(message(1, 2, 3, 0, e)).payload, e);
  bench.arrive(message(1, 2, 3, 50, 2));
  Post p = exact(1, 2, 3, 0);
  EXPECT_EQ(bench.post(p).result, PostResult::kAppended);
  p.ep = 2;
  p.handle = 7;
  EXPECT_EQ(bench.post(p).payload, 50u);
}

TEST_F(Match, each_bit_of_context_source_and_tag_counts_for_arrivals) {
  bench.post(exact(0, 0, 0, 42));
  unsigned kept = 0;
  auto must_miss = [&](const Message& m) {
    EXPECT_EQ(bench.arrive(m).result, ArrivalResult::kStored);
    // Out again, so that the entries last.
    ASSERT_EQ(bench.post(as(Op::kSearch, exact(m.context, m.source, m.tag, 0))).result, PostResult::kHit);
    ++kept;
  };
  for (unsigned bit = 0; bit < 16; ++bit) must_miss(message(static_cast<std::uint16_t>(1u << bit), 0, 0, 0));
  for (unsigned bit = 0; bit < 16; ++bit) must_miss(message(0, static_cast<std::uint16_t>(1u << bit), 0, 0));
  for (unsigned bit = 0; bit < 32; ++bit) must_miss(message(0, 0, 1u << bit, 0));
  EXPECT_EQ(kept, 64u);
  EXPECT_EQ(bench.arrive(message(0, 0, 0, 0)).payload, 42u);
}

TEST_F(Match, each_bit_of_context_source_and_tag_counts_for_receives) {
  bench.arrive(message(0, 0, 0, 42));
  unsigned kept = 0;
  auto must_miss = [&](std::uint16_t context, std::uint16_t source, std::uint32_t tag) {
    EXPECT_EQ(bench.post(exact(context, source, tag, 7)).result, PostResult::kAppended);
    EXPECT_EQ(bench.arrive(message(context, source, tag, 0)).payload, 7u);  // out again
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
    EXPECT_EQ(bench.arrive(message(1, 0, tag - 1, 1)).result, ArrivalResult::kStored);
    EXPECT_EQ(bench.arrive(message(1, 0, tag, 0)).payload, tag);
    EXPECT_EQ(bench.post(exact(1, 0, tag - 1, 0)).tag, tag - 1);
  }
}

TEST_F(Match, wildcard_ignores_the_field_of_the_receive) {
  bench.post(any_source(1, 3, 10));  // source field 0xffff
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, 10u);
  bench.post(any_tag(1, 2, 11));  // tag field 0xffffffff
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, 11u);
}

// --- Cancel ----------------------------------------------------------------------------------------

TEST_F(Match, cancel_takes_head_middle_or_tail_and_keeps_the_order) {
  for (unsigned cancelled = 0; cancelled < 3; ++cancelled) {
    for (unsigned i = 0; i < 3; ++i) {
      Post p = exact(1, 2, 3, i);
      p.handle = i;
      bench.post(p);
    }
    EXPECT_EQ(bench.post(by_handle(Op::kCancel, cancelled)).result, PostResult::kHit);
    for (unsigned i = 0; i < 3; ++i) {
      if (i == cancelled) continue;
      EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, i);
    }
    EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).result, ArrivalResult::kStored);
    bench.post(any(1, 0));
  }
}

TEST_F(Match, cancel_and_match_never_both_and_never_neither) {
  // The cancel comes before, at and after the arrival that it races.
  for (unsigned lead = 0; lead < 24; ++lead) {
    Post p = exact(1, 2, 3, lead);
    p.handle = 5;
    bench.post(p);
    for (unsigned i = 0; i < 24; ++i) {
      if (i == 12) bench.arrival_offer = message(1, 2, 3, 0);
      if (i == lead) bench.post_offer = by_handle(Op::kCancel, 5);
      bench.cycle();
    }
    bench.drain();
    const bool cancelled = bench.post_answers.back().result == PostResult::kHit;
    const bool matched = bench.arrival_answers.back().result == ArrivalResult::kHit;
    EXPECT_NE(cancelled, matched) << lead;
    if (!matched) bench.post(any(1, 0));
  }
}

TEST_F(Match, cancel_of_no_posted_receive_or_of_another_endpoint_misses) {
  EXPECT_EQ(bench.post(by_handle(Op::kCancel, 3)).result, PostResult::kMiss);
  Post p = exact(1, 2, 3, 9);
  p.handle = 3;
  bench.post(p);
  EXPECT_EQ(bench.post(by_handle(Op::kCancel, 3, 1)).result, PostResult::kMiss);
  EXPECT_EQ(bench.post(by_handle(Op::kCancel, 8)).result, PostResult::kMiss) << "no such entry";
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, 9u);
  EXPECT_EQ(bench.post(by_handle(Op::kCancel, 3)).result, PostResult::kMiss);
}

TEST_F(Match, post_on_an_entry_in_use_is_busy_and_changes_nothing) {
  Post p = exact(1, 2, 3, 1);
  p.handle = 4;
  bench.post(p);
  bench.arrive(message(1, 2, 9, 50));
  p.tag = 9;
  EXPECT_EQ(bench.post(p).result, PostResult::kBusy) << "also when a message matches";
  p.ep = 1;
  EXPECT_EQ(bench.post(p).result, PostResult::kBusy) << "also from another endpoint";
  p.handle = 8;
  EXPECT_EQ(bench.post(p).result, PostResult::kBusy) << "no such entry";
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).payload, 1u);
  EXPECT_EQ(bench.post(exact(1, 2, 9, 0)).payload, 50u);
}

// --- Probe and mprobe ------------------------------------------------------------------------------

TEST_F(Match, probe_leaves_the_message) {
  bench.arrive(message(1, 2, 3, 10));
  const PostAnswer first = bench.post(as(Op::kProbe, any(1, 0)));
  EXPECT_EQ(first.result, PostResult::kHit);
  EXPECT_EQ(first.payload, 10u);
  EXPECT_EQ(bench.post(as(Op::kProbe, exact(1, 2, 3, 0))).slot, first.slot);
  EXPECT_EQ(bench.post(exact(1, 2, 3, 0)).payload, 10u);
  EXPECT_EQ(bench.post(as(Op::kProbe, any(1, 0))).result, PostResult::kMiss);
}

TEST_F(Match, search_takes_a_message_and_never_appends) {
  EXPECT_EQ(bench.post(as(Op::kSearch, exact(1, 2, 3, 0))).result, PostResult::kMiss);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 10)).result, ArrivalResult::kStored);
  EXPECT_EQ(bench.post(as(Op::kSearch, any_source(1, 3, 0))).payload, 10u);
  EXPECT_EQ(bench.post(as(Op::kSearch, any_source(1, 3, 0))).result, PostResult::kMiss);
}

TEST_F(Match, claim_takes_exactly_that_message_and_take_returns_it) {
  for (std::uint64_t i = 0; i < 3; ++i) bench.arrive(message(1, 2, 3, i));
  const PostAnswer claimed = bench.post(as(Op::kClaim, any_tag(1, 2, 0)));
  EXPECT_EQ(claimed.payload, 0u);
  EXPECT_EQ(bench.post(as(Op::kClaim, exact(1, 2, 3, 0))).payload, 1u) << "order among equal tags";
  EXPECT_EQ(bench.post(any(1, 0)).payload, 2u);
  EXPECT_EQ(bench.post(as(Op::kSearch, any(1, 0))).result, PostResult::kMiss)
      << "claimed messages are out of the queue";
  const PostAnswer taken = bench.post(by_handle(Op::kTake, claimed.slot));
  EXPECT_EQ(taken.result, PostResult::kHit);
  EXPECT_EQ(taken.payload, 0u);
  EXPECT_EQ(taken.source, 2);
  EXPECT_EQ(taken.tag, 3u);
  EXPECT_EQ(bench.post(by_handle(Op::kTake, claimed.slot)).result, PostResult::kMiss) << "once";
}

TEST_F(Match, take_of_an_entry_that_is_not_claimed_by_the_endpoint_misses) {
  bench.arrive(message(1, 2, 3, 10));
  const unsigned slot = bench.post(as(Op::kProbe, any(1, 0))).slot;
  EXPECT_EQ(bench.post(by_handle(Op::kTake, slot)).result, PostResult::kMiss) << "queued";
  EXPECT_EQ(bench.post(as(Op::kClaim, any(1, 0))).slot, slot);
  EXPECT_EQ(bench.post(by_handle(Op::kTake, slot, 3)).result, PostResult::kMiss) << "another endpoint's";
  EXPECT_EQ(bench.post(by_handle(Op::kTake, slot + 8)).result, PostResult::kMiss) << "no such entry";
  EXPECT_EQ(bench.post(by_handle(Op::kTake, slot)).payload, 10u);
}

TEST_F(Match, claimed_message_keeps_its_entry) {
  for (std::uint64_t i = 0; i < 8; ++i) bench.arrive(message(1, 2, 3, i));
  const unsigned slot = bench.post(as(Op::kClaim, any(1, 0))).slot;
  const ArrivalAnswer full = bench.arrive(message(1, 2, 3, 8));
  EXPECT_EQ(full.result, ArrivalResult::kSpill);
  EXPECT_EQ(full.reason, Reason::kUnexpected);
  EXPECT_EQ(bench.post(by_handle(Op::kTake, slot)).result, PostResult::kHit);
  EXPECT_EQ(bench.post(command(Op::kSpillOff, 1)).result, PostResult::kHit);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 9)).result, ArrivalResult::kStored);
}

// --- Exhaustion and handover -----------------------------------------------------------------------

TEST_F(Match, full_unexpected_queue_still_matches_arrivals) {
  for (unsigned i = 0; i < 8; ++i) bench.arrive(message(1, 0, i, i));
  bench.post(exact(2, 0, 5, 77));
  EXPECT_EQ(bench.arrive(message(2, 0, 5, 0)).payload, 77u);
}

TEST_F(Match, full_posted_entries_still_match_unexpected_messages) {
  bench.arrive(message(1, 0, 99, 5));
  for (unsigned i = 0; i < 7; ++i) EXPECT_EQ(bench.post(exact(1, 0, i, i)).result, PostResult::kAppended);
  EXPECT_EQ(bench.post(as(Op::kSearch, exact(1, 0, 99, 0))).payload, 5u);
}

TEST_F(Match, noisy_neighbour_is_held_to_its_quota) {
  bench.set_quota({3, 8, 0, 8});
  for (unsigned i = 0; i < 3; ++i)
    EXPECT_EQ(bench.arrive(message(1, 0, 0, i, 0)).result, ArrivalResult::kStored);
  EXPECT_EQ(bench.arrive(message(1, 0, 0, 3, 0)).reason, Reason::kUnexpected);
  EXPECT_EQ(bench.arrive(message(1, 0, 0, 3, 0)).reason, Reason::kOrder);
  for (unsigned i = 0; i < 5; ++i)
    EXPECT_EQ(bench.arrive(message(1, 0, 0, i, 1)).result, ArrivalResult::kStored);
  EXPECT_EQ(bench.arrive(message(1, 0, 0, 3, 1)).reason, Reason::kUnexpected) << "all entries are in use";
  EXPECT_EQ(bench.arrive(message(1, 0, 0, 3, 2)).reason, Reason::kUnexpected) << "quota 0";
}

TEST_F(Match, arrival_without_bounce_slot_is_spilled_but_still_matches) {
  Message m = message(1, 2, 3, 1);
  m.storable = false;
  bench.post(exact(1, 2, 3, 10));
  EXPECT_EQ(bench.arrive(m).payload, 10u);
  EXPECT_EQ(bench.arrive(m).reason, Reason::kBounce);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 2)).reason, Reason::kOrder);
}

TEST_F(Match, in_spill_mode_unmatched_arrivals_are_spilled_and_matched_ones_not) {
  bench.arrive(message(1, 0, 1, 5));
  bench.post(exact(1, 0, 7, 10));
  EXPECT_EQ(bench.post(command(Op::kSpillOn, 0)).result, PostResult::kHit);
  const ArrivalAnswer a = bench.arrive(message(1, 0, 9, 0));
  EXPECT_EQ(a.result, ArrivalResult::kSpill);
  EXPECT_EQ(a.reason, Reason::kOrder);
  EXPECT_EQ(bench.arrive(message(1, 0, 7, 0)).payload, 10u);
  EXPECT_EQ(bench.post(exact(1, 0, 1, 0)).payload, 5u)
      << "what is on the device is older than what was spilled";
  EXPECT_EQ(bench.arrive(message(1, 0, 9, 0, 1)).result, ArrivalResult::kStored)
      << "another endpoint is not in spill mode";
}

TEST_F(Match, receive_posted_while_its_message_is_spilled_is_returned) {
  bench.post(command(Op::kSpillOn, 0));
  bench.arrive(message(1, 2, 3, 0));
  const PostAnswer a = bench.post(exact(1, 2, 3, 0));
  EXPECT_EQ(a.result, PostResult::kReturned);
  EXPECT_EQ(a.reason, Reason::kOrder);
  EXPECT_EQ(a.spills, 1u);
  // A later one with the old count is returned as well, so that it cannot overtake.
  EXPECT_EQ(bench.post(exact(1, 2, 4, 0)).result, PostResult::kReturned);
  EXPECT_EQ(bench.post(seen(1, exact(1, 2, 4, 9))).result, PostResult::kAppended);
  EXPECT_EQ(bench.arrive(message(1, 2, 4, 0)).payload, 9u);
}

TEST_F(Match, old_spill_count_does_not_hinder_a_hit) {
  bench.arrive(message(1, 2, 3, 5));
  bench.post(command(Op::kSpillOn, 0));
  bench.arrive(message(1, 2, 4, 6));
  EXPECT_EQ(bench.post(exact(1, 2, 3, 0)).payload, 5u);
}

TEST_F(Match, spill_off_works_only_with_the_present_count) {
  bench.post(command(Op::kSpillOn, 0));
  bench.arrive(message(1, 2, 3, 0));
  EXPECT_EQ(bench.post(command(Op::kSpillOff, 0)).result, PostResult::kMiss);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).reason, Reason::kOrder) << "still on";
  const PostAnswer a = bench.post(command(Op::kSpillOff, 2));
  EXPECT_EQ(a.result, PostResult::kHit);
  EXPECT_EQ(a.spills, 2u);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).result, ArrivalResult::kStored);
}

TEST_F(Match, spill_tells_how_many_receives_were_processed) {
  bench.post(exact(5, 0, 0, 0));                   // appended
  bench.post(as(Op::kSearch, exact(5, 0, 1, 0)));  // miss
  bench.post(as(Op::kProbe, exact(5, 0, 1, 0)));   // does not count
  bench.post(by_handle(Op::kCancel, 7));           // does not count
  Post busy = exact(5, 0, 0, 0);
  busy.handle = 0;
  bench.post(busy);  // counts: it was answered
  bench.post(command(Op::kSpillOn, 0));
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).posts, 3u);
  bench.post(exact(5, 0, 2, 0));  // returned
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0)).posts, 4u);
  EXPECT_EQ(bench.arrive(message(1, 2, 3, 0, 1)).posts, 0u) << "each endpoint has its own count";
}

TEST_F(Match, flush_drops_all_of_one_endpoint_and_nothing_else) {
  bench.set_quota({4, 4, 4, 4});
  for (unsigned e : {1u, 2u}) {
    for (unsigned i = 0; i < 3; ++i) bench.arrive(message(1, 2, 3, 10 * e + i, e));
    Post p = exact(1, 2, 3, 0);
    p.ep = e;
    p.op = Op::kClaim;
    bench.post(p);
    bench.post({Op::kPost, e, 7, 2, 3, false, false, e, 0, 40 + e});
    bench.post(command(Op::kSpillOn, 0, e));
    bench.arrive(message(9, 2, 3, 0, e));
  }
  bench.flush(1);
  EXPECT_EQ(bench.reference.endpoints[1].spills, 0u);
  // Endpoint 1 starts again: four entries of its quota, entry 1, no spill mode, counts of 0.
  EXPECT_EQ(bench.post({Op::kSearch, 1, 1, 2, 3, true, true, 0, 0, 0}).result, PostResult::kMiss);
  EXPECT_EQ(bench.arrive(message(7, 2, 3, 0, 1)).result, ArrivalResult::kStored);
  for (unsigned i = 0; i < 3; ++i)
    EXPECT_EQ(bench.arrive(message(8, 2, 3, i, 1)).result, ArrivalResult::kStored);
  EXPECT_EQ(bench.arrive(message(8, 2, 3, 9, 1)).posts, 1u);
  EXPECT_EQ(bench.post({Op::kPost, 1, 1, 2, 3, false, false, 1, 1, 5}).result, PostResult::kAppended);
  // Endpoint 2 is as it was.
  EXPECT_EQ(bench.arrive(message(7, 2, 3, 0, 2)).payload, 42u);
  EXPECT_EQ(bench.arrive(message(9, 2, 3, 0, 2)).reason, Reason::kOrder);
  EXPECT_EQ(bench.post({Op::kPost, 2, 1, 2, 3, true, true, 7, 0, 0}).payload, 21u);
}

TEST_F(Match, flush_waits_for_operations_and_operations_for_the_flush) {
  for (unsigned lead = 0; lead < 16; ++lead) {
    bench.post_offer = exact(1, 2, 3, lead);
    bench.arrival_offer = message(1, 2, 4, lead);
    for (unsigned i = 0; i < lead; ++i) bench.cycle();
    bench.flush_offer = 0;
    bench.drain();
    if (::testing::Test::HasFatalFailure()) return;
    bench.flush(0);
  }
  EXPECT_EQ(bench.flushes, 32u);
}

// --- Tables that fill up ---------------------------------------------------------------------------

class MatchTight : public ::testing::Test {
 protected:
  MatchBench<Vtally_match_tight, 64, 64, 65, 70> bench;  // 16 places a table
};

TEST_F(MatchTight, receive_without_table_place_is_returned_with_conflict) {
  unsigned appended = 0;
  PostAnswer last;
  for (unsigned i = 0; i < 20; ++i) {
    last = bench.post({Op::kPost, 0, 1, 0, i, false, false, i, 0, i});
    if (last.result == PostResult::kAppended) ++appended;
  }
  EXPECT_LE(appended, 16u);
  EXPECT_GE(appended, 8u);
  EXPECT_EQ(bench.conflicts, 1u) << "those after it are returned with Order";
  // Until SpillOn none is appended, also of a key that has a place, and arrivals are spilled; what is posted still matches.
  EXPECT_EQ(last.reason, Reason::kOrder);
  EXPECT_EQ(bench.post({Op::kPost, 0, 1, 0, 0, false, false, 40, 0, 40}).reason, Reason::kOrder);
  EXPECT_EQ(bench.arrive({0, 1, 7, 7, true, 0}).reason, Reason::kOrder);
  // The other endpoint shares the full table, but not the hold.
  EXPECT_EQ(bench.post({Op::kPost, 1, 1, 0, 0, true, true, 42, 0, 42}).result, PostResult::kAppended);
  EXPECT_EQ(bench.post({Op::kSpillOn, 0, 0, 0, 0, false, false, 0, 0, 0}).result, PostResult::kHit);
  EXPECT_EQ(bench.post({Op::kSpillOff, 0, 0, 0, 0, false, false, 0, 1, 0}).result, PostResult::kHit);
  // Then a key that has a place takes more, and so do the other classes.
  EXPECT_EQ(bench.post({Op::kPost, 0, 1, 0, 0, false, false, 40, 1, 40}).result, PostResult::kAppended);
  EXPECT_EQ(bench.post({Op::kPost, 0, 1, 0, 0, true, true, 41, 1, 41}).result, PostResult::kAppended);
  // Nothing that was appended is lost.
  for (unsigned i = 0; i < 20 && appended > 0; ++i) {
    if (bench.arrive({0, 1, 0, i, true, 0}).result == ArrivalResult::kHit) --appended;
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST_F(MatchTight, arrival_without_table_place_is_spilled_with_conflict_and_leaves_nothing) {
  unsigned i = 0;
  while (bench.arrive({0, 1, 0, i, true, i}).result == ArrivalResult::kStored && i < 17) ++i;
  ASSERT_GE(i, 8u);
  ASSERT_LE(i, 16u);
  EXPECT_EQ(bench.arrival_answers.back().reason, Reason::kConflict);
  // The refused message took places in other tables for a moment: they are free again.
  for (unsigned k = 0; k < 100; ++k) {
    EXPECT_EQ(bench.post({Op::kSpillOff, 0, 0, 0, 0, false, false, 0, bench.reference.endpoints[0].spills, 0})
                  .result,
              PostResult::kHit);
    EXPECT_EQ(bench.arrive({0, 1, static_cast<std::uint16_t>(k + 1), i, true, 0}).reason, Reason::kConflict);
  }
  // Everything that was stored is found, in order.
  for (unsigned k = 0; k < i; ++k)
    EXPECT_EQ(bench.post({Op::kSearch, 0, 1, 0, 0, true, true, 0, 0, 0}).payload, k);
}

TEST_F(MatchTight, place_is_free_again_when_both_its_queues_are_empty) {
  for (unsigned i = 0; i < 300; ++i) {
    bench.post({Op::kPost, 0, static_cast<std::uint16_t>(i), 0, i * 77, false, false, 5, 0, i});
    EXPECT_EQ(bench.post_answers.back().result, PostResult::kAppended);
    EXPECT_EQ(bench.arrive({0, static_cast<std::uint16_t>(i), 0, i * 77, true, 0}).payload, i);
    EXPECT_EQ(bench.arrive({0, static_cast<std::uint16_t>(i), 1, i * 77, true, i}).result,
              ArrivalResult::kStored);
    EXPECT_EQ(
        bench.post({Op::kPost, 0, static_cast<std::uint16_t>(i), 0, i * 77, true, false, 5, 0, i}).result,
        PostResult::kHit);
  }
  EXPECT_EQ(bench.conflicts, 0u);
}

}  // namespace
}  // namespace tally::test
