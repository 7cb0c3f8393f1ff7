// SPDX-License-Identifier: BSD-3-Clause
// The fabric: N simulated NICs (Verilated RTL in SystemC modules), their PCIe and host memory models, links and one
// switch, in simulated time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "drivers/sim/attach.hpp"
#include "engine/ring/bar.hpp"
#include "launch/job_segment.hpp"
#include "sim/nic_rtl/nic_model.hpp"

namespace tally::sim {

/// Parameters of the simulation. Defaults and their sources: sim/fabric/config.cpp (one file).
struct FabricConfig {
  double link_gbps;              ///< each direction of each link
  double link_latency_ns;        ///< NIC to switch, and switch to NIC
  double switch_latency_ns;      ///< so one way is 2 * link + switch
  std::uint32_t frame_overhead_bytes;  ///< preamble, FCS and gap that the link carries for each packet
  std::uint32_t queue_bytes;     ///< of each switch output and of each NIC's receive buffer; full queues push back
  std::uint32_t nic_queue_bytes; ///< of each NIC's link queue (its MAC's transmit FIFO); pushes back
  double pcie_gbps;              ///< each direction
  double mmio_write_ns;          ///< host store to device register
  double store_ns;               ///< a core's time for a 64-byte store to the device
  double dma_read_ns;            ///< device read request to first data, host memory included
  double dma_write_ns;           ///< device write to visible in host memory
  double clock_mhz;
  std::string dma;               ///< "direct" (process_vm_readv/writev, staging where forbidden) or "staging"
  std::string trace_fst;         ///< waveform file, or empty
  // Per frame and link crossing (NIC to switch, switch to NIC); probabilities from 0 to 1.
  double loss;
  double duplicate;
  double reorder;                ///< held back for reorder_ns, frames behind it pass
  double corrupt;                ///< 1 to 3 bits behind the Ethernet addresses are flipped
  double reorder_ns;
  std::uint64_t seed;            ///< of the impairments
  std::string pcap;              ///< capture file, or empty

  FabricConfig();
  /// Reads a JSON object; every key optional. Throws std::invalid_argument that names file and key for an
  /// unknown key, a wrong type or a value out of range.
  static FabricConfig from_file(const std::string& path);
  [[nodiscard]] double one_way_ns() const { return 2 * link_latency_ns + switch_latency_ns; }
};

/// What a node did, for tables.
struct NodeStats {
  std::uint64_t cycles_evaluated;    ///< clock cycles in which the model was evaluated
  std::uint64_t link_bytes_sent;     ///< frame overhead included
  std::uint64_t link_bytes_received;
  std::uint64_t last_dma_write_ps;   ///< when the last DMA write became visible in host memory
  // Impairments on the node's link, both directions.
  std::uint64_t frames_lost = 0;
  std::uint64_t frames_duplicated = 0;
  std::uint64_t frames_reordered = 0;
  std::uint64_t frames_corrupted = 0;
};

/// At most one in a process (SystemC has one kernel a process). One thread.
class Fabric {
 public:
  /// NICs of hw/rtl. Throws std::invalid_argument that names the parameter for a config that cannot be, and
  /// std::logic_error for a second fabric in the process.
  Fabric(const FabricConfig& config, unsigned nodes);
  /// NICs of another make.
  Fabric(const FabricConfig& config, unsigned nodes, const NicFactory& make_nic);
  ~Fabric();
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  /// Scripted hosts: the register window of a node's device, in this process; its wait() runs the simulation.
  [[nodiscard]] ring::Bar& local_bar(unsigned node);

  /// Real processes: serve these windows (one a node) until `stop` returns true; sleeps on area.doorbell when no
  /// NIC has work. A window whose process died is detached: its DMA is dropped. Raises the `wake` of a rank's record
  /// in `job` when something was written to its window. `stop` is asked at least every 50 ms.
  void serve(job::Header& job, Area& area, Window* windows, const std::function<bool()>& stop);

  /// Runs until `done` returns true (asked after each event time) or the clock reaches now + limit_ps, or nothing is
  /// left to do; returns done().
  bool run_until(const std::function<bool()>& done, std::uint64_t limit_ps);
  /// Runs for exactly this simulated time.
  void run_for(std::uint64_t ps);
  [[nodiscard]] std::uint64_t now_ps() const;
  [[nodiscard]] NodeStats stats(unsigned node) const;

  struct Impl;  ///< sim/fabric/impl.hpp

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tally::sim
