// SPDX-License-Identifier: BSD-3-Clause
#include "ring/model_device.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tally/device_registers.hpp"

namespace tally::test {

namespace ep_reg = device::ep_reg;
namespace global = device::global_reg;
using device::Opcode;
using device::SpillReason;
using device::Status;

namespace {

constexpr std::uint32_t kQueueLimit = 320;  // completions that may wait before an endpoint is held up

template <typename T>
T pop(std::deque<T>& from) {
  T out = std::move(from.front());
  from.pop_front();
  return out;
}

}  // namespace

void ModelNetwork::run(unsigned steps) {
  for (; steps > 0; --steps) devices[random() % devices.size()]->step();
}

ModelDevice& ModelNetwork::add_device(unsigned endpoints) {
  return *devices.emplace_back(std::make_unique<ModelDevice>(*this, endpoints));
}

ModelDevice* ModelNetwork::device_at(std::uint32_t ip) const {
  for (const auto& device : devices) {
    if (device->ip() == ip) return device.get();
  }
  return nullptr;
}

void ModelDevice::Free::operator()(std::byte* p) const { std::free(p); }

ModelDevice::ModelDevice(ModelNetwork& network, unsigned endpoints)
    : network_(network),
      bytes_(kEndpointBytes * endpoints),
      memory_(static_cast<std::byte*>(std::aligned_alloc(4096, bytes_))) {
  registers_[global::kId / 4] = device::kDeviceId;
  registers_[global::kVersion / 4] = device::kDeviceVersion;
  registers_[global::kCapsRanks / 4] =
      device::kNumLanes << 16 | device::kNumEndpoints << 8 | device::kMaxRanks;
  registers_[global::kCapsMatch / 4] = device::kPostedEntries << 16 | device::kUnexpectedEntries;
  registers_[global::kCapsSched / 4] = device::kMtu << 16 | device::kScheduleEntries;
  registers_[global::kCapsOperand / 4] = device::kOperandSlots << 16 | device::kOperandSlotBytes;
  registers_[global::kCapsTransport / 4] = device::kRetransmitCells << 16 | device::kBounceSlots;
}

// --- registers ----------------------------------------------------------------------------------------

bool ModelDevice::read32(std::uint32_t offset, std::uint32_t* value) {
  *value = registers_[offset / 4];
  return true;
}

bool ModelDevice::write32(std::uint32_t offset, std::uint32_t value) {
  if (network_.random() % 100 < network_.refuse_percent) return false;
  const std::uint32_t before = registers_[offset / 4];
  registers_[offset / 4] = value;
  if (offset == global::kQpControl) {
    queue_pairs_[registers_[global::kQpIndex / 4]] = {(value & 1) != 0, registers_[global::kQpQpn / 4],
                                                      registers_[global::kQpIp / 4]};
  } else if (offset >= device::kEndpointPage) {
    write_endpoint(offset / device::kEndpointPage - 1, ep_reg::kSqBaseLo + offset % device::kEndpointPage,
                   before, value);
  }
  return true;
}

void ModelDevice::write_endpoint(unsigned ep, std::uint32_t offset, std::uint32_t before,
                                 std::uint32_t value) {
  Endpoint& e = endpoints_[ep];
  if (offset == ep_reg::kEnable && (value & 1) != 0 && (before & 1) == 0) {
    e = Endpoint{};
    e.slots.resize(registers_[global::kEpBounce0 / 4 + ep]);
    network_.rule((registers_[global::kControl / 4] & 1) == 1 && ip() != 0,
                  "the device is up before its endpoints");
  } else if (offset == ep_reg::kSqTail) {
    move_tail(ep, static_cast<std::uint16_t>(value));
  } else if (offset == ep_reg::kMrKey) {
    network_.rule((value >> 8 & 3) == ep && (value & 0xff) < e.regions.size(), "region of this endpoint");
    e.regions[value & 0xff] = {value, address(ep, ep_reg::kMrBaseLo), address(ep, ep_reg::kMrLenLo)};
  } else if (offset == ep_reg::kCqHead) {
    network_.rule(static_cast<std::uint16_t>(e.cq_tail - value) <= 1u << reg(ep, ep_reg::kCqLog2), "CqHead");
  } else if (offset == ep_reg::kSpillHead) {
    network_.rule(static_cast<std::uint16_t>(e.spill_tail - value) <= 1u << reg(ep, ep_reg::kSpillLog2),
                  "SpillHead");
  }
}

bool ModelDevice::write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) {
  if (network_.random() % 100 < network_.refuse_percent) return false;
  const unsigned ep = offset / device::kEndpointPage - 1;
  const Endpoint& e = endpoints_[ep];
  const auto* entry = reinterpret_cast<std::byte*>(address(ep, ep_reg::kSqBaseLo)) +
                      64 * (e.sq_tail % (1u << reg(ep, ep_reg::kSqLog2)));
  network_.rule(std::memcmp(entry, data.data(), 64) == 0, "a window write is stored in the ring as well");
  move_tail(ep, static_cast<std::uint16_t>(e.sq_tail + 1));
  return true;
}

