// SPDX-License-Identifier: BSD-3-Clause
// A futex mutex with three states (Drepper, "Futexes are tricky", mutex 2), and turns.
#include "api/endpoint_lock.hpp"

#include <sched.h>

#include <chrono>

#include "job/futex.hpp"

namespace tally::api {
namespace {

constexpr std::chrono::milliseconds kLook{10};  // bounds what a lost wake would cost
constexpr int kYields = 200;                    // that a thread may need to come to run

}  // namespace

void EndpointLock::lock_contended() noexcept {
  while (state_.exchange(kContended, std::memory_order_acquire) != kFree)
    futex_wait(state_, kContended, kLook);
  turns_.fetch_add(1, std::memory_order_relaxed);
}

void EndpointLock::wake_one() noexcept { futex_wake_one(state_); }

void EndpointLock::let_others() noexcept {
  if (!contended()) return;
  const std::uint32_t turns = turns_.load(std::memory_order_relaxed);
  unlock();
  for (int i = 0; i < kYields && turns_.load(std::memory_order_relaxed) == turns; ++i) (void)sched_yield();
  lock();
}

}  // namespace tally::api
