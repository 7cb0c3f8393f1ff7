// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/sim/sim_bar.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "job/futex.hpp"

namespace tally::sim {

namespace {

using Clock = std::chrono::steady_clock;

// Ranks outnumber cores in most runs: a waiting rank soon leaves its core to the fabric.
constexpr int kSpins = 50;
constexpr std::chrono::milliseconds kLook{20};  // how often a sleeper looks whether the fabric lives

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

Area& area_of(job::Header& header, unsigned rank) {
  if (header.engine != job::EngineKind::kRtl)
    throw std::runtime_error("this job has no simulated fabric (engine is not rtl)");
  if (rank >= header.ranks) {
    throw std::runtime_error("rank " + std::to_string(rank) + " is not one of the job's " +
                             std::to_string(header.ranks));
  }
  const std::uint64_t needed = sizeof(Area) + std::uint64_t{header.ranks} * sizeof(Window);
  if (header.sim_offset == 0 || header.sim_bytes < needed || header.sim_offset > header.segment_bytes ||
      header.segment_bytes - header.sim_offset < needed) {
    throw std::runtime_error("the job segment's sim area has " + std::to_string(header.sim_bytes) +
                             " bytes, " + std::to_string(header.ranks) + " windows take " +
                             std::to_string(needed));
  }
  return *reinterpret_cast<Area*>(reinterpret_cast<std::byte*>(&header) + header.sim_offset);
}

std::chrono::microseconds until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
  return std::clamp<std::chrono::microseconds>(left, std::chrono::microseconds{0}, kLook);
}

}  // namespace

SimBar::SimBar(job::Header& header, unsigned rank, const SimBarOptions& options)
    : header_(header),
      record_(header.rank[rank < job::kMaxRanks ? rank : 0]),
      area_(area_of(header, rank)),
      window_(reinterpret_cast<Window*>(&area_ + 1)[rank]),
      rank_(rank),
      options_(options),
      watch_(header) {
  attach();
}

SimBar::~SimBar() = default;

void SimBar::attach() {
  const auto pid = static_cast<std::int32_t>(getpid());
  const std::int32_t owner = window_.pid.load(std::memory_order_acquire);
  const std::string who = "the device of rank " + std::to_string(rank_);
  if (owner != 0 && owner != pid)
    throw std::runtime_error(who + " is taken by process " + std::to_string(owner));
  tail_ = window_.mmio_tail.load(std::memory_order_relaxed);
  std::memset(window_.memory, 0, sizeof window_.memory);
  if (owner == 0) {
    // Yama's ptrace_scope 1 lets only a named process read this one's memory. Without Yama the call fails,
    // and is not needed. The fabric tries: where it may not, it asks the staging agent.
#ifdef PR_SET_PTRACER
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
#endif
    const std::uint64_t value = 0x54414c4c59000000u ^ (static_cast<std::uint64_t>(pid) << 8) ^ rank_;
    probe_.store(value);
    window_.probe_address = reinterpret_cast<std::uintptr_t>(&probe_);
    window_.probe_value = value;
    window_.memory_address = reinterpret_cast<std::uintptr_t>(window_.memory);
    window_.pid.store(pid, std::memory_order_release);
  } else if (window_.memory_address != reinterpret_cast<std::uintptr_t>(window_.memory)) {
    throw std::runtime_error(who + " was attached by this process at another address of the job segment");
  }
  try {
    wait_until_attached(who);
  } catch (...) {
    // The probe's word goes with this object: the fabric must not look for it.
    if (owner == 0) window_.pid.store(0, std::memory_order_release);
    throw;
  }
  seen_wake_ = record_.wake.load(std::memory_order_acquire);
}

