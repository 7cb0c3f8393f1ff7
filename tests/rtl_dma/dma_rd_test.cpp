// SPDX-License-Identifier: BSD-3-Clause
// tally_dma_rd against a model of an AXI memory whose bytes are a function of their address.
#include <gtest/gtest.h>

#include <Vtally_dma_rd.h>

#include <algorithm>
#include <deque>
#include <tuple>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

constexpr unsigned kClients = 9;

std::uint8_t byte_at(std::uint64_t addr) {
  std::uint64_t x = addr * 0x9E3779B97F4A7C15u;
  x ^= x >> 29;
  return static_cast<std::uint8_t>(x >> 11);
}

struct Command {
  unsigned client;
  std::uint64_t addr;
  unsigned len;
};

struct Burst {
  std::uint64_t addr;
  unsigned beats;
  std::uint64_t ready_at;  // cycle of its first beat
};

struct Knobs {
  unsigned idle = 0;          // percent of cycles in which a client holds its command back
  unsigned backpressure = 0;  // percent of cycles without arready, and without rvalid
  unsigned latency = 4;       // cycles from AR to R
  unsigned jitter = 0;        // added at random to the latency
};

class ReadBench : public ModuleBench<Vtally_dma_rd> {
 public:
  ReadBench(std::uint64_t seed, Knobs knobs) : random(seed), knobs_(knobs), offered_(kClients, false) {
    queued.resize(kClients);
  }

  void cycle() {
    drive();
    settle();
    sample();
    edge();
    check_outputs();
  }

  /// Until every queued command was answered; fails after `limit` cycles.
  void drain(std::uint64_t limit) {
    const std::uint64_t end = cycles + limit;
    while ((left() != 0 || !flying_.empty()) && cycles < end && !::testing::Test::HasFatalFailure()) {
      cycle();
    }
    ASSERT_EQ(left(), 0u) << "commands never accepted";
    ASSERT_TRUE(flying_.empty()) << "commands never answered";
  }

  [[nodiscard]] std::size_t left() const {
    std::size_t n = 0;
    for (const auto& q : queued) n += q.size();
    return n;
  }

  Random random;
  std::vector<std::deque<Command>> queued;
  std::vector<Command> accepted;  // in acceptance order
  std::uint64_t first_data = 0, last_data = 0, data_beats = 0;
  std::size_t commands_done = 0, bursts_max = 0, errors = 0;
  bool hold_r = false;      // the memory answers nothing
  std::uint64_t bad_burst = ~0ull;  // this burst (counted from 0) is answered with SLVERR

 private:
  void drive() {
    for (unsigned c = 0; c < kClients; ++c) {
      if (!queued[c].empty() && !offered_[c]) offered_[c] = !random.percent(knobs_.idle);
      const bool valid = offered_[c];
      put_bits(top.cmd_valid_i, c, 1, valid);
      put_bits(top.cmd_addr_i, c * 64, 64, valid ? queued[c].front().addr : random.next());
      put_bits(top.cmd_len_i, c * 13, 13, valid ? queued[c].front().len : random.next() & 0x1fff);
    }
    top.axi_ar_ready_i = !random.percent(knobs_.backpressure);
    if (!r_valid_ && !hold_r && !bursts_.empty() && bursts_.front().ready_at <= cycles) {
      r_valid_ = !random.percent(knobs_.backpressure);
    }
    top.axi_r_valid_i = r_valid_;
    Beat beat;
    for (auto& b : beat) b = static_cast<std::uint8_t>(random.next());
    if (r_valid_) {
      const std::uint64_t addr = bursts_.front().addr + 64u * r_beat_;
      for (unsigned i = 0; i < 64; ++i) beat[i] = byte_at(addr + i);
    }
    put_beat(top.axi_r_data_i, beat);
    top.axi_r_resp_i = r_valid_ && bursts_answered_ == bad_burst ? 2 : 0;
    top.axi_r_last_i = r_valid_ && r_beat_ + 1 == bursts_.front().beats;
  }

