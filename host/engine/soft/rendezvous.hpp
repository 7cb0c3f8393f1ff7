// SPDX-License-Identifier: BSD-3-Clause
// Large messages of the soft engine: copied once, from the sender's buffer to the receiver's.
//
// The sender asks (kAsk) and keeps its buffer; who receives fetches the data from the sender's memory when a
// receive has matched, and says so (kDone). Copies of several chunks are joint: the receiver opens a
// JointCopy, the sender, which mostly waits for this, joins it (kJoin), and both take chunks until there are
// no more. Where the sender's memory cannot be reached the receiver refuses (kRefused) and gets the data in
// frames (kFill); bytes that take this way are counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/soft/pool.hpp"
#include "engine/soft/transport.hpp"

namespace tally::soft {

/// What the CPU did.
struct Work {
  std::uint64_t matches = 0;             ///< of messages that met a posted receive
  std::uint64_t unexpected_matches = 0;  ///< of receives that met a message
  std::uint64_t reduced_bytes = 0;
  // copied, by cause
  std::uint64_t framed_bytes = 0;      ///< into and out of frames
  std::uint64_t direct_bytes = 0;      ///< between two ranks' memories
  std::uint64_t unexpected_bytes = 0;  ///< out of what was kept until somebody asked for it
  std::uint64_t schedule_bytes = 0;    ///< within the rank's memory
  std::uint64_t held_sends = 0;        ///< that did not leave at once: no room in the receiver's queue
  std::uint64_t staged_bytes = 0;  ///< received in frames because the sender's memory cannot be reached
};

/// Payload of kAsk: where the data are. Synchronous sends ask for any length.
struct Ask {
  std::uint64_t address = 0;
  std::uint32_t number = 0;  ///< the sender's name for it
  std::uint16_t synchronous = 0;  ///< 1: the data are not to be taken before a receive has matched
  std::uint16_t readable = 1;     ///< 0: the sender's transport cannot lend them
  std::uint32_t key = 0;          ///< of the loan
  std::uint32_t reserved = 0;
};
static_assert(sizeof(Ask) <= kInlinePayload);

class Rendezvous {
 public:
  Rendezvous(Transport& transport, Completions& completions, Work& work)
      : transport_(transport), completions_(completions), work_(work) {}

  enum class Asking : std::uint8_t {
    kSent,
    kNoRoom,  ///< in the transport, now
    kUnlent,  ///< the data cannot be lent: they are to be sent in frames
  };
  /// Sends the Ask for a message. A synchronous one is sent in any case.
  [[nodiscard]] Asking ask(const SendDescriptor& send);
  /// A receive has matched a message that asked.
  void fetch(const RecvDescriptor& receive, std::uint16_t source, std::uint32_t tag, std::uint64_t length,
             const Ask& ask);
  enum class Fetched : std::uint8_t {
    kDone,
    kFailed,  ///< the peer cannot be read (any more)
    kLater,   ///< the peer copies its share: call again with the same arguments
  };
  /// A fetch in which the peer takes part, from one call to the next.
  struct Share {
    std::uint32_t joint = 0;
    std::uint32_t generation = 0;
    bool open = false;
  };
  /// Fetches data. With `share` the peer may take part, of which it is told with a frame; nothing may be reserved
  /// then. Without it the answer is never kLater.
  /// `key`: of the peer's loan.
  [[nodiscard]] Fetched fetch_now(std::uint32_t peer, void* to, std::uint64_t from, std::uint32_t key,
                                  std::uint64_t bytes, Share* share);
  /// Gives a fetch up. What the peer has taken of it may still come.
  void drop(Share& share) noexcept;
  /// Tells the sender of a message that its data have been fetched.
  void done(std::uint32_t source, const Ask& ask) { send_note({source, FrameKind::kDone, ask.number, {}}); }
  /// A frame of kind kJoin to kFill.
  void arrive(std::uint32_t source, const FrameView& frame);
  /// Copies some of what is open, and sends what waited for room.
  void advance() {
    if (!fetches_.empty() || !joined_.empty() || !notes_.empty() || !fills_.empty() || !reading_.empty()) advance_some();
  }
  /// Whether advance() has copies to make or to wait for.
  [[nodiscard]] bool busy() const noexcept { return !fetches_.empty() || !joined_.empty() || shares_ != 0; }
  /// Ends messages to ranks that have left, and from them what will not come any more.
  void drop_gone();
  [[nodiscard]] std::string describe_pending() const;

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Asked {
    SendDescriptor send;
    std::uint32_t loan = 0;
    bool live = false;
    std::uint32_t round = 0;  ///< of the uses of this number
  };
  struct Fetch {
    RecvDescriptor receive;
    std::uint16_t source = 0;
    std::uint32_t tag = 0;
    std::uint64_t length = 0;   ///< of the message
    std::uint64_t bytes = 0;    ///< to be fetched
    std::uint64_t arrived = 0;  ///< of a refused one
    Ask ask;
    std::uint32_t chunks = 0;
    std::uint32_t taken = 0;  ///< chunks, of a copy that is not joint
    std::uint32_t joint = kNone;
    std::uint32_t generation = 0;
    std::uint32_t read = Transport::kNoRead;  ///< by the device
    Fetch* next = nullptr;
  };
  struct Joined {
    std::uint32_t peer;
    std::uint32_t joint;
    std::uint32_t generation;
  };
  /// A message without data in the large sense, to be sent when there is room.
  struct Note {
    std::uint32_t peer;
    FrameKind kind;
    std::uint32_t tag;
    std::uint32_t words[4];
  };
  /// What a receiver refused to fetch.
  struct Fill {
    std::uint32_t number;
    std::uint32_t round;    ///< of Asked
    std::uint32_t receive;  ///< the receiver's name for it
    std::uint64_t bytes;
    std::uint64_t sent;
  };

  void advance_some();
  void end_reads();
  void refuse(Fetch* fetch);
  /// Opens a joint copy, of which the peer hears; false when there is none or the transport has no room.
  [[nodiscard]] bool open_joint(std::uint32_t peer, std::uint64_t from, void* to, std::uint64_t bytes,
                                std::uint32_t* joint, std::uint32_t* generation);
  /// Copies the chunks that are left, at most *budget; true when all have been copied or the peer has died.
  [[nodiscard]] bool copy(Fetch& fetch, unsigned* budget, tally_status* status);
  [[nodiscard]] bool copy_chunk(const Fetch& fetch, std::uint32_t chunk);
  void copy_joined();
  void push_fills();
  void push_notes();
  void send_note(const Note& note);
  [[nodiscard]] bool try_note(const Note& note);
  void complete_send(std::uint32_t number, tally_status status);
  void complete_receive(const Fetch& fetch, tally_status status);

  Transport& transport_;
  Completions& completions_;
  Work& work_;
  std::vector<Asked> asked_;  ///< by number
  std::vector<std::uint32_t> free_asked_;
  Fifo<Fetch> fetches_;
  std::vector<Fetch*> reading_;  ///< by the device
  Pool<Fetch> fetch_pool_;
  GrowingRing<Joined> joined_;
  GrowingRing<Note> notes_;
  GrowingRing<Fill> fills_;
  std::vector<Fetch*> refused_;  ///< by number; nullptr: free
  std::uint32_t shares_ = 0;  ///< that are open
  std::uint32_t free_joints_ = (1u << kJointCopies) - 1;
  std::array<bool, kMaxRanks> no_write_{};
};

}  // namespace tally::soft