void ModelDevice::move_tail(unsigned ep, std::uint16_t tail) {
  Endpoint& e = endpoints_[ep];
  network_.rule(static_cast<std::uint16_t>(tail - e.sq_head) <= 1u << reg(ep, ep_reg::kSqLog2),
                "submission ring overrun");
  e.sq_tail = tail;
}

bool ModelDevice::in_region(unsigned ep, std::uint32_t key, std::uint64_t addr, std::uint64_t length) const {
  if (length == 0) return true;
  const Region& r = endpoints_[ep].regions[key & 0xff];
  return r.word == (key | 1u << 31) && addr >= r.base && addr + length <= r.base + r.length;
}

/// Where a queue pair leads.
ModelDevice::Place ModelDevice::peer_of(unsigned ep, unsigned kind, unsigned rank) {
  const QueuePair& qp = queue_pairs_[kind * 64 + ep * 16 + rank];
  Place place{network_.device_at(qp.ip), (qp.qpn - device::kQpnBase) >> 4 & 3};
  const bool right = qp.up && place.device != nullptr && qp.qpn - device::kQpnBase < device::kQpContexts &&
                     (qp.qpn - device::kQpnBase) >> 6 == kind &&
                     ((qp.qpn - device::kQpnBase) & 15) == reg(ep, ep_reg::kRank) &&
                     place.device->reg(place.ep, ep_reg::kRank) == rank &&
                     place.device->reg(place.ep, ep_reg::kEnable) == 1;
  network_.rule(right, "queue pair of kind " + std::to_string(kind) + " to rank " + std::to_string(rank));
  if (!right) place.device = nullptr;
  return place;
}

// --- steps --------------------------------------------------------------------------------------------

void ModelDevice::step() {
  const unsigned ep = static_cast<unsigned>(network_.random() % device::kNumEndpoints);
  if ((reg(ep, ep_reg::kEnable) & 1) == 0) return;
  const unsigned rank = static_cast<unsigned>(network_.random() % reg(ep, ep_reg::kRanks));
  switch (network_.random() % 4) {
    case 0:
      consume(ep);
      break;
    case 1:
      deliver(ep, rank);
      break;
    case 2:
      deliver_fin(ep, rank);
      break;
    default:
      complete(ep);
  }
}

bool ModelDevice::idle() const {
  for (const Endpoint& e : endpoints_) {
    if (e.sq_head != e.sq_tail) return false;
    for (const auto& unit : e.units) {
      if (!unit.empty()) return false;
    }
    for (unsigned r = 0; r < 16; ++r) {
      if (!e.msg[r].empty() || !e.fin[r].empty()) return false;
    }
  }
  return true;
}

