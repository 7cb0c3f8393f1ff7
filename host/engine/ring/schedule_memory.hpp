// SPDX-License-Identifier: BSD-3-Clause
// The device's schedule memory as a cache of programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/engine.hpp"
#include "engine/ring/bar.hpp"
#include "schedule/schedule.hpp"

namespace tally::ring {

/// Programs stay until room is needed; the one that was used longest ago goes first. It is written only while
/// the sequencer is idle, which the engine knows: it posts collectives one by one.
class ScheduleMemory {
 public:
  explicit ScheduleMemory(Bar& bar);
  /// The device can run it in a job of `nodes`; otherwise what is wrong.
  [[nodiscard]] static Status check(const schedule::Program& program, unsigned nodes);
  /// Brings the program into the device, as far as the window's queue takes writes: false, call again. True:
  /// *at is its header entry. Call with one program until true.
  [[nodiscard]] bool load(const schedule::Program& program, std::uint16_t* at);
  [[nodiscard]] bool cached(std::uint64_t id) const;
  /// Programs written so far, for tests.
  [[nodiscard]] std::uint64_t loads() const { return loads_; }

 private:
  struct Resident {
    std::uint64_t id;
    std::uint32_t first;
    std::uint32_t entries;
    std::uint64_t used;
  };
  [[nodiscard]] std::uint32_t place(std::uint32_t entries);
  void encode(const schedule::Program& program);

  Bar& bar_;
  std::vector<Resident> residents_;   // by `first`
  std::vector<std::uint32_t> words_;  // of the program being written, 8 an entry
  std::size_t written_ = 0;           // 0: its address is still to be set; k: k - 1 words are written
  std::uint64_t writing_ = 0;         // its id; 0: none
  std::uint32_t first_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t loads_ = 0;
};

}  // namespace tally::ring