  void sample() {
    unsigned ready = 0;
    for (unsigned c = 0; c < kClients; ++c) {
      if (get_bits(top.cmd_ready_o, c, 1) == 0) continue;
      ++ready;
      ASSERT_TRUE(offered_[c]) << "ready without valid to client " << c;
      accepted.push_back(queued[c].front());
      flying_.push_back(queued[c].front());
      queued[c].pop_front();
      offered_[c] = false;
    }
    ASSERT_LE(ready, 1u);
    if (ar_stalled_) {
      ASSERT_TRUE(top.axi_ar_valid_o);
      ASSERT_EQ(top.axi_ar_addr_o, ar_addr_);
      ASSERT_EQ(top.axi_ar_len_o, ar_len_);
    }
    ar_stalled_ = top.axi_ar_valid_o && !top.axi_ar_ready_i;
    ar_addr_ = top.axi_ar_addr_o;
    ar_len_ = top.axi_ar_len_o;
    if (top.axi_ar_valid_o && top.axi_ar_ready_i) {
      const std::uint64_t addr = top.axi_ar_addr_o;
      const unsigned beats = top.axi_ar_len_o + 1u;
      ASSERT_EQ(addr % 64, 0u);
      ASSERT_EQ(addr / 4096, (addr + 64u * beats - 1) / 4096) << "burst crosses 4 KiB";
      bursts_.push_back({addr, beats, cycles + knobs_.latency + random.below(knobs_.jitter + 1)});
      bursts_max = std::max(bursts_max, bursts_.size());
    }
    if (top.axi_r_valid_i && top.axi_r_ready_o) {
      r_valid_ = false;
      if (++r_beat_ == bursts_.front().beats) {
        bursts_.pop_front();
        r_beat_ = 0;
        ++bursts_answered_;
      }
    }
  }

  void check_outputs() {
    errors += top.error_o;
    const auto valid = static_cast<unsigned>(top.data_valid_o);
    if (valid == 0) {
      ASSERT_EQ(static_cast<bool>(top.idle_o), flying_.empty());
      return;
    }
    ASSERT_FALSE(top.idle_o);
    ASSERT_FALSE(flying_.empty()) << "data that nobody asked for";
    const Command& command = flying_.front();
    ASSERT_EQ(valid, 1u << command.client) << "not in acceptance order";
    const unsigned bytes = std::min(64u, command.len - done_bytes_);
    const Beat beat = get_beat(top.data_o);
    for (unsigned i = 0; i < bytes; ++i) {
      ASSERT_EQ(beat[i], byte_at(command.addr + done_bytes_ + i))
          << "addr " << command.addr << " len " << command.len << " byte " << done_bytes_ + i;
    }
    done_bytes_ += bytes;
    ASSERT_EQ(static_cast<bool>(top.data_last_o), done_bytes_ == command.len);
    if (data_beats++ == 0) first_data = cycles;
    last_data = cycles;
    if (done_bytes_ == command.len) {
      flying_.pop_front();
      done_bytes_ = 0;
      ++commands_done;
    }
  }

  Knobs knobs_;
  std::vector<bool> offered_;
  std::deque<Command> flying_;
  std::deque<Burst> bursts_;
  std::uint64_t bursts_answered_ = 0;
  unsigned r_beat_ = 0, done_bytes_ = 0;
  bool r_valid_ = false, ar_stalled_ = false;
  std::uint64_t ar_addr_ = 0;
  unsigned ar_len_ = 0;
};

unsigned random_length(Random& random) {
  switch (random.below(4)) {
    case 0: return 1 + static_cast<unsigned>(random.below(64));
    case 1: return 4096 - static_cast<unsigned>(random.below(70));
    case 2: return 64 * (1 + static_cast<unsigned>(random.below(64)));
    default: return 1 + static_cast<unsigned>(random.below(4096));
  }
}

std::uint64_t random_address(Random& random, unsigned len) {
  std::uint64_t addr = random.next();
  if (random.percent(30)) addr &= ~63ull;
  if (random.percent(30)) addr = (addr & ~4095ull) + 4096 - random.below(130);
  return std::min<std::uint64_t>(addr, ~0ull - len);
}

