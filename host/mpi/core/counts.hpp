// SPDX-License-Identifier: BSD-3-Clause
// Arrays of counts or displacements, which MPI_X has as int (or MPI_Aint) and MPI_X_c as MPI_Count (or MPI_Aint).
#pragma once

#include <cstddef>

#include "mpi_api.h"

namespace tally::mpi {

/// A view of the program's array; it is not kept behind the call.
struct Counts {
  Counts(const void* of, bool is_wide) noexcept : data(of), wide(is_wide) {}

  [[nodiscard]] MPI_Count operator[](std::size_t i) const noexcept {
    static_assert(sizeof(MPI_Count) == sizeof(MPI_Aint));
    return wide ? static_cast<const MPI_Count*>(data)[i] : static_cast<const int*>(data)[i];
  }
  [[nodiscard]] bool null() const noexcept { return data == nullptr; }
  /// The array from element `first` on.
  [[nodiscard]] Counts from(std::size_t first) const noexcept {
    return {static_cast<const char*>(data) + first * (wide ? sizeof(MPI_Count) : sizeof(int)), wide};
  }

  const void* data;
  bool wide;  ///< 64 bits each
};

}  // namespace tally::mpi
