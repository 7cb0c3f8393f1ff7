// SPDX-License-Identifier: BSD-3-Clause
// Performance variables of MPI_T: Tally's counters. They run all the time, so they cannot be started or stopped; a handle
// that is reset or written counts from there on, and others do not notice.
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/functions.hpp"
#include "core/runtime.hpp"
#include "core/tool.hpp"
#include "core/tool_variables.hpp"

namespace tally::mpi {

namespace {

using tool::at;
using tool::Entered;
using tool::give;
using tool::give_text;
using tool::refuse;

struct PvarHandle {
  const tool::Counter* counter;
  std::uint64_t since = 0;  ///< what is taken off the counter
};
struct PvarSession {
  std::vector<std::unique_ptr<PvarHandle>> handles;
};
std::unordered_map<const void*, std::unique_ptr<PvarSession>>& sessions() {
  static std::unordered_map<const void*, std::unique_ptr<PvarSession>> made;
  return made;
}

PvarSession& get(MPI_T_pvar_session session) {
  const auto found = sessions().find(session);
  if (found == sessions().end()) refuse(MPI_T_ERR_INVALID_SESSION);
  return *found->second;
}

std::vector<std::unique_ptr<PvarHandle>>::iterator position(PvarSession& session, MPI_T_pvar_handle handle) {
  auto at = session.handles.begin();
  while (at != session.handles.end() && static_cast<const void*>(at->get()) != static_cast<const void*>(handle)) ++at;
  if (at == session.handles.end()) refuse(MPI_T_ERR_INVALID_HANDLE);
  return at;
}
PvarHandle& get(MPI_T_pvar_session session, MPI_T_pvar_handle handle) {
  return **position(get(session), handle);
}

/// 0 before MPI_Init and after MPI_Finalize.
std::uint64_t value_of(const tool::Counter& counter) {
  tally_counters all{};
  all.size = sizeof all;
  if (runtime.endpoint == nullptr) return 0;
  check(tally_endpoint_counters(runtime.endpoint, &all));
  return all.*counter.field;
}

std::uint64_t read(const PvarHandle& handle) { return value_of(*handle.counter) - handle.since; }

void store(void* buf, std::uint64_t value) {
  if (buf == nullptr) refuse(MPI_T_ERR_INVALID);
  const unsigned long long as_program = value;
  std::memcpy(buf, &as_program, sizeof as_program);
}

}  // namespace

void T_pvar_get_num(int* num_pvar) {
  const Entered entered;
  give(num_pvar, tool::counters().size());
}

void T_pvar_get_info(int pvar_index, char* name, int* name_len, int* verbosity, int* var_class, MPI_Datatype* datatype,
                     MPI_T_enum* enumtype, char* desc, int* desc_len, int* bind, int* readonly, int* continuous,
                     int* atomic) {
  const Entered entered;
  const tool::Counter& counter = at(tool::counters(), pvar_index);
  give_text(counter.name, name, name_len);
  give(verbosity, MPI_T_VERBOSITY_USER_BASIC);
  give(var_class, MPI_T_PVAR_CLASS_COUNTER);
  if (datatype != nullptr) *datatype = MPI_UNSIGNED_LONG_LONG;
  if (enumtype != nullptr) *enumtype = MPI_T_ENUM_NULL;
  give_text(counter.description, desc, desc_len);
  give(bind, MPI_T_BIND_NO_OBJECT);
  give(readonly, 0);
  give(continuous, 1);
  give(atomic, 1);
}

void T_pvar_get_index(const char* name, int var_class, int* pvar_index) {
  const Entered entered;
  if (var_class != MPI_T_PVAR_CLASS_COUNTER) refuse(MPI_T_ERR_INVALID_NAME);
  give(pvar_index, tool::index_of(tool::counters(), name));
}

void T_pvar_session_create(MPI_T_pvar_session* session) {
  const Entered entered;
  if (session == nullptr) refuse(MPI_T_ERR_INVALID);
  auto made = std::make_unique<PvarSession>();
  PvarSession* const key = made.get();
  sessions().emplace(key, std::move(made));
  *session = reinterpret_cast<MPI_T_pvar_session>(key);
}

void T_pvar_session_free(MPI_T_pvar_session* session) {
  const Entered entered;
  if (session == nullptr) refuse(MPI_T_ERR_INVALID);
  get(*session);
  sessions().erase(*session);
  *session = MPI_T_PVAR_SESSION_NULL;
}

void T_pvar_handle_alloc(MPI_T_pvar_session session, int pvar_index, void*, MPI_T_pvar_handle* handle, int* count) {
  const Entered entered;
  PvarSession& object = get(session);
  const tool::Counter& counter = at(tool::counters(), pvar_index);
  if (handle == nullptr) refuse(MPI_T_ERR_INVALID);
  object.handles.push_back(std::make_unique<PvarHandle>(PvarHandle{&counter}));
  *handle = reinterpret_cast<MPI_T_pvar_handle>(object.handles.back().get());
  give(count, 1);
}

void T_pvar_handle_free(MPI_T_pvar_session session, MPI_T_pvar_handle* handle) {
  const Entered entered;
  if (handle == nullptr) refuse(MPI_T_ERR_INVALID);
  PvarSession& object = get(session);
  object.handles.erase(position(object, *handle));
  *handle = MPI_T_PVAR_HANDLE_NULL;
}

void T_pvar_start(MPI_T_pvar_session session, MPI_T_pvar_handle handle) {
  const Entered entered;
  PvarSession& object = get(session);
  if (handle == MPI_T_PVAR_ALL_HANDLES) return;  // those that can be started: none
  position(object, handle);
  refuse(MPI_T_ERR_PVAR_NO_STARTSTOP);
}

void T_pvar_stop(MPI_T_pvar_session session, MPI_T_pvar_handle handle) { T_pvar_start(session, handle); }

void T_pvar_read(MPI_T_pvar_session session, MPI_T_pvar_handle handle, void* buf) {
  const Entered entered;
  store(buf, read(get(session, handle)));
}

void T_pvar_write(MPI_T_pvar_session session, MPI_T_pvar_handle handle, const void* buf) {
  const Entered entered;
  PvarHandle& object = get(session, handle);
  if (buf == nullptr) refuse(MPI_T_ERR_INVALID);
  unsigned long long value = 0;
  std::memcpy(&value, buf, sizeof value);
  object.since = value_of(*object.counter) - value;
}

void T_pvar_reset(MPI_T_pvar_session session, MPI_T_pvar_handle handle) {
  const Entered entered;
  PvarSession& object = get(session);
  if (handle == MPI_T_PVAR_ALL_HANDLES) {
    for (const auto& one : object.handles) one->since = value_of(*one->counter);
    return;
  }
  PvarHandle& one = **position(object, handle);
  one.since = value_of(*one.counter);
}

void T_pvar_readreset(MPI_T_pvar_session session, MPI_T_pvar_handle handle, void* buf) {
  const Entered entered;
  PvarHandle& object = get(session, handle);
  const std::uint64_t value = read(object);
  store(buf, value);
  object.since += value;
}

}  // namespace tally::mpi
