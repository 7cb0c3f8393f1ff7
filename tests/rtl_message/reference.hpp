// SPDX-License-Identifier: BSD-3-Clause
// What must come of descriptors and messages: MPI matching as docs/handover.md states it, with plain lists.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "tally/device.hpp"

namespace tally::test {

/// What tally_rndv gets.
struct Matched {
  unsigned ep = 0;
  std::uint32_t tag = 0;
  std::uint16_t context = 0, source = 0;
  std::uint32_t key = 0, arrival = 0, cookie = 0, room = 0;
  std::uint64_t address = 0;
  std::uint32_t rts = 0, stamp = 0, remote_cookie = 0, remote_key = 0, length = 0;
  std::uint64_t remote_address = 0;
  bool unexpected = false;
  bool operator==(const Matched&) const = default;
};

/// Whether a Send goes as an Rts: what is inline never does.
inline bool is_rendezvous(const device::RecvDesc& send, unsigned eager_max) {
  return (send.flags & device::kMsgFlagInline) == 0 &&
         (send.length > eager_max || (send.flags & device::kMsgFlagSync) != 0);
}

class Reference {
 public:
  using Desc = device::RecvDesc;
  struct Message {
    device::MsgHeader header{};
    std::vector<std::uint8_t> payload;
  };
  /// A completion that must come, and the bytes that must be in memory then.
  struct Expected {
    device::Cqe cqe{};
    std::uint64_t address = 0;
    std::vector<std::uint8_t> bytes;
    bool arrival_cycles = true;  // cycles is that of the descriptor
  };
  struct Config {
    std::array<unsigned, 4> ranks{}, posted{}, unexpected{};
    unsigned eager_max = 0;
  };
  Config config;
  /// Whether the region table allows an access: at the descriptor and, of a posted receive, at the arrival.
  bool (*region_ok)(unsigned ep, std::uint32_t key, std::uint64_t address, std::uint32_t length) = nullptr;

  /// The device took this descriptor: completes at once, or waits for its result in posts_.
  void taken(unsigned ep, const Desc& desc, std::uint32_t arrival);
  /// The device got this message.
  void arrives(unsigned ep, const Message& message) { arrivals_.push_back({ep, message}); }
  /// The match unit answered the oldest post / arrival. Returns an error, or nothing.
  std::string post_done(unsigned result, unsigned reason, unsigned slot);
  std::string arrival_done(unsigned result, unsigned reason, bool storable);
  /// A Fin of this message reaches the sender's endpoint.
  void fin(unsigned ep, const device::MsgHeader& header);

  void expect(unsigned ep, const Expected& expected) { expected_[ep].emplace(expected.cqe.cookie, expected); }
  std::array<std::multimap<std::uint32_t, Expected>, 4> expected_;
  std::array<std::deque<Expected>, 4> spills_;
  std::deque<Matched> rendezvous_[2];  // what tally_rndv must get from tally_cmd and from tally_msg_rx
  std::array<unsigned, 15> events{};   // as the bench's events_o
  std::uint32_t spilled(unsigned ep) const { return ep_[ep].spills; }
  std::size_t unexpected(unsigned ep) const { return ep_[ep].unexpected.size(); }
  /// Unexpected entries in use, and those of them that hold a bounce slot.
  unsigned entries(unsigned ep) const;
  unsigned slots(unsigned ep) const;
  /// Copies out of bounce slots that have not completed.
  unsigned copies(unsigned ep) const;
  /// Endpoint of the i-th message that the match unit has not answered.
  unsigned arrival_endpoint(std::size_t i) const { return arrivals_.at(i).first; }
  bool posted(unsigned ep, unsigned handle) const;
  bool empty() const;

 private:
  struct Post {
    unsigned ep;
    Desc desc;
    std::uint32_t arrival;
  };
  struct Unexpected {
    Message message;
    unsigned slot = 0;
  };
  struct Endpoint {
    std::list<Post> posted;
    std::list<Unexpected> unexpected;
    std::map<unsigned, Unexpected> claimed;
    bool spill_mode = false;
    std::uint32_t spills = 0, posts = 0;
  };
  static bool accepts(const Desc& desc, const device::MsgHeader& header);
  void received(const Post& post, const Message& message, bool unexpected);
  Matched matched(const Post& post, const device::MsgHeader& header) const;
  device::Cqe base(const Desc& desc, std::uint32_t arrival) const;

  std::array<Endpoint, 4> ep_;
  std::deque<Post> posts_;
  std::deque<std::pair<unsigned, Message>> arrivals_;
};

}  // namespace tally::test
