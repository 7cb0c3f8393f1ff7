// SPDX-License-Identifier: BSD-3-Clause
// tally_dma_wr against a model of an AXI memory: every strobed byte is checked against the commands in
// grant order, so a byte too many, too few, wrong or out of order fails.
#include <gtest/gtest.h>

#include <Vtally_dma_wr.h>

#include <algorithm>
#include <deque>
#include <tuple>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

constexpr unsigned kClients = 5;

struct Command {
  unsigned client = 0;
  std::uint64_t addr = 0;
  std::vector<std::uint8_t> bytes;
};

/// A granted command on its way: data taken, bytes seen on the bus, answers outstanding.
struct Granted {
  Command command;
  std::size_t taken = 0;
  std::size_t written = 0;
  std::uint64_t addressed = 0;  // next bus address that a burst must start at
  unsigned bursts = 0, answers = 0;
};

struct Burst {
  std::uint64_t addr;
  unsigned beats;
  std::size_t command;  // number in grant order
};

struct Answer {
  std::uint64_t at;
  std::size_t command;
};

struct Knobs {
  unsigned idle = 0;          // percent of cycles in which a client holds command or data back
  unsigned backpressure = 0;  // percent of cycles without awready, wready or bvalid
  unsigned latency = 4;       // cycles from the last beat of a burst to its answer
  unsigned jitter = 0;
};

class WriteBench : public ModuleBench<Vtally_dma_wr> {
 public:
  WriteBench(std::uint64_t seed, Knobs knobs)
      : random(seed), knobs_(knobs), cmd_offered_(kClients, false), data_offered_(kClients, false), beat_(kClients),
        sent_(kClients, 0) {
    queued.resize(kClients);
    data_.resize(kClients);
  }

  void push(unsigned client, std::uint64_t addr, unsigned len) {
    Command command{client, addr, std::vector<std::uint8_t>(len)};
    for (auto& b : command.bytes) b = static_cast<std::uint8_t>(random.next());
    queued[client].push_back(command);
    data_[client].push_back(command.bytes);
  }

  void cycle() {
    drive();
    settle();
    sample();
    edge();
    check_done();
  }

  void drain(std::uint64_t limit) {
    const std::uint64_t end = cycles + limit;
    while (!finished() && cycles < end && !::testing::Test::HasFatalFailure()) cycle();
    ASSERT_TRUE(finished()) << "commands without answer";
    for (int i = 0; i < 4; ++i) cycle();
    ASSERT_TRUE(top.idle_o);
  }

  [[nodiscard]] bool finished() const {
    for (const auto& q : queued) {
      if (!q.empty()) return false;
    }
    return done_total == granted.size();
  }

  Random random;
  std::vector<std::deque<Command>> queued;
  std::vector<Granted> granted;  // in grant order
  std::uint64_t first_beat = 0, last_beat = 0, beats = 0;
  std::size_t done_total = 0, errors = 0;
  bool hold_b = false, hold_aw = false;
  bool bad_answers = false;

