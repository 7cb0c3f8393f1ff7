// SPDX-License-Identifier: BSD-3-Clause
// What the match unit is compared with: a unit that walks its lists.
#pragma once

#include <cstdint>
#include <vector>

namespace tally::bench {

/// What an operation matches by. A message has no wildcards.
struct Key {
  std::uint16_t context = 0, source = 0;
  std::uint32_t tag = 0;
  bool any_source = false, any_tag = false;
};

/// Receive `r` accepts message `m`.
inline bool accepts(const Key& r, const Key& m) {
  return r.context == m.context && (r.any_source || r.source == m.source) && (r.any_tag || r.tag == m.tag);
}

/// Two lists in memory, oldest first, read one entry a cycle. A cycle to accept an operation and one for the
/// result; taking an entry out or appending one costs nothing extra. No operation starts before the last one
/// has ended. This is the plain form of such units: no entry is skipped, nothing is read in parallel.
class ListModel {
 public:
  std::uint64_t cycles = 0;  ///< of all operations so far

  std::uint64_t post(const Key& receive) {
    return run(unexpected_, posted_, receive, [&](const Key& m) { return accepts(receive, m); });
  }
  std::uint64_t arrive(const Key& message) {
    return run(posted_, unexpected_, message, [&](const Key& r) { return accepts(r, message); });
  }

 private:
  template <class Accepts>
  std::uint64_t run(std::vector<Key>& search, std::vector<Key>& append, const Key& key, Accepts&& match) {
    std::uint64_t took = 2;
    bool hit = false;
    for (auto it = search.begin(); it != search.end() && !hit; ++it) {
      ++took;
      if (!match(*it)) continue;
      search.erase(it);
      hit = true;
      break;
    }
    if (!hit) append.push_back(key);
    cycles += took;
    return took;
  }

  std::vector<Key> posted_, unexpected_;
};

}  // namespace tally::bench
