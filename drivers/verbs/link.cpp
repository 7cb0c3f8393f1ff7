// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/link.hpp"

#include <algorithm>
#include <cstring>

namespace tally::verbs {

Link::Link(const Library& library, const Choice& choice, std::uint32_t ranks)
    : device(library, choice),
      channel(device.create_channel()),
      // Room for whatever may be under way, so that it never overruns.
      completions(device.create_queue(
          static_cast<int>(ranks * (kWindow + kControls + kSendDepth + kReadDepth) + Greeter::kReceives + Greeter::kSends),
          channel.get())),
      receives(device.create_shared_receive_queue(ranks * (kWindow + kControls))),
      greeter(device, completions.get(), work_id(Work::kGreet, 0, 0), work_id(Work::kGreeted, 0, 0), ranks) {}

std::string Link::card(std::uint64_t job) const {
  Card card;
  card.greeter_qpn = greeter.qpn();
  card.job = job;
  card.reads_served = static_cast<std::uint8_t>(std::clamp(device.limits().max_qp_rd_atom, 1, 255));
  card.address = device.address();
  const std::size_t length = std::min(device.name().size(), sizeof card.device - 1);
  std::memcpy(card.device, device.name().data(), length);
  return {reinterpret_cast<const char*>(&card), sizeof card};
}

}  // namespace tally::verbs
