// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/match_queues.hpp"

namespace tally::soft {

// Finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): tags that count up spread over all buckets.
std::size_t MatchTable::bucket(std::uint64_t key) const noexcept {
  key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
  key = (key ^ key >> 27) * 0x94d049bb133111ebu;
  return (key ^ key >> 31) & (buckets_.size() - 1);
}

void MatchTable::append(std::uint64_t key, MatchEntry* entry) {
  MatchQueue* queue = buckets_[bucket(key)];
  while (queue != nullptr && queue->key != key) queue = queue->next_in_bucket;
  if (queue == nullptr) {
    if (queues_ == buckets_.size()) grow();
    queue = pool_.take();
    MatchQueue*& first = buckets_[bucket(key)];
    *queue = MatchQueue{key, nullptr, nullptr, first};
    first = queue;
    ++queues_;
  }
  entry->links[links_] = {queue->tail, nullptr, queue};
  (queue->tail == nullptr ? queue->head : queue->tail->links[links_].next) = entry;
  queue->tail = entry;
}

MatchEntry* MatchTable::oldest(std::uint64_t key) const noexcept {
  if (queues_ == 0) return nullptr;
  const MatchQueue* queue = buckets_[bucket(key)];
  while (queue != nullptr && queue->key != key) queue = queue->next_in_bucket;
  return queue == nullptr ? nullptr : queue->head;
}

void MatchTable::remove(MatchEntry* entry) noexcept {
  const MatchEntry::Links links = entry->links[links_];
  MatchQueue* queue = links.queue;
  (links.previous == nullptr ? queue->head : links.previous->links[links_].next) = links.next;
  (links.next == nullptr ? queue->tail : links.next->links[links_].previous) = links.previous;
  if (queue->head != nullptr) return;
  MatchQueue** link = &buckets_[bucket(queue->key)];
  while (*link != queue) link = &(*link)->next_in_bucket;
  *link = queue->next_in_bucket;
  pool_.give(queue);
  --queues_;
}

void MatchTable::grow() {
  std::vector<MatchQueue*> old(buckets_.size() * 2);
  old.swap(buckets_);
  for (MatchQueue* queue : old) {
    while (queue != nullptr) {
      MatchQueue* next = queue->next_in_bucket;
      MatchQueue*& first = buckets_[bucket(queue->key)];
      queue->next_in_bucket = first;
      first = queue;
      queue = next;
    }
  }
}

}  // namespace tally::soft