 private:
  void drive() {
    for (unsigned c = 0; c < kClients; ++c) {
      if (!queued[c].empty() && !cmd_offered_[c]) cmd_offered_[c] = !random.percent(knobs_.idle);
      put_bits(top.cmd_valid_i, c, 1, cmd_offered_[c]);
      put_bits(top.cmd_addr_i, c * 64, 64, cmd_offered_[c] ? queued[c].front().addr : random.next());
      put_bits(top.cmd_len_i, c * 13, 13,
               cmd_offered_[c] ? queued[c].front().bytes.size() : random.next() & 0x1fff);
      // Data may stand before its command is granted; the spare bytes of the last beat are noise.
      if (!data_[c].empty() && !data_offered_[c] && !random.percent(knobs_.idle)) {
        data_offered_[c] = true;
        for (auto& b : beat_[c]) b = static_cast<std::uint8_t>(random.next());
        const auto& bytes = data_[c].front();
        const std::size_t n = std::min<std::size_t>(64, bytes.size() - sent_[c]);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(sent_[c]), n, beat_[c].begin());
      }
      put_bits(top.data_valid_i, c, 1, data_offered_[c]);
      put_beat(top.data_i, beat_[c], c);
    }
    top.axi_aw_ready_i = !hold_aw && !random.percent(knobs_.backpressure);
    top.axi_w_ready_i = !random.percent(knobs_.backpressure);
    if (!b_valid_ && !hold_b && !answers_.empty() && answers_.front().at <= cycles) {
      b_valid_ = !random.percent(knobs_.backpressure);
    }
    top.axi_b_valid_i = b_valid_;
    top.axi_b_resp_i = b_valid_ && bad_answers ? 3 : 0;
  }

  void sample() {
    sample_data();
    if (::testing::Test::HasFatalFailure()) return;
    sample_grant();
    sample_aw();
    if (::testing::Test::HasFatalFailure()) return;
    sample_w();
    if (::testing::Test::HasFatalFailure()) return;
    if (top.axi_b_valid_i && top.axi_b_ready_o) {
      ++granted[answers_.front().command].answers;
      answers_.pop_front();
      b_valid_ = false;
    }
  }

  void sample_data() {
    for (unsigned c = 0; c < kClients; ++c) {
      if (!data_offered_[c] || get_bits(top.data_ready_o, c, 1) == 0) continue;
      ASSERT_FALSE(granted.empty()) << "data taken without a grant";
      Granted& g = granted.back();
      ASSERT_EQ(g.command.client, c) << "data of a client that is not granted";
      ASSERT_LT(g.taken, g.command.bytes.size()) << "more data than the command has";
      g.taken = std::min(g.taken + 64, g.command.bytes.size());
      data_offered_[c] = false;
      sent_[c] = g.taken;
      if (sent_[c] == g.command.bytes.size()) {
        data_[c].pop_front();
        sent_[c] = 0;
      }
    }
  }

  void sample_grant() {
    for (unsigned c = 0; c < kClients; ++c) {
      if (!cmd_offered_[c] || get_bits(top.cmd_ready_o, c, 1) == 0) continue;
      if (!granted.empty()) {
        ASSERT_EQ(granted.back().taken, granted.back().command.bytes.size()) << "granted before all data was taken";
      }
      Granted g;
      g.command = queued[c].front();
      g.addressed = g.command.addr & ~63ull;
      granted.push_back(g);
      queued[c].pop_front();
      cmd_offered_[c] = false;
    }
  }

  void sample_aw() {
    if (aw_stalled_) {
      ASSERT_TRUE(top.axi_aw_valid_o);
      ASSERT_EQ(top.axi_aw_addr_o, aw_addr_);
    }
    aw_stalled_ = top.axi_aw_valid_o && !top.axi_aw_ready_i;
    aw_addr_ = top.axi_aw_addr_o;
    if (!top.axi_aw_valid_o || !top.axi_aw_ready_i) return;
    const std::uint64_t addr = top.axi_aw_addr_o;
    const unsigned burst_beats = top.axi_aw_len_o + 1u;
    ASSERT_EQ(addr % 64, 0u);
    ASSERT_EQ(addr / 4096, (addr + 64u * burst_beats - 1) / 4096) << "burst crosses 4 KiB";
    ASSERT_LT(aw_command_, granted.size());
    Granted& g = granted[aw_command_];
    ASSERT_EQ(addr, g.addressed) << "bursts out of order or with a gap";
    g.addressed += 64u * burst_beats;
    ++g.bursts;
    bursts_.push_back({addr, burst_beats, aw_command_});
    const std::uint64_t last = g.command.addr + (g.command.bytes.size() - 1);
    ASSERT_LE(addr + 64u * (burst_beats - 1), last) << "burst runs past the command";
    if (addr + 64u * burst_beats - 1 >= last) ++aw_command_;
  }

  void sample_w() {
    if (w_stalled_) {
      ASSERT_TRUE(top.axi_w_valid_o);
      ASSERT_EQ(top.axi_w_strb_o, w_strb_);
      ASSERT_EQ(get_beat(top.axi_w_data_o), w_data_);
    }
    w_stalled_ = top.axi_w_valid_o && !top.axi_w_ready_i;
    w_strb_ = top.axi_w_strb_o;
    w_data_ = get_beat(top.axi_w_data_o);
    if (top.axi_w_valid_o && top.axi_w_ready_i) {
      early_.push_back({w_data_, w_strb_, static_cast<bool>(top.axi_w_last_o)});
      if (beats++ == 0) first_beat = cycles;
      last_beat = cycles;
    }
    // Beats may come before their address; the memory joins them in order.
    while (!early_.empty() && !bursts_.empty()) {
      write_beat(early_.front());
      if (::testing::Test::HasFatalFailure()) return;
      early_.pop_front();
    }
  }

  struct WriteBeat {
    Beat data;
    std::uint64_t strb;
    bool last;
  };

  void write_beat(const WriteBeat& w) {
    const Burst burst = bursts_.front();
    Granted& g = granted[burst.command];
    const std::uint64_t base = burst.addr + 64u * burst_beat_;
    for (unsigned i = 0; i < 64; ++i) {
      const std::uint64_t index = base + i - g.command.addr;  // wraps above size when below the command
      const bool inside = index < g.command.bytes.size();
      ASSERT_EQ(((w.strb >> i) & 1u) != 0, inside)
          << "strobe of address " << base + i << ", command at " << g.command.addr << " of " << g.command.bytes.size();
      if (!inside) continue;
      ASSERT_EQ(w.data[i], g.command.bytes[index]) << "byte " << index;
      ++g.written;
    }
    ++burst_beat_;
    ASSERT_EQ(w.last, burst_beat_ == burst.beats);
    if (burst_beat_ == burst.beats) {
      burst_beat_ = 0;
      answers_.push_back({cycles + knobs_.latency + random.below(knobs_.jitter + 1), burst.command});
      bursts_.pop_front();
    }
  }

  void check_done() {
    errors += top.error_o;
    for (unsigned c = 0; c < kClients; ++c) {
      if (get_bits(top.done_o, c, 1) == 0) continue;
      ASSERT_LT(done_total, granted.size());
      const Granted& g = granted[done_total];
      ASSERT_EQ(g.command.client, c) << "done out of order";
      ASSERT_EQ(g.written, g.command.bytes.size()) << "done before all bytes were written";
      ASSERT_EQ(g.answers, g.bursts) << "done before all answers";
      ++done_total;
    }
    if (done_total < granted.size()) {
      ASSERT_FALSE(top.idle_o);
    }
  }

  Knobs knobs_;
  std::vector<bool> cmd_offered_, data_offered_;
  std::vector<Beat> beat_;
  std::vector<std::size_t> sent_;
  std::vector<std::deque<std::vector<std::uint8_t>>> data_;  // of the commands that a client has yet to send
  std::deque<Burst> bursts_;
  std::deque<WriteBeat> early_;
  std::deque<Answer> answers_;
  std::size_t aw_command_ = 0;
  unsigned burst_beat_ = 0;
  bool b_valid_ = false, aw_stalled_ = false, w_stalled_ = false;
  std::uint64_t aw_addr_ = 0, w_strb_ = 0;
  Beat w_data_{};
};

