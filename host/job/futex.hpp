// SPDX-License-Identifier: BSD-3-Clause
// Futexes in memory that processes share. (std::atomic::wait is for one process only.)
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>

namespace tally {

static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

/// Sleeps while `word` is `seen`, until it is woken or `timeout` is over. May return early.
inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen,
                       std::chrono::microseconds timeout) noexcept {
  if (timeout.count() <= 0) return;
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(timeout.count() / 1000000);
  limit.tv_nsec = static_cast<long>(timeout.count() % 1000000 * 1000);
  // Not FUTEX_PRIVATE_FLAG: the other side is another process.
  (void)syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, seen, &limit, nullptr, 0);
}

inline void futex_wake_one(std::atomic<std::uint32_t>& word) noexcept {
  (void)syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

inline void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept {
  (void)syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace tally
