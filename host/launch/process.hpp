// SPDX-License-Identifier: BSD-3-Clause
// Starting and ending processes: what the launcher needs of POSIX and Linux, without policy.
#pragma once

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace tally::launch {

/// Closes on destruction. -1: none.
class FileDescriptor {
 public:
  FileDescriptor() noexcept = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

/// A close-on-exec pipe. Throws std::system_error.
[[nodiscard]] Pipe make_pipe();

/// Finds `program` as execvp would. Returns 0 and sets *path, or 127 (no such program) or 126 (there, but it cannot be
/// executed) and sets *error to a sentence.
[[nodiscard]] int resolve_program(const std::string& program, std::string* path, std::string* error);

/// What to start. Descriptors are those of the caller; -1 means /dev/null.
struct ProcessSpec {
  std::string path;
  std::vector<std::string> arguments;  ///< with argv[0]
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to the caller's
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::vector<int> cpus;  ///< on which it may run; empty: those of the caller
};

/// Starts a process in a process group of its own that is killed when the caller dies. Returns its pid, or -1 and the
/// errno of the failed fork or exec in *error_number.
[[nodiscard]] pid_t spawn(const ProcessSpec& spec, int* error_number);

/// The processors of this process in as many equal shares as there are ranks; empty where there are fewer.
[[nodiscard]] std::vector<int> share_of_cpus(unsigned rank, unsigned ranks);

/// All living descendants of this process (zombies left out).
[[nodiscard]] std::vector<pid_t> descendants();

/// "exited with code 3", "ended by signal 11 (Segmentation fault)".
[[nodiscard]] std::string describe_wait_status(int status);

/// The code a shell would give: the exit code, or 128 + signal.
[[nodiscard]] int exit_code_of(int status);

}  // namespace tally::launch
