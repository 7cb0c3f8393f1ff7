// SPDX-License-Identifier: BSD-3-Clause
// The driver of the device: an Engine over a register window and shared memory (docs/device.md, Programmer's
// guide).
//
// What the CPU does not do here, unless the device hands over (handover.hpp): match, move payload, reduce. A
// send of at most InlineBytes is stored into its descriptor; that is a doorbell write and is not counted in
// cpu_copied_bytes.
//
// Held in software, in order, and counted where the name says:
//   sends beyond the window of their peer, or of the endpoint (fallback_send_window);
//   receives beyond the device's posted entries (fallback_posted_full): the host then stands in for the match
//   unit; what meets a full ring, and collectives that the device's queue has no place for (fallback_ring_full);
//   collectives whose schedule finds no room beside those that others under way use: the device's limit, not a
//   fallback.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/ring/bar.hpp"
#include "engine/ring/device_counters.hpp"
#include "engine/ring/handover.hpp"
#include "engine/ring/operand_window.hpp"
#include "engine/ring/operations.hpp"
#include "engine/ring/options.hpp"
#include "engine/ring/regions.hpp"
#include "engine/ring/registers.hpp"
#include "engine/ring/rings.hpp"
#include "engine/ring/schedule_memory.hpp"
#include "engine/ring/scratch_pool.hpp"
#include "tally/device.hpp"

namespace tally::ring {

class RingEngine : public Engine, private HandoverDevice {
 public:
  /// Eager sends of an endpoint that the device has at once, by its rules; a rank's share is limited so that
  /// each other rank can have kOwnSends. A rendezvous is not counted, here or in the window: it leaves the
  /// retransmit buffer when the receiver's device has seen it, of which the driver does not hear, and it
  /// completes when the receiver takes it: held until others are received, it could be the one that the
  /// receiver waits for.
  static constexpr std::uint32_t kSends = device::kEagerSends;
  static constexpr std::uint32_t kOwnSends = 4;
  /// Collectives on the device at a time, its own queue included.
  static constexpr std::uint32_t kCollectives = device::kCollectiveQueue;

  /// Brings the endpoint up as `rank` of `ranks`, and the device with it if it is told to. `bar` outlives the
  /// engine. Throws std::runtime_error that names what is wrong (an option, no such device, another version,
  /// too many ranks, no answer).
  RingEngine(Bar& bar, unsigned rank, unsigned ranks, const RingEngineOptions& options = {});
  /// Takes the registered memory from the device. The device stays up: peers' packets still get their
  /// answers.
  ~RingEngine() override;
  RingEngine(const RingEngine&) = delete;
  RingEngine& operator=(const RingEngine&) = delete;

  [[nodiscard]] const Capabilities& capabilities() const noexcept override { return capabilities_; }
  Status register_memory(void* base, std::size_t length, std::uint32_t* key) override;
  Status deregister_memory(std::uint32_t key) override;
  Status post_send(const SendDescriptor& send) override;
  Status post_recv(const RecvDescriptor& recv) override;
  Status post_probe(const ProbeDescriptor& probe) override;
  Status post_mrecv(const MrecvDescriptor& mrecv) override;
  void cancel(std::uint32_t cookie) override;
  Status post_collective(const CollectiveDescriptor& collective) override;
  std::size_t poll(std::span<Completion> out) override;
  void wait(std::chrono::microseconds timeout) override;
  void abort_collective(std::uint16_t context, std::uint16_t seq) override;
  void add_counters(tally_counters& counters) const override;
  [[nodiscard]] std::string describe_pending() const override;

  /// Cells of the retransmit buffer that a Msg queue pair may use.
  [[nodiscard]] std::uint32_t send_window() const { return window_; }

 private:
  struct Peer {
    std::uint32_t cells = 0;   ///< under way, of eager sends
    std::uint32_t sends = 0;   ///< eager ones on the device
    std::uint32_t failed = 0;  ///< bit k: the queue pair of kind k has given up
    OperationQueue held;
  };

  // bring_up.cpp
  [[nodiscard]] std::uint32_t ep(std::uint32_t ep_register) const {
    return ep_register + options_.endpoint * device::kEndpointPage;
  }
  void bring_up(unsigned ranks);
  void check_device(unsigned ranks);
  void bring_up_device();
  void bring_up_endpoint(unsigned ranks);
  void connect(unsigned ranks);

  // HandoverDevice, in posting.cpp
  [[nodiscard]] std::uint32_t room() const override;
  [[nodiscard]] bool handle_free() const override { return !free_handles_.empty(); }
  void submit_receive(OperationIndex index, std::uint32_t spill_seen, bool search) override;
  void submit_probe(OperationIndex index) override;
  void submit_control(device::Opcode opcode, std::uint32_t spill_seen) override;
  void submit_fetch(OperationIndex index, const device::MsgHeader& message) override;
  void end(OperationIndex index, const Result& result) override;

