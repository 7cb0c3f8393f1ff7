// SPDX-License-Identifier: BSD-3-Clause
// The device's operand window: short Inputs of collectives that the CPU stores into the device with the doorbell, so that
// the device need not read host memory for them (docs/device.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/ring/bar.hpp"
#include "tally/device.hpp"

namespace tally::ring {

/// The slots of the window and who has them. Used by one thread.
///
/// An Input goes in three steps: open(), the descriptor, fill(). The device forgets what the slot held when its first
/// line comes, and starts with the descriptor: the other lines come while it works.
class OperandWindow {
 public:
  /// Inputs of at most `max_bytes` go in; 0: none.
  OperandWindow(Bar& bar, std::uint32_t max_bytes);
  [[nodiscard]] bool takes(std::uint64_t bytes) const { return bytes != 0 && bytes <= max_bytes_; }
  /// Stores the line of byte `first` of `input` into a free slot. -1: no slot is free, or the register window has no room
  /// for all lines and a descriptor, so that the device has to read `input` itself.
  [[nodiscard]] int open(std::span<const std::byte> input, std::size_t first);
  /// Stores the other lines, from the opened one on around the end; nothing else was written since open() but one
  /// descriptor.
  void fill(int slot, std::span<const std::byte> input, std::size_t first);
  /// The device is done with the slot.
  void release(int slot) { free_.push_back(slot); }
  /// CollDesc.input_addr of the slot.
  [[nodiscard]] static std::uint64_t address(int slot) {
    return device::kOperandBase + static_cast<std::uint64_t>(slot) * device::kOperandSlotBytes;
  }
  /// Stored so far.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  [[nodiscard]] bool store(std::uint32_t offset, std::span<const std::byte> input, std::size_t line);

  Bar& bar_;
  std::uint32_t max_bytes_;
  std::vector<int> free_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tally::ring
