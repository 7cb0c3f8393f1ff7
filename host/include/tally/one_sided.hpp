// SPDX-License-Identifier: BSD-3-Clause
// Tally for C++20: one-sided operations. Include tally.hpp.
#ifndef TALLY_ONE_SIDED_HPP
#define TALLY_ONE_SIDED_HPP

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "tally/basics.hpp"
#include "tally/dtype.hpp"
#include "tally/tally.h"

namespace tally {

/// Names a region of some rank; plain bytes, to be sent to others as any.
using RemoteKey = tally_remote_key;

/// An integer that atomic operations take.
template <typename T>
concept AtomicInteger = std::integral<T> && !std::same_as<std::remove_cv_t<T>, bool> && (sizeof(T) == 4 || sizeof(T) == 8);

/// An export of registered memory: released when this object goes, and the memory not before it.
class Exported {
 public:
  Exported(tally_endpoint* endpoint, tally_memory* memory, unsigned access) : endpoint_(endpoint) {
    check(tally_memory_export(memory, access, &key_));
  }
  Exported(Exported&& other) noexcept : endpoint_(std::exchange(other.endpoint_, nullptr)), key_(other.key_) {}
  Exported& operator=(Exported&& other) noexcept {
    std::swap(endpoint_, other.endpoint_);
    std::swap(key_, other.key_);
    return *this;
  }
  ~Exported() {
    if (endpoint_ != nullptr) (void)tally_memory_release(endpoint_, &key_);
  }
  Exported(const Exported&) = delete;
  Exported& operator=(const Exported&) = delete;

  [[nodiscard]] const RemoteKey& key() const noexcept { return key_; }
  /// Ends the access of others and tells what went wrong; the destructor does so silently.
  void release() { check(tally_memory_release(std::exchange(endpoint_, nullptr), &key_)); }

 private:
  tally_endpoint* endpoint_;
  RemoteKey key_{};
};

/// One-sided operations of an endpoint; as in tally.h. `offset` is in bytes.
template <typename Self>
class OneSided {
 public:
  template <Plain T>
  void put(std::span<const T> data, const RemoteKey& key, std::uint64_t offset) {
    check(tally_put(raw(), data.data(), data.size_bytes(), &key, offset));
  }
  template <Plain T>
  void get(std::span<T> data, const RemoteKey& key, std::uint64_t offset) {
    check(tally_get(raw(), data.data(), data.size_bytes(), &key, offset));
  }
  template <Plain T>
  [[nodiscard]] Request put_start(std::span<const T> data, const RemoteKey& key, std::uint64_t offset) {
    return Request::started([&](tally_request** request) {
      return tally_put_start(raw(), data.data(), data.size_bytes(), &key, offset, request);
    });
  }
  template <Plain T>
  [[nodiscard]] Request get_start(std::span<T> data, const RemoteKey& key, std::uint64_t offset) {
    return Request::started([&](tally_request** request) {
      return tally_get_start(raw(), data.data(), data.size_bytes(), &key, offset, request);
    });
  }
  /// What stood there before.
  template <AtomicInteger T>
  T fetch_add(const RemoteKey& key, std::uint64_t offset, T operand) {
    T before{};
    check(tally_fetch_add(raw(), &key, offset, kInteger<T>, &operand, &before));
    return before;
  }
  template <AtomicInteger T>
  T swap(const RemoteKey& key, std::uint64_t offset, T value) {
    T before{};
    check(tally_swap(raw(), &key, offset, kInteger<T>, &value, &before));
    return before;
  }
  /// Stores `value` where `compare` stands; what stood there before.
  template <AtomicInteger T>
  T compare_swap(const RemoteKey& key, std::uint64_t offset, T compare, T value) {
    T before{};
    check(tally_compare_swap(raw(), &key, offset, kInteger<T>, &compare, &value, &before));
    return before;
  }
  /// The same, started; *before is written until the end.
  template <AtomicInteger T>
  [[nodiscard]] Request fetch_add_start(const RemoteKey& key, std::uint64_t offset, T operand, T* before) {
    return Request::started([&](tally_request** request) {
      return tally_fetch_add_start(raw(), &key, offset, kInteger<T>, &operand, before, request);
    });
  }
  template <AtomicInteger T>
  [[nodiscard]] Request swap_start(const RemoteKey& key, std::uint64_t offset, T value, T* before) {
    return Request::started([&](tally_request** request) {
      return tally_swap_start(raw(), &key, offset, kInteger<T>, &value, before, request);
    });
  }
  template <AtomicInteger T>
  [[nodiscard]] Request compare_swap_start(const RemoteKey& key, std::uint64_t offset, T compare, T value, T* before) {
    return Request::started([&](tally_request** request) {
      return tally_compare_swap_start(raw(), &key, offset, kInteger<T>, &compare, &value, before, request);
    });
  }
  /// Waits for the operations on `rank` that have been started before.
  void flush(int rank = TALLY_ALL_RANKS) { check(tally_flush(raw(), rank)); }
  [[nodiscard]] Request flush_start(int rank = TALLY_ALL_RANKS) {
    return Request::started([&](tally_request** request) { return tally_flush_start(raw(), rank, request); });
  }

 private:
  template <AtomicInteger T>
  static constexpr tally_dtype kInteger = sizeof(T) == 8 ? TALLY_U64 : TALLY_U32;
  [[nodiscard]] tally_endpoint* raw() const noexcept { return static_cast<const Self*>(this)->handle(); }
};

}  // namespace tally

#endif  // TALLY_ONE_SIDED_HPP
