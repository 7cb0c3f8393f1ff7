// SPDX-License-Identifier: BSD-3-Clause
// The collectives that move data (MPI 5.0, 6.3 to 6.8, 6.12, 6.13): their arguments.
#include "core/collectives/arguments.hpp"
#include "core/collectives/perform.hpp"
#include "core/error.hpp"

namespace tally::mpi {

namespace {

using collectives::Call;
using collectives::Kind;
using collectives::kReceiveNames;
using collectives::kSendNames;
using collectives::Role;
using collectives::SideNames;

/// Arrays of counts have names of their own.
constexpr SideNames kGatheredNames{"recvbuf", "recvcount", "displs", "recvtype"};
constexpr SideNames kScatteredNames{"sendbuf", "sendcount", "displs", "sendtype"};
constexpr SideNames kBcastNames{"buffer", "count", nullptr, "datatype"};

/// Both the root and the others have a block of their own.
bool has_own(const Call& call) {
  return call.role == Role::kPeer || (call.role == Role::kRoot && !call.comm->inter());
}

Call barrier(MPI_Comm comm) { return collectives::begin(Kind::kBarrier, comm); }

Call bcast(void* buffer, MPI_Count count, MPI_Datatype type, int root, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kBcast, comm);
  collectives::set_root(&call, root);
  if (call.role == Role::kNone) return call;
  collectives::in_place(call, "buffer", buffer, false);
  set_side(&call.receive, kBcastNames, buffer, count, type, 1);
  return call;
}

void set_gathered(Call* call, const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype,
                  const void* recvbuf) {
  if (call->role == Role::kRoot) collectives::in_place(*call, "recvbuf", recvbuf, false);
  if (!has_own(*call)) return;
  call->in_place = collectives::in_place(*call, "sendbuf", sendbuf, call->role == Role::kRoot);
  if (!call->in_place) set_side(&call->send, kSendNames, sendbuf, sendcount, sendtype, 1);
}

Call gather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
            MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kGather, comm);
  collectives::set_root(&call, root);
  set_gathered(&call, sendbuf, sendcount, sendtype, recvbuf);
  if (call.role == Role::kRoot)
    set_side(&call.receive, kReceiveNames, recvbuf, recvcount, recvtype, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

Call gatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
             Counts recvcounts, Counts displs, MPI_Datatype recvtype, int root, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kGatherv, comm);
  collectives::set_root(&call, root);
  set_gathered(&call, sendbuf, sendcount, sendtype, recvbuf);
  if (call.role == Role::kRoot)
    set_side(&call.receive, kGatheredNames, recvbuf, recvcounts, displs, recvtype, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

void set_scattered(Call* call, const void* sendbuf, void* recvbuf, MPI_Count recvcount,
                   MPI_Datatype recvtype) {
  if (call->role == Role::kRoot) collectives::in_place(*call, "sendbuf", sendbuf, false);
  if (!has_own(*call)) return;
  call->in_place = collectives::in_place(*call, "recvbuf", recvbuf, call->role == Role::kRoot);
  if (!call->in_place) set_side(&call->receive, kReceiveNames, recvbuf, recvcount, recvtype, 1);
}

Call scatter(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
             MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kScatter, comm);
  collectives::set_root(&call, root);
  if (call.role == Role::kRoot)
    set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, call.comm->peers());
  set_scattered(&call, sendbuf, recvbuf, recvcount, recvtype);
  collectives::check_alias(call);
  return call;
}

Call scatterv(const void* sendbuf, Counts sendcounts, Counts displs, MPI_Datatype sendtype, void* recvbuf,
              MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kScatterv, comm);
  collectives::set_root(&call, root);
  if (call.role == Role::kRoot)
    set_side(&call.send, kScatteredNames, sendbuf, sendcounts, displs, sendtype, call.comm->peers());
  set_scattered(&call, sendbuf, recvbuf, recvcount, recvtype);
  collectives::check_alias(call);
  return call;
}

/// In place is for all ranks or none; where the data then come from differs (MPI 5.0, 6.7 and 6.8).
void set_in_place(Call* call, const void* sendbuf, const void* recvbuf) {
  collectives::in_place(*call, "recvbuf", recvbuf, false);
  call->in_place = collectives::in_place(*call, "sendbuf", sendbuf, true);
}

