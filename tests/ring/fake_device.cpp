// SPDX-License-Identifier: BSD-3-Clause
#include "ring/fake_device.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/numerics/reduce.hpp"
#include "tally/device_registers.hpp"

namespace tally::test {

namespace ep = device::ep_reg;
namespace global = device::global_reg;

FakeDevice::FakeDevice(std::uint64_t seed)
    : memory_(static_cast<std::byte*>(std::aligned_alloc(4096, kBytes))), random_(seed) {
  std::memset(memory_.get(), 0, kBytes);
  registers[global::kId / 4] = device::kDeviceId;
  registers[global::kVersion / 4] = device::kDeviceVersion;
  registers[global::kCapsRanks / 4] =
      device::kNumLanes << 16 | device::kNumEndpoints << 8 | device::kMaxRanks;
  registers[global::kCapsMatch / 4] = device::kPostedEntries << 16 | device::kUnexpectedEntries;
  registers[global::kCapsSched / 4] = device::kMtu << 16 | device::kScheduleEntries;
  registers[global::kCapsOperand / 4] = device::kOperandSlots << 16 | device::kOperandSlotBytes;
  registers[global::kCapsTransport / 4] = device::kRetransmitCells << 16 | device::kBounceSlots;
}

void FakeDevice::Free::operator()(std::byte* p) const { std::free(p); }

void FakeDevice::rule(bool kept, const std::string& text) {
  if (!kept) broken_rules.push_back(text);
}

std::uint64_t FakeDevice::address(std::uint32_t low) const {
  return registers[low / 4] | std::uint64_t{registers[low / 4 + 1]} << 32;
}

bool FakeDevice::write32(std::uint32_t offset, std::uint32_t value) {
  if (refuses()) return false;
  rule(offset % 4 == 0 && offset < device::kBarBytes, "register offset");
  if (offset >= device::kBarBytes) return true;
  const std::uint32_t before = registers[offset / 4];
  registers[offset / 4] = value;
  if (offset == ep::kEnable && (value & 1) != 0 && (before & 1) == 0) {
    sq_head_ = sq_tail_ = pushed = 0;
    last_send_tag_.assign(registers[ep::kRanks / 4], -1);
    rule(address(ep::kBounceLo) % 64 == 0 && address(ep::kBounceLo) != 0, "bounce memory before enable");
    rule(address(ep::kSqBaseLo) != 0 && address(ep::kCqBaseLo) != 0, "rings before enable");
    rule(address(ep::kSpillLo) % 64 == 0 && address(ep::kSpillLo) != 0, "spill memory before enable");
    rule((registers[global::kControl / 4] & 1) == 1 && registers[ep::kRank / 4] < registers[ep::kRanks / 4],
         "rank");
    for (std::uint32_t kind = 0; kind < 3; ++kind) {
      for (std::uint32_t r = 0; r < registers[ep::kRanks / 4]; ++r)
        rule(queue_pairs[kind * 64 + r].up, "a queue pair of each kind for each rank before enable");
    }
  } else if (offset == ep::kSqTail) {
    ++ring_posts;
    move_tail(static_cast<std::uint16_t>(value), false);
  } else if (offset == ep::kMrKey) {
    rule((value & 0xff) < regions.size() && (value >> 8 & 3) == 0, "region entry and endpoint");
    regions[value & 0xff] = {value, address(ep::kMrBaseLo), address(ep::kMrLenLo)};
  } else if (offset == global::kQpControl) {
    const std::uint32_t qp = registers[global::kQpIndex / 4];
    rule(qp < queue_pairs.size(), "queue pair");
    if (qp < queue_pairs.size()) {
      queue_pairs[qp] = {(value & 1) != 0, registers[global::kQpQpn / 4], registers[global::kQpIp / 4],
                         address(global::kQpMacLo)};
    }
  } else if (offset == ep::kCollAbort) {
    aborts.push_back(value);
  } else if (offset == ep::kCqHead) {
    rule(static_cast<std::uint16_t>(pushed - value) <= 1u << registers[ep::kCqLog2 / 4],
         "CqHead beyond the device");
  } else if (offset >= global::kSchedData0 && offset <= global::kSchedData7) {
    ++schedule_words;
    std::uint32_t& at = registers[global::kSchedAddr / 4];
    rule(!schedule_in_use(at), "schedule memory of a running collective overwritten");
    rule(at < schedule.size(), "schedule memory address");
    if (at >= schedule.size()) return true;
    schedule[at][(offset - global::kSchedData0) / 4] = value;
    if (offset == global::kSchedData7) ++at;
  }
  return true;
}

std::size_t FakeDevice::write_room() const {
  return sure_ = refuse_percent == 0 ? 1024 : random_() % 100;
}

bool FakeDevice::refuses() {
  if (sure_ > 0) {
    --sure_;
    return false;
  }
  return random_() % 100 < refuse_percent;
}

void FakeDevice::store_operand(std::uint32_t at, std::span<const std::byte, 64> data) {
  const bool open = (at & device::kOperandOpening) != 0;
  at &= ~device::kOperandOpening;
  rule(at < operands.size() && at % 64 == 0, "operand window offset");
  if (at >= operands.size()) return;
  const std::uint32_t slot = at / device::kOperandSlotBytes;
  for (const device::CollDesc& c : collectives) {
    rule(!open || c.input_addr != device::kOperandBase + std::uint64_t{slot} * device::kOperandSlotBytes,
         "a slot was opened that a collective uses");
  }
  constexpr std::size_t kLines = device::kOperandSlotBytes / 64;
  if (open) std::fill_n(operand_lines.begin() + slot * kLines, kLines, false);
  std::copy(data.begin(), data.end(), operands.begin() + at);
  operand_lines[at / 64] = true;
  ++operand_stores;
}

bool FakeDevice::write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) {
  if (refuses()) return false;
  if (offset >= device::kOperandWindow) {
    store_operand(offset - device::kOperandWindow, data);
    return true;
  }
  rule(offset == ep::kDesc0, "descriptor window offset");
  ++window_posts;
  move_tail(static_cast<std::uint16_t>(sq_tail_ + 1), true);
  if (!announced_.empty()) {
    rule(std::memcmp(announced_.back().data(), data.data(), 64) == 0,
         "a window write is stored in the ring as well");
  }
  return true;
}

