// SPDX-License-Identifier: BSD-3-Clause
// PCIe between a host and one NIC: posted register writes, register reads, DMA reads and writes.
//
// Ordering, as on PCIe: register accesses stay in order; DMA writes become visible strictly in order; a DMA read or the
// answer of a register read never passes an earlier DMA write. No SystemC in here: the NIC module asks when to be run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "sim/fabric/host_memory.hpp"
#include "sim/fabric/timing.hpp"
#include "sim/nic_rtl/nic_model.hpp"

namespace tally::sim {

class Pcie {
 public:
  Pcie(const Timing& timing, unsigned node, HostMemory& memory);

  // Host side.
  /// Accesses that may still be issued.
  [[nodiscard]] std::size_t mmio_room() const { return kMaxMmioQueued - mmio_.size(); }
  /// A register access leaves the host now. `data`: 4 or 64 bytes, or none for a read.
  void issue(std::uint64_t now, MmioKind kind, std::uint32_t offset, std::span<const std::byte> data);
  /// Does what reaches the host at or before `now`: visible writes, reads of host memory, answers.
  void run_host(std::uint64_t now);
  /// When run_host has work next, or kNever.
  [[nodiscard]] std::uint64_t next_host() const;
  [[nodiscard]] std::uint64_t last_write_ps() const { return last_write_ps_; }

  // Device side: once a clock cycle, drive() before settle, take() after.
  void drive(std::uint64_t now, NicInputs& in);
  /// Decides the handshakes of the cycle. True when one took place. Throws std::runtime_error on a protocol fault.
  bool take(std::uint64_t now, const NicInputs& in, const NicOutputs& out);
  /// When the device next has an input to see; 0: it is owed a response, so its clock runs.
  [[nodiscard]] std::uint64_t next_device() const;

 private:
  struct Mmio {
    MmioKind kind;
    std::uint32_t offset;
    std::uint64_t due;
    std::array<std::uint32_t, 16> words;
  };
  struct Answer {
    std::uint64_t due;
    std::uint32_t value;
  };
  struct Read {
    std::uint64_t address;      // of the first beat, aligned
    std::uint32_t beats;
    std::uint32_t next;         // beat to deliver
    std::uint64_t snapshot;     // when host memory is read
    std::uint64_t first;        // when beat 0 is there
    bool fetched, failed;
    alignas(64) std::array<std::byte, 4096> data;
  };
  struct Write {
    std::uint64_t address;
    std::uint32_t beats;        // of the burst
    std::uint32_t taken;
    std::uint64_t visible;
    bool refused;
    std::vector<Run> runs;
    alignas(64) std::array<std::byte, 4096> data;
  };
  struct Response {
    std::uint64_t due;
    std::uint8_t resp;
  };

  bool take_mmio(std::uint64_t now, const NicInputs& in, const NicOutputs& out);
  bool take_reads(std::uint64_t now, const NicInputs& in, const NicOutputs& out);
  bool take_writes(std::uint64_t now, const NicInputs& in, const NicOutputs& out);
  void accept_beat(std::uint64_t now, const NicOutputs& out);
  void report(const char* what, std::uint64_t address);
  [[noreturn]] void fault(const char* what) const;
  [[nodiscard]] std::uint64_t beat_due(const Read& read) const {
    return read.first + timing_.pcie_ps(std::size_t{read.next} * kBeatBytes);
  }

  const Timing& timing_;
  unsigned node_;
  HostMemory& memory_;
  std::uint64_t posted_limit_;  // ps of the PCIe link that the posted queue holds

  std::deque<Mmio> mmio_;
  std::uint64_t store_free_ = 0;            // when the host's core can store again
  bool aw_done_ = false, w_done_ = false;   // of the write at the head
  bool ar_done_ = false;                    // the read at the head waits for its data
  std::uint32_t writes_unanswered_ = 0;
  std::deque<Answer> answers_;

  std::deque<std::unique_ptr<Read>> reads_;
  std::size_t fetched_ = 0;                 // leading reads that have their data
  std::uint64_t last_snapshot_ = 0;
  std::uint64_t read_link_free_ = 0;
  std::vector<std::unique_ptr<Read>> spare_reads_;

  std::deque<std::unique_ptr<Write>> filling_;  // AW taken, data not complete
  std::deque<std::unique_ptr<Write>> posted_;   // complete, not yet visible
  std::deque<Response> responses_;
  std::uint64_t write_link_free_ = 0;
  std::uint64_t last_visible_ = 0;              // of the newest accepted write
  std::uint64_t last_write_ps_ = 0;             // of the newest visible write
  std::vector<std::unique_ptr<Write>> spare_writes_;
  bool reported_ = false;
};

}  // namespace tally::sim
