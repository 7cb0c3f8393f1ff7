// SPDX-License-Identifier: BSD-3-Clause
// MPI matching (MPI 4.1, 3.5) and handover (docs/handover.md) as plain lists: the reference for tally_match.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace tally::test {

enum class Op { kPost, kSearch, kProbe, kClaim, kTake, kCancel, kSpillOn, kSpillOff };
enum class PostResult { kAppended, kHit, kMiss, kReturned, kBusy };
enum class ArrivalResult { kHit, kStored, kSpill };
enum class Reason { kNone, kOrder, kUnexpected, kBounce, kConflict };

struct Post {
  Op op = Op::kPost;
  unsigned ep = 0;
  std::uint16_t context = 0, source = 0;
  std::uint32_t tag = 0;
  bool any_source = false, any_tag = false;
  unsigned handle = 0;
  std::uint32_t spill_seen = 0;
  std::uint64_t payload = 0;
};

struct Message {
  unsigned ep = 0;
  std::uint16_t context = 0, source = 0;
  std::uint32_t tag = 0;
  bool storable = true;
  std::uint64_t payload = 0;
};

inline bool accepts(const Post& p, const Message& m) {
  return p.ep == m.ep && p.context == m.context && (p.any_source || p.source == m.source) &&
         (p.any_tag || p.tag == m.tag);
}

/// A message in an unexpected entry. Which entry it is is known once the unit has named it.
struct Stored {
  Message message;
  std::optional<unsigned> slot;
  bool claimed = false;
};

struct PostOutcome {
  PostResult result = PostResult::kMiss;
  Reason reason = Reason::kNone;
  std::uint32_t spills = 0;
  std::optional<Stored> message;  ///< of a hit that has one
  std::list<Stored>::iterator kept;
  bool is_kept = false;  ///< the message stays in its entry: `kept`
};

struct ArrivalOutcome {
  ArrivalResult result = ArrivalResult::kStored;
  Reason reason = Reason::kNone;
  std::uint32_t posts = 0;
  std::optional<Post> post;
};

class MatchReference {
 public:
  MatchReference(std::size_t posted_entries, std::size_t unexpected_entries)
      : posted_entries_(posted_entries), unexpected_entries_(unexpected_entries) {
    quota.fill(static_cast<std::uint16_t>(unexpected_entries));
  }

  struct Endpoint {
    bool spilling = false;
    bool hold = false;  // a receive found no place: none after it is appended until SpillOn
    std::uint32_t spills = 0, posts = 0;
    std::size_t entries = 0;
  };

  /// `conflict`: the unit says that its tables have no place; right only where the post would be appended.
  PostOutcome post(const Post& p, bool conflict) {
    Endpoint& e = endpoints[p.ep];
    PostOutcome out;
    out.spills = e.spills;
    if (p.op == Op::kPost || p.op == Op::kSearch) ++e.posts;
    switch (p.op) {
      case Op::kPost:
        if (p.handle >= posted_entries_ || busy(p.handle)) {
          out.result = PostResult::kBusy;
        } else if (auto it = find(p); it != stored.end()) {
          hit(out, it, true);
        } else if (p.spill_seen != e.spills || e.hold) {
          out.result = PostResult::kReturned;
          out.reason = Reason::kOrder;
        } else if (conflict) {
          out.result = PostResult::kReturned;
          out.reason = Reason::kConflict;
          e.spilling = true;
          e.hold = true;
        } else {
          out.result = PostResult::kAppended;
          posted.push_back(p);
        }
        break;
      case Op::kSearch:
      case Op::kProbe:
      case Op::kClaim:
        if (auto it = find(p); it != stored.end()) {
          if (p.op == Op::kClaim) it->claimed = true;
          hit(out, it, p.op == Op::kSearch);
        }
        break;
      case Op::kTake:
        for (auto it = stored.begin(); it != stored.end(); ++it) {
          if (!it->claimed || it->slot != p.handle || it->message.ep != p.ep) continue;
          hit(out, it, true);
          break;
        }
        break;
      case Op::kCancel:
        for (auto it = posted.begin(); it != posted.end(); ++it) {
          if (it->handle != p.handle || it->ep != p.ep) continue;
          posted.erase(it);
          out.result = PostResult::kHit;
          break;
        }
        break;
      case Op::kSpillOn:
        e.spilling = true;
        e.hold = false;
        out.result = PostResult::kHit;
        break;
      case Op::kSpillOff:
        if (p.spill_seen == e.spills) {
          e.spilling = false;
          out.result = PostResult::kHit;
        }
        break;
    }
    return out;
  }