void FakeDevice::move_tail(std::uint16_t tail, bool from_window) {
  const std::uint32_t size = 1u << registers[ep::kSqLog2 / 4];
  rule(registers[ep::kEnable / 4] == 1, "post before enable");
  rule(static_cast<std::uint16_t>(tail - sq_head_) <= size, "submission ring overrun");
  rule(from_window || static_cast<std::uint16_t>(tail - sq_tail_) <= size, "tail moved backwards");
  for (; sq_tail_ != tail; ++sq_tail_) {
    auto& copy = announced_.emplace_back();
    std::memcpy(copy.data(), reinterpret_cast<std::byte*>(address(ep::kSqBaseLo)) + 64 * (sq_tail_ % size),
                64);
  }
}

void FakeDevice::consume(std::size_t most) {
  const std::uint32_t size = 1u << registers[ep::kSqLog2 / 4];
  for (; most > 0 && !announced_.empty(); --most) {
    const auto descriptor = announced_.front();
    announced_.pop_front();
    rule(std::memcmp(descriptor.data(),
                     reinterpret_cast<std::byte*>(address(ep::kSqBaseLo)) + 64 * (sq_head_ % size), 64) == 0,
         "an entry was overwritten before it was consumed");
    ++sq_head_;
    accept(descriptor);
  }
}

void FakeDevice::check_region(std::uint32_t key, std::uint64_t addr, std::uint64_t length, const char* what) {
  if (length == 0) return;
  const Region& region = regions[key & 0xff];
  rule(region.word == (key | 1u << 31), std::string(what) + ": key");
  rule(addr >= region.base && addr + length <= region.base + region.length, std::string(what) + ": bounds");
}

