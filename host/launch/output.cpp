// SPDX-License-Identifier: BSD-3-Clause
#include "launch/output.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <unistd.h>

namespace tally::launch {

void OutputQueue::write_some() {
  // A blocking pipe that poll() calls writable takes PIPE_BUF bytes at once; more could block.
  const auto length = std::min<std::size_t>(pending_.size() - start_, PIPE_BUF);
  if (length == 0) return;
  const auto written = ::write(fd_, pending_.data() + start_, length);
  if (written < 0) {
    if (errno == EINTR || errno == EAGAIN) return;
    broken_ = true;
    pending_.clear();
    start_ = 0;
    return;
  }
  start_ += static_cast<std::size_t>(written);
  if (start_ == pending_.size()) {
    pending_.clear();
    start_ = 0;
  } else if (start_ >= kEnough) {
    pending_.erase(0, start_);
    start_ = 0;
  }
}

bool LineSource::read_some() {
  std::array<char, 65536> buffer;
  const auto got = ::read(pipe_.get(), buffer.data(), buffer.size());
  if (got < 0) {
    if (errno == EINTR || errno == EAGAIN) return false;
    close();
    return false;
  }
  if (got == 0) {
    close();
    return false;
  }
  std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) {
      line_.append(rest);
      if (line_.size() >= kLongestLine) {
        out_->append(prefix_);
        out_->append(line_);
        if (!prefix_.empty()) out_->append("\n");
        line_.clear();
      }
      break;
    }
    out_->append(prefix_);
    out_->append(line_);
    out_->append(rest.substr(0, end + 1));
    line_.clear();
    rest.remove_prefix(end + 1);
  }
  return true;
}

void LineSource::close() {
  if (!line_.empty()) {
    out_->append(prefix_);
    out_->append(line_);
    out_->end_unfinished();
    line_.clear();
  }
  pipe_.reset();
}

}  // namespace tally::launch
