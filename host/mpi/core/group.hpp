// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <vector>

#include "core/objects.hpp"

namespace tally::mpi {

/// A group of these job ranks, with the calling process's rank in it; a new reference (MPI_GROUP_EMPTY's
/// object when there are none). `session_buffer`: as of what it is made of.
[[nodiscard]] Ref<Group> make_group(std::vector<int> job_ranks,
                                    std::shared_ptr<SessionBuffer> session_buffer = nullptr);

/// Rank in `group` of a rank of the job; MPI_UNDEFINED.
[[nodiscard]] int rank_of(const Group& group, int job_rank) noexcept;

/// MPI_IDENT, MPI_SIMILAR or MPI_UNEQUAL.
[[nodiscard]] int compare(const Group& a, const Group& b);

}  // namespace tally::mpi
