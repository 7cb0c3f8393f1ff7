// SPDX-License-Identifier: BSD-3-Clause
// The fabric's process of a test job, started as the launcher does it. A test that runs on rtl is compiled with
// TALLY_COMMAND.
#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "job/job.hpp"

namespace tally::test {

class FabricProcess {
 public:
  [[nodiscard]] static constexpr bool available() {
#ifdef TALLY_COMMAND
    return true;
#else
    return false;
#endif
  }

  /// `config` is a file or empty; `before` runs in the process before the fabric. Returns when it serves.
  explicit FabricProcess(const job::Segment& segment, const std::string& config = "",
                         const std::function<void()>& before = {}) {
#ifdef TALLY_COMMAND
    const std::string path = segment.path();
    pid_ = ::fork();
    if (pid_ == 0) {
      if (before) before();
      if (config.empty()) {
        ::execl(TALLY_COMMAND, "tally-fabric", "fabric", "--job", path.c_str(), nullptr);
      } else {
        ::execl(TALLY_COMMAND, "tally-fabric", "fabric", "--job", path.c_str(), "--config", config.c_str(), nullptr);
      }
      ::_exit(127);
    }
    segment.header().fabric_pid = pid_;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (segment.header().fabric_up.load() == 0) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        throw std::runtime_error("the fabric ended before it served");
      }
      if (std::chrono::steady_clock::now() > deadline) {
        end(SIGKILL);
        throw std::runtime_error("the fabric did not come up within 60 s");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
#else
    (void)segment, (void)config, (void)before;
    throw std::runtime_error("this test was built without a fabric");
#endif
  }
  ~FabricProcess() { end(SIGKILL); }
  FabricProcess(const FabricProcess&) = delete;
  FabricProcess& operator=(const FabricProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Ends it; its exit code, or minus the signal that ended it.
  int end(int number = SIGTERM) {
    if (pid_ <= 0) return 0;
    ::kill(pid_, number);
    int status = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

}  // namespace tally::test
