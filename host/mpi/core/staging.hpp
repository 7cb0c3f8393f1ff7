// SPDX-License-Identifier: BSD-3-Clause
// Memory for packed data: taken and given back for each operation whose datatype is not contiguous.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace tally::mpi {

/// At least `bytes` bytes, aligned to 64; from a pool of blocks in powers of two. Needs the library's lock.
/// Throws std::bad_alloc.
[[nodiscard]] std::byte* take_staging(std::uint64_t bytes);
/// `bytes` as it was taken. nullptr: no effect.
void give_staging(std::byte* block, std::uint64_t bytes) noexcept;
/// Gives the pool's idle memory back to the system.
void drop_staging() noexcept;

/// Owns a block of the pool.
class Staging {
 public:
  Staging() noexcept = default;
  explicit Staging(std::uint64_t bytes) : block_(take_staging(bytes)), bytes_(bytes) {}
  Staging(Staging&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  Staging& operator=(Staging&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Staging() { give_staging(block_, bytes_); }
  [[nodiscard]] std::byte* data() const noexcept { return block_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  explicit operator bool() const noexcept { return block_ != nullptr; }

 private:
  std::byte* block_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace tally::mpi
