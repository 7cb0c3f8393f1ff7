// SPDX-License-Identifier: BSD-3-Clause
// tally_axil_regs: every register of hw/spec, the windows, and the bus under delay of each channel.
#include <map>
#include <string>

#include "axil_regs_bench.hpp"
#include "register_table.hpp"

namespace tally::test {
namespace {

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
  for (std::uint32_t offset = 0; offset < 0x10000; offset += 4) {
    bool window = false;
    for (unsigned e = 0; e < kEps; ++e) window = window || (offset >= at(e, er::kDesc0) && offset <= at(e, er::kDesc15));
    if (!window && known.count(static_cast<std::uint16_t>(offset)) == 0) unknown.push_back(static_cast<std::uint16_t>(offset));
  }
  ASSERT_GT(unknown.size(), 10000u);
  for (const std::uint16_t offset : unknown) {
    regs.write(offset, 0xdeadbeef);
    ASSERT_EQ(regs.read(offset), 0u) << offset;
  }
  EXPECT_EQ(regs.pulses(), 0u);
  for (const Register& r : kRegisters) EXPECT_EQ(regs.read(r.offset), r.reset) << r.name;
}

TEST(AxilRegs, outputs_show_their_registers) {
  Regs regs(seed(34));
  EXPECT_EQ(regs.top.pmtu_o, 4096);
  EXPECT_EQ(regs.top.eager_max_o, device::kMaxPayload);
  EXPECT_EQ(get_bits(regs.top.ep_posted_o, 0, 32), std::uint64_t{device::kPostedEntries} << 16);
  EXPECT_EQ(get_bits(regs.top.ep_posted_o, 32, 32), 0u);
  regs.write(gr::kControl, 1);
  regs.write(gr::kMacLo, 0x4c000102);
  regs.write(gr::kMacHi, 0xffff0254);
  regs.write(gr::kIp, 0x0a540001);
  regs.write(gr::kPmtu, 1024);
  regs.write(gr::kEagerMax, 960);
  regs.write(gr::kAckPolicy, 0x12345678);
  regs.write(gr::kRetryTimer, 0x9abcdef0);
  regs.write(gr::kRetryLimits, 0x0304);
  regs.write(gr::kRnrCode, 0x3f);
  regs.write(gr::kTxWindow, 77);
  for (unsigned e = 0; e < kEps; ++e) {
    const std::uint32_t v = 0x01010101u * (e + 1);
    regs.write(gr::kEpPosted0 + 4 * e, v + 1);
    regs.write(gr::kEpUnexpected0 + 4 * e, v + 2);
    regs.write(gr::kEpBounce0 + 4 * e, v + 3);
    regs.write(at(e, er::kSqBaseLo), v + 0x40);
    regs.write(at(e, er::kSqBaseHi), v + 0x41);
    regs.write(at(e, er::kSqLog2), 15 - e);
    regs.write(at(e, er::kCqBaseLo), v + 0x42);
    regs.write(at(e, er::kCqBaseHi), v + 0x43);
    regs.write(at(e, er::kCqLog2), 8 + e);
    regs.write(at(e, er::kBounceLo), v + 0x44);
    regs.write(at(e, er::kBounceHi), v + 0x45);
    regs.write(at(e, er::kCqHead), 0xabc0 + e);
    regs.write(at(e, er::kSpillLo), v + 0x46);
    regs.write(at(e, er::kSpillHi), v + 0x47);
    regs.write(at(e, er::kSpillLog2), 12 - e);
    regs.write(at(e, er::kSpillHead), 0xdef0 + e);
    regs.write(at(e, er::kRank), 10 + e);
    regs.write(at(e, er::kRanks), 16 - e);
    regs.write(at(e, er::kEnable), e % 2);
  }
  EXPECT_EQ(regs.top.control_o, 1);
  EXPECT_EQ(regs.top.mac_o, 0x02544c000102u);
  EXPECT_EQ(regs.top.ip_o, 0x0a540001u);
  EXPECT_EQ(regs.top.pmtu_o, 1024);
  EXPECT_EQ(regs.top.eager_max_o, 960);
  EXPECT_EQ(regs.top.ack_policy_o, 0x12345678u);
  EXPECT_EQ(regs.top.retry_timer_o, 0x9abcdef0u);
  EXPECT_EQ(regs.top.retry_limits_o, 0x0304);
  EXPECT_EQ(regs.top.rnr_code_o, 0x1f);
  EXPECT_EQ(regs.top.tx_window_o, 77);
  for (unsigned e = 0; e < kEps; ++e) {
    const std::uint64_t v = 0x01010101u * (e + 1);
    EXPECT_EQ(get_bits(regs.top.ep_posted_o, e * 32, 32), v + 1);
    EXPECT_EQ(get_bits(regs.top.ep_unexpected_o, e * 16, 16), (v + 2) & 0xffff);
    EXPECT_EQ(get_bits(regs.top.ep_bounce_o, e * 16, 16), (v + 3) & 0xffff);
    EXPECT_EQ(get_bits(regs.top.sq_base_o, e * 64, 64), (v + 0x41) << 32 | (v + 0x40));
    EXPECT_EQ(get_bits(regs.top.sq_log2_o, e * 4, 4), 15 - e);
    EXPECT_EQ(get_bits(regs.top.cq_base_o, e * 64, 64), (v + 0x43) << 32 | (v + 0x42));
    EXPECT_EQ(get_bits(regs.top.cq_log2_o, e * 4, 4), 8 + e);
    EXPECT_EQ(get_bits(regs.top.bounce_o, e * 64, 64), (v + 0x45) << 32 | (v + 0x44));
    EXPECT_EQ(get_bits(regs.top.cq_head_o, e * 16, 16), 0xabc0 + e);
    EXPECT_EQ(get_bits(regs.top.spill_base_o, e * 64, 64), (v + 0x47) << 32 | (v + 0x46));
    EXPECT_EQ(get_bits(regs.top.spill_log2_o, e * 4, 4), 12 - e);
    EXPECT_EQ(get_bits(regs.top.spill_head_o, e * 16, 16), 0xdef0 + e);
    EXPECT_EQ(get_bits(regs.top.rank_o, e * 4, 4), 10 + e);
    EXPECT_EQ(get_bits(regs.top.ranks_o, e * 5, 5), 16 - e);
    EXPECT_EQ(regs.top.ep_enable_o >> e & 1, e % 2);
  }
  EXPECT_EQ(regs.pulses(), 0u);
  regs.write(gr::kControl, 2);  // bit 0 alone enables
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kEnable), 2);
  EXPECT_EQ(regs.top.control_o, 0);
  EXPECT_EQ(regs.top.ep_enable_o, 0);
}

