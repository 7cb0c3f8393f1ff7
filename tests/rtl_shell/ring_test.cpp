// SPDX-License-Identifier: BSD-3-Clause
// tally_sq and tally_cq: ring order over several wraps, window and ring mixed, phase bits, a full completion ring.
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "Vtally_cq.h"
#include "Vtally_sq.h"
#include "beats.hpp"
#include "support/seed.hpp"

namespace {

using tally::device::Cqe;
using tally::test::Beat;
using tally::test::random_beat;

constexpr std::uint64_t kBase = 0x7f0000001000;

/// With the free-running cycle counter that times completions.
template <typename Model>
struct Bench : tally::test::ModuleBench<Model> {
  Bench() { this->top.cycle_i = 0; }
  void step() {
    tally::test::ModuleBench<Model>::step();
    this->top.cycle_i += 1;
  }
};

class SubmissionRing : public ::testing::TestWithParam<unsigned> {};  // log2 of the ring

TEST_P(SubmissionRing, descriptors_leave_in_ring_order_whichever_way_they_came) {
  std::mt19937_64 random(tally::test::seed(21));
  Bench<Vtally_sq> dut;
  const unsigned entries = 1u << GetParam();
  std::vector<Beat> ring(entries);
  dut->base_i = kBase;
  dut->log2_i = static_cast<std::uint8_t>(GetParam());
  dut->enable_i = 1;
  std::deque<Beat> expect;
  struct Read {
    std::uint64_t addr;
    unsigned beats;
    int delay;
  };
  std::deque<Read> reads;
  std::uint16_t tail = 0;
  unsigned posted = 0, taken = 0, window_posts = 0;
  constexpr unsigned kTotal = 3000;
  for (int cycle = 0; taken < kTotal; ++cycle) {
    ASSERT_LT(cycle, 200000) << "no progress";
    dut->tail_valid_i = 0;
    dut->desc_valid_i = 0;
    // The driver: never more than the ring holds beyond what was consumed.
    const unsigned room = entries - (posted - taken);
    if (posted < kTotal && room > 0 && random() % 4 == 0) {
      const bool window = random() % 2 == 0;
      unsigned n = window ? 1 : 1 + static_cast<unsigned>(random() % room);
      n = std::min(n, kTotal - posted);
      for (unsigned i = 0; i < n; ++i) {
        ring[tail % entries] = random_beat(random);
        expect.push_back(ring[tail % entries]);
        ++tail;
        ++posted;
      }
      if (window) {
        dut->desc_valid_i = 1;
        tally::test::put_beat(dut->desc_i, expect.back());
        ++window_posts;
      } else {
        dut->tail_valid_i = 1;
        dut->tail_i = tail;
      }
    }
    dut->rd_cmd_ready_i = random() % 2;
    dut->rd_data_valid_i = 0;
    if (!reads.empty() && --reads.front().delay <= 0 && random() % 4 != 0) {
      dut->rd_data_valid_i = 1;
      tally::test::put_beat(dut->rd_data_i, ring[(reads.front().addr - kBase) / 64]);
      reads.front().addr += 64;
      if (--reads.front().beats == 0) reads.pop_front();
    }
    dut->out_ready_i = random() % 3 != 0;
    dut.settle();
    if (dut->rd_cmd_valid_o && dut->rd_cmd_ready_i) {
      ASSERT_EQ(dut->rd_cmd_len_o % 64, 0u);
      ASSERT_GE(dut->rd_cmd_addr_o, kBase);
      ASSERT_LE(dut->rd_cmd_addr_o + dut->rd_cmd_len_o, kBase + entries * 64) << "fetch runs past the ring";
      reads.push_back({dut->rd_cmd_addr_o, dut->rd_cmd_len_o / 64u, static_cast<int>(random() % 60)});
    }
    if (dut->out_valid_o && dut->out_ready_i) {
      ASSERT_FALSE(expect.empty());
      ASSERT_EQ(tally::test::get_beat(dut->out_desc_o), expect.front());
      EXPECT_LE(dut->out_arrival_o, dut->cycle_i);
      expect.pop_front();
      ++taken;
    }
    dut.step();
    EXPECT_EQ(dut->head_o, static_cast<std::uint16_t>(taken));
  }
  EXPECT_GT(window_posts, 10u);
  dut->tail_valid_i = 0;
  dut->desc_valid_i = 0;
  dut.step();
  EXPECT_TRUE(dut->idle_o);
}
INSTANTIATE_TEST_SUITE_P(Log2, SubmissionRing, ::testing::Values(1, 2, 5, 10));

TEST(SubmissionRing, window_write_on_an_idle_ring_needs_no_read) {
  std::mt19937_64 random(tally::test::seed(22));
  Bench<Vtally_sq> dut;
  dut->base_i = kBase;
  dut->log2_i = 4;
  dut->enable_i = 1;
  dut->tail_valid_i = 0;
  dut->rd_cmd_ready_i = 0;
  dut->rd_data_valid_i = 0;
  dut->out_ready_i = 0;
  const Beat desc = random_beat(random);
  dut->desc_valid_i = 1;
  tally::test::put_beat(dut->desc_i, desc);
  dut.step();
  dut->desc_valid_i = 0;
  dut.settle();
  EXPECT_TRUE(dut->out_valid_o);
  EXPECT_EQ(tally::test::get_beat(dut->out_desc_o), desc);
  EXPECT_FALSE(dut->rd_cmd_valid_o);
}

class CompletionRing : public ::testing::TestWithParam<unsigned> {};

TEST_P(CompletionRing, entries_land_in_order_with_phase_and_never_overtake_the_head) {
  std::mt19937_64 random(tally::test::seed(23));
  Bench<Vtally_cq> dut;
  constexpr unsigned kUnits = 4, kTotal = 2000;
  const unsigned entries = 1u << GetParam();
  dut->base_i = kBase;
  dut->log2_i = static_cast<std::uint8_t>(GetParam());
  dut->enable_i = 1;
  std::vector<Cqe> ring(entries);
  std::uint16_t head = 0;
  unsigned next[kUnits] = {}, seen[kUnits] = {}, read = 0;
  bool presented[kUnits] = {};
  std::deque<std::uint64_t> commands;
  std::deque<Beat> data;
  for (int cycle = 0; read < kTotal; ++cycle) {
    ASSERT_LT(cycle, 200000) << "no progress";
    for (unsigned u = 0; u < kUnits; ++u) {
      if (!presented[u] && next[u] < kTotal / kUnits && random() % 3 == 0) {
        presented[u] = true;
        Cqe c{};
        c.cookie = u << 16 | next[u];
        c.cycles = dut->cycle_i;  // arrival
        std::memcpy(&dut->cpl_data_i[u * 8], &c, sizeof c);
      }
      dut->cpl_valid_i = static_cast<std::uint8_t>((dut->cpl_valid_i & ~(1u << u)) | unsigned{presented[u]} << u);
    }
    dut->sq_head_i = static_cast<std::uint16_t>(cycle);
    dut->wr_cmd_ready_i = random() % 2;
    dut->wr_data_ready_i = random() % 2;
    dut->head_i = head;
    dut.settle();
    for (unsigned u = 0; u < kUnits; ++u)
      if (presented[u] && (dut->cpl_ready_o >> u & 1)) {
        presented[u] = false;
        ++next[u];
      }
    if (dut->wr_cmd_valid_o && dut->wr_cmd_ready_i) {
      ASSERT_EQ(dut->wr_cmd_len_o, 32);
      commands.push_back(dut->wr_cmd_addr_o);
    }
    if (dut->wr_data_valid_o && dut->wr_data_ready_i) data.push_back(tally::test::get_beat(dut->wr_data_o));
    while (!commands.empty() && !data.empty()) {
      const std::uint64_t slot = (commands.front() - kBase) / 32;
      ASSERT_LT(slot, entries);
      std::memcpy(&ring[slot], data.front().data(), 32);
      commands.pop_front();
      data.pop_front();
    }
    // The driver reads what is new by its phase.
    if (random() % 3 == 0) {
      const Cqe& c = ring[head % entries];
      const unsigned pass = read / entries;
      if ((c.phase & 1u) == (pass % 2 == 0 ? 1u : 0u)) {
        const unsigned u = c.cookie >> 16;
        ASSERT_LT(u, kUnits);
        EXPECT_EQ(c.cookie & 0xffffu, seen[u]) << "completions of one unit out of order, lost or overwritten";
        ++seen[u];
        EXPECT_LT(c.cycles, 100000u);
        ++head;
        ++read;
      }
    }
    dut.step();
  }
}
INSTANTIATE_TEST_SUITE_P(Log2, CompletionRing, ::testing::Values(1, 3, 6));

}  // namespace
