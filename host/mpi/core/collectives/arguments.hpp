// SPDX-License-Identifier: BSD-3-Clause
// Arguments of collectives, from MPI's handles to a Call. What is wrong is thrown as an Error that names the
// argument.
#pragma once

#include "core/collectives/call.hpp"

namespace tally::mpi::collectives {

/// Names of a buffer's arguments.
struct SideNames {
  const char* buffer;
  const char* count;
  const char* displacements;
  const char* type;
};
inline constexpr SideNames kSendNames{"sendbuf", "sendcount", "sdispls", "sendtype"};
inline constexpr SideNames kReceiveNames{"recvbuf", "recvcount", "rdispls", "recvtype"};

/// A call of `kind` without buffers on `comm`. MPI_ERR_COMM for MPI_COMM_NULL and what is no communicator.
Call begin(Kind kind, MPI_Comm comm);
/// Sets role and root. MPI_ERR_ROOT where it is none.
void set_root(Call* call, int root);
/// Buffers of equal blocks, of which there are `blocks`.
void set_side(Side* side, const SideNames& names, const void* buffer, MPI_Count count, MPI_Datatype type,
              int blocks);
/// Buffers whose blocks have counts and displacements of their own. Displacements may be a null view where
/// none are given.
void set_side(Side* side, const SideNames& names, const void* buffer, Counts counts, Counts displacements,
              MPI_Datatype type, int blocks);
/// The same with a datatype for each block; displacements in bytes.
void set_side(Side* side, const SideNames& names, const void* buffer, Counts counts, Counts displacements,
              const MPI_Datatype* types, int blocks);
/// MPI_ERR_BUFFER for MPI_IN_PLACE where the standard does not have it. True when `buffer` is MPI_IN_PLACE.
bool in_place(const Call& call, const char* name, const void* buffer, bool allowed);
/// MPI_ERR_BUFFER where a byte is both sent and received into, and that is sure without a look into datatypes with gaps
/// (MPI 5.0, 6.1: buffers must not be aliased). Not for what is in place.
void check_alias(const Call& call);
/// MPI_ERR_OP, MPI_ERR_TYPE: the operation, which is to reduce elements of call->receive or, where that is
/// none, call->send.
void set_op(Call* call, MPI_Op op);

}  // namespace tally::mpi::collectives
