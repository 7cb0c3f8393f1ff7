// SPDX-License-Identifier: BSD-3-Clause
// The Engine interface: what every offload engine offers to the API layer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "schedule/schedule.hpp"
#include "tally/tally.h"

namespace tally {

/// Result of an operation inside the library: a tally_status and, on failure, a sentence that
/// names the argument or the cause. Small, and without an allocation where there is no sentence.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  /// TALLY_AGAIN, which needs no sentence.
  [[nodiscard]] static Status again() noexcept {
    Status status;
    status.code_ = TALLY_AGAIN;
    return status;
  }
  Status(tally_status code, std::string message)
      : code_(code), message_(new std::string(std::move(message))) {}
  Status(const Status& other)
      : code_(other.code_),
        message_(other.message_ == nullptr ? nullptr : new std::string(*other.message_)) {}
  Status(Status&&) noexcept = default;
  Status& operator=(const Status& other) { return *this = Status(other); }
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;
  [[nodiscard]] bool ok() const noexcept { return code_ == TALLY_OK; }
  [[nodiscard]] tally_status code() const noexcept { return code_; }
  [[nodiscard]] const std::string& message() const noexcept {
    static const std::string none;
    return message_ == nullptr ? none : *message_;
  }

 private:
  /// Not inlined: there is hardly ever one.
  struct Drop {
    [[gnu::cold]] [[gnu::noinline]] void operator()(std::string* message) const noexcept { delete message; }
  };
  tally_status code_ = TALLY_OK;
  std::unique_ptr<std::string, Drop> message_;
};

/// Contexts of groups are 0 to this minus 1, on every engine; those of their channels are larger.
inline constexpr std::uint32_t kGroupContexts = 4096;

/// What an engine can do; queried once.
struct Capabilities {
  std::string name;                ///< "soft", "rtl"
  std::string description;         ///< one line for `tally info`
  std::uint32_t max_ranks = 0;
  std::uint32_t lanes = 0;         ///< schedule lanes
  std::uint64_t max_message = 0;   ///< bytes
  /// Collectives may be of contexts 0 to this minus 1; messages of any context.
  std::uint32_t collective_contexts = 0;
  std::uint64_t flow_bytes = 0;    ///< data that a (peer, lane) flow holds: the largest Program::max_bytes it can run
  bool reads_peers = false;        ///< a receiver fetches large data itself: few large messages are best
  /// Registrations at once that leave the engine what it needs itself; 0: no limit.
  std::uint32_t memory_regions = 0;
  /// One registration may cover the process's memory below this address, mapped now or later; 0: regions hold buffers.
  std::uint64_t whole_memory = 0;
  bool offloads_matching = false;
  bool offloads_reductions = false;
};

/// A tagged send. `buffer` stays valid and unchanged until the completion.
struct SendDescriptor {
  const void* buffer = nullptr;
  std::uint64_t length = 0;        ///< bytes
  std::uint32_t key = 0;           ///< memory key that covers buffer
  std::uint16_t context = 0;
  std::uint16_t destination = 0;   ///< job rank
  std::uint32_t tag = 0;
  bool synchronous = false;        ///< completes only when a receive has matched it, whatever its length
  /// Returned in the completion. No two operations under way have the same; small, so that engines may index by it.
  std::uint32_t cookie = 0;
};

/// A posted receive. `buffer` belongs to the engine until the completion.
struct RecvDescriptor {
  void* buffer = nullptr;
  std::uint64_t length = 0;        ///< bytes of room
  std::uint32_t key = 0;
  std::uint16_t context = 0;
  std::uint16_t source = 0;        ///< job rank; ignored with any_source
  bool any_source = false;
  bool any_tag = false;
  std::uint32_t tag = 0;
  std::uint32_t cookie = 0;
};

/// Looks for a message that has arrived and that no receive has taken. Completes at once: TALLY_OK with source, tag and
/// length of the oldest match, or TALLY_AGAIN when there is none now. With `claim` the message is taken out of the
/// queue, so that no receive or probe meets it, and Completion::message names it for post_mrecv.
struct ProbeDescriptor {
  std::uint16_t context = 0;
  std::uint16_t source = 0;        ///< job rank; ignored with any_source
  bool any_source = false;
  bool any_tag = false;
  bool claim = false;
  std::uint32_t tag = 0;
  std::uint32_t cookie = 0;
};

/// Receives a claimed message.
struct MrecvDescriptor {
  void* buffer = nullptr;
  std::uint64_t length = 0;        ///< bytes of room
  std::uint32_t key = 0;
  std::uint32_t message = 0;       ///< of the probe's completion
  std::uint32_t cookie = 0;
};

