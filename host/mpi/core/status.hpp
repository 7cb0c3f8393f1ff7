// SPDX-License-Identifier: BSD-3-Clause
// The hidden part of MPI_Status, at the same place in both ABIs: an int that tells a cancelled operation, and
// the bytes received.
#pragma once

#include <cstdint>
#include <cstring>

#include "mpi_api.h"

namespace tally::mpi {

inline constexpr std::size_t kStatusCancelled = 12;  ///< offset of an int
inline constexpr std::size_t kStatusBytes = 16;      ///< offset of a std::uint64_t
static_assert(sizeof(MPI_Status) >= kStatusBytes + sizeof(std::uint64_t));

/// All but MPI_ERROR, which calls that complete one operation leave as it is (MPI 5.0, 3.2.5). nullptr
/// (MPI_STATUS_IGNORE): no effect.
inline void set_status(MPI_Status* status, int source, int tag, std::uint64_t bytes,
                       bool cancelled = false) noexcept {
  if (status == MPI_STATUS_IGNORE) return;
  status->MPI_SOURCE = source;
  status->MPI_TAG = tag;
  const int flag = cancelled ? 1 : 0;
  std::memcpy(reinterpret_cast<char*>(status) + kStatusCancelled, &flag, sizeof flag);
  std::memcpy(reinterpret_cast<char*>(status) + kStatusBytes, &bytes, sizeof bytes);
}
/// The empty status (MPI 5.0, 3.7.3): of inactive requests, and of sends.
inline void set_empty(MPI_Status* status) noexcept {
  set_status(status, MPI_ANY_SOURCE, MPI_ANY_TAG, 0);
  if (status != MPI_STATUS_IGNORE) status->MPI_ERROR = MPI_SUCCESS;
}
/// What a receive from MPI_PROC_NULL, or a probe for one, reports (MPI 5.0, 3.10).
inline void set_proc_null(MPI_Status* status) noexcept { set_status(status, MPI_PROC_NULL, MPI_ANY_TAG, 0); }
/// All but MPI_ERROR.
inline void copy_status(MPI_Status* to, const MPI_Status& from) noexcept {
  if (to == MPI_STATUS_IGNORE) return;
  const int error = to->MPI_ERROR;
  *to = from;
  to->MPI_ERROR = error;
}

[[nodiscard]] inline std::uint64_t status_bytes(const MPI_Status& status) noexcept {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, reinterpret_cast<const char*>(&status) + kStatusBytes, sizeof bytes);
  return bytes;
}
[[nodiscard]] inline bool status_cancelled(const MPI_Status& status) noexcept {
  int flag = 0;
  std::memcpy(&flag, reinterpret_cast<const char*>(&status) + kStatusCancelled, sizeof flag);
  return flag != 0;
}

}  // namespace tally::mpi
