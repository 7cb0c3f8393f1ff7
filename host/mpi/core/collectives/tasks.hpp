// SPDX-License-Identifier: BSD-3-Clause
// Collectives as tasks: those that are no single collective of the engine. They send messages on the
// library's channel, so that any number of them, and collectives of the engine beside them, may be under way
// in any order.
#pragma once

#include "core/collectives/call.hpp"
#include "core/task.hpp"

namespace tally::mpi::collectives {

/// A collective of the engine does the call: engine_call.hpp.
[[nodiscard]] bool engine_does(const Call& call);
/// The task of any other call. The call outlives it.
[[nodiscard]] Task task_of(const Call& call);

/// Each block in a message of its own: alltoallw, and all that moves data across an intercommunicator but
/// bcast.
[[nodiscard]] Task exchange_blocks(const Call& call);
/// MPI_Neighbor_X.
[[nodiscard]] Task exchange_with_neighbors(const Call& call);
/// Across an intercommunicator: to the first rank of the other group, and from there by a binomial tree.
[[nodiscard]] Task inter_bcast(const Call& call);
[[nodiscard]] Task inter_barrier(const Call& call);
/// Reduce, allreduce and reduce_scatter across an intercommunicator: by a binomial tree in rank order to the
/// first rank of each group, which gets what the other group has contributed.
[[nodiscard]] Task inter_reduce(const Call& call);

}  // namespace tally::mpi::collectives
