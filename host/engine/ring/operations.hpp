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

enum class Kind : std::uint8_t { kSend, kRecv, kCollective };
enum class Place : std::uint8_t {
  kFree,
  kHeld,      ///< in a software queue
  kDevice,    ///< posted
  kFinished,  ///< finished without the device, not yet polled
};
/// Why an operation is held.
enum class Held : std::uint8_t { kNot, kNoCredit, kPostedFull, kRingFull, kTurn };

struct Operation {
  union {
    device::MsgDesc message;
    device::CollDesc collective;
  };
  std::uint32_t cookie = 0;  ///< the caller's
  OperationIndex next = kNoOperation;
  Kind kind = Kind::kSend;
  Place place = Place::kFree;
  Held held = Held::kNot;
  bool abort = false;              ///< collective: the host wants it to end
  tally_status status = TALLY_OK;  ///< kFinished
  const schedule::Program* program = nullptr;
  std::uint32_t keys[3] = {};  ///< regions in use
  std::uint8_t key_count = 0;

  Operation() : message{} {}
};
static_assert(sizeof(device::MsgDesc) == 64 && sizeof(device::CollDesc) == 64);

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

/// First in, first out.
class OperationQueue {
 public:
  [[nodiscard]] bool empty() const { return head_ == kNoOperation; }
  [[nodiscard]] OperationIndex front() const { return head_; }
  void push(OperationPool& pool, OperationIndex index);
  OperationIndex pop(OperationPool& pool);
  /// Takes one out of the middle; false: it is not here.
  bool remove(OperationPool& pool, OperationIndex index);

 private:
  OperationIndex head_ = kNoOperation;
  OperationIndex tail_ = kNoOperation;
};

/// One line for a person; `own` is this rank.
[[nodiscard]] std::string describe(const Operation& operation, unsigned own);

}  // namespace tally::ring
