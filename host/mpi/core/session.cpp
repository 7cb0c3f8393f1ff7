// SPDX-License-Identifier: BSD-3-Clause
// Sessions (MPI 5.0, 11.3): other ways to open the library than MPI_Init. Process sets are mpi://WORLD and
// mpi://SELF.
#include "core/session.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include "core/comm.hpp"
#include "core/environment.hpp"
#include "core/errors.hpp"
#include "core/functions.hpp"
#include "core/group.hpp"
#include "core/handles.hpp"
#include "core/request.hpp"
#include "core/runtime.hpp"

namespace tally::mpi {
namespace {

bool used = false;

constexpr std::string_view kSets[] = {"mpi://WORLD", "mpi://SELF"};

struct LevelName {
  int level;
  const char* name;
};
constexpr LevelName kLevels[] = {
    {MPI_THREAD_SINGLE, "MPI_THREAD_SINGLE"},
    {MPI_THREAD_FUNNELED, "MPI_THREAD_FUNNELED"},
    {MPI_THREAD_SERIALIZED, "MPI_THREAD_SERIALIZED"},
    {MPI_THREAD_MULTIPLE, "MPI_THREAD_MULTIPLE"},
};

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

Session& get(MPI_Session session) { return get_session<Session>(session); }

std::vector<int> ranks_of_set(const char* pset_name) {
  check_out(pset_name, "pset_name");
  if (pset_name == kSets[0]) {
    std::vector<int> all(static_cast<std::size_t>(runtime.job_size));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  if (pset_name == kSets[1]) return {runtime.job_rank};
  fail(MPI_ERR_ARG, "pset_name '{}' is not a process set: there are mpi://WORLD and mpi://SELF", pset_name);
}

}  // namespace

bool uses_sessions() noexcept { return used; }

void Session_init(MPI_Info info, MPI_Errhandler errhandler, MPI_Session* session) {
  check_out(session, "session");
  Errhandler& errors = get_errhandler(errhandler);
  const InfoEntries hints = info == MPI_INFO_NULL ? InfoEntries() : get_info(info).entries;
  int level = MPI_THREAD_SINGLE;
  if (const std::string* wanted = find_info(hints, "thread_level")) {
    for (const LevelName& known : kLevels) {
      if (*wanted == known.name) level = known.level;
    }
  }
  level = open_library(level);
  Ref<Session> made(new Session());
  made->errhandler = Ref<Errhandler>::share(&errors);
  for (const LevelName& known : kLevels) {
    if (known.level == level) made->info.emplace_back("thread_level", known.name);
  }
  made->info.emplace_back("mpi_memory_alloc_kinds", kMemoryKinds);
  used = true;
  *session = handle(made.give());
}

void Session_finalize(MPI_Session* session) {
  check_out(session, "session");
  release(&get(*session));
  *session = MPI_SESSION_NULL;
}

void Session_get_info(MPI_Session session, MPI_Info* info_used) {
  const Session& object = get(session);
  check_out(info_used, "info_used");
  auto* made = new Info();
  made->entries = object.info;
  *info_used = handle(made);
}

void Session_get_num_psets(MPI_Session session, MPI_Info info, int* npset_names) {
  get(session);
  if (info != MPI_INFO_NULL) get_info(info);
  check_out(npset_names, "npset_names");
  *npset_names = static_cast<int>(std::size(kSets));
}

void Session_get_nth_pset(MPI_Session session, MPI_Info info, int n, int* pset_len, char* pset_name) {
  get(session);
  if (info != MPI_INFO_NULL) get_info(info);
  check_out(pset_len, "pset_len");
  if (n < 0 || static_cast<std::size_t>(n) >= std::size(kSets))
    fail(MPI_ERR_ARG, "n {} is out of range (0 to {})", n, std::size(kSets) - 1);
  const std::string_view name = kSets[n];
  if (*pset_len > 0) {
    check_out(pset_name, "pset_name");
    const std::size_t length = std::min(name.size(), static_cast<std::size_t>(*pset_len) - 1);
    std::memcpy(pset_name, name.data(), length);
    pset_name[length] = '\0';
  }
  *pset_len = static_cast<int>(name.size() + 1);
}

void Session_get_pset_info(MPI_Session session, const char* pset_name, MPI_Info* info) {
  get(session);
  check_out(info, "info");
  const std::size_t size = ranks_of_set(pset_name).size();
  auto* made = new Info();
  made->entries.emplace_back("mpi_size", std::to_string(size));
  *info = handle(made);
}

void Session_create_errhandler(MPI_Session_errhandler_function* session_errhandler_fn,
                               MPI_Errhandler* errhandler) {
  if (session_errhandler_fn == nullptr) fail(MPI_ERR_ARG, "session_errhandler_fn is NULL");
  check_out(errhandler, "errhandler");
  auto* made = new Errhandler(Errhandler::Does::kCall);
  made->other_function = reinterpret_cast<void (*)()>(session_errhandler_fn);
  *errhandler = handle(made);
}

void Session_set_errhandler(MPI_Session session, MPI_Errhandler errhandler) {
  Session& object = get(session);
  object.errhandler = Ref<Errhandler>::share(&get_errhandler(errhandler));
}

void Session_get_errhandler(MPI_Session session, MPI_Errhandler* errhandler) {
  Session& object = get(session);
  check_out(errhandler, "errhandler");
  *errhandler = handle(retain(object.errhandler.get()));
}

void Session_call_errhandler(MPI_Session session, int errorcode) {
  Session& object = get(session);
  int error_class = MPI_SUCCESS;
  Error_class(errorcode, &error_class);
  MPI_Session address = session;
  raise_by(object.errhandler.get(), &address, "MPI_Session_call_errhandler",
           Error{errorcode, "called by the program", {}});
}

void Group_from_session_pset(MPI_Session session, const char* pset_name, MPI_Group* newgroup) {
  const Session& of = get(session);
  check_out(newgroup, "newgroup");
  *newgroup = handle(make_group(ranks_of_set(pset_name), of.buffer).give());
}

void Comm_create_from_group(MPI_Group group, const char* stringtag, MPI_Info info, MPI_Errhandler errhandler,
                            MPI_Comm* newcomm) {
  const Group& members = get_group(group);
  check_out(stringtag, "stringtag");
  check_out(newcomm, "newcomm");
  Errhandler& errors = get_errhandler(errhandler);
  const InfoEntries hints = info == MPI_INFO_NULL ? InfoEntries() : get_info(info).entries;
  if (members.size() == 0) {
    *newcomm = MPI_COMM_NULL;
    return;
  }
  if (members.rank == MPI_UNDEFINED) fail(MPI_ERR_GROUP, "group does not hold the calling process");
  Ref<Comm> made = new_comm(nullptr);
  made->errhandler = Ref<Errhandler>::share(&errors);
  made->info = hints;
  made->session_buffer = members.session_buffer;
  run(build(*made, members.ranks, creation_key(stringtag)));
  *newcomm = handle(made.give());
}

}  // namespace tally::mpi
