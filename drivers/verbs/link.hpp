// SPDX-License-Identifier: BSD-3-Clause
// What a rank has of its device before it knows its peers: queues and the greeter.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "drivers/verbs/device.hpp"
#include "drivers/verbs/greeter.hpp"
#include "drivers/verbs/message.hpp"

namespace tally::verbs {

/// What a work request is, in the upper byte of its wr_id; below: 24 bits of the peer, 32 bits of a number.
enum class Work : std::uint8_t { kReceive = 1, kSend, kRead, kGreet, kGreeted };
[[nodiscard]] constexpr std::uint64_t work_id(Work work, std::uint32_t peer, std::uint32_t number) noexcept {
  return static_cast<std::uint64_t>(work) << 56 | static_cast<std::uint64_t>(peer) << 32 | number;
}

class Link {
 public:
  /// `library` outlives it. Throws Error.
  Link(const Library& library, const Choice& choice, std::uint32_t ranks);

  /// What this rank tells the others. `job`: drawn at random by rank 0, whatever by others.
  [[nodiscard]] std::string card(std::uint64_t job) const;

  [[nodiscard]] const Library& library() const noexcept { return device.library(); }

  // Ended in the reverse order.
  Device device;
  Owned<ibv_comp_channel> channel;
  Owned<ibv_cq> completions;
  Owned<ibv_srq> receives;
  Greeter greeter;
};

}  // namespace tally::verbs
