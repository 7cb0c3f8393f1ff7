// SPDX-License-Identifier: BSD-3-Clause
// tally_cq: order, phase and room of four rings, fairness, rate, full rings and disabled endpoints.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <deque>
#include <optional>

#include "Vtally_cq.h"
#include "beats.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using device::Cqe;

constexpr unsigned kUnits = 6, kEps = device::kNumEndpoints, kOkLevel = 320, kFifo = 512;

/// Units that complete, the client of tally_dma_wr, and the memory and the driver of four rings.
class Rings {
 public:
  explicit Rings(std::uint64_t seed_value, std::array<unsigned, kEps> log2s = {6, 6, 6, 6}) : random(seed_value) {
    for (unsigned e = 0; e < kEps; ++e) place(e, log2s[e]);
    dut->enable_i = 15;
    dut->cpl_valid_i = 0;
    dut->wr_cmd_ready_i = dut->wr_data_ready_i = 0;
    update_ports();
    for (int i = 0; i < 3; ++i) dut.step();
    dut->cycle_i = 0u - static_cast<std::uint32_t>(random() % 1000);  // wraps
    dut.settle();
  }

  /// Unit u has one more completion for endpoint e.
  void complete(unsigned u, unsigned e) { unit[u].todo.push_back(e); }

  struct Knobs {
    unsigned offer = 100;  // percent of cycles in which a unit with a completion comes forward
    unsigned dma = 100;    // percent of cycles in which tally_dma_wr would take something
    unsigned read = 100;   // percent of cycles in which the driver looks at a ring
  };
  bool chance(unsigned percent) { return random() % 100 < percent; }

  void cycle(const Knobs& knobs) {
    for (unsigned u = 0; u < kUnits; ++u) {
      Unit& x = unit[u];
      if (!x.offered && !x.todo.empty() && chance(knobs.offer)) {
        x.offered = true;
        const unsigned e = x.todo.front();
        Cqe c;
        for (std::size_t i = 0; i < sizeof c; i += 8) {
          const std::uint64_t bits = random();
          std::memcpy(reinterpret_cast<char*>(&c) + i, &bits, 8);
        }
        c.cookie = u << 24 | e << 20 | x.made[e]++;
        c.cycles = dut->cycle_i - 5;  // the operation came five cycles ago
        x.sent[e].push_back(c);
        std::memcpy(&dut->cpl_data_i[u * 8], &c, sizeof c);
        put_bits(dut->cpl_ep_i, u * 2, 2, e);
      }
      put_bits(dut->cpl_valid_i, u, 1, x.offered);
    }
    // tally_dma_wr: grants a command, then takes its beat; the next grant may fall in the cycle of the beat.
    const bool works = chance(knobs.dma);
    dut->wr_data_ready_i = granted_.has_value() && works;
    dut->wr_cmd_ready_i = works && (!granted_ || dut->wr_data_valid_o);
    update_ports();
    dut.settle();
    for (unsigned u = 0; u < kUnits; ++u) {
      if (!unit[u].offered || !(dut->cpl_ready_o >> u & 1)) continue;
      unit[u].offered = false;
      ++accepted[unit[u].todo.front()];
      unit[u].todo.pop_front();
    }
    if (granted_ && dut->wr_data_valid_o && dut->wr_data_ready_i) {
      land(*granted_, get_beat(dut->wr_data_o));
      granted_.reset();
    }
    if (dut->wr_cmd_valid_o && dut->wr_cmd_ready_i) {
      ASSERT_EQ(dut->wr_cmd_len_o, 32);
      granted_ = dut->wr_cmd_addr_o;
    }
    full_pulses += dut->full_o;
    for (unsigned e = 0; e < kEps; ++e) {
      if (ring[e].reads && chance(knobs.read)) read(e);
    }
    dut.step();
    for (unsigned e = 0; e < kEps; ++e) ring[e].sq_head = static_cast<std::uint16_t>(ring[e].sq_head + random() % 2);
  }

  struct Unit {
    std::deque<unsigned> todo;
    bool offered = false;
    std::array<std::uint32_t, kEps> made{};
    std::array<std::deque<Cqe>, kEps> sent;
  };
  struct RingState {
    std::uint64_t base = 0;
    std::vector<Cqe> memory;
    std::uint16_t head = 0, sq_head = 0, last_sq_head = 0;
    std::uint64_t landed = 0, got = 0;
    std::array<std::uint32_t, kUnits> next{};
    bool reads = true;
  };

