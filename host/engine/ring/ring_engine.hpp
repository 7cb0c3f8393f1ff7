// SPDX-License-Identifier: BSD-3-Clause
// The driver of the device: an Engine over a register window and shared memory (docs/device.md, Programmer's
// guide).
//
// What the CPU does not do here: match, move payload, reduce. A send of at most InlineBytes is stored into
// its descriptor; that is a doorbell write and is not counted in cpu_copied_bytes, which stays 0, as do the
// other cpu_ counters.
//
// Held in software, in order, and counted where the name says:
//   sends beyond the message credits of their peer (fallback_no_credit);
//   receives beyond the device's posted entries (fallback_posted_full). They are posted as entries get free:
//   a program
//     with more than PostedEntries open receives, of which only a later one will ever be sent to, does not
//     get on;
//   what meets a full ring (fallback_ring_full);
//   collectives behind another one: the driver posts them one by one. That is the device's rule, not a
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
#include "engine/ring/operations.hpp"
#include "engine/ring/regions.hpp"
#include "engine/ring/registers.hpp"
#include "engine/ring/rings.hpp"
#include "engine/ring/schedule_memory.hpp"
#include "tally/device.hpp"

namespace tally::ring {

struct RingEngineOptions {
  unsigned sq_log2 = 10;            ///< submission ring entries, log2
  unsigned cq_log2 = 12;            ///< completion ring entries, log2; 2^cq_log2 >= 128
  std::uint32_t operations = 4096;  ///< operations under way, held ones included; more is TALLY_AGAIN
};

class RingEngine : public Engine {
 public:
  /// Brings the device up as node `rank` of `ranks`. `bar` outlives the engine. Throws std::runtime_error
  /// that names what is wrong (no such device, another version, too many ranks, no answer).
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
  Status post_collective(const CollectiveDescriptor& collective) override;
  std::size_t poll(std::span<Completion> out) override;
  void wait(std::chrono::microseconds timeout) override;
  void abort_collective(std::uint16_t context, std::uint16_t seq) override;
  void add_counters(tally_counters& counters) const override;
  [[nodiscard]] std::string describe_pending() const override;

 private:
  struct FreePages {
    void operator()(std::byte* p) const;
  };
  struct Scratch {
    std::unique_ptr<std::byte, FreePages> memory;
    std::uint64_t bytes = 0;
    std::uint32_t key = 0;
  };
  struct Peer {
    std::uint32_t credits = 0;
    OperationQueue held;
  };

  void bring_up(unsigned ranks);

  // posting.cpp
  [[nodiscard]] Status begin(OperationIndex* index);
  void use_region(Operation& operation, std::uint32_t key, std::uint64_t length);
  [[nodiscard]] Status need_scratch(std::uint64_t bytes);
  void drop_old_scratch();
  /// Why it cannot go to the device now.
  [[nodiscard]] Held obstacle(const Operation& operation) const;
  void post_or_hold(OperationIndex index, OperationQueue& queue);
  void count_held(Held why);
  void submit(OperationIndex index, bool alone);
  void ring_doorbell();
  /// Posts what is held, as far as it goes.
  void feed();
  void feed_collectives();

  // completions.cpp
  bool take(const device::Cqe& cqe, Completion* out);
  bool take_credit(const device::Cqe& cqe);
  void finish(OperationIndex index);
  void finish_locally(OperationIndex index, tally_status status);
  void release(Operation& operation);
  void repeat_abort();
  /// Nothing goes on: every operation ends with `status`.
  void fail(tally_status status, std::string why);

  Bar& bar_;
  unsigned rank_;
  RingEngineOptions options_;
  Capabilities capabilities_;
  Registers registers_;
  std::span<std::byte> shared_;
  SubmissionRing submissions_;
  CompletionRing completions_;
  RegionTable regions_;
  ScheduleMemory schedules_;
  OperationPool operations_;

  std::vector<Peer> peers_;
  std::uint32_t initial_credits_ = 0;
  std::size_t next_peer_ = 0;  // round robin among peers with held sends
  std::size_t held_sends_ = 0;
  OperationQueue held_receives_;
  OperationQueue held_collectives_;
  OperationQueue finished_;                // without the device
  OperationIndex running_ = kNoOperation;  // the collective on the device
  std::uint32_t posted_ = 0;               // receives on the device
  std::uint32_t on_device_ = 0;            // operations on the device
  std::uint32_t device_limit_ = 0;         // of on_device_, by the completion ring's size
  bool doorbell_pending_ = false;          // entries are in the ring that the device has not been told of
  std::uint16_t head_told_ = 0;            // CqHead as the device knows it
  std::chrono::steady_clock::time_point abort_told_{};
  Scratch scratch_;
  std::vector<Scratch> old_scratch_;  // until no collective uses it
  Status failure_;

  std::uint64_t no_credit_ = 0;
  std::uint64_t posted_full_ = 0;
  std::uint64_t ring_full_ = 0;
  mutable DeviceCounters device_counters_;
};

}  // namespace tally::ring
