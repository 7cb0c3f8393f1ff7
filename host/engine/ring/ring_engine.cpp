// SPDX-License-Identifier: BSD-3-Clause
// Bringing the device up; control and reports.
#include "engine/ring/ring_engine.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tally::ring {

namespace {

constexpr std::size_t kMaxLines = 64;  // of describe_pending

/// The shared memory: submission ring, completion ring, bounce slots.
struct Layout {
  std::size_t submissions, completions, bounce, end;
};

Layout layout(const RingEngineOptions& options) {
  const auto page = [](std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; };
  Layout at{};
  at.completions = page(std::size_t{64} << options.sq_log2);
  at.bounce = at.completions + page(sizeof(device::Cqe) << options.cq_log2);
  at.end = at.bounce + std::size_t{device::kUnexpectedEntries} * device::kBounceSlotBytes;
  return at;
}

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.message());
}

std::span<std::byte> checked_memory(Bar& bar, const RingEngineOptions& options) {
  if (options.sq_log2 < 1 || options.sq_log2 > 15) throw std::runtime_error("sq_log2 must be 1 to 15");
  if (options.cq_log2 < 7 || options.cq_log2 > 15) throw std::runtime_error("cq_log2 must be 7 to 15");
  if (options.operations == 0) throw std::runtime_error("operations must be at least 1");
  const std::span<std::byte> memory = bar.shared_memory();
  if (memory.size() < layout(options).end) {
    throw std::runtime_error("the device shares " + std::to_string(memory.size()) +
                             " bytes of memory, the driver needs " + std::to_string(layout(options).end));
  }
  return memory;
}

}  // namespace

RingEngine::RingEngine(Bar& bar, unsigned rank, unsigned ranks, const RingEngineOptions& options)
    : bar_(bar),
      rank_(rank),
      options_(options),
      registers_(bar),
      shared_(checked_memory(bar, options)),
      submissions_(shared_.subspan(layout(options).submissions), options.sq_log2),
      completions_(shared_.subspan(layout(options).completions), options.cq_log2),
      regions_(registers_),
      schedules_(bar),
      operations_(options.operations) {
  capabilities_.name = "rtl";
  capabilities_.description =
      "offload engine behind a register window: matching, data and reductions on the device";
  capabilities_.max_ranks = device::kMaxNodes;
  capabilities_.lanes = device::kNumLanes;
  capabilities_.max_message = 0xffffffffu;
  capabilities_.max_groups = device::kCollectiveContexts;
  capabilities_.offloads_matching = true;
  capabilities_.offloads_reductions = true;
  bring_up(ranks);
}

