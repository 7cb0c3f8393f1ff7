// SPDX-License-Identifier: BSD-3-Clause
// The endpoint's memory regions. A key is an entry and a tag that changes with each use of the entry, so that
// a key that outlived its region is refused, by the driver and by the device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "engine/engine.hpp"
#include "engine/ring/registers.hpp"
#include "tally/device.hpp"

namespace tally::ring {

class RegionTable {
 public:
  RegionTable(Registers& registers, unsigned endpoint) : registers_(registers), endpoint_(endpoint) {}
  Status add(const void* base, std::size_t length, std::uint32_t* key);
  /// TALLY_ERR_BUSY while operations use it; TALLY_ERR_ARGUMENT for a key that names no region.
  Status remove(std::uint32_t key);
  /// Invalidates all; what fails is left to a device that is gone.
  void remove_all();
  /// [base, base + length) lies within the region of `key`. A length of 0 needs no region.
  [[nodiscard]] bool covers(std::uint32_t key, const void* base, std::uint64_t length) const;
  /// Operations under way that use a region; `key` is one that covers() accepted with a length above 0.
  void use(std::uint32_t key) { ++regions_[key & 0xff].users; }
  void release(std::uint32_t key) { --regions_[key & 0xff].users; }

 private:
  struct Region {
    bool valid = false;
    std::uint32_t tag = 0;  // 21 bits
    std::uint64_t base = 0;
    std::uint64_t length = 0;
    std::uint32_t users = 0;
  };
  [[nodiscard]] const Region* find(std::uint32_t key) const;

  [[nodiscard]] std::uint32_t word_of(std::size_t entry) const;
  [[nodiscard]] std::uint32_t offset(std::uint32_t ep_register) const;

  Registers& registers_;
  unsigned endpoint_;
  std::array<Region, device::kMrEntries> regions_{};
};

}  // namespace tally::ring
