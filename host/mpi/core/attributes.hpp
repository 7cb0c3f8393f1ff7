// SPDX-License-Identifier: BSD-3-Clause
// Caching of the program's data with communicators and datatypes (MPI 5.0, 7.7).
#pragma once

#include "core/objects.hpp"

namespace tally::mpi {

/// Copies what the keys' copy functions want copied, from `old` to `made`. Where one fails, those that are
/// copied already are deleted again and its code is thrown.
void copy_attributes(Comm& old, Comm& made);
void copy_attributes(Datatype& old, Datatype& made);

/// Calls the keys' delete functions, the latest attribute first. Where one fails, that attribute and the
/// earlier ones stay, and its code is thrown.
void delete_attributes(Comm& comm);
void delete_attributes(Datatype& type);

}  // namespace tally::mpi
