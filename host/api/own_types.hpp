// SPDX-License-Identifier: BSD-3-Clause
// Element types and operations of reductions that the program has made: numbers from 256 on.
#pragma once

#include <cstddef>
#include <vector>

#include "tally/tally.h"

namespace tally::api {

inline constexpr int kFirstOwn = 256;

struct OwnOperation {
  tally_reduce_function function = nullptr;  ///< nullptr: there is no such operation
  void* argument = nullptr;
  bool commutes = false;
};

/// Numbers are used again when they have been freed.
class OwnTypes {
 public:
  tally_op add(const OwnOperation& operation) {
    return static_cast<tally_op>(
        place(operations_, operation, [](const OwnOperation& o) { return o.function == nullptr; }));
  }
  tally_dtype add(std::size_t bytes) {
    return static_cast<tally_dtype>(place(bytes_, bytes, [](std::size_t b) { return b == 0; }));
  }
  /// False where there is none of this number.
  [[nodiscard]] bool remove(tally_op op) noexcept { return clear(operations_, static_cast<int>(op)); }
  [[nodiscard]] bool remove(tally_dtype dtype) noexcept { return clear(bytes_, static_cast<int>(dtype)); }
  /// nullptr where there is none of this number.
  [[nodiscard]] const OwnOperation* find(tally_op op) const noexcept {
    const std::size_t at = index(static_cast<int>(op));
    return at < operations_.size() && operations_[at].function != nullptr ? &operations_[at] : nullptr;
  }
  /// Bytes of an element; 0 where there is none of this number.
  [[nodiscard]] std::size_t bytes(tally_dtype dtype) const noexcept {
    const std::size_t at = index(static_cast<int>(dtype));
    return at < bytes_.size() ? bytes_[at] : 0;
  }

 private:
  static std::size_t index(int number) noexcept {
    return number < kFirstOwn ? ~std::size_t{0} : static_cast<std::size_t>(number - kFirstOwn);
  }
  template <typename T, typename Free>
  static int place(std::vector<T>& all, const T& value, Free is_free) {
    std::size_t at = 0;
    while (at < all.size() && !is_free(all[at])) ++at;
    if (at == all.size()) all.emplace_back();
    all[at] = value;
    return kFirstOwn + static_cast<int>(at);
  }
  template <typename T>
  static bool clear(std::vector<T>& all, int number) noexcept {
    const std::size_t at = index(number);
    if (at >= all.size() || is_empty(all[at])) return false;
    all[at] = T{};
    return true;
  }
  static bool is_empty(const OwnOperation& operation) noexcept { return operation.function == nullptr; }
  static bool is_empty(std::size_t bytes) noexcept { return bytes == 0; }

  std::vector<OwnOperation> operations_;
  std::vector<std::size_t> bytes_;
};

}  // namespace tally::api
