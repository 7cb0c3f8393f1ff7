// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/operations.hpp"

namespace tally::ring {

OperationPool::OperationPool(std::uint32_t count) : records_(count) {
  for (OperationIndex i = count; i-- > 0;) free(i);
}

OperationIndex OperationPool::allocate() {
  const OperationIndex index = free_;
  if (index != kNoOperation) free_ = records_[index].next;
  return index;
}

void OperationPool::free(OperationIndex index) {
  Operation& operation = records_[index];
  operation = Operation{};
  operation.next = free_;
  free_ = index;
}

void OperationQueue::push(OperationPool& pool, OperationIndex index) {
  pool[index].next = kNoOperation;
  if (tail_ == kNoOperation) {
    head_ = index;
  } else {
    pool[tail_].next = index;
  }
  tail_ = index;
}

OperationIndex OperationQueue::pop(OperationPool& pool) {
  const OperationIndex index = head_;
  head_ = pool[index].next;
  if (head_ == kNoOperation) tail_ = kNoOperation;
  pool[index].next = kNoOperation;
  return index;
}

bool OperationQueue::remove(OperationPool& pool, OperationIndex index) {
  OperationIndex before = kNoOperation;
  for (OperationIndex i = head_; i != kNoOperation; before = i, i = pool[i].next) {
    if (i != index) continue;
    (before == kNoOperation ? head_ : pool[before].next) = pool[i].next;
    if (tail_ == i) tail_ = before;
    pool[i].next = kNoOperation;
    return true;
  }
  return false;
}

std::string describe(const Operation& operation, unsigned own) {
  std::string text;
  if (operation.kind == Kind::kCollective) {
    const device::CollDesc& d = operation.collective;
    text = "collective number " + std::to_string(d.seq) + " of context " + std::to_string(d.context_id) +
           ", " + std::to_string(d.count) + " elements";
  } else {
    const device::MsgDesc& d = operation.message;
    const bool send = operation.kind == Kind::kSend;
    text = send ? "send of " : "receive of ";
    text += std::to_string(d.length) + " bytes ";
    text += send ? "to " : "from ";
    text += (d.flags & device::kMsgFlagAnySource) != 0 ? "any rank" : "rank " + std::to_string(d.peer);
    text += (d.flags & device::kMsgFlagAnyTag) != 0 ? ", any tag" : ", tag " + std::to_string(d.tag);
    text += ", context " + std::to_string(d.context_id);
  }
  text = "rank " + std::to_string(own) + ": " + text + ": ";
  switch (operation.held) {
    case Held::kNot:
      break;
    case Held::kNoCredit:
      return text + "held: rank " + std::to_string(operation.message.peer) +
             " has not taken enough of the earlier messages of this rank";
    case Held::kPostedFull:
      return text + "held: the device's posted queue is full";
    case Held::kRingFull:
      return text + "held: a ring of the device is full";
    case Held::kTurn:
      return text + "held: waits for the collective before it";
  }
  if (operation.place == Place::kFinished) return text + "finished, not yet polled";
  switch (operation.kind) {
    case Kind::kSend:
      return text + "on the device, not yet taken by the receiver";
    case Kind::kRecv:
      return text + "on the device, no message has matched or it is on its way";
    case Kind::kCollective:
      break;
  }
  return text + "on the device, waits for other ranks";
}

}  // namespace tally::ring
