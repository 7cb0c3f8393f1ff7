// SPDX-License-Identifier: BSD-3-Clause
// The schedule interpreter of the soft engine.
//
// Semantics are those of docs/sequencer.md: lanes that step packet by packet, flows (sender, context, the
// receiver's lane) consumed in order, operand order `src op received`, disagreement between ranks found at
// the heads of flows. Here each context has flows and a queue of its own, so collectives of different
// contexts run side by side; those of one context run in the order of their posting. A packet that cannot be
// consumed on arrival is kept in memory.
//
// Data of large instructions stay where they are: the sender's packet (kRemote) tells where, the receiver
// fetches them from its memory, and the sender's instruction ends when all of its pieces have been fetched.
// That is as if flows held nothing, which schedules of max_bytes 0 stand: of an instruction of several
// packets, a flow of one packet takes all but the last only while the receiver is at the other end of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/soft/messages.hpp"
#include "engine/soft/pool.hpp"
#include "engine/soft/transport.hpp"

namespace tally::soft {

inline constexpr std::uint32_t kLanes = 8;

class Collectives {
 public:
  /// `rendezvous` fetches what is large.
  Collectives(Transport& transport, Rendezvous& rendezvous, Completions& completions, Work& work) noexcept;

  /// *complete: it is over, and *completion tells how.
  Status post(const CollectiveDescriptor& descriptor, Completion* completion, bool* complete);
  /// A kCollective or kRemote frame from `source`.
  void arrive(std::uint32_t source, const FrameView& frame);
  /// A kFetched frame from `source`.
  void fetched(const FrameHeader& header);
  /// Goes on with collectives that waited for room in the transport.
  void advance_all() {
    if (blocked_ || !thanks_.empty()) advance_blocked();
  }
  /// Breaks the context when the collective `seq` runs or waits there.
  void abort(std::uint16_t context, std::uint16_t seq);
  [[nodiscard]] std::string describe_pending() const;

 private:
  struct Packet {
    FrameHeader header;
    Packet* next = nullptr;
    alignas(64) std::array<std::byte, kMaxPayload> payload;
  };
  struct LaneState {
    std::uint32_t step = 0;      ///< instructions completed in this pass
    std::uint32_t pass = 0;      ///< passes completed; the last one counts as not completed
    std::uint64_t offset = 0;    ///< bytes of the current instruction that are done
    std::uint64_t used = 0;      ///< of them in the remote piece that is the head of its flow
    std::uint32_t received = 0;  ///< packets of it
    std::uint32_t sent = 0;
    std::uint32_t unfetched = 0;  ///< remote pieces of it
    bool remote = false;          ///< it sends such pieces
    Loan loan;                    ///< of the data that they tell of
    bool draining = false;        ///< all is done but for what is to be fetched
    Rendezvous::Share share;      ///< of the piece that is being fetched

    void begin() noexcept {
      step = pass = unfetched = 0;
      share.open = false;
      begin_instruction();
    }
    /// The instruction is done; again: it was the last one of a pass that others follow.
    void next(bool again) noexcept {
      pass += again ? 1 : 0;
      step = again ? 0 : step + 1;
      begin_instruction();
    }

   private:
    void begin_instruction() noexcept {
      offset = used = 0;
      received = sent = 0;
      remote = draining = false;
      loan = {};
    }
  };
  /// Payload of kRemote.
  struct RemotePiece {
    std::uint64_t address = 0;
    std::uint64_t total = 0;  ///< bytes of the instruction
    std::uint32_t bytes = 0;
    std::uint8_t lane = 0;  ///< of the sender
    std::uint8_t reserved[3] = {};
    std::uint32_t key = 0;   ///< of the loan
    std::uint32_t loan = 0;  ///< with the last piece: the sender takes it back when that has been fetched
  };
  static_assert(sizeof(RemotePiece) <= kInlinePayload);
  /// A kFetched that had no room.
  struct Thanks {
    std::uint32_t peer;
    std::uint16_t context;
    std::uint16_t seq;
    std::uint8_t lane;
    std::uint32_t loan;
  };
  /// Where an instruction's received data are: here, or at the sender.
  struct Received {
    const std::byte* here = nullptr;
    std::uint32_t peer = 0;
    std::uint64_t there = 0;
    std::uint32_t key = 0;
  };
  /// What a step sends: a place in the transport, or (remote) nothing but the address of what was written.
  struct Sent {
    std::byte* here = nullptr;
    bool remote = false;
    std::uint64_t address = 0;
  };
  /// What follows from a program and the size of its vector; in bytes.
  struct Extent {
    std::uint64_t program = 0;  ///< Program::id
    std::uint64_t count = 0;
    tally_dtype dtype = TALLY_BYTE;
    std::uint32_t passes = 1;
    std::uint64_t chunk = 0;
    std::uint64_t total = 0;
    std::uint64_t pass_bytes = 0;  ///< of the vector that a pass takes
    bool dependent = false;        ///< some instruction waits for another lane
  };
  struct Operation {
    CollectiveDescriptor descriptor;
    Extent extent;
    std::uint32_t left = 0;  ///< lanes that have not ended
    std::array<LaneState, kLanes> lanes;
    Operation* next = nullptr;
  };
  struct Context {
    std::uint16_t id = 0;
    bool broken = false;
    Fifo<Operation> operations;                   ///< the first one runs
    std::vector<Fifo<Packet>> flows;              ///< [lane * ranks + source]
    std::array<std::uint64_t, kLanes> waiting{};  ///< [lane] bit s: the flow from s is not empty
    std::vector<std::byte> scratch;
    Extent extent;  ///< of the last collective that was posted
  };
  /// The frame that arrive() looks at: consumed in place where the flow before it is empty.
  struct Arrival {
    FrameView frame;
    std::uint32_t source = 0;
  };
  /// Head of a flow: its header and payload, or null.
  struct Head {
    const FrameHeader* header = nullptr;
    const std::byte* payload = nullptr;
  };

