// SPDX-License-Identifier: BSD-3-Clause
// One collective call, checked: what MPI_X, MPI_Ix and MPI_X_init have in common.
//
// The functions of intracommunicators.cpp, reductions.cpp and neighborhoods.cpp make a Call of their
// arguments; perform.hpp carries it out in one of three forms. A Call borrows all: the arrays and handles of
// the program, which stay as they are until the operation is over (MPI 5.0, 6.12 and 6.13).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/functions.hpp"
#include "core/objects.hpp"

namespace tally::mpi::collectives {

enum class Kind : std::uint8_t {
  kBarrier,
  kBcast,
  kGather,
  kGatherv,
  kScatter,
  kScatterv,
  kAllgather,
  kAllgatherv,
  kAlltoall,
  kAlltoallv,
  kAlltoallw,
  kReduce,
  kAllreduce,
  kReduceScatterBlock,
  kReduceScatter,
  kScan,
  kExscan,
  kNeighborAllgather,
  kNeighborAllgatherv,
  kNeighborAlltoall,
  kNeighborAlltoallv,
  kNeighborAlltoallw,
};
/// "MPI_Barrier".
[[nodiscard]] const char* name(Kind kind) noexcept;

/// Elements that go to one rank or come from one.
struct Block {
  std::byte* address;  ///< as MPI gives it: the datatype's displacements are added
  MPI_Count count;
  Datatype* type;
  [[nodiscard]] std::size_t bytes() const noexcept;
};

/// The buffer of a call that is sent from, or received into.
struct Side {
  std::byte* buffer = nullptr;
  int blocks = 0;  ///< 0: not significant at this rank, or in place; 1 or as many as there are peers
  MPI_Count count = 0;
  Datatype* type = nullptr;
  bool varying = false;  ///< the arrays hold for each block what `count` holds for all
  Counts counts{nullptr, false};
  Counts displacements{nullptr,
                       false};  ///< in extents of `type`; with `types` in bytes. Null: one behind the other
  const MPI_Datatype* types = nullptr;

  [[nodiscard]] Block block(int index) const;
  [[nodiscard]] MPI_Count count_of(int index) const noexcept;
};

/// What this rank is in a call.
enum class Role : std::uint8_t {
  kAll,  ///< the call has no root
  kRoot,
  kPeer,  ///< sends to the root, or receives from it
  kNone,  ///< of the root's group of an intercommunicator, and not the root
};

/// How it was called.
enum class Form : std::uint8_t { kBlocking, kStarted, kPersistent };

struct Call {
  Kind kind = Kind::kBarrier;
  Role role = Role::kAll;
  bool in_place = false;  ///< the data to be sent are in the buffer of the other side
  int root = 0;  ///< intracommunicator: rank of the root; intercommunicator: rank in the remote group, of use
                 ///< to kPeer
  int tag = 0;   ///< of the call's messages (take_tag()), set where it begins
  Comm* comm = nullptr;
  tally_group* group = nullptr;  ///< of a persistent request's collective on the engine; null: that of `comm`
  Op* op = nullptr;
  Side send;
  Side receive;

  [[nodiscard]] bool reduces() const noexcept { return op != nullptr; }
};

}  // namespace tally::mpi::collectives
