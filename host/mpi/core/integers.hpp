// SPDX-License-Identifier: BSD-3-Clause
// Handles as integers, for Fortran and for languages that cannot hold a pointer (MPI 5.0, 20.3.4).
#pragma once

namespace tally::mpi {

/// The integer of a handle that is not predefined. An address has one integer for good, so that the integer of an object that is
/// freed serves the next one at that address. Any thread may call.
int integer_of(const void* handle);
/// The handle; nullptr for an integer that no handle has.
void* handle_of_integer(int integer) noexcept;

}  // namespace tally::mpi
