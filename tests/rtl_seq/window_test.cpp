// SPDX-License-Identifier: BSD-3-Clause
// tally_seq_window: stores in any order against reads of any bytes.
#include <gtest/gtest.h>

#include <Vtally_seq_window.h>

#include <algorithm>
#include <deque>
#include <numeric>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

constexpr unsigned kSlotBytes = device::kOperandSlotBytes;
constexpr unsigned kSlotLines = kSlotBytes / device::kBeatBytes;
constexpr unsigned kSlots = device::kOperandSlots;

class Window : public ::testing::Test {
 protected:
  struct Read {
    unsigned addr, len;
  };
  Window() : contents(kSlots * kSlotBytes) {
    auto& top = bench.top;
    top.ep_enable_i = 1;
    top.wr_valid_i = top.cmd_valid_i = top.out_ready_i = 0;
    top.wr_open_i = 0;
    bench.step();
  }
  /// Presents a store in the coming cycle; the words whose strobes are set are the contents'.
  void store(unsigned line, bool open, std::uint64_t strobe = ~std::uint64_t{0}) {
    Beat beat;
    std::copy_n(contents.begin() + line * 64, 64, beat.begin());
    for (unsigned b = 0; b < 64; ++b) {
      if (!(strobe >> b & 1)) beat[b] = static_cast<std::uint8_t>(~beat[b]);
    }
    put_beat(bench.top.wr_data_i, beat);
    bench.top.wr_valid_i = 1;
    bench.top.wr_open_i = open;
    bench.top.wr_line_i = static_cast<std::uint16_t>(line);
    bench.top.wr_strb_i = strobe;
  }
  /// Ends the cycle: a command of `wanted` is taken, a beat compared with the oldest read. True: a beat came.
  bool cycle(bool command, bool ready) {
    auto& top = bench.top;
    top.cmd_valid_i = command && !wanted.empty();
    if (top.cmd_valid_i) {
      top.cmd_addr_i = static_cast<std::uint16_t>(wanted.front().addr);
      top.cmd_len_i = static_cast<std::uint16_t>(wanted.front().len);
    }
    top.out_ready_i = ready;
    bench.settle();
    const bool beat = top.out_valid_o && ready;
    if (beat) compare();
    const bool taken = top.cmd_valid_i && top.cmd_ready_o;
    bench.edge();
    top.wr_valid_i = 0;
    top.wr_open_i = 0;
    if (taken) {
      under_way.push_back(wanted.front());
      wanted.pop_front();
    }
    bench.settle();
    return beat;
  }
  void compare() {
    ASSERT_FALSE(under_way.empty()) << "a beat that nobody asked for";
    const Read& read = under_way.front();
    const Beat beat = get_beat(bench.top.out_data_o);
    const unsigned n = std::min(64u, read.len - at);
    ASSERT_TRUE(std::equal(beat.begin(), beat.begin() + n, contents.begin() + read.addr + at))
        << "read of " << read.len << " at " << read.addr << ", byte " << at;
    at += n;
    ASSERT_EQ(bench.top.out_last_o != 0, at == read.len) << "read of " << read.len << " at " << read.addr;
    if (at == read.len) {
      at = 0;
      under_way.pop_front();
    }
  }
  void fill(Random& random) {
    for (auto& byte : contents) byte = static_cast<std::uint8_t>(random.next());
  }

  ModuleBench<Vtally_seq_window> bench;
  std::vector<std::uint8_t> contents;  ///< what the window holds, or is going to
  std::deque<Read> wanted, under_way;
  unsigned at = 0;  ///< bytes that came of the oldest read
};

TEST_F(Window, read_waits_for_each_of_its_lines) {
  Random random(seed(21));
  fill(random);
  wanted = {{3 * kSlotBytes, 200}};
  for (int i = 0; i < 30; ++i) EXPECT_FALSE(cycle(true, true));
  unsigned beats = 0;
  for (const unsigned line : {2u, 0u, 3u, 1u}) {  // the first one opens
    store(3 * kSlotLines + line, line == 2);
    for (int i = 0; i < 20; ++i) beats += cycle(false, true);
    EXPECT_EQ(beats, line == 2 ? 0u : line == 1 ? 4u : 1u) << "after line " << line;
  }
}

TEST_F(Window, first_beat_comes_five_cycles_after_its_command_and_one_a_cycle_then) {
  Random random(seed(22));
  fill(random);
  for (unsigned line = 0; line < kSlotLines; ++line) {
    store(line, line == 0);
    cycle(false, true);
  }
  wanted = {{0, kSlotBytes}};
  cycle(true, true);
  std::vector<unsigned> when;
  for (unsigned i = 1; when.size() < kSlotLines && i < 200; ++i) {
    if (cycle(false, true)) when.push_back(i);
  }
  ASSERT_EQ(when.size(), kSlotLines);
  EXPECT_EQ(when.front(), 5u);
  EXPECT_EQ(when.back() - when.front(), kSlotLines - 1);
}

