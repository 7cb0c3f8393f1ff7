// SPDX-License-Identifier: BSD-3-Clause
// A random program of messages and collectives, the same on every rank, and what MPI's matching rules say of it.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace tally::test {

inline constexpr int kAny = -1;

/// One message; `index` numbers the messages of a phase.
struct Message {
  int source;
  int destination;
  int tag;
  std::uint32_t length;
  std::uint32_t index;
};

/// One receive of a phase, in posting order of its rank, and the message that it must get.
struct Receive {
  int source;  ///< or kAny
  int tag;     ///< or kAny
  std::uint32_t room;
  std::int64_t expected;  ///< index of the message; -1: any of those that fit (any-source)
};

enum class PostOrder { kReceivesFirst, kSendsFirst, kMixed };

/// One phase of tagged messages in one context.
struct MessagePhase {
  std::vector<Message> messages;               ///< in the order in which each source sends
  std::vector<std::vector<Receive>> receives;  ///< by rank
  std::vector<PostOrder> order;                ///< by rank
  bool duplicate_context;                      ///< use the duplicate of the world group
};

/// The message that a receive of (source, tag) takes first from `pending` (sent in this order by one source): the
/// earliest one that fits. MPI 4.1 section 3.5, "Order".
std::size_t earliest_match(const std::vector<Message>& pending, int source, int tag);

/// Makes a phase for `ranks` ranks. Every receive has its message.
MessagePhase make_message_phase(std::mt19937_64& random, int ranks, std::uint32_t max_bytes);

/// Byte i of the payload of a message.
std::uint8_t payload_byte(std::uint64_t phase, const Message& message, std::uint64_t i);

}  // namespace tally::test
