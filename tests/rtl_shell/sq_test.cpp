// SPDX-License-Identifier: BSD-3-Clause
// tally_sq: ring order over several wraps, window and ring mixed, reads under way, the rate of a full ring, disable.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <set>

#include "Vtally_sq.h"
#include "beats.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

constexpr unsigned kFifo = 64, kReads = 4, kFetchMax = 16;

/// The submission ring with its driver and its client of the DMA master: reads are answered in order.
class Ring {
 public:
  Ring(unsigned log2, std::uint64_t seed_value) : random(seed_value) {
    place(log2);
    dut->cycle_i = 0u - static_cast<std::uint32_t>(random() % 1000);  // wraps
    dut->enable_i = 1;
    dut->tail_valid_i = 0;
    dut->desc_valid_i = 0;
    dut->rd_cmd_ready_i = 0;
    dut->rd_data_valid_i = 0;
    dut->out_ready_i = 0;
    dut.settle();
  }

  [[nodiscard]] unsigned room() const { return entries - (posted - taken); }

  /// Stores n descriptors; their doorbell is one write of the tail, or the window's (n is 1).
  void post(unsigned n, bool window) {
    ASSERT_LE(n, room());
    for (unsigned i = 0; i < n; ++i) {
      const Beat desc = random_beat(random);
      memory_[tail % entries] = desc;
      expect_.push_back({desc, dut->cycle_i, window});
      ++tail;
      ++posted;
    }
    doorbells_.insert(dut->cycle_i);
    if (window) {
      dut->desc_valid_i = 1;
      put_beat(dut->desc_i, expect_.back().desc);
    } else {
      dut->tail_valid_i = 1;
      dut->tail_i = tail;
    }
  }

  /// One cycle: grants, answers and takes as asked for; the doorbell of post() is of this cycle.
  void cycle(bool grant, bool answer, bool take) {
    dut->rd_cmd_ready_i = grant;
    dut->rd_data_valid_i = 0;
    if (answer && !reads_.empty() && reads_.front().due <= dut.cycles) {
      dut->rd_data_valid_i = 1;
      put_beat(dut->rd_data_i, reads_.front().data.front());
      reads_.front().data.pop_front();
      if (reads_.front().data.empty()) reads_.pop_front();
    }
    dut->out_ready_i = take;
    dut.settle();
    if (dut->rd_cmd_valid_o && grant) {
      const unsigned n = dut->rd_cmd_len_o / 64u;
      ASSERT_EQ(dut->rd_cmd_len_o % 64, 0u);
      ASSERT_GE(n, 1u);
      ASSERT_LE(n, kFetchMax);
      const std::uint64_t at = dut->rd_cmd_addr_o - (old_command_ ? old_base_ : dut->base_i);
      ASSERT_LE(at + dut->rd_cmd_len_o, (old_command_ ? old_entries_ : entries) * 64u) << "fetch runs past the ring";
      Read read{dut.cycles + latency + (jitter == 0 ? 0 : random() % jitter), {}};
      for (unsigned i = 0; i < n; ++i) read.data.push_back(old_command_ ? random_beat(random) : memory_[at / 64 + i]);
      old_command_ = false;
      reads_.push_back(std::move(read));
      ++commands;
      most_reads = std::max(most_reads, reads_.size());
      ASSERT_LE(reads_.size(), kReads);
    }
    if (dut->out_valid_o && take) {
      ASSERT_FALSE(expect_.empty());
      ASSERT_EQ(get_beat(dut->out_desc_o), expect_.front().desc) << "descriptor " << taken;
      // The counter wraps.
      ASSERT_LE(dut->out_arrival_o - expect_.front().rung, dut->cycle_i - expect_.front().rung);
      ASSERT_EQ(doorbells_.count(dut->out_arrival_o), 1u) << "the arrival is no doorbell's cycle";
      expect_.pop_front();
      ++taken;
      last_taken = dut.cycles;
    }
    dut.step();
    ASSERT_EQ(dut->head_o, static_cast<std::uint16_t>(taken));
    dut->tail_valid_i = 0;
    dut->desc_valid_i = 0;
    dut.settle();
  }

