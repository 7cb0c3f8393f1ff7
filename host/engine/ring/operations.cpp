// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/operations.hpp"

namespace tally::ring {

OperationPool::OperationPool(std::uint32_t count) : records_(count) {
  for (OperationIndex i = count; i-- > 0;) free(i);
}

OperationIndex OperationPool::allocate() {
  const OperationIndex index = free_;
  if (index != kNoOperation) {
    free_ = records_[index].next;
    records_[index].next = kNoOperation;
  }
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
  pool[index].previous = tail_;
  (tail_ == kNoOperation ? head_ : pool[tail_].next) = index;
  tail_ = index;
  ++size_;
}

OperationIndex OperationQueue::pop(OperationPool& pool) {
  const OperationIndex index = head_;
  remove(pool, index);
  return index;
}

void OperationQueue::remove(OperationPool& pool, OperationIndex index) {
  Operation& out = pool[index];
  (out.previous == kNoOperation ? head_ : pool[out.previous].next) = out.next;
  (out.next == kNoOperation ? tail_ : pool[out.next].previous) = out.previous;
  out.next = kNoOperation;
  out.previous = kNoOperation;
  --size_;
}

void OperationQueue::prepend(OperationPool& pool, OperationQueue& before) {
  if (before.empty()) return;
  pool[before.tail_].next = head_;
  (head_ == kNoOperation ? tail_ : pool[head_].previous) = before.tail_;
  head_ = before.head_;
  size_ += before.size_;
  before = OperationQueue{};
}

namespace {

std::string what(const Operation& operation) {
  if (operation.kind == Kind::kCollective) {
    const device::CollDesc& d = operation.collective;
    return "collective number " + std::to_string(d.seq) + " of context " + std::to_string(d.context_id) +
           ", " + std::to_string(d.count) + " elements";
  }
  if (operation.kind == Kind::kSend) {
    const device::MsgDesc& d = operation.send;
    return "send of " + std::to_string(d.length) + " bytes to rank " + std::to_string(d.peer) + ", tag " +
           std::to_string(d.tag) + ", context " + std::to_string(d.context_id);
  }
  const device::RecvDesc& d = operation.receive;
  if (operation.kind == Kind::kMrecv)
    return "receive of " + std::to_string(d.length) + " bytes of a claimed message";
  std::string text =
      operation.kind == Kind::kProbe ? "probe " : "receive of " + std::to_string(d.length) + " bytes ";
  text +=
      (d.flags & device::kMsgFlagAnySource) != 0 ? "from any rank" : "from rank " + std::to_string(d.peer);
  text += (d.flags & device::kMsgFlagAnyTag) != 0 ? ", any tag" : ", tag " + std::to_string(d.tag);
  return text + ", context " + std::to_string(d.context_id);
}

std::string waits_for(const Operation& operation) {
  switch (operation.place) {
    case Place::kFinished:
      return "finished, not yet polled";
    case Place::kHost:
      return "with the host, no message has matched";
    case Place::kFree:
    case Place::kZombie:
    case Place::kHeld:
    case Place::kDevice:
      break;
  }
  switch (operation.held) {
    case Held::kNot:
      break;
    case Held::kWindow:
      return "held: rank " + std::to_string(operation.send.peer) +
             " has not taken enough of the earlier messages of this rank";
    case Held::kPostedFull:
      return "held: the device's posted entries are in use";
    case Held::kRingFull:
      return "held: a ring of the device is full";
    case Held::kQueueFull:
      return "held: the device has as many collectives as it takes";
    case Held::kTurn:
      return "held: waits for collectives before it";
    case Held::kPeersDown:
      return "held: not every rank has opened its endpoint";
    case Held::kHandover:
      return "held: waits for its turn in the handover between device and host";
  }
  switch (operation.kind) {
    case Kind::kSend:
      return "on the device, not yet taken by the receiver";
    case Kind::kRecv:
      return "on the device, no message has matched or it is on its way";
    case Kind::kProbe:
      return "on the device, waits for the answer";
    case Kind::kMrecv:
      return "on the device, the message is on its way";
    case Kind::kCollective:
      break;
  }
  if (operation.failed_peer >= 0)
    return "is ended: rank " + std::to_string(operation.failed_peer) + " does not answer";
  return "on the device, waits for other ranks";
}

}  // namespace

std::string describe(const Operation& operation, unsigned own) {
  return "rank " + std::to_string(own) + ": " + what(operation) + ": " + waits_for(operation);
}

}  // namespace tally::ring
