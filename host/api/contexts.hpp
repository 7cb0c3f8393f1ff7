// SPDX-License-Identifier: BSD-3-Clause
// Who gives out the contexts of groups.
//
// A context of a group is a number from 1 to kGroupContexts - 1 that no other living group with a common rank
// has; 0 is that of all ranks. The group's leader takes it and gives it back. Of a group with context c,
// channel k has context c | k << kChannelShift.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/engine.hpp"
#include "job/job.hpp"

namespace tally::api {

inline constexpr unsigned kChannelShift = 12;
inline constexpr unsigned kChannels = 4;
/// Messages of the library itself about one group.
inline constexpr unsigned kLibraryChannel = 3;
static_assert(kGroupContexts == 1u << kChannelShift);

/// The contexts that leaders on one host take from: bit c % 64 of word c / 64 in the host's segment is set while
/// c is taken, or belongs to another host. A job on one host has them all there. Of several hosts that of rank 0,
/// which leads all groups that it is in front of, has every second number, and the others share the rest.
/// Not thread-safe within a process; processes of a host may call at once.
class ContextPool {
 public:
  ContextPool(std::span<std::atomic<std::uint64_t>> taken, std::uint32_t host, std::uint32_t hosts) noexcept;
  /// Takes the smallest free context: a device has room for collectives in the small ones. False: none is
  /// free.
  [[nodiscard]] bool take(std::uint16_t* context) noexcept;
  void give(std::uint16_t context) noexcept;

 private:
  std::span<std::atomic<std::uint64_t>> taken_;
};

/// The pool of a rank's host.
[[nodiscard]] std::unique_ptr<ContextPool> make_context_pool(const job::Membership& job);

}  // namespace tally::api
