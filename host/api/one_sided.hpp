// SPDX-License-Identifier: BSD-3-Clause
// One-sided operations over tagged messages, for engines (and peers) that have none of their own.
//
// The origin asks: a message of a head and, of a short put, its data. The rank that has exported the region looks the key up
// in its table, checks range, right and alignment, does the operation with its CPU and answers. Long data travel as messages
// of their own, straight from and into the buffers, when the target has said that the operation may go on. All asks and
// answers of a rank come to receives from any source that stand from its first export or operation on, and are taken
// in their order; so a rank's asks are carried out in the order in which they were started, but for long data.
//
// The target's part is done by whatever makes progress there: its calls, or its progress thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "api/message_slots.hpp"
#include "api/objects.hpp"
#include "api/remote_key.hpp"
#include "engine/engine.hpp"
#include "engine/soft/pool.hpp"

namespace tally::api {

enum class OneSidedKind : std::uint8_t { kPut, kGet, kFetchAdd, kSwap, kCompareSwap, kFlush };

/// Why an operation has failed: Completion::detail.
enum class Refusal : std::uint8_t {
  kNone,
  kReleased,  ///< the key names no export, or one that has been released
  kRange,     ///< Completion::length: bytes of the region
  kRight,
  kAlignment,
  kLeft,  ///< the target has left the job
  kEngine,  ///< Completion::status tells more
};

/// An operation of a program whose arguments have been checked as far as its own rank can.
struct OneSidedCall {
  OneSidedKind kind = OneSidedKind::kPut;
  bool wide = false;            ///< atomics: 64 bits, else 32
  void* buffer = nullptr;       ///< put: the data, not written; get and atomics: where the result goes, or nullptr
  std::uint64_t length = 0;     ///< bytes
  tally_memory* region = nullptr;  ///< of buffer; put and get
  RemoteKey key;
  std::uint64_t offset = 0;     ///< bytes, in the region
  std::uint64_t operand = 0;
  std::uint64_t compare = 0;
};

/// What the refusal of an operation is to the program.
[[nodiscard]] Status refusal_status(Refusal refusal, OneSidedKind kind, int rank, std::uint64_t offset,
                                    std::uint64_t length, std::uint64_t region_bytes);

class OneSided {
 public:
  explicit OneSided(tally_endpoint& endpoint);

  // --- regions of this rank
  Status export_region(tally_memory& memory, unsigned access, tally_remote_key* key);
  /// Afterwards no rank reaches the region by the key: operations that come later are refused. Those that are under way
  /// in it: see in_use().
  Status withdraw(const RemoteKey& key);
  /// After withdraw(), when the key is not in use any more.
  void forget(const RemoteKey& key);
  /// Whether operations of other ranks are under way by the key.
  [[nodiscard]] bool in_use(const RemoteKey& key) const noexcept { return exports_[key.number].users != 0; }
  [[nodiscard]] std::size_t exports_of(const tally_memory& memory) const noexcept;

  // --- operations of this rank
  /// The request is under way; its end is told to the endpoint.
  void start(const OneSidedCall& call, tally_request* request);
  /// The same of a flush: it ends when the operations on `target` (negative: on all ranks) that have been started
  /// before have ended.
  void start_flush(int target, tally_request* request);
  /// Posts what the operations of others and the answers to one's own come to. Before the first export and operation.
  Status stand();

  /// Moves all on; the number of operations of this rank that have ended.
  std::size_t advance();
  /// Whether advance() may have something to do.
  [[nodiscard]] bool busy() const noexcept {
    return !standing_.empty() || !unposted_.empty() || live_ != 0;
  }
  /// Whether operations are under way, others' with long data or this rank's that it has not given up, or answers still to be
  /// sent.
  [[nodiscard]] bool has_unsent() const noexcept;
  /// Why the operation or flush has failed.
  [[nodiscard]] static Status explain(const tally_request& request);
  [[nodiscard]] std::string describe_pending() const;
  /// Of an engine's text: the lines about receives that stand for whatever may come. Nobody waits for them.
  static void leave_out_standing(std::string* text);

 private:
  using Clock = std::chrono::steady_clock;
  enum class Word : std::uint8_t { kAsk = 1, kAnswer = 2, kGoOn = 3 };

  /// Begins each message of this class.
  struct Head {
    Word word = Word::kAsk;
    OneSidedKind kind = OneSidedKind::kPut;
    Refusal refusal = Refusal::kNone;  ///< answer
    std::uint8_t wide = 0;
    std::uint32_t id = 0;      ///< of the origin's operation
    std::uint32_t serial = 0;  ///< the same: ids are used again
    std::uint32_t number = 0;  ///< ask: of the export. Go on: what the data's tag ends with
    std::uint64_t nonce = 0;   ///< ask
    std::uint64_t offset = 0;  ///< ask
    std::uint64_t length = 0;  ///< ask: bytes. Answer: bytes of the region
    std::uint64_t operand = 0;
    std::uint64_t compare = 0;
    std::uint64_t value = 0;  ///< answer: what was there before; kEngine: the status there
  };
  static_assert(sizeof(Head) == 64);
  /// Data of so many bytes travel with their head; an eager message on every engine.
  static constexpr std::size_t kInline = 3968;
  static constexpr std::size_t kStanding = 16;     ///< receives
  static constexpr std::uint32_t kWindow = 64;     ///< asks to one rank that are not answered; more wait
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  // Tags in the library's channel of the group of all ranks, where software collectives use those below 8.
  static constexpr std::uint32_t kHeadTag = 0x40000000;
  /// Of the data of puts, by the target's number, and of gets, by the origin's.
  [[nodiscard]] static constexpr std::uint32_t put_tag(std::uint32_t number) noexcept { return 0x50000000 + number; }
  [[nodiscard]] static constexpr std::uint32_t get_tag(std::uint32_t number) noexcept { return 0x60000000 + number; }

