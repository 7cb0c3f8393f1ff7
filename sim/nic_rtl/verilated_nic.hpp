// SPDX-License-Identifier: BSD-3-Clause
// NicModel over a Verilated class with the ports of tally_nic.
#pragma once

#include <verilated.h>
#ifdef TALLY_COVERAGE
#include <verilated_cov.h>
#endif
#ifdef TALLY_TRACE
#include <verilated_fst_c.h>
#endif

#ifdef TALLY_COVERAGE
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#endif
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "sim/nic_rtl/nic_model.hpp"

namespace tally::sim {

template <class Top>
class VerilatedNic final : public NicModel {
 public:
  /// The instance name shows up in assertion messages. Throws std::invalid_argument when a waveform is asked of a
  /// model without tracing.
  VerilatedNic(unsigned node, const std::string& trace_file) : context_(std::make_unique<VerilatedContext>()) {
#ifdef TALLY_TRACE
    context_->traceEverOn(!trace_file.empty());
#else
    if (!trace_file.empty()) {
      throw std::invalid_argument("trace_fst: this build has no waveform support; configure with -DTALLY_TRACE=ON");
    }
#endif
    context_->threads(1);  // else each context starts a thread a core
    top_ = std::make_unique<Top>(context_.get(), ("nic" + std::to_string(node)).c_str());
#ifdef TALLY_TRACE
    if (!trace_file.empty()) {
      trace_ = std::make_unique<VerilatedFstC>();
      top_->trace(trace_.get(), 99);
      trace_->set_time_unit("1ps");
      trace_->set_time_resolution("1ps");
      trace_->open(trace_file.c_str());
      if (!trace_->isOpen()) throw std::invalid_argument("trace_fst: cannot write " + trace_file);
    }
#endif
  }
  ~VerilatedNic() override {
#ifdef TALLY_TRACE
    if (trace_) trace_->close();
#endif
    // Scopes are erased from the thread's current context, which may be another NIC's that is already gone.
    Verilated::threadContextp(context_.get());
    top_->final();
#ifdef TALLY_COVERAGE
    write_coverage();
#endif
    top_.reset();
  }
  VerilatedNic(const VerilatedNic&) = delete;
  VerilatedNic& operator=(const VerilatedNic&) = delete;

