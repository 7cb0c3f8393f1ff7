// SPDX-License-Identifier: BSD-3-Clause
// tally_mr: bounds, stale keys and the three look-up ports.
#include <gtest/gtest.h>

#include <Vtally_mr.h>

#include <array>

#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

constexpr std::uint32_t kValid = 1u << 31;
constexpr std::uint64_t kTop = ~0ull;

std::uint32_t key_of(std::uint32_t entry, std::uint32_t tag) { return (tag << 8) | entry; }

class Regions : public ::testing::Test {
 protected:
  Regions() { bench.top.wr_valid_i = 0; }

  void store(std::uint32_t key, std::uint64_t base, std::uint64_t len) {
    bench.top.wr_valid_i = 1;
    bench.top.wr_key_i = key;
    bench.top.wr_base_i = base;
    bench.top.wr_len_i = len;
    bench.settle();
    bench.edge();
    bench.top.wr_valid_i = 0;
  }

  /// Looks up on port a; b and c look at nothing and must allow it.
  bool allowed(std::uint32_t key, std::uint64_t addr, std::uint32_t len) {
    bench.top.a_key_i = key;
    bench.top.a_addr_i = addr;
    bench.top.a_len_i = len;
    bench.top.b_len_i = 0;
    bench.top.c_len_i = 0;
    bench.settle();
    EXPECT_TRUE(bench.top.b_ok_o);
    EXPECT_TRUE(bench.top.c_ok_o);
    return bench.top.a_ok_o;
  }

  ModuleBench<Vtally_mr> bench;
};

TEST_F(Regions, empty_table_refuses_every_entry) {
  for (std::uint32_t entry = 0; entry < 256; ++entry) EXPECT_FALSE(allowed(key_of(entry, 0), 0, 1)) << entry;
}

TEST_F(Regions, whole_region_is_allowed_and_one_byte_more_is_not) {
  store(kValid | key_of(5, 77), 0x1000, 0x2000);
  EXPECT_TRUE(allowed(key_of(5, 77), 0x1000, 0x2000));
  EXPECT_TRUE(allowed(key_of(5, 77), 0x2fff, 1));
  EXPECT_FALSE(allowed(key_of(5, 77), 0x1000, 0x2001));
  EXPECT_FALSE(allowed(key_of(5, 77), 0x0fff, 1));
  EXPECT_FALSE(allowed(key_of(5, 77), 0x0fff, 0x2001));
  EXPECT_FALSE(allowed(key_of(5, 77), 0x3000, 1));
}

TEST_F(Regions, length_zero_is_allowed_whatever_the_key) {
  EXPECT_TRUE(allowed(key_of(9, 1), 0x1234, 0));
  EXPECT_TRUE(allowed(0xffffffff, kTop, 0));
}

TEST_F(Regions, stale_tag_is_refused_after_the_entry_is_stored_again) {
  store(kValid | key_of(3, 10), 0x1000, 0x100);
  EXPECT_TRUE(allowed(key_of(3, 10), 0x1000, 1));
  store(kValid | key_of(3, 11), 0x1000, 0x100);
  EXPECT_FALSE(allowed(key_of(3, 10), 0x1000, 1));
  EXPECT_TRUE(allowed(key_of(3, 11), 0x1000, 1));
}

TEST_F(Regions, each_bit_of_the_tag_counts) {
  store(kValid | key_of(3, 0), 0, 64);
  EXPECT_TRUE(allowed(key_of(3, 0), 0, 64));
  for (unsigned bit = 0; bit < 23; ++bit) EXPECT_FALSE(allowed(key_of(3, 1u << bit), 0, 64)) << bit;
}

TEST_F(Regions, entry_stored_without_the_valid_bit_is_refused) {
  store(kValid | key_of(3, 10), 0x1000, 0x100);
  store(key_of(3, 10), 0x1000, 0x100);
  EXPECT_FALSE(allowed(key_of(3, 10), 0x1000, 1));
}

TEST_F(Regions, entry_beyond_the_table_is_neither_stored_nor_aliased) {
  store(kValid | key_of(device::kMrEntries + 3, 10), 0x1000, 0x100);
  EXPECT_FALSE(allowed(key_of(device::kMrEntries + 3, 10), 0x1000, 1));
  EXPECT_FALSE(allowed(key_of(3, 10), 0x1000, 1));
  store(kValid | key_of(3, 10), 0x1000, 0x100);
  EXPECT_FALSE(allowed(key_of(device::kMrEntries + 3, 10), 0x1000, 1));
}

