// SPDX-License-Identifier: BSD-3-Clause
// tally_axil_regs with both of its ports; records the pulses.
#pragma once

#include <gtest/gtest.h>

#include <Vtally_axil_regs.h>

#include <array>
#include <cstring>
#include <vector>

#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"
#include "tally/device_registers.hpp"

namespace tally::test {

namespace gr = device::global_reg;
namespace er = device::ep_reg;

struct SchedWrite {
  std::uint16_t addr;
  std::array<std::uint32_t, 8> words;
};
struct MrWrite {
  unsigned ep;
  std::uint32_t key;
  std::uint64_t base, len;
};
struct Doorbell {
  unsigned ep;
  std::uint16_t tail;
};
struct Window {
  unsigned ep;
  std::array<std::uint32_t, 16> words;
};
/// A store to the operand window.
struct Line {
  bool open;
  unsigned line;
  bool operator==(const Line&) const = default;
};
struct Connection {
  bool up;
  unsigned qp;
  std::uint64_t mac;
  std::uint32_t ip, qpn, tx_psn, rx_psn;
};

inline constexpr unsigned kCounters = 34;
inline constexpr unsigned kEps = device::kNumEndpoints;

/// Address of a register in endpoint e's page.
inline std::uint16_t at(unsigned e, std::uint32_t ep_register) {
  return static_cast<std::uint16_t>(ep_register + e * device::kEndpointPage);
}

class Regs : public ModuleBench<Vtally_axil_regs> {
 public:
  explicit Regs(std::uint64_t seed, unsigned delay = 0) : random(seed), delay_(delay) {
    idle();  // inputs start random
    top.up_i = 1;
    top.status_i = 1;
    top.ep_status_i = 0;
    for (unsigned i = 0; i < kCounters; ++i) put_bits(top.counters_i, i * 32, 32, 0);
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

  /// A write of the windows' port; `strobe`: its words.
  void write_wide(std::uint32_t addr, const std::array<std::uint32_t, 16>& words, unsigned strobe = 0xffff) {
    bool aw = false, w = false, aw_done = false, w_done = false;
    for (int i = 0; i < 1000; ++i) {
      aw = aw || (!aw_done && !random.percent(delay_));
      w = w || (!w_done && !random.percent(delay_));
      top.s_axi_aw_valid_i = aw;
      top.s_axi_aw_addr_i = static_cast<std::uint32_t>((aw ? addr : random.next()) & 0x3ffff);
      top.s_axi_w_valid_i = w;
      for (unsigned n = 0; n < 16; ++n) {
        put_bits(top.s_axi_w_data_i, 32 * n, 32, w ? words[n] : random.next() & 0xffffffff);
        // A word counts only when all of its bytes do.
        const auto partly = static_cast<std::uint64_t>(random.below(15));
        put_bits(top.s_axi_w_strb_i, 4 * n, 4, strobe >> n & 1 ? 15 : partly);
      }
      top.s_axi_b_ready_i = !random.percent(delay_);
      settle();
      const bool answered = top.s_axi_b_valid_o && top.s_axi_b_ready_i;
      EXPECT_FALSE(answered && !(aw_done && w_done)) << "answer before address and data";
      if (top.win_valid_o) {
        EXPECT_TRUE(aw && w && top.s_axi_aw_ready_o && top.s_axi_w_ready_o) << "told beside the handshake";
        lines.push_back({top.win_open_o != 0, top.win_line_o});
      }
      if (answered) {
        EXPECT_EQ(top.s_axi_b_resp_o, 0);
      }
      if (aw && top.s_axi_aw_ready_o) aw_done = true, aw = false;
      if (w && top.s_axi_w_ready_o) w_done = true, w = false;
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
    for (unsigned e = 0; e < kEps; ++e) {
      if (top.sq_tail_valid_o >> e & 1) tails.push_back({e, top.sq_tail_o});
      if (top.desc_valid_o >> e & 1) {
        Window w{e, {}};
        std::memcpy(w.words.data(), &top.desc_o, sizeof w.words);
        descriptors.push_back(w);
      }
    }
    if (top.coll_abort_valid_o) aborts.push_back(top.coll_abort_o);
    if (top.mr_wr_valid_o) regions.push_back({top.mr_wr_ep_o, top.mr_wr_key_o, top.mr_wr_base_o, top.mr_wr_len_o});
    if (top.conn_valid_o) {
      connections.push_back({top.conn_up_o != 0, top.conn_qp_o, top.conn_mac_o, top.conn_ip_o, top.conn_qpn_o,
                             top.conn_tx_psn_o, top.conn_rx_psn_o});
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
    top.s_axi_aw_valid_i = 0;
    top.s_axi_w_valid_i = 0;
    top.s_axi_b_ready_i = 0;
    top.s_axil_b_ready_i = 0;
    top.s_axil_r_ready_i = 0;
  }

  [[nodiscard]] std::size_t pulses() const {
    return tails.size() + aborts.size() + regions.size() + descriptors.size() + schedule.size() +
           connections.size();
  }

  Random random;
  std::vector<Doorbell> tails;
  std::vector<std::uint32_t> aborts;
  std::vector<MrWrite> regions;
  std::vector<Window> descriptors;
  std::vector<Line> lines;
  std::vector<Connection> connections;
  std::vector<SchedWrite> schedule;

 private:
  unsigned delay_;
};

}  // namespace tally::test
