// SPDX-License-Identifier: BSD-3-Clause
// tally_rndv_queue (9 words, 4 lists, 2 words of a list out at once) against queues.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <vector>

#include "Vtally_rndv_queue.h"
#include "support/module_bench.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally::test;

struct Model {
  std::array<std::deque<unsigned>, 4> lists;
  std::array<int, 4> out{};
  std::size_t waiting() const {
    std::size_t sum = 0;
    for (const auto& list : lists) sum += list.size();
    return sum;
  }
};

TEST(RndvQueue, random_words_leave_in_order_of_their_list) {
  Random random(seed(31));
  for (int round = 0; round < 20 * static_cast<int>(effort()); ++round) {
    ModuleBench<Vtally_rndv_queue> bench;
    Model model;
    const unsigned in_rate = static_cast<unsigned>(10 + random.below(91));
    const unsigned out_rate = static_cast<unsigned>(10 + random.below(91));
    const unsigned put_rate = static_cast<unsigned>(2 + random.below(99));
    unsigned number = 0;
    std::vector<unsigned> taken;  // lists whose words are with the consumer
    std::array<int, 4> disabled{};  // cycles
    bench->in_valid_i = 0;
    bench->enable_i = 0xf;
    for (int cycle = 0; cycle < 3000; ++cycle) {
      if (random.percent(2)) bench->enable_i = static_cast<std::uint8_t>(random.below(16));
      for (unsigned k = 0; k < 4; ++k) disabled[k] = bench->enable_i >> k & 1 ? 0 : disabled[k] + 1;
      // One word may have been chosen before and wait for the consumer.
      if (bench->out_valid_o) disabled[bench->out_data_o & 3u] = 0;
      if (bench->in_valid_i == 0 && random.percent(in_rate)) {
        bench->in_valid_i = 1;
        bench->in_list_i = static_cast<std::uint8_t>(random.below(4));
        bench->in_data_i = static_cast<std::uint16_t>((number++ & 0x3fff) << 2 | bench->in_list_i);
      }
      bench->out_ready_i = random.percent(out_rate);
      bench->put_valid_i = 0;
      if (!taken.empty() && random.percent(put_rate)) {
        const std::size_t at = random.below(taken.size());
        bench->put_valid_i = 1;
        bench->put_list_i = static_cast<std::uint8_t>(taken[at]);
        --model.out[taken[at]];
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(at));
      }
      bench.settle();
      const bool in = bench->in_valid_i && bench->in_ready_o;
      const bool out = bench->out_valid_o && bench->out_ready_i;
      if (out) {
        const unsigned list = bench->out_data_o & 3u;
        ASSERT_FALSE(model.lists[list].empty()) << "cycle " << cycle;
        ASSERT_LE(disabled[list], 3) << "cycle " << cycle;
        ASSERT_EQ(bench->out_data_o, model.lists[list].front()) << "cycle " << cycle;
        model.lists[list].pop_front();
        ASSERT_LE(++model.out[list], 2) << "cycle " << cycle;
        taken.push_back(list);
      }
      const unsigned list_in = bench->in_list_i;
      const unsigned data_in = bench->in_data_i;
      bench.edge();
      if (in) {
        model.lists[list_in].push_back(data_in);
        bench->in_valid_i = 0;
      }
    }
    // Drain: with all words given back everything comes out.
    bench->in_valid_i = 0;
    bench->enable_i = 0xf;
    for (int cycle = 0; cycle < 400; ++cycle) {
      bench->out_ready_i = 1;
      bench->put_valid_i = !taken.empty();
      if (!taken.empty()) {
        bench->put_list_i = static_cast<std::uint8_t>(taken.back());
        taken.pop_back();
      }
      bench.settle();
      if (bench->out_valid_o) {
        const unsigned list = bench->out_data_o & 3u;
        ASSERT_FALSE(model.lists[list].empty());
        ASSERT_EQ(bench->out_data_o, model.lists[list].front());
        model.lists[list].pop_front();
        taken.push_back(list);
      }
      bench.edge();
    }
    EXPECT_EQ(model.waiting(), 0u);
    bench.settle();
    EXPECT_EQ(bench->level_o, 0);
  }
}

TEST(RndvQueue, a_list_at_its_limit_holds_up_no_other) {
  ModuleBench<Vtally_rndv_queue> bench;
  bench->enable_i = 0xf;
  const auto push = [&](unsigned list, unsigned data) {
    bench->in_valid_i = 1;
    bench->in_list_i = static_cast<std::uint8_t>(list);
    bench->in_data_i = static_cast<std::uint16_t>(data);
    for (bench.settle(); !bench->in_ready_o; bench.settle()) bench.edge();
    bench.edge();
    bench->in_valid_i = 0;
  };
  bench->out_ready_i = 0;
  bench->put_valid_i = 0;
  for (unsigned i = 0; i < 5; ++i) push(1, 0x10 + i);
  push(2, 0x20);
  std::vector<unsigned> seen;
  bench->out_ready_i = 1;
  for (int cycle = 0; cycle < 40; ++cycle) {
    bench.settle();
    if (bench->out_valid_o) seen.push_back(bench->out_data_o);
    bench.edge();
  }
  EXPECT_EQ(seen, (std::vector<unsigned>{0x10, 0x20, 0x11}));
}

}  // namespace
