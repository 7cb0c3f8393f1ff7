// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: what tally.hpp and collectives.hpp share. Include tally.hpp.
#ifndef TALLY_BASICS_HPP
#define TALLY_BASICS_HPP

#include <complex>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

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

namespace detail {
/// Integers of the language; characters and bool have no reductions.
template <typename T>
concept Integer = std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
                  !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                  !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8;
}  // namespace detail

/// The tally_dtype of a C++ type: integers, float, double and std::complex of them. Everything else is bytes,
/// which move but are not reduced. Types that C++ has no name for (TALLY_F16, TALLY_F64_I32, ...) are given
/// as an argument.
template <typename T>
[[nodiscard]] constexpr tally_dtype dtype_of() noexcept {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>) {
    return TALLY_F32;
  } else if constexpr (std::is_same_v<U, double>) {
    return TALLY_F64;
  } else if constexpr (std::is_same_v<U, std::complex<float>>) {
    return TALLY_C64;
  } else if constexpr (std::is_same_v<U, std::complex<double>>) {
    return TALLY_C128;
  } else if constexpr (detail::Integer<U>) {
    constexpr bool is_signed = std::is_signed_v<U>;
    return sizeof(U) == 1   ? (is_signed ? TALLY_I8 : TALLY_U8)
           : sizeof(U) == 2 ? (is_signed ? TALLY_I16 : TALLY_U16)
           : sizeof(U) == 4 ? (is_signed ? TALLY_I32 : TALLY_U32)
                            : (is_signed ? TALLY_I64 : TALLY_U64);
  } else {
    return TALLY_BYTE;
  }
}

/// Bytes of an element; 0 for a type that does not exist.
[[nodiscard]] constexpr std::size_t size_of(tally_dtype dtype) noexcept {
  switch (dtype) {
    case TALLY_BYTE:
    case TALLY_I8:
    case TALLY_U8:
      return 1;
    case TALLY_I16:
    case TALLY_U16:
    case TALLY_F16:
    case TALLY_BF16:
      return 2;
    case TALLY_I32:
    case TALLY_U32:
    case TALLY_F32:
      return 4;
    case TALLY_I64:
    case TALLY_U64:
    case TALLY_F64:
    case TALLY_C64:
    case TALLY_F32_I32:
    case TALLY_I32_I32:
    case TALLY_I16_I32:
      return 8;
    case TALLY_C128:
    case TALLY_F64_I32:
    case TALLY_I64_I32:
      return 16;
  }
  return 0;
}

/// Types that reductions take without a word on their dtype.
template <typename T>
concept Reducible = (dtype_of<T>() != TALLY_BYTE);

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
