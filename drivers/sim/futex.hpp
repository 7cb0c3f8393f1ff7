// SPDX-License-Identifier: BSD-3-Clause
// Futexes in memory that processes share. (std::atomic::wait is for one process only.)
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace tally::sim {

/// Sleeps while `word` is `seen`, until it is woken or `timeout` is over. May return early.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen,
                std::chrono::microseconds timeout) noexcept;
void futex_wake_all(std::atomic<std::uint32_t>& word) noexcept;

}  // namespace tally::sim
