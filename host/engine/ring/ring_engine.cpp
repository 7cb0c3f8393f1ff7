// SPDX-License-Identifier: BSD-3-Clause
// Control and reports.
#include "engine/ring/ring_engine.hpp"

#include <algorithm>

namespace tally::ring {

namespace {

constexpr std::size_t kMaxLines = 64;  // of describe_pending
constexpr std::chrono::microseconds kSoon{100};
constexpr std::chrono::microseconds kLookForPeers{1000};

}  // namespace

RingEngine::~RingEngine() {
  if (bar_.alive()) regions_.remove_all();
}

Status RingEngine::register_memory(void* base, std::size_t length, std::uint32_t* key) {
  if (key == nullptr) return {TALLY_ERR_ARGUMENT, "key is NULL"};
  if (!failure_.ok()) return failure_;
  return regions_.add(base, length, key);
}

Status RingEngine::deregister_memory(std::uint32_t key) { return regions_.remove(key); }

bool RingEngine::peers_up() {
  if (!peers_up_) {
    awaited_ = options_.awaited_rank();
    peers_up_ = awaited_ < 0;
  }
  return peers_up_;
}

void RingEngine::wait(std::chrono::microseconds timeout) {
  if (!failure_.ok() || !finished_.empty() || completions_.ready()) return;
  feed();
  if (!finished_.empty()) return;
  // What the window's queue did not take is tried again soon.
  const bool behind = !tell_heads() || doorbell_pending_ || !cancels_.empty() ||
                      collectives_behind_;
  const bool waits_for_peers = !peers_up_ && (held_sends_ > 0 || !held_collectives_.empty());
  bar_.wait(behind ? std::min(timeout, kSoon) : waits_for_peers ? std::min(timeout, kLookForPeers) : timeout);
}

void RingEngine::add_counters(tally_counters& counters) const {
  counters.fallback_send_window += window_held_;
  counters.fallback_posted_full += posted_full_;
  counters.fallback_ring_full += ring_full_;
  counters.cpu_pushed_bytes += operands_.bytes();
  counters.fallback_staging += bar_.staged_bytes();
  const Handover::Counters& h = handover_.counters();
  counters.cpu_matches += h.matches;
  counters.cpu_copied_bytes += h.copied_bytes;
  counters.cpu_copied_spilled += h.copied_bytes;
  counters.fallback_spilled_order += h.spilled[static_cast<int>(device::SpillReason::kOrder)];
  counters.fallback_spilled_unexpected += h.spilled[static_cast<int>(device::SpillReason::kUnexpected)];
  counters.fallback_spilled_bounce += h.spilled[static_cast<int>(device::SpillReason::kBounce)];
  counters.fallback_spilled_conflict += h.spilled[static_cast<int>(device::SpillReason::kConflict)];
  counters.fallback_receives_returned += h.returned;
  counters.handovers_to_host += h.to_host;
  counters.handovers_to_device += h.to_device;
  if (options_.bring_up_device) device_counters_.add(bar_, counters);
}

std::string RingEngine::describe_pending() const {
  std::string text = handover_.describe();
  std::size_t lines = 0;
  if (!peers_up_ && awaited_ >= 0) {
    text += "rank " + std::to_string(awaited_) +
            " has not opened its endpoint: nothing can be sent before every rank has\n";
  }
  if (held_sends_ > 0 && peers_up_) {
    text += std::to_string(held_sends_) + " sends are held: the device takes " +
            std::to_string(window_ * device::kCellBytes) + " bytes of messages for each receiver, and " +
            std::to_string(kSends) + " messages in all, that the receivers' devices have not acknowledged\n";
  }
  for (std::size_t r = 0; r < peers_.size(); ++r) {
    if (peers_[r].failed != 0) text += peer_error(r).message() + "\n";
  }
  for (OperationIndex i = 0; i < operations_.size(); ++i) {
    if (operations_[i].place == Place::kFree || operations_[i].place == Place::kZombie) continue;
    if (++lines <= kMaxLines) text += describe(operations_[i], rank_) + "\n";
  }
  if (lines > kMaxLines) text += "and " + std::to_string(lines - kMaxLines) + " more\n";
  if (!failure_.ok()) text += "the device has failed: " + failure_.message() + "\n";
  return text;
}

Status RingEngine::peer_error(std::size_t rank) const {
  return {TALLY_ERR_PEER,
          "rank " + std::to_string(rank) + " does not answer: its device's queue pair gave up"};
}

}  // namespace tally::ring
