// SPDX-License-Identifier: BSD-3-Clause
// The lock of an endpoint that several threads use.
//
// A thread that waits for an operation polls with the lock held and gives it up when another thread is at the
// door, and while it sleeps. Plain mutexes are not fair: who gives one up to take it again mostly gets it. So
// let_others() sees that it changes hands.
#pragma once

#include <atomic>
#include <cstdint>

namespace tally::api {

class EndpointLock {
 public:
  void lock() noexcept {
    std::uint32_t free = kFree;
    if (!state_.compare_exchange_strong(free, kTaken, std::memory_order_acquire, std::memory_order_relaxed))
        [[unlikely]]
      lock_contended();
  }
  void unlock() noexcept {
    if (state_.exchange(kFree, std::memory_order_release) == kContended) [[unlikely]]
      wake_one();
  }
  /// Another thread may be waiting for it.
  [[nodiscard]] bool contended() const noexcept {
    return state_.load(std::memory_order_relaxed) == kContended;
  }
  /// Of the holder: gives a thread that waits for the lock its turn.
  void let_others() noexcept;

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kTaken = 1;
  static constexpr std::uint32_t kContended = 2;  ///< taken, and threads may sleep until it is free
  void lock_contended() noexcept;
  void wake_one() noexcept;

  std::atomic<std::uint32_t> state_{kFree};
  std::atomic<std::uint32_t> turns_{0};  ///< threads that have waited for the lock and got it
};

}  // namespace tally::api