TEST_F(Regions, access_that_wraps_around_the_address_space_is_refused) {
  store(kValid | key_of(0, 1), kTop - 0xfff, 0x1000);  // the last 4 KiB
  EXPECT_TRUE(allowed(key_of(0, 1), kTop - 0xfff, 0x1000));
  EXPECT_TRUE(allowed(key_of(0, 1), kTop, 1));
  EXPECT_FALSE(allowed(key_of(0, 1), kTop, 2));
  store(kValid | key_of(1, 1), kTop - 0xfff, kTop);  // a region that itself runs past the end
  EXPECT_TRUE(allowed(key_of(1, 1), kTop, 1));
  EXPECT_FALSE(allowed(key_of(1, 1), kTop, 2));
  EXPECT_FALSE(allowed(key_of(1, 1), 0, 1));
  store(kValid | key_of(2, 1), 0, kTop);
  EXPECT_FALSE(allowed(key_of(2, 1), kTop - 1, 0xffffffff));
  EXPECT_TRUE(allowed(key_of(2, 1), kTop - 1, 1));
}

TEST_F(Regions, ports_agree_with_a_reference_under_random_writes) {
  struct Entry {
    bool valid = false;
    std::uint32_t tag = 0;
    std::uint64_t base = 0, len = 0;
  };
  Random random(seed(21));
  std::array<Entry, device::kMrEntries> table{};
  auto expect = [&](std::uint32_t key, std::uint64_t addr, std::uint32_t len) {
    if (len == 0) return true;
    const std::uint32_t index = key & 0xff;
    if (index >= table.size()) return false;
    const Entry& e = table[index];
    if (!e.valid || e.tag != ((key >> 8) & 0x7fffff) || addr < e.base) return false;
    if (addr + (len - 1) < addr) return false;
    const std::uint64_t into = addr - e.base;
    return into <= e.len && len <= e.len - into;
  };
  unsigned hits = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::array<std::uint32_t, 3> key{}, len{};
    std::array<std::uint64_t, 3> addr{};
    for (unsigned p = 0; p < 3; ++p) {
      key[p] = key_of(static_cast<std::uint32_t>(random.below(table.size() + 4)), static_cast<std::uint32_t>(random.below(2)));
      const Entry& e = table[key[p] % table.size()];
      addr[p] = e.base + random.below(300) - 20;
      len[p] = static_cast<std::uint32_t>(random.below(200));
    }
    const bool write = random.percent(20);
    const std::uint32_t wkey = (random.percent(80) ? kValid : 0u) |
                               key_of(static_cast<std::uint32_t>(random.below(table.size() + 4)), static_cast<std::uint32_t>(random.below(2)));
    const std::uint64_t base = random.percent(20) ? kTop - random.below(300) : random.next();
    const std::uint64_t size = random.percent(5) ? kTop : random.below(300);
    bench.top.wr_valid_i = write;
    bench.top.wr_key_i = wkey;
    bench.top.wr_base_i = base;
    bench.top.wr_len_i = size;
    bench.top.a_key_i = key[0], bench.top.a_addr_i = addr[0], bench.top.a_len_i = len[0];
    bench.top.b_key_i = key[1], bench.top.b_addr_i = addr[1], bench.top.b_len_i = len[1];
    bench.top.c_key_i = key[2], bench.top.c_addr_i = addr[2], bench.top.c_len_i = len[2];
    bench.settle();
    ASSERT_EQ(static_cast<bool>(bench.top.a_ok_o), expect(key[0], addr[0], len[0])) << i;
    ASSERT_EQ(static_cast<bool>(bench.top.b_ok_o), expect(key[1], addr[1], len[1])) << i;
    ASSERT_EQ(static_cast<bool>(bench.top.c_ok_o), expect(key[2], addr[2], len[2])) << i;
    hits += bench.top.a_ok_o;
    bench.edge();
    if (write && (wkey & 0xff) < table.size()) {
      table[wkey & 0xff] = {(wkey & kValid) != 0, (wkey >> 8) & 0x7fffff, base, size};
    }
  }
  EXPECT_GT(hits, 1000u);
}

}  // namespace
}  // namespace tally::test