TEST_F(Window, opening_forgets_what_the_slot_held_and_no_other) {
  Random random(seed(23));
  fill(random);
  for (unsigned line = 0; line < 2 * kSlotLines; ++line) {
    store(line, line % kSlotLines == 0);
    cycle(false, true);
  }
  fill(random);
  store(5, true);
  cycle(false, true);
  for (unsigned line = 64; line < 128; ++line) {  // slot 1 anew, without opening
    store(line, false);
    cycle(false, true);
  }
  wanted = {{kSlotBytes + 60, 700}, {5 * 64, 64}, {0, 64}};
  unsigned beats = 0;
  for (int i = 0; i < 100; ++i) beats += cycle(true, true);
  EXPECT_EQ(beats, 12u) << "slot 1 and the opened line, not line 0";
  store(0, false);
  for (int i = 0; i < 20; ++i) beats += cycle(true, true);
  EXPECT_EQ(beats, 13u);
}

TEST_F(Window, line_in_parts_has_come_with_its_last_word) {
  Random random(seed(24));
  fill(random);
  store(7, true, 0x000000000000ffff);
  cycle(false, true);
  wanted = {{7 * 64 + 3, 61}};
  unsigned beats = 0;
  for (int i = 0; i < 20; ++i) beats += cycle(true, true);
  store(7, false, 0x0fffffffffff0000);
  for (int i = 0; i < 20; ++i) beats += cycle(true, true);
  EXPECT_EQ(beats, 0u);
  store(7, false, 0xf000000000000000);
  for (int i = 0; i < 20; ++i) beats += cycle(true, true);
  EXPECT_EQ(beats, 1u);
}

TEST_F(Window, nothing_is_waited_for_while_the_endpoint_is_disabled) {
  Random random(seed(25));
  bench.top.ep_enable_i = 0;
  // What has not come has no defined contents: only the beats are counted.
  unsigned beats = 0;
  bench.top.cmd_addr_i = 9 * kSlotBytes + 10;
  bench.top.cmd_len_i = 300;
  bench.top.cmd_valid_i = 1;
  bench.top.out_ready_i = 1;
  for (int i = 0; i < 40; ++i) {
    bench.settle();
    beats += bench.top.out_valid_o;
    bench.edge();
    bench.top.cmd_valid_i = 0;
  }
  EXPECT_EQ(beats, 5u);
}

// Slots are opened, filled in any order while they are read, and opened again once all their reads are over.
TEST_F(Window, random_stores_and_reads_give_what_was_stored) {
  Random random(seed(26));
  for (const unsigned stall : {0u, 30u, 70u}) {
    for (unsigned round = 0; round < 60; ++round) {
      fill(random);
      std::vector<unsigned> stores;
      std::vector<bool> opened(kSlots);
      const unsigned bytes = 1 + static_cast<unsigned>(random.below(kSlotBytes));
      const unsigned slots = 1 + static_cast<unsigned>(random.below(4));
      const unsigned base = static_cast<unsigned>(random.below(kSlots));
      for (unsigned s = 0; s < slots; ++s) {
        std::vector<unsigned> lines((bytes + 63) / 64);
        std::iota(lines.begin(), lines.end(), (base + s) % kSlots * kSlotLines);
        for (std::size_t i = lines.size(); i > 1; --i) std::swap(lines[i - 1], lines[random.below(i)]);
        stores.insert(stores.end(), lines.begin(), lines.end());
      }
      // A read of a slot comes after its opening, as a descriptor does.
      const unsigned reads = 1 + static_cast<unsigned>(random.below(40));
      unsigned asked = 0;
      std::size_t next = 0;
      for (unsigned i = 0; asked < reads || !wanted.empty() || !under_way.empty() || next < stores.size(); ++i) {
        ASSERT_LT(i, 100000u) << "stuck: " << under_way.size() << " reads under way";
        if (next < stores.size() && !random.percent(stall)) {
          const unsigned slot = stores[next] / kSlotLines;
          store(stores[next], !opened[slot]);
          opened[slot] = true;
          ++next;
        } else if (asked < reads && wanted.empty()) {
          const unsigned slot = (base + static_cast<unsigned>(random.below(slots))) % kSlots;
          if (opened[slot]) {
            const unsigned from = static_cast<unsigned>(random.below(bytes));
            wanted.push_back({slot * kSlotBytes + from, 1 + static_cast<unsigned>(random.below(bytes - from))});
            ++asked;
          }
        }
        cycle(!random.percent(stall), !random.percent(stall));
        if (HasFatalFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace tally::test
