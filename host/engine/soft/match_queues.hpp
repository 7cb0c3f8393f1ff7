// SPDX-License-Identifier: BSD-3-Clause
// The match queues of the soft engine: MPI's matching order at a cost that does not depend on the depth.
//
// A posted receive lives in the queue of its own key in one of four tables, by which of source and tag are
// wildcards. An arrival probes all four and takes the oldest of the four heads. A message without a
// receive is linked into the tables of all classes of which there has been a receive or a probe, so a late
// receive finds the oldest match in one probe: a program without wildcards pays for one table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/soft/pool.hpp"

namespace tally::soft {

inline constexpr unsigned kWildcardClasses = 4;  ///< bit 0: any source, bit 1: any tag

struct MatchQueue;

/// Base of what stands in match queues. Each table has its own links.
struct MatchEntry {
  struct Links {
    MatchEntry* previous = nullptr;
    MatchEntry* next = nullptr;
    MatchQueue* queue = nullptr;
  };
  std::uint64_t age = 0;  ///< order of insertion
  std::array<Links, kWildcardClasses> links;
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

/// Hash table from key to queue; `links` is its place among an entry's links: the wildcard class. A queue
/// that has become empty stays for the next entry of its key, until the table is full of queues.
class MatchTable {
 public:
  explicit MatchTable(unsigned links) : links_(links) {}
  MatchTable(const MatchTable&) = delete;
  MatchTable& operator=(const MatchTable&) = delete;
  void append(std::uint64_t key, MatchEntry* entry) {
    MatchQueue* queue = last_->key == key ? last_ : place(key);
    entry->links[links_] = {queue->tail, nullptr, queue};
    (queue->tail == nullptr ? queue->head : queue->tail->links[links_].next) = entry;
    queue->tail = entry;
    ++entries_;
  }
  [[nodiscard]] bool empty() const noexcept { return entries_ == 0; }
  /// Oldest entry with this key, or nullptr.
  [[nodiscard]] MatchEntry* oldest(std::uint64_t key) noexcept {
    if (entries_ == 0) return nullptr;
    if (last_->key == key) return last_->head;
    MatchQueue* queue = find(key);
    if (queue == nullptr) return nullptr;
    last_ = queue;
    return queue->head;
  }
  void remove(MatchEntry* entry) noexcept {
    const MatchEntry::Links& links = entry->links[links_];
    MatchQueue* queue = links.queue;
    (links.previous == nullptr ? queue->head : links.previous->links[links_].next) = links.next;
    (links.next == nullptr ? queue->tail : links.next->links[links_].previous) = links.previous;
    --entries_;
  }
  /// Calls f(entry) for each entry, in no order.
  template <typename F>
  void for_each(F f) const {
    for (const MatchQueue* queue : buckets_) {
      for (; queue != nullptr; queue = queue->next_in_bucket) {
        for (MatchEntry* entry = queue->head; entry != nullptr; entry = entry->links[links_].next) f(*entry);
      }
    }
  }

 private:
  [[nodiscard]] std::size_t bucket(std::uint64_t key) const noexcept;
  [[nodiscard]] MatchQueue* find(std::uint64_t key) const noexcept;
  /// The queue of a key, which is made where there is none.
  [[nodiscard]] [[gnu::noinline]] MatchQueue* place(std::uint64_t key);
  /// Drops empty queues; doubles the table where that does not make enough room.
  void make_room();

  unsigned links_;
  std::size_t queues_ = 0;
  std::size_t entries_ = 0;
  std::vector<MatchQueue*> buckets_ = std::vector<MatchQueue*>(64);
  MatchQueue none_{
      ~std::uint64_t{0}};      ///< the key of no queue: context 65535, with the largest source and tag
  MatchQueue* last_ = &none_;  ///< that was looked up last
  Pool<MatchQueue> pool_;
};

}  // namespace tally::soft
