// SPDX-License-Identifier: BSD-3-Clause
// What one direction of one link does to frames: loss, duplication, reordering, corruption.
#pragma once

#include <cstdint>
#include <span>

#include "sim/fabric/fabric.hpp"

namespace tally::sim {

class Impairment {
 public:
  /// `link` tells the links apart: each has its own generator, so that the fate of a link's frames depends on
  /// the seed, the link and how many frames it has carried, not on the other links.
  Impairment(const FabricConfig& config, std::uint64_t link);

  struct Fate {
    bool lost = false;
    bool duplicated = false;  ///< a copy goes on as if nothing had happened
    bool held = false;        ///< for reorder_ns; frames behind it pass
    bool corrupted = false;   ///< corrupt() is due
  };
  /// A frame crosses the link. Who asks does what the fate says; it is counted here.
  [[nodiscard]] Fate cross() { return active_ ? draw() : Fate{}; }
  /// Flips one to three different bits behind the Ethernet addresses.
  void corrupt(std::span<std::byte> frame);

  struct Counts {
    std::uint64_t lost = 0, duplicated = 0, reordered = 0, corrupted = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  [[nodiscard]] Fate draw();
  [[nodiscard]] std::uint64_t next();
  [[nodiscard]] bool happens(double probability);

  double loss_, duplicate_, reorder_, corrupt_;
  bool active_;
  std::uint64_t state_;
  Counts counts_;
};

}  // namespace tally::sim
