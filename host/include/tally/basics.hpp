// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: what tally.hpp and collectives.hpp share. Include tally.hpp.
#ifndef TALLY_BASICS_HPP
#define TALLY_BASICS_HPP

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "tally/dtype.hpp"
#include "tally/tally.h"

namespace tally {

/// A failed call. what() is tally_last_error().
class Error : public std::runtime_error {
 public:
  Error(tally_status status, const std::string& text) : std::runtime_error(text), status_(status) {}
  [[nodiscard]] tally_status status() const noexcept { return status_; }

 private:
  tally_status status_;
};

/// Throws Error unless `status` is TALLY_OK.
inline void check(tally_status status) {
  if (status == TALLY_OK) return;
  throw Error(status, status == TALLY_AGAIN ? "TALLY_AGAIN: a queue is full" : tally_last_error());
}

/// Types whose bytes are their value.
template <typename T>
concept Plain = std::is_trivially_copyable_v<T>;

/// What a completed operation reports.
struct Result {
  int source = -1;              ///< receive: the sender's rank in the group
  int tag = -1;                 ///< receive: tag of the message
  std::uint64_t length = 0;     ///< bytes of the message
  std::uint64_t device_ns = 0;  ///< time on the device, ns; 0: no device
};

/// An operation under way. Its buffers stay valid until wait() or test() has ended it. Destroying a request
/// that is under way waits for it and drops its outcome.
class Request {
 public:
  Request() noexcept = default;
  explicit Request(tally_request* request) noexcept : request_(request) {}
  Request(Request&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
  Request& operator=(Request&& other) noexcept {
    std::swap(request_, other.request_);
    return *this;
  }
  ~Request() {
    if (request_ != nullptr) (void)tally_wait(&request_, nullptr);
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  [[nodiscard]] bool active() const noexcept { return request_ != nullptr; }
  /// Waits for the end; throws what went wrong (truncation included).
  Result wait() {
    tally_result result = empty();
    check(tally_wait(&request_, &result));
    return convert(result);
  }
  /// Whether the operation has ended; then the request is over and *result is set.
  [[nodiscard]] bool test(Result* result = nullptr) {
    tally_result raw = empty();
    const tally_status status = tally_test(&request_, &raw);
    if (status == TALLY_AGAIN) return false;
    check(status);
    if (result != nullptr) *result = convert(raw);
    return true;
  }
  /// Asks for the end of a receive: if no message has matched it, wait() and test() throw
  /// TALLY_ERR_CANCELLED.
  void cancel() { check(tally_cancel(request_)); }
  [[nodiscard]] tally_request* handle() const noexcept { return request_; }
  /// Gives the request to the caller, who ends it.
  [[nodiscard]] tally_request* release() noexcept { return std::exchange(request_, nullptr); }

  /// The request that start(tally_request**) -> tally_status makes.
  template <typename Start>
  [[nodiscard]] static Request started(Start start) {
    tally_request* request = nullptr;
    check(start(&request));
    return Request(request);
  }
  [[nodiscard]] static tally_result empty() noexcept {
    tally_result result{};
    result.size = sizeof result;
    return result;
  }
  [[nodiscard]] static Result convert(const tally_result& raw) noexcept {
    return {raw.source, raw.tag, raw.length, raw.device_ns};
  }

 private:
  tally_request* request_ = nullptr;
};

}  // namespace tally

#endif  // TALLY_BASICS_HPP
