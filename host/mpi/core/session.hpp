// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/info.hpp"
#include "core/objects.hpp"

namespace tally::mpi {

/// A use of the library beside MPI_Init (MPI 5.0, 11.3).
struct Session : Object {
  Session() noexcept : Object(Kind::kSession) {}
  Ref<Errhandler> errhandler;
  InfoEntries info;
  std::shared_ptr<SessionBuffer> buffer = std::make_shared<SessionBuffer>();
};

/// Whether the program has opened one, ever: then more may come, also behind MPI_Finalize.
[[nodiscard]] bool uses_sessions() noexcept;

}  // namespace tally::mpi
