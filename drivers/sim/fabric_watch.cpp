// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/sim/fabric_watch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tally::sim {

namespace {

constexpr std::chrono::milliseconds kAskEvery{100};

/// A process that has ended but that nobody has waited for still answers kill().
bool is_zombie(int pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char text[256];
  const ssize_t bytes = read(fd, text, sizeof text - 1);
  close(fd);
  if (bytes <= 0) return false;
  text[bytes] = 0;
  // pid (name) state: the name may hold anything, so the last parenthesis counts.
  const char* end = std::strrchr(text, ')');
  return end != nullptr && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}

}  // namespace

bool FabricWatch::alive() {
  if (gone_) return false;
  if (header_.failed.load(std::memory_order_acquire) != 0) gone_ = true;
  const auto now = std::chrono::steady_clock::now();
  if (gone_ || now - asked_ < kAskEvery) return !gone_;
  return alive_now();
}

bool FabricWatch::alive_now() {
  if (gone_) return false;
  asked_ = std::chrono::steady_clock::now();
  const int pid = header_.fabric_pid;
  gone_ = header_.failed.load(std::memory_order_acquire) != 0 || pid <= 0 ||
          (kill(pid, 0) != 0 && errno == ESRCH) || is_zombie(pid);
  return !gone_;
}

}  // namespace tally::sim
