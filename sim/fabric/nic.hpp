// SPDX-License-Identifier: BSD-3-Clause
// One NIC in the simulation: its model's clock, which stops when it has nothing to do, its PCIe and its network port.
#pragma once

#include <systemc>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>

#include "sim/fabric/network.hpp"
#include "sim/fabric/pcie.hpp"
#include "sim/nic_rtl/nic_model.hpp"

namespace tally::sim {

class Nic final : public sc_core::sc_module, public PacketSink {
 public:
  Nic(const sc_core::sc_module_name& name, const Timing& timing, unsigned node, std::unique_ptr<NicModel> model,
      HostMemory& memory, Network& network);

  [[nodiscard]] bool mmio_full() const { return pcie_.mmio_room() == 0; }
  [[nodiscard]] std::size_t mmio_room() const { return pcie_.mmio_room(); }
  /// A register access leaves the host now.
  void issue(MmioKind kind, std::uint32_t offset, std::span<const std::byte> data);
  void deliver(std::unique_ptr<Packet> packet) override;

  [[nodiscard]] std::uint64_t cycles() const { return cycles_; }
  [[nodiscard]] std::uint64_t last_write_ps() const { return pcie_.last_write_ps(); }

 private:
  [[nodiscard]] static std::uint64_t now() { return sc_core::sc_time_stamp().value(); }
  void wake_at(std::uint64_t time);
  void tick();
  void host();
  void reset();
  void take_tx(std::uint64_t time);
  void take_rx();
  [[nodiscard]] std::uint64_t next_input() const;

  const Timing& timing_;
  unsigned node_;
  std::unique_ptr<NicModel> model_;
  Network& network_;
  Pcie pcie_;
  NicInputs in_;
  NicOutputs out_;
  std::unique_ptr<Packet> sending_;
  std::deque<std::unique_ptr<Packet>> receiving_;
  sc_core::sc_event wake_, host_due_;
  const sc_core::sc_time period_;
  bool asleep_ = false;
  bool refused_ = false;            // the packet at the head was shown and not taken
  unsigned quiet_ = 0;              // cycles in a row without work
  std::uint64_t next_edge_ = 0;     // no edge before it: one evaluation a cycle
  std::uint64_t cycles_ = 0;
};

}  // namespace tally::sim
