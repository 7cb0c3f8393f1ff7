// SPDX-License-Identifier: BSD-3-Clause
// tally_axil_regs: every register of hw/spec, the windows, and the bus under delay of each channel.
#include <gtest/gtest.h>

#include <Vtally_axil_regs.h>

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "register_table.hpp"
#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

namespace gr = device::global_reg;
namespace er = device::ep_reg;

struct SchedWrite {
  std::uint16_t addr;
  std::array<std::uint32_t, 8> words;
};
struct MrWrite {
  std::uint32_t key;
  std::uint64_t base, len;
};

class Regs : public ModuleBench<Vtally_axil_regs> {
 public:
  explicit Regs(std::uint64_t seed, unsigned delay = 0) : random(seed), delay_(delay) {
    idle();  // inputs start random
    top.status_i = 1;
    for (unsigned i = 0; i < 15; ++i) put_bits(top.counters_i, i * 32, 32, 0);
  }

  void write(std::uint32_t addr, std::uint32_t data) {
    bool aw = false, w = false, aw_done = false, w_done = false, b = false;
    for (int i = 0; i < 1000; ++i) {
      aw = aw || (!aw_done && !random.percent(delay_));
      w = w || (!w_done && !random.percent(delay_));
      b = !random.percent(delay_);
      top.s_axil_aw_valid_i = aw;
      top.s_axil_aw_addr_i = static_cast<std::uint16_t>(aw ? addr : random.next());
      top.s_axil_w_valid_i = w;
      top.s_axil_w_data_i = static_cast<std::uint32_t>(w ? data : random.next());
      top.s_axil_b_ready_i = b;
      settle();
      const bool answered = top.s_axil_b_valid_o && b;
      if (answered) {
        ASSERT_TRUE(aw_done && w_done) << "answer before address and data";
        ASSERT_EQ(top.s_axil_b_resp_o, 0);
      }
      if (aw && top.s_axil_aw_ready_o) aw_done = true, aw = false;
      if (w && top.s_axil_w_ready_o) w_done = true, w = false;
      tick();
      if (answered) {
        idle();
        return;
      }
    }
    FAIL() << "write of " << addr << " is not answered";
  }

  std::uint32_t read(std::uint32_t addr) {
    bool ar = false, ar_done = false;
    for (int i = 0; i < 1000; ++i) {
      ar = ar || (!ar_done && !random.percent(delay_));
      top.s_axil_ar_valid_i = ar;
      top.s_axil_ar_addr_i = static_cast<std::uint16_t>(ar ? addr : random.next());
      top.s_axil_r_ready_i = !random.percent(delay_);
      settle();
      const bool answered = top.s_axil_r_valid_o && top.s_axil_r_ready_i;
      const std::uint32_t data = top.s_axil_r_data_o;
      EXPECT_FALSE(answered && !ar_done) << "answer before the address";
      if (answered) {
        EXPECT_EQ(top.s_axil_r_resp_o, 0);
      }
      if (ar && top.s_axil_ar_ready_o) ar_done = true, ar = false;
      tick();
      if (answered) {
        idle();
        return data;
      }
    }
    ADD_FAILURE() << "read of " << addr << " is not answered";
    return 0;
  }

  /// Ends the cycle and records the pulses of the next.
  void tick() {
    edge();
    if (top.sq_tail_valid_o) tails.push_back(top.sq_tail_o);
    if (top.coll_abort_valid_o) aborts.push_back(top.coll_abort_o);
    if (top.mr_wr_valid_o) regions.push_back({top.mr_wr_key_o, top.mr_wr_base_o, top.mr_wr_len_o});
    if (top.desc_valid_o) {
      std::array<std::uint32_t, 16> words;
      std::memcpy(words.data(), &top.desc_o, sizeof words);
      descriptors.push_back(words);
    }
    if (top.sched_wr_valid_o) {
      SchedWrite s{top.sched_wr_addr_o, {}};
      std::memcpy(s.words.data(), &top.sched_wr_data_o, sizeof s.words);
      schedule.push_back(s);
    }
  }