unsigned random_length(Random& random) {
  switch (random.below(4)) {
    case 0: return 1 + static_cast<unsigned>(random.below(64));
    case 1: return 4096 - static_cast<unsigned>(random.below(70));
    case 2: return 64 * (1 + static_cast<unsigned>(random.below(64)));
    default: return 1 + static_cast<unsigned>(random.below(4096));
  }
}

std::uint64_t random_address(Random& random) {
  std::uint64_t addr = random.next() >> 1;
  if (random.percent(30)) addr &= ~63ull;
  if (random.percent(30)) addr = (addr & ~4095ull) + 4096 - random.below(130);
  return addr;
}

class WriteRandom : public ::testing::TestWithParam<std::tuple<unsigned, unsigned>> {};

TEST_P(WriteRandom, writes_exactly_the_bytes_of_each_command_in_grant_order) {
  const auto [idle, backpressure] = GetParam();
  WriteBench bench(seed(1 + idle * 101 + backpressure),
                   {.idle = idle, .backpressure = backpressure, .latency = 5, .jitter = 40});
  for (unsigned c = 0; c < kClients; ++c) {
    for (unsigned i = 0; i < 100; ++i) bench.push(c, random_address(bench.random), random_length(bench.random));
  }
  bench.drain(2'000'000);
  EXPECT_EQ(bench.done_total, 100u * kClients);
  EXPECT_EQ(bench.errors, 0u);
}
INSTANTIATE_TEST_SUITE_P(IdleByBackpressure, WriteRandom,
                         ::testing::Combine(::testing::Values(0u, 50u, 95u), ::testing::Values(0u, 50u, 90u)));

