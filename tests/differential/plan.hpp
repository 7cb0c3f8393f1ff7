// SPDX-License-Identifier: BSD-3-Clause
// A random program of messages and collectives, the same on every rank, and what MPI's matching rules say of it.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace tally::test {

inline constexpr int kAny = -1;
inline constexpr int kUnusedTag = 77;  ///< of no message

/// One message; `index` numbers the messages of a phase.
struct Message {
  int source;
  int destination;
  int tag;
  std::uint32_t length;
  std::uint32_t index;
};

/// How a receive of the plan is made. Each way takes the message that a plain receive in its place would take.
enum class How {
  kReceive,
  kCancelAndRepeat,  ///< posted and cancelled at once; if that succeeded, posted again
  kProbe,            ///< the receive is posted for what a probe reported
  kClaim,            ///< mprobe and mrecv
  kClaimLate,        ///< mprobe; mrecv when all other receives are posted
};

/// One receive of a phase, in posting order of its rank, and the message that it must get.
struct Receive {
  int source;  ///< or kAny
  int tag;     ///< or kAny
  std::uint32_t room;
  std::int64_t expected;  ///< index of the message; -1: any of those that fit (any-source)
  How how = How::kReceive;
};

enum class PostOrder { kReceivesFirst, kSendsFirst, kMixed };

/// What all ranks wait for in the middle of a phase.
enum class Sync {
  kNone,
  kAfterSends,     ///< every message is sent before the first receive: deep unexpected queues
  kAfterReceives,  ///< every receive is posted before the first message: deep posted queues. No probes then
};

enum class Depth { kFlat, kDeep, kDeepUnexpected, kDeepPosted };

/// One phase of tagged messages in one context.
struct MessagePhase {
  std::vector<Message> messages;               ///< in the order in which each source sends
  std::vector<std::vector<Receive>> receives;  ///< by rank
  std::vector<PostOrder> order;                ///< by rank
  bool duplicate_context;                      ///< use the duplicate of the world group
  Sync sync = Sync::kNone;
};

/// The message that a receive of (source, tag) takes first from `pending` (sent in this order by one source): the
/// earliest one that fits. MPI 4.1 section 3.5, "Order".
std::size_t earliest_match(const std::vector<Message>& pending, int source, int tag);

/// Makes a phase for `ranks` ranks. Every receive has its message, whatever the timing. Deep phases have hundreds of
/// short messages, most of them to one rank.
MessagePhase make_message_phase(std::mt19937_64& random, int ranks, std::uint32_t max_bytes, Depth depth);

/// Byte i of the payload of a message.
std::uint8_t payload_byte(std::uint64_t phase, const Message& message, std::uint64_t i);

}  // namespace tally::test
