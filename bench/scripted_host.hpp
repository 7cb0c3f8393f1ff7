// SPDX-License-Identifier: BSD-3-Clause
// What the benches of scripted hosts share.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <new>
#include <stdexcept>

#include "bench/report.hpp"
#include "engine/engine.hpp"
#include "sim/fabric/fabric.hpp"

namespace tally::bench {

/// Page-aligned, zeroed memory of one host.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : bytes_((bytes + kPage - 1) / kPage * kPage) {
    base_ = static_cast<std::byte*>(std::aligned_alloc(kPage, bytes_));
    if (base_ == nullptr) throw std::bad_alloc();
    std::memset(base_, 0, bytes_);
  }
  ~Buffer() { std::free(base_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kPage = 4096;
  std::size_t bytes_;
  std::byte* base_;
};

inline void require(const Status& status, const char* what) {
  if (!status.ok()) throw std::runtime_error(fmt::format("{}: {}", what, status.message()));
}

[[nodiscard]] inline FabricParameters fabric_parameters(const sim::FabricConfig& config) {
  return {config.link_gbps,    config.link_latency_ns, config.switch_latency_ns, config.frame_overhead_bytes,
          config.queue_bytes,  config.pcie_gbps,       config.mmio_write_ns,     config.store_ns,
          config.dma_read_ns,  config.dma_write_ns,    config.clock_mhz};
}

}  // namespace tally::bench