  void idle() {
    top.s_axil_aw_valid_i = 0;
    top.s_axil_w_valid_i = 0;
    top.s_axil_ar_valid_i = 0;
    top.s_axil_b_ready_i = 0;
    top.s_axil_r_ready_i = 0;
  }

  [[nodiscard]] std::size_t pulses() const {
    return tails.size() + aborts.size() + regions.size() + descriptors.size() + schedule.size();
  }

  Random random;
  std::vector<std::uint16_t> tails;
  std::vector<std::uint32_t> aborts;
  std::vector<MrWrite> regions;
  std::vector<std::array<std::uint32_t, 16>> descriptors;
  std::vector<SchedWrite> schedule;

 private:
  unsigned delay_;
};

bool is(const Register& r, const char* access) { return std::strcmp(r.access, access) == 0; }

TEST(AxilRegs, every_register_has_its_reset_value) {
  Regs regs(seed(31));
  for (const Register& r : kRegisters) EXPECT_EQ(regs.read(r.offset), r.reset) << r.name;
}

TEST(AxilRegs, rw_registers_keep_all_bits_and_others_ignore_writes) {
  Regs regs(seed(32));
  std::map<std::uint16_t, std::uint32_t> expected;
  for (const Register& r : kRegisters) expected[r.offset] = r.reset;
  for (const Register& r : kRegisters) {
    // The instruction store raises SchedAddr: tested below.
    if (std::string(r.name) == "Global.SchedData7") continue;
    for (const std::uint32_t value : {0xffffffffu, 0xa5a55a5au, 0u, 0x12345678u}) {
      regs.write(r.offset, value);
      if (is(r, "RW")) expected[r.offset] = value;
      EXPECT_EQ(regs.read(r.offset), expected[r.offset]) << r.name;
    }
  }
  // No write touched another register.
  for (const Register& r : kRegisters) EXPECT_EQ(regs.read(r.offset), expected[r.offset]) << r.name;
}

TEST(AxilRegs, unknown_offsets_read_zero_and_ignore_writes) {
  Regs regs(seed(33));
  std::map<std::uint16_t, const Register*> known;
  for (const Register& r : kRegisters) known[r.offset] = &r;
  std::vector<std::uint16_t> unknown;
  for (std::uint32_t offset = 0; offset < 0x3000; offset += 4) {
    const bool window = offset >= er::kDesc0 && offset <= er::kDesc15;
    if (!window && known.count(static_cast<std::uint16_t>(offset)) == 0) unknown.push_back(static_cast<std::uint16_t>(offset));
  }
  ASSERT_GT(unknown.size(), 1000u);
  for (const std::uint16_t offset : unknown) {
    regs.write(offset, 0xdeadbeef);
    ASSERT_EQ(regs.read(offset), 0u) << offset;
  }
  EXPECT_EQ(regs.pulses(), 0u);
  for (const Register& r : kRegisters) EXPECT_EQ(regs.read(r.offset), r.reset) << r.name;
}

