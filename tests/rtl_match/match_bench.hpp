// SPDX-License-Identifier: BSD-3-Clause
// Drives a Verilated tally_match beside the reference and compares every result, its latency included.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "rtl_match/reference.hpp"
#include "support/module_bench.hpp"

namespace tally::test {

inline constexpr std::uint64_t kLatency = 9;   // cycles, handshake to result
inline constexpr std::uint64_t kInterval = 4;  // cycles an operation

struct PostAnswer {
  PostResult result = PostResult::kMiss;
  Reason reason = Reason::kNone;
  std::uint16_t source = 0;
  std::uint32_t tag = 0;
  std::uint64_t payload = 0;
  unsigned slot = 0;
  std::uint32_t spills = 0;
};

struct ArrivalAnswer {
  ArrivalResult result = ArrivalResult::kHit;
  Reason reason = Reason::kNone;
  std::uint32_t posts = 0;
  std::uint64_t payload = 0;
};

template <class Model, unsigned Posted, unsigned Unexpected, unsigned PostedW = 192, unsigned UnexpW = 193>
class MatchBench : public ModuleBench<Model> {
 public:
  using ModuleBench<Model>::top;
  using ModuleBench<Model>::cycles;
  static constexpr unsigned kPosted = Posted, kUnexpected = Unexpected;

  MatchBench() : reference(Posted, Unexpected) {
    top.post_valid_i = 0;
    top.arr_valid_i = 0;
    top.flush_valid_i = 0;
    set_quota(reference.quota);
    for (int i = 0; i < 20000 && !top.idle_o; ++i) this->step();
    EXPECT_TRUE(top.idle_o) << "the walk after reset does not end";
  }

  // Offers stand until taken.
  std::optional<Post> post_offer;
  std::optional<Message> arrival_offer;
  std::optional<unsigned> flush_offer;

  MatchReference reference;
  std::vector<PostAnswer> post_answers;
  std::vector<ArrivalAnswer> arrival_answers;
  std::vector<char> taken;  // 'p' or 'a', in the order in which the unit took operations
  std::vector<std::uint64_t> taken_at;
  unsigned conflicts = 0, flushes = 0;

  /// Only while nothing is under way.
  void set_quota(const std::array<std::uint16_t, 4>& quota) {
    reference.quota = quota;
    for (unsigned e = 0; e < 4; ++e) put_bits(top.unexpected_quota_i, e * 16, 16, quota[e]);
  }

  void cycle() {
    drive();
    this->settle();
    sample();
    this->edge();
    this->settle();
    check();
  }

  [[nodiscard]] bool quiet() const {
    return !post_offer && !arrival_offer && !flush_offer && pending_.empty() && top.idle_o;
  }

  void drain() {
    for (int i = 0; i < 20000 && !quiet(); ++i) {
      cycle();
      if (::testing::Test::HasFatalFailure()) return;
    }
    ASSERT_TRUE(quiet()) << "an operation has no result";
  }

  /// One operation at a time, for the corner tests.
  PostAnswer post(const Post& p) {
    post_offer = p;
    drain();
    return post_answers.empty() ? PostAnswer{} : post_answers.back();
  }
  ArrivalAnswer arrive(const Message& m) {
    arrival_offer = m;
    drain();
    return arrival_answers.empty() ? ArrivalAnswer{} : arrival_answers.back();
  }
  void flush(unsigned ep) {
    flush_offer = ep;
    drain();
  }

 private:
  struct Pending {
    bool is_post = false;
    Post post;
    Message message;
    std::uint64_t at = 0;
  };

  static constexpr std::uint64_t mask(unsigned width) { return width >= 64 ? ~0ull : (1ull << width) - 1; }
  // A wide payload carries its number at both ends.
  template <class Port>
  static void put_payload(Port& port, unsigned width, std::uint64_t value) {
    put_bits(port, 0, std::min(width, 64u), value);
    if (width >= 128) put_bits(port, width - 64, 64, ~value);
  }
  template <class Port>
  static std::uint64_t get_payload(const Port& port, unsigned width) {
    const std::uint64_t value = get_bits(port, 0, std::min(width, 64u));
    if (width >= 128) {
      EXPECT_EQ(get_bits(port, width - 64, 64), ~value) << "payload is torn";
    }
    return value;
  }