/// One collective. `program` outlives the completion. Every rank of the group gives the same
/// signature, count, dtype and redop; an engine reports TALLY_ERR_MISMATCH where they differ, or where the two ends of a
/// message disagree about its length.
struct CollectiveDescriptor {
  const schedule::Program* program = nullptr;  ///< this rank's part, with job ranks as peers
  /// nullptr where the program does not use it. They may be the same (in place), or one of them the own block in the
  /// other, where the program is made for that.
  const void* input = nullptr;
  void* output = nullptr;
  std::uint32_t input_key = 0;
  std::uint32_t output_key = 0;
  std::uint64_t count = 0;         ///< elements of the vector; by_bytes: 0 where ranks cannot know the others'
  tally_dtype dtype = TALLY_BYTE;
  tally_op redop = TALLY_OP_NONE;
  std::uint16_t context = 0;
  std::uint16_t seq = 0;           ///< number of the collective in its context
  std::uint16_t signature = 0;     ///< of collective, algorithm, root
  std::uint32_t cookie = 0;
};

/// One finished operation. Where one is copied often, copy() does so without waiting for stores to single fields.
struct Completion {
  std::uint32_t cookie = 0;
  tally_status status = TALLY_OK;
  std::uint64_t length = 0;        ///< recv: bytes of the message (the whole, also when truncated)
  std::uint32_t tag = 0;
  std::uint16_t source = 0;        ///< recv: sender. Mismatch: the rank that differs
  std::uint32_t detail = 0;        ///< Mismatch: 31:24 fields that differ, 23:0 the peer's count
  std::uint64_t device_ns = 0;     ///< simulated or device time of the operation; 0 where there is none
  std::uint32_t message = 0;       ///< probe with claim: names the message for post_mrecv

  void copy(const Completion& from) noexcept {
    cookie = from.cookie;
    status = from.status;
    length = from.length;
    tag = from.tag;
    source = from.source;
    detail = from.detail;
    device_ns = from.device_ns;
    message = from.message;
  }
};

/// One process's end of an engine. Not thread-safe: the API layer serializes calls, but for sleep().
///
/// post_* return TALLY_OK, TALLY_AGAIN when a queue is full (poll, then try again; nothing was
/// posted), or an error that names the argument. No call blocks but wait.
class Engine {
 public:
  virtual ~Engine() = default;
  [[nodiscard]] virtual const Capabilities& capabilities() const noexcept = 0;
  /// Registers [base, base + length); *key is then valid until deregistered.
  virtual Status register_memory(void* base, std::size_t length, std::uint32_t* key) = 0;
  virtual Status deregister_memory(std::uint32_t key) = 0;
  virtual Status post_send(const SendDescriptor& send) = 0;
  virtual Status post_recv(const RecvDescriptor& recv) = 0;
  /// The same where the operation may be over by the time they return: *complete is true then, *completion is written and
  /// poll does not report it; else neither is touched. An engine that never is so soon need not override them.
  virtual Status start_send(const SendDescriptor& send, Completion*, bool*) { return post_send(send); }
  virtual Status start_recv(const RecvDescriptor& recv, Completion*, bool*) { return post_recv(recv); }
  virtual Status start_collective(const CollectiveDescriptor& collective, Completion*, bool*) {
    return post_collective(collective);
  }
  virtual Status post_probe(const ProbeDescriptor& probe) = 0;
  virtual Status post_mrecv(const MrecvDescriptor& mrecv) = 0;
  /// Asks for the end of the receive with this cookie, which must be under way. It completes with TALLY_ERR_CANCELLED if
  /// no message has matched it, else as it would have: one or the other, always.
  virtual void cancel(std::uint32_t cookie) = 0;
  virtual Status post_collective(const CollectiveDescriptor& collective) = 0;
  /// Moves things on and takes finished operations; returns how many were written to `out`.
  virtual std::size_t poll(std::span<Completion> out) = 0;
  /// Gives the processor up until there may be something to poll, or `timeout` is over.
  virtual void wait(std::chrono::microseconds timeout) = 0;
  /// wait() in parts, for a process of which several threads call: sleep() may run beside all other calls. One thread at a
  /// time does prepare_sleep(), where that says so sleep(), then end_sleep(). What there is to poll when prepare_sleep()
  /// returns, or comes later, and job::wake of this rank keep sleep() from sleeping on.
  /// An engine that does not have it looks again soon.
  [[nodiscard]] virtual bool prepare_sleep() {
    wait(std::chrono::microseconds(0));
    return true;
  }
  virtual void sleep(std::chrono::microseconds timeout) {
    std::this_thread::sleep_for(std::min(timeout, std::chrono::microseconds(50)));
  }
  virtual void end_sleep() {}
  /// Ends a collective of this rank that other ranks have given up (best effort, asynchronous;
  /// it completes with TALLY_ERR_ABORTED).
  virtual void abort_collective(std::uint16_t context, std::uint16_t seq) = 0;
  /// Adds this engine's counters to `counters`.
  virtual void add_counters(tally_counters& counters) const = 0;
  /// What the engine waits for, for a person: one line an operation.
  [[nodiscard]] virtual std::string describe_pending() const = 0;
};

}  // namespace tally
