// SPDX-License-Identifier: BSD-3-Clause
// Communicators made of communicators (MPI 5.0, 7.4.2). Each function has one Task, which runs to its end or,
// in the non-blocking forms, behind a request.
#include <unistd.h>
#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

#include "core/attributes.hpp"
#include "core/comm.hpp"
#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/group.hpp"
#include "core/handles.hpp"
#include "core/info.hpp"
#include "core/request.hpp"
#include "core/runtime.hpp"
#include "core/topology.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

/// The task that makes `made` of the same processes as `old`.
Task build_same(Comm& old, Comm& made) {
  const std::uint64_t key = creation_key(old, next_creation(old));
  if (old.inter()) return build_inter(made, old.members->ranks, old.remote->ranks, local_is_low(old), key);
  return build(made, old.members->ranks, key);
}

// The program's copy functions run last: where one of them fails, the other processes still get their
// communicators.
MPI_Comm duplicate(Comm& old, const InfoEntries& info) {
  Ref<Comm> made = new_comm(&old);
  run(build_same(old, *made));
  made->info = info;
  if (old.topology != nullptr) made->topology = std::make_unique<Topology>(*old.topology);
  copy_attributes(old, *made);
  return handle(made.give());
}

InfoEntries entries_of(MPI_Info info) {
  return info == MPI_INFO_NULL ? InfoEntries() : get_info(info).entries;
}

/// Keeps the new communicator until the request has ended, also where the program has freed the request.
struct Duplication : Plan {
  explicit Duplication(Ref<Comm> of) noexcept : made(std::move(of)) {}
  Ref<Comm> made;
};

void duplicate_later(Comm& old, const InfoEntries& info, MPI_Comm* newcomm, MPI_Request* request) {
  Ref<Comm> made = new_comm(&old);
  made->info = info;
  if (old.topology != nullptr) made->topology = std::make_unique<Topology>(*old.topology);
  Request* const under_way = launch(old, build_same(old, *made), std::make_unique<Duplication>(made));
  try {
    copy_attributes(old, *made);
  } catch (...) {
    abandon(under_way);  // the other processes still get theirs
    throw;
  }
  *newcomm = handle(made.give());
  *request = handle(under_way);
}

// --- split
// --------------------------------------------------------------------------------------------------

struct Choice {
  int color;
  int key;
};

/// Of the processes with the caller's color: job ranks, by key and then by rank in the old group.
std::vector<int> chosen(const std::vector<Choice>& choices, std::size_t first, const Group& group,
                        int color) {
  std::vector<int> members;
  for (int i = 0; i < group.size(); ++i) {
    if (choices[first + static_cast<std::size_t>(i)].color == color) members.push_back(i);
  }
  std::stable_sort(members.begin(), members.end(), [&](int a, int b) {
    return choices[first + static_cast<std::size_t>(a)].key <
           choices[first + static_cast<std::size_t>(b)].key;
  });
  for (int& member : members) member = group.ranks[static_cast<std::size_t>(member)];
  return members;
}

/// *made stays empty where the caller gets MPI_COMM_NULL.
Task split(Comm& comm, int color, int key, Ref<Comm>* made) {
  const std::uint32_t creation = next_creation(comm);
  std::vector<Choice> choices(static_cast<std::size_t>(ranks_in_group(comm)));
  choices[static_cast<std::size_t>(own_rank_in_group(comm))] = {color, key};
  co_await gather_all(comm, creation_tag(creation), choices.data(), sizeof(Choice));
  if (color == MPI_UNDEFINED) co_return;
  const std::uint64_t id = creation_key(comm, creation);
  if (!comm.inter()) {
    *made = new_comm(&comm);
    std::vector<int> members = chosen(choices, 0, *comm.members, color);
    co_await build(**made, std::move(members), id);
    co_return;
  }
  const bool low = local_is_low(comm);
  const auto first_local = static_cast<std::size_t>(low ? 0 : comm.remote->size());
  const auto first_remote = static_cast<std::size_t>(low ? comm.size : 0);
  std::vector<int> local = chosen(choices, first_local, *comm.members, color);
  std::vector<int> remote = chosen(choices, first_remote, *comm.remote, color);
  if (remote.empty()) co_return;
  *made = new_comm(&comm);
  co_await build_inter(**made, std::move(local), std::move(remote), low, id);
}

