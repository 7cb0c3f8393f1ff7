// SPDX-License-Identifier: BSD-3-Clause
// How communicators come to be and go.
//
// Making one never depends on the order in which processes make several: the first process of the new
// communicator takes a context and goes on; each other one waits for its word, as a Task, so that everything
// else moves on meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/objects.hpp"
#include "core/task.hpp"

namespace tally::mpi {

/// "'name'", or its size where it has none.
[[nodiscard]] std::string describe(const Comm& comm);

// Messages of these functions on `comm.internal` have tags below 2^30.

/// A number for what is made collectively over `comm` next: the same on all its processes.
[[nodiscard]] std::uint32_t next_creation(Comm& comm) noexcept;
/// Tag of that number's messages on comm.internal.
[[nodiscard]] int creation_tag(std::uint32_t creation) noexcept;
/// Tells apart what is made of the same processes at the same time; the same on all of them.
[[nodiscard]] std::uint64_t creation_key(const Comm& comm, std::uint32_t creation) noexcept;

/// The same for what is made of no communicator, by the program's string.
[[nodiscard]] std::uint64_t creation_key(std::string_view text) noexcept;

/// Gathers `bytes` bytes of each process of the communicator (of both groups, ordered as comm.group is) at
/// all of them: `all` is as many blocks, of which the own one is filled in.
[[nodiscard]] Task gather_all(Comm& comm, int tag, void* all, std::size_t bytes);

/// Rank of the calling process among those of comm.group.
[[nodiscard]] int own_rank_in_group(const Comm& comm) noexcept;
/// Number of ranks of comm.group.
[[nodiscard]] int ranks_in_group(const Comm& comm) noexcept;

/// Makes `made`, which is new, an intracommunicator of these job ranks, the calling process among them.
[[nodiscard]] Task build(Comm& made, std::vector<int> job_ranks, std::uint64_t key);
/// Makes `made` an intercommunicator. Which group comes first in `made.group` is the same at all processes:
/// low is the own one.
[[nodiscard]] Task build_inter(Comm& made, std::vector<int> local, std::vector<int> remote, bool local_is_low,
                               std::uint64_t key);

/// From one process to all of an intracommunicator; bytes->size() is the same at all of them.
[[nodiscard]] Task spread(Comm& comm, int tag, int root, std::vector<std::byte>* bytes);

/// An object that is to become a communicator; errors are handled as in `parent` (nullptr:
/// MPI_ERRORS_ARE_FATAL).
[[nodiscard]] Ref<Comm> new_comm(const Comm* parent);

/// Whether the local group comes first in an intercommunicator's group.
[[nodiscard]] bool local_is_low(const Comm& comm) noexcept;

/// Gives the contexts of destroyed communicators back, as far as nothing uses them. At the end of the
/// library: all of them.
void free_groups(bool all) noexcept;

/// Throws MPI_ERR_COMM for an intercommunicator.
Comm& check_intra(Comm& comm, const char* argument = "comm");
Comm& check_inter(Comm& comm, const char* argument = "comm");

}  // namespace tally::mpi
