// SPDX-License-Identifier: BSD-3-Clause
// A vector that is reduced by the CPU between messages.
#pragma once

#include <utility>

#include "core/collectives/call.hpp"
#include "core/staging.hpp"

namespace tally::mpi::collectives {

class Operand {
 public:
  /// Of the elements that `call` reduces; nothing is in it.
  explicit Operand(const Call& call);

  /// Takes what this rank contributes.
  void load();
  /// value = value op other, in this order: `other` is of higher ranks.
  void append();
  /// Elements from `first` on go to the call's receive buffer.
  void store(MPI_Count first = 0) const;

  [[nodiscard]] std::byte* value() const noexcept { return value_.data(); }
  [[nodiscard]] std::byte* other() const noexcept { return other_.data(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Bytes of `elements` elements.
  [[nodiscard]] std::size_t bytes(MPI_Count elements) const noexcept {
    return static_cast<std::size_t>(elements) * element_;
  }
  void swap() noexcept { std::swap(value_, other_); }

 private:
  const Call& call_;
  Datatype& type_;
  bool packed_;
  std::size_t element_;
  MPI_Count count_ = 0;
  std::size_t bytes_ = 0;
  Staging value_;
  Staging other_;
};

}  // namespace tally::mpi::collectives
