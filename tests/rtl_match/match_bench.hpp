// SPDX-License-Identifier: BSD-3-Clause
// Drives a Verilated tally_match beside the reference and compares every result.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "support/module_bench.hpp"
#include "rtl_match/reference.hpp"

namespace tally::test {

struct PostResult {
  bool hit = false, full = false;
  std::uint16_t source = 0;
  std::uint32_t tag = 0;
  std::uint64_t payload = 0;
  unsigned slot = 0;
};

struct ArrivalResult {
  bool hit = false, full = false;
  std::uint64_t payload = 0;
  unsigned slot = 0;
};

template <class Model, unsigned Posted, unsigned Slots, unsigned PostedW = 64, unsigned UnexpW = 64>
class MatchBench : public ModuleBench<Model> {
 public:
  using ModuleBench<Model>::top;
  using ModuleBench<Model>::cycles;
  static constexpr unsigned kPosted = Posted, kSlots = Slots;

  MatchBench() : reference(Posted, Slots) {
    top.post_valid_i = 0;
    top.arr_valid_i = 0;
    top.slot_free_valid_i = 0;
  }

  // Offers stand until taken.
  std::optional<Post> post_offer;
  std::optional<Message> arrival_offer;
  std::optional<unsigned> free_offer;

  MatchReference reference;
  std::set<unsigned> held;            // slots that the unit gave out and that were not freed
  std::vector<unsigned> to_free;      // of them, those whose message was matched
  std::vector<PostResult> post_results;
  std::vector<ArrivalResult> arrival_results;
  std::vector<char> taken;            // 'p' or 'a', in the order in which the unit took operations
  std::vector<std::uint64_t> taken_at, result_at;

  void cycle() {
    drive();
    this->settle();
    sample();
    this->edge();
    check();
  }

  [[nodiscard]] bool quiet() const {
    return !post_offer && !arrival_offer && expected_posts_.empty() && expected_arrivals_.empty();
  }

  void drain() {
    for (int i = 0; i < 50 && !quiet(); ++i) cycle();
    ASSERT_TRUE(quiet()) << "an operation has no result";
  }

  /// One operation at a time, for the corner tests.
  PostResult post(const Post& p) {
    post_offer = p;
    drain();
    return post_results.empty() ? PostResult{} : post_results.back();
  }
  ArrivalResult arrive(const Message& m) {
    arrival_offer = m;
    drain();
    return arrival_results.empty() ? ArrivalResult{} : arrival_results.back();
  }
  void free_slot(unsigned slot) {
    free_offer = slot;
    cycle();
  }

 private:
  static constexpr std::uint64_t mask(unsigned width) { return width >= 64 ? ~0ull : (1ull << width) - 1; }

  void drive() {
    top.post_valid_i = post_offer.has_value();
    if (post_offer) {
      top.post_context_i = post_offer->context;
      top.post_source_i = post_offer->source;
      top.post_tag_i = post_offer->tag;
      top.post_any_source_i = post_offer->any_source;
      top.post_any_tag_i = post_offer->any_tag;
      put_bits(top.post_payload_i, 0, PostedW, post_offer->payload);
    }
    top.arr_valid_i = arrival_offer.has_value();
    if (arrival_offer) {
      top.arr_context_i = arrival_offer->context;
      top.arr_source_i = arrival_offer->source;
      top.arr_tag_i = arrival_offer->tag;
      put_bits(top.arr_payload_i, 0, UnexpW, arrival_offer->payload);
    }
    top.slot_free_valid_i = free_offer.has_value();
    if (free_offer) put_bits(top.slot_free_i, 0, 8 * sizeof(top.slot_free_i), *free_offer);
  }

  void sample() {
    // A free counts for an operation that is taken in the same cycle.
    if (free_offer) {
      reference.slot_freed();
      held.erase(*free_offer);
      std::erase(to_free, *free_offer);
      free_offer.reset();
    }
    const bool post_taken = top.post_valid_i && top.post_ready_o;
    const bool arrival_taken = top.arr_valid_i && top.arr_ready_o;
    ASSERT_FALSE(post_taken && arrival_taken) << "two operations at once";
    if (post_taken) {
      expected_posts_.push_back(reference.post(*post_offer));
      post_offer.reset();
      taken.push_back('p');
      taken_at.push_back(cycles);
    }
    if (arrival_taken) {
      expected_arrivals_.push_back(reference.arrive(*arrival_offer));
      arrival_offer.reset();
      taken.push_back('a');
      taken_at.push_back(cycles);
    }
  }

  void check() {
    if (top.post_done_o || top.post_full_o) check_post();
    if (top.arr_done_o || top.arr_full_o) check_arrival();
    ASSERT_FALSE(top.post_hit_o && !top.post_done_o);
    ASSERT_FALSE(top.arr_hit_o && !top.arr_done_o);
    if (expected_posts_.empty() && expected_arrivals_.empty()) {
      ASSERT_EQ(top.posted_level_o, reference.posted.size());
      ASSERT_EQ(top.unexp_level_o, reference.unexpected.size());
    }
  }

  void check_post() {
    ASSERT_NE(top.post_done_o, top.post_full_o);
    ASSERT_FALSE(expected_posts_.empty()) << "result of no post";
    const PostOutcome want = expected_posts_.front();
    expected_posts_.pop_front();
    PostResult got;
    got.hit = top.post_hit_o;
    got.full = top.post_full_o;
    ASSERT_EQ(got.full, want.full);
    ASSERT_EQ(got.hit, want.hit != nullptr);
    if (got.hit) {
      got.source = top.post_source_o;
      got.tag = top.post_tag_o;
      got.payload = get_bits(top.post_unexp_payload_o, 0, UnexpW);
      got.slot = top.post_slot_o;
      ASSERT_EQ(got.source, want.hit->source);
      ASSERT_EQ(got.tag, want.hit->tag);
      ASSERT_EQ(got.payload, want.hit->payload & mask(UnexpW)) << "not the oldest";
      ASSERT_TRUE(want.hit->slot.has_value());
      ASSERT_EQ(got.slot, *want.hit->slot);
      to_free.push_back(got.slot);
    }
    post_results.push_back(got);
    result_at.push_back(cycles);
  }

  void check_arrival() {
    ASSERT_NE(top.arr_done_o, top.arr_full_o);
    ASSERT_FALSE(expected_arrivals_.empty()) << "result of no arrival";
    const ArrivalOutcome want = expected_arrivals_.front();
    expected_arrivals_.pop_front();
    ArrivalResult got;
    got.hit = top.arr_hit_o;
    got.full = top.arr_full_o;
    ASSERT_EQ(got.full, want.full);
    ASSERT_EQ(got.hit, want.hit.has_value());
    if (got.hit) {
      got.payload = get_bits(top.arr_posted_payload_o, 0, PostedW);
      ASSERT_EQ(got.payload, want.hit->payload & mask(PostedW)) << "not the oldest";
    } else if (!got.full) {
      got.slot = top.arr_slot_o;
      ASSERT_LT(got.slot, Slots);
      ASSERT_TRUE(held.insert(got.slot).second) << "slot " << got.slot << " is in use";
      want.queued->slot = got.slot;
    }
    arrival_results.push_back(got);
    result_at.push_back(cycles);
  }

  std::deque<PostOutcome> expected_posts_;
  std::deque<ArrivalOutcome> expected_arrivals_;
};

}  // namespace tally::test