  struct Export {
    bool live = false;
    std::uint64_t nonce = 0;
    std::byte* base = nullptr;
    std::uint64_t length = 0;
    unsigned access = 0;
    tally_memory* region = nullptr;
    std::uint32_t users = 0;  ///< operations with long data
  };
  /// An operation of this rank that is under way.
  struct Operation {
    OneSidedCall call;
    tally_request* request = nullptr;
    std::uint32_t id = 0;
    std::uint32_t serial = 0;
    std::uint64_t order = 0;  ///< number among all operations of this rank
    bool live = false;
    bool waits = false;   ///< in Peer::waiting
    bool moving = false;  ///< in moving_
    bool ending = false;  ///< it ends with `outcome` when `data` has ended
    Completion outcome;
    bool goes_on = false;           ///< the message of its data is to be posted
    std::uint32_t number = 0;       ///< the target's, of that message
    tally_request* data = nullptr;  ///< that message
    Operation* next = nullptr;
  };
  struct Peer {
    soft::Fifo<Operation> waiting;  ///< for room in the window
    std::uint32_t unanswered = 0;
    std::uint64_t live = 0;  ///< operations on it
    Clock::time_point heard{};  ///< last, since it is known to have left
    tally_status lost = TALLY_OK;  ///< of the first operation that failed and of whose end nobody hears
    Refusal lost_reason = Refusal::kNone;
  };
  struct Flush {
    tally_request* request = nullptr;
    int target = -1;
    std::uint64_t before = 0;     ///< operations with smaller order count
    std::uint64_t under_way = 0;  ///< of these
  };
  /// Another rank's operation whose data are under way.
  struct Served {
    Head ask;
    std::uint16_t origin = 0;
    std::uint32_t exported = kNone;
    std::byte* at = nullptr;
    tally_request* data = nullptr;  ///< nullptr: to be posted
    bool live = false;
    bool cancelled = false;
  };
  struct Outgoing {
    Slot slot;
    std::size_t bytes = 0;
    std::uint16_t peer = 0;
    std::uint32_t id = kNone;  ///< ask: of this operation
    std::uint32_t serial = 0;
    tally_request* request = nullptr;
  };
  struct Standing {
    Slot slot;
    tally_request* request = nullptr;
  };

  // both
  void post_standing();
  void take_arrivals();
  Status compose(const Head& head, std::uint16_t peer, const void* data, std::size_t bytes);
  void flush_outbox();
  void reap();
  Status post_data(bool send, std::uint16_t peer, std::uint32_t tag, void* buffer, std::uint64_t bytes,
                   tally_memory* region, tally_request** request);
  [[nodiscard]] bool left(std::uint16_t peer) const noexcept;
  /// Of a message of this class: close() waits for it no longer, and its end is not seen.
  [[nodiscard]] static bool given_up(const tally_request& message) noexcept {
    return message.state == tally_request::State::kAbandoned || message.state == tally_request::State::kFree;
  }

  // origin, one_sided.cpp
  [[nodiscard]] Operation* find(const Head& head) noexcept;
  void ask_more(std::uint16_t target);
  void answered(const Head& head, const std::byte* data, std::size_t bytes);
  void settle(Operation& operation, tally_status status, Refusal refusal, std::uint64_t region_bytes = 0);
  void end(Operation& operation);
  void end_flush(const Flush& flush);
  void end_request(tally_request& request, Completion outcome);
  void watch_peers();
  void advance_data();
  void move_data(Operation& operation);
  /// All that wait for room in the window.
  void settle_waiting(Peer& peer, tally_status status, Refusal refusal);
  void fail_all(tally_status status);
  void carry_out_here(const OneSidedCall& call, tally_request& request);

  // target, one_sided_target.cpp
  /// Whether the operation may be done; *at: where.
  [[nodiscard]] Refusal check(std::uint32_t number, std::uint64_t nonce, OneSidedKind kind, bool wide, std::uint64_t offset,
                              std::uint64_t length, std::byte** at) const noexcept;
  void serve(std::uint16_t origin, const Head& head, const std::byte* data, std::size_t bytes);
  void serve_long(std::uint16_t origin, const Head& head, std::byte* at);
  void tell(const Head& head, std::uint16_t origin, const std::byte* data, std::size_t bytes);
  void advance_served();
  void answer_long(Served& served, tally_status status);
  void end_served(Served& served) noexcept;
  [[nodiscard]] static std::uint64_t atomic(OneSidedKind kind, bool wide, std::byte* at, std::uint64_t operand,
                                            std::uint64_t compare) noexcept;

  tally_endpoint& endpoint_;
  MessageSlots slots_;
  std::deque<Standing> standing_;   ///< in the order in which they were posted
  std::vector<Slot> unposted_;      ///< of receives that found no room
  tally_status broken_ = TALLY_OK;  ///< the engine has ended a standing receive: nothing arrives any more
  std::vector<Outgoing> outbox_;    ///< in the order of sending
  std::vector<Outgoing> outgoing_;  ///< under way

  std::vector<Export> exports_;
  std::vector<std::uint32_t> free_exports_;
  std::deque<Served> served_;
  std::size_t serving_ = 0;

  std::deque<Operation> operations_;  ///< by id; stable addresses
  std::vector<std::uint32_t> free_operations_;
  std::size_t live_ = 0;  ///< operations and flushes
  std::vector<Operation*> moving_;  ///< of which goes_on or data is set, or was
  std::uint64_t order_ = 0;
  std::vector<Peer> peers_;
  std::vector<Flush> flushes_;
  std::size_t ended_ = 0;
};

}  // namespace tally::api
