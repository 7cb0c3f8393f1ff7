// SPDX-License-Identifier: BSD-3-Clause
// A NIC as the fabric sees it: the pins of tally_nic, evaluated cycle by cycle. The fabric knows no Verilated class.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tally::sim {

inline constexpr unsigned kBeatBytes = 64;
inline constexpr unsigned kBeatWords = kBeatBytes / 4;

/// Inputs of one clock cycle. Data pointers: kBeatWords words, read only while their valid is set.
struct NicInputs {
  std::uint64_t time_ps = 0;  ///< of the rising edge; for waveforms
  std::uint32_t cycle = 0;    ///< free-running cycle counter, also while the clock is stopped
  bool rst_n = true;
  // AXI4-Lite slave
  bool aw_valid = false, w_valid = false, b_ready = true, ar_valid = false, r_ready = true;
  std::uint16_t aw_addr = 0, ar_addr = 0;
  std::uint32_t w_data = 0;
  // AXI4 slave of the descriptor and operand windows: single beats, all bytes
  bool window_aw_valid = false, window_w_valid = false, window_b_ready = true;
  std::uint32_t window_addr = 0;
  const std::uint32_t* window_data = nullptr;
  // AXI4 master
  bool dma_ar_ready = false, dma_r_valid = false, dma_r_last = false;
  bool dma_aw_ready = false, dma_w_ready = false, dma_b_valid = false;
  std::uint8_t dma_r_resp = 0, dma_b_resp = 0;
  const std::uint32_t* dma_r_data = nullptr;
  // AXI4-Stream
  bool tx_ready = false;
  bool rx_valid = false, rx_last = false;
  std::uint64_t rx_keep = 0;
  const std::uint32_t* rx_data = nullptr;
};

/// Outputs of the same cycle, settled for these inputs. Data pointers are valid until the edge.
struct NicOutputs {
  bool idle = false;
  bool aw_ready = false, w_ready = false, b_valid = false, ar_ready = false, r_valid = false;
  std::uint32_t r_data = 0;
  bool window_aw_ready = false, window_w_ready = false, window_b_valid = false;
  bool dma_ar_valid = false;
  std::uint64_t dma_ar_addr = 0;
  std::uint8_t dma_ar_len = 0, dma_ar_size = 0, dma_ar_burst = 0;
  bool dma_r_ready = false;
  bool dma_aw_valid = false;
  std::uint64_t dma_aw_addr = 0;
  std::uint8_t dma_aw_len = 0, dma_aw_size = 0, dma_aw_burst = 0;
  bool dma_w_valid = false, dma_w_last = false;
  std::uint64_t dma_w_strb = 0;
  const std::uint32_t* dma_w_data = nullptr;
  bool dma_b_ready = false;
  bool tx_valid = false, tx_last = false;
  std::uint64_t tx_keep = 0;
  const std::uint32_t* tx_data = nullptr;
  bool rx_ready = false;
};

/// One NIC. settle() then edge() make one clock cycle; handshakes are decided between them.
class NicModel {
 public:
  virtual ~NicModel() = default;
  /// Clock low, inputs applied, combinational logic settled.
  virtual void settle(const NicInputs& in, NicOutputs& out) = 0;
  /// Rising edge.
  virtual void edge() = 0;
};

/// Makes the model of a node. `trace_file`: waveform to write, or empty.
using NicFactory = std::function<std::unique_ptr<NicModel>(unsigned node, const std::string& trace_file)>;

}  // namespace tally::sim
