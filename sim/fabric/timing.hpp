// SPDX-License-Identifier: BSD-3-Clause
// The configuration in picoseconds, and the fixed sizes of the model.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "sim/fabric/fabric.hpp"

namespace tally::sim {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::size_t kMaxPacketBytes = 9216;      ///< jumbo frame; a longer packet is a fault of the NIC
inline constexpr std::uint32_t kMinQueueBytes = 16384;    ///< holds the longest packet
inline constexpr std::uint32_t kMinNicQueueBytes = 9344;  ///< the same, and a beat of the next
inline constexpr std::size_t kMaxReadsInFlight = 64;      ///< of one NIC; PCIe tags
inline constexpr std::size_t kMaxWritesInFlight = 256;    ///< bursts accepted and not yet visible
inline constexpr std::size_t kPostedQueueBytes = 16384;   ///< DMA writes waiting for the PCIe link
inline constexpr std::uint64_t kWriteResponseCycles = 2;  ///< from last data beat to B
inline constexpr std::size_t kMaxMmioQueued = 1024;       ///< register accesses on their way to one device

struct Timing {
  explicit Timing(const FabricConfig& c)
      : period(ps(1000.0 / c.clock_mhz)),
        mmio_write(ps(c.mmio_write_ns)),
        store(ps(c.store_ns)),
        dma_read(ps(c.dma_read_ns)),
        dma_write(ps(c.dma_write_ns)),
        link(ps(c.link_latency_ns)),
        switching(ps(c.switch_latency_ns)),
        reorder(ps(c.reorder_ns)),
        link_byte(8000.0 / c.link_gbps),
        pcie_byte(8000.0 / c.pcie_gbps),
        overhead(c.frame_overhead_bytes),
        queue_bytes(c.queue_bytes),
        nic_queue_bytes(c.nic_queue_bytes) {}

  static std::uint64_t ps(double ns) { return static_cast<std::uint64_t>(std::llround(ns * 1000.0)); }
  [[nodiscard]] std::uint64_t link_ps(std::size_t bytes) const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(bytes) * link_byte));
  }
  [[nodiscard]] std::uint64_t pcie_ps(std::size_t bytes) const {
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(bytes) * pcie_byte));
  }
  /// The first rising edge at or after this time.
  [[nodiscard]] std::uint64_t edge(std::uint64_t time) const { return (time + period - 1) / period * period; }

  std::uint64_t period, mmio_write, store, dma_read, dma_write, link, switching, reorder;  // ps
  double link_byte, pcie_byte;                                            // ps a byte
  std::uint32_t overhead, queue_bytes, nic_queue_bytes;
};

}  // namespace tally::sim
