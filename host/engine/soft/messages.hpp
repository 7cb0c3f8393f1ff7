// SPDX-License-Identifier: BSD-3-Clause
// Tagged messages of the soft engine: matching, and the delivery of short ones.
//
// A short message is a kMessage frame and kMore frames. A sender puts the messages for one destination on the
// wire one after the other, so a receiver has at most one unfinished message a sender. Frames are always
// taken: what has no receive yet goes to memory of the engine. Hence no rank waits for another's program to
// receive before its own receives go on. Of a long message only the head is sent, in its place among the
// others; its data are fetched when it has matched (rendezvous.hpp).
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
#include "engine/soft/rendezvous.hpp"
#include "engine/soft/transport.hpp"

namespace tally::soft {

/// Messages of so many bytes and more are fetched by the receiver.
inline constexpr std::uint64_t kRendezvousBytes = 12u << 10;

class Messages {
 public:
  Messages(Transport& transport, Completions& completions, Work& work)
      : transport_(transport),
        completions_(completions),
        work_(work),
        rendezvous_(transport, completions, work) {}

  /// True: it is complete, and *completion is written; else it completes later.
  [[nodiscard]] bool send(const SendDescriptor& descriptor, Completion* completion);
  [[nodiscard]] bool receive(const RecvDescriptor& descriptor, Completion* completion);
  /// Completes at once.
  void probe(const ProbeDescriptor& descriptor);
  /// False when no claimed message has this number.
  [[nodiscard]] bool receive_claimed(const MrecvDescriptor& descriptor);
  /// Ends the receive unless a message has matched it.
  void cancel(std::uint32_t cookie);
  /// Whether a message that a probe may have missed has come since the last call.
  [[nodiscard]] bool take_news() noexcept { return std::exchange(news_, false); }
  /// Moves on what waits for room in the transport, and copies of long messages.
  void advance();
  /// Takes the data of a message that waits with its sender for a receive: the sender may wait for the end of
  /// its send before it does what this rank waits for.
  void take_asking();
  /// A frame from `source` that is not kCollective.
  void arrive(std::uint32_t source, const FrameView& frame);
  [[nodiscard]] Rendezvous& rendezvous() noexcept { return rendezvous_; }
  [[nodiscard]] std::string describe_pending() const;

 private:
  struct SendOp {
    SendDescriptor descriptor;
    std::uint64_t sent = 0;
    bool started = false;
    bool unlent = false;  ///< its data cannot be lent to the receiver
    SendOp* next = nullptr;
  };
  /// The place of a receive: each cookie has one.
  struct Posted : MatchEntry {
    RecvDescriptor descriptor;  ///< without its key
    unsigned wildcard_class = 0;
    bool waits = false;  ///< it is in posted_
  };
  static constexpr std::size_t kPostedBlock = 64;
  struct Unexpected : MatchEntry {
    std::uint16_t context = 0;
    std::uint16_t source = 0;
    std::uint32_t tag = 0;
    std::uint64_t length = 0;
    std::uint64_t arrived = 0;
    bool asks = false;  ///< the data are still with the sender
    Ask ask;
    /// Its data may come before its receive.
    [[nodiscard]] bool early() const noexcept { return asks && ask.synchronous == 0; }
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

  /// Sends a message of one frame; false when there is no room.
  [[nodiscard]] bool send_short(const SendDescriptor& send);
  [[gnu::noinline]] void enqueue(const SendDescriptor& descriptor);
  [[gnu::noinline]] void push(std::uint32_t destination);
  /// Whether the cookie has a place.
  [[nodiscard]] bool has_place(std::uint32_t cookie) const noexcept {
    return cookie / kPostedBlock < places_.size();
  }
  [[nodiscard]] Posted& place(std::uint32_t cookie) const noexcept {
    return places_[cookie / kPostedBlock][cookie % kPostedBlock];
  }
  [[gnu::cold]] [[gnu::noinline]] void add_places(std::uint32_t cookie);
  void withdraw(Posted& posted) noexcept;
  /// The oldest message of a class and key; from then on there is an index of the class.
  [[nodiscard]] Unexpected* oldest_unexpected(unsigned wildcard_class, std::uint64_t key);
  void remove_unexpected(Unexpected* message) noexcept;
  [[gnu::cold]] [[gnu::noinline]] void index_class(unsigned wildcard_class);
  /// Gives a message that has arrived, at least in part, to its receive.
  /// True: the receive is complete, and *completion written.
  [[nodiscard]] [[gnu::noinline]] bool hand_over(Unexpected* message, const RecvDescriptor& descriptor, Completion* completion);
  void keep(std::uint32_t source, const FrameView& frame);
  void deliver(std::uint32_t source, const FrameView& frame);
  [[nodiscard]] Posted* take_posted(std::uint16_t context, std::uint16_t source, std::uint32_t tag) noexcept;
  static void write_completion(Completion& completion, const RecvDescriptor& receive, std::uint32_t source,
                               std::uint32_t tag, std::uint64_t length) noexcept;
  void recycle(Unexpected* unexpected) noexcept;

  Transport& transport_;
  Completions& completions_;
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
  std::size_t asking_ = 0;            ///< unexpected messages whose data take_asking() may take
  unsigned indexed_ = 1;              ///< bit c: unexpected messages are in table c; always in table 0
  unsigned posted_in_ = 0;            ///< bit c: posted_[c] is not empty
  std::vector<std::unique_ptr<Posted[]>> places_;  ///< of cookies, in blocks
  std::vector<Unexpected*> claimed_;  ///< by number; nullptr: free
  std::vector<std::uint32_t> free_claims_;
  Pool<SendOp> send_pool_;
  Pool<Unexpected> unexpected_pool_;
  Rendezvous rendezvous_;
};

}  // namespace tally::soft
