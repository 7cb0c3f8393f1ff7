// SPDX-License-Identifier: BSD-3-Clause
// Output of many processes into one stream without mixing lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "launch/process.hpp"

namespace tally::launch {

/// Text on its way to one of the launcher's own streams. Written only when poll() says that the stream takes it, so that
/// a slow reader never keeps the launcher from its other duties.
class OutputQueue {
 public:
  explicit OutputQueue(int fd) noexcept : fd_(fd) {}
  void append(std::string_view text) {
    if (broken_ || text.empty()) return;
    if (unfinished_) pending_.push_back('\n');
    unfinished_ = false;
    pending_.append(text);
  }
  /// What was appended last lacks its newline and its writer is gone: should anything follow, it starts a new line.
  void end_unfinished() noexcept { unfinished_ = true; }
  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] bool empty() const noexcept { return start_ == pending_.size(); }
  /// Enough is waiting: read no more input for it.
  [[nodiscard]] bool full() const noexcept { return pending_.size() - start_ >= kEnough; }
  /// The reader is gone.
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  /// Writes a piece; call it when the stream is writable.
  void write_some();

 private:
  static constexpr std::size_t kEnough = std::size_t{1} << 20;
  int fd_;
  bool broken_ = false;
  bool unfinished_ = false;
  std::size_t start_ = 0;
  std::string pending_;
};

/// Cuts what one process writes into lines.
class LineSource {
 public:
  /// `prefix` is put before each line; `pipe` is the read end.
  LineSource(FileDescriptor pipe, OutputQueue& out, std::string prefix)
      : pipe_(std::move(pipe)), out_(&out), prefix_(std::move(prefix)) {}
  [[nodiscard]] bool open() const noexcept { return pipe_.open(); }
  [[nodiscard]] int fd() const noexcept { return pipe_.get(); }
  [[nodiscard]] const OutputQueue& out() const noexcept { return *out_; }
  /// Reads what there is, hands whole lines on; at end of file flushes the unfinished line and closes.
  /// Returns whether anything was read.
  bool read_some();
  void close();

 private:
  /// A line longer than this is handed on in pieces.
  static constexpr std::size_t kLongestLine = std::size_t{1} << 20;
  FileDescriptor pipe_;
  OutputQueue* out_;
  std::string prefix_;
  std::string line_;
};

}  // namespace tally::launch
