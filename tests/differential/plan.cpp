// SPDX-License-Identifier: BSD-3-Clause
#include "differential/plan.hpp"

#include <algorithm>
#include <numeric>

namespace tally::test {
namespace {

constexpr int kTags[] = {0, 1, 2, 0x7fffffff};

std::uint64_t below(std::mt19937_64& random, std::uint64_t n) { return random() % n; }

std::uint32_t random_length(std::mt19937_64& random, std::uint32_t max_bytes) {
  switch (below(random, 6)) {
    case 0: return 0;
    case 1: return static_cast<std::uint32_t>(1 + below(random, 32));
    case 2: return static_cast<std::uint32_t>(33 + below(random, 100));
    case 3: return static_cast<std::uint32_t>(4090 + below(random, 12));  // around the eager limit
    case 4: return static_cast<std::uint32_t>(1 + below(random, 4096));
    default: return static_cast<std::uint32_t>(1 + below(random, max_bytes));
  }
}

// Receives for the messages of one source, as (source, tag or any) in an order in which each finds a message. One
// sender's stream against one receiver's list is matched the same way whatever the timing, so the result is known.
std::vector<Receive> receives_of_source(std::mt19937_64& random, const std::vector<Message>& sent) {
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::vector<Message> tags = sent;
    std::shuffle(tags.begin(), tags.end(), random);
    std::vector<Message> pending = sent;
    std::vector<Receive> out;
    for (const Message& like : tags) {
      const int tag = below(random, 5) < 2 ? kAny : like.tag;
      const std::size_t hit = earliest_match(pending, like.source, tag);
      if (hit == pending.size()) break;
      out.push_back({like.source, tag, pending[hit].length, pending[hit].index});
      pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(hit));
    }
    if (out.size() == sent.size()) return out;
  }
  std::vector<Receive> out;
  for (const Message& m : sent) out.push_back({m.source, kAny, m.length, m.index});
  return out;
}

// Keeps the order inside each list, mixes the lists.
std::vector<Receive> interleave(std::mt19937_64& random, std::vector<std::vector<Receive>> lists) {
  std::vector<Receive> out;
  std::vector<std::size_t> next(lists.size(), 0);
  std::size_t left = std::accumulate(lists.begin(), lists.end(), std::size_t{0},
                                     [](std::size_t n, const auto& l) { return n + l.size(); });
  while (left > 0) {
    const std::size_t k = below(random, lists.size());
    if (next[k] == lists[k].size()) continue;
    out.push_back(lists[k][next[k]++]);
    --left;
  }
  return out;
}

}  // namespace

std::size_t earliest_match(const std::vector<Message>& pending, int source, int tag) {
  std::size_t i = 0;
  while (i < pending.size() && !((source == kAny || pending[i].source == source) &&
                                 (tag == kAny || pending[i].tag == tag)))
    ++i;
  return i;
}

MessagePhase make_message_phase(std::mt19937_64& random, int ranks, std::uint32_t max_bytes) {
  MessagePhase phase;
  phase.duplicate_context = below(random, 3) == 0;
  const auto n = static_cast<std::size_t>(ranks);
  phase.receives.resize(n);
  const std::uint64_t burst = 1 + below(random, 4);
  for (int source = 0; source < ranks; ++source)
    for (std::uint64_t k = below(random, burst * n + 1); k > 0; --k)
      phase.messages.push_back({source, static_cast<int>(below(random, n)), kTags[below(random, std::size(kTags))],
                                random_length(random, max_bytes), 0});
  for (std::size_t i = 0; i < phase.messages.size(); ++i) phase.messages[i].index = static_cast<std::uint32_t>(i);

  for (int rank = 0; rank < ranks; ++rank) {
    phase.order.push_back(static_cast<PostOrder>(below(random, 3)));
    std::vector<Message> mine;
    for (const Message& m : phase.messages)
      if (m.destination == rank) mine.push_back(m);
    auto& receives = phase.receives[static_cast<std::size_t>(rank)];
    const std::uint64_t mode = below(random, 4);
    if (mode == 0) {  // any source, any tag
      for (std::size_t i = 0; i < mine.size(); ++i) receives.push_back({kAny, kAny, max_bytes + 4200, -1});
    } else if (mode == 1) {  // any source, each tag
      for (const Message& m : mine) receives.push_back({kAny, m.tag, max_bytes + 4200, -1});
      std::shuffle(receives.begin(), receives.end(), random);
    } else {  // one source at a time: the result is determined
      std::vector<std::vector<Receive>> lists;
      for (int source = 0; source < ranks; ++source) {
        std::vector<Message> sent;
        for (const Message& m : mine)
          if (m.source == source) sent.push_back(m);
        if (!sent.empty()) lists.push_back(receives_of_source(random, sent));
      }
      receives = interleave(random, std::move(lists));
      for (Receive& r : receives)  // some receives are too short
        if (r.room > 0 && below(random, 8) == 0) r.room = static_cast<std::uint32_t>(below(random, r.room));
    }
  }
  return phase;
}

std::uint8_t payload_byte(std::uint64_t phase, const Message& message, std::uint64_t i) {
  std::uint64_t x = phase * 0x9e3779b97f4a7c15u + message.index * 0xbf58476d1ce4e5b9u + (i >> 3) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return static_cast<std::uint8_t>(x >> (8 * (i & 7)));
}

}  // namespace tally::test
