// SPDX-License-Identifier: BSD-3-Clause
// Registered memory for messages of the library itself, in slots that are reused.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "engine/engine.hpp"
#include "tally/tally.h"

namespace tally::api {

struct Slot {
  std::byte* data = nullptr;  ///< nullptr: none. Begins at a cache line
  tally_memory* region = nullptr;
  std::uint8_t size_class = 0;
};

/// Grows to what is needed at once, and keeps it.
class MessageSlots {
 public:
  using Register = std::function<Status(void* base, std::size_t bytes, tally_memory** region)>;
  static constexpr std::size_t kLeast = 8192;

  explicit MessageSlots(Register register_memory) : register_(std::move(register_memory)) {}
  /// A slot of at least so many bytes.
  Status take(std::size_t bytes, Slot* slot);
  /// *slot is none afterwards. Does not allocate.
  void give(Slot* slot) noexcept;

 private:
  struct Delete {
    void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, std::align_val_t{64}); }
  };
  Status grow(std::uint8_t size_class);

  Register register_;
  std::array<std::vector<Slot>, 48> free_;  ///< [c]: of kLeast << c bytes
  std::array<std::size_t, 48> made_{};
  std::vector<std::unique_ptr<std::byte[], Delete>> slabs_;
};

}  // namespace tally::api
