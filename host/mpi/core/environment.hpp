// SPDX-License-Identifier: BSD-3-Clause
// Start and end of the library in this process.
#pragma once

namespace tally::mpi {

/// Joins the job, where that is not done, and makes what every use of the library needs: MPI_COMM_WORLD and
/// MPI_COMM_SELF. Throws Error. Returns the thread level that is provided.
int open_library(int required_level);

}  // namespace tally::mpi
