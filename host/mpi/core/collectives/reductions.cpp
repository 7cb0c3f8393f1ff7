// SPDX-License-Identifier: BSD-3-Clause
// The collectives that reduce (MPI 5.0, 6.9 to 6.13): their arguments. `send` is always set: in place it is
// recvbuf.
#include "core/collectives/arguments.hpp"
#include "core/collectives/perform.hpp"
#include "core/error.hpp"

namespace tally::mpi {

namespace {

using collectives::Call;
using collectives::Kind;
using collectives::Role;
using collectives::SideNames;

constexpr SideNames kInNames{"sendbuf", "count", nullptr, "datatype"};
constexpr SideNames kOutNames{"recvbuf", "count", nullptr, "datatype"};
constexpr SideNames kInBlocks{"sendbuf", "recvcount", nullptr, "datatype"};
constexpr SideNames kOutBlock{"recvbuf", "recvcount", nullptr, "datatype"};

/// What every rank contributes to, and where the result goes: the whole vector.
void set_vectors(Call* call, const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype type) {
  collectives::in_place(*call, "recvbuf", recvbuf, false);
  call->in_place = collectives::in_place(*call, "sendbuf", sendbuf, true);
  set_side(&call->send, call->in_place ? kOutNames : kInNames, call->in_place ? recvbuf : sendbuf, count,
           type, 1);
  set_side(&call->receive, kOutNames, recvbuf, count, type, 1);
  if (!call->in_place) collectives::check_alias(*call);
}

Call reduce(const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype type, MPI_Op op, int root,
            MPI_Comm comm) {
  Call call = collectives::begin(Kind::kReduce, comm);
  collectives::set_root(&call, root);
  const bool intra = !call.comm->inter();
  if (call.role == Role::kRoot) {
    if (intra) {
      set_vectors(&call, sendbuf, recvbuf, count, type);
    } else {
      collectives::in_place(call, "recvbuf", recvbuf, false);
      set_side(&call.receive, kOutNames, recvbuf, count, type, 1);
    }
  } else if (call.role == Role::kPeer) {
    collectives::in_place(call, "sendbuf", sendbuf, false);
    set_side(&call.send, kInNames, sendbuf, count, type, 1);
  }
  if (call.role != Role::kNone) collectives::set_op(&call, op);
  return call;
}

Call vectors(Kind kind, const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype type, MPI_Op op,
             MPI_Comm comm) {
  Call call = collectives::begin(kind, comm);
  if (kind != Kind::kAllreduce && call.comm->inter())
    fail(MPI_ERR_COMM, "comm is an intercommunicator, which has no {}", collectives::name(kind));
  set_vectors(&call, sendbuf, recvbuf, count, type);
  collectives::set_op(&call, op);
  return call;
}

Call reduce_scatter_block(const void* sendbuf, void* recvbuf, MPI_Count recvcount, MPI_Datatype type,
                          MPI_Op op, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kReduceScatterBlock, comm);
  collectives::in_place(call, "recvbuf", recvbuf, false);
  call.in_place = collectives::in_place(call, "sendbuf", sendbuf, true);
  set_side(&call.send, call.in_place ? kOutBlock : kInBlocks, call.in_place ? recvbuf : sendbuf, recvcount,
           type, call.comm->size);
  set_side(&call.receive, kOutBlock, recvbuf, recvcount, type, 1);
  if (!call.in_place) collectives::check_alias(call);
  collectives::set_op(&call, op);
  return call;
}

Call reduce_scatter(const void* sendbuf, void* recvbuf, Counts recvcounts, MPI_Datatype type, MPI_Op op,
                    MPI_Comm comm) {
  Call call = collectives::begin(Kind::kReduceScatter, comm);
  collectives::in_place(call, "recvbuf", recvbuf, false);
  call.in_place = collectives::in_place(call, "sendbuf", sendbuf, true);
  set_side(&call.send, call.in_place ? kOutBlock : kInBlocks, call.in_place ? recvbuf : sendbuf, recvcounts,
           Counts{nullptr, false}, type, call.comm->size);
  set_side(&call.receive, kOutBlock, recvbuf, recvcounts[call.comm->rank], type, 1);
  if (!call.in_place) collectives::check_alias(call);
  collectives::set_op(&call, op);
  return call;
}

}  // namespace

TALLY_MPI_COLLECTIVE(Reduce, Ireduce, Reduce_init, reduce,
                     (const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op,
                      int root, MPI_Comm comm),
                     (sendbuf, recvbuf, count, datatype, op, root, comm))

TALLY_MPI_COLLECTIVE(Allreduce, Iallreduce, Allreduce_init, vectors,
                     (const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op,
                      MPI_Comm comm),
                     (collectives::Kind::kAllreduce, sendbuf, recvbuf, count, datatype, op, comm))

TALLY_MPI_COLLECTIVE(Scan, Iscan, Scan_init, vectors,
                     (const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op,
                      MPI_Comm comm),
                     (collectives::Kind::kScan, sendbuf, recvbuf, count, datatype, op, comm))

TALLY_MPI_COLLECTIVE(Exscan, Iexscan, Exscan_init, vectors,
                     (const void* sendbuf, void* recvbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op,
                      MPI_Comm comm),
                     (collectives::Kind::kExscan, sendbuf, recvbuf, count, datatype, op, comm))

TALLY_MPI_COLLECTIVE(Reduce_scatter_block, Ireduce_scatter_block, Reduce_scatter_block_init,
                     reduce_scatter_block,
                     (const void* sendbuf, void* recvbuf, MPI_Count recvcount, MPI_Datatype datatype,
                      MPI_Op op, MPI_Comm comm),
                     (sendbuf, recvbuf, recvcount, datatype, op, comm))

TALLY_MPI_COLLECTIVE(Reduce_scatter, Ireduce_scatter, Reduce_scatter_init, reduce_scatter,
                     (const void* sendbuf, void* recvbuf, Counts recvcounts, MPI_Datatype datatype, MPI_Op op,
                      MPI_Comm comm),
                     (sendbuf, recvbuf, recvcounts, datatype, op, comm))

}  // namespace tally::mpi
