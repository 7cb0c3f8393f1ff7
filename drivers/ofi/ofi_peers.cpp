// SPDX-License-Identifier: BSD-3-Clause
// Peers that cannot be reached, news that all peers must hear, and goodbyes.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "drivers/ofi/ofi_transport.hpp"
#include "job/job.hpp"

namespace tally::ofi {
namespace {

using namespace std::chrono_literals;

/// For the answer of a peer that leaves at the same time.
constexpr std::chrono::seconds kLastWord = 1s;
/// A provider that takes nothing for a peer that was connected tries to connect to it anew, in vain if it has
/// died.
constexpr std::chrono::seconds kStalled = 3s;
/// How long a rank that leaves tries to connect to one that it never met.
constexpr std::chrono::seconds kNeverMet = 30s;

}  // namespace

void OfiTransport::stalled(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  const auto now = Clock::now();
  if (!std::exchange(peer.stalled, true)) peer.stalled_since = now;
  // Before the first connection the other side may just be slow to open its endpoint, or to take part.
  const bool known = peer.connected || peer.heard;
  if (!known && !closing_) return;
  if (now - peer.stalled_since > (!known ? kNeverMet : closing_ ? kLastWord : kStalled)) {
    lose(number, known ? "the connection is lost" : "no connection to it can be made");
  }
}

void OfiTransport::ping() noexcept {
  const auto now = Clock::now();
  if (now < next_ping_) return;
  next_ping_ = now + (closing_ ? 250ms : 1000ms);
  for (std::uint32_t number = 0; number < size_; ++number) {
    const Peer& peer = peers_[number];
    if (peer.met && !peer.gone && !peer.bye) want(number, ParcelKind::kPing);
  }
}

void OfiTransport::say(std::uint32_t number, const char* text) const noexcept {
  (void)std::fprintf(stderr, "tally: rank %u: provider %s, rank %u: %s\n", rank_, provider_->name().c_str(),
                     number, text);
}

void OfiTransport::lose(std::uint32_t number, const char* why) noexcept {
  Peer& peer = peers_[number];
  if (peer.gone) return;
  peer.gone = true;
  peer.controls = 0;
  if (peer.fill != 0) {
    peer.fill = 0;
    open_ &= ~(std::uint64_t{1} << number);
  }
  const bool left = header_.rank[number].closed.exchange(1, std::memory_order_acq_rel) != 0;
  if (left || peer.bye || peer.bye_seen) return;
  say(number, why);
  if (closing_) return;
  // A rank that was never heard of may have left before anybody talked to it.
  if (peer.heard) fail_job();
}

void OfiTransport::fail_job() noexcept {
  header_.failed.store(1, std::memory_order_release);
  job::wake_all(header_);
}

void OfiTransport::find_broken() noexcept {
  broken_seen_ = header_.broken_count.load(std::memory_order_acquire);
  for (std::uint32_t context = 0; context < std::size(header_.broken); ++context) {
    const job::BrokenContext& record = header_.broken[context];
    // Each rank tells of what it broke itself: to all that it talks to, which may not be all that wait.
    if (record.state.load(std::memory_order_acquire) != 2 || record.rank != rank_) continue;
    if (std::find(broken_.begin(), broken_.end(), context) != broken_.end()) continue;
    broken_.push_back(context);
    for (std::uint32_t number = 0; number < size_; ++number) {
      if (peers_[number].address != FI_ADDR_UNSPEC) want(number, ParcelKind::kBroken);
    }
  }
}

void OfiTransport::tell_failure() noexcept {
  if (told_failed_ || header_.failed.load(std::memory_order_relaxed) == 0) return;
  told_failed_ = true;
  for (std::uint32_t number = 0; number < size_; ++number) {
    if (peers_[number].met) want(number, ParcelKind::kFailed);
  }
}

bool OfiTransport::parting(std::uint32_t number, Clock::time_point now) const noexcept {
  const Peer& peer = peers_[number];
  if (!peer.met || peer.gone) return false;
  // The segment tells that it has left or died: it may have no answer for us.
  if (!peer.bye && header_.rank[number].closed.load(std::memory_order_relaxed) != 0) {
    return now - closing_since_ < kLastWord;
  }
  if (peer.posted != peer.sent || peer.controls != 0) return true;
  if (peer.bye_seen) return false;
  // Who leaves as well answers soon, unless it has gone already: then the answer was lost with its
  // connection.
  return !peer.bye || now - peer.bye_time < kLastWord;
}

void OfiTransport::say_goodbye() noexcept {
  closing_ = true;
  closing_since_ = Clock::now();
  reserved_for_ = kNobody;
  flush();
  tell_failure();
  for (std::uint32_t number = 0; number < size_; ++number) {
    if (peers_[number].met) want(number, ParcelKind::kBye);
  }
  auto warn_after = 30s;
  for (;;) {
    (void)progress();
    const auto now = Clock::now();
    for (std::uint32_t number = 0; number < size_ && now - closing_since_ > kNeverMet; ++number) {
      if (peers_[number].met && !peers_[number].heard) lose(number, "nothing was ever heard of it");
    }
    std::uint32_t open = 0;
    while (open < size_ && !parting(open, now)) ++open;
    const bool sending = std::any_of(control_ops_.begin(), control_ops_.end(),
                                     [this](const Op& op) { return op.busy && !peers_[op.peer].gone; });
    if (open == size_ && !sending) break;
    // Of a job that fails only the news of it is to be told, and that not for long.
    if (header_.failed.load(std::memory_order_relaxed) != 0 &&
        ((pending_ == 0 && !sending) || now - closing_since_ > kLastWord))
      break;
    ping();
    pause(1ms);
    if (open == size_ || now - closing_since_ < warn_after) continue;
    say(open, "this rank leaves when that one has taken what was sent to it");
    warn_after *= 2;
  }
}

}  // namespace tally::ofi
