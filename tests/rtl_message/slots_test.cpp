// SPDX-License-Identifier: BSD-3-Clause
// tally_slots: every bounce slot is given once and comes back, none is missed; spill room counts messages
// under way.
#include <gtest/gtest.h>

#include <deque>
#include <set>
#include <vector>

#include "Vtally_slots.h"
#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally::test;

constexpr unsigned kEndpoints = 4;
constexpr unsigned kReturnCycles = 8;  // from a put until the slot counts as free

struct Model {
  unsigned quota = 0, size = 1;
  std::vector<unsigned> held;           // given
  std::set<unsigned> out;               // the same
  std::deque<std::uint64_t> returning;  // cycles of the last puts
  unsigned waits = 0;
  std::uint16_t tail = 0, head = 0;
  unsigned free = 0;                // a cycle late
  unsigned whole = 0, spilled = 0;  // messages under way
};

// Inputs start random.
void quiet(ModuleBench<Vtally_slots>& dut) {
  for (auto* port :
       {&dut->enable_i, &dut->get_valid_i, &dut->put_valid_i, &dut->put2_valid_i, &dut->spill_get_valid_i,
        &dut->spill_get_ep_i, &dut->accept_i, &dut->resolved_i, &dut->resolved2_i}) {
    *port = 0;
  }
  dut->bounce_quota_i = dut->spill_head_i = 0;
  dut->spill_log2_i = 0;
  dut.settle();
}

class Slots : public ::testing::TestWithParam<unsigned> {};  // quota of endpoint 0