Call allgather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
               MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kAllgather, comm);
  set_in_place(&call, sendbuf, recvbuf);
  if (!call.in_place) set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, 1);
  set_side(&call.receive, kReceiveNames, recvbuf, recvcount, recvtype, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

Call allgatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kAllgatherv, comm);
  set_in_place(&call, sendbuf, recvbuf);
  if (!call.in_place) set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, 1);
  set_side(&call.receive, kGatheredNames, recvbuf, recvcounts, displs, recvtype, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

Call alltoall(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
              MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kAlltoall, comm);
  set_in_place(&call, sendbuf, recvbuf);
  if (!call.in_place) set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, call.comm->peers());
  set_side(&call.receive, kReceiveNames, recvbuf, recvcount, recvtype, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

Call alltoallv(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype, void* recvbuf,
               Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call = collectives::begin(Kind::kAlltoallv, comm);
  set_in_place(&call, sendbuf, recvbuf);
  if (!call.in_place)
    set_side(&call.send, kSendNames, sendbuf, sendcounts, sdispls, sendtype, call.comm->peers());
  set_side(&call.receive, kReceiveNames, recvbuf, recvcounts, rdispls, recvtype, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

Call alltoallw(const void* sendbuf, Counts sendcounts, Counts sdispls, const MPI_Datatype* sendtypes,
               void* recvbuf, Counts recvcounts, Counts rdispls, const MPI_Datatype* recvtypes,
               MPI_Comm comm) {
  Call call = collectives::begin(Kind::kAlltoallw, comm);
  set_in_place(&call, sendbuf, recvbuf);
  if (!call.in_place)
    set_side(&call.send, kSendNames, sendbuf, sendcounts, sdispls, sendtypes, call.comm->peers());
  set_side(&call.receive, kReceiveNames, recvbuf, recvcounts, rdispls, recvtypes, call.comm->peers());
  collectives::check_alias(call);
  return call;
}

}  // namespace

TALLY_MPI_COLLECTIVE(Barrier, Ibarrier, Barrier_init, barrier, (MPI_Comm comm), (comm))

TALLY_MPI_COLLECTIVE(Bcast, Ibcast, Bcast_init, bcast,
                     (void* buffer, MPI_Count count, MPI_Datatype datatype, int root, MPI_Comm comm),
                     (buffer, count, datatype, root, comm))

TALLY_MPI_COLLECTIVE(Gather, Igather, Gather_init, gather,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, comm))

TALLY_MPI_COLLECTIVE(Gatherv, Igatherv, Gatherv_init, gatherv,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      Counts recvcounts, Counts displs, MPI_Datatype recvtype, int root, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcounts, displs, recvtype, root, comm))

TALLY_MPI_COLLECTIVE(Scatter, Iscatter, Scatter_init, scatter,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, comm))

TALLY_MPI_COLLECTIVE(Scatterv, Iscatterv, Scatterv_init, scatterv,
                     (const void* sendbuf, Counts sendcounts, Counts displs, MPI_Datatype sendtype,
                      void* recvbuf, MPI_Count recvcount, MPI_Datatype recvtype, int root, MPI_Comm comm),
                     (sendbuf, sendcounts, displs, sendtype, recvbuf, recvcount, recvtype, root, comm))

TALLY_MPI_COLLECTIVE(Allgather, Iallgather, Allgather_init, allgather,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm))

TALLY_MPI_COLLECTIVE(Allgatherv, Iallgatherv, Allgatherv_init, allgatherv,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcounts, displs, recvtype, comm))

TALLY_MPI_COLLECTIVE(Alltoall, Ialltoall, Alltoall_init, alltoall,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm))

TALLY_MPI_COLLECTIVE(Alltoallv, Ialltoallv, Alltoallv_init, alltoallv,
                     (const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype,
                      void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcounts, sdispls, sendtype, recvbuf, recvcounts, rdispls, recvtype, comm))

TALLY_MPI_COLLECTIVE(Alltoallw, Ialltoallw, Alltoallw_init, alltoallw,
                     (const void* sendbuf, Counts sendcounts, Counts sdispls, const MPI_Datatype* sendtypes,
                      void* recvbuf, Counts recvcounts, Counts rdispls, const MPI_Datatype* recvtypes,
                      MPI_Comm comm),
                     (sendbuf, sendcounts, sdispls, sendtypes, recvbuf, recvcounts, rdispls, recvtypes, comm))

}  // namespace tally::mpi