TEST(AxilRegs, status_and_counters_read_their_inputs) {
  Regs regs(seed(35));
  regs.top.status_i = 0xcafe0000;
  regs.top.ep_status_i = 0b0110;
  for (unsigned i = 0; i < kCounters; ++i) put_bits(regs.top.counters_i, i * 32, 32, 0x1000u + i);
  EXPECT_EQ(regs.read(gr::kStatus), 0xcafe0000u);
  for (unsigned e = 0; e < kEps; ++e) EXPECT_EQ(regs.read(at(e, er::kEpStatus)), 0b0110u >> e & 1u);
  unsigned counters = 0;
  for (const Register& r : kRegisters) {
    if (std::string(r.name).rfind("Global.Cnt", 0) != 0) continue;
    EXPECT_EQ(regs.read(r.offset), 0x1000u + counters) << r.name;
    ++counters;
  }
  EXPECT_EQ(counters, kCounters);
}

TEST(AxilRegs, doorbells_pulse_once_with_their_value_at_their_endpoint) {
  Regs regs(seed(36));
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kSqTail), 0xffff1234 + e);
  ASSERT_EQ(regs.pulses(), kEps);
  for (unsigned e = 0; e < kEps; ++e) {
    EXPECT_EQ(regs.tails.at(e).ep, e);
    EXPECT_EQ(regs.tails.at(e).tail, 0x1234 + e);
  }
}

TEST(AxilRegs, abort_pulses_for_endpoint_zero_alone) {
  Regs regs(seed(44));
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kCollAbort), 0xdead0007 + e);
  ASSERT_EQ(regs.pulses(), 1u);
  EXPECT_EQ(regs.aborts.at(0), 0xdead0007u);
}

TEST(AxilRegs, key_write_stores_the_region_of_its_page) {
  Regs regs(seed(37));
  // The pages of several processes are written at the same time: word by word in turn.
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kMrBaseLo), 0x89abcdef + e);
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kMrBaseHi), 0x01234567 + e);
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kMrLenLo), 0x76543210 + e);
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kMrLenHi), 0xfedcba98 + e);
  EXPECT_EQ(regs.pulses(), 0u);
  for (unsigned e = 0; e < kEps; ++e) regs.write(at(e, er::kMrKey), 0x80000102 + 0x100 * e);
  ASSERT_EQ(regs.regions.size(), kEps);
  for (unsigned e = 0; e < kEps; ++e) {
    const std::uint64_t v = e;
    EXPECT_EQ(regs.regions[e].ep, e);
    EXPECT_EQ(regs.regions[e].key, 0x80000102u + 0x100 * e);
    EXPECT_EQ(regs.regions[e].base, (0x01234567u + v) << 32 | (0x89abcdefu + v));
    EXPECT_EQ(regs.regions[e].len, (0xfedcba98u + v) << 32 | (0x76543210u + v));
  }
}

