// SPDX-License-Identifier: BSD-3-Clause
#include "differential/plan.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace tally::test {
namespace {

constexpr int kTags[] = {0, 1, 2, 0x7fffffff};

std::uint64_t below(std::mt19937_64& random, std::uint64_t n) { return random() % n; }

// Around the longest eager message of each path MTU, and around a whole MTU.
constexpr std::uint32_t kLimits[] = {32, 192, 256, 448, 960, 1984, 4032, 4096};
constexpr std::uint32_t kDeepBytes = 4200;

std::uint32_t random_length(std::mt19937_64& random, std::uint32_t max_bytes, bool deep) {
  const auto up_to = [&random](std::uint64_t most) { return static_cast<std::uint32_t>(1 + below(random, most)); };
  switch (below(random, deep ? 24 : 6)) {
    case 0: return 0;
    case 1: return kLimits[below(random, std::size(kLimits))] - 2 + static_cast<std::uint32_t>(below(random, 5));
    case 2: return up_to(kDeepBytes);
    case 3: return 33 + up_to(100);
    case 4: return up_to(deep ? 1000 : below(random, 3) == 0 ? max_bytes : 20000);
    default: return up_to(32);
  }
}

How random_how(std::mt19937_64& random, Sync sync) {
  const std::uint64_t pick = below(random, 10);
  if (pick == 0) return How::kCancelAndRepeat;
  if (sync == Sync::kAfterReceives || pick > 4) return How::kReceive;
  return std::array{How::kProbe, How::kClaim, How::kClaimLate, How::kClaim}[pick - 1];
}

// Receives for the messages of one source, as (source, tag or any) in an order in which each finds a message. One
// sender's stream against one receiver's list is matched the same way whatever the timing, so the result is known.
std::vector<Receive> receives_of_source(std::mt19937_64& random, std::vector<Message> pending, bool any_tag) {
  std::vector<Receive> out;
  while (!pending.empty()) {
    const Message& like = pending[below(random, pending.size())];
    const int tag = any_tag && below(random, 5) < 2 ? kAny : like.tag;
    const std::size_t hit = earliest_match(pending, like.source, tag);
    out.push_back({like.source, tag, pending[hit].length, pending[hit].index});
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(hit));
  }
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

MessagePhase make_message_phase(std::mt19937_64& random, int ranks, std::uint32_t max_bytes, Depth depth) {
  MessagePhase phase;
  phase.duplicate_context = below(random, 3) == 0;
  const auto n = static_cast<std::size_t>(ranks);
  phase.receives.resize(n);
  const bool deep = depth != Depth::kFlat;
  if (deep || below(random, 4) == 0) phase.sync = static_cast<Sync>(below(random, 3));
  if (depth == Depth::kDeepUnexpected) phase.sync = Sync::kAfterSends;
  if (depth == Depth::kDeepPosted) phase.sync = Sync::kAfterReceives;
  const int hot = static_cast<int>(below(random, n));
  const std::uint64_t burst = deep ? 200 + below(random, 400) : n * (1 + below(random, 4));
  for (int source = 0; source < ranks; ++source) {
    for (std::uint64_t k = deep ? burst / n : below(random, burst + 1); k > 0; --k) {
      const int destination = deep && below(random, 10) < 7 ? hot : static_cast<int>(below(random, n));
      phase.messages.push_back({source, destination, kTags[below(random, std::size(kTags))],
                                random_length(random, deep ? kDeepBytes : max_bytes, deep), 0});
    }
  }
  for (std::size_t i = 0; i < phase.messages.size(); ++i) phase.messages[i].index = static_cast<std::uint32_t>(i);

  for (int rank = 0; rank < ranks; ++rank) {
    phase.order.push_back(static_cast<PostOrder>(below(random, 3)));
    std::vector<Message> mine;
    std::uint32_t longest = 0;
    for (const Message& m : phase.messages) {
      if (m.destination != rank) continue;
      mine.push_back(m);
      longest = std::max(longest, m.length);
    }
    auto& receives = phase.receives[static_cast<std::size_t>(rank)];
    const std::uint64_t mode = below(random, 6);
    if (mode == 0) {  // any source, any tag
      for (std::size_t i = 0; i < mine.size(); ++i) receives.push_back({kAny, kAny, longest, -1});
    } else if (mode == 1) {  // any source, each tag
      for (const Message& m : mine) receives.push_back({kAny, m.tag, longest, -1});
      std::shuffle(receives.begin(), receives.end(), random);
    } else {
      // One source at a time: the result is determined. In mode 2 messages with one of the tags are left to receives
      // from any source, which then stand between the others and take nothing from them.
      const int shared_tag = mode == 2 ? kTags[below(random, std::size(kTags))] : kAny;
      std::vector<std::vector<Receive>> lists(1);
      for (int source = 0; source < ranks; ++source) {
        std::vector<Message> sent;
        for (const Message& m : mine) {
          if (m.source != source) continue;
          if (m.tag == shared_tag) {
            lists[0].push_back({kAny, shared_tag, longest, -1});
          } else {
            sent.push_back(m);
          }
        }
        if (!sent.empty()) lists.push_back(receives_of_source(random, sent, mode != 2));
      }
      receives = interleave(random, std::move(lists));
      for (Receive& r : receives)  // some receives are too short
        if (r.expected >= 0 && r.room > 0 && below(random, 8) == 0)
          r.room = static_cast<std::uint32_t>(below(random, r.room));
    }
    for (Receive& r : receives) r.how = random_how(random, phase.sync);
  }
  return phase;
}

std::uint8_t payload_byte(std::uint64_t phase, const Message& message, std::uint64_t i) {
  std::uint64_t x = phase * 0x9e3779b97f4a7c15u + message.index * 0xbf58476d1ce4e5b9u + (i >> 3) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return static_cast<std::uint8_t>(x >> (8 * (i & 7)));
}

}  // namespace tally::test