void ModelDevice::consume(unsigned ep) {
  Endpoint& e = endpoints_[ep];
  std::size_t queued = 0;
  for (const auto& unit : e.units) queued += unit.size();
  if (e.sq_head == e.sq_tail || queued >= kQueueLimit) return;
  const auto* entry = reinterpret_cast<std::byte*>(address(ep, ep_reg::kSqBaseLo)) +
                      64 * (e.sq_head % (1u << reg(ep, ep_reg::kSqLog2)));
  ++e.sq_head;
  device::MsgDesc m;
  device::RecvDesc d;
  std::memcpy(&m, entry, 64);
  std::memcpy(&d, entry, 64);
  switch (static_cast<Opcode>(d.opcode)) {
    case Opcode::kSend:
      return send(ep, m);
    case Opcode::kRecv:
      return receive(ep, d);
    case Opcode::kCancel:
      return cancel(ep, d);
    case Opcode::kProbe:
      return probe(ep, d);
    case Opcode::kMrecv:
      return mrecv(ep, d);
    case Opcode::kFetch: {
      device::MsgHeader h{};
      h.src_rank = d.peer;
      h.tag = d.tag;
      h.context_id = d.context_id;
      h.addr = d.remote_addr;
      h.key = d.remote_key;
      h.length = d.remote_length;
      h.cookie = d.remote_cookie;
      h.offset = d.remote_stamp;
      return rendezvous(ep, h, d);
    }
    case Opcode::kSpillOn:
      e.spill_mode = true;
      e.hold = false;
      return answer(ep, d, Status::kOk);
    case Opcode::kSpillOff:
      return spill_off(ep, d);
    case Opcode::kNop:
      return answer(ep, d, Status::kOk);
    default:
      network_.rule(false, "opcode " + std::to_string(d.opcode));
  }
}

void ModelDevice::answer(unsigned ep, const device::RecvDesc& d, Status status, std::uint32_t detail,
                         SpillReason reason) {
  Event event;
  event.cqe.cookie = d.cookie;
  event.cqe.opcode = d.opcode;
  event.cqe.status = static_cast<std::uint8_t>(status);
  event.cqe.flags = static_cast<std::uint16_t>(static_cast<unsigned>(reason) << 8);
  event.cqe.detail = detail;
  endpoints_[ep].units[kCmd].push_back(std::move(event));
}

void ModelDevice::send(unsigned ep, const device::MsgDesc& d) {
  Endpoint& e = endpoints_[ep];
  ModelMessage m;
  m.header.magic = device::kDeviceId;
  m.header.version = 1;
  m.header.src_rank = static_cast<std::uint16_t>(reg(ep, ep_reg::kRank));
  m.header.dst_rank = d.peer;
  m.header.context_id = d.context_id;
  m.header.tag = d.tag;
  m.header.length = d.length;
  m.header.cookie = d.cookie;
  const bool is_inline = (d.flags & device::kMsgFlagInline) != 0;
  network_.rule(is_inline ? d.length <= device::kInlineBytes : in_region(ep, d.key, d.addr, d.length),
                "send buffer");
  if (d.length <= registers_[global::kEagerMax / 4] && (d.flags & device::kMsgFlagSync) == 0) {
    network_.rule(++e.sends <= device::kEagerSends, "unfinished eager sends");
    m.header.ptype = static_cast<std::uint8_t>(device::PacketType::kEager);
    m.header.payload_len = static_cast<std::uint16_t>(d.length);
    m.payload.resize(d.length);
    if (d.length > 0)
      std::memcpy(m.payload.data(), is_inline ? d.inline_data : reinterpret_cast<const std::uint8_t*>(d.addr),
                  d.length);
  } else {
    network_.rule(!is_inline, "an inline send is eager");
    m.header.ptype = static_cast<std::uint8_t>(device::PacketType::kRts);
    m.header.addr = d.addr;
    m.header.key = d.key;
  }
  e.msg[d.peer].push_back(std::move(m));
}

// --- the match unit -----------------------------------------------------------------------------------

bool ModelDevice::matches(const device::RecvDesc& d, const device::MsgHeader& h) {
  return d.context_id == h.context_id &&
         ((d.flags & device::kMsgFlagAnySource) != 0 || d.peer == h.src_rank) &&
         ((d.flags & device::kMsgFlagAnyTag) != 0 || d.tag == h.tag);
}

