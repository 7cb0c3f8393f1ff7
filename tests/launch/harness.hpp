// SPDX-License-Identifier: BSD-3-Clause
// Runs the `tally` command as a user would and looks at what is left afterwards.
#pragma once

#include <chrono>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace tally::test {

struct Outcome {
  int code = -1;       ///< exit code; 128 + n when signal n ended the command; -1: it did not end in time
  std::string out;
  std::string err;
  double seconds = 0;
};

/// A running `tally` command, in a process group of its own, with a mark in its environment that all processes of its job
/// inherit. The destructor kills what is left.
class Command {
 public:
  explicit Command(std::vector<std::string> arguments, std::string input = "",
                   std::vector<std::pair<std::string, std::string>> environment = {});
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const;
  /// Signals the whole process group, as a terminal does with ctrl-C.
  void signal_group(int number) const;
  /// Waits until stdout contains `text`; false when the time is over or the command ended without it.
  bool wait_for_output(const std::string& text, std::chrono::milliseconds timeout = std::chrono::seconds(30));
  /// What is on stdout so far.
  [[nodiscard]] std::string output() const { return text_of("out"); }
  /// Waits for the end.
  Outcome wait(std::chrono::milliseconds timeout = std::chrono::seconds(60));
  /// Signals the process of the job with this name as its first argument; false: there is none.
  bool kill_process(const std::string& name, int number) const;
  /// Living processes of the job (anything with the mark in its environment), the command itself included.
  [[nodiscard]] std::vector<pid_t> processes() const;
  /// The same after waiting for at most `timeout` for them to end.
  [[nodiscard]] std::vector<pid_t> leftovers(std::chrono::milliseconds timeout = std::chrono::seconds(3)) const;

 private:
  [[nodiscard]] std::string text_of(const std::string& path) const;
  std::string mark_;
  std::string folder_;
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::chrono::steady_clock::time_point start_;
};

/// Runs `tally` with these arguments to its end.
Outcome tally(std::vector<std::string> arguments, std::string input = "",
              std::vector<std::pair<std::string, std::string>> environment = {});

/// The names in /dev/shm.
std::vector<std::string> shared_memory_files();

/// Engines of this build.
std::vector<std::string> test_engines();
bool have_engine(const std::string& name);

/// A file with this text in a temporary folder, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text, unsigned mode = 0600);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tally::test
