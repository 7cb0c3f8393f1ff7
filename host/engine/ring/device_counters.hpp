// SPDX-License-Identifier: BSD-3-Clause
// The device's 32-bit counters as 64-bit ones.
#pragma once

#include <cstdint>

#include "engine/ring/bar.hpp"
#include "tally/tally.h"

namespace tally::ring {

/// Each update extends the registers by what they moved on since the last one; a counter that wraps twice in
/// between loses 2^32 (for beats: 256 GiB), so long-running programs read their counters now and then.
class DeviceCounters {
 public:
  /// Takes the values at this moment as zero.
  void start(Bar& bar);
  /// Reads the device and adds what it counted since start(). A device that is gone adds what was last seen.
  void add(Bar& bar, tally_counters& counters);

 private:
  struct Counter {
    std::uint32_t last = 0;
    std::uint64_t total = 0;
  };
  static constexpr int kCount = 12;
  bool read(Bar& bar);
  Counter counters_[kCount];
};

}  // namespace tally::ring