TEST(AxilRegs, control_write_connects_the_queue_pair_with_the_values_before_it) {
  Regs regs(seed(45));
  for (unsigned n = 0; n < 3; ++n) {
    regs.write(gr::kQpIndex, 0x81 + n);
    regs.write(gr::kQpMacLo, 0x4c000100 + n);
    regs.write(gr::kQpMacHi, 0x0254);
    regs.write(gr::kQpIp, 0x0a540002 + n);
    regs.write(gr::kQpQpn, 0xff000110 + n);
    regs.write(gr::kQpTxPsn, 0xab123456 + n);
    regs.write(gr::kQpRxPsn, 0xcd654321 + n);
    EXPECT_EQ(regs.pulses(), n);
    regs.write(gr::kQpControl, n % 2 == 0 ? 0xfffffffe | 1u : 0xfffffffe);
    ASSERT_EQ(regs.connections.size(), n + 1);
    const Connection& c = regs.connections.back();
    EXPECT_EQ(c.up, n % 2 == 0);
    EXPECT_EQ(c.qp, 0x81 + n);
    EXPECT_EQ(c.mac, 0x02544c000100u + n);
    EXPECT_EQ(c.ip, 0x0a540002u + n);
    EXPECT_EQ(c.qpn, 0x110u + n);
    EXPECT_EQ(c.tx_psn, 0x123456u + n);
    EXPECT_EQ(c.rx_psn, 0x654321u + n);
  }
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
  for (std::uint32_t n = 0; n < 8; ++n) {
    for (std::uint32_t w = 0; w < 16; ++w) {
      EXPECT_EQ(regs.descriptors.size(), n);
      regs.write(at(n % kEps, er::kDesc0) + 4 * w, 0x1000 * n + w);
    }
    ASSERT_EQ(regs.descriptors.size(), n + 1);
    EXPECT_EQ(regs.descriptors[n].ep, n % kEps);
    for (std::uint32_t w = 0; w < 16; ++w) EXPECT_EQ(regs.descriptors[n].words[w], 0x1000 * n + w);
  }
}

TEST(AxilRegs, windows_of_all_endpoints_may_be_written_in_turn) {
  // One word of each page after another, a write a cycle: every descriptor comes whole, one cycle apart.
  Regs regs(seed(46));
  regs.top.s_axil_aw_valid_i = 1;
  regs.top.s_axil_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = 1;
  for (std::uint32_t i = 0; i < 2 * 16 * kEps; ++i) {
    const unsigned e = i % kEps, w = i / kEps % 16;
    regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(at(e, er::kDesc0) + 4 * w);
    regs.top.s_axil_w_data_i = 0x5000 + i;
    regs.settle();
    ASSERT_TRUE(regs.top.s_axil_aw_ready_o && regs.top.s_axil_w_ready_o) << i;
    regs.tick();
  }
  ASSERT_EQ(regs.descriptors.size(), 2 * kEps);
  for (std::uint32_t n = 0; n < 2 * kEps; ++n) {
    EXPECT_EQ(regs.descriptors[n].ep, n % kEps);
    for (std::uint32_t w = 0; w < 16; ++w) {
      EXPECT_EQ(regs.descriptors[n].words[w], 0x5000 + n / kEps * 16 * kEps + w * kEps + n % kEps);
    }
  }
}

TEST(AxilRegs, takes_no_access_before_the_device_is_up) {
  Regs regs(seed(51));
  regs.top.up_i = 0;
  regs.top.s_axil_aw_valid_i = regs.top.s_axil_w_valid_i = regs.top.s_axil_ar_valid_i = 1;
  regs.top.s_axi_aw_valid_i = regs.top.s_axi_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = regs.top.s_axil_r_ready_i = regs.top.s_axi_b_ready_i = 1;
  regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(gr::kControl);
  regs.top.s_axil_w_data_i = 1;
  regs.top.s_axi_aw_addr_i = static_cast<std::uint16_t>(er::kDesc0);
  for (int i = 0; i < 10; ++i) {
    regs.settle();
    EXPECT_FALSE(regs.top.s_axil_aw_ready_o || regs.top.s_axil_w_ready_o || regs.top.s_axil_ar_ready_o);
    EXPECT_FALSE(regs.top.s_axi_aw_ready_o || regs.top.s_axi_w_ready_o);
    regs.tick();
  }
  EXPECT_EQ(regs.top.control_o, 0);
  EXPECT_EQ(regs.pulses(), 0u);
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
        for (unsigned e = 0; e < kEps; ++e) {
          if (r.offset != at(e, er::kSqTail)) continue;
          ++tails;
          ASSERT_EQ(regs.tails.size(), tails);
          ASSERT_EQ(regs.tails.back().ep, e);
          ASSERT_EQ(regs.tails.back().tail, value & 0xffff);
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
  regs.write(gr::kIp, 0);
  regs.top.s_axil_aw_valid_i = 1;
  regs.top.s_axil_w_valid_i = 1;
  regs.top.s_axil_b_ready_i = 1;
  regs.top.s_axil_ar_valid_i = 1;
  regs.top.s_axil_r_ready_i = 1;
  regs.top.s_axil_aw_addr_i = static_cast<std::uint16_t>(gr::kIp);
  regs.top.s_axil_ar_addr_i = static_cast<std::uint16_t>(gr::kIp);
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
