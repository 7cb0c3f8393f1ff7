// SPDX-License-Identifier: BSD-3-Clause
// The driver's part of the handover between device and host (docs/handover.md).
//
// Device mode: receives go to the device with the number of spilled messages seen (n), and are forgotten
// until they complete. Host mode, from the first spilled message, returned receive or missing posted entry
// on:
//   H  receives that the device does not have. Those that it has missed while it was in spill mode are
//      *cleared*: nothing on the device is for them, now or later. They come first in H, by age; behind them
//      those that are still to be asked for, in order.
//   U  spilled messages that no receive took.
// No cleared receive matches a message of U.
//
// It works in rounds. A round posts receives (cleared ones for which there is a posted entry again, by age;
// new ones), then searches (NoAppend) for those that U may have something for or that find no posted entry,
// then SpillOn as a *fence*: the match unit does these one after the other and their refusals return in that
// order, so that with the fence's answer it is known of each receive posted before it whether it was
// returned. One that was not is posted or has met a message whose payload is on its way, which nothing waits
// for. Messages spilled meanwhile are held (their slots are not) until the round is over: only then is it
// known which receives are older than they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/engine.hpp"
#include "engine/ring/host_match.hpp"
#include "engine/ring/operations.hpp"
#include "tally/device.hpp"

namespace tally::ring {

/// What the handover does to the device, and the engine.
class HandoverDevice {
 public:
  /// Descriptors that the submission ring takes now.
  [[nodiscard]] virtual std::uint32_t room() const = 0;
  [[nodiscard]] virtual bool handle_free() const = 0;
  /// Posts the receive: with a handle, or as a search.
  virtual void submit_receive(OperationIndex index, std::uint32_t spill_seen, bool search) = 0;
  virtual void submit_probe(OperationIndex index) = 0;
  virtual void submit_control(device::Opcode opcode, std::uint32_t spill_seen) = 0;
  virtual void submit_fetch(OperationIndex index, const device::MsgHeader& message) = 0;
  /// The operation has ended without the device.
  virtual void end(OperationIndex index, const Result& result) = 0;

 protected:
  ~HandoverDevice() = default;
};

class Handover {
 public:
  struct Counters {
    std::uint64_t matches = 0, copied_bytes = 0;
    std::uint64_t spilled[5] = {};  ///< by SpillReason
    std::uint64_t returned = 0, to_host = 0, to_device = 0;
  };

  Handover(HandoverDevice& device, OperationPool& operations) : device_(device), operations_(operations) {}

  [[nodiscard]] bool host_mode() const { return host_mode_; }
  [[nodiscard]] std::uint32_t seen() const { return seen_; }
  /// Receives and probes that are still to be posted, in order. The engine posts them in device mode.
  [[nodiscard]] OperationQueue& waiting() { return waiting_; }
  /// Leaves device mode. The posted entries are used up, or something came back.
  void take_over();
  /// Host mode: goes on as far as it can.
  void step();

  /// Each Recv descriptor, when it is posted; a search too.
  void posted(OperationIndex index, std::uint32_t spill_seen);
  /// A receive on the device is over: complete or cancelled.
  void left_device(OperationIndex index);
  /// A NotPosted; the receive has given its handle back.
  void returned(OperationIndex index, const device::Cqe& cqe);
  /// A Spill; `slot` is its memory, which is free again afterwards. Not OK: the device breaks the protocol.
  [[nodiscard]] Status spilled(const device::Cqe& cqe, std::span<const std::byte> slot);
  /// SpillOn or SpillOff is done. Not OK: it was not under way.
  [[nodiscard]] Status controlled(const device::Cqe& cqe);
  /// A Probe is done, and found nothing on the device: its end. Otherwise only that it is done.
  [[nodiscard]] Result probe_missed(OperationIndex index);
  void probed(OperationIndex index) {
    if (probing_ == index) probing_ = kNoOperation;
  }
  /// Takes a receive back that the host has. False: it is on the device.
  [[nodiscard]] bool cancel(OperationIndex index);

  /// The claimed message is one of the host's.
  [[nodiscard]] static bool is_host_message(std::uint32_t name) { return (name & kHostMessage) != 0; }
  [[nodiscard]] bool has_claimed(std::uint32_t name) const { return claimed_.count(name) != 0; }
  /// Gives a claimed message to the mrecv.
  void receive_claimed(OperationIndex index, std::uint32_t name);

  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// Lines for a person; empty in device mode.
  [[nodiscard]] std::string describe() const;
  void abandon();

 private:
  static constexpr std::uint32_t kHostMessage = 1u << 31;
  enum class Control : std::uint8_t { kNone, kOn, kOff };

  /// A message, its payload in `bytes` (its own, or the slot's).
  void deliver(OperationIndex index, const device::MsgHeader& header, std::span<const std::byte> bytes);
  void deliver_from_host(OperationIndex index);
  void to_cleared(OperationIndex index);
  void settle();
  void send_control(device::Opcode opcode);
  void learn(std::uint32_t spill_count);
  [[nodiscard]] bool settled() const { return spill_mode_ && confirmed_ == posted_ && !again_; }
  void start_round();
  /// The front of waiting_. False: the round ends here.
  bool ask_next(bool* searching);

  HandoverDevice& device_;
  OperationPool& operations_;
  HostMatch match_;         // the cleared receives of H, and U
  OperationQueue waiting_;  // the rest of H, behind them
  OperationQueue
      early_returns_;         // returned before the device was known to be in spill mode: older than all of H
  OperationQueue on_device_;  // receives, by number
  std::deque<Message> unsettled_;                                     // spilled, not yet compared with H
  std::deque<std::pair<OperationIndex, device::MsgHeader>> fetches_;  // matched, for the device to read
  std::unordered_map<std::uint32_t, Message> claimed_;                // of U
  std::uint32_t next_claim_ = 0;

  bool host_mode_ = false;
  bool spill_mode_ = false;  // of the device, for certain; also: what came back before that is here
  bool again_ = false;       // the device refuses to post until another SpillOn
  bool no_place_ = false;    // its tables had none for a receive: no posting until one has left them
  OperationIndex probing_ = kNoOperation;
  Control control_ = Control::kNone;
  std::uint32_t seen_ = 0;       // spilled messages taken over, modulo 2^32
  std::uint32_t known_ = 0;      // spill count that the device has told of; their completions come
  std::uint32_t posted_ = 0;     // Recv descriptors, modulo 2^32
  std::uint32_t fence_ = 0;      // posted_ when the control went out
  std::uint32_t off_seen_ = 0;   // seen_ when the control went out
  std::uint32_t confirmed_ = 0;  // receives up to this number have been returned, or will not be
  Counters counters_;
};

}  // namespace tally::ring
