// SPDX-License-Identifier: BSD-3-Clause
// Tagged messages of the soft engine: sending in fragments, matching, delivery.
//
// A message is a kMessage frame and kMore frames. A sender puts the messages for one destination on the wire
// one after the other, so a receiver has at most one unfinished message a sender. Frames are always taken:
// what has no receive yet goes to memory of the engine. Hence no rank waits for another's program to receive
// before its own receives go on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/soft/match_queues.hpp"
#include "engine/soft/pool.hpp"
#include "engine/soft/transport.hpp"

namespace tally::soft {

/// What the CPU did.
struct Work {
  std::uint64_t matches = 0;
  std::uint64_t reduced_bytes = 0;
  std::uint64_t copied_bytes = 0;
};

class Messages {
 public:
  Messages(Transport& transport, GrowingRing<Completion>& completions, Work& work)
      : transport_(transport), completions_(completions), work_(work) {}

  void send(const SendDescriptor& descriptor);
  void receive(const RecvDescriptor& descriptor);
  /// Completes at once.
  void probe(const ProbeDescriptor& descriptor);
  /// False when no claimed message has this number.
  [[nodiscard]] bool receive_claimed(const MrecvDescriptor& descriptor);
  /// Ends the receive unless a message has matched it.
  void cancel(std::uint32_t cookie);
  /// Whether a message that a probe may have missed has come since the last call.
  [[nodiscard]] bool take_news() noexcept { return std::exchange(news_, false); }
  /// Moves queued sends into the transport as far as there is room.
  void push_all();
  /// A kMessage or kMore frame from `source`.
  void arrive(std::uint32_t source, const Frame& frame);
  [[nodiscard]] std::string describe_pending() const;

 private:
  struct SendOp {
    SendDescriptor descriptor;
    std::uint64_t sent = 0;
    bool started = false;
    SendOp* next = nullptr;
  };
  struct Posted : MatchEntry {
    RecvDescriptor descriptor;
    unsigned wildcard_class = 0;
  };
  struct Unexpected : MatchEntry {
    std::uint16_t context = 0;
    std::uint16_t source = 0;
    std::uint32_t tag = 0;
    std::uint64_t length = 0;
    std::uint64_t arrived = 0;
    std::unique_ptr<std::byte[]> data;
    std::uint64_t capacity = 0;
  };
  /// The unfinished message of a sender: it goes to a receive or to an unexpected entry.
  struct Inbound {
    RecvDescriptor receive;
    Unexpected* unexpected = nullptr;
    std::uint64_t length = 0;
    std::uint64_t arrived = 0;
    std::uint32_t tag = 0;
  };

  void push(std::uint32_t destination);
  void withdraw(Posted* posted) noexcept;
  /// Gives a message that has arrived, at least in part, to its receive.
  void hand_over(Unexpected* message, const RecvDescriptor& descriptor);
  void deliver(std::uint32_t source, const Frame& frame);
  [[nodiscard]] Posted* take_posted(std::uint16_t context, std::uint16_t source, std::uint32_t tag) noexcept;
  void complete_receive(const RecvDescriptor& receive, std::uint32_t source, std::uint32_t tag,
                        std::uint64_t length);
  void recycle(Unexpected* unexpected) noexcept;

  Transport& transport_;
  GrowingRing<Completion>& completions_;
  Work& work_;
  std::uint64_t age_ = 0;
  bool missed_ = false;  ///< a probe has found nothing since the last message was kept
  bool news_ = false;
  std::uint64_t sending_ = 0;  ///< bit d: sends_[d] is not empty
  std::array<Fifo<SendOp>, kMaxRanks> sends_;
  std::array<Inbound, kMaxRanks> inbound_;
  std::array<MatchTable, kWildcardClasses> posted_{MatchTable(0), MatchTable(1), MatchTable(2),
                                                   MatchTable(3)};
  std::array<MatchTable, kWildcardClasses> unexpected_{MatchTable(0), MatchTable(1), MatchTable(2),
                                                       MatchTable(3)};
  MatchTable cookies_{kCookieTable};   ///< posted receives
  std::vector<Unexpected*> claimed_;   ///< by number; nullptr: free
  std::vector<std::uint32_t> free_claims_;
  Pool<SendOp> send_pool_;
  Pool<Posted> posted_pool_;
  Pool<Unexpected> unexpected_pool_;
};

}  // namespace tally::soft
