// SPDX-License-Identifier: BSD-3-Clause
// tally_mr: bounds, stale keys, endpoints and the five look-up ports.
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

constexpr unsigned kEps = device::kNumEndpoints;
constexpr unsigned kPorts = 5;

/// A key of endpoint 0, or of another.
std::uint32_t key_of(std::uint32_t entry, std::uint32_t tag, unsigned ep = 0) { return (tag << 10) | ep << 8 | entry; }

class Regions : public ::testing::Test {
 protected:
  Regions() { bench.top.wr_valid_i = 0; }

  void store(std::uint32_t key, std::uint64_t base, std::uint64_t len, unsigned ep = 0) {
    write(true, ep, key, base, len);
    bench.settle();
    bench.edge();
    bench.top.wr_valid_i = 0;
  }

  void write(bool valid, unsigned ep, std::uint32_t key, std::uint64_t base, std::uint64_t len) {
    bench.top.wr_valid_i = valid;
    bench.top.wr_ep_i = static_cast<std::uint8_t>(ep);
    bench.top.wr_key_i = key;
    bench.top.wr_base_i = base;
    bench.top.wr_len_i = len;
  }

  void ask(unsigned port, unsigned ep_number, std::uint32_t key, std::uint64_t addr, std::uint32_t len) {
    auto& t = bench.top;
    const auto ep = static_cast<std::uint8_t>(ep_number);
    switch (port) {
      case 0: t.a_ep_i = ep, t.a_key_i = key, t.a_addr_i = addr, t.a_len_i = len; break;
      case 1: t.b_ep_i = ep, t.b_key_i = key, t.b_addr_i = addr, t.b_len_i = len; break;
      case 2: t.c_ep_i = ep, t.c_key_i = key, t.c_addr_i = addr, t.c_len_i = len; break;
      case 3: t.d_ep_i = ep, t.d_key_i = key, t.d_addr_i = addr, t.d_len_i = len; break;
      default: t.e_ep_i = ep, t.e_key_i = key, t.e_addr_i = addr, t.e_len_i = len; break;
    }
  }

  bool answer(unsigned port) {
    const auto& t = bench.top;
    const std::array<bool, kPorts> ok{t.a_ok_o != 0, t.b_ok_o != 0, t.c_ok_o != 0, t.d_ok_o != 0, t.e_ok_o != 0};
    return ok[port];
  }

