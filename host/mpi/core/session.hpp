// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>

#include "core/info.hpp"
#include "core/objects.hpp"

namespace tally::mpi {

/// A use of the library beside MPI_Init (MPI 5.0, 11.3).
struct Session : Object {
  Session() noexcept : Object(Kind::kSession) {}
  Ref<Errhandler> errhandler;
  InfoEntries info;
};

/// Sessions that the program has not finalized.
[[nodiscard]] int open_sessions() noexcept;

}  // namespace tally::mpi
