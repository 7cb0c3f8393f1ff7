// SPDX-License-Identifier: BSD-3-Clause
// Programs that a test starts, with what they print.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tally::test {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// A started program; what is left of it is killed at the end.
class Process {
 public:
  /// Variables of launchers that this test itself runs under are taken away; `environment` is added. The
  /// descriptor `inherit`, if it is one, stays open in it.
  Process(std::vector<std::string> arguments, const Environment& environment, int inherit = -1);
  Process(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  Process& operator=(Process&&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Exit code, minus the signal, or kTimeout. Kills it when the time is over.
  int wait(std::chrono::seconds limit);
  /// What it has printed on both streams; after wait() everything.
  [[nodiscard]] std::string output() const;

  static constexpr int kTimeout = -1000;

 private:
  pid_t pid_ = -1;
  int file_ = -1;
  bool ended_ = false;
};

struct Outcome {
  int code = 0;
  std::string output;
};
/// Runs a program to its end.
Outcome run(std::vector<std::string> arguments, const Environment& environment = {},
            std::chrono::seconds limit = std::chrono::seconds(90));

/// How often `text` is in it.
std::size_t count(const std::string& all, const std::string& text);

}  // namespace tally::test