TEST(AxilRegs, outputs_show_their_registers) {
  Regs regs(seed(34));
  regs.write(gr::kControl, 1);
  regs.write(gr::kNode, 7);
  regs.write(gr::kNodes, 16);
  regs.write(er::kSqBaseLo, 0x11111100);
  regs.write(er::kSqBaseHi, 0x22222222);
  regs.write(er::kSqLog2, 15);
  regs.write(er::kCqBaseLo, 0x33333300);
  regs.write(er::kCqBaseHi, 0x44444444);
  regs.write(er::kCqLog2, 9);
  regs.write(er::kBounceLo, 0x55555500);
  regs.write(er::kBounceHi, 0x66666666);
  regs.write(er::kEnable, 1);
  regs.write(er::kCqHead, 0xabcd);
  EXPECT_EQ(regs.top.control_o, 1);
  EXPECT_EQ(regs.top.node_o, 7);
  EXPECT_EQ(regs.top.nodes_o, 16);
  EXPECT_EQ(regs.top.sq_base_o, 0x2222222211111100u);
  EXPECT_EQ(regs.top.sq_log2_o, 15);
  EXPECT_EQ(regs.top.cq_base_o, 0x4444444433333300u);
  EXPECT_EQ(regs.top.cq_log2_o, 9);
  EXPECT_EQ(regs.top.bounce_o, 0x6666666655555500u);
  EXPECT_EQ(regs.top.ep_enable_o, 1);
  EXPECT_EQ(regs.top.cq_head_o, 0xabcd);
  EXPECT_EQ(regs.pulses(), 0u);
  regs.write(gr::kControl, 2);  // bit 0 alone enables
  regs.write(er::kEnable, 2);
  EXPECT_EQ(regs.top.control_o, 0);
  EXPECT_EQ(regs.top.ep_enable_o, 0);
}

TEST(AxilRegs, status_and_counters_read_their_inputs) {
  Regs regs(seed(35));
  regs.top.status_i = 0xcafe0000;
  for (unsigned i = 0; i < 15; ++i) put_bits(regs.top.counters_i, i * 32, 32, 0x1000u + i);
  EXPECT_EQ(regs.read(gr::kStatus), 0xcafe0000u);
  unsigned counters = 0;
  for (const Register& r : kRegisters) {
    if (std::string(r.name).rfind("Global.Cnt", 0) != 0) continue;
    EXPECT_EQ(regs.read(r.offset), 0x1000u + counters) << r.name;
    ++counters;
  }
  EXPECT_EQ(counters, 15u);
}

TEST(AxilRegs, doorbell_and_abort_pulse_once_with_their_value) {
  Regs regs(seed(36));
  regs.write(er::kSqTail, 0xffff1234);
  regs.write(er::kCollAbort, 0xdead0007);
  ASSERT_EQ(regs.pulses(), 2u);
  EXPECT_EQ(regs.tails.at(0), 0x1234);
  EXPECT_EQ(regs.aborts.at(0), 0xdead0007u);
}

TEST(AxilRegs, key_write_stores_the_region) {
  Regs regs(seed(37));
  regs.write(er::kMrBaseLo, 0x89abcdef);
  regs.write(er::kMrBaseHi, 0x01234567);
  regs.write(er::kMrLenLo, 0x76543210);
  regs.write(er::kMrLenHi, 0xfedcba98);
  EXPECT_EQ(regs.pulses(), 0u);
  regs.write(er::kMrKey, 0x80000102);
  ASSERT_EQ(regs.regions.size(), 1u);
  EXPECT_EQ(regs.regions[0].key, 0x80000102u);
  EXPECT_EQ(regs.regions[0].base, 0x0123456789abcdefu);
  EXPECT_EQ(regs.regions[0].len, 0xfedcba9876543210u);
}

TEST(AxilRegs, last_schedule_word_stores_the_instruction_and_raises_the_address) {
  Regs regs(seed(38));
  regs.write(gr::kSchedAddr, 1022);
  for (std::uint32_t n = 0; n < 3; ++n) {
    for (std::uint32_t w = 0; w < 8; ++w) regs.write(gr::kSchedData0 + 4 * w, 0x100 * n + w);
    ASSERT_EQ(regs.schedule.size(), n + 1);
    EXPECT_EQ(regs.schedule[n].addr, 1022 + n);
    for (std::uint32_t w = 0; w < 8; ++w) EXPECT_EQ(regs.schedule[n].words[w], 0x100 * n + w);
    EXPECT_EQ(regs.read(gr::kSchedAddr), 1023 + n);
  }
}

