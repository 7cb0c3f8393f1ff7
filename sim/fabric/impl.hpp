// SPDX-License-Identifier: BSD-3-Clause
// What the fabric is made of. Private to sim/fabric.
#pragma once

#include <systemc>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/fabric/fabric.hpp"
#include "sim/fabric/host_memory.hpp"
#include "sim/fabric/network.hpp"
#include "sim/fabric/nic.hpp"
#include "sim/fabric/timing.hpp"

namespace tally::sim {

/// The memory behind a NIC: of this process until serve() gives it a rank's.
class HostPort final : public HostMemory {
 public:
  [[nodiscard]] bool plausible(std::uint64_t address, std::size_t bytes) const override {
    return target().plausible(address, bytes);
  }
  [[nodiscard]] bool read(std::uint64_t address, std::byte* to, std::size_t bytes) override {
    return target().read(address, to, bytes);
  }
  [[nodiscard]] bool write(std::uint64_t address, const std::byte* burst, std::span<const Run> runs) override {
    return target().write(address, burst, runs);
  }
  void answer(std::uint32_t value) override { target().answer(value); }

  LocalMemory local;
  std::unique_ptr<WindowMemory> window;

 private:
  [[nodiscard]] HostMemory& target() { return window ? static_cast<HostMemory&>(*window) : local; }
  [[nodiscard]] const HostMemory& target() const { return window ? static_cast<const HostMemory&>(*window) : local; }
};

/// The register window of a scripted host.
class LocalBar final : public ring::Bar {
 public:
  LocalBar(Fabric::Impl& fabric, unsigned node);
  ~LocalBar() override;
  LocalBar(const LocalBar&) = delete;
  LocalBar& operator=(const LocalBar&) = delete;

  [[nodiscard]] bool write32(std::uint32_t offset, std::uint32_t value) override;
  [[nodiscard]] bool write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) override;
  [[nodiscard]] std::size_t write_room() const override;
  [[nodiscard]] bool read32(std::uint32_t offset, std::uint32_t* value) override;
  [[nodiscard]] std::span<std::byte> shared_memory() override { return {memory_, kSharedBytes}; }
  void wait(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool alive() const override { return true; }
  [[nodiscard]] std::uint64_t staged_bytes() const override { return 0; }

 private:
  Fabric::Impl& fabric_;
  unsigned node_;
  std::byte* memory_;
};

struct Fabric::Impl {
  Impl(const FabricConfig& config, unsigned nodes, const NicFactory& make_nic);

  [[nodiscard]] static std::uint64_t now() { return sc_core::sc_time_stamp().value(); }
  [[nodiscard]] static bool pending();
  /// Runs everything of the next event time, if that is at `limit` at most. False: nothing was run.
  static bool step(std::uint64_t limit);

  FabricConfig config;
  Timing timing;
  std::vector<std::unique_ptr<HostPort>> hosts;
  std::unique_ptr<Network> network;
  std::vector<std::unique_ptr<Nic>> nics;
  std::vector<std::unique_ptr<LocalBar>> bars;
};

}  // namespace tally::sim