void FakeDevice::accept(const std::array<std::byte, 64>& descriptor) {
  device::MsgDesc m;
  device::RecvDesc r;
  std::memcpy(&m, descriptor.data(), 64);
  std::memcpy(&r, descriptor.data(), 64);
  const std::uint32_t ranks = registers[ep::kRanks / 4];
  switch (static_cast<device::Opcode>(m.opcode)) {
    case device::Opcode::kSend:
      rule(m.peer < ranks, "send peer");
      if (m.peer >= ranks) return;
      if ((m.flags & device::kMsgFlagInline) != 0) {
        rule(m.length <= device::kInlineBytes, "inline length");
        rule((m.flags & device::kMsgFlagSync) == 0, "an inline send with Sync");
      } else {
        check_region(m.key, m.addr, m.length, "send");
      }
      if (tags_count_up) {
        rule(m.tag > last_send_tag_[m.peer], "sends to a peer out of order");
        last_send_tag_[m.peer] = m.tag;
      }
      sends.push_back(m);
      rule(std::count_if(sends.begin(), sends.end(),
                         [&](const auto& each) {
                           return each.length <= registers[global::kEagerMax / 4] && (each.flags & device::kMsgFlagSync) == 0;
                         }) <=
               device::kEagerSends,
           "eager sends on the device");
      return;
    case device::Opcode::kRecv:
      check_region(r.key, r.addr, r.length, "receive");
      if (tags_count_up) {
        rule(r.tag > last_recv_tag_, "receives out of order");
        last_recv_tag_ = r.tag;
      }
      if ((r.flags & device::kMsgFlagNoAppend) == 0) {
        rule(r.handle < registers[global::kEpPosted0 / 4] >> 16, "handle");
        for (const device::RecvDesc& other : receives)
          rule(other.handle != r.handle || (other.flags & device::kMsgFlagNoAppend) != 0, "handle in use");
      }
      receives.push_back(r);
      return;
    case device::Opcode::kCollective:
      break;
    default:
      rule(m.opcode <= static_cast<std::uint8_t>(device::Opcode::kSpillOff), "opcode");
      others.push_back(r);
      return;
  }
  device::CollDesc c;
  std::memcpy(&c, descriptor.data(), 64);
  device::ScheduleHeader header;
  std::memcpy(&header, schedule[c.schedule].data(), sizeof header);
  rule(header.lanes >= 1 && header.lanes <= device::kNumLanes, "schedule header");
  const bool sizes = (header.flags & device::kHeaderFlagSizes) != 0;
  const std::uint64_t total =
      std::uint64_t{c.count} * numerics::element_bytes(static_cast<tally_dtype>(c.dtype));
  const std::uint64_t input = input_bytes(c);
  const auto bytes = [&](std::uint16_t chunks, std::uint32_t told) {
    if (sizes) return std::uint64_t{told};
    if (chunks == 0xffff) return std::uint64_t{0};
    return chunks == 0 ? total : std::min(total, std::uint64_t{chunks} * c.chunk_bytes);
  };
  if ((c.flags & device::kCollFlagInline) != 0) {
    rule(input <= device::kCollInlineBytes, "input in the descriptor");
  } else if (c.input_addr >= device::kOperandBase) {
    rule(c.input_addr % device::kOperandSlotBytes == 0 && input <= device::kOperandSlotBytes, "input in the operand window");
    for (const device::CollDesc& other : collectives) rule(other.input_addr != c.input_addr, "operand slot of another collective");
  } else {
    check_region(c.input_key, c.input_addr, input, "input");
  }
  check_region(c.output_key, c.output_addr, bytes(header.output_chunks, header.output_bytes), "output");
  const std::uint64_t scratch =
      sizes ? header.scratch_bytes : std::uint64_t{header.scratch_chunks} * c.chunk_bytes;
  check_region(c.scratch_key, c.scratch_addr, scratch, "scratch");
  for (const device::CollDesc& other : collectives)
    rule(scratch == 0 || other.scratch_key != c.scratch_key, "scratch of another collective");
  collectives.push_back(c);
  if (on_collective) on_collective(c);
  rule(collectives.size() <= device::kCollectiveQueue, "collectives under way");
}

std::uint64_t FakeDevice::input_bytes(const device::CollDesc& c) const {
  device::ScheduleHeader header;
  std::memcpy(&header, schedule[c.schedule].data(), sizeof header);
  const std::uint64_t total =
      std::uint64_t{c.count} * numerics::element_bytes(static_cast<tally_dtype>(c.dtype));
  if ((header.flags & device::kHeaderFlagSizes) != 0) return header.input_bytes;
  if (header.input_chunks == 0xffff) return 0;
  return header.input_chunks == 0 ? total : std::min(total, std::uint64_t{header.input_chunks} * c.chunk_bytes);
}

bool FakeDevice::operand_complete(const device::CollDesc& c) const {
  if (c.input_addr < device::kOperandBase || (c.flags & device::kCollFlagInline) != 0) return true;
  const auto first = static_cast<std::size_t>((c.input_addr - device::kOperandBase) / 64);
  const auto lines = static_cast<std::size_t>((input_bytes(c) + 63) / 64);
  const auto begin = operand_lines.begin() + static_cast<std::ptrdiff_t>(first);
  return std::all_of(begin, begin + static_cast<std::ptrdiff_t>(lines), [](bool come) { return come; });
}