  // posting.cpp
  [[nodiscard]] Status begin(Kind kind, std::uint32_t cookie, OperationIndex* index);
  void use_region(Operation& operation, std::uint32_t key, std::uint64_t length);
  [[nodiscard]] Status check_receive(const char* what, const void* buffer, std::uint64_t length,
                                     std::uint32_t key) const;
  /// Why it cannot go to the device now.
  [[nodiscard]] Held obstacle(const Operation& operation) const;
  void post_or_hold_send(OperationIndex index);
  void post_or_hold_receive(OperationIndex index);
  void count_held(Held why);
  void hold(OperationIndex index, Held why);
  void submit_send(OperationIndex index);
  void push(const void* descriptor);
  void ring_doorbell();
  /// Posts what is held, as far as it goes.
  void feed();
  void feed_receives();
  void feed_sends();
  void feed_mrecvs();
  void feed_cancels();

  // collectives.cpp
  [[nodiscard]] static Status check_program(const schedule::Program& program, const CollectiveDescriptor& collective);
  void feed_collectives();
  /// Posts a held one; otherwise why not, and whether those behind it wait as well.
  [[nodiscard]] Held feed_collective(OperationIndex index, bool* all);
  void repeat_aborts();
  [[nodiscard]] static bool names(const schedule::Program& program, int rank);

  // completions.cpp
  bool take(const device::Cqe& cqe, Completion* out);
  bool take_operation(const device::Cqe& cqe, Completion* out);
  bool take_receive(OperationIndex index, const device::Cqe& cqe);
  void take_cancel(const device::Cqe& cqe);
  void take_queue_pair_error(const device::Cqe& cqe);
  bool tell_heads();
  void check(Status status);
  void finish(OperationIndex index);
  void release(Operation& operation);
  [[nodiscard]] bool peers_up();
  [[nodiscard]] Status peer_error(std::size_t rank) const;
  /// Nothing goes on: every operation ends with `status`.
  void fail(tally_status status, std::string why);

  [[nodiscard]] std::uint32_t posted() const {
    return posted_entries_ - static_cast<std::uint32_t>(free_handles_.size());
  }

  Bar& bar_;
  unsigned rank_;
  RingEngineOptions options_;
  Capabilities capabilities_;
  Registers registers_;
  std::span<std::byte> shared_;
  std::span<const std::byte> spill_memory_;
  SubmissionRing submissions_;
  CompletionRing completions_;
  RegionTable regions_;
  ScheduleMemory schedules_;
  ScratchPool scratch_;
  OperandWindow operands_;
  OperationPool operations_;
  Handover handover_;

  std::vector<Peer> peers_;
  std::uint32_t window_ = 0;    // cells for each peer
  std::uint32_t sends_ = 0;     // eager ones on the device
  std::uint32_t reserved_ = 0;  // of kSends, for peers with fewer than kOwnSends
  std::size_t next_peer_ = 0;   // round robin among peers with held sends
  std::size_t held_sends_ = 0;
  int awaited_ = -1;  // a rank whose device is not up yet
  bool peers_up_ = false;
  OperationQueue held_mrecvs_;
  OperationQueue held_collectives_;
  OperationQueue finished_;                // without the device
  std::vector<OperationIndex> running_;    // collectives on the device
  bool collectives_behind_ = false;        // one of them waits for the window or the ring
  std::vector<std::uint16_t> free_handles_;
  std::uint32_t posted_entries_ = 0;
  std::vector<OperationIndex> cancels_;  // to be posted
  std::vector<bool> claimed_;            // messages claimed on the device, by its name
  std::uint64_t age_ = 0;                // of the next receive
  bool nop_pending_ = false;       // there is a Nop among the entries that the device may not have read ...
  std::uint16_t nop_at_ = 0;       // ... here: its completion tells that the device has read so far
  bool doorbell_pending_ = false;  // entries are in the ring that the device has not been told of
  bool batch_ = false;             // more follows at once: one doorbell for all
  std::uint16_t head_told_ = 0;    // CqHead as the device knows it
  std::uint16_t spill_told_ = 0;   // SpillHead
  std::chrono::steady_clock::time_point abort_told_{};
  Status failure_;

  std::uint64_t window_held_ = 0;
  std::uint64_t posted_full_ = 0;
  std::uint64_t ring_full_ = 0;
  mutable DeviceCounters device_counters_;
};

}  // namespace tally::ring
