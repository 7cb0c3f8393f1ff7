// SPDX-License-Identifier: BSD-3-Clause
#include "api/message_slots.hpp"

#include <algorithm>
#include <bit>
#include <new>

namespace tally::api {
namespace {

/// Allocated and registered at once: an engine may have room for few regions.
constexpr std::size_t kSlabBytes = 256u << 10;
constexpr std::size_t kMostBytes = 8u << 20;

}  // namespace

Status MessageSlots::take(std::size_t bytes, Slot* slot) {
  const std::size_t size = std::bit_ceil(std::max(bytes, kLeast));
  const auto size_class = static_cast<std::uint8_t>(std::countr_zero(size / kLeast));
  std::vector<Slot>& free = free_[size_class];
  if (free.empty()) {
    Status status = grow(size_class);
    if (!status.ok()) return status;
  }
  *slot = free.back();
  free.pop_back();
  return {};
}

void MessageSlots::give(Slot* slot) noexcept {
  if (slot->data != nullptr) free_[slot->size_class].push_back(*slot);  // within the capacity of grow()
  *slot = Slot{};
}

Status MessageSlots::grow(std::uint8_t size_class) {
  const std::size_t size = kLeast << size_class;
  // As many as there are, so that few slabs hold many slots; but what is large is not made in stock.
  const std::size_t count =
      std::max({std::size_t{1}, kSlabBytes / size, std::min(made_[size_class], kMostBytes / size)});
  std::unique_ptr<std::byte[], Delete> slab(
      static_cast<std::byte*>(::operator new[](size* count, std::align_val_t{64})));
  tally_memory* region = nullptr;
  free_[size_class].reserve(made_[size_class] + count);
  slabs_.reserve(slabs_.size() + 1);
  Status status = register_(slab.get(), size * count, &region);
  if (!status.ok()) return status;
  for (std::size_t k = count; k-- > 0;)
    free_[size_class].push_back({slab.get() + k * size, region, size_class});
  made_[size_class] += count;
  slabs_.push_back(std::move(slab));
  return {};
}

}  // namespace tally::api
