// SPDX-License-Identifier: BSD-3-Clause
// Who gives out the contexts of groups.
//
// A context of a group is a number from 1 to kGroupContexts - 1 that no other living group with a common rank
// has; 0 is that of all ranks. The group's leader takes it and gives it back. Of a group with context c,
// channel k has context c | k << kChannelShift.
#pragma once

#include <array>
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

/// Not thread-safe within a process.
class ContextPool {
 public:
  virtual ~ContextPool() = default;
  /// Takes the smallest free context: a device has room for collectives in the small ones. False: none is
  /// free.
  [[nodiscard]] virtual bool take(std::uint16_t* context) noexcept = 0;
  virtual void give(std::uint16_t context) noexcept = 0;
};

/// All ranks of the job take from the bits in its segment: bit c % 64 of word c / 64 is set while c is taken.
class SharedContexts final : public ContextPool {
 public:
  explicit SharedContexts(std::span<std::atomic<std::uint64_t>> taken) noexcept : taken_(taken) {}
  [[nodiscard]] bool take(std::uint16_t* context) noexcept override;
  void give(std::uint16_t context) noexcept override;

 private:
  std::span<std::atomic<std::uint64_t>> taken_;
};

/// For ranks without memory in common: rank r of n leads groups with contexts 1 + r, 1 + r + n, and so on.
class OwnContexts final : public ContextPool {
 public:
  OwnContexts(std::uint32_t rank, std::uint32_t ranks) noexcept : first_(1 + rank), step_(ranks) {}
  [[nodiscard]] bool take(std::uint16_t* context) noexcept override;
  void give(std::uint16_t context) noexcept override;

 private:
  std::uint32_t first_;
  std::uint32_t step_;
  std::array<std::uint64_t, kGroupContexts / 64> taken_{};
};

/// The pool of a rank: shared where the job's segment is that of all its ranks.
[[nodiscard]] std::unique_ptr<ContextPool> make_context_pool(const job::Membership& job);

}  // namespace tally::api
