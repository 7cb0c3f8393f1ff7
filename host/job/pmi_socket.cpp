// SPDX-License-Identifier: BSD-3-Clause
#include "job/pmi_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "job/patience.hpp"

namespace tally::job {
namespace {

int connect_to(const char* protocol, const std::string& where) {
  const std::size_t colon = where.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == where.size()) {
    throw Error(fmt::format("{}: PMI_PORT: '{}' is not host:port", protocol, where));
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(where.substr(0, colon).c_str(), where.substr(colon + 1).c_str(), &hints, &found);
  if (failed != 0)
    throw Error(fmt::format("{}: PMI_PORT: '{}': {}", protocol, where, ::gai_strerror(failed)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  int reason = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const int fd = ::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol);
    if (fd >= 0 && ::connect(fd, one->ai_addr, one->ai_addrlen) == 0) return fd;
    reason = errno;
    if (fd >= 0) ::close(fd);
  }
  throw Error(
      fmt::format("{}: PMI_PORT: cannot connect to '{}': {}", protocol, where, std::strerror(reason)));
}

}  // namespace

int pmi_number(const char* variable, int low, int high) {
  const char* text = std::getenv(variable);
  if (text == nullptr) throw Error(fmt::format("{} is not set", variable));
  const char* end = text + std::strlen(text);
  int value = 0;
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stop != end || text == end) {
    throw Error(fmt::format("{}: '{}' is not a number", variable, text));
  }
  if (value < low || value > high) {
    throw Error(fmt::format("{}: {} is out of range ({} to {})", variable, value, low, high));
  }
  return value;
}

PmiSocket::PmiSocket(const char* protocol) : protocol_(protocol) {
  if (std::getenv("PMI_FD") != nullptr) {
    const int fd = pmi_number("PMI_FD", 0, 1 << 20);
    int type = 0;
    socklen_t length = sizeof type;
    if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
      throw Error(
          fmt::format("{}: PMI_FD: descriptor {}: {}; was this process started by the launcher itself? "
                      "TALLY_LAUNCHER=none runs it alone",
                      protocol, fd, std::strerror(errno)));
    }
    // A child of this process must neither talk on it nor keep it open.
    (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    fd_ = fd;
    return;
  }
  const char* where = std::getenv("PMI_PORT");
  if (where == nullptr) throw Error(fmt::format("{}: neither PMI_FD nor PMI_PORT is set", protocol));
  fd_ = connect_to(protocol, where);
  by_port_ = true;
}

PmiSocket::~PmiSocket() {
  if (fd_ >= 0) ::close(fd_);
}

Error PmiSocket::error(const std::string& text) const {
  return Error(fmt::format("{}: {}", protocol_, text));
}

void PmiSocket::write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd room{fd_, POLLOUT, 0};
      (void)::poll(&room, 1, 1000);
      continue;
    }
    if (put < 0) throw error(fmt::format("the launcher does not answer: {}", std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

void PmiSocket::read_more(const char* what) {
  Patience patience(fmt::format("{}: {}", protocol_, what));
  for (;;) {
    pollfd ready{fd_, POLLIN, 0};
    const int events = ::poll(&ready, 1, 500);
    if (events < 0 && errno != EINTR) throw error(std::strerror(errno));
    if (events <= 0) {
      patience.look();
      continue;
    }
    char buffer[2048];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got > 0) {
      read_.append(buffer, static_cast<std::size_t>(got));
      return;
    }
    if (got == 0) throw error(fmt::format("the launcher has closed the connection ({})", what));
    if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) throw error(std::strerror(errno));
  }
}

std::string PmiSocket::read_line(const char* what) {
  constexpr std::size_t kLongest = 64u << 10;
  std::size_t end = 0;
  while ((end = read_.find('\n')) == std::string::npos) {
    if (read_.size() > kLongest) throw error("the launcher sends a line without an end");
    read_more(what);
  }
  std::string line = read_.substr(0, end);
  read_.erase(0, end + 1);
  return line;
}

std::string PmiSocket::read_exactly(std::size_t bytes, const char* what) {
  while (read_.size() < bytes) read_more(what);
  std::string text = read_.substr(0, bytes);
  read_.erase(0, bytes);
  return text;
}

bool pmi_field(std::string_view message, char separator, std::string_view key, std::string* value) {
  while (!message.empty()) {
    const std::size_t end = std::min(message.find(separator), message.size());
    const std::string_view part = message.substr(0, end);
    if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=') {
      *value = part.substr(key.size() + 1);
      return true;
    }
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return false;
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto value = static_cast<unsigned char>(c);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

bool from_hex(std::string_view text, std::string* bytes) {
  if (text.size() % 2 != 0) return false;
  bytes->clear();
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (error != std::errc{} || stop != text.data() + i + 2) return false;
    *bytes += static_cast<char>(value);
  }
  return true;
}

std::string exchange_key(unsigned round, int rank) { return fmt::format("tally-{}-{}", round, rank); }

}  // namespace tally::job