void ModelDevice::receive(unsigned ep, const device::RecvDesc& d) {
  Endpoint& e = endpoints_[ep];
  network_.rule(in_region(ep, d.key, d.addr, d.length), "receive buffer");
  ++e.posts;
  const auto found = std::find_if(e.unexpected.begin(), e.unexpected.end(),
                                  [&](const Unexpected& u) { return !u.claimed && matches(d, u.header); });
  if (found != e.unexpected.end()) {
    const Unexpected message = *found;
    e.unexpected.erase(found);
    ++registers_[global::kCntMatchUnexpected / 4];
    return take_unexpected(ep, message, d);
  }
  if ((d.flags & device::kMsgFlagNoAppend) != 0)
    return answer(ep, d, Status::kNotPosted, e.spills, SpillReason::kNoAppend);
  if (e.hold || d.spill_seen != e.spills)
    return answer(ep, d, Status::kNotPosted, e.spills, SpillReason::kOrder);
  if (network_.random() % 100 < network_.conflict_percent) {
    // Neither a later receive nor a later probe may get what this one would have: no message is stored, and
    // no receive posted, until the driver has heard of it.
    e.spill_mode = true;
    e.hold = true;
    return answer(ep, d, Status::kNotPosted, e.spills, SpillReason::kConflict);
  }
  network_.rule(d.handle < registers_[global::kEpPosted0 / 4 + ep] >> 16, "handle");
  network_.rule(
      std::none_of(e.posted.begin(), e.posted.end(), [&](const auto& p) { return p.handle == d.handle; }),
      "posted entry in use");
  e.posted.push_back(d);
}

void ModelDevice::cancel(unsigned ep, const device::RecvDesc& d) {
  Endpoint& e = endpoints_[ep];
  const auto found =
      std::find_if(e.posted.begin(), e.posted.end(), [&](const auto& p) { return p.handle == d.handle; });
  // The entry may hold another receive only if the driver gave the handle away before its Cancel was done.
  if (found != e.posted.end()) network_.rule(found->cookie == d.cookie, "cancel of another receive");
  if (found == e.posted.end()) return answer(ep, d, Status::kNotFound);
  e.posted.erase(found);
  answer(ep, d, Status::kOk);
}

void ModelDevice::probe(unsigned ep, const device::RecvDesc& d) {
  Endpoint& e = endpoints_[ep];
  const auto found = std::find_if(e.unexpected.begin(), e.unexpected.end(),
                                  [&](const Unexpected& u) { return !u.claimed && matches(d, u.header); });
  if (found == e.unexpected.end()) return answer(ep, d, Status::kNotFound);
  Event event;
  event.cqe = completion(d, found->header);
  event.cqe.opcode = d.opcode;
  event.cqe.status = 0;
  if ((d.flags & device::kMsgFlagClaim) != 0) {
    found->claimed = true;
    event.cqe.detail = found->name;
  }
  e.units[kCmd].push_back(std::move(event));
}

void ModelDevice::mrecv(unsigned ep, const device::RecvDesc& d) {
  Endpoint& e = endpoints_[ep];
  network_.rule(in_region(ep, d.key, d.addr, d.length), "receive buffer");
  const auto found = std::find_if(e.unexpected.begin(), e.unexpected.end(),
                                  [&](const Unexpected& u) { return u.claimed && u.name == d.handle; });
  network_.rule(found != e.unexpected.end(), "mrecv of a claimed message");
  if (found == e.unexpected.end()) return;
  const Unexpected message = *found;
  e.unexpected.erase(found);
  take_unexpected(ep, message, d);
}

void ModelDevice::spill_off(unsigned ep, const device::RecvDesc& d) {
  Endpoint& e = endpoints_[ep];
  if (d.spill_seen != e.spills) return answer(ep, d, Status::kNotFound, e.spills);
  e.spill_mode = false;
  answer(ep, d, Status::kOk);
}

device::Cqe ModelDevice::completion(const device::RecvDesc& d, const device::MsgHeader& h) {
  device::Cqe cqe{};
  cqe.cookie = d.cookie;
  cqe.opcode = static_cast<std::uint8_t>(Opcode::kRecv);
  cqe.status = static_cast<std::uint8_t>(h.length > d.length ? Status::kTruncated : Status::kOk);
  cqe.length = h.length;
  cqe.tag = h.tag;
  cqe.source = h.src_rank;
  cqe.context_id = h.context_id;
  return cqe;
}

