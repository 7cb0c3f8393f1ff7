// SPDX-License-Identifier: BSD-3-Clause
// MPI matching (MPI 4.1, 3.5) as two plain lists: the reference for tally_match.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>

namespace tally::test {

struct Post {
  std::uint16_t context = 0, source = 0;
  std::uint32_t tag = 0;
  bool any_source = false, any_tag = false;
  std::uint64_t payload = 0;
};

struct Message {
  std::uint16_t context = 0, source = 0;
  std::uint32_t tag = 0;
  std::uint64_t payload = 0;
  std::optional<unsigned> slot;  // known when the unit has said where it put the message
};

inline bool accepts(const Post& p, const Message& m) {
  return p.context == m.context && (p.any_source || p.source == m.source) && (p.any_tag || p.tag == m.tag);
}

/// What an operation must give. Neither hit nor full: it was queued.
struct PostOutcome {
  bool full = false;
  std::shared_ptr<Message> hit;
};
struct ArrivalOutcome {
  bool full = false;
  std::optional<Post> hit;
  std::shared_ptr<Message> queued;
};

class MatchReference {
 public:
  MatchReference(std::size_t posted_entries, std::size_t slots) : posted_entries_(posted_entries), slots_(slots) {}

  PostOutcome post(const Post& p) {
    for (auto it = unexpected.begin(); it != unexpected.end(); ++it) {
      if (!accepts(p, **it)) continue;
      PostOutcome outcome{false, *it};
      unexpected.erase(it);
      return outcome;
    }
    if (posted.size() == posted_entries_) return {true, nullptr};
    posted.push_back(p);
    return {};
  }

  ArrivalOutcome arrive(const Message& m) {
    for (auto it = posted.begin(); it != posted.end(); ++it) {
      if (!accepts(*it, m)) continue;
      ArrivalOutcome outcome{false, *it, nullptr};
      posted.erase(it);
      return outcome;
    }
    if (held == slots_) return {true, std::nullopt, nullptr};
    ++held;
    unexpected.push_back(std::make_shared<Message>(m));
    return {false, std::nullopt, unexpected.back()};
  }

  void slot_freed() { --held; }

  std::list<Post> posted;
  std::list<std::shared_ptr<Message>> unexpected;
  std::size_t held = 0;  // slots that hold a waiting message or one not yet freed

 private:
  std::size_t posted_entries_, slots_;
};

}  // namespace tally::test