MPI_Comm split_now(Comm& comm, int color, int key) {
  Ref<Comm> made;
  run(split(comm, color, key, &made));
  return handle(made.give());
}

/// A colour for each host: a hash of what the kernel calls this boot of it, and of its name (containers).
int host_color() {
  std::string identity;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> identity;
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) == 0) identity += name;
  std::uint32_t hash = 0x811c9dc5u;  // FNV-1a, 32 bits
  for (const char c : identity) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193u;
  return static_cast<int>(hash & 0x3fffffffu);
}

// Values of split_type that mean "no processes in common": above the hosts' colours, and different for each
// process.
constexpr int kAlone = 0x40000000;

/// What the info asks for by "mpi_hw_resource_type" or "mpi_pset_name": a colour; MPI_UNDEFINED where it is
/// nothing here.
int guided_color(const InfoEntries& info, int rank) {
  const std::string* resource = find_info(info, "mpi_hw_resource_type");
  if (resource != nullptr && *resource == "mpi_shared_memory") return host_color();
  const std::string* set = find_info(info, "mpi_pset_name");
  if (set != nullptr && *set == "mpi://WORLD") return 0;
  if (set != nullptr && *set == "mpi://SELF") return kAlone + rank;
  return MPI_UNDEFINED;
}

bool is_shared_type(int split_type) {
  if (split_type == MPI_COMM_TYPE_SHARED) return true;
#ifdef OMPI_COMM_TYPE_HOST
  // Processes are bound to no part of a host that one could tell them apart by.
  return split_type >= OMPI_COMM_TYPE_HWTHREAD && split_type <= OMPI_COMM_TYPE_CLUSTER;
#else
  return false;
#endif
}

// --- create
// -------------------------------------------------------------------------------------------------

/// Checks that the group's processes are in `of`.
void check_within(const Group& group, const Group& of, const char* whose) {
  for (int i = 0; i < group.size(); ++i) {
    const int job_rank = group.ranks[static_cast<std::size_t>(i)];
    if (rank_of(of, job_rank) == MPI_UNDEFINED)
      fail(MPI_ERR_GROUP, "group: its rank {} (rank {} of the job) is not in {}", i, job_rank, whose);
  }
}

/// Of an intercommunicator: each side has a group of its own.
Task create_inter(Comm& comm, const Group& group, Ref<Comm>* made) {
  const std::uint32_t creation = next_creation(comm);
  // Place in the group that this side gave.
  std::vector<int> places(static_cast<std::size_t>(ranks_in_group(comm)));
  places[static_cast<std::size_t>(own_rank_in_group(comm))] = group.rank;
  co_await gather_all(comm, creation_tag(creation), places.data(), sizeof(int));
  if (group.rank == MPI_UNDEFINED) co_return;
  std::vector<std::pair<int, int>> remote;  // place, job rank
  for (int i = 0; i < comm.remote->size(); ++i) {
    const int place = places[static_cast<std::size_t>(comm.remote_ranks[static_cast<std::size_t>(i)])];
    if (place != MPI_UNDEFINED) remote.emplace_back(place, comm.remote->ranks[static_cast<std::size_t>(i)]);
  }
  if (remote.empty()) co_return;
  std::sort(remote.begin(), remote.end());
  std::vector<int> remote_ranks;
  for (const auto& [place, job_rank] : remote) remote_ranks.push_back(job_rank);
  std::vector<int> local_ranks = group.ranks;
  *made = new_comm(&comm);
  co_await build_inter(**made, std::move(local_ranks), std::move(remote_ranks), local_is_low(comm),
                       creation_key(comm, creation));
}

}  // namespace

// --- duplicates
// ---------------------------------------------------------------------------------------------

void Comm_dup(MPI_Comm comm, MPI_Comm* newcomm) {
  Comm& old = get_comm(comm);
  check_out(newcomm, "newcomm");
  *newcomm = MPI_COMM_NULL;  // also where a copy function of the program fails
  *newcomm = duplicate(old, {});
}