  /// The endpoint begins anew, in zeroed memory of 2^log2 entries somewhere else.
  void restart(unsigned e, unsigned log2) {
    place(e, log2);
    ring[e].head = 0;
    ring[e].landed = ring[e].got = 0;
    for (unsigned u = 0; u < kUnits; ++u) {
      ring[e].next[u] = unit[u].made[e];
      unit[u].sent[e].clear();
    }
  }

  [[nodiscard]] std::uint64_t got() const {
    std::uint64_t n = 0;
    for (const auto& r : ring) n += r.got;
    return n;
  }

  std::mt19937_64 random;
  CycleBench<Vtally_cq> dut;
  std::array<Unit, kUnits> unit;
  std::array<RingState, kEps> ring;
  std::array<std::uint64_t, kEps> accepted{};
  std::uint64_t full_pulses = 0;

 private:
  void place(unsigned e, unsigned log2) {
    ring[e].base = random() & ~std::uint64_t{31};
    ring[e].memory.assign(std::size_t{1} << log2, Cqe{});
    put_bits(dut->base_i, e * 64, 64, ring[e].base);
    put_bits(dut->log2_i, e * 4, 4, log2);
  }

  void update_ports() {
    for (unsigned e = 0; e < kEps; ++e) {
      put_bits(dut->head_i, e * 16, 16, ring[e].head);
      put_bits(dut->sq_head_i, e * 16, 16, ring[e].sq_head);
    }
  }

  void land(std::uint64_t addr, const Beat& beat) {
    unsigned e = 0;
    while (e < kEps && addr - ring[e].base >= ring[e].memory.size() * 32) ++e;
    ASSERT_LT(e, kEps) << "in no ring";
    RingState& r = ring[e];
    const std::uint64_t slot = (addr - r.base) / 32;
    ASSERT_EQ((addr - r.base) % 32, 0u);
    ASSERT_EQ(slot, r.landed % r.memory.size()) << "endpoint " << e;
    ASSERT_LT(r.landed - r.got, r.memory.size()) << "overtakes the head of endpoint " << e;
    std::memcpy(&r.memory[slot], beat.data(), 32);
    ++r.landed;
  }

  /// The driver takes the entry at its head when its phase says that it is new.
  void read(unsigned e) {
    RingState& r = ring[e];
    const Cqe& c = r.memory[r.head % r.memory.size()];
    const std::uint64_t pass = r.got / r.memory.size();
    if (c.phase != (pass % 2 == 0 ? 1 : 0)) return;
    ASSERT_LT(r.got, r.landed) << "an old entry looks new on endpoint " << e;
    const unsigned u = c.cookie >> 24;
    ASSERT_LT(u, kUnits);
    ASSERT_EQ(c.cookie >> 20 & 15, e) << "a completion of another endpoint";
    ASSERT_EQ(c.cookie & 0xfffff, r.next[u]) << "out of order, lost or overwritten: endpoint " << e << " unit " << u;
    Cqe want = unit[u].sent[e].front();
    unit[u].sent[e].pop_front();
    ASSERT_GE(c.cycles, 5u);
    ASSERT_LE(c.cycles, dut->cycle_i - want.cycles);
    want.cycles = c.cycles;
    want.phase = c.phase;
    want.sq_head = c.sq_head;
    ASSERT_EQ(std::memcmp(&c, &want, sizeof c), 0) << "other fields than the unit's";
    ASSERT_LE(static_cast<std::uint16_t>(r.sq_head - c.sq_head), 0x7fff) << "sq_head runs ahead";
    ASSERT_LE(static_cast<std::uint16_t>(c.sq_head - r.last_sq_head), 0x7fff) << "sq_head goes back";
    r.last_sq_head = c.sq_head;
    ++r.next[u];
    ++r.head;
    ++r.got;
  }

  std::optional<std::uint64_t> granted_;
};

