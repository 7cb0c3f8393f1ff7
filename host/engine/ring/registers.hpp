// SPDX-License-Identifier: BSD-3-Clause
// Register access for set-up and control, where waiting for room in the window's queue is right.
#pragma once

#include <cstdint>

#include "engine/engine.hpp"
#include "engine/ring/bar.hpp"

namespace tally::ring {

/// Bounded writes and reads of a Bar. The hot path uses the Bar itself and never waits.
class Registers {
 public:
  explicit Registers(Bar& bar) : bar_(bar) {}
  /// Waits for room, at most kLimit. TALLY_ERR_JOB when the device is gone or takes nothing.
  Status write(std::uint32_t offset, std::uint32_t value);
  Status write64(std::uint32_t low_offset, std::uint64_t value);
  Status read(std::uint32_t offset, std::uint32_t* value);

 private:
  Bar& bar_;
};

}  // namespace tally::ring
