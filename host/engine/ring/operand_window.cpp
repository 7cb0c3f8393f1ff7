// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/operand_window.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tally::ring {

namespace {

constexpr std::size_t kLine = device::kBeatBytes;
/// Register writes between open() and fill(): a descriptor, or a doorbell.
constexpr std::size_t kBetween = 1;

std::size_t lines(std::size_t bytes) { return (bytes + kLine - 1) / kLine; }

}  // namespace

OperandWindow::OperandWindow(Bar& bar, std::uint32_t max_bytes)
    : bar_(bar), max_bytes_(std::min(max_bytes, device::kOperandSlotBytes)) {
  free_.reserve(device::kOperandSlots);
  for (int slot = static_cast<int>(device::kOperandSlots); slot-- > 0;) free_.push_back(slot);
}

bool OperandWindow::store(std::uint32_t offset, std::span<const std::byte> input, std::size_t line) {
  std::array<std::byte, kLine> padded;
  const std::size_t at = line * kLine;
  const std::size_t count = std::min(kLine, input.size() - at);
  std::memcpy(padded.data(), input.data() + at, count);
  if (count < kLine) std::memset(padded.data() + count, 0, kLine - count);
  return bar_.write64bytes(offset + static_cast<std::uint32_t>(at), padded);
}

int OperandWindow::open(std::span<const std::byte> input, std::size_t first) {
  if (free_.empty() || bar_.write_room() < lines(input.size()) + kBetween) return -1;
  const int slot = free_.back();
  const std::uint32_t offset = device::kOperandWindow + device::kOperandOpening +
                               static_cast<std::uint32_t>(slot) * device::kOperandSlotBytes;
  if (!store(offset, input, first / kLine)) return -1;
  free_.pop_back();
  return slot;
}

void OperandWindow::fill(int slot, std::span<const std::byte> input, std::size_t first) {
  const std::size_t count = lines(input.size());
  const std::uint32_t offset =
      device::kOperandWindow + static_cast<std::uint32_t>(slot) * device::kOperandSlotBytes;
  for (std::size_t k = 1; k < count; ++k) {
    // There is room: see open().
    if (!store(offset, input, (first / kLine + k) % count)) return;
  }
  bytes_ += input.size();
}

}  // namespace tally::ring