  void drive() {
    top.post_valid_i = post_offer.has_value();
    if (post_offer) {
      const Post& p = *post_offer;
      top.post_op_i = static_cast<std::uint8_t>(p.op);
      top.post_ep_i = static_cast<std::uint8_t>(p.ep);
      top.post_context_i = p.context;
      top.post_source_i = p.source;
      top.post_tag_i = p.tag;
      top.post_any_source_i = p.any_source;
      top.post_any_tag_i = p.any_tag;
      top.post_handle_i = static_cast<std::uint16_t>(p.handle);
      top.post_spill_seen_i = p.spill_seen;
      put_payload(top.post_payload_i, PostedW, p.payload);
    }
    top.arr_valid_i = arrival_offer.has_value();
    if (arrival_offer) {
      const Message& m = *arrival_offer;
      top.arr_ep_i = static_cast<std::uint8_t>(m.ep);
      top.arr_context_i = m.context;
      top.arr_source_i = m.source;
      top.arr_tag_i = m.tag;
      top.arr_storable_i = m.storable;
      put_payload(top.arr_payload_i, UnexpW, m.payload);
    }
    top.flush_valid_i = flush_offer.has_value();
    if (flush_offer) top.flush_ep_i = static_cast<std::uint8_t>(*flush_offer);
  }

  void sample() {
    const bool post_taken = top.post_valid_i && top.post_ready_o;
    const bool arrival_taken = top.arr_valid_i && top.arr_ready_o;
    const bool flush_taken = top.flush_valid_i && top.flush_ready_o;
    ASSERT_LE(post_taken + arrival_taken + flush_taken, 1) << "two operations at once";
    if (post_taken) {
      pending_.push_back({true, *post_offer, {}, cycles});
      post_offer.reset();
    }
    if (arrival_taken) {
      pending_.push_back({false, {}, *arrival_offer, cycles});
      arrival_offer.reset();
    }
    if (post_taken || arrival_taken) {
      taken.push_back(post_taken ? 'p' : 'a');
      taken_at.push_back(cycles);
    }
    if (flush_taken) {
      ASSERT_TRUE(pending_.empty()) << "flush before the operations ended";
      reference.flush(*flush_offer);
      flush_offer.reset();
      ++flushes;
    }
  }

  void check() {
    ASSERT_FALSE(top.post_done_o && top.arr_done_o);
    if (!top.post_done_o && !top.arr_done_o) return;
    ASSERT_FALSE(pending_.empty()) << "result of no operation";
    const Pending op = pending_.front();
    pending_.pop_front();
    ASSERT_EQ(op.is_post, static_cast<bool>(top.post_done_o)) << "results are out of order";
    ASSERT_EQ(cycles - op.at, kLatency);
    if (op.is_post) {
      check_post(op.post);
    } else {
      check_arrival(op.message);
    }
  }

  void check_conflict() {
    ++conflicts;
    // Both rows of a key hold four others (places of the two operations before may not be free yet).
    ASSERT_GE(reference.keys() + 2, 8u) << "conflict in an empty table";
  }

  void check_post(const Post& p) {
    PostAnswer got;
    got.result = static_cast<PostResult>(top.post_result_o);
    got.reason = static_cast<Reason>(top.post_reason_o);
    got.spills = top.post_spills_o;
    if (got.reason == Reason::kConflict) check_conflict();
    const PostOutcome want = reference.post(p, got.reason == Reason::kConflict);
    ASSERT_EQ(got.result, want.result) << "operation " << static_cast<int>(p.op);
    ASSERT_EQ(got.reason, want.reason);
    ASSERT_EQ(got.spills, want.spills);
    if (want.message) {
      got.source = top.post_source_o;
      got.tag = top.post_tag_o;
      got.payload = get_payload(top.post_unexp_payload_o, UnexpW);
      got.slot = top.post_slot_o;
      ASSERT_EQ(got.source, want.message->message.source);
      ASSERT_EQ(got.tag, want.message->message.tag);
      ASSERT_EQ(got.payload, want.message->message.payload & mask(UnexpW)) << "not the oldest";
      ASSERT_LT(got.slot, Unexpected);
      if (want.message->slot) {
        ASSERT_EQ(got.slot, *want.message->slot) << "the message has moved";
      } else {
        for (const Stored& s : reference.stored) ASSERT_NE(s.slot, got.slot) << "entry is used twice";
      }
      if (want.is_kept) want.kept->slot = got.slot;
    }
    post_answers.push_back(got);
  }

  void check_arrival(const Message& m) {
    ArrivalAnswer got;
    got.result = static_cast<ArrivalResult>(top.arr_result_o);
    got.reason = static_cast<Reason>(top.arr_reason_o);
    got.posts = top.arr_posts_o;
    if (got.reason == Reason::kConflict) check_conflict();
    const ArrivalOutcome want = reference.arrive(m, got.reason == Reason::kConflict);
    ASSERT_EQ(got.result, want.result);
    ASSERT_EQ(got.reason, want.reason);
    ASSERT_EQ(got.posts, want.posts);
    if (want.post) {
      got.payload = get_payload(top.arr_posted_payload_o, PostedW);
      ASSERT_EQ(got.payload, want.post->payload & mask(PostedW)) << "not the oldest";
    }
    arrival_answers.push_back(got);
  }

  std::deque<Pending> pending_;
};

}  // namespace tally::test
