// SPDX-License-Identifier: BSD-3-Clause
// The submission and completion rings in memory that driver and device share. Indices count modulo 65536, as
// the device's do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tally/device.hpp"

namespace tally::ring {

/// Driver: producer. `memory` holds 2^log2 descriptors. How far the device has read is told in completions
/// only, and posted receives rest in the device without one: the driver posts a Nop now and then, which
/// completes at once. Hence at least two entries.
class SubmissionRing {
 public:
  SubmissionRing(std::span<std::byte> memory, unsigned log2) : memory_(memory), size_(1u << log2) {}
  [[nodiscard]] std::uint16_t tail() const { return tail_; }
  /// Entries that the device may not have consumed yet, as far as completions told.
  [[nodiscard]] std::uint32_t unconsumed() const { return static_cast<std::uint16_t>(tail_ - head_); }
  /// The entry of this index may not have been consumed yet.
  [[nodiscard]] bool holds(std::uint16_t index) const {
    return static_cast<std::uint16_t>(index - head_) < unconsumed();
  }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  /// Stores the next entry; unconsumed() is less than size().
  void push(std::span<const std::byte, 64> descriptor);
  /// Takes over a completion's sq_head. False: the device claims to have consumed what was never posted.
  [[nodiscard]] bool set_head(std::uint16_t head);

 private:
  std::span<std::byte> memory_;
  std::uint32_t size_;
  std::uint16_t tail_ = 0;
  std::uint16_t head_ = 0;
};

/// Driver: consumer. `memory` holds 2^log2 completions, all zero at the start.
class CompletionRing {
 public:
  CompletionRing(std::span<std::byte> memory, unsigned log2) : memory_(memory), size_(1u << log2) {}
  /// An entry is there.
  [[nodiscard]] bool ready() const;
  /// Takes the next entry; false: none is there.
  [[nodiscard]] bool next(device::Cqe* out);
  [[nodiscard]] std::uint16_t head() const { return head_; }

 private:
  std::span<std::byte> memory_;
  std::uint32_t size_;
  std::uint16_t head_ = 0;
};

}  // namespace tally::ring
