// SPDX-License-Identifier: BSD-3-Clause
// Communicators, groups, datatypes, operations, error handlers and info objects of the core.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mpi_api.h"

#include "core/object.hpp"
#include "mpi/datatype/datatype.hpp"
#include "mpi/datatype/reduction.hpp"
#include "tally/tally.h"

namespace tally::mpi {

/// Cached attributes in the order they were set (they are deleted in the reverse order). keyvals: attributes.hpp.
struct Attributes {
  struct Entry {
    int keyval;
    void* value;
  };
  std::vector<Entry> entries;
};

struct Errhandler : Object {
  enum class Does : std::uint8_t { kAbort, kReturn, kFatal, kCall };
  explicit Errhandler(Does what, bool is_predefined = false) noexcept
      : Object(Kind::kErrhandler, is_predefined), does(what) {}
  Does does;
  MPI_Comm_errhandler_function* comm_function = nullptr;  ///< kCall
  /// Made for windows, files or sessions: can be made and freed, and is called for sessions.
  void (*other_function)() = nullptr;
};

struct Info : Object {
  explicit Info(bool is_predefined = false) noexcept : Object(Kind::kInfo, is_predefined) {}
  std::vector<std::pair<std::string, std::string>> entries;  ///< in the order they were set
};

/// Where a session keeps the buffer of MPI_Session_attach_buffer, for what is made of the session.
using SessionBuffer = std::shared_ptr<class SendBuffer>;

/// An ordered set of processes, by their rank in the job. The empty group has none.
struct Group : Object {
  explicit Group(std::vector<int> job_ranks, bool is_predefined = false)
      : Object(Kind::kGroup, is_predefined), ranks(std::move(job_ranks)) {}
  [[nodiscard]] int size() const noexcept { return static_cast<int>(ranks.size()); }
  std::vector<int> ranks;
  int rank = MPI_UNDEFINED;  ///< of the calling process
  std::shared_ptr<SessionBuffer> session_buffer;  ///< of the session that it comes from; null: of none
};

struct Topology;  ///< topology.hpp: Cartesian, graph or distributed graph

struct Comm : Object {
  explicit Comm(bool is_predefined = false) noexcept;
  ~Comm();

  int rank = 0;
  int size = 0;
  tally_group* group = nullptr;     ///< messages and collectives of the program; nullptr: all ranks of the job
  tally_group* internal = nullptr;  ///< messages of the library: channel 1 of `group`
  Ref<Group> members;               ///< the processes; intercommunicator: those of the local group

  // Intercommunicators. `group` holds both groups' ranks; a remote rank r is rank remote_ranks[r] of it.
  Ref<Group> remote;                   ///< null in an intracommunicator
  std::vector<int> remote_ranks;
  std::vector<int> from_group;         ///< rank in `group` -> remote rank; MPI_UNDEFINED for local ones
  Ref<Comm> local;                     ///< intracommunicator of the local group, the library's own

  Ref<Errhandler> errhandler;
  Attributes attributes;
  std::unique_ptr<Topology> topology;  ///< null: none
  std::string name;
  std::vector<std::pair<std::string, std::string>> info;
  std::shared_ptr<class SendBuffer> send_buffer;  ///< MPI_Comm_attach_buffer
  std::shared_ptr<SessionBuffer> session_buffer;  ///< as of its group
  std::uint32_t next_internal_tag = 0;  ///< of the library's next collective on `internal`
  std::uint32_t next_creation = 0;      ///< of what is made over it next (comm.hpp)

  [[nodiscard]] bool inter() const noexcept { return static_cast<bool>(remote); }
  /// Processes that messages can go to: the remote ones of an intercommunicator.
  [[nodiscard]] int peers() const noexcept { return inter() ? remote->size() : size; }
  /// Rank in `group` of the peer.
  [[nodiscard]] int peer(int rank_of_peer) const noexcept {
    return inter() ? remote_ranks[static_cast<std::size_t>(rank_of_peer)] : rank_of_peer;
  }
};

struct Datatype : Object {
  explicit Datatype(datatype::Ref of, bool is_predefined = false)
      : Object(Kind::kDatatype, is_predefined), type(std::move(of)) {}
  datatype::Ref type;
  bool committed = false;
  Attributes attributes;
  std::string name;
};

struct Op : Object {
  explicit Op(bool is_predefined) noexcept : Object(Kind::kOp, is_predefined) {}
  bool commutative = true;
  std::optional<datatype::Op> reduction;         ///< predefined: SUM, ...
  MPI_User_function* function = nullptr;         ///< of the program
  MPI_User_function_c* function_c = nullptr;     ///< of the program, with large counts
};

/// A message that mprobe took out of the queue.
struct Message : Object {
  explicit Message(bool is_predefined = false) noexcept : Object(Kind::kMessage, is_predefined) {}
  tally_message* claimed = nullptr;  ///< nullptr: MPI_MESSAGE_NO_PROC
  Ref<Comm> comm;
  int source = MPI_PROC_NULL;
  int tag = MPI_ANY_TAG;
  std::uint64_t length = 0;
};

}  // namespace tally::mpi
