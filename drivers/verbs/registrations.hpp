// SPDX-License-Identifier: BSD-3-Clause
// Memory that the device reads and writes for operations: registered when one needs it, shared between those
// that overlap in time, and kept for the next one where that is safe.
//
// A registration pins the pages that a range of addresses had when it was made. A program that gives memory
// back and gets other pages at the same address would be read from, or written to, in pages that are no longer
// its own. So registrations outlive their operations only where the device follows the address space by itself
// (on-demand paging), or where an AddressWatch tells which ranges have changed; otherwise they end with the
// last operation that uses them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "drivers/verbs/address_watch.hpp"
#include "drivers/verbs/device.hpp"

namespace tally::verbs {

struct Region {
  std::uintptr_t first = 0;
  std::uintptr_t end = 0;
  std::uint32_t users = 0;
  std::uint64_t used = 0;  ///< look-up that used it last
  bool writable = false;   ///< by the device
  bool stale = false;      ///< some of its addresses have changed: nobody new may use it
  Owned<ibv_mr> memory;
};

/// TALLY_VERBS_REGISTRATIONS.
enum class Keep : std::uint8_t {
  kAuto,   ///< where it is safe
  kNever,  ///< "operation"
  kAlways, ///< "keep": the program promises not to give back memory that was used in messages
};
/// Throws Error that names the variable.
[[nodiscard]] Keep keep_of_environment();

class Registrations {
 public:
  static constexpr std::size_t kMostIdle = 128;  ///< regions that no operation is in
  static constexpr std::size_t kMostIdleBytes = std::size_t{2} << 30;

  /// `device` outlives it.
  Registrations(const Device& device, Keep keep);
  /// A region that holds [base, base + bytes), bytes above 0, for an operation; release() ends its use. nullptr where
  /// the memory cannot be registered.
  [[nodiscard]] Region* acquire(const void* base, std::size_t bytes, bool writable) noexcept;
  void release(Region* region) noexcept;

  [[nodiscard]] std::uint64_t hits() const noexcept { return hits_; }
  [[nodiscard]] std::uint64_t misses() const noexcept { return misses_; }
  /// "on-demand paging", "userfaultfd", "operation", "keep": what keeps registrations, for people.
  [[nodiscard]] const char* policy() const noexcept { return policy_; }

 private:
  void drop(std::size_t at) noexcept;
  void evict() noexcept;
  void take_changes() noexcept;

  const Device& device_;
  const char* policy_ = "operation";
  bool keeps_ = false;
  bool on_demand_ = false;
  std::unique_ptr<AddressWatch> watch_;
  std::vector<std::unique_ptr<Region>> regions_;  ///< the one used last is at the end
  std::size_t idle_ = 0;
  std::size_t idle_bytes_ = 0;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> changed_;
  std::uint64_t lookups_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
};

}  // namespace tally::verbs
