// SPDX-License-Identifier: BSD-3-Clause
// Generalized requests: MPI 5.0, 13.2.
#pragma once

#include "core/request.hpp"

namespace tally::mpi {

/// Fills the status of a completed generalized request by the program's query_fn; its code becomes the
/// failure.
void query(Request& request);
/// Calls the program's free_fn, once; its error code.
int release_state(Request& request);
/// Calls the program's cancel_fn.
void cancel(Request& request);

}  // namespace tally::mpi
