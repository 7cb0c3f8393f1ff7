// SPDX-License-Identifier: BSD-3-Clause
// Messages whose buffer is a list of segments: their way through one registered buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "api/objects.hpp"
#include "engine/engine.hpp"
#include "tally/tally.h"

namespace tally::api {

/// A list of segments as the program gave it, measured.
struct SegmentList {
  const tally_segment* segments = nullptr;
  std::size_t count = 0;
  std::size_t bytes = 0;
  /// Where all bytes lie, one behind the other; nullptr where they do not (or there are none).
  void* contiguous = nullptr;
};

/// Checks and measures; the message names segments[i].
Status measure(const tally_segment* segments, std::size_t count, SegmentList* list);

/// One message's bytes in one piece.
struct StagingBuffer {
  struct FreePages {
    void operator()(std::byte* pages) const noexcept;
  };
  std::unique_ptr<std::byte, FreePages> memory;
  std::size_t capacity = 0;  ///< a power of two
  tally_memory region;       ///< where it is `registered`
  bool registered = false;
  std::vector<tally_segment> segments;  ///< of a receive: where the bytes go

  void gather(const SegmentList& list) const noexcept;
  /// The first `bytes` of it.
  void scatter(std::size_t bytes) const noexcept;
};

/// Buffers that have been used wait for the next message of their size. A registered buffer stays so.
class StagingPool {
 public:
  /// A buffer of at least `bytes`, above 0. Throws std::bad_alloc.
  [[nodiscard]] StagingBuffer* take(std::size_t bytes);
  /// Gives it back. More idle memory than kIdle is given up, where the engine has no use for it any more.
  void give(Engine& engine, StagingBuffer* buffer) noexcept;

 private:
  static constexpr std::size_t kSmallest = 4096;
  static constexpr std::size_t kIdle = 64u << 20;

  std::vector<std::unique_ptr<StagingBuffer>> buffers_;
  std::vector<StagingBuffer*> idle_;
  std::size_t idle_bytes_ = 0;
};

}  // namespace tally::api
