// SPDX-License-Identifier: BSD-3-Clause
// Operations under way: one record each, allocated once, and queues through them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"
#include "tally/device.hpp"
#include "tally/tally.h"

namespace tally::ring {

using OperationIndex = std::uint32_t;
inline constexpr OperationIndex kNoOperation = 0xffffffff;
inline constexpr std::uint16_t kNoHandle = 0xffff;

enum class Kind : std::uint8_t { kSend, kRecv, kProbe, kMrecv, kCollective };
enum class Place : std::uint8_t {
  kFree,
  kHeld,      ///< in a software queue
  kHost,      ///< a receive that the host matches (Handover)
  kDevice,    ///< posted
  kFinished,  ///< finished without the device, not yet polled
  kZombie,    ///< the caller knows its end; the answer to its Cancel, or a late Fin, may still come
};
/// Why an operation is held.
enum class Held : std::uint8_t { kNot, kWindow, kPostedFull, kRingFull, kQueueFull, kTurn, kPeersDown, kHandover };
enum class Cancel : std::uint8_t { kNo, kWanted, kPosted };

/// How an operation ended.
struct Result {
  tally_status status = TALLY_OK;
  std::uint16_t source = 0;
  std::uint32_t tag = 0;
  std::uint32_t length = 0;
  std::uint32_t message = 0;  ///< probe with claim
};

struct Operation {
  union {
    device::MsgDesc send;
    device::RecvDesc receive;  ///< receives, probes, mrecvs
    device::CollDesc collective;
  };
  std::uint32_t cookie = 0;  ///< the caller's
  OperationIndex next = kNoOperation;
  OperationIndex previous = kNoOperation;
  Kind kind = Kind::kSend;
  Place place = Place::kFree;
  Held held = Held::kNot;
  Cancel cancel = Cancel::kNo;
  bool abort = false;                ///< collective: the host wants it to end
  bool cleared = false;              ///< receive: nothing on the device is for it, now or later (Handover)
  bool host_mode = false;            ///< receive on the device: posted in host mode
  std::uint16_t handle = kNoHandle;  ///< receive on the device: its posted entry
  std::uint16_t cells = 0;           ///< eager send: of its peer's window
  int failed_peer = -1;              ///< collective: it ends because this rank does not answer
  std::uint32_t number = 0;          ///< receive on the device: which of the Recv descriptors
  std::uint32_t seen = 0;            ///< its spill_seen
  std::uint64_t order = 0;           ///< receive: age, in the order of the calls
  Result result;                     ///< kFinished
  const schedule::Program* program = nullptr;
  std::uint64_t scratch_bytes = 0;  ///< collective: that it needs
  const std::byte* input = nullptr;  ///< collective: of input_bytes bytes that may go into the operand window
  std::uint32_t input_bytes = 0;     ///< 0: they may not
  std::uint32_t input_first = 0;     ///< byte of it that the device reads first
  int operand = -1;                  ///< collective on the device: its slot of the OperandWindow
  int scratch = -1;                 ///< collective on the device: its buffer of the ScratchPool
  std::uint32_t keys[3] = {};  ///< regions in use
  std::uint8_t key_count = 0;

  Operation() : send{} {}
};
static_assert(sizeof(device::MsgDesc) == 64 && sizeof(device::RecvDesc) == 64 &&
              sizeof(device::CollDesc) == 64);

/// A fixed number of records. The index of a record is the cookie that the device sees.
class OperationPool {
 public:
  explicit OperationPool(std::uint32_t count);
  /// kNoOperation: all are in use.
  [[nodiscard]] OperationIndex allocate();
  void free(OperationIndex index);
  [[nodiscard]] Operation& operator[](OperationIndex index) { return records_[index]; }
  [[nodiscard]] const Operation& operator[](OperationIndex index) const { return records_[index]; }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(records_.size()); }

 private:
  std::vector<Operation> records_;
  OperationIndex free_ = kNoOperation;
};

/// First in, first out; an operation is in one queue at a time.
class OperationQueue {
 public:
  [[nodiscard]] bool empty() const { return head_ == kNoOperation; }
  [[nodiscard]] OperationIndex front() const { return head_; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  void push(OperationPool& pool, OperationIndex index);
  OperationIndex pop(OperationPool& pool);
  /// Takes one of its members out.
  void remove(OperationPool& pool, OperationIndex index);
  /// Puts `before`'s members in front of this queue's, in their order; `before` is empty then.
  void prepend(OperationPool& pool, OperationQueue& before);

 private:
  OperationIndex head_ = kNoOperation;
  OperationIndex tail_ = kNoOperation;
  std::uint32_t size_ = 0;
};

/// One line for a person; `own` is this rank.
[[nodiscard]] std::string describe(const Operation& operation, unsigned own);

}  // namespace tally::ring
