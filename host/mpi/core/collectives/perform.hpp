// SPDX-License-Identifier: BSD-3-Clause
// A checked call in its three forms.
#pragma once

#include "core/collectives/call.hpp"

namespace tally::mpi::collectives {

/// MPI_X: returns when this rank's part is done.
void perform(Call&& call);
/// MPI_Ix: returns at once; the request holds references to the communicator, datatypes and operation.
void start(const Call& call, MPI_Request* request);
/// MPI_X_init: an inactive request. Each MPI_Start looks at the buffers and arrays again.
void prepare(const Call& call, MPI_Request* request);

}  // namespace tally::mpi::collectives

// The three forms of a collective: blocking, started and persistent. Arguments come in parentheses: of the
// declaration, and as they are handed to `make`, which returns the Call.
#define TALLY_MPI_UNWRAP(...) __VA_ARGS__
#define TALLY_MPI_COLLECTIVE(blocking, started, persistent, make, parameters, arguments)  \
  void blocking(TALLY_MPI_UNWRAP parameters) { collectives::perform(make arguments); }    \
  void started(TALLY_MPI_UNWRAP parameters, MPI_Request* request) {                       \
    collectives::start(make arguments, request);                                          \
  }                                                                                       \
  void persistent(TALLY_MPI_UNWRAP parameters, MPI_Info /*info*/, MPI_Request* request) { \
    collectives::prepare(make arguments, request);                                        \
  }
