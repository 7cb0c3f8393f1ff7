// SPDX-License-Identifier: BSD-3-Clause
// MPI_T: start and end, control variables, categories; enumerations and events, of which there are none.
#include "core/tool.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <unordered_set>

#include "core/functions.hpp"
#include "core/runtime.hpp"
#include "core/tool_variables.hpp"

namespace tally::mpi {

namespace tool {

int initialized = 0;

namespace {

std::recursive_mutex& mutex() {
  static std::recursive_mutex made;
  return made;
}

struct ControlHandle {
  const ControlVariable* variable;
};
std::unordered_set<const void*>& control_handles() {
  static std::unordered_set<const void*> made;
  return made;
}

ControlHandle& control_handle(MPI_T_cvar_handle handle) {
  if (!control_handles().contains(handle)) refuse(MPI_T_ERR_INVALID_HANDLE);
  return *reinterpret_cast<ControlHandle*>(handle);
}

void give_indices(const std::vector<int>& list, int length, int indices[]) {
  if (length < 0 || (length > 0 && indices == nullptr)) refuse(MPI_T_ERR_INVALID);
  std::copy_n(list.begin(), std::min(list.size(), static_cast<std::size_t>(length)), indices);
}

}  // namespace

Entered::Entered() : lock_(mutex()) {
  if (initialized == 0) refuse(MPI_T_ERR_NOT_INITIALIZED);
}
Entered::Entered(std::nullptr_t) : lock_(mutex()) {}

void give_text(std::string_view text, char* to, int* length) noexcept {
  if (length == nullptr) return;
  if (to != nullptr && *length > 0) {
    const std::size_t bytes = std::min(text.size(), static_cast<std::size_t>(*length) - 1);
    text.copy(to, bytes);
    to[bytes] = '\0';
  }
  *length = static_cast<int>(text.size()) + 1;
}

}  // namespace tool

using tool::at;
using tool::Entered;
using tool::give;
using tool::give_text;
using tool::refuse;

// --- start and end --------------------------------------------------------------------------------

void T_init_thread(int, int* provided) {
  const Entered entered(nullptr);
  ++tool::initialized;
  give(provided, MPI_THREAD_MULTIPLE);
}

void T_finalize() {
  const Entered entered;
  --tool::initialized;
}

// --- control variables ----------------------------------------------------------------------------

void T_cvar_get_num(int* num_cvar) {
  const Entered entered;
  give(num_cvar, tool::control_variables().size());
}

void T_cvar_get_info(int cvar_index, char* name, int* name_len, int* verbosity, MPI_Datatype* datatype,
                     MPI_T_enum* enumtype, char* desc, int* desc_len, int* bind, int* scope) {
  const Entered entered;
  const tool::ControlVariable& variable = at(tool::control_variables(), cvar_index);
  give_text(variable.name, name, name_len);
  give(verbosity, variable.verbosity);
  if (datatype != nullptr) *datatype = MPI_CHAR;
  if (enumtype != nullptr) *enumtype = MPI_T_ENUM_NULL;
  give_text(variable.description, desc, desc_len);
  give(bind, MPI_T_BIND_NO_OBJECT);
  give(scope, variable.scope);
}

void T_cvar_get_index(const char* name, int* cvar_index) {
  const Entered entered;
  give(cvar_index, tool::index_of(tool::control_variables(), name));
}

void T_cvar_handle_alloc(int cvar_index, void*, MPI_T_cvar_handle* handle, int* count) {
  const Entered entered;
  const tool::ControlVariable& variable = at(tool::control_variables(), cvar_index);
  if (handle == nullptr) refuse(MPI_T_ERR_INVALID);
  auto* const made = new tool::ControlHandle{&variable};
  tool::control_handles().insert(made);
  *handle = reinterpret_cast<MPI_T_cvar_handle>(made);
  give(count, tool::kValueBytes);
}

void T_cvar_handle_free(MPI_T_cvar_handle* handle) {
  const Entered entered;
  if (handle == nullptr) refuse(MPI_T_ERR_INVALID);
  tool::ControlHandle* const object = &tool::control_handle(*handle);
  tool::control_handles().erase(object);
  delete object;
  *handle = MPI_T_CVAR_HANDLE_NULL;
}

void T_cvar_read(MPI_T_cvar_handle handle, void* buf) {
  const Entered entered;
  const tool::ControlHandle& object = tool::control_handle(handle);
  if (buf == nullptr) refuse(MPI_T_ERR_INVALID);
  const char* const value = std::getenv(object.variable->name);
  int room = tool::kValueBytes;
  give_text(value == nullptr ? "" : value, static_cast<char*>(buf), &room);
}

void T_cvar_write(MPI_T_cvar_handle handle, const void* buf) {
  const Entered entered;
  const tool::ControlHandle& object = tool::control_handle(handle);
  if (buf == nullptr) refuse(MPI_T_ERR_INVALID);
  // They are read once, by MPI_Init.
  if (runtime.phase.load() != Runtime::Phase::kBefore) refuse(MPI_T_ERR_CVAR_SET_NOT_NOW);
  const auto* const text = static_cast<const char*>(buf);
  const std::size_t length = strnlen(text, tool::kValueBytes);
  if (length == tool::kValueBytes) refuse(MPI_T_ERR_INVALID);
  const int failed = length == 0 ? unsetenv(object.variable->name) : setenv(object.variable->name, text, 1);
  if (failed != 0) refuse(MPI_T_ERR_MEMORY);
}

// --- categories -----------------------------------------------------------------------------------

void T_category_get_num(int* num_cat) {
  const Entered entered;
  give(num_cat, tool::categories().size());
}

void T_category_get_info(int cat_index, char* name, int* name_len, char* desc, int* desc_len, int* num_cvars,
                         int* num_pvars, int* num_categories) {
  const Entered entered;
  const tool::Category& category = at(tool::categories(), cat_index);
  give_text(category.name, name, name_len);
  give_text(category.description, desc, desc_len);
  give(num_cvars, category.control.size());
  give(num_pvars, category.performance.size());
  give(num_categories, category.categories.size());
}

void T_category_get_num_events(int cat_index, int* num_events) {
  const Entered entered;
  at(tool::categories(), cat_index);
  give(num_events, 0);
}

void T_category_get_index(const char* name, int* cat_index) {
  const Entered entered;
  give(cat_index, tool::index_of(tool::categories(), name));
}

void T_category_get_cvars(int cat_index, int len, int indices[]) {
  const Entered entered;
  tool::give_indices(at(tool::categories(), cat_index).control, len, indices);
}

void T_category_get_pvars(int cat_index, int len, int indices[]) {
  const Entered entered;
  tool::give_indices(at(tool::categories(), cat_index).performance, len, indices);
}

void T_category_get_categories(int cat_index, int len, int indices[]) {
  const Entered entered;
  tool::give_indices(at(tool::categories(), cat_index).categories, len, indices);
}

void T_category_get_events(int cat_index, int, int[]) {
  const Entered entered;
  at(tool::categories(), cat_index);
}

void T_category_changed(int* update_number) {
  const Entered entered;
  give(update_number, 0);
}

// --- enumerations and events: none ----------------------------------------------------------------

void T_enum_get_info(MPI_T_enum, int*, char*, int*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID);
}
void T_enum_get_item(MPI_T_enum, int, int*, char*, int*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID);
}

