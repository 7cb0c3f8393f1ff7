// SPDX-License-Identifier: BSD-3-Clause
// Where a call that ends several operations writes what came of them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tally/tally.h"

namespace tally::api {

/// What there is to tell of a request that has nothing under way.
inline void write_empty(tally_result* result) noexcept {
  if (result == nullptr) return;
  result->source = -1;
  result->tag = -1;
  result->reserved = 0;
  result->length = 0;
  result->device_ns = 0;
}

/// Arrays of the program; either may be nullptr. The first result's size is that of all.
class Outcomes {
 public:
  Outcomes() = default;
  Outcomes(tally_result* results, tally_status* statuses) noexcept
      : results_(results), statuses_(statuses), stride_(results == nullptr ? 0 : results->size) {}

  [[nodiscard]] tally_result* result(std::size_t i) const noexcept {
    if (results_ == nullptr) return nullptr;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): a program's results may be longer than
    // these
    auto* at = reinterpret_cast<tally_result*>(reinterpret_cast<std::byte*>(results_) + i * stride_);
    at->size = stride_;
    return at;
  }
  void set_status(std::size_t i, tally_status status) const noexcept {
    if (statuses_ != nullptr) statuses_[i] = status;
  }
  [[nodiscard]] bool any() const noexcept { return results_ != nullptr || statuses_ != nullptr; }

 private:
  tally_result* results_ = nullptr;
  tally_status* statuses_ = nullptr;
  std::uint32_t stride_ = 0;
};

}  // namespace tally::api