TEST(AxilRegs, window_pulses_on_its_last_word_alone) {
  Regs regs(seed(39), 30);
  for (std::uint32_t n = 0; n < 4; ++n) {
    for (std::uint32_t w = 0; w < 16; ++w) {
      EXPECT_EQ(regs.descriptors.size(), n);
      regs.write(er::kDesc0 + 4 * w, 0x1000 * n + w);
    }
    ASSERT_EQ(regs.descriptors.size(), n + 1);
    for (std::uint32_t w = 0; w < 16; ++w) EXPECT_EQ(regs.descriptors[n][w], 0x1000 * n + w);
  }
}

TEST(AxilRegs, window_takes_one_word_each_cycle_and_descriptors_back_to_back) {
  Regs regs(seed(40));
  regs.top.s_axil_aw_valid_i = 1;
  regs.top.s_axil_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = 1;
  for (std::uint32_t i = 0; i < 64; ++i) {
    regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(er::kDesc0 + 4 * (i % 16));
    regs.top.s_axil_w_data_i = 0x5000 + i;
    regs.settle();
    ASSERT_TRUE(regs.top.s_axil_aw_ready_o && regs.top.s_axil_w_ready_o) << i;
    regs.tick();
  }
  ASSERT_EQ(regs.descriptors.size(), 4u);
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(regs.descriptors[i / 16][i % 16], 0x5000 + i);
}

TEST(AxilRegs, untaken_answer_holds_the_next_write) {
  Regs regs(seed(41));
  regs.top.s_axil_aw_valid_i = 1;
  regs.top.s_axil_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = 0;
  regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(er::kSqTail);
  for (int i = 0; i < 10; ++i) {
    regs.top.s_axil_w_data_i = static_cast<std::uint32_t>(i);
    regs.settle();
    regs.tick();
  }
  EXPECT_EQ(regs.tails.size(), 1u);
}

TEST(AxilRegs, random_accesses_agree_with_a_reference_under_delay) {
  for (const unsigned delay : {0u, 50u, 90u}) {
    Regs regs(seed(42 + delay), delay);
    std::map<std::uint16_t, std::uint32_t> expected;
    for (const Register& r : kRegisters) expected[r.offset] = r.reset;
    std::size_t tails = 0;
    for (int i = 0; i < 3000 && !::testing::Test::HasFailure(); ++i) {
      const Register& r = kRegisters[regs.random.below(std::size(kRegisters))];
      if (regs.random.percent(50)) {
        const auto value = static_cast<std::uint32_t>(regs.random.next());
        regs.write(r.offset, value);
        if (is(r, "RW")) expected[r.offset] = value;
        if (r.offset == gr::kSchedData7) ++expected[gr::kSchedAddr];
        if (r.offset == er::kSqTail) {
          ++tails;
          ASSERT_EQ(regs.tails.size(), tails);
          ASSERT_EQ(regs.tails.back(), value & 0xffff);
        }
      } else {
        ASSERT_EQ(regs.read(r.offset), expected[r.offset]) << r.name;
      }
    }
    ASSERT_EQ(regs.tails.size(), tails);
  }
}

TEST(AxilRegs, reads_and_writes_go_on_at_the_same_time) {
  Regs regs(seed(43));
  regs.write(gr::kNodes, 12);
  regs.top.s_axil_aw_valid_i = 1;
  regs.top.s_axil_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = 1;
  regs.top.s_axil_ar_valid_i = 1;
  regs.top.s_axil_r_ready_i = 1;
  regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(gr::kNode);
  regs.top.s_axil_ar_addr_i = static_cast<std::uint16_t>(gr::kNode);
  for (std::uint32_t i = 1; i < 20; ++i) {
    regs.top.s_axil_w_data_i = i;
    regs.settle();
    ASSERT_TRUE(regs.top.s_axil_ar_ready_o);
    ASSERT_TRUE(regs.top.s_axil_aw_ready_o);
    regs.tick();
    // A read in the cycle of a write sees the value before it.
    ASSERT_EQ(regs.top.s_axil_r_data_o, i - 1);
  }
}

}  // namespace
}  // namespace tally::test