TEST(CompletionRings, entries_land_in_order_with_phase_and_never_overtake_the_head) {
  const std::uint64_t base_seed = seed(31);
  const std::array<std::array<unsigned, kEps>, 3> sizes{{{0, 1, 3, 6}, {0, 0, 0, 0}, {10, 2, 0, 5}}};
  for (const auto& log2s : sizes) {
    for (const Rings::Knobs knobs : {Rings::Knobs{100, 100, 100}, Rings::Knobs{30, 50, 30}, Rings::Knobs{100, 20, 3},
                                     Rings::Knobs{3, 100, 100}}) {
      Rings rings(base_seed + knobs.offer * 7 + knobs.dma * 3 + knobs.read, log2s);
      constexpr std::uint64_t kTotal = 3000;
      for (std::uint64_t i = 0; i < kTotal; ++i) {
        rings.complete(static_cast<unsigned>(rings.random() % kUnits), static_cast<unsigned>(rings.random() % kEps));
      }
      for (unsigned cycle = 0; rings.got() < kTotal; ++cycle) {
        ASSERT_LT(cycle, 400000u) << "no progress";
        rings.cycle(knobs);
        if (HasFatalFailure()) return;
      }
      rings.cycle({});
      EXPECT_TRUE(rings.dut->idle_o);
    }
  }
}

TEST(CompletionRings, completion_is_commanded_within_two_cycles_when_nothing_waits) {
  Rings rings(seed(32));
  for (unsigned i = 0; i < 20; ++i) {
    rings.complete(i % kUnits, i % kEps);
    unsigned cycles = 0;
    const std::uint64_t before = rings.accepted[i % kEps];
    while (!rings.dut->wr_cmd_valid_o && cycles < 20) {
      rings.cycle({.offer = 100, .dma = 0, .read = 100});
      cycles += rings.accepted[i % kEps] != before;
    }
    // Of the cycles counted the first is that of the handshake.
    EXPECT_EQ(cycles, 2u);
    for (int k = 0; k < 10; ++k) rings.cycle({});
    if (HasFatalFailure()) return;
  }
}

TEST(CompletionRings, one_endpoint_gets_a_completion_each_2_cycles) {
  for (const unsigned endpoints : {1u, kEps}) {
    Rings rings(seed(33), {10, 10, 10, 10});
    constexpr std::uint64_t kTotal = 4000;
    for (std::uint64_t i = 0; i < kTotal; ++i) {
      rings.complete(static_cast<unsigned>(i / endpoints % kUnits), static_cast<unsigned>(i % endpoints));
    }
    while (rings.got() < 100) rings.cycle({});
    const std::uint64_t from = rings.dut.cycles, had = rings.got();
    while (rings.got() < kTotal - 100) rings.cycle({});
    const double cycles = static_cast<double>(rings.dut.cycles - from) / static_cast<double>(rings.got() - had);
    std::printf("%u endpoints: a completion each %.3f cycles\n", endpoints, cycles);
    EXPECT_LE(cycles, 2.01);
    for (unsigned e = 1; e < endpoints; ++e) EXPECT_NEAR(double(rings.ring[e].got), double(rings.ring[0].got), 10.0);
  }
}

TEST(CompletionRings, busy_endpoint_does_not_starve_another) {
  Rings rings(seed(34), {10, 10, 10, 10});
  // Five units complete for endpoint 0 without an end, the sixth now and then for endpoint 3.
  for (int i = 0; i < 3000; ++i) {
    for (unsigned u = 0; u + 1 < kUnits; ++u) {
      if (rings.unit[u].todo.size() < 2) rings.complete(u, 0);
    }
    if (i % 20 == 0) rings.complete(kUnits - 1, 3);
    rings.cycle({});
    if (HasFatalFailure()) return;
  }
  EXPECT_GE(rings.ring[3].got, 149u);
  EXPECT_GT(rings.ring[0].got, 1200u);
}

TEST(CompletionRings, full_ring_holds_up_its_endpoint_alone_and_is_counted) {
  Rings rings(seed(35), {3, 3, 0, 0});
  rings.ring[0].reads = rings.ring[2].reads = false;
  for (unsigned i = 0; i < 12; ++i) {
    for (unsigned e = 0; e < kEps; ++e) rings.complete(i % kUnits, e);
  }
  for (int i = 0; i < 300; ++i) rings.cycle({});
  EXPECT_EQ(rings.ring[0].landed, 8u);
  EXPECT_EQ(rings.ring[2].landed, 1u);
  EXPECT_EQ(rings.ring[1].got, 12u);
  EXPECT_EQ(rings.ring[3].got, 12u);
  const std::uint64_t before = rings.full_pulses;
  EXPECT_GE(before, 2u);
  // No pulse for as long as the same two wait.
  for (int i = 0; i < 300; ++i) rings.cycle({});
  EXPECT_EQ(rings.full_pulses, before);
  rings.ring[0].reads = rings.ring[2].reads = true;
  for (int i = 0; i < 300; ++i) rings.cycle({});
  EXPECT_EQ(rings.got(), 48u);
}