void SimBar::wait_until_attached(const std::string& who) {
  const Clock::time_point deadline = Clock::now() + options_.attach_timeout;
  for (;;) {
    const std::uint32_t attached = window_.attached.load(std::memory_order_acquire);
    if (attached == 2) staging_ = std::make_unique<StagingAgent>(window_);
    if (attached != 0) break;
    const bool up = header_.fabric_up.load(std::memory_order_acquire) != 0;
    if (header_.failed.load() != 0) throw std::runtime_error("the job is ending: " + who + " is not served");
    if (up && !watch_.alive_now())
      throw std::runtime_error("the fabric's process is gone: " + who + " is not served");
    if (Clock::now() >= deadline) {
      throw std::runtime_error(who + " was not attached within " +
                               std::to_string(options_.attach_timeout.count()) + " ms: the fabric " +
                               (up ? "does not answer" : "did not come up"));
    }
    area_.doorbell.fetch_add(1);
    futex_wake_all(area_.doorbell);
    futex_wait(window_.attached, 0, until(deadline));
  }
}

MmioEntry* SimBar::claim() {
  if (tail_ - window_.mmio_head.load(std::memory_order_acquire) >= kMmioEntries) return nullptr;
  return &window_.mmio[tail_ % kMmioEntries];
}

void SimBar::publish() {
  window_.mmio_tail.store(++tail_, std::memory_order_release);
  // Sequentially consistent, as is the fabric's store to fabric_sleeping before its last look: either it sees
  // the bell or it is woken.
  area_.doorbell.fetch_add(1);
  if (area_.fabric_sleeping.load() != 0) futex_wake_all(area_.doorbell);
}

bool SimBar::write32(std::uint32_t offset, std::uint32_t value) {
  MmioEntry* entry = claim();
  if (entry == nullptr) return false;
  entry->kind = MmioKind::kWrite32;
  entry->offset = offset;
  std::memcpy(entry->data, &value, sizeof value);
  publish();
  return true;
}

bool SimBar::write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) {
  MmioEntry* entry = claim();
  if (entry == nullptr) return false;
  entry->kind = MmioKind::kWrite64Bytes;
  entry->offset = offset;
  std::memcpy(entry->data, data.data(), data.size());
  publish();
  return true;
}

std::size_t SimBar::write_room() const {
  return kMmioEntries - (tail_ - window_.mmio_head.load(std::memory_order_acquire));
}

/// Nobody wakes a producer that waits for room, so it looks again after a short sleep.
bool SimBar::wait_for_room(Clock::time_point deadline) {
  while (claim() == nullptr) {
    if (!watch_.alive() || Clock::now() >= deadline) return false;
    wait(std::chrono::microseconds{50});
  }
  return true;
}

bool SimBar::read32(std::uint32_t offset, std::uint32_t* value) {
  const Clock::time_point deadline = Clock::now() + options_.read_timeout;
  if (!alive() || !wait_for_room(deadline)) return false;
  const std::uint32_t before = window_.read_done.load(std::memory_order_acquire);
  MmioEntry* entry = claim();
  entry->kind = MmioKind::kRead32;
  entry->offset = offset;
  publish();
  for (int spin = 0; spin < kSpins && window_.read_done.load(std::memory_order_acquire) == before; ++spin)
    pause_briefly();
  while (window_.read_done.load(std::memory_order_acquire) == before) {
    if (!watch_.alive() || Clock::now() >= deadline) {
      unanswered_ = true;
      return false;
    }
    futex_wait(window_.read_done, before, until(deadline));
  }
  *value = window_.read_value;
  return true;
}

std::span<std::byte> SimBar::shared_memory() { return window_.memory; }

void SimBar::wait(std::chrono::microseconds timeout) {
  // `wake` moves on with each write of the device; a move since the last return is one that the caller may
  // not have seen.
  const auto moved = [&] { return record_.wake.load() != seen_wake_; };
  for (int spin = 0; spin < kSpins && !moved(); ++spin) pause_briefly();
  if (!moved()) {
    record_.sleeping.store(1);
    // The kernel compares once more: a wake between this look and the sleep is not lost.
    if (!moved()) futex_wait(record_.wake, seen_wake_, timeout);
    record_.sleeping.store(0);
  }
  seen_wake_ = record_.wake.load();
}

bool SimBar::alive() const { return !unanswered_ && watch_.alive(); }

std::uint64_t SimBar::staged_bytes() const { return window_.staged_bytes.load(std::memory_order_relaxed); }

}  // namespace tally::sim