bool FakeDevice::schedule_in_use(std::uint32_t entry) const {
  return std::any_of(collectives.begin(), collectives.end(), [&](const device::CollDesc& c) {
    device::ScheduleHeader header;
    std::memcpy(&header, schedule[c.schedule].data(), sizeof header);
    const std::uint32_t end =
        1u + c.schedule + header.lane0_len + header.lane1_len + header.lane2_len + header.lane3_len;
    return entry >= c.schedule && entry < end;
  });
}

bool FakeDevice::completion_room() {
  const auto head = static_cast<std::uint16_t>(registers[ep::kCqHead / 4]);
  return static_cast<std::uint16_t>(pushed - head) < 1u << registers[ep::kCqLog2 / 4];
}

bool FakeDevice::push(device::Cqe cqe) {
  if (!completion_room()) return false;
  const std::uint32_t size = 1u << registers[ep::kCqLog2 / 4];
  cqe.sq_head = sq_head_;
  cqe.phase = (pushed / size) % 2 == 0 ? 1 : 0;
  cqe.cycles = cycles;
  std::memcpy(reinterpret_cast<std::byte*>(address(ep::kCqBaseLo)) + 32 * (pushed % size), &cqe, 32);
  ++pushed;
  return true;
}

template <typename T>
T FakeDevice::take(std::deque<T>& from) {
  const std::size_t at = in_order ? 0 : random_() % from.size();
  const T out = from[at];
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));
  return out;
}

bool FakeDevice::complete_send(device::Status status) {
  if (sends.empty() || !completion_room()) return false;
  const device::MsgDesc m = take(sends);
  device::Cqe cqe{};
  cqe.cookie = m.cookie;
  cqe.opcode = m.opcode;
  cqe.status = static_cast<std::uint8_t>(status);
  cqe.length = m.length;
  return push(cqe);
}

bool FakeDevice::complete_other(device::Status status, std::uint32_t detail) {
  if (others.empty() || !completion_room()) return false;
  const device::RecvDesc r = others.front();
  others.pop_front();
  device::Cqe cqe{};
  cqe.cookie = r.cookie;
  cqe.opcode = r.opcode == static_cast<std::uint8_t>(device::Opcode::kMrecv)
                   ? static_cast<std::uint8_t>(device::Opcode::kRecv)
                   : r.opcode;
  cqe.status = static_cast<std::uint8_t>(status);
  cqe.detail = detail;
  return push(cqe);
}

bool FakeDevice::complete_recv(device::Status status, std::uint32_t length, std::uint32_t tag,
                               std::uint16_t source) {
  if (receives.empty() || !completion_room()) return false;
  const device::RecvDesc m = take(receives);
  device::Cqe cqe{};
  cqe.cookie = m.cookie;
  cqe.opcode = m.opcode;
  cqe.status = static_cast<std::uint8_t>(status);
  cqe.length = length;
  cqe.tag = tag;
  cqe.source = source;
  return push(cqe);
}

bool FakeDevice::complete_collective(device::Status status) {
  if (collectives.empty() || !completion_room()) return false;
  const device::CollDesc c = take(collectives);
  rule(operand_complete(c), "a collective ended whose operand has not come whole");
  device::Cqe cqe{};
  cqe.cookie = c.cookie;
  cqe.opcode = c.opcode;
  cqe.status = static_cast<std::uint8_t>(status);
  cqe.context_id = c.context_id;
  return push(cqe);
}

/// The one that was posted last.
bool FakeDevice::complete_last_collective() {
  if (collectives.empty() || !completion_room()) return false;
  std::rotate(collectives.begin(), collectives.end() - 1, collectives.end());
  const bool before = std::exchange(in_order, true);
  const bool done = complete_collective();
  in_order = before;
  return done;
}

void FakeDevice::run_some() {
  consume(random_() % 12);
  for (std::uint64_t moves = random_() % 12; moves > 0; --moves) {
    switch (random_() % 4) {
      case 0:
        (void)complete_send();
        break;
      case 1:
        (void)complete_recv();
        break;
      case 2:
        (void)complete_collective();
        break;
      case 3:
        (void)complete_other();
        break;
    }
  }
}

bool FakeDevice::read32(std::uint32_t offset, std::uint32_t* value) {
  if (!alive_) return false;
  *value = registers[offset / 4];
  return true;
}

void FakeDevice::wait(std::chrono::microseconds) {
  if (run_in_wait) run_some();
}

}  // namespace tally::test