  ArrivalOutcome arrive(const Message& m, bool conflict) {
    Endpoint& e = endpoints[m.ep];
    ArrivalOutcome out;
    out.posts = e.posts;
    for (auto it = posted.begin(); it != posted.end(); ++it) {
      if (!accepts(*it, m)) continue;
      out.result = ArrivalResult::kHit;
      out.post = *it;
      posted.erase(it);
      return out;
    }
    if (e.spilling) {
      out.reason = Reason::kOrder;
    } else if (e.entries >= quota[m.ep] || stored.size() == unexpected_entries_) {
      out.reason = Reason::kUnexpected;
    } else if (!m.storable) {
      out.reason = Reason::kBounce;
    } else if (conflict) {
      out.reason = Reason::kConflict;
    } else {
      stored.push_back({m, std::nullopt, false});
      ++e.entries;
      return out;
    }
    out.result = ArrivalResult::kSpill;
    ++e.spills;
    e.spilling = true;
    return out;
  }

  void flush(unsigned ep) {
    posted.remove_if([&](const Post& p) { return p.ep == ep; });
    stored.remove_if([&](const Stored& s) { return s.message.ep == ep; });
    endpoints[ep] = {};
  }

  [[nodiscard]] bool busy(unsigned handle) const {
    for (const Post& p : posted) {
      if (p.handle == handle) return true;
    }
    return false;
  }

  /// Most distinct keys that a table holds.
  [[nodiscard]] std::size_t keys() const {
    std::array<std::set<std::tuple<unsigned, unsigned, unsigned, unsigned>>, 4> sets;
    auto add = [&](unsigned c, unsigned ep, unsigned context, unsigned source, unsigned tag) {
      sets[c].insert({ep, context, (c & 1) != 0 ? 0 : source, (c & 2) != 0 ? 0 : tag});
    };
    for (const Post& p : posted) {
      add((p.any_tag ? 2u : 0u) + (p.any_source ? 1u : 0u), p.ep, p.context, p.source, p.tag);
    }
    for (const Stored& s : stored) {
      if (s.claimed) continue;
      for (unsigned c = 0; c < 4; ++c)
        add(c, s.message.ep, s.message.context, s.message.source, s.message.tag);
    }
    std::size_t most = 0;
    for (const auto& set : sets) most = std::max(most, set.size());
    return most;
  }

  std::list<Post> posted;    // oldest first
  std::list<Stored> stored;  // oldest first, claimed ones too
  std::array<Endpoint, 4> endpoints{};
  std::array<std::uint16_t, 4> quota{};

 private:
  std::list<Stored>::iterator find(const Post& p) {
    for (auto it = stored.begin(); it != stored.end(); ++it) {
      if (!it->claimed && accepts(p, it->message)) return it;
    }
    return stored.end();
  }

  void hit(PostOutcome& out, std::list<Stored>::iterator it, bool remove) {
    out.result = PostResult::kHit;
    out.message = *it;
    out.is_kept = !remove;
    if (remove) {
      --endpoints[it->message.ep].entries;
      stored.erase(it);
    } else {
      out.kept = it;
    }
  }

  std::size_t posted_entries_, unexpected_entries_;
};

}  // namespace tally::test
