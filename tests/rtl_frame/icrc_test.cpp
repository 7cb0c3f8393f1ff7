// SPDX-License-Identifier: BSD-3-Clause
// tally_icrc against a CRC made bit by bit.
#include <gtest/gtest.h>

#include <deque>

#include "Vtally_icrc.h"
#include "frame.hpp"

namespace {

using tally::test::Bytes;
using tally::test::ModuleBench;

/// Random bytes with the length of a frame that ends 2 + 4 * k bytes into a beat.
Bytes random_body(tally::test::Random& random, std::size_t words) {
  Bytes body(14 + 4 * words);
  for (auto& byte : body) byte = static_cast<std::uint8_t>(random.next());
  return body;
}

class Icrc : public ::testing::TestWithParam<unsigned> {};  // percent of cycles without a beat

TEST_P(Icrc, every_frame_gets_its_crc_after_two_cycles) {
  tally::test::Random random(tally::test::seed(31));
  ModuleBench<Vtally_icrc> dut;
  struct Expected {
    std::uint64_t cycle;
    std::uint32_t crc;
    bool residue;
  };
  std::deque<Expected> expected;
  unsigned results = 0;
  const auto cycle = [&] {
    dut.settle();
    const bool due = !expected.empty() && expected.front().cycle == dut.cycles;
    ASSERT_EQ(dut->out_valid_o != 0, due);
    if (due) {
      EXPECT_EQ(dut->out_icrc_o, expected.front().crc);
      EXPECT_EQ(dut->out_residue_o != 0, expected.front().residue);
      expected.pop_front();
      ++results;
    }
    dut.edge();
  };
  const unsigned frames = 400 * tally::test::effort();
  for (unsigned n = 0; n < frames; ++n) {
    Bytes body = random_body(random, 10 + (n < 40 ? n : random.below(1100)));
    const bool sealed = random.percent(30);
    if (sealed) {
      body.resize(body.size() + 4);
      tally::test::seal(body);
    }
    const std::uint32_t crc = tally::test::icrc(body);
    const std::size_t beats = tally::test::beats_of(body.size());
    for (std::size_t i = 0; i < beats; ++i) {
      dut->in_valid_i = 0;
      while (random.percent(GetParam())) cycle();
      dut->in_valid_i = 1;
      dut->in_first_i = i == 0;
      dut->in_last_i = i + 1 == beats;
      dut->in_tail_i = static_cast<std::uint8_t>(body.size() % 64 / 4);
      tally::test::put_beat(dut->in_data_i, tally::test::beat_of(body, i, 0));
      if (i + 1 == beats) expected.push_back({dut.cycles + 2, crc, sealed});
      cycle();
      if (HasFatalFailure()) return;
    }
  }
  dut->in_valid_i = 0;
  for (int i = 0; i < 6; ++i) cycle();
  EXPECT_EQ(results, frames);
}
INSTANTIATE_TEST_SUITE_P(Idle, Icrc, ::testing::Values(0, 40));

// The check value that every description of CRC-32 gives.
TEST(IcrcModel, check_value_of_the_crc_is_right) {
  const Bytes digits = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(tally::test::crc32(digits), 0xCBF43926u);
}

}  // namespace
