// SPDX-License-Identifier: BSD-3-Clause
// What the soft engine needs of a transport: ordered, reliable frames between the ranks of a job and, where
// the host allows it, access to a peer's memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace tally::soft {

inline constexpr std::uint32_t kMaxRanks = 64;
/// Largest payload of a frame, bytes: a multiple of every element size.
inline constexpr std::uint32_t kMaxPayload = 8192;
/// Payloads up to here travel in the cache line of their header.
inline constexpr std::uint32_t kInlinePayload = 32;

enum class FrameKind : std::uint8_t {
  kMessage = 1,     ///< first frame of a tagged message whose data follow
  kMore = 2,        ///< next frame of the message that this sender began last
  kCollective = 3,  ///< packet of a (sender, context, lane) flow
  // Large messages, whose data the receiver fetches (rendezvous.hpp)
  kAsk = 4,      ///< a message whose data stay with the sender: payload Ask
  kJoin = 5,     ///< to the sender: take part in the copy; payload Join
  kDone = 6,     ///< to the sender: the data have been fetched; tag: number of its Ask
  kRefused = 7,  ///< to the sender: its memory cannot be reached; payload Refusal
  kFill = 8,     ///< data of a refused message; tag: number of the Refusal's receive
  // Collectives, large instructions
  kRemote = 9,    ///< as kCollective, of data that stay with the sender: payload RemotePiece
  kFetched = 10,  ///< to the sender of a kRemote: they have been fetched; lane: the sender's
};

/// Head of a frame; native byte order (both ends are processes of one host, or the transport converts).
struct FrameHeader {
  std::uint16_t bytes = 0;  ///< payload bytes
  std::uint16_t seq = 0;    ///< kCollective
  FrameKind kind = FrameKind::kMessage;
  std::uint8_t lane = 0;   ///< kCollective: of the receiver
  std::uint8_t dtype = 0;  ///< kCollective: tally_dtype
  std::uint8_t redop = 0;  ///< kCollective: tally_op
  std::uint16_t context = 0;
  std::uint16_t signature = 0;  ///< kCollective
  std::uint32_t tag = 0;        ///< kMessage, kAsk; kCollective: number of the packet in its instruction
  std::uint64_t length =
      0;  ///< kMessage, kAsk: bytes of the whole message; kCollective: elements of the vector
};
static_assert(sizeof(FrameHeader) == 24);
static_assert(kMaxPayload <= UINT16_MAX);

/// A frame in the transport's memory that is to be filled and committed. header == nullptr: there is no room.
struct FrameSlot {
  FrameHeader* header = nullptr;
  std::byte* payload = nullptr;
};
/// A frame that has arrived; header == nullptr: none.
struct FrameView {
  const FrameHeader* header = nullptr;
  const std::byte* payload = nullptr;
};

/// A copy in which both ends take part, in memory that both reach. Owned by the rank that receives.
struct alignas(64) JointCopy {
  /// 63:32 generation, 31:16 chunks that have been taken from the back, 15:0 from the front. A chunk is taken by compare
  /// and exchange, so that who has an old generation in mind takes none of a later copy. It is closed before anything else of the
  /// record changes: who sees another number of chunks than that of its generation takes none either.
  std::atomic<std::uint64_t> next;
  std::atomic<std::uint32_t> copied;    ///< chunks
  std::atomic<std::uint32_t> returned;  ///< a chunk that its taker could not copy, plus 1; 0: none
  std::uint64_t from;                   ///< address at the sender
  std::uint64_t to;                     ///< address at the receiver
  std::uint64_t bytes;
  std::uint64_t chunk_bytes;
  std::atomic<std::uint32_t> chunks;
};
static_assert(sizeof(JointCopy) == 64);
inline constexpr std::uint32_t kJointCopies = 8;  ///< a rank

/// A range of our memory that a peer may read; see Transport::lend().
struct Loan {
  std::uint32_t number = 0;  ///< for take_back(); 0: nothing is to be taken back
  std::uint32_t key = 0;     ///< what the peer's reads need
};

enum class ReadState : std::uint8_t { kLater, kDone, kFailed };