  void advance_blocked();
  Context& context(std::uint16_t id);
  [[nodiscard]] Head head(const Context& context, std::uint32_t lane, std::uint32_t source) const noexcept;
  void pop_head(Context& context, std::uint32_t lane, std::uint32_t source) noexcept;
  void keep_arrival(Context& context);
  [[nodiscard]] static const Extent& extent(Context& context, const CollectiveDescriptor& call) noexcept;
  void start(Context& context);
  void advance(Context& context);
  /// The same where nothing has come but for this lane.
  void advance(Context& context, std::uint32_t lane);
  void end_if_done(Context& context);
  /// Runs a lane as far as it goes; true when a step was made. Ends early when the context broke.
  bool run_lane(Context& context, Operation& operation, std::uint32_t lane);
  [[nodiscard]] static bool dependency_met(const Operation& operation, std::uint32_t lane,
                                           const schedule::Instruction& instruction) noexcept;
  /// Whether an instruction of so many bytes that sends may leave its data where they are.
  [[nodiscard]] bool may_stay(const schedule::Program& program, std::uint64_t bytes,
                              std::uint32_t to) const noexcept;
  /// Where an instruction's src and dst begin, `pass_offset` bytes into Input and Output; nullptr: it has none.
  struct Operands {
    const std::byte* src = nullptr;
    std::byte* dst = nullptr;
  };
  [[nodiscard]] static Operands operands(Context& context, const Operation& operation,
                                         const schedule::Instruction& instruction, std::uint64_t pass_offset) noexcept;
  void thank(const Thanks& thanks);
  /// pass_offset: where the pass begins in Input and Output; offset: in the instruction. kFailed when data
  /// could not be fetched; kLater, where nothing is sent: nothing has been done that is not done again.
  [[nodiscard]] Rendezvous::Fetched execute(Context& context, Operation& operation,
                                            const schedule::Instruction& instruction,
                                            std::uint64_t pass_offset, std::uint64_t offset,
                                            std::uint32_t bytes, const Received& received,
                                            Rendezvous::Share& share, Sent& sent);
  /// Looks for disagreement at the head of a flow; false when the context broke.
  bool check_head(Context& context, std::uint32_t lane, std::uint32_t source);
  /// Of a head that is not of the collective that runs, as its rank has it.
  bool check_other(Context& context, std::uint32_t lane, std::uint32_t source, const FrameHeader& header);
  void mismatch(Context& context, std::uint32_t source, std::uint32_t fields, std::uint64_t count);
  void break_context(Context& context, const Completion& first);
  void finish(Context& context, const Completion& completion);

  Transport& transport_;
  Rendezvous& rendezvous_;
  Completions& completions_;
  Work& work_;
  const std::uint64_t remote_bytes_;  ///< instructions of at least so many leave their data where they are
  GrowingRing<Thanks> thanks_;
  bool blocked_ = false;  ///< a lane has found no room; all else goes on when a frame comes
  Completion* posting_ =
      nullptr;  ///< where the collective that is being posted is reported, if it ends at once
  std::uint32_t posting_cookie_ = 0;
  std::vector<std::byte> bounce_;  ///< fetched data that are to be reduced
  Arrival arrival_;
  std::vector<std::unique_ptr<Context>> contexts_;  ///< as many as have been used
  std::vector<Context*> used_;
  Pool<Operation> operation_pool_;
  Pool<Packet> packet_pool_;
};

}  // namespace tally::soft
