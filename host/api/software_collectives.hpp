// SPDX-License-Identifier: BSD-3-Clause
// Schedules that the CPU executes over tagged messages: of reductions by the program's own operations, and of
// groups for whose context the engine has no collectives.
//
// An instruction's data travel from lane to lane as a head and, where they do not fit in it, as pieces. Head
// and pieces have the receiving lane as their tag in the group's library channel, so that they are taken in
// the order of the sender's instructions. What is short is sent from a slot, and so is all where the schedule
// counts on flows that hold its instructions; data that stand in a buffer are sent from there, and the
// instruction ends when they have left. So flows hold what schedules need of them (Schedule::max_bytes).
//
// Collectives of a group run in the order of their calls, those of different groups side by side. Nothing is
// allocated once buffers have grown to what a program needs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/message_slots.hpp"
#include "api/objects.hpp"
#include "api/own_types.hpp"
#include "engine/engine.hpp"
#include "engine/soft/pool.hpp"

namespace tally::api {

class SoftwareCollectives {
 public:
  static constexpr std::size_t kLanes = 8;

  /// One call. Of the descriptor, `dtype` and `redop` may be the program's own; keys and cookie mean nothing.
  struct Call {
    CollectiveDescriptor descriptor;
    std::size_t element = 1;  ///< bytes
    OwnOperation own;         ///< function nullptr: redop
    tally_memory* input_region = nullptr;
    tally_memory* output_region = nullptr;
  };

  explicit SoftwareCollectives(tally_endpoint& endpoint);

  /// Puts the call at the end of its group's queue. When it is over, request->completion tells how and the
  /// endpoint is told.
  void start(const Call& call, tally_request* request);
  [[nodiscard]] bool busy() const noexcept {
    return !active_.empty() || !outbox_.empty() || !outgoing_.empty() || !dying_.empty();
  }
  /// Whether messages of calls that have ended wait for room in a queue.
  [[nodiscard]] bool has_unsent() const noexcept { return !outbox_.empty(); }
  /// Moves all on; the number of calls that have ended.
  std::size_t advance();
  /// The collective ends with TALLY_ERR_ABORTED, in a later advance().
  void abort(const tally_request& request) noexcept;
  /// The context is going to be another group's.
  void forget(std::uint16_t context) noexcept;
  [[nodiscard]] std::string describe_pending() const;

 private:
  /// Begins each instruction's data; what both ends must agree on.
  struct Head {
    std::uint64_t count;
    std::uint64_t bytes;  ///< of the instruction
    std::uint64_t element;
    std::uint16_t seq;
    std::uint16_t signature;
    std::uint16_t dtype;  ///< own ones are all the same: their numbers need not agree
    std::uint16_t redop;
    std::uint8_t reserved[32];
  };
  static_assert(sizeof(Head) == 64);
  static constexpr std::size_t kInline =
      MessageSlots::kLeast - sizeof(Head);  ///< bytes that travel with a head
  static constexpr unsigned kAhead = 2;     ///< pieces that are received at once