  /// Looks up on each port in turn; the others look at nothing and must allow it.
  bool allowed(std::uint32_t key, std::uint64_t addr, std::uint32_t len, unsigned ep = 0) {
    bool all = true, any = false;
    for (unsigned port = 0; port < kPorts; ++port) {
      for (unsigned p = 0; p < kPorts; ++p) ask(p, ep, key, addr, p == port ? len : 0);
      bench.settle();
      for (unsigned p = 0; p < kPorts; ++p) {
        if (p == port) continue;
        EXPECT_TRUE(answer(p)) << p;
      }
      all = all && answer(port);
      any = any || answer(port);
    }
    EXPECT_EQ(all, any) << "the ports disagree";
    return all;
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
  for (unsigned bit = 0; bit < 21; ++bit) EXPECT_FALSE(allowed(key_of(3, 1u << bit), 0, 64)) << bit;
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

TEST_F(Regions, key_of_another_endpoint_is_refused) {
  for (unsigned e = 0; e < kEps; ++e) store(kValid | key_of(5, 77, e), 0x1000 * (e + 1), 0x100, e);
  for (unsigned e = 0; e < kEps; ++e) {
    for (unsigned key_ep = 0; key_ep < kEps; ++key_ep) {
      EXPECT_EQ(allowed(key_of(5, 77, key_ep), 0x1000 * (key_ep + 1), 1, e), e == key_ep);
    }
    // The region of another endpoint does not stand in for its own.
    EXPECT_FALSE(allowed(key_of(5, 77, e), 0x1000 * ((e + 1) % kEps + 1), 1, e));
  }
}

TEST_F(Regions, region_with_the_key_of_another_endpoint_is_not_stored) {
  store(kValid | key_of(5, 77, 2), 0x1000, 0x100, 2);
  store(kValid | key_of(5, 78, 2), 0x5000, 0x100, 1);
  EXPECT_TRUE(allowed(key_of(5, 77, 2), 0x1000, 1, 2));
  EXPECT_FALSE(allowed(key_of(5, 78, 2), 0x5000, 1, 2));
  EXPECT_FALSE(allowed(key_of(5, 78, 2), 0x5000, 1, 1));
  EXPECT_FALSE(allowed(key_of(5, 78, 1), 0x5000, 1, 1));
  store(key_of(5, 77, 2), 0, 0, 1);  // nor taken away
  EXPECT_TRUE(allowed(key_of(5, 77, 2), 0x1000, 1, 2));
}

TEST_F(Regions, empty_region_allows_nothing) {
  store(kValid | key_of(4, 1), 0x1000, 0);
  EXPECT_FALSE(allowed(key_of(4, 1), 0x1000, 1));
  store(kValid | key_of(4, 1), 0, 0);
  EXPECT_FALSE(allowed(key_of(4, 1), 0, 1));
  EXPECT_FALSE(allowed(key_of(4, 1), kTop, 1));
}

TEST_F(Regions, ports_agree_with_a_reference_under_random_writes) {
  struct Entry {
    bool valid = false;
    std::uint32_t tag = 0;
    std::uint64_t base = 0, len = 0;
  };
  Random random(seed(21));
  std::array<std::array<Entry, device::kMrEntries>, kEps> table{};
  auto expect = [&](unsigned ep, std::uint32_t key, std::uint64_t addr, std::uint32_t len) {
    if (len == 0) return true;
    const std::uint32_t index = key & 0xff;
    if (index >= device::kMrEntries || (key >> 8 & 3) != ep) return false;
    const Entry& e = table[ep][index];
    if (!e.valid || e.tag != ((key >> 10) & 0x1fffff) || addr < e.base) return false;
    if (addr + (len - 1) < addr) return false;
    const std::uint64_t into = addr - e.base;
    return into <= e.len && len <= e.len - into;
  };
  const auto random_ep = [&] { return static_cast<unsigned>(random.below(kEps)); };
  const auto random_key = [&](unsigned ep) {
    // Few entries, so that they are met often; sometimes one that does not exist or the key of another.
    const auto entry = static_cast<std::uint32_t>(
        random.percent(90) ? random.below(4) * 21 : random.below(device::kMrEntries + 4));
    return key_of(entry, static_cast<std::uint32_t>(random.below(2)), random.percent(90) ? ep : random_ep());
  };
  unsigned hits = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::array<unsigned, kPorts> ep{};
    std::array<std::uint32_t, kPorts> key{}, len{};
    std::array<std::uint64_t, kPorts> addr{};
    for (unsigned p = 0; p < kPorts; ++p) {
      ep[p] = random_ep();
      key[p] = random_key(ep[p]);
      const Entry& e = table[ep[p]][(key[p] & 0xff) % device::kMrEntries];
      addr[p] = e.base + random.below(300) - 20;
      len[p] = static_cast<std::uint32_t>(random.below(200));
      ask(p, ep[p], key[p], addr[p], len[p]);
    }
    const bool writes = random.percent(20);
    const unsigned wep = random_ep();
    const std::uint32_t wkey = (random.percent(80) ? kValid : 0u) | random_key(wep);
    const std::uint64_t base = random.percent(20) ? kTop - random.below(300) : random.next();
    const std::uint64_t size = random.percent(5) ? kTop : random.below(300);
    write(writes, wep, wkey, base, size);
    bench.settle();
    for (unsigned p = 0; p < kPorts; ++p) {
      ASSERT_EQ(answer(p), expect(ep[p], key[p], addr[p], len[p])) << i << " port " << p;
      hits += answer(p) && len[p] != 0;
    }
    bench.edge();
    if (writes && (wkey & 0xff) < device::kMrEntries && (wkey >> 8 & 3) == wep) {
      table[wep][wkey & 0xff] = {(wkey & kValid) != 0, (wkey >> 10) & 0x1fffff, base, size};
    }
  }
  EXPECT_GT(hits, 1000u);
}

}  // namespace
}  // namespace tally::test
