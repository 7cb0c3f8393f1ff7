// SPDX-License-Identifier: BSD-3-Clause
// Notices that ranges of the process's addresses are unmapped, moved or emptied (userfaultfd(2)): munmap,
// mremap, madvise(MADV_DONTNEED, MADV_FREE of shared memory, MADV_REMOVE), also within the C library.
//
// The kernel holds up the thread that changes a watched range until this object's thread has taken the event.
// changes() waits for a thread that is about to: whatever a caller has changed before it calls is seen.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tally::verbs {

class AddressWatch {
 public:
  /// nullptr where the kernel does not let this process watch (kernel, seccomp filter).
  [[nodiscard]] static std::unique_ptr<AddressWatch> create();
  ~AddressWatch();
  AddressWatch(const AddressWatch&) = delete;
  AddressWatch& operator=(const AddressWatch&) = delete;

  /// Watches whole pages; false where that cannot be done: memory of a file, for example.
  [[nodiscard]] bool add(std::uintptr_t first, std::uintptr_t end) noexcept;
  void remove(std::uintptr_t first, std::uintptr_t end) noexcept;
  /// Ranges changed since the last call replace those in `ranges`.
  void changes(std::vector<std::pair<std::uintptr_t, std::uintptr_t>>* ranges);

 private:
  AddressWatch(int fd, int stop) noexcept : fd_(fd), stop_(stop) {}
  void run() noexcept;

  int fd_;
  int stop_;  ///< eventfd that ends the thread
  std::mutex mutex_;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> ranges_;
  std::thread thread_;
};

}  // namespace tally::verbs