TEST(CompletionRings, each_completion_that_waits_for_room_is_counted_once) {
  // Rings of one entry on all endpoints whose drivers are slow: all but the first of each wait.
  Rings rings(seed(36), {0, 0, 0, 0});
  for (unsigned i = 0; i < 25; ++i) {
    for (unsigned e = 0; e < kEps; ++e) rings.complete(i % kUnits, e);
  }
  for (int i = 0; i < 200; ++i) rings.cycle({.offer = 100, .dma = 100, .read = 0});
  for (unsigned cycle = 0; rings.got() < 100; ++cycle) {
    ASSERT_LT(cycle, 20000u);
    rings.cycle({.offer = 100, .dma = 100, .read = 2});
    if (HasFatalFailure()) return;
  }
  for (int i = 0; i < 20; ++i) rings.cycle({});
  EXPECT_EQ(rings.full_pulses, 100u - kEps);
}

TEST(CompletionRings, ok_falls_at_320_waiting_and_the_fifo_takes_512) {
  Rings rings(seed(37), {0, 6, 6, 6});
  rings.ring[0].reads = false;
  // One entry lands; the others wait here. Unit 0 completes for endpoint 0 alone.
  for (unsigned i = 0; i < kFifo + 10; ++i) rings.complete(0, 0);
  for (unsigned waiting = 0; waiting < kFifo + 20; ++waiting) {
    rings.cycle({});
    if (rings.accepted[0] < 5) continue;
    // One more may be on its way in.
    const std::uint64_t here = rings.accepted[0] - 1;
    ASSERT_TRUE((rings.dut->cq_ok_o & 1) == (here < kOkLevel) || here == kOkLevel) << here;
    ASSERT_EQ(rings.dut->cq_ok_o >> 1, 7);
  }
  EXPECT_LE(rings.accepted[0], kFifo + 1) << "more than the FIFO holds";
  EXPECT_GE(rings.accepted[0], kFifo) << "less than the FIFO holds";
  // A unit that completes for others goes on.
  for (unsigned i = 0; i < 100; ++i) rings.complete(1, 1 + i % 3);
  for (unsigned i = 0; i < 300; ++i) rings.cycle({});
  EXPECT_EQ(rings.got(), 100u);
  rings.ring[0].reads = true;
  for (unsigned i = 0; i < 10000 && rings.got() < kFifo + 110; ++i) rings.cycle({});
  EXPECT_EQ(rings.ring[0].got, kFifo + 10);
  EXPECT_EQ(rings.dut->cq_ok_o, 15);
}

TEST(CompletionRings, disabled_endpoint_discards_and_begins_anew) {
  Rings rings(seed(38), {2, 4, 4, 4});
  for (unsigned round = 0; round < 100; ++round) {
    const unsigned off = round % kEps;
    rings.ring[off].reads = rings.random() % 2;
    for (unsigned i = 0; i < 20; ++i) {
      for (unsigned e = 0; e < kEps; ++e) rings.complete(static_cast<unsigned>(rings.random() % kUnits), e);
    }
    const auto run = static_cast<unsigned>(rings.random() % 150);
    for (unsigned i = 0; i < run; ++i) rings.cycle({});
    if (HasFatalFailure()) return;
    rings.dut->enable_i = static_cast<std::uint8_t>(15 & ~(1u << off));
    // Until the units have got rid of theirs, and what was commanded has been written.
    for (unsigned i = 0; i < 400; ++i) rings.cycle({});
    for (unsigned u = 0; u < kUnits; ++u) ASSERT_TRUE(rings.unit[u].todo.empty()) << "a unit is held back";
    if (HasFatalFailure()) return;
    rings.restart(off, static_cast<unsigned>(rings.random() % 12));
    rings.ring[off].reads = true;
    rings.cycle({});
    rings.dut->enable_i = 15;
    for (unsigned i = 0; i < 7; ++i) rings.complete(i % kUnits, off);
    for (unsigned i = 0; i < 100; ++i) rings.cycle({});
    ASSERT_EQ(rings.ring[off].got, 7u) << "round " << round;
    // The others have had all of theirs: 20 a round since they began.
    for (unsigned e = 0; e < kEps; ++e) {
      const unsigned rounds = round < e ? round + 1 : (round - e) % kEps;
      ASSERT_EQ(rings.ring[e].got, 20 * rounds + (round < e ? 0 : 7)) << "endpoint " << e << " round " << round;
    }
    ASSERT_TRUE(rings.dut->idle_o);
  }
}

}  // namespace
}  // namespace tally::test