/// Ordered for each pair of ranks. Sending to oneself works. One thread at a time; only wait() blocks.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual std::uint32_t rank() const noexcept = 0;
  [[nodiscard]] virtual std::uint32_t size() const noexcept = 0;
  /// Whether this host has more ranks than processors: who waits for another one mostly waits for its turn to run.
  [[nodiscard]] virtual bool crowded() const noexcept { return false; }
  /// Room for a frame with `bytes` (at most kMaxPayload) to `peer`, if there is some now. The header is the
  /// caller's to write, `bytes` included. One reservation at a time.
  [[nodiscard]] virtual FrameSlot reserve(std::uint32_t peer, std::uint32_t bytes) noexcept = 0;
  /// Sends the reserved frame.
  virtual void commit(std::uint32_t peer) noexcept = 0;
  /// The oldest frame from `peer`. Valid until pop().
  [[nodiscard]] virtual FrameView front(std::uint32_t peer) noexcept = 0;
  /// front() of the first peer of `*peer`, `*peer` + 1, ... that has a frame; *peer becomes that one.
  [[nodiscard]] virtual FrameView next(std::uint32_t* peer) noexcept = 0;
  virtual void pop(std::uint32_t peer) noexcept = 0;
  /// pop(), then front().
  [[nodiscard]] virtual FrameView pop_next(std::uint32_t peer) noexcept {
    pop(peer);
    return front(peer);
  }
  /// Wakes the peers that wait for what was committed or popped since the last flush.
  virtual void flush() noexcept = 0;
  /// Whether the peer has left the job: it will take nothing more.
  [[nodiscard]] virtual bool gone(std::uint32_t peer) const noexcept = 0;
  /// Gives the processor up, and sleeps until a frame is there, a reservation that failed since the last
  /// wait() may succeed, another rank wakes this one, or `timeout` is over. `busy`: does not sleep.
  virtual void wait(std::chrono::microseconds timeout, bool busy) noexcept = 0;

  /// wait() in parts, as the engine's: see Engine::prepare_sleep.
  [[nodiscard]] virtual bool prepare_sleep() noexcept {
    wait({}, false);
    return true;
  }
  virtual void sleep(std::chrono::microseconds timeout) noexcept {
    std::this_thread::sleep_for(std::min(timeout, std::chrono::microseconds(50)));
  }
  virtual void end_sleep() noexcept {}

  // --- a peer's memory ---
  /// Whether read() of the peer's memory works. Tried once for each peer; what came out is told to it.
  [[nodiscard]] virtual bool direct(std::uint32_t peer) noexcept = 0;
  /// Whether the peer has told us that it can read our memory.
  [[nodiscard]] virtual bool reads_us(std::uint32_t peer) const noexcept = 0;
  /// Copies from the peer's memory into ours; false where that is forbidden or the peer is gone.
  [[nodiscard]] virtual bool read(std::uint32_t peer, void* to, std::uint64_t from,
                                  std::size_t bytes) noexcept = 0;
  // Where memory has to be registered before a peer reads it, and reads are done by a device:
  /// Lets `peer` read [base, base + bytes) until take_back(); false where that is not possible: the data must travel in
  /// frames then.
  [[nodiscard]] virtual bool lend(std::uint32_t /*peer*/, const void* /*base*/, std::size_t /*bytes*/,
                                  Loan* loan) noexcept {
    *loan = {};
    return true;
  }
  virtual void take_back(std::uint32_t /*loan*/) noexcept {}
  /// Whether reads of the peer's memory go on by themselves, without the CPU: start_read() serves them then.
  [[nodiscard]] virtual bool reads_by_device(std::uint32_t) const noexcept { return false; }
  static constexpr std::uint32_t kNoRead = ~std::uint32_t{0};
  /// Starts a read of what the peer has lent with `key`; kNoRead where our memory cannot be registered or the peer is
  /// gone. The end of a read ends wait().
  [[nodiscard]] virtual std::uint32_t start_read(std::uint32_t /*peer*/, void* /*to*/, std::uint64_t /*from*/,
                                                 std::size_t /*bytes*/, std::uint32_t /*key*/) noexcept {
    return kNoRead;
  }
  /// What has become of a read; once it is not kLater the number is free.
  [[nodiscard]] virtual ReadState read_state(std::uint32_t /*read*/) noexcept { return ReadState::kFailed; }
  /// Waits for the end of a read; whether it went well. Neither reservations nor frames that front() gave are touched.
  [[nodiscard]] virtual bool end_read(std::uint32_t /*read*/) noexcept { return false; }
  /// Copies from our memory into the peer's.
  [[nodiscard]] virtual bool write(std::uint32_t peer, std::uint64_t to, const void* from,
                                   std::size_t bytes) noexcept = 0;
  /// Whether the peer can take part in a JointCopy.
  [[nodiscard]] virtual bool joins(std::uint32_t) const noexcept { return true; }
  /// Number `n` of the rank's JointCopies.
  [[nodiscard]] virtual JointCopy& joint(std::uint32_t rank, std::uint32_t n) noexcept = 0;
};

}  // namespace tally::soft
