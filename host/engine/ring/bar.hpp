// SPDX-License-Identifier: BSD-3-Clause
// What the ring driver needs of a device: a register window and memory that both sides see.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tally::ring {

/// A device's register window (BAR) and its shared memory. Implementations: the attach protocol of
/// the simulated device (drivers/sim), a device in the same process (sim/fabric).
/// One thread at a time.
class Bar {
 public:
  virtual ~Bar() = default;
  /// Posted 32-bit register write. Keeps order with other writes. False when the window's queue is full.
  [[nodiscard]] virtual bool write32(std::uint32_t offset, std::uint32_t value) = 0;
  /// Posted write of 64 bytes at `offset`: a descriptor, or a line of an operand. Keeps order with other writes (behind a
  /// write-combining mapping: fenced on both sides).
  [[nodiscard]] virtual bool write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) = 0;
  /// Posted writes of either size that are certain to be taken now.
  [[nodiscard]] virtual std::size_t write_room() const = 0;
  /// Register read; waits for earlier writes and for the answer (bounded: returns false when the
  /// device is gone).
  [[nodiscard]] virtual bool read32(std::uint32_t offset, std::uint32_t* value) = 0;
  /// Memory for rings, bounce and spill slots that the device reaches at the address of the returned span. At
  /// least 4 MiB, page-aligned, zeroed; the caller divides it.
  [[nodiscard]] virtual std::span<std::byte> shared_memory() = 0;
  /// Gives up the processor until the device may have written something, or `timeout` is over. An
  /// in-process device runs meanwhile.
  virtual void wait(std::chrono::microseconds timeout) = 0;
  /// False once the device or its fabric is gone.
  [[nodiscard]] virtual bool alive() const = 0;
  /// Bytes of DMA that had to take a staging window because direct access to this process's memory is
  /// forbidden.
  [[nodiscard]] virtual std::uint64_t staged_bytes() const = 0;
};

}  // namespace tally::ring
