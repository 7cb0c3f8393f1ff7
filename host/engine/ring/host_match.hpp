// SPDX-License-Identifier: BSD-3-Clause
// Receives and messages that the host matches while it stands in for the device.
//
// Receives lie in a table by what they ask for (exact, any source, any tag, both), so that a message looks in
// four places; a message lies under the four keys that can ask for it, so that a receive looks in one. Each
// place is ordered by age. A step costs O(log n) whatever the mix of keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "engine/ring/operations.hpp"

namespace tally::ring {

/// What a receive or probe asks for; a message is under one key of each wildcard class.
struct MatchKey {
  std::uint32_t tag = 0;
  std::uint16_t context = 0;
  std::uint16_t source = 0;
  std::uint8_t flags = 0;  ///< MsgFlag AnySource, AnyTag; fields that these exclude are 0
  bool operator==(const MatchKey&) const = default;
};
[[nodiscard]] MatchKey key_of(const device::RecvDesc& receive);

/// A message that the device has handed over.
struct Message {
  device::MsgHeader header{};
  std::vector<std::byte> payload;  ///< Eager
  [[nodiscard]] bool rendezvous() const {
    return header.ptype == static_cast<std::uint8_t>(device::PacketType::kRts);
  }
};

class HostMatch {
 public:
  // Receives, by their age (Operation::order).
  void add_receive(std::uint64_t age, const device::RecvDesc& receive, OperationIndex index);
  void remove_receive(std::uint64_t age, const device::RecvDesc& receive);
  /// The oldest receive that takes the message; kNoOperation: none.
  [[nodiscard]] OperationIndex receive_for(const device::MsgHeader& message) const;
  /// The oldest receive; there is one.
  [[nodiscard]] OperationIndex oldest_receive() const { return receives_.begin()->second; }
  [[nodiscard]] std::size_t receives() const { return receives_.size(); }

  // Messages, in the order in which they are added.
  void add_message(Message message);
  /// Names the oldest message that `receive` takes, until it is taken; nullptr: none.
  [[nodiscard]] const Message* message_for(const device::RecvDesc& receive) const;
  /// Takes it out. There is one.
  [[nodiscard]] Message take_message_for(const device::RecvDesc& receive);
  [[nodiscard]] std::size_t messages() const { return messages_.size(); }

  void clear();

 private:
  struct Hash {
    std::size_t operator()(const MatchKey& key) const;
  };
  std::map<std::uint64_t, OperationIndex> receives_;
  std::unordered_map<MatchKey, std::map<std::uint64_t, OperationIndex>, Hash> receives_by_key_;
  std::map<std::uint64_t, Message> messages_;
  std::unordered_map<MatchKey, std::map<std::uint64_t, const Message*>, Hash> messages_by_key_;
  std::uint64_t next_message_ = 0;
};

}  // namespace tally::ring