class ReadRandom : public ::testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(ReadRandom, delivers_the_bytes_asked_for_in_acceptance_order) {
  const auto [idle, backpressure] = GetParam();
  ReadBench bench(seed(1 + idle * 101 + backpressure),
                  {.idle = idle, .backpressure = backpressure, .latency = 5, .jitter = 40});
  constexpr unsigned kCommands = 120;
  for (unsigned c = 0; c < kClients; ++c) {
    for (unsigned i = 0; i < kCommands; ++i) {
      const unsigned len = random_length(bench.random);
      bench.queued[c].push_back({c, random_address(bench.random, len), len});
    }
  }
  bench.drain(2'000'000);
  EXPECT_EQ(bench.commands_done, kCommands * kClients);
  EXPECT_EQ(bench.errors, 0u);
  for (int i = 0; i < 4; ++i) bench.cycle();
  EXPECT_TRUE(bench.top.idle_o);
}
INSTANTIATE_TEST_SUITE_P(IdleByBackpressure, ReadRandom,
                         ::testing::Combine(::testing::Values(0u, 50u, 95u), ::testing::Values(0u, 50u, 90u)));

TEST(DmaRead, every_offset_and_short_length_is_realigned) {
  ReadBench bench(seed(2), {});
  for (unsigned off = 0; off < 64; ++off) {
    for (unsigned len = 1; len <= 130; len += 1 + static_cast<unsigned>(bench.random.below(3))) {
      bench.queued[off % kClients].push_back({off % kClients, 0x7000 + 4096 - 64 + off, len});
    }
  }
  bench.drain(200'000);
}

TEST(DmaRead, aligned_reads_stream_one_beat_each_cycle_at_bus_latency) {
  ReadBench bench(seed(3), {.latency = 150});
  for (unsigned i = 0; i < 40; ++i) bench.queued[1].push_back({1, 0x10000ull + 4096ull * i, 4096});
  bench.drain(10'000);
  EXPECT_EQ(bench.data_beats, 40u * 64u);
  EXPECT_EQ(bench.last_data - bench.first_data + 1, bench.data_beats);
}

TEST(DmaRead, single_beat_commands_stream_one_each_cycle) {
  ReadBench bench(seed(4), {.latency = 8});
  for (unsigned i = 0; i < 200; ++i) bench.queued[i % kClients].push_back({i % kClients, 64ull * i, 64});
  bench.drain(10'000);
  EXPECT_EQ(bench.last_data - bench.first_data + 1, 200u);
}

TEST(DmaRead, unaligned_command_costs_at_most_one_beat_more) {
  ReadBench bench(seed(5), {.latency = 20});
  for (unsigned i = 0; i < 100; ++i) {
    const auto off = bench.random.below(64);
    bench.queued[0].push_back({0, 0x100000ull + 8192ull * i + off, 1024 + static_cast<unsigned>(bench.random.below(64))});
  }
  bench.drain(10'000);
  EXPECT_LE(bench.last_data - bench.first_data + 1, bench.data_beats + 100);
}

TEST(DmaRead, thirty_two_commands_fly_before_the_first_answer) {
  ReadBench bench(seed(6), {});
  bench.hold_r = true;
  for (unsigned i = 0; i < 40; ++i) bench.queued[2].push_back({2, 4096ull * i, 4096});
  for (int i = 0; i < 200; ++i) bench.cycle();
  EXPECT_EQ(bench.bursts_max, 32u);
  EXPECT_FALSE(bench.top.idle_o);
  bench.hold_r = false;
  bench.drain(10'000);
}

TEST(DmaRead, clients_are_served_round_robin) {
  ReadBench bench(seed(7), {});
  for (unsigned c = 0; c < kClients; ++c) {
    for (unsigned i = 0; i < 20; ++i) bench.queued[c].push_back({c, 4096ull * i + c, 200});
  }
  bench.drain(20'000);
  for (std::size_t i = 1; i < bench.accepted.size(); ++i) {
    EXPECT_EQ(bench.accepted[i].client, (bench.accepted[i - 1].client + 1) % kClients) << i;
  }
}

TEST(DmaRead, bus_error_pulses_once_a_beat_and_data_still_comes) {
  ReadBench bench(seed(8), {});
  bench.bad_burst = 1;
  for (unsigned i = 0; i < 3; ++i) bench.queued[3].push_back({3, 0x40000ull + 4096ull * i, 256});
  bench.drain(10'000);
  EXPECT_EQ(bench.errors, 4u);
  EXPECT_EQ(bench.commands_done, 3u);
}

TEST(DmaRead, read_may_end_at_the_last_byte_of_the_address_space) {
  ReadBench bench(seed(9), {});
  bench.queued[4].push_back({4, ~0ull - 4095, 4096});
  bench.queued[4].push_back({4, ~0ull, 1});
  bench.drain(1'000);
}

}  // namespace
}  // namespace tally::test
