// SPDX-License-Identifier: BSD-3-Clause
// Random programs of all operations of tally_match.
#pragma once

#include <algorithm>
#include <vector>

#include "rtl_match/reference.hpp"
#include "support/seed.hpp"

namespace tally::test {

struct Mix {
  unsigned posts, arrivals;                     // percent of cycles in which a free port gets an operation
  unsigned endpoints, contexts, sources, tags;  // how many of each
  unsigned wild;                                // percent of any source, and of any tag
  unsigned append;      // percent of post operations that are Post; the rest is shared out
  unsigned spill_off;   // percent of operations SpillOff, which ends spill mode
  unsigned stale;       // percent of spill_seen that are wrong
  unsigned unstorable;  // percent of arrivals
  unsigned flush;       // flushes in 100000 cycles
};

inline constexpr Mix kMixes[] = {
    // posts arrivals ep ctx src tag wild append off stale unstorable flush
    {40, 40, 4, 2, 3, 3, 25, 50, 10, 5, 15, 100},   // idle cycles on both ports
    {100, 100, 4, 2, 3, 3, 25, 60, 10, 2, 1, 100},  // full speed, few keys
    {100, 100, 1, 1, 1, 1, 50, 70, 10, 0, 0, 0},    // one key
    {100, 100, 1, 1, 1, 1, 0, 95, 5, 0, 0, 0},      // one key, no wildcards
    {100, 30, 2, 2, 2, 2, 25, 80, 5, 0, 0, 100},    // posted queue fills
    {30, 100, 2, 2, 2, 2, 25, 20, 20, 0, 0, 100},   // unexpected queue fills
    {100, 100, 4, 8, 8, 8, 10, 60, 10, 2, 2, 100},  // many keys
    {60, 60, 4, 2, 2, 2, 30, 40, 30, 10, 10, 500},  // spill mode on and off
    {15, 15, 4, 2, 2, 2, 30, 50, 20, 3, 20, 200},   // mostly idle
};

template <class Bench>
class Program {
 public:
  Program(Bench& bench, Random& random) : bench_(bench), random_(random) {}

  unsigned hits[8] = {};  // by operation, of those answered while run() ran

  void run(const Mix& mix, unsigned cycles) {
    // Between programs the quotas change.
    bench_.drain();
    std::array<std::uint16_t, 4> quota;
    for (auto& q : quota) {
      q = static_cast<std::uint16_t>(random_.percent(60) ? Bench::kUnexpected
                                                         : random_.below(Bench::kUnexpected + 1));
    }
    bench_.set_quota(quota);
    for (unsigned i = 0; i < cycles; ++i) {
      if (!bench_.post_offer && random_.percent(mix.posts)) bench_.post_offer = post(mix);
      if (!bench_.arrival_offer && random_.percent(mix.arrivals)) bench_.arrival_offer = message(mix);
      if (!bench_.flush_offer && random_.below(100000) < mix.flush) {
        bench_.flush_offer = static_cast<unsigned>(random_.below(4));
      }
      cycle();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  /// Takes everything out, by operations.
  void empty() {
    bench_.drain();
    while (!bench_.reference.posted.empty() || !bench_.reference.stored.empty()) {
      if (!bench_.reference.posted.empty()) {
        const Post& p = bench_.reference.posted.back();
        bench_.post({Op::kCancel, p.ep, 0, 0, 0, false, false, p.handle, 0, 0});
      } else {
        const Stored& s = bench_.reference.stored.front();
        const Message m = s.message;
        bench_.post(s.claimed ? Post{Op::kTake, m.ep, 0, 0, 0, false, false, *s.slot, 0, 0}
                              : Post{Op::kSearch, m.ep, m.context, m.source, m.tag, false, false, 0, 0, 0});
      }
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  void cycle() {
    const std::size_t before = bench_.post_answers.size();
    const bool had = bench_.post_offer.has_value();
    const Op op = had ? bench_.post_offer->op : Op::kPost;
    bench_.cycle();
    if (had && !bench_.post_offer) ops_.push_back(op);
    if (bench_.post_answers.size() != before) {
      const Op answered = ops_.front();
      ops_.erase(ops_.begin());
      if (bench_.post_answers.back().result == PostResult::kHit) ++hits[static_cast<int>(answered)];
    }
  }

  void key(const Mix& mix, unsigned* ep, std::uint16_t* context, std::uint16_t* source, std::uint32_t* tag) {
    *ep = static_cast<unsigned>(random_.below(mix.endpoints));
    *context = static_cast<std::uint16_t>(random_.below(mix.contexts));
    *source = static_cast<std::uint16_t>(random_.below(mix.sources));
    *tag = static_cast<std::uint32_t>(random_.below(mix.tags));
  }

  Post post(const Mix& mix) {
    Post p;
    key(mix, &p.ep, &p.context, &p.source, &p.tag);
    p.any_source = random_.percent(mix.wild);
    p.any_tag = random_.percent(mix.wild);
    p.payload = ++number_;
    const MatchReference& r = bench_.reference;
    p.spill_seen = r.endpoints[p.ep].spills;
    if (random_.percent(mix.stale)) p.spill_seen += random_.percent(50) ? 1 : ~0u;
    p.handle = static_cast<unsigned>(random_.below(Bench::kPosted));
    if (r.endpoints[p.ep].hold && random_.percent(30)) {
      p.op = Op::kSpillOn;
    } else if (random_.percent(mix.spill_off)) {
      p.op = Op::kSpillOff;
    } else if (random_.percent(mix.append)) {
      p.op = Op::kPost;
      // Mostly a free handle: the next one round the table that looks free now.
      for (unsigned tries = 0; tries < 8 && random_.percent(90) && r.busy(p.handle); ++tries) {
        p.handle = (p.handle + 1) % Bench::kPosted;
      }
      if (random_.percent(2)) p.handle = static_cast<unsigned>(random_.below(4096));
    } else {
      constexpr Op kRest[] = {Op::kSearch, Op::kProbe,  Op::kClaim, Op::kTake,
                              Op::kTake,   Op::kCancel, Op::kCancel};
      p.op = random_.percent(2) ? Op::kSpillOn : kRest[random_.below(std::size(kRest))];
    }
    if (p.op == Op::kTake) {
      p.handle = static_cast<unsigned>(random_.below(Bench::kUnexpected + 1));
      for (const Stored& s : r.stored) {
        if (s.claimed && s.slot && random_.percent(60)) {
          p.handle = *s.slot;
          if (random_.percent(95)) p.ep = s.message.ep;
        }
      }
    }
    if (p.op == Op::kCancel && !r.posted.empty() && random_.percent(90)) {
      auto it = r.posted.begin();
      std::advance(it, static_cast<long>(random_.below(r.posted.size())));
      p.handle = it->handle;
      if (random_.percent(95)) p.ep = it->ep;
    }
    return p;
  }

  Message message(const Mix& mix) {
    Message m;
    key(mix, &m.ep, &m.context, &m.source, &m.tag);
    m.storable = !random_.percent(mix.unstorable);
    m.payload = ++number_;
    return m;
  }

  Bench& bench_;
  Random& random_;
  std::uint64_t number_ = 0;
  std::vector<Op> ops_;
};

}  // namespace tally::test