  void settle(const NicInputs& in, NicOutputs& out) override {
    Top& t = *top_;
    t.clk_i = 0;
    t.rst_ni = in.rst_n;
    t.cycle_i = in.cycle;
    t.s_axil_aw_valid_i = in.aw_valid;
    t.s_axil_aw_addr_i = in.aw_addr;
    t.s_axil_w_valid_i = in.w_valid;
    t.s_axil_w_data_i = in.w_data;
    t.s_axil_b_ready_i = in.b_ready;
    t.s_axil_ar_valid_i = in.ar_valid;
    t.s_axil_ar_addr_i = in.ar_addr;
    t.s_axil_r_ready_i = in.r_ready;
    t.s_axi_aw_valid_i = in.window_aw_valid;
    t.s_axi_aw_addr_i = in.window_addr;
    t.s_axi_w_valid_i = in.window_w_valid;
    if (in.window_w_valid) {
      std::memcpy(t.s_axi_w_data_i.data(), in.window_data, kBeatBytes);
      t.s_axi_w_strb_i = ~std::uint64_t{0};
    }
    t.s_axi_b_ready_i = in.window_b_ready;
    t.m_axi_ar_ready_i = in.dma_ar_ready;
    t.m_axi_r_valid_i = in.dma_r_valid;
    if (in.dma_r_valid) {
      std::memcpy(t.m_axi_r_data_i.data(), in.dma_r_data, kBeatBytes);
      t.m_axi_r_resp_i = in.dma_r_resp;
      t.m_axi_r_last_i = in.dma_r_last;
    }
    t.m_axi_aw_ready_i = in.dma_aw_ready;
    t.m_axi_w_ready_i = in.dma_w_ready;
    t.m_axi_b_valid_i = in.dma_b_valid;
    t.m_axi_b_resp_i = in.dma_b_resp;
    t.m_axis_tready_i = in.tx_ready;
    t.s_axis_tvalid_i = in.rx_valid;
    if (in.rx_valid) {
      std::memcpy(t.s_axis_tdata_i.data(), in.rx_data, kBeatBytes);
      t.s_axis_tkeep_i = in.rx_keep;
      t.s_axis_tlast_i = in.rx_last;
    }
    t.eval();
    dump(in.time_ps - (in.time_ps > 0 ? 1 : 0));
    time_ps_ = in.time_ps;

    out.idle = t.idle_o != 0;
    out.aw_ready = t.s_axil_aw_ready_o != 0;
    out.w_ready = t.s_axil_w_ready_o != 0;
    out.b_valid = t.s_axil_b_valid_o != 0;
    out.ar_ready = t.s_axil_ar_ready_o != 0;
    out.r_valid = t.s_axil_r_valid_o != 0;
    out.r_data = t.s_axil_r_data_o;
    out.window_aw_ready = t.s_axi_aw_ready_o != 0;
    out.window_w_ready = t.s_axi_w_ready_o != 0;
    out.window_b_valid = t.s_axi_b_valid_o != 0;
    out.dma_ar_valid = t.m_axi_ar_valid_o != 0;
    out.dma_ar_addr = t.m_axi_ar_addr_o;
    out.dma_ar_len = t.m_axi_ar_len_o;
    out.dma_ar_size = t.m_axi_ar_size_o;
    out.dma_ar_burst = t.m_axi_ar_burst_o;
    out.dma_r_ready = t.m_axi_r_ready_o != 0;
    out.dma_aw_valid = t.m_axi_aw_valid_o != 0;
    out.dma_aw_addr = t.m_axi_aw_addr_o;
    out.dma_aw_len = t.m_axi_aw_len_o;
    out.dma_aw_size = t.m_axi_aw_size_o;
    out.dma_aw_burst = t.m_axi_aw_burst_o;
    out.dma_w_valid = t.m_axi_w_valid_o != 0;
    out.dma_w_last = t.m_axi_w_last_o != 0;
    out.dma_w_strb = t.m_axi_w_strb_o;
    out.dma_w_data = t.m_axi_w_data_o.data();
    out.dma_b_ready = t.m_axi_b_ready_o != 0;
    out.tx_valid = t.m_axis_tvalid_o != 0;
    out.tx_last = t.m_axis_tlast_o != 0;
    out.tx_keep = t.m_axis_tkeep_o;
    out.tx_data = t.m_axis_tdata_o.data();
    out.rx_ready = t.s_axis_tready_o != 0;
  }

  void edge() override {
    top_->clk_i = 1;
    top_->eval();
    dump(time_ps_);
  }

 private:
  void dump([[maybe_unused]] std::uint64_t time_ps) {
#ifdef TALLY_TRACE
    // Reset takes no time: its cycles share one sample.
    if (!trace_ || (dumped_ && time_ps <= last_dump_ps_)) return;
    trace_->dump(time_ps);
    dumped_ = true;
    last_dump_ps_ = time_ps;
#endif
  }

#ifdef TALLY_COVERAGE
  // A file of this model's counts in the folder TALLY_COVERAGE_DIR.
  void write_coverage() {
    static std::atomic<unsigned> count{0};
    const char* folder = std::getenv("TALLY_COVERAGE_DIR");
    if (folder == nullptr) return;
    const std::string name = "nic-" + std::to_string(getpid()) + "-" + std::to_string(count++) + ".dat";
    context_->coveragep()->write((std::string(folder) + "/" + name).c_str());
  }
#endif

  std::unique_ptr<VerilatedContext> context_;
  std::unique_ptr<Top> top_;
#ifdef TALLY_TRACE
  std::unique_ptr<VerilatedFstC> trace_;
  bool dumped_ = false;
  std::uint64_t last_dump_ps_ = 0;
#endif
  std::uint64_t time_ps_ = 0;
};

}  // namespace tally::sim
