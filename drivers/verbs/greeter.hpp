// SPDX-License-Identifier: BSD-3-Clause
// How two ranks connect when one of them first has something for the other: by datagrams on an unreliable
// queue pair whose number the launcher's exchange has told.
//
// Who wants to talk makes its queue pairs and greets the peer with their numbers, again and again until it has
// an answer. Who is greeted makes its own, brings them up and accepts; the one accepted brings up its own and
// says something on them at once: that tells the other side that it may send. Greetings that cross are each
// answered. A lost datagram is replaced by the next greeting.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "drivers/verbs/device.hpp"
#include "drivers/verbs/message.hpp"

namespace tally::verbs {

class Greeter {
 public:
  static constexpr std::uint32_t kReceives = 64;
  static constexpr std::uint32_t kSends = 16;

  /// Completions come to `queue`, with wr_id `send_id` and `receive_id` plus the number of a place. Throws Error.
  Greeter(const Device& device, ibv_cq* queue, std::uint64_t send_id, std::uint64_t receive_id, std::uint32_t ranks);

  [[nodiscard]] std::uint32_t qpn() const noexcept { return qp_->qp_num; }
  /// Where the peer's greeter is. Throws Error.
  void add_peer(std::uint32_t rank, const Address& address, std::uint32_t qpn);
  /// Sends, or does not: it is tried again by who calls.
  void send(std::uint32_t rank, const Greeting& greeting) noexcept;
  /// A send has ended.
  void sent() noexcept { --sending_; }
  /// What has come to a place, `bytes` as in the completion; false when it is no greeting.
  [[nodiscard]] bool received(std::uint32_t place, std::size_t bytes, Greeting* greeting) noexcept;

 private:
  static constexpr std::uint32_t kRoute = 40;  ///< bytes that the device puts before a datagram
  struct Place {
    std::byte route[kRoute];
    Greeting greeting;
    std::byte padding[48];
  };
  static_assert(sizeof(Place) == 128);
  struct Peer {
    Owned<ibv_ah> way;
    std::uint32_t qpn = 0;
  };

  void post(std::uint32_t place) noexcept;

  const Device& device_;
  std::uint64_t send_id_;
  std::uint64_t receive_id_;
  std::uint32_t sending_ = 0;
  std::uint32_t next_ = 0;
  std::vector<Place> places_;  ///< of receives, then of sends
  std::vector<Peer> peers_;
  // Ended in the reverse order.
  Owned<ibv_mr> memory_;
  Owned<ibv_qp> qp_;
};

}  // namespace tally::verbs
