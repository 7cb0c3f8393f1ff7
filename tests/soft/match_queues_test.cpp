// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/match_queues.hpp"

#include <gtest/gtest.h>

#include <list>
#include <random>

#include "support/seed.hpp"

namespace tally::soft {
namespace {

TEST(MatchTable, keeps_the_order_of_a_key) {
  MatchTable table(0);
  MatchEntry a;
  MatchEntry b;
  MatchEntry c;
  table.append(5, &a);
  table.append(6, &b);
  table.append(5, &c);
  EXPECT_EQ(table.oldest(5), &a);
  table.remove(&a);
  EXPECT_EQ(table.oldest(5), &c);
  EXPECT_EQ(table.oldest(6), &b);
  table.remove(&c);
  EXPECT_EQ(table.oldest(5), nullptr);
}

TEST(MatchTable, key_leaves_out_what_the_class_ignores) {
  EXPECT_EQ(match_key(1, 3, 7, 9), match_key(1, 3, 8, 9));
  EXPECT_EQ(match_key(2, 3, 7, 9), match_key(2, 3, 7, 10));
  EXPECT_NE(match_key(0, 3, 7, 9), match_key(0, 3, 8, 9));
  EXPECT_NE(match_key(3, 3, 7, 9), match_key(3, 4, 7, 9));
}

TEST(MatchTable, agrees_with_a_list_whatever_is_removed) {
  std::mt19937_64 random(test::seed(11));
  MatchTable table(2);
  std::vector<MatchEntry> entries(3000);
  std::list<std::pair<std::uint64_t, MatchEntry*>> reference;
  std::size_t next = 0;
  const auto key = [&] { return random() % 700; };  // more keys than the table has buckets at first
  for (int step = 0; step < 20000; ++step) {
    if (random() % 3 != 0 && next < entries.size()) {
      const std::uint64_t k = key();
      table.append(k, &entries[next]);
      reference.emplace_back(k, &entries[next++]);
    } else if (!reference.empty()) {
      auto victim = reference.begin();
      std::advance(victim, static_cast<long>(random() % std::min<std::size_t>(reference.size(), 50)));
      table.remove(victim->second);
      reference.erase(victim);
    }
    const std::uint64_t k = key();
    MatchEntry* expected = nullptr;
    for (const auto& [other, entry] : reference) {
      if (other == k) {
        expected = entry;
        break;
      }
    }
    ASSERT_EQ(table.oldest(k), expected) << "step " << step;
  }
}

}  // namespace
}  // namespace tally::soft
