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

/// FNV-1a of a string that tells apart what is made of the same processes.
[[nodiscard]] std::uint64_t hash_of(const std::string& text) noexcept;

}  // namespace tally::mpi
