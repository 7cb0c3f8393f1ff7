// SPDX-License-Identifier: BSD-3-Clause
// The match queues of the soft engine: MPI's matching order at a cost that does not depend on the depth.
//
// A posted receive lives in the queue of its own key in one of four tables, by which of source and tag are
// wildcards. An arrival probes all four and takes the oldest of the four heads. A message without a
// receive is linked into all four tables, so a late receive finds the oldest match in one probe. A fifth table finds
// a posted receive by its cookie, for cancels.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/soft/pool.hpp"

namespace tally::soft {

inline constexpr unsigned kWildcardClasses = 4;  ///< bit 0: any source, bit 1: any tag
inline constexpr unsigned kCookieTable = kWildcardClasses;  ///< its place among an entry's links
inline constexpr unsigned kMatchTables = kWildcardClasses + 1;

struct MatchQueue;

/// Base of what stands in match queues. Each table has its own links.
struct MatchEntry {
  struct Links {
    MatchEntry* previous = nullptr;
    MatchEntry* next = nullptr;
    MatchQueue* queue = nullptr;
  };
  std::uint64_t age = 0;  ///< order of insertion
  std::array<Links, kMatchTables> links;
};

/// Entries with one key, oldest first.
struct MatchQueue {
  std::uint64_t key = 0;
  MatchEntry* head = nullptr;
  MatchEntry* tail = nullptr;
  MatchQueue* next_in_bucket = nullptr;
};

/// The key of a class: fields that the class ignores are zero.
[[nodiscard]] constexpr std::uint64_t match_key(unsigned wildcard_class, std::uint16_t context,
                                                std::uint16_t source, std::uint32_t tag) noexcept {
  return std::uint64_t{context} << 48 | ((wildcard_class & 1) != 0 ? 0 : std::uint64_t{source} << 32) |
         ((wildcard_class & 2) != 0 ? 0 : std::uint64_t{tag});
}

/// Hash table from key to queue; `links` is its place among an entry's links (of a wildcard class: the class).
class MatchTable {
 public:
  explicit MatchTable(unsigned links) : links_(links) {}
  void append(std::uint64_t key, MatchEntry* entry);
  /// Oldest entry with this key, or nullptr.
  [[nodiscard]] MatchEntry* oldest(std::uint64_t key) const noexcept;
  void remove(MatchEntry* entry) noexcept;
  /// Calls f(entry) for each entry, in no order.
  template <typename F>
  void for_each(F f) const {
    for (const MatchQueue* queue : buckets_) {
      for (; queue != nullptr; queue = queue->next_in_bucket) {
        for (const MatchEntry* entry = queue->head; entry != nullptr; entry = entry->links[links_].next)
          f(*entry);
      }
    }
  }

 private:
  [[nodiscard]] std::size_t bucket(std::uint64_t key) const noexcept;
  void grow();

  unsigned links_;
  std::size_t queues_ = 0;
  std::vector<MatchQueue*> buckets_ = std::vector<MatchQueue*>(64);
  Pool<MatchQueue> pool_;
};

}  // namespace tally::soft
