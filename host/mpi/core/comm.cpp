// SPDX-License-Identifier: BSD-3-Clause
// What communicators tell, their names and hints, and their end (MPI 5.0, 7.4).
#include "core/comm.hpp"

#include <algorithm>
#include <cstring>

#include "core/attributes.hpp"
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

void release_comm(MPI_Comm* comm) {
  check_out(comm, "comm");
  Comm& object = get_comm(*comm);
  if (object.predefined) fail(MPI_ERR_COMM, "comm is {}, which cannot be freed", object.name);
  delete_attributes(object);
  // The handle is dead from now on; operations under way keep the object.
  object.self = nullptr;
  release(&object);
  *comm = MPI_COMM_NULL;
}

}  // namespace

void Comm_size(MPI_Comm comm, int* size) {
  const Comm& object = get_comm(comm);
  check_out(size, "size");
  *size = object.size;
}

void Comm_rank(MPI_Comm comm, int* rank) {
  const Comm& object = get_comm(comm);
  check_out(rank, "rank");
  *rank = object.rank;
}

void Comm_compare(MPI_Comm comm1, MPI_Comm comm2, int* result) {
  const Comm& a = get_comm(comm1, "comm1");
  const Comm& b = get_comm(comm2, "comm2");
  check_out(result, "result");
  if (&a == &b) {
    *result = MPI_IDENT;
  } else if (a.inter() != b.inter()) {
    *result = MPI_UNEQUAL;
  } else {
    const auto congruent = [](const Group& x, const Group& y) {
      const int outcome = compare(x, y);
      return outcome == MPI_IDENT ? static_cast<int>(MPI_CONGRUENT) : outcome;
    };
    const int local = congruent(*a.members, *b.members);
    const int remote = a.inter() ? congruent(*a.remote, *b.remote) : local;
    if (local == MPI_UNEQUAL || remote == MPI_UNEQUAL) {
      *result = MPI_UNEQUAL;
    } else {
      *result = local == MPI_SIMILAR || remote == MPI_SIMILAR ? MPI_SIMILAR : MPI_CONGRUENT;
    }
  }
}

void Comm_group(MPI_Comm comm, MPI_Group* group) {
  Comm& object = get_comm(comm);
  check_out(group, "group");
  *group = handle(Ref<Group>(object.members).give());
}

void Comm_test_inter(MPI_Comm comm, int* flag) {
  const Comm& object = get_comm(comm);
  check_out(flag, "flag");
  *flag = object.inter();
}

void Comm_remote_size(MPI_Comm comm, int* size) {
  Comm& object = check_inter(get_comm(comm));
  check_out(size, "size");
  *size = object.remote->size();
}

void Comm_remote_group(MPI_Comm comm, MPI_Group* group) {
  Comm& object = check_inter(get_comm(comm));
  check_out(group, "group");
  *group = handle(Ref<Group>(object.remote).give());
}

void Comm_get_parent(MPI_Comm* parent) {
  check_out(parent, "parent");
  *parent = MPI_COMM_NULL;  // no process is spawned by others
}

// --- names and hints
// ----------------------------------------------------------------------------------------

void Comm_set_name(MPI_Comm comm, const char* comm_name) {
  Comm& object = get_comm(comm);
  check_out(comm_name, "comm_name");
  object.name.assign(comm_name, ::strnlen(comm_name, MPI_MAX_OBJECT_NAME - 1));
}

void Comm_get_name(MPI_Comm comm, char* comm_name, int* resultlen) {
  check_out(comm_name, "comm_name");
  check_out(resultlen, "resultlen");
  const std::string name = comm == MPI_COMM_NULL ? std::string("MPI_COMM_NULL") : get_comm(comm).name;
  std::memcpy(comm_name, name.c_str(), name.size() + 1);
  *resultlen = static_cast<int>(name.size());
}

void Comm_set_info(MPI_Comm comm, MPI_Info info) {
  Comm& object = get_comm(comm);
  if (info == MPI_INFO_NULL) return;
  for (const auto& [key, value] : get_info(info).entries) set_hint(&object.info, key, value);
}

void Comm_get_info(MPI_Comm comm, MPI_Info* info_used) {
  const Comm& object = get_comm(comm);
  check_out(info_used, "info_used");
  auto* made = new Info();
  made->entries = object.info;
  if (find_info(made->entries, "mpi_memory_alloc_kinds") == nullptr)
    made->entries.emplace_back("mpi_memory_alloc_kinds", kMemoryKinds);
  *info_used = handle(made);
}

// --- end
// ----------------------------------------------------------------------------------------------------

void Comm_free(MPI_Comm* comm) { release_comm(comm); }

void Comm_disconnect(MPI_Comm* comm) {
  check_out(comm, "comm");
  Comm& object = get_comm(*comm);
  if (object.predefined) fail(MPI_ERR_COMM, "comm is {}, which cannot be disconnected", object.name);
  // What is under way ends before MPI_Finalize, and keeps the communicator until then.
  release_comm(comm);
}

}  // namespace tally::mpi
