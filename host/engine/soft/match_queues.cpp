// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/match_queues.hpp"

namespace tally::soft {

// Finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): tags that count up spread over all buckets.
std::size_t MatchTable::bucket(std::uint64_t key) const noexcept {
  key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
  key = (key ^ key >> 27) * 0x94d049bb133111ebu;
  return (key ^ key >> 31) & (buckets_.size() - 1);
}

MatchQueue* MatchTable::find(std::uint64_t key) const noexcept {
  MatchQueue* queue = buckets_[bucket(key)];
  while (queue != nullptr && queue->key != key) queue = queue->next_in_bucket;
  return queue;
}

MatchQueue* MatchTable::place(std::uint64_t key) {
  MatchQueue* queue = find(key);
  if (queue == nullptr) {
    if (queues_ == buckets_.size()) make_room();
    queue = pool_.take();
    MatchQueue*& first = buckets_[bucket(key)];
    *queue = MatchQueue{key, nullptr, nullptr, first};
    first = queue;
    ++queues_;
  }
  last_ = queue;
  return queue;
}

void MatchTable::make_room() {
  last_ = &none_;
  std::vector<MatchQueue*> live;
  for (MatchQueue* queue : buckets_) {
    while (queue != nullptr) {
      MatchQueue* next = queue->next_in_bucket;
      if (queue->head != nullptr) {
        live.push_back(queue);
      } else {
        pool_.give(queue);
      }
      queue = next;
    }
  }
  queues_ = live.size();
  buckets_.assign(queues_ > buckets_.size() / 2 ? buckets_.size() * 2 : buckets_.size(), nullptr);
  for (MatchQueue* queue : live) {
    MatchQueue*& first = buckets_[bucket(queue->key)];
    queue->next_in_bucket = first;
    first = queue;
  }
}

}  // namespace tally::soft
