// SPDX-License-Identifier: BSD-3-Clause
// Registered memory for the intermediate data of collectives: buffers that are used again, each by one
// collective at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/engine.hpp"
#include "engine/ring/regions.hpp"

namespace tally::ring {

/// Of what collectives have given back the smallest buffer that is large enough is taken again; one that is
/// too small is replaced, so that there are never more buffers than collectives that ran at once. All stay
/// registered.
class ScratchPool {
 public:
  /// At most `most` buffers at a time; `regions` outlives the pool.
  ScratchPool(RegionTable& regions, std::size_t most) : regions_(regions), most_(most) {
    buffers_.reserve(most);
  }

  /// A buffer of at least `bytes` (above 0); *index names it until give(). TALLY_AGAIN: not before another
  /// one is given back. TALLY_ERR_NO_MEMORY: neither then.
  Status take(std::uint64_t bytes, int* index);
  void give(int index) { buffers_[static_cast<std::size_t>(index)].used = false; }
  /// Page-aligned.
  [[nodiscard]] const std::byte* address(int index) const {
    return buffers_[static_cast<std::size_t>(index)].memory.get();
  }
  [[nodiscard]] std::uint32_t key(int index) const { return buffers_[static_cast<std::size_t>(index)].key; }

 private:
  struct FreePages {
    void operator()(std::byte* p) const;
  };
  struct Buffer {
    std::unique_ptr<std::byte, FreePages> memory;
    std::uint64_t bytes = 0;  ///< 0: nothing is registered
    std::uint32_t key = 0;
    bool used = false;
  };
  Status fill(Buffer& buffer, std::uint64_t bytes);

  RegionTable& regions_;
  std::size_t most_;
  std::vector<Buffer> buffers_;
};

}  // namespace tally::ring
