// SPDX-License-Identifier: BSD-3-Clause
// The checking mode (TALLY_CHECK=1): before a collective's results count, its ranks tell each other what they
// have called. A call that does not go with another rank's ends with an error at every rank of the
// communicator, in words that name ranks and arguments. Without it only what the engine itself sees is told.
#pragma once

#include "core/collectives/call.hpp"
#include "core/task.hpp"

namespace tally::mpi::collectives {

/// Is the mode on?
[[nodiscard]] bool checking() noexcept;

/// Exchanges the calls: functions and their form, roots, operations, and between each two ranks bytes and
/// datatypes of what the one sends and the other receives. Throws MPI_ERR_OTHER, MPI_ERR_ROOT, MPI_ERR_OP,
/// MPI_ERR_COUNT or MPI_ERR_TYPE. The call outlives it.
[[nodiscard]] Task compare_calls(const Call& call, Form form);

}  // namespace tally::mpi::collectives
