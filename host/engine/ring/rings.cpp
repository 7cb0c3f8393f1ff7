// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/rings.hpp"

#include <atomic>
#include <cstring>

namespace tally::ring {

void SubmissionRing::push(std::span<const std::byte, 64> descriptor) {
  std::memcpy(memory_.data() + std::size_t{tail_ & (size_ - 1)} * 64, descriptor.data(), 64);
  ++tail_;
}

bool SubmissionRing::set_head(std::uint16_t head) {
  if (static_cast<std::uint16_t>(head - head_) > unconsumed()) return false;
  head_ = head;
  return true;
}

bool CompletionRing::ready() const {
  std::byte* entry = memory_.data() + std::size_t{head_ & (size_ - 1)} * sizeof(device::Cqe);
  // The device writes an entry in ascending order, its phase last: with it, the rest is there.
  auto& phase = *reinterpret_cast<std::uint8_t*>(entry + offsetof(device::Cqe, phase));
  const auto expected = static_cast<std::uint8_t>(((head_ / size_) & 1) == 0 ? 1 : 0);
  return std::atomic_ref<std::uint8_t>(phase).load(std::memory_order_acquire) == expected;
}

bool CompletionRing::next(device::Cqe* out) {
  if (!ready()) return false;
  std::memcpy(out, memory_.data() + std::size_t{head_ & (size_ - 1)} * sizeof(device::Cqe),
              sizeof(device::Cqe));
  ++head_;
  return true;
}

}  // namespace tally::ring