TEST_P(Slots, are_given_once_come_back_and_are_never_missed) {
  Random random(seed(99));
  ModuleBench<Vtally_slots> dut;
  quiet(dut);
  Model model[kEndpoints];
  const unsigned quota[kEndpoints] = {GetParam(), 1, 5, 0}, log2[kEndpoints] = {4, 0, 1, 12};
  for (unsigned e = 0; e < kEndpoints; ++e) {
    model[e].quota = quota[e];
    model[e].size = 1u << log2[e];
    put_bits(dut->bounce_quota_i, e * 16, 16, quota[e]);
    put_bits(dut->spill_log2_i, e * 4, 4, log2[e]);
  }
  dut->enable_i = 15;
  unsigned given = 0, both = 0, none = 0;
  std::uint64_t last_put[2] = {0, 0};
  const std::uint64_t cycles = 60000 * effort();
  for (std::uint64_t cycle = 3; cycle < cycles; ++cycle) {
    const bool fill = (cycle / 5000) % 2 == 0;
    const auto pick = [&] {
      return static_cast<unsigned>(random.percent(70) ? 0 : random.below(kEndpoints));
    };
    // Puts: each port at most each third cycle, as their units do.
    bool put[2] = {false, false};
    unsigned ep[2] = {pick(), pick()}, slot[2] = {0, 0};
    for (unsigned port = 0; port < 2; ++port) {
      Model& m = model[ep[port]];
      put[port] = cycle - last_put[port] >= 3 && !m.held.empty() && random.percent(fill ? 15 : 80);
      if (!put[port]) continue;
      last_put[port] = cycle;
      const std::size_t at = random.below(m.held.size());
      slot[port] = m.held[at];
      m.held[at] = m.held.back();
      m.held.pop_back();
      m.out.erase(slot[port]);
      m.returning.push_back(cycle);
    }
    both += put[0] && put[1];
    dut->put_valid_i = put[0];
    dut->put_ep_i = static_cast<std::uint8_t>(ep[0]);
    dut->put_slot_i = static_cast<std::uint16_t>(slot[0]);
    dut->put2_valid_i = put[1];
    dut->put2_ep_i = static_cast<std::uint8_t>(ep[1]);
    dut->put2_slot_i = static_cast<std::uint16_t>(slot[1]);
    // Spill ring and messages under way.
    dut->accept_i = dut->resolved_i = dut->resolved2_i = 0;
    for (unsigned e = 0; e < kEndpoints; ++e) {
      Model& m = model[e];
      const unsigned under = m.whole + m.spilled;
      EXPECT_EQ((dut->spill_room_o >> e) & 1, unsigned{m.free > under})
          << "endpoint " << e << " cycle " << cycle;
      const auto bit = static_cast<std::uint8_t>(1u << e);
      const bool room = ((dut->spill_room_o >> e) & 1) != 0;
      for (auto* port : {&dut->resolved_i, &dut->resolved2_i}) {
        unsigned& from = m.spilled != 0 ? m.spilled : m.whole;
        if (from == 0 || !random.percent(fill ? 20 : 40)) continue;
        --from;
        *port = static_cast<std::uint8_t>(*port | bit);
      }
      if (room && random.percent(60)) {
        ++m.whole;
        dut->accept_i = static_cast<std::uint8_t>(dut->accept_i | bit);
      }
      if (m.head != m.tail && random.percent(30)) ++m.head;
      m.free = m.size - static_cast<std::uint16_t>(m.tail - m.head);
      put_bits(dut->spill_head_i, e * 16, 16, m.head);
    }
    const auto spill = static_cast<unsigned>(random.below(kEndpoints));
    const bool get_spill = model[spill].whole > 1 && random.percent(50);
    dut->spill_get_valid_i = get_spill;
    dut->spill_get_ep_i = static_cast<std::uint8_t>(spill);
    // A bounce slot.
    const unsigned from = pick();
    Model& m = model[from];
    dut->get_valid_i = random.percent(fill ? 60 : 10);
    dut->get_ep_i = static_cast<std::uint8_t>(from);
    dut.settle();
    EXPECT_EQ(dut->spill_slot_o, model[spill].tail & (model[spill].size - 1));
    if (get_spill) {
      ++model[spill].tail;
      --model[spill].whole;
      ++model[spill].spilled;
    }
    while (!m.returning.empty() && m.returning.front() + kReturnCycles < cycle) m.returning.pop_front();
    if (dut->get_ok_o) {
      m.waits = 0;
      EXPECT_LT(dut->get_slot_o, m.quota);
      if (dut->get_valid_i) {
        ++given;
        EXPECT_TRUE(m.out.insert(dut->get_slot_o).second) << "slot " << dut->get_slot_o << " was given twice";
        m.held.push_back(dut->get_slot_o);
      }
    } else if (dut->get_wait_o) {
      EXPECT_LT(++m.waits, 20u) << "no end of waiting";
    } else {
      ++none;
      EXPECT_GE(m.out.size() + m.returning.size(), m.quota)
          << "endpoint " << from << " misses a slot, cycle " << cycle;
    }
    dut.edge();
    dut.settle();
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(given, 1000u);
  EXPECT_GT(both, 20u);
  EXPECT_GT(none, 100u);
}

INSTANTIATE_TEST_SUITE_P(Quota, Slots, ::testing::Values(1, 2, 7, 1024));

TEST(SlotsEnable, an_endpoint_that_is_disabled_has_none_and_starts_anew) {
  ModuleBench<Vtally_slots> dut;
  quiet(dut);
  put_bits(dut->bounce_quota_i, 0, 16, 4);
  put_bits(dut->spill_log2_i, 0, 4, 3);
  dut->get_ep_i = 0;
  for (int round = 0; round < 2; ++round) {
    dut->enable_i = 1;
    for (int i = 0; i < 4; ++i) dut.step();
    for (unsigned want = 0; want < 4; ++want) {
      EXPECT_TRUE(dut->get_ok_o);
      EXPECT_EQ(dut->get_slot_o, want);
      dut->get_valid_i = 1;
      dut.step();
      dut->get_valid_i = 0;
      for (int i = 0; i < 4; ++i) dut.step();
    }
    EXPECT_FALSE(dut->get_ok_o || dut->get_wait_o);
    EXPECT_TRUE(dut->spill_room_o & 1);
    dut->enable_i = 0;
    dut.step();
    dut->put_valid_i = 1;  // too late: forgotten
    dut->put_slot_i = 2;
    dut.step();
    dut->put_valid_i = 0;
    EXPECT_FALSE(dut->get_ok_o || dut->get_wait_o);
    EXPECT_FALSE(dut->spill_room_o & 1);
    EXPECT_TRUE(dut->idle_o);
  }
}

}  // namespace