  struct Incoming {
    tally_request* request = nullptr;
    Slot slot;  ///< none: it goes where it belongs
  };
  struct LaneState {
    std::uint32_t step = 0;  ///< instructions completed in this pass
    std::uint32_t pass = 0;
    std::uint32_t serial = 0;  ///< of the current instruction, in all of the process
    bool begun = false;
    bool headed = false;     ///< its head has come
    bool announced = false;  ///< its head has been sent
    std::uint64_t offset = 0;
    std::uint64_t posted = 0;  ///< bytes for which receives are posted
    std::uint32_t unsent = 0;  ///< pieces under way
    Incoming head;
    std::array<Incoming, kAhead> pieces;
    unsigned first = 0;  ///< oldest of pieces
    unsigned under_way = 0;
  };
  struct Operation {
    Call call;
    tally_request* request = nullptr;
    std::uint16_t seq = 0;
    std::uint64_t chunk = 0;
    std::uint64_t total = 0;
    std::uint64_t pass_bytes = 0;
    std::uint32_t passes = 1;
    std::uint64_t piece = 0;  ///< bytes, whole elements
    bool started = false;
    bool abort = false;
    bool failed = false;      ///< `outcome` tells how
    std::uint32_t dying = 0;  ///< its receives that are being cancelled
    Completion outcome;
    std::array<LaneState, kLanes> lanes;
    Operation* next = nullptr;
  };
  struct Group {
    std::uint16_t context = 0;
    std::uint16_t seq = 0;
    bool active = false;
    soft::Fifo<Operation> operations;  ///< the first one runs
    Slot scratch;
  };
  /// A message to be sent, and one under way.
  struct Outgoing {
    const std::byte* data = nullptr;
    std::size_t bytes = 0;
    tally_memory* region = nullptr;
    std::uint16_t context = 0;
    std::uint16_t peer = 0;
    std::uint32_t tag = 0;
    Slot slot;  ///< none: the data stand in a buffer
    LaneState* lane = nullptr;
    std::uint32_t serial = 0;
    tally_request* request = nullptr;
  };
  struct Dying {
    Incoming incoming;
    Operation* operation = nullptr;
  };
  /// An instruction and where its data are.
  struct Step {
    const schedule::Instruction& instruction;
    std::uint64_t bytes = 0;
    const std::byte* src = nullptr;
    std::byte* dst = nullptr;
    tally_memory* src_region = nullptr;
    tally_memory* dst_region = nullptr;
  };

  Group& group(std::uint16_t context);
  bool run(Group& where);
  bool begin(Group& where, Operation& operation);
  bool run_lane(Group& where, Operation& operation, std::size_t lane);
  [[nodiscard]] static bool dependency_met(const Operation& operation, std::size_t lane,
                                           const schedule::Instruction& instruction) noexcept;
  [[nodiscard]] Step step_of(Group& where, Operation& operation, std::size_t lane) const;
  /// True when the head is there and right.
  bool take_head(Group& where, Operation& operation, std::size_t lane, const Step& step);
  /// Both: true when the instruction has been done.
  bool run_short(Group& where, Operation& operation, std::size_t lane, const Step& step);
  bool run_long(Group& where, Operation& operation, std::size_t lane, const Step& step);
  bool post(Group& where, Operation& operation, std::size_t lane, int peer, void* into, std::size_t bytes,
            tally_memory* region, tally_request** request);
  void write_head(const Operation& operation, std::uint64_t bytes, std::byte* to) const noexcept;
  /// `counts`: in state.unsent, until it has left.
  void send(Group& where, LaneState& state, const schedule::Instruction& instruction, std::size_t lane,
            const std::byte* data, std::size_t bytes, tally_memory* region, Slot* slot, bool counts);
  /// out = first op second; `ours`: second may be overwritten.
  void combine(const Operation& operation, const schedule::Instruction& instruction, std::byte* out,
               const std::byte* first, std::byte* second, std::size_t bytes, bool ours);
  void copy(std::byte* to, const std::byte* from, std::size_t bytes) noexcept;
  bool take_slot(Operation& operation, std::size_t bytes, Slot* slot);
  void mismatch(Operation& operation, int peer, std::uint32_t fields, std::uint64_t count) noexcept;
  void fail(Operation& operation, tally_status status, int peer = 0) noexcept;
  /// Ends what a failed operation has under way.
  void withdraw(Operation& operation);
  void finish(Group& where, const Completion& outcome);
  bool flush();
  bool reap();

  tally_endpoint& endpoint_;
  MessageSlots slots_;
  std::vector<std::unique_ptr<Group>> groups_;  ///< by context
  std::vector<Group*> active_;
  std::vector<Outgoing> outbox_;    ///< in the order of sending
  std::vector<Outgoing> outgoing_;  ///< under way
  std::vector<Dying> dying_;
  std::vector<std::byte> temporary_;
  std::uint32_t serial_ = 0;
  std::size_t ended_ = 0;
  soft::Pool<Operation> pool_;
};

}  // namespace tally::api
