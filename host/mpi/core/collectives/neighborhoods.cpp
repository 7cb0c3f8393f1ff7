// SPDX-License-Identifier: BSD-3-Clause
// Neighbourhood collectives (MPI 5.0, 8.6 to 8.8): arguments and messages.
#include <vector>

#include "core/collectives/arguments.hpp"
#include "core/collectives/exchange.hpp"
#include "core/collectives/perform.hpp"
#include "core/collectives/tasks.hpp"
#include "core/error.hpp"
#include "core/topology.hpp"

namespace tally::mpi {

namespace collectives {

// Between two ranks the messages of one call are told apart by their order. Along a dimension of a Cartesian
// topology the two directions are told apart too: with two processes in a ring, what goes down arrives from
// above (MPI 5.0, 8.6).
Task exchange_with_neighbors(const Call& call) {
  const Comm& comm = *call.comm;
  const int tag = call.tag;
  const Topology& neighbors = topology_of(comm);
  const bool directions = neighbors.type == Topology::Type::kCartesian;
  Exchange exchange(comm.internal, tag);
  for (int i = 0; i < call.receive.blocks; ++i) {
    const int from = neighbors.sources[static_cast<std::size_t>(i)];
    if (from == MPI_PROC_NULL || call.receive.count_of(i) == 0) continue;
    const Block block = call.receive.block(i);
    if (block.bytes() != 0) exchange.receive(block, from, directions ? 1 - i % 2 : 0);
  }
  for (std::size_t i = 0; i < neighbors.destinations.size(); ++i) {
    const int index = call.send.blocks == 1 ? 0 : static_cast<int>(i);
    if (neighbors.destinations[i] == MPI_PROC_NULL || call.send.count_of(index) == 0) continue;
    const Block block = call.send.block(index);
    if (block.bytes() != 0)
      exchange.send(block, neighbors.destinations[i], directions ? static_cast<int>(i % 2) : 0);
  }
  co_await exchange.all();
  exchange.finish();
}

}  // namespace collectives

namespace {

using collectives::Call;
using collectives::in_place;
using collectives::Kind;
using collectives::kReceiveNames;
using collectives::kSendNames;
using collectives::SideNames;

constexpr SideNames kGatheredNames{"recvbuf", "recvcount", "displs", "recvtype"};

struct Degrees {
  int in;
  int out;
};
/// MPI_ERR_TOPOLOGY where the communicator has no topology.
Degrees begin_with_neighbors(Call* call, Kind kind, MPI_Comm comm, const void* sendbuf, const void* recvbuf) {
  *call = collectives::begin(kind, comm);
  const Topology& neighbors = topology_of(*call->comm);
  in_place(*call, "sendbuf", sendbuf, false);
  in_place(*call, "recvbuf", recvbuf, false);
  return {static_cast<int>(neighbors.sources.size()), static_cast<int>(neighbors.destinations.size())};
}

Call neighbor_allgather(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                        MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call;
  const Degrees degrees = begin_with_neighbors(&call, Kind::kNeighborAllgather, comm, sendbuf, recvbuf);
  set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, 1);
  set_side(&call.receive, kReceiveNames, recvbuf, recvcount, recvtype, degrees.in);
  check_alias(call);
  return call;
}

Call neighbor_allgatherv(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                         Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call;
  const Degrees degrees = begin_with_neighbors(&call, Kind::kNeighborAllgatherv, comm, sendbuf, recvbuf);
  set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, 1);
  set_side(&call.receive, kGatheredNames, recvbuf, recvcounts, displs, recvtype, degrees.in);
  check_alias(call);
  return call;
}

Call neighbor_alltoall(const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                       MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm) {
  Call call;
  const Degrees degrees = begin_with_neighbors(&call, Kind::kNeighborAlltoall, comm, sendbuf, recvbuf);
  set_side(&call.send, kSendNames, sendbuf, sendcount, sendtype, degrees.out);
  set_side(&call.receive, kReceiveNames, recvbuf, recvcount, recvtype, degrees.in);
  check_alias(call);
  return call;
}

Call neighbor_alltoallv(const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype,
                        void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype,
                        MPI_Comm comm) {
  Call call;
  const Degrees degrees = begin_with_neighbors(&call, Kind::kNeighborAlltoallv, comm, sendbuf, recvbuf);
  set_side(&call.send, kSendNames, sendbuf, sendcounts, sdispls, sendtype, degrees.out);
  set_side(&call.receive, kReceiveNames, recvbuf, recvcounts, rdispls, recvtype, degrees.in);
  check_alias(call);
  return call;
}

Call neighbor_alltoallw(const void* sendbuf, Counts sendcounts, const MPI_Aint* sdispls,
                        const MPI_Datatype* sendtypes, void* recvbuf, Counts recvcounts,
                        const MPI_Aint* rdispls, const MPI_Datatype* recvtypes, MPI_Comm comm) {
  Call call;
  const Degrees degrees = begin_with_neighbors(&call, Kind::kNeighborAlltoallw, comm, sendbuf, recvbuf);
  set_side(&call.send, kSendNames, sendbuf, sendcounts, Counts{sdispls, true}, sendtypes, degrees.out);
  set_side(&call.receive, kReceiveNames, recvbuf, recvcounts, Counts{rdispls, true}, recvtypes, degrees.in);
  check_alias(call);
  return call;
}

}  // namespace

TALLY_MPI_COLLECTIVE(Neighbor_allgather, Ineighbor_allgather, Neighbor_allgather_init, neighbor_allgather,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm))

TALLY_MPI_COLLECTIVE(Neighbor_allgatherv, Ineighbor_allgatherv, Neighbor_allgatherv_init, neighbor_allgatherv,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      Counts recvcounts, Counts displs, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcounts, displs, recvtype, comm))

TALLY_MPI_COLLECTIVE(Neighbor_alltoall, Ineighbor_alltoall, Neighbor_alltoall_init, neighbor_alltoall,
                     (const void* sendbuf, MPI_Count sendcount, MPI_Datatype sendtype, void* recvbuf,
                      MPI_Count recvcount, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, comm))

TALLY_MPI_COLLECTIVE(Neighbor_alltoallv, Ineighbor_alltoallv, Neighbor_alltoallv_init, neighbor_alltoallv,
                     (const void* sendbuf, Counts sendcounts, Counts sdispls, MPI_Datatype sendtype,
                      void* recvbuf, Counts recvcounts, Counts rdispls, MPI_Datatype recvtype, MPI_Comm comm),
                     (sendbuf, sendcounts, sdispls, sendtype, recvbuf, recvcounts, rdispls, recvtype, comm))

TALLY_MPI_COLLECTIVE(Neighbor_alltoallw, Ineighbor_alltoallw, Neighbor_alltoallw_init, neighbor_alltoallw,
                     (const void* sendbuf, Counts sendcounts, const MPI_Aint* sdispls,
                      const MPI_Datatype* sendtypes, void* recvbuf, Counts recvcounts,
                      const MPI_Aint* rdispls, const MPI_Datatype* recvtypes, MPI_Comm comm),
                     (sendbuf, sendcounts, sdispls, sendtypes, recvbuf, recvcounts, rdispls, recvtypes, comm))

}  // namespace tally::mpi
