// SPDX-License-Identifier: BSD-3-Clause
// Keys and values, as info objects and communicators hold them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::mpi {

using InfoEntries = std::vector<std::pair<std::string, std::string>>;

/// Kinds of memory whose addresses every call takes: value of the key "mpi_memory_alloc_kinds".
inline constexpr const char* kMemoryKinds = "system,mpi";

/// The value of the key; nullptr: not there.
[[nodiscard]] const std::string* find_info(const InfoEntries& entries, std::string_view key);

/// Sets the key; the place of one that is there stays.
void set_hint(InfoEntries* entries, const std::string& key, const std::string& value);

/// Sets what MPI_INFO_ENV tells about the process.
void fill_info_env(InfoEntries* entries);

}  // namespace tally::mpi
