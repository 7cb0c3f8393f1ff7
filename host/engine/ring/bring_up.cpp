// SPDX-License-Identifier: BSD-3-Clause
// Bringing device and endpoint up (docs/device.md, Programmer's guide).
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "engine/ring/ring_engine.hpp"
#include "tally/device_registers.hpp"

namespace tally::ring {

namespace {

namespace global = device::global_reg;
namespace ep_reg = device::ep_reg;

constexpr std::size_t kPage = 4096;
constexpr std::uint32_t kSharedCells = 1024;  // of the retransmit buffer: collectives, Fin
constexpr std::uint32_t kLeastWindow = 17;

/// Bits of the Control register.
constexpr std::uint32_t kEnable = 1;
constexpr std::uint32_t kCollWrite = 2;

/// Bytes of a full packet of a collective (max_payload of tally_nic).
std::uint32_t collective_payload(const RingEngineOptions& options) {
  const bool whole = options.coll_write && options.mtu >= 1024;
  return whole ? options.mtu : options.mtu - device::kMsgHeaderBytes;
}

/// The endpoint's part of the shared memory.
struct Layout {
  std::size_t submissions, completions, bounce, spill, end;
};

Layout layout(const RingEngineOptions& options) {
  const auto page = [](std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; };
  Layout at{};
  at.completions = page(std::size_t{64} << options.sq_log2);
  at.bounce = at.completions + page(sizeof(device::Cqe) << options.cq_log2);
  at.spill = at.bounce + std::size_t{options.bounce} * device::kBounceSlotBytes;
  at.end = at.spill + (std::size_t{device::kSpillSlotBytes} << options.spill_log2);
  return at;
}

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

void require_range(const char* option, std::uint64_t value, std::uint64_t low, std::uint64_t high) {
  if (value < low || value > high) {
    throw std::runtime_error(std::string(option) + " is " + std::to_string(value) + ", it must be " +
                             std::to_string(low) + " to " + std::to_string(high));
  }
}

RingEngineOptions checked(RingEngineOptions o) {
  require_range("sq_log2", o.sq_log2, 1, 15);
  require_range("cq_log2", o.cq_log2, 0, 15);
  require_range("push_max", o.push_max, 0, device::kOperandSlotBytes);
  require_range("operations", o.operations, 1, 1u << 24);
  require_range("mtu", o.mtu, device::kMinMtu, device::kMtu);
  if (!std::has_single_bit(o.mtu))
    throw std::runtime_error("mtu is " + std::to_string(o.mtu) + ", it must be 256, 512, 1024, 2048 or 4096");
  if (o.eager_max == RingEngineOptions::kWholePacket) o.eager_max = o.mtu - device::kMsgHeaderBytes;
  require_range("eager_max", o.eager_max, 0, o.mtu - device::kMsgHeaderBytes);
  require_range("retry_limit", o.retry_limit, 0, 255);
  require_range("rnr_limit", o.rnr_limit, 0, 7);
  require_range("endpoint", o.endpoint, 0, device::kNumEndpoints - 1);
  require_range("endpoints", o.endpoints, 1, device::kNumEndpoints);
  require_range("first_posted", o.first_posted, 0, device::kPostedEntries - 1);
  if (o.posted == 0) o.posted = device::kPostedEntries - o.first_posted;
  require_range("posted", o.posted, 1, device::kPostedEntries - o.first_posted);
  require_range("unexpected", o.unexpected, 0, device::kUnexpectedEntries);
  require_range("bounce", o.bounce, 0, device::kBounceSlots);
  require_range("spill_log2", o.spill_log2, 0, 12);
  return o;
}

std::span<std::byte> checked_memory(Bar& bar, const RingEngineOptions& options) {
  const std::span<std::byte> all = bar.shared_memory();
  if (options.memory_offset % kPage != 0 || options.memory_offset > all.size())
    throw std::runtime_error("memory_offset " + std::to_string(options.memory_offset) +
                             " is not a page of the device's memory");
  const std::size_t rest = all.size() - options.memory_offset;
  const std::size_t bytes = options.memory_bytes == 0 ? rest : options.memory_bytes;
  if (bytes > rest || bytes < layout(options).end) {
    throw std::runtime_error("the endpoint has " + std::to_string(std::min(bytes, rest)) +
                             " bytes of shared memory; its rings, bounce and spill slots take " +
                             std::to_string(layout(options).end));
  }
  return all.subspan(options.memory_offset, bytes);
}

}  // namespace

RingEngine::RingEngine(Bar& bar, unsigned rank, unsigned ranks, const RingEngineOptions& options)
    : bar_(bar),
      rank_(rank),
      options_(checked(options)),
      registers_(bar),
      shared_(checked_memory(bar, options_)),
      spill_memory_(shared_.subspan(layout(options_).spill)),
      submissions_(shared_.subspan(layout(options_).submissions), options_.sq_log2),
      completions_(shared_.subspan(layout(options_).completions), options_.cq_log2),
      regions_(registers_, options_.endpoint),
      schedules_(bar),
      scratch_(regions_, kCollectives),
      operands_(bar, options_.push_max),
      operations_(options_.operations),
      handover_(*this, operations_) {
  capabilities_.name = "rtl";
  capabilities_.description =
      "offload engine behind a register window: matching, data and reductions on the device";
  capabilities_.max_ranks = device::kMaxRanks;
  capabilities_.lanes = device::kNumLanes;
  capabilities_.max_message = 0xffffffffu;
  capabilities_.collective_contexts = device::kCollectiveContexts;
  capabilities_.flow_bytes = std::uint64_t{device::kFlowSlots} * collective_payload(options_);
  capabilities_.memory_regions = device::kMrEntries - kCollectives;  // each may have scratch memory
  capabilities_.whole_memory = options_.whole_memory;
  capabilities_.offloads_matching = true;
  capabilities_.offloads_reductions = true;
  peers_up_ = !options_.awaited_rank;
  running_.reserve(kCollectives);
  bring_up(ranks);
}

void RingEngine::bring_up(unsigned ranks) {
  if (ranks < 1 || ranks > device::kMaxRanks) {
    throw std::runtime_error("a job of " + std::to_string(ranks) + " ranks: the device takes 1 to " +
                             std::to_string(device::kMaxRanks));
  }
  if (rank_ >= ranks)
    throw std::runtime_error("rank " + std::to_string(rank_) + " of " + std::to_string(ranks));
  if (!options_.addresses.empty() && options_.addresses.size() != ranks) {
    throw std::runtime_error("addresses of " + std::to_string(options_.addresses.size()) +
                             " ranks, the job has " + std::to_string(ranks));
  }
  if (options_.addresses.empty()) {
    for (unsigned r = 0; r < ranks; ++r) options_.addresses.push_back(simulated_address(r));
  }
  check_device(ranks);
  peers_.resize(ranks);
  window_ = std::max(kLeastWindow, (device::kRetransmitCells - kSharedCells) / (ranks * options_.endpoints));
  reserved_ = kOwnSends * ranks;
  posted_entries_ = options_.posted;
  free_handles_.reserve(posted_entries_);
  for (std::uint32_t k = posted_entries_; k-- > 0;) free_handles_.push_back(static_cast<std::uint16_t>(k));
  claimed_.resize(device::kUnexpectedEntries);
  if (options_.bring_up_device) bring_up_device();
  bring_up_endpoint(ranks);
  device_counters_.start(bar_);
}

void RingEngine::check_device(unsigned ranks) {
  std::uint32_t id = 0;
  std::uint32_t version = 0;
  require(registers_.read(global::kId, &id));
  if (id != device::kDeviceId)
    throw std::runtime_error("no Tally device: its Id register reads " + std::to_string(id));
  require(registers_.read(global::kVersion, &version));
  if (version >> 16 != device::kDeviceVersion >> 16) {
    throw std::runtime_error("the device is of version " + std::to_string(version >> 16) +
                             ", the driver of " + std::to_string(device::kDeviceVersion >> 16));
  }
  std::uint32_t ranks_caps = 0;
  std::uint32_t match_caps = 0;
  std::uint32_t schedule_caps = 0;
  std::uint32_t transport_caps = 0;
  std::uint32_t operand_caps = 0;
  require(registers_.read(global::kCapsRanks, &ranks_caps));
  require(registers_.read(global::kCapsMatch, &match_caps));
  require(registers_.read(global::kCapsSched, &schedule_caps));
  require(registers_.read(global::kCapsTransport, &transport_caps));
  require(registers_.read(global::kCapsOperand, &operand_caps));
  if ((ranks_caps & 0xff) < ranks || (ranks_caps >> 8 & 0xff) <= options_.endpoint ||
      ranks_caps >> 16 < device::kNumLanes || match_caps >> 16 < options_.first_posted + options_.posted ||
      (match_caps & 0xffff) < options_.unexpected || (schedule_caps & 0xffff) < device::kScheduleEntries ||
      schedule_caps >> 16 < options_.mtu || transport_caps >> 16 < device::kRetransmitCells ||
      (transport_caps & 0xffff) < options_.bounce || operand_caps >> 16 < device::kOperandSlots ||
      (operand_caps & 0xffff) < device::kOperandSlotBytes) {
    throw std::runtime_error("the device was built with other sizes than the driver (capability registers)");
  }
}

void RingEngine::bring_up_device() {
  const Address& own = options_.addresses[rank_];
  require(registers_.write(global::kMacLo, static_cast<std::uint32_t>(own.mac)));
  require(registers_.write(global::kMacHi, static_cast<std::uint32_t>(own.mac >> 32)));
  require(registers_.write(global::kIp, own.ip));
  require(registers_.write(global::kPmtu, options_.mtu));
  require(registers_.write(global::kEagerMax, options_.eager_max));
  require(registers_.write(global::kRetryTimer, options_.retry_timer));
  require(registers_.write(global::kRetryLimits, options_.rnr_limit << 8 | options_.retry_limit));
  require(registers_.write(global::kTxWindow, window_));
  require(registers_.write(global::kControl, kEnable | (options_.coll_write ? kCollWrite : 0)));
}

void RingEngine::bring_up_endpoint(unsigned ranks) {
  if (!options_.bring_up_device) {
    std::uint32_t mtu = 0;
    std::uint32_t eager_max = 0;
    std::uint32_t control = 0;
    require(registers_.read(global::kPmtu, &mtu));
    require(registers_.read(global::kEagerMax, &eager_max));
    require(registers_.read(global::kControl, &control));
    if (((control & kCollWrite) != 0) != options_.coll_write)
      throw std::runtime_error("the device is up with another coll_write than this endpoint asks for");
    if (mtu != options_.mtu || eager_max != options_.eager_max) {
      throw std::runtime_error("the device is up with mtu " + std::to_string(mtu) + " and eager_max " +
                               std::to_string(eager_max) + ", this endpoint asks for " +
                               std::to_string(options_.mtu) + " and " + std::to_string(options_.eager_max));
    }
  }
  // Quotas change only while the endpoint is disabled and what it had before is dropped.
  require(registers_.write(ep(ep_reg::kEnable), 0));
  const auto begin = std::chrono::steady_clock::now();
  std::uint32_t dropping = 1;
  while (dropping != 0) {
    require(registers_.read(ep(ep_reg::kEpStatus), &dropping));
    dropping &= 1;
    if (dropping == 0) break;
    if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(10))
      throw std::runtime_error("the device does not end its drop of endpoint " +
                               std::to_string(options_.endpoint));
    bar_.wait(std::chrono::microseconds{100});
  }
  const Layout at = layout(options_);
  std::memset(shared_.data(), 0, at.bounce);
  const auto address = [&](std::size_t offset) {
    return reinterpret_cast<std::uintptr_t>(shared_.data() + offset);
  };
  const std::uint32_t e = options_.endpoint;
  require(registers_.write(global::kEpPosted0 + 4 * e, options_.posted << 16 | options_.first_posted));
  require(registers_.write(global::kEpUnexpected0 + 4 * e, options_.unexpected));
  require(registers_.write(global::kEpBounce0 + 4 * e, options_.bounce));
  require(registers_.write(ep(ep_reg::kRank), rank_));
  require(registers_.write(ep(ep_reg::kRanks), ranks));
  require(registers_.write64(ep(ep_reg::kSqBaseLo), address(at.submissions)));
  require(registers_.write(ep(ep_reg::kSqLog2), options_.sq_log2));
  require(registers_.write64(ep(ep_reg::kCqBaseLo), address(at.completions)));
  require(registers_.write(ep(ep_reg::kCqLog2), options_.cq_log2));
  require(registers_.write(ep(ep_reg::kCqHead), 0));
  require(registers_.write64(ep(ep_reg::kBounceLo), address(at.bounce)));
  require(registers_.write64(ep(ep_reg::kSpillLo), address(at.spill)));
  require(registers_.write(ep(ep_reg::kSpillLog2), options_.spill_log2));
  require(registers_.write(ep(ep_reg::kSpillHead), 0));
  connect(ranks);
  require(registers_.write(ep(ep_reg::kEnable), 1));
}

void RingEngine::connect(unsigned ranks) {
  for (std::uint32_t r = 0; r < ranks; ++r) {
    const Address& peer = options_.addresses[r];
    require(registers_.write(global::kQpMacLo, static_cast<std::uint32_t>(peer.mac)));
    require(registers_.write(global::kQpMacHi, static_cast<std::uint32_t>(peer.mac >> 32)));
    require(registers_.write(global::kQpIp, peer.ip));
    require(registers_.write(global::kQpTxPsn, 0));
    require(registers_.write(global::kQpRxPsn, 0));
    for (std::uint32_t kind = 0; kind < 3; ++kind) {
      require(registers_.write(global::kQpIndex, kind * 64 + options_.endpoint * 16 + r));
      require(registers_.write(global::kQpQpn, peer.qpn_base[kind] + rank_));
      require(registers_.write(global::kQpControl, 1));
    }
  }
}

}  // namespace tally::ring