void ModelDevice::take_unexpected(unsigned ep, const Unexpected& u, const device::RecvDesc& d) {
  if (u.header.ptype == static_cast<std::uint8_t>(device::PacketType::kRts))
    return rendezvous(ep, u.header, d);
  Event event;
  event.cqe = completion(d, u.header);
  event.effect = [this, ep, u, d] {
    if (u.header.length == 0) return;
    std::memcpy(reinterpret_cast<void*>(d.addr),
                reinterpret_cast<std::byte*>(address(ep, ep_reg::kBounceLo)) +
                    std::size_t{u.slot} * device::kBounceSlotBytes,
                std::min(d.length, u.header.length));
    endpoints_[ep].slots[u.slot] = false;
  };
  endpoints_[ep].units[kCopy].push_back(std::move(event));
}

void ModelDevice::rendezvous(unsigned ep, const device::MsgHeader& h, const device::RecvDesc& d) {
  Event event;
  event.cqe = completion(d, h);
  event.effect = [this, ep, h, d] {
    const Place sender = peer_of(ep, 2, h.src_rank);
    const std::uint32_t bytes = std::min(h.length, d.length);
    if (sender.device == nullptr) return;
    network_.rule(sender.device->in_region(sender.ep, h.key, h.addr, bytes),
                  "rendezvous buffer at the sender");
    if (bytes > 0) std::memcpy(reinterpret_cast<void*>(d.addr), reinterpret_cast<const void*>(h.addr), bytes);
    ModelMessage fin;
    fin.header.cookie = h.cookie;
    fin.header.length = h.length;
    endpoints_[ep].fin[h.src_rank].push_back(std::move(fin));
  };
  const unsigned unit = kRndv0 + static_cast<unsigned>(network_.random() % 3);
  endpoints_[ep].units[unit].push_back(std::move(event));
}

// --- arrivals -----------------------------------------------------------------------------------------

bool ModelDevice::ready(unsigned ep) const {
  const Endpoint& e = endpoints_[ep];
  std::size_t queued = 0;
  for (const auto& unit : e.units) queued += unit.size();
  return queued < kQueueLimit && static_cast<std::uint16_t>(e.spill_tail - reg(ep, ep_reg::kSpillHead)) <
                                     1u << reg(ep, ep_reg::kSpillLog2);
}

void ModelDevice::deliver(unsigned ep, unsigned rank) {
  Endpoint& e = endpoints_[ep];
  if (e.msg[rank].empty()) return;
  const Place to = peer_of(ep, 0, rank);
  if (to.device == nullptr) return;
  if (!to.device->ready(to.ep)) {
    ++registers_[global::kCntRnrReceived / 4];
    return;
  }
  const ModelMessage message = pop(e.msg[rank]);
  to.device->arrive(to.ep, message);
  if (message.header.ptype != static_cast<std::uint8_t>(device::PacketType::kEager)) return;
  Event event;
  event.cqe.cookie = message.header.cookie;
  event.cqe.opcode = static_cast<std::uint8_t>(Opcode::kSend);
  event.cqe.length = message.header.length;
  e.units[kTx].push_back(std::move(event));
  --e.sends;
}

void ModelDevice::deliver_fin(unsigned ep, unsigned rank) {
  Endpoint& e = endpoints_[ep];
  if (e.fin[rank].empty()) return;
  const Place to = peer_of(ep, 1, rank);
  if (to.device == nullptr) return;
  const ModelMessage fin = pop(e.fin[rank]);
  Endpoint& sender = to.device->endpoints_[to.ep];
  Event event;
  event.cqe.cookie = fin.header.cookie;
  event.cqe.opcode = static_cast<std::uint8_t>(Opcode::kSend);
  event.cqe.length = fin.header.length;
  sender.units[kRx].push_back(std::move(event));
}