  /// The driver forgets what it posted, as after a disable, and has a ring somewhere else.
  void restart(unsigned log2) {
    // A command that was not granted yet outlives the ring that it is for.
    if (!old_command_) {
      old_command_ = dut->rd_cmd_valid_o;
      old_base_ = dut->base_i;
      old_entries_ = entries;
    }
    place(log2);
    expect_.clear();
    tail = 0;
    posted = taken = 0;
  }
  [[nodiscard]] bool reading() const { return !reads_.empty(); }

  std::mt19937_64 random;
  CycleBench<Vtally_sq> dut;
  unsigned entries = 0, posted = 0, taken = 0, commands = 0, latency = 0, jitter = 0;
  std::uint16_t tail = 0;
  std::size_t most_reads = 0;
  std::uint64_t last_taken = 0;

 private:
  void place(unsigned log2) {
    entries = 1u << log2;
    memory_.resize(entries);
    dut->base_i = random() & ~std::uint64_t{63};
    dut->log2_i = static_cast<std::uint8_t>(log2);
  }

  struct Expected {
    Beat desc;
    std::uint32_t rung;
    bool window;
  };
  struct Read {
    std::uint64_t due;
    std::deque<Beat> data;
  };
  std::vector<Beat> memory_;
  bool old_command_ = false;
  std::uint64_t old_base_ = 0;
  unsigned old_entries_ = 0;
  std::deque<Expected> expect_;
  std::deque<Read> reads_;
  std::set<std::uint32_t> doorbells_;
};

class SubmissionRing : public ::testing::TestWithParam<unsigned> {};  // log2 of the ring

