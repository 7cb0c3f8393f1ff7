// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/sim/staging_agent.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

#include "job/futex.hpp"

namespace tally::sim {

namespace {

constexpr std::chrono::milliseconds kLook{50};  // how often it looks whether it shall end
constexpr std::size_t kPiece = 4096;            // no more than any pipe holds

}  // namespace

StagingAgent::StagingAgent(Window& window) : window_(window) {
  if (pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::runtime_error(std::string("staging: no pipe: ") + std::strerror(errno));
  }
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    close(pipe_[0]);
    close(pipe_[1]);
    throw std::runtime_error("staging: no thread");
  }
}

StagingAgent::~StagingAgent() {
  stop_.store(true);
  futex_wake_all(window_.staging.state);
  thread_.join();
  close(pipe_[0]);
  close(pipe_[1]);
}

void StagingAgent::run() {
  StagingRequest& request = window_.staging;
  while (!stop_.load()) {
    const std::uint32_t state = request.state.load(std::memory_order_acquire);
    if (state != 1) {
      futex_wait(request.state, state, kLook);
      continue;
    }
    const bool done =
        request.length <= kStagingBytes && serve(request.write != 0, request.address, request.length);
    request.state.store(done ? 2 : 3, std::memory_order_release);
    futex_wake_all(request.state);
  }
}

bool StagingAgent::serve(bool write, std::uint64_t address, std::size_t length) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of this process that came through the window
  auto* there = reinterpret_cast<std::byte*>(address);
  return write ? move(there, window_.staging_data, length) : move(window_.staging_data, there, length);
}

/// Through a pipe: the system then checks the addresses, where a plain copy would end the process.
bool StagingAgent::move(void* to, const void* from, std::size_t bytes) {
  auto* target = static_cast<std::byte*>(to);
  const auto* source = static_cast<const std::byte*>(from);
  while (bytes > 0) {
    const ssize_t in = ::write(pipe_[1], source, std::min(bytes, kPiece));
    if (in <= 0) {
      if (in < 0 && errno == EINTR) continue;
      return false;
    }
    for (ssize_t out = 0; out < in;) {
      const ssize_t got = ::read(pipe_[0], target + out, static_cast<std::size_t>(in - out));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        std::byte drain[kPiece];  // what the target did not take must not reach the next request
        while (::read(pipe_[0], drain, sizeof drain) > 0) {
        }
        return false;
      }
      out += got;
    }
    target += in;
    source += in;
    bytes -= static_cast<std::size_t>(in);
  }
  return true;
}

}  // namespace tally::sim
