// SPDX-License-Identifier: BSD-3-Clause
// The memory cache over an engine that only keeps a table of regions, and random use of it against that
// table.
#include "api/memory_cache.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "support/seed.hpp"

namespace tally::test {
namespace {

using api::MemoryCache;

/// Registers up to `most` regions, refuses to end those that it uses, and does nothing else.
class Table final : public Engine {
 public:
  explicit Table(std::size_t most, std::uint32_t told = 0) : most_(most) {
    capabilities_.name = "table";
    capabilities_.memory_regions = told;
  }
  struct Region {
    std::uintptr_t first, length;
  };
  std::map<std::uint32_t, Region> regions;
  std::set<std::uint32_t> used;  ///< a little longer than the operation

  [[nodiscard]] const Capabilities& capabilities() const noexcept override { return capabilities_; }
  Status register_memory(void* base, std::size_t length, std::uint32_t* key) override {
    if (regions.size() == most_) return {TALLY_ERR_NO_MEMORY, "the table is full"};
    *key = next_++;
    regions[*key] = {reinterpret_cast<std::uintptr_t>(base), length};
    return {};
  }
  Status deregister_memory(std::uint32_t key) override {
    if (used.contains(key)) return {TALLY_ERR_BUSY, "in use"};
    EXPECT_EQ(regions.erase(key), 1u) << "key " << key << " is not registered";
    return {};
  }
  Status post_send(const SendDescriptor&) override { return none(); }
  Status post_recv(const RecvDescriptor&) override { return none(); }
  Status post_probe(const ProbeDescriptor&) override { return none(); }
  Status post_mrecv(const MrecvDescriptor&) override { return none(); }
  void cancel(std::uint32_t) override {}
  Status post_collective(const CollectiveDescriptor&) override { return none(); }
  std::size_t poll(std::span<Completion>) override { return 0; }
  void wait(std::chrono::microseconds) override {}
  void abort_collective(std::uint16_t, std::uint16_t) override {}
  void add_counters(tally_counters&) const override {}
  [[nodiscard]] std::string describe_pending() const override { return {}; }

 private:
  static Status none() { return {TALLY_ERR_UNSUPPORTED, "a table"}; }
  Capabilities capabilities_;
  std::size_t most_;
  std::uint32_t next_ = 1;
};

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t kBase = 1u << 24;

void* at(std::uintptr_t offset) { return reinterpret_cast<void*>(kBase + offset); }

struct Cache {
  explicit Cache(std::size_t most, std::uint32_t told = 0) : table(most, told), cache(table, nullptr) {}
  Table table;
  MemoryCache cache;

  tally_memory* find(std::uintptr_t offset, std::size_t length, const tally_memory* keep = nullptr) {
    tally_memory* region = nullptr;
    const Status status = cache.find(at(offset), length, keep, 0, &region);
    EXPECT_TRUE(status.ok()) << status.code() << ": " << status.message();
    if (region == nullptr) return nullptr;
    EXPECT_TRUE(region->holds(at(offset), length));
    EXPECT_TRUE(table.regions.contains(region->key)) << "the region is not registered";
    return region;
  }
  tally_status code(std::uintptr_t offset, std::size_t length, const tally_memory* keep = nullptr) {
    tally_memory* region = nullptr;
    return cache.find(at(offset), length, keep, 0, &region).code();
  }
  tally_counters counters() {
    tally_counters counted{};
    cache.add_counters(counted);
    return counted;
  }
};

TEST(MemoryCache, registers_the_pages_of_a_buffer_once) {
  Cache c(8);
  tally_memory* region = c.find(100, 200);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region->base), kBase);
  EXPECT_EQ(region->length, kPage);
  EXPECT_EQ(c.find(0, kPage), region);
  EXPECT_EQ(c.find(kPage - 1, 1), region);
  EXPECT_EQ(c.table.regions.size(), 1u);
  EXPECT_EQ(c.counters().memory_cache_misses, 1u);
  EXPECT_EQ(c.counters().memory_cache_hits, 2u);
}

TEST(MemoryCache, merges_what_touches_a_new_buffer) {
  Cache c(8);
  c.find(0, kPage);
  c.find(2 * kPage, kPage);
  c.find(6 * kPage, kPage);
  EXPECT_EQ(c.table.regions.size(), 3u);
  const tally_memory* merged = c.find(kPage, 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(merged->base), kBase);
  EXPECT_EQ(merged->length, 3 * kPage);
  EXPECT_EQ(c.table.regions.size(), 2u);
  const tally_memory* all = c.find(3 * kPage - 1, 3 * kPage + 2);
  EXPECT_EQ(all->length, 7 * kPage);
  EXPECT_EQ(c.table.regions.size(), 1u);
}

TEST(MemoryCache, a_region_in_use_stays_registered_until_its_operation_ends_though_a_larger_one_replaced_it) {
  Cache c(8);
  tally_memory* first = c.find(0, 1);
  first->users = 1;
  const std::uint32_t key = first->key;
  EXPECT_NE(c.find(0, 2 * kPage), first);
  EXPECT_TRUE(c.table.regions.contains(key));
  c.find(10 * kPage, 1);
  EXPECT_TRUE(c.table.regions.contains(key));
  first->users = 0;
  c.find(20 * kPage, 1);
  EXPECT_FALSE(c.table.regions.contains(key));
}