TEST_P(SubmissionRing, descriptors_leave_in_ring_order_whichever_way_they_came) {
  const std::uint64_t base_seed = seed(21);
  for (const unsigned idle : {1u, 4u, 30u}) {
    for (const unsigned take : {1u, 3u, 20u}) {
      Ring ring(GetParam(), base_seed + idle * 100 + take);
      ring.jitter = 60;
      auto& random = ring.random;
      unsigned windows = 0;
      const unsigned total = 600 * effort();
      for (unsigned cycle = 0; ring.taken < total; ++cycle) {
        ASSERT_LT(cycle, 400000u) << "no progress";
        if (ring.posted < total && ring.room() > 0 && random() % idle == 0) {
          const bool window = random() % 2 == 0;
          const unsigned most = std::min({ring.room(), total - ring.posted, 50u});
          windows += window;
          ring.post(window ? 1 : 1 + static_cast<unsigned>(random() % most), window);
        }
        ring.cycle(random() % 2, random() % 4 != 0, random() % take == 0);
        if (HasFatalFailure()) return;
      }
      EXPECT_GT(windows, 5u);
      for (int i = 0; i < 3; ++i) ring.cycle(true, true, true);
      EXPECT_TRUE(ring.dut->idle_o);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Log2, SubmissionRing, ::testing::Values(0, 1, 2, 4, 5, 10));

TEST(SubmissionRing, window_write_on_an_idle_ring_comes_out_in_its_cycle_and_stays) {
  Ring ring(4, seed(22));
  for (unsigned i = 0; i < 40; ++i) {
    ring.post(1, true);
    ring.cycle(false, false, true);
    EXPECT_EQ(ring.taken, i + 1);
    if (HasFatalFailure()) return;
  }
  for (int i = 0; i < 40; ++i) {
    ring.post(1, true);
    ring.cycle(false, false, false);
    EXPECT_TRUE(ring.dut->out_valid_o);
    EXPECT_FALSE(ring.dut->rd_cmd_valid_o);
    ring.cycle(false, false, true);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(ring.commands, 0u);
}

TEST(SubmissionRing, window_writes_beyond_the_fifo_are_fetched_later) {
  Ring ring(8, seed(23));
  for (unsigned i = 0; i < kFifo + 20; ++i) {
    ring.post(1, true);
    ring.cycle(true, true, false);
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(ring.commands, 0u) << "a fetch without room for its data";
  for (unsigned i = 0; i < 500 && ring.taken < ring.posted; ++i) ring.cycle(true, true, true);
  EXPECT_EQ(ring.taken, kFifo + 20);
  EXPECT_GT(ring.commands, 0u);
}

TEST(SubmissionRing, full_ring_gives_40_million_descriptors_a_second_at_600_ns) {
  Ring ring(10, seed(24));
  ring.latency = 150;  // cycles of 4 ns
  constexpr unsigned kTotal = 20000;
  std::uint64_t first = 0;
  while (ring.taken < kTotal && ring.dut.cycles < 400000) {
    if (ring.room() >= 512 || ring.posted == 0) ring.post(std::min(ring.room(), 512u), false);
    ring.cycle(true, true, true);
    if (HasFatalFailure()) return;
    if (ring.taken == 1) first = ring.last_taken;
  }
  ASSERT_GE(ring.taken, kTotal);
  const double cycles = static_cast<double>(ring.last_taken - first) / (ring.taken - 1);
  std::printf("full ring: %.3f cycles a descriptor, %.1f million a second\n", cycles, 250.0 / cycles);
  RecordProperty("million_a_second", static_cast<int>(250.0 / cycles));
  EXPECT_LE(cycles, 6.25);
  EXPECT_EQ(ring.most_reads, kReads);
}

TEST(SubmissionRing, a_doorbell_for_each_descriptor_gives_the_same_rate) {
  Ring ring(10, seed(25));
  ring.latency = 150;
  constexpr unsigned kTotal = 20000;
  std::uint64_t first = 0;
  while (ring.taken < kTotal && ring.dut.cycles < 400000) {
    if (ring.room() > 0 && ring.dut.cycles % 2 == 0) ring.post(1, false);
    ring.cycle(true, true, true);
    if (HasFatalFailure()) return;
    if (ring.taken == 1) first = ring.last_taken;
  }
  ASSERT_GE(ring.taken, kTotal);
  const double cycles = static_cast<double>(ring.last_taken - first) / (ring.taken - 1);
  std::printf("doorbell each 2 cycles: %.3f cycles a descriptor, %.1f million a second\n", cycles, 250.0 / cycles);
  EXPECT_LE(cycles, 6.25);
}

TEST(SubmissionRing, indices_wrap_at_65536) {
  Ring ring(12, seed(26));
  constexpr unsigned kTotal = 140000;
  for (unsigned cycle = 0; ring.taken < kTotal; ++cycle) {
    ASSERT_LT(cycle, 1000000u) << "no progress";
    if (ring.room() > 0 && ring.posted < kTotal) {
      const bool window = ring.random() % 8 == 0;
      ring.post(window ? 1 : std::min(ring.room(), kTotal - ring.posted), window);
    }
    ring.cycle(true, true, true);
    if (HasFatalFailure()) return;
  }
}

TEST(SubmissionRing, disable_drops_everything_and_data_of_reads_under_way) {
  Ring ring(7, seed(27));
  ring.latency = 40;
  for (unsigned round = 0; round < 200; ++round) {
    ring.post(1 + static_cast<unsigned>(ring.random() % std::min(ring.room(), 100u)), false);
    const unsigned run = static_cast<unsigned>(ring.random() % 80);
    for (unsigned i = 0; i < run; ++i) ring.cycle(ring.random() % 4 != 0, true, ring.random() % 2);
    if (HasFatalFailure()) return;
    ring.dut->enable_i = 0;
    ring.restart(static_cast<unsigned>(ring.random() % 12));
    for (unsigned i = 0; i < 1 + round % 3; ++i) ring.cycle(ring.random() % 2, true, true);
    ring.dut->enable_i = 1;
    // The next life begins while reads of the last are still answered.
    for (unsigned i = 0; i < 30; ++i) {
      if (ring.room() > 0 && (i == 0 || ring.random() % 2)) ring.post(1, ring.random() % 2);
      ring.cycle(true, true, true);
      if (HasFatalFailure()) return;
    }
    for (unsigned i = 0; i < 400 && ring.taken < ring.posted; ++i) ring.cycle(true, true, true);
    ASSERT_EQ(ring.taken, ring.posted) << "round " << round;
  }
}

}  // namespace
}  // namespace tally::test
