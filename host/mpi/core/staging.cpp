// SPDX-License-Identifier: BSD-3-Clause
#include "core/staging.hpp"

#include <array>
#include <bit>
#include <new>

namespace tally::mpi {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr unsigned kSmallest = 8;              // 256 bytes
constexpr unsigned kLargestKept = 24;          // 16 MiB: larger blocks go back to the system at once
constexpr std::uint64_t kMostIdle = 64 << 20;  // bytes

struct Idle {
  Idle* next;
};
std::array<Idle*, kLargestKept + 1> idle_blocks{};
std::uint64_t idle_bytes = 0;

unsigned size_class(std::uint64_t bytes) noexcept {
  const auto bits = static_cast<unsigned>(bytes < 2 ? 0 : std::bit_width(bytes - 1));
  return bits < kSmallest ? kSmallest : bits;
}

void to_system(void* block) noexcept { ::operator delete (block, std::align_val_t{kAlignment}); }

}  // namespace

std::byte* take_staging(std::uint64_t bytes) {
  const unsigned which = size_class(bytes);
  if (which > kLargestKept)
    return static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}));
  if (Idle* const block = idle_blocks[which]; block != nullptr) {
    idle_blocks[which] = block->next;
    idle_bytes -= std::uint64_t{1} << which;
    return reinterpret_cast<std::byte*>(block);
  }
  return static_cast<std::byte*>(::operator new (std::size_t{1} << which, std::align_val_t{kAlignment}));
}

void give_staging(std::byte* block, std::uint64_t bytes) noexcept {
  if (block == nullptr) return;
  const unsigned which = size_class(bytes);
  if (which > kLargestKept || idle_bytes + (std::uint64_t{1} << which) > kMostIdle) {
    to_system(block);
    return;
  }
  idle_blocks[which] = new (block) Idle{idle_blocks[which]};
  idle_bytes += std::uint64_t{1} << which;
}

void drop_staging() noexcept {
  for (Idle*& first : idle_blocks) {
    while (first != nullptr) {
      Idle* const next = first->next;
      to_system(first);
      first = next;
    }
  }
  idle_bytes = 0;
}

}  // namespace tally::mpi