TEST(MemoryCache, evicts_the_least_recently_used_idle_region) {
  Cache c(3);
  tally_memory* a = c.find(0, 1);
  tally_memory* b = c.find(10 * kPage, 1);
  c.find(20 * kPage, 1);
  const std::uint32_t kept = a->key;
  const std::uint32_t oldest = b->key;
  c.find(0, 1);
  c.find(30 * kPage, 1);  // b is older than a
  EXPECT_TRUE(c.table.regions.contains(kept));
  EXPECT_FALSE(c.table.regions.contains(oldest));
  EXPECT_EQ(c.counters().memory_cache_evictions, 1u);
  c.find(10 * kPage, 1);
  EXPECT_EQ(c.counters().memory_cache_misses, 5u);
}

TEST(MemoryCache, passes_over_a_region_that_the_engine_still_uses) {
  Cache c(2);
  const std::uint32_t late = c.find(0, 1)->key;
  const std::uint32_t other = c.find(10 * kPage, 1)->key;
  c.table.used.insert(late);
  c.find(20 * kPage, 1);
  EXPECT_TRUE(c.table.regions.contains(late));
  EXPECT_FALSE(c.table.regions.contains(other));
}

TEST(MemoryCache, says_again_while_operations_have_all_entries_and_serves_when_one_ends) {
  Cache c(2);
  tally_memory* a = c.find(0, 1);
  tally_memory* b = c.find(10 * kPage, 1);
  a->users = b->users = 1;
  EXPECT_EQ(c.code(20 * kPage, 1), TALLY_AGAIN);
  EXPECT_EQ(c.find(0, 1), a) << "a refused look-up must not take a region away";
  EXPECT_EQ(c.code(0, 2 * kPage), TALLY_AGAIN);
  EXPECT_EQ(c.find(0, 1), a);
  b->users = 0;
  c.find(20 * kPage, 1);
}

TEST(MemoryCache, does_not_evict_the_first_buffer_of_a_call_for_its_second) {
  Cache c(1);
  tally_memory* input = c.find(0, 1);
  EXPECT_EQ(c.code(10 * kPage, 1, input), TALLY_ERR_NO_MEMORY) << "nothing under way will end";
  EXPECT_EQ(c.find(0, 1), input);
  Cache two(2);
  input = two.find(0, 1);
  const std::uint32_t key = input->key;
  two.find(0, 2 * kPage, input);  // replaces it
  EXPECT_TRUE(two.table.regions.contains(key));
}

TEST(MemoryCache, leaves_the_engine_the_entries_that_it_needs_itself) {
  Cache c(8, 3);
  for (std::uintptr_t i = 0; i < 6; ++i) c.find(i * 10 * kPage, 1);
  EXPECT_EQ(c.table.regions.size(), 3u);
}

TEST(MemoryCache, refuses_what_is_no_memory_of_a_program) {
  Cache c(8);
  tally_memory* region = nullptr;
  EXPECT_EQ(c.cache.find(reinterpret_cast<void*>(16), 4, nullptr, 0, &region).code(),
            TALLY_ERR_NOT_REGISTERED);
  EXPECT_EQ(c.cache.find(at(0), SIZE_MAX, nullptr, 0, &region).code(), TALLY_ERR_NOT_REGISTERED);
  EXPECT_EQ(c.cache.find(reinterpret_cast<void*>(UINTPTR_MAX - 8), 4, nullptr, 0, &region).code(),
            TALLY_ERR_NOT_REGISTERED);
  EXPECT_TRUE(c.table.regions.empty());
}

TEST(MemoryCache, random_use_keeps_every_region_in_use_registered_and_no_two_idle_ones_that_touch) {
  std::mt19937_64 random(seed(7));
  for (int round = 0; round < 50; ++round) {
    const std::size_t most = 2 + random() % 6;
    Cache c(most);
    std::vector<std::pair<tally_memory*, std::uint32_t>> under_way;
    for (int step = 0; step < 400; ++step) {
      const std::uintptr_t offset = random() % (40 * kPage);
      const std::size_t length = 1 + random() % (4 * kPage);
      tally_memory* region = nullptr;
      const Status status = c.cache.find(at(offset), length, nullptr, 0, &region);
      if (status.ok()) {
        ASSERT_TRUE(region->holds(at(offset), length));
        const auto entry = c.table.regions.find(region->key);
        ASSERT_NE(entry, c.table.regions.end());
        ASSERT_EQ(entry->second.first, reinterpret_cast<std::uintptr_t>(region->base));
        ASSERT_EQ(entry->second.length, region->length);
        if (random() % 2 == 0) {
          ++region->users;
          under_way.emplace_back(region, region->key);
        }
      } else {
        ASSERT_EQ(status.code(), TALLY_AGAIN) << status.message();
        ASSERT_FALSE(under_way.empty());
      }
      for (const auto& [used, key] : under_way) ASSERT_TRUE(c.table.regions.contains(key));
      while (!under_way.empty() && random() % 3 != 0) {
        const std::size_t i = random() % under_way.size();
        --under_way[i].first->users;
        under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
    for (const auto& [used, key] : under_way) --used->users;
    c.find(1000 * kPage, 1);  // ends what larger ones have replaced
    std::map<std::uintptr_t, std::uintptr_t> ranges;
    for (const auto& [key, region] : c.table.regions) ranges[region.first] = region.first + region.length;
    std::uintptr_t end = 0;
    for (const auto& [first, past] : ranges) {
      ASSERT_GT(first, end) << "two regions touch";
      end = past;
    }
  }
}

}  // namespace
}  // namespace tally::test
