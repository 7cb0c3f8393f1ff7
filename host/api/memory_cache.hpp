// SPDX-License-Identifier: BSD-3-Clause
// Registers what a program did not: the buffers of its operations, on first use.
//
// Where one registration may cover all of the process's memory (Capabilities::whole_memory), it does, and no
// buffer is looked up again. Elsewhere the cache keeps regions of whole pages. They do not overlap: what
// touches a new one is merged with it. Regions stay until their entries are needed; the one that was least
// recently used and that no operation is in goes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "api/objects.hpp"
#include "engine/engine.hpp"

namespace tally::api {

class MemoryCache {
 public:
  /// `engine` outlives it. Nothing is registered yet.
  MemoryCache(Engine& engine, tally_endpoint* endpoint) : engine_(engine), endpoint_(endpoint) {}

  /// Covers all of the memory that the engine's Capabilities::whole_memory tells. Needed once.
  Status register_all();
  /// The region of register_all(), or nullptr.
  [[nodiscard]] tally_memory* all() const noexcept { return all_.get(); }

  /// A region that holds [buffer, buffer + length), length above 0; it is registered where there is none. It
  /// stays until the next call; counted in its `users`, or given as `keep` to that call, also longer.
  /// program_regions: entries of the engine that are in use otherwise. TALLY_AGAIN: the engine has no entry
  /// until an operation under way ends.
  Status find(const void* buffer, std::size_t length, const tally_memory* keep, std::size_t program_regions,
              tally_memory** region);

  void add_counters(tally_counters& counters) const noexcept {
    counters.memory_cache_hits += hits_;
    counters.memory_cache_misses += misses_;
    counters.memory_cache_evictions += evictions_;
  }

 private:
  struct Entry {
    std::unique_ptr<tally_memory> region;
    std::uint64_t used = 0;  ///< look-up that used it last
  };
  using Entries = std::vector<Entry>;

  Status add(std::uintptr_t first, std::uintptr_t end, const tally_memory* keep, std::size_t program_regions,
             tally_memory** region);
  Status register_entry(tally_memory& region, std::size_t program_regions);
  /// Ends the registration; false while the region is in use.
  [[nodiscard]] bool ended(const tally_memory& region, const tally_memory* keep);
  /// Takes the one that is idle for longest out of entries_; false when none is idle.
  [[nodiscard]] bool evict(const tally_memory* keep, std::size_t* evicted);

  Engine& engine_;
  tally_endpoint* endpoint_;
  std::unique_ptr<tally_memory> all_;
  Entries entries_;                                      ///< by address
  std::vector<std::unique_ptr<tally_memory>> replaced_;  ///< by a larger one, while operations are in them
  std::size_t last_ = 0;                                 ///< entry of the last look-up
  std::uint64_t lookups_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace tally::api
