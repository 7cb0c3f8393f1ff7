// SPDX-License-Identifier: BSD-3-Clause
// A thread of the rank that moves bytes between the staging window and this process's memory for the fabric,
// where it may not do so itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "drivers/sim/attach.hpp"

namespace tally::sim {

/// Serves Window::staging while it lives. An address that this process does not have, or may not write, fails
/// the request and harms nothing. Throws std::runtime_error when the system gives no pipe or thread.
class StagingAgent {
 public:
  explicit StagingAgent(Window& window);
  ~StagingAgent();
  StagingAgent(const StagingAgent&) = delete;
  StagingAgent& operator=(const StagingAgent&) = delete;

 private:
  void run();
  [[nodiscard]] bool serve(bool write, std::uint64_t address, std::size_t length);
  [[nodiscard]] bool move(void* to, const void* from, std::size_t bytes);

  Window& window_;
  int pipe_[2];
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace tally::sim