void T_source_get_num(int* num_sources) {
  const Entered entered;
  give(num_sources, 0);
}
void T_source_get_info(int, char*, int*, char*, int*, MPI_T_source_order*, MPI_Count*, MPI_Count*, MPI_Info*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID_INDEX);
}
void T_source_get_timestamp(int, MPI_Count*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID_INDEX);
}

void T_event_get_num(int* num_events) {
  const Entered entered;
  give(num_events, 0);
}
void T_event_get_info(int, char*, int*, int*, MPI_Datatype[], MPI_Aint[], int*, MPI_T_enum*, MPI_Info*, char*, int*,
                      int*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID_INDEX);
}
void T_event_get_index(const char*, int*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID_NAME);
}
void T_event_handle_alloc(int, void*, MPI_Info, MPI_T_event_registration*) {
  const Entered entered;
  refuse(MPI_T_ERR_INVALID_INDEX);
}
#define TALLY_MPI_NO_EVENT(function, ...)  \
  void function(__VA_ARGS__) {             \
    const Entered entered;                 \
    refuse(MPI_T_ERR_INVALID_HANDLE);      \
  }
TALLY_MPI_NO_EVENT(T_event_handle_free, MPI_T_event_registration, void*, MPI_T_event_free_cb_function)
TALLY_MPI_NO_EVENT(T_event_handle_get_info, MPI_T_event_registration, MPI_Info*)
TALLY_MPI_NO_EVENT(T_event_handle_set_info, MPI_T_event_registration, MPI_Info)
TALLY_MPI_NO_EVENT(T_event_register_callback, MPI_T_event_registration, MPI_T_cb_safety, MPI_Info, void*,
                   MPI_T_event_cb_function)
TALLY_MPI_NO_EVENT(T_event_callback_get_info, MPI_T_event_registration, MPI_T_cb_safety, MPI_Info*)
TALLY_MPI_NO_EVENT(T_event_callback_set_info, MPI_T_event_registration, MPI_T_cb_safety, MPI_Info)
TALLY_MPI_NO_EVENT(T_event_set_dropped_handler, MPI_T_event_registration, MPI_T_event_dropped_cb_function)
TALLY_MPI_NO_EVENT(T_event_read, MPI_T_event_instance, int, void*)
TALLY_MPI_NO_EVENT(T_event_copy, MPI_T_event_instance, void*)
TALLY_MPI_NO_EVENT(T_event_get_timestamp, MPI_T_event_instance, MPI_Count*)
TALLY_MPI_NO_EVENT(T_event_get_source, MPI_T_event_instance, int*)
#undef TALLY_MPI_NO_EVENT

}  // namespace tally::mpi