void Comm_dup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm* newcomm) {
  Comm& old = get_comm(comm);
  check_out(newcomm, "newcomm");
  const auto entries = entries_of(info);
  *newcomm = MPI_COMM_NULL;
  *newcomm = duplicate(old, entries);
}

void Comm_idup(MPI_Comm comm, MPI_Comm* newcomm, MPI_Request* request) {
  Comm& old = get_comm(comm);
  check_out(newcomm, "newcomm");
  check_out(request, "request");
  duplicate_later(old, {}, newcomm, request);
}

void Comm_idup_with_info(MPI_Comm comm, MPI_Info info, MPI_Comm* newcomm, MPI_Request* request) {
  Comm& old = get_comm(comm);
  check_out(newcomm, "newcomm");
  check_out(request, "request");
  duplicate_later(old, entries_of(info), newcomm, request);
}

// --- splits
// -------------------------------------------------------------------------------------------------

void Comm_split(MPI_Comm comm, int color, int key, MPI_Comm* newcomm) {
  Comm& old = get_comm(comm);
  check_out(newcomm, "newcomm");
  if (color < 0 && color != MPI_UNDEFINED)
    fail(MPI_ERR_ARG, "color {} is negative and not MPI_UNDEFINED", color);
  *newcomm = split_now(old, color, key);
}

void Comm_split_type(MPI_Comm comm, int split_type, int key, MPI_Info info, MPI_Comm* newcomm) {
  Comm& old = check_intra(get_comm(comm));
  check_out(newcomm, "newcomm");
  const InfoEntries entries = entries_of(info);
  int color = MPI_UNDEFINED;
  if (is_shared_type(split_type) || split_type == MPI_COMM_TYPE_HW_UNGUIDED) {
    color = host_color();
  } else if (split_type == MPI_COMM_TYPE_HW_GUIDED || split_type == MPI_COMM_TYPE_RESOURCE_GUIDED) {
    color = guided_color(entries, old.rank);
  } else if (split_type != MPI_UNDEFINED) {
    fail(MPI_ERR_ARG, "split_type {} is not a type of MPI_Comm_split_type", split_type);
  }
  Ref<Comm> made;
  run(split(old, color, key, &made));
  // "Unguided" is a strict part of the communicator.
  if (split_type == MPI_COMM_TYPE_HW_UNGUIDED && made && made->size == old.size) made = Ref<Comm>();
  *newcomm = handle(made.give());
}

// --- of groups
// ----------------------------------------------------------------------------------------------

void Comm_create(MPI_Comm comm, MPI_Group group, MPI_Comm* newcomm) {
  Comm& old = get_comm(comm);
  const Group& members = get_group(group);
  check_out(newcomm, "newcomm");
  check_within(members, *old.members, old.inter() ? "the local group of comm" : "comm");
  Ref<Comm> made;
  if (old.inter()) {
    run(create_inter(old, members, &made));
  } else {
    const std::uint32_t creation = next_creation(old);
    if (members.rank != MPI_UNDEFINED) {
      made = new_comm(&old);
      run(build(*made, members.ranks, creation_key(old, creation)));
    }
  }
  *newcomm = handle(made.give());
}

void Comm_create_group(MPI_Comm comm, MPI_Group group, int tag, MPI_Comm* newcomm) {
  Comm& old = check_intra(get_comm(comm));
  const Group& members = get_group(group);
  check_out(newcomm, "newcomm");
  if (tag < 0) fail(MPI_ERR_TAG, "tag {} is out of range (0 to {})", tag, TALLY_MAX_TAG);
  check_within(members, *old.members, "comm");
  Ref<Comm> made;
  if (members.rank != MPI_UNDEFINED) {
    made = new_comm(&old);
    // Above the numbers of what all processes of comm make.
    const std::uint64_t key = creation_key(old, 0x80000000u | static_cast<std::uint32_t>(tag));
    run(build(*made, members.ranks, key));
  }
  *newcomm = handle(made.give());
}

}  // namespace tally::mpi
