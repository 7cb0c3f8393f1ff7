// SPDX-License-Identifier: BSD-3-Clause
// What the functions of MPI_T have in common.
#pragma once

#include <cstring>
#include <mutex>
#include <string_view>

#include "mpi_api.h"

#include "core/error.hpp"

namespace tally::mpi::tool {

/// Holds the lock of MPI_T, which any thread may call at any time. Throws MPI_T_ERR_NOT_INITIALIZED outside of
/// MPI_T_init_thread and MPI_T_finalize.
class Entered {
 public:
  Entered();
  /// For MPI_T_init_thread.
  explicit Entered(std::nullptr_t);

 private:
  std::lock_guard<std::recursive_mutex> lock_;
};
/// How often MPI_T_init_thread was called more than MPI_T_finalize.
extern int initialized;

[[noreturn]] inline void refuse(int code) { throw Error{code, {}, {}}; }

/// Stores an output that the caller may leave out by NULL.
template <typename T, typename V>
void give(T* to, V value) noexcept {
  if (to != nullptr) *to = static_cast<T>(value);
}
/// A text by the rule of MPI 5.0, 15.3.3: *length is the room in `to` and becomes what the whole text needs with its NUL.
void give_text(std::string_view text, char* to, int* length) noexcept;

/// `index` as an index of a list, or throws MPI_T_ERR_INVALID_INDEX.
template <typename List>
const auto& at(const List& list, int index) {
  if (index < 0 || static_cast<std::size_t>(index) >= std::size(list)) refuse(MPI_T_ERR_INVALID_INDEX);
  return list[static_cast<std::size_t>(index)];
}
/// The index of what has that name, or throws MPI_T_ERR_INVALID_NAME.
template <typename List>
int index_of(const List& list, const char* name) {
  if (name == nullptr) refuse(MPI_T_ERR_INVALID);
  int index = 0;
  for (const auto& entry : list) {
    if (std::strcmp(entry.name, name) == 0) return index;
    ++index;
  }
  refuse(MPI_T_ERR_INVALID_NAME);
}

}  // namespace tally::mpi::tool
