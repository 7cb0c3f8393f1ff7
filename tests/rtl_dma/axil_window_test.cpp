// SPDX-License-Identifier: BSD-3-Clause
// tally_axil_regs: the wide port of the descriptor windows.
#include <algorithm>

#include "axil_regs_bench.hpp"

namespace tally::test {
namespace {

TEST(AxilWindow, wide_write_is_a_descriptor_in_one_cycle) {
  for (const unsigned delay : {0u, 40u}) {
    Regs regs(seed(47) + delay, delay);
    for (std::uint32_t n = 0; n < 12; ++n) {
      std::array<std::uint32_t, 16> words;
      for (auto& word : words) word = static_cast<std::uint32_t>(regs.random.next());
      const auto start = regs.cycles;
      regs.write_wide(at(n % kEps, er::kDesc0), words);
      ASSERT_EQ(regs.descriptors.size(), n + 1);
      EXPECT_EQ(regs.descriptors[n].ep, n % kEps);
      EXPECT_EQ(regs.descriptors[n].words, words);
      if (delay == 0) {
        EXPECT_EQ(regs.cycles - start, 2u);  // the write, the answer
      }
    }
    EXPECT_EQ(regs.pulses(), 12u);
  }
}

// What a write-combining buffer that is emptied early sends: some words, in any mixture of both ports.
TEST(AxilWindow, words_of_both_ports_make_one_descriptor) {
  Regs regs(seed(48), 20);
  for (std::uint32_t n = 0; n < 40; ++n) {
    const unsigned e = n % kEps;
    std::array<std::uint32_t, 16> words;
    for (auto& word : words) word = static_cast<std::uint32_t>(regs.random.next());
    for (unsigned w = 0; w < 15;) {
      if (regs.random.percent(50)) {
        regs.write(at(e, er::kDesc0) + 4 * w, words[w]);
        ++w;
      } else {
        auto some = words;
        for (auto& word : some) word ^= 0x80000000;  // what the strobes leave out must not come
        const auto count = std::min(15 - w, 1 + static_cast<unsigned>(regs.random.below(6)));
        for (unsigned k = w; k < w + count; ++k) some[k] = words[k];
        regs.write_wide(at(e, er::kDesc0), some, ((1u << count) - 1) << w);
        w += count;
      }
      EXPECT_EQ(regs.descriptors.size(), n);
    }
    if (n % 2 == 0) {
      regs.write(at(e, er::kDesc0) + 60, words[15]);
    } else {
      regs.write_wide(at(e, er::kDesc0), words, 0x8000);
    }
    ASSERT_EQ(regs.descriptors.size(), n + 1);
    EXPECT_EQ(regs.descriptors[n].ep, e);
    EXPECT_EQ(regs.descriptors[n].words, words);
  }
}

TEST(AxilWindow, wide_write_beside_a_window_is_ignored) {
  Regs regs(seed(49));
  const std::array<std::uint32_t, 16> words{1, 2, 3};
  for (std::uint32_t addr = 0; addr < device::kOperandWindow; addr += 64) {
    const bool window = addr >= device::kEndpointPage && addr < (1 + kEps) * device::kEndpointPage &&
                        addr % device::kEndpointPage == er::kDesc0 % device::kEndpointPage;
    if (!window) regs.write_wide(addr, words);
  }
  EXPECT_EQ(regs.pulses(), 0u);
  EXPECT_EQ(regs.top.control_o, 0);
  EXPECT_EQ(regs.lines.size(), 0u);
}

TEST(AxilWindow, stores_to_the_operand_window_are_told_and_touch_no_register) {
  Regs regs(seed(51), 20);
  std::vector<Line> stored;
  for (unsigned n = 0; n < 500; ++n) {
    const Line line{regs.random.percent(30), static_cast<unsigned>(regs.random.below(1024))};
    std::array<std::uint32_t, 16> words;
    for (auto& word : words) word = static_cast<std::uint32_t>(regs.random.next());
    regs.write_wide(device::kOperandWindow + (line.open ? device::kOperandOpening : 0) + 64 * line.line, words);
    stored.push_back(line);
  }
  EXPECT_EQ(regs.lines, stored);
  EXPECT_EQ(regs.pulses(), 0u);
  EXPECT_EQ(regs.top.control_o, 0);
}

// Both ports at once: the wide write first, each in the cycle after its handshake.
TEST(AxilWindow, ports_take_turns) {
  Regs regs(seed(50));
  regs.top.s_axi_aw_valid_i = 1;
  regs.top.s_axi_w_valid_i = 1;
  regs.top.s_axi_b_ready_i = 1;
  regs.top.s_axi_aw_addr_i = static_cast<std::uint16_t>(at(1, er::kDesc0));
  regs.top.s_axi_w_strb_i = ~std::uint64_t{0};
  regs.top.s_axil_aw_valid_i = 1;
  regs.top.s_axil_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = 1;
  regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(at(2, er::kSqTail));
  regs.settle();
  EXPECT_TRUE(regs.top.s_axi_aw_ready_o && regs.top.s_axi_w_ready_o);
  EXPECT_FALSE(regs.top.s_axil_aw_ready_o || regs.top.s_axil_w_ready_o);
  regs.tick();
  regs.top.s_axi_aw_valid_i = 0;
  regs.top.s_axi_w_valid_i = 0;
  regs.settle();
  EXPECT_TRUE(regs.top.s_axil_aw_ready_o && regs.top.s_axil_w_ready_o);
  EXPECT_EQ(regs.descriptors.size(), 1u);
  EXPECT_EQ(regs.tails.size(), 0u);
  regs.tick();
  EXPECT_EQ(regs.tails.size(), 1u);
}

}  // namespace
}  // namespace tally::test
