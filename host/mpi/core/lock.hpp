// SPDX-License-Identifier: BSD-3-Clause
// The lock of the library: held by every call where the thread level is MPI_THREAD_MULTIPLE, by none
// elsewhere.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace tally::mpi {

/// A recursive mutex (a callback of the program may call MPI again) that a wait can give up whole and take
/// back.
class Lock {
 public:
  void lock() {
    if (owner_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
      ++depth_;
      return;
    }
    if (!mutex_.try_lock()) {
      waiters_.fetch_add(1, std::memory_order_relaxed);
      mutex_.lock();
      waiters_.fetch_sub(1, std::memory_order_relaxed);
    }
    owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    depth_ = 1;
  }
  void unlock() {
    if (--depth_ != 0) return;
    owner_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
  }
  /// Gives up all that this thread holds of it; 0: it holds nothing.
  [[nodiscard]] unsigned give_up() {
    if (owner_.load(std::memory_order_relaxed) != std::this_thread::get_id()) return 0;
    const unsigned held = depth_;
    owner_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
    return held;
  }
  void take_back(unsigned held) {
    if (held == 0) return;
    lock();
    depth_ = held;
  }
  /// Other threads are at the door: one that polls lets them in now and then.
  [[nodiscard]] bool contended() const noexcept { return waiters_.load(std::memory_order_relaxed) != 0; }

 private:
  std::mutex mutex_;
  std::atomic<std::thread::id> owner_{};
  std::atomic<unsigned> waiters_{0};
  unsigned depth_ = 0;  ///< of the owner
};

}  // namespace tally::mpi