void RingEngine::bring_up(unsigned ranks) {
  namespace global = device::global_reg;
  namespace ep = device::ep_reg;
  if (ranks < 1 || ranks > device::kMaxNodes) {
    throw std::runtime_error("a job of " + std::to_string(ranks) + " ranks: the device takes 1 to " +
                             std::to_string(device::kMaxNodes));
  }
  if (rank_ >= ranks)
    throw std::runtime_error("rank " + std::to_string(rank_) + " of " + std::to_string(ranks));
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
  std::uint32_t nodes_caps = 0;
  std::uint32_t match_caps = 0;
  std::uint32_t schedule_caps = 0;
  require(registers_.read(global::kCapsNodes, &nodes_caps));
  require(registers_.read(global::kCapsMatch, &match_caps));
  require(registers_.read(global::kCapsSched, &schedule_caps));
  if ((nodes_caps & 0xff) < ranks || nodes_caps >> 16 < device::kNumLanes ||
      match_caps >> 16 < device::kPostedEntries || (match_caps & 0xffff) != device::kUnexpectedEntries ||
      (schedule_caps & 0xffff) < device::kScheduleEntries || schedule_caps >> 16 != device::kMtu) {
    throw std::runtime_error("the device was built with other sizes than the driver (capability registers)");
  }

  initial_credits_ = device::kUnexpectedEntries / ranks;
  peers_.resize(ranks);
  for (Peer& peer : peers_) peer.credits = initial_credits_;
  // The completion ring holds one completion for each operation on the device, a Credit for each uncredited
  // send, and what was read but not yet reported through CqHead (poll reports each quarter of the ring).
  const std::uint32_t cq_entries = 1u << options_.cq_log2;
  device_limit_ = cq_entries - cq_entries / 4 - initial_credits_ * ranks;
  if (cq_entries - cq_entries / 4 <= initial_credits_ * ranks)
    throw std::runtime_error("cq_log2 is too small");

  const Layout at = layout(options_);
  std::memset(shared_.data(), 0, at.bounce);
  const auto address = [&](std::size_t offset) {
    return reinterpret_cast<std::uintptr_t>(shared_.data() + offset);
  };
  // Everything that an arriving packet may need is in place before the device accepts packets.
  require(registers_.write(ep::kEnable, 0));
  require(registers_.write(global::kNode, rank_));
  require(registers_.write(global::kNodes, ranks));
  require(registers_.write64(ep::kSqBaseLo, address(at.submissions)));
  require(registers_.write(ep::kSqLog2, options_.sq_log2));
  require(registers_.write64(ep::kCqBaseLo, address(at.completions)));
  require(registers_.write(ep::kCqLog2, options_.cq_log2));
  require(registers_.write64(ep::kBounceLo, address(at.bounce)));
  require(registers_.write(ep::kCqHead, 0));
  require(registers_.write(global::kControl, 1));
  require(registers_.write(ep::kEnable, 1));
  device_counters_.start(bar_);
}

RingEngine::~RingEngine() {
  if (bar_.alive()) regions_.remove_all();
}

Status RingEngine::register_memory(void* base, std::size_t length, std::uint32_t* key) {
  if (key == nullptr) return {TALLY_ERR_ARGUMENT, "key is NULL"};
  if (!failure_.ok()) return failure_;
  return regions_.add(base, length, key);
}

Status RingEngine::deregister_memory(std::uint32_t key) { return regions_.remove(key); }

void RingEngine::wait(std::chrono::microseconds timeout) {
  if (!failure_.ok() || !finished_.empty() || completions_.ready()) return;
  feed();
  // What the window's queue did not take is tried again soon.
  const bool behind = doorbell_pending_ || (running_ == kNoOperation && !held_collectives_.empty());
  bar_.wait(behind ? std::min(timeout, std::chrono::microseconds{100}) : timeout);
}

void RingEngine::add_counters(tally_counters& counters) const {
  counters.fallback_no_credit += no_credit_;
  counters.fallback_posted_full += posted_full_;
  counters.fallback_ring_full += ring_full_;
  counters.fallback_staging += bar_.staged_bytes();
  device_counters_.add(bar_, counters);
}

std::string RingEngine::describe_pending() const {
  std::string text;
  std::size_t lines = 0;
  std::uint32_t receives = 0;
  for (OperationIndex i = held_receives_.front(); i != kNoOperation; i = operations_[i].next) ++receives;
  if (receives > 0 && posted_ >= device::kPostedEntries) {
    text += std::to_string(receives) + " receives are held: the device takes " +
            std::to_string(device::kPostedEntries) +
            " receives without a message; if none of these can match, post receives in the order of their sends, or "
            "fewer at once\n";
  }
  if (held_sends_ > 0) {
    text += std::to_string(held_sends_) + " sends are held: the device keeps " +
            std::to_string(initial_credits_) +
            " messages for each receiver that it has not matched; they go on when the receiver has matched some\n";
  }
  for (OperationIndex i = 0; i < operations_.size(); ++i) {
    if (operations_[i].place == Place::kFree) continue;
    if (++lines <= kMaxLines) text += describe(operations_[i], rank_) + "\n";
  }
  if (lines > kMaxLines) text += "and " + std::to_string(lines - kMaxLines) + " more\n";
  if (!failure_.ok()) text += "the device has failed: " + failure_.message() + "\n";
  return text;
}

}  // namespace tally::ring