void ModelDevice::arrive(unsigned ep, const ModelMessage& message) {
  Endpoint& e = endpoints_[ep];
  const device::MsgHeader& h = message.header;
  const bool eager = h.ptype == static_cast<std::uint8_t>(device::PacketType::kEager);
  if (network_.on_arrival) network_.on_arrival(h);
  const auto found =
      std::find_if(e.posted.begin(), e.posted.end(), [&](const auto& d) { return matches(d, h); });
  if (found != e.posted.end()) {
    const device::RecvDesc d = *found;
    e.posted.erase(found);
    ++registers_[global::kCntMatchPosted / 4];
    if (!eager) return rendezvous(ep, h, d);
    Event event;
    event.cqe = completion(d, h);
    event.effect = [message, d] {
      const std::size_t bytes = std::min<std::size_t>(message.payload.size(), d.length);
      if (bytes > 0) std::memcpy(reinterpret_cast<void*>(d.addr), message.payload.data(), bytes);
    };
    e.units[kRx].push_back(std::move(event));
    return;
  }
  const bool needs_slot = eager && h.length > 0;
  const auto slot = std::find(e.slots.begin(), e.slots.end(), false);
  if (e.spill_mode) return spill(ep, message, SpillReason::kOrder);
  if (e.unexpected.size() >= registers_[global::kEpUnexpected0 / 4 + ep])
    return spill(ep, message, SpillReason::kUnexpected);
  if (needs_slot && slot == e.slots.end()) return spill(ep, message, SpillReason::kBounce);
  if (network_.random() % 100 < network_.conflict_percent) return spill(ep, message, SpillReason::kConflict);
  Unexpected u;
  u.header = h;
  while (std::any_of(e.unexpected.begin(), e.unexpected.end(),
                     [&](const auto& other) { return other.name == u.name; }))
    ++u.name;
  if (needs_slot) {
    *slot = true;
    u.slot = static_cast<std::uint32_t>(slot - e.slots.begin());
    std::memcpy(reinterpret_cast<std::byte*>(address(ep, ep_reg::kBounceLo)) +
                    std::size_t{u.slot} * device::kBounceSlotBytes,
                message.payload.data(), message.payload.size());
  }
  ++registers_[global::kCntUnexpected / 4];
  e.unexpected.push_back(u);
}

void ModelDevice::spill(unsigned ep, const ModelMessage& message, SpillReason reason) {
  Endpoint& e = endpoints_[ep];
  ++e.spills;
  e.spill_mode = true;
  const std::uint16_t index = e.spill_tail++;
  Event event;
  event.cqe.cookie = index & ((1u << reg(ep, ep_reg::kSpillLog2)) - 1);
  event.cqe.opcode = static_cast<std::uint8_t>(Opcode::kSpill);
  event.cqe.flags = static_cast<std::uint16_t>(static_cast<unsigned>(reason) << 8);
  event.cqe.length = message.header.length;
  event.cqe.tag = message.header.tag;
  event.cqe.source = message.header.src_rank;
  event.cqe.context_id = message.header.context_id;
  event.cqe.detail = e.posts;
  event.effect = [this, ep, message, slot = event.cqe.cookie] {
    auto* at = reinterpret_cast<std::byte*>(address(ep, ep_reg::kSpillLo)) +
               std::size_t{slot} * device::kSpillSlotBytes;
    std::memcpy(at, &message.header, sizeof message.header);
    if (!message.payload.empty())
      std::memcpy(at + sizeof message.header, message.payload.data(), message.payload.size());
  };
  e.units[kRx].push_back(std::move(event));
}

/// A completion of one of the units reaches the ring.
void ModelDevice::complete(unsigned ep) {
  Endpoint& e = endpoints_[ep];
  const std::uint32_t size = 1u << reg(ep, ep_reg::kCqLog2);
  if (static_cast<std::uint16_t>(e.cq_tail - reg(ep, ep_reg::kCqHead)) >= size) return;
  auto& unit = e.units[network_.random() % kUnits];
  if (unit.empty()) return;
  Event event = pop(unit);
  if (event.effect) event.effect();
  event.cqe.sq_head = e.sq_head;
  event.cqe.cycles = 100;
  event.cqe.phase = (e.cq_tail / size) % 2 == 0 ? 1 : 0;
  std::memcpy(reinterpret_cast<std::byte*>(address(ep, ep_reg::kCqBaseLo)) + 32 * (e.cq_tail % size),
              &event.cqe, 32);
  ++e.cq_tail;
}

}  // namespace tally::test