TEST(DmaWrite, every_offset_and_short_length_is_realigned) {
  WriteBench bench(seed(2), {});
  for (unsigned off = 0; off < 64; ++off) {
    for (unsigned len = 1; len <= 130; len += 1 + static_cast<unsigned>(bench.random.below(3))) {
      bench.push(off % kClients, 0x7000 + 4096 - 64 + off, len);
    }
  }
  bench.drain(200'000);
}

TEST(DmaWrite, aligned_writes_stream_one_beat_each_cycle) {
  WriteBench bench(seed(3), {.latency = 150});
  for (unsigned i = 0; i < 40; ++i) bench.push(0, 0x10000ull + 4096ull * i, 4096);
  bench.drain(10'000);
  EXPECT_EQ(bench.beats, 40u * 64u);
  EXPECT_EQ(bench.last_beat - bench.first_beat + 1, bench.beats);
}

TEST(DmaWrite, single_beat_commands_of_all_clients_stream_one_each_cycle) {
  WriteBench bench(seed(4), {.latency = 20});
  for (unsigned i = 0; i < 200; ++i) bench.push(i % kClients, 64ull * i, 1 + static_cast<unsigned>(i % 64));
  bench.drain(10'000);
  EXPECT_EQ(bench.last_beat - bench.first_beat + 1, 200u);
}

TEST(DmaWrite, unaligned_writes_keep_the_bus_busy) {
  WriteBench bench(seed(5), {.latency = 20});
  for (unsigned i = 0; i < 50; ++i) bench.push(i % kClients, 8192ull * i + 1 + bench.random.below(63), 2048);
  bench.drain(20'000);
  EXPECT_EQ(bench.beats, 50u * 33u);
  EXPECT_EQ(bench.last_beat - bench.first_beat + 1, bench.beats);
}

TEST(DmaWrite, data_does_not_wait_for_the_address_channel) {
  WriteBench bench(seed(6), {});
  bench.hold_aw = true;
  bench.push(3, 4096 - 32, 128);
  for (int i = 0; i < 50; ++i) bench.cycle();
  EXPECT_EQ(bench.beats, 3u);
  EXPECT_EQ(bench.done_total, 0u);
  bench.hold_aw = false;
  bench.drain(1'000);
}

TEST(DmaWrite, grants_go_round_robin) {
  WriteBench bench(seed(7), {});
  for (unsigned i = 0; i < 20; ++i) {
    for (unsigned c = 0; c < kClients; ++c) bench.push(c, 4096ull * i + c, 200);
  }
  bench.drain(20'000);
  for (std::size_t i = 1; i < bench.granted.size(); ++i) {
    EXPECT_EQ(bench.granted[i].command.client, (bench.granted[i - 1].command.client + 1) % kClients) << i;
  }
}

TEST(DmaWrite, unanswered_commands_are_bounded_and_not_idle) {
  WriteBench bench(seed(8), {});
  bench.hold_b = true;
  for (unsigned i = 0; i < 100; ++i) bench.push(2, 64ull * i, 64);
  for (int i = 0; i < 300; ++i) bench.cycle();
  EXPECT_EQ(bench.granted.size(), 64u);
  EXPECT_EQ(bench.done_total, 0u);
  EXPECT_FALSE(bench.top.idle_o);
  bench.hold_b = false;
  bench.drain(5'000);
}

TEST(DmaWrite, bus_error_pulses_once_an_answer_and_the_command_is_done) {
  WriteBench bench(seed(9), {});
  bench.bad_answers = true;
  bench.push(1, 4096 - 64, 128);  // two bursts
  bench.push(1, 0x20000, 64);
  bench.drain(1'000);
  EXPECT_EQ(bench.errors, 3u);
  EXPECT_EQ(bench.done_total, 2u);
}

}  // namespace
}  // namespace tally::test
