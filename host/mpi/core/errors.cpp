// SPDX-License-Identifier: BSD-3-Clause
#include "core/errors.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/functions.hpp"
#include "core/runtime.hpp"
#include "tally/tally.h"

namespace tally::mpi {
namespace {

struct ClassText {
  int value;
  const char* text;
};

// Open MPI's ABI has fewer of them.
constexpr ClassText kClasses[] = {
    {MPI_SUCCESS, "MPI_SUCCESS: no error"},
    {MPI_ERR_BUFFER, "MPI_ERR_BUFFER: invalid buffer pointer"},
    {MPI_ERR_COUNT, "MPI_ERR_COUNT: invalid count argument"},
    {MPI_ERR_TYPE, "MPI_ERR_TYPE: invalid datatype"},
    {MPI_ERR_TAG, "MPI_ERR_TAG: invalid tag"},
    {MPI_ERR_COMM, "MPI_ERR_COMM: invalid communicator"},
    {MPI_ERR_RANK, "MPI_ERR_RANK: invalid rank"},
    {MPI_ERR_REQUEST, "MPI_ERR_REQUEST: invalid request"},
    {MPI_ERR_ROOT, "MPI_ERR_ROOT: invalid root"},
    {MPI_ERR_GROUP, "MPI_ERR_GROUP: invalid group"},
    {MPI_ERR_OP, "MPI_ERR_OP: invalid reduce operation"},
    {MPI_ERR_TOPOLOGY, "MPI_ERR_TOPOLOGY: invalid communicator topology"},
    {MPI_ERR_DIMS, "MPI_ERR_DIMS: invalid topology dimension"},
    {MPI_ERR_ARG, "MPI_ERR_ARG: invalid argument of some other kind"},
    {MPI_ERR_UNKNOWN, "MPI_ERR_UNKNOWN: unknown error"},
    {MPI_ERR_TRUNCATE, "MPI_ERR_TRUNCATE: message truncated"},
    {MPI_ERR_OTHER, "MPI_ERR_OTHER: known error not in list"},
    {MPI_ERR_INTERN, "MPI_ERR_INTERN: internal error"},
    {MPI_ERR_IN_STATUS, "MPI_ERR_IN_STATUS: error code in status"},
    {MPI_ERR_PENDING, "MPI_ERR_PENDING: pending request"},
    {MPI_ERR_ACCESS, "MPI_ERR_ACCESS: permission denied"},
    {MPI_ERR_AMODE, "MPI_ERR_AMODE: invalid access mode"},
    {MPI_ERR_ASSERT, "MPI_ERR_ASSERT: invalid assertion argument"},
    {MPI_ERR_BAD_FILE, "MPI_ERR_BAD_FILE: invalid file name"},
    {MPI_ERR_BASE, "MPI_ERR_BASE: invalid base address"},
    {MPI_ERR_CONVERSION, "MPI_ERR_CONVERSION: error in a data conversion function"},
    {MPI_ERR_DISP, "MPI_ERR_DISP: invalid displacement"},
    {MPI_ERR_DUP_DATAREP, "MPI_ERR_DUP_DATAREP: data representation already defined"},
    {MPI_ERR_FILE_EXISTS, "MPI_ERR_FILE_EXISTS: file exists"},
    {MPI_ERR_FILE_IN_USE, "MPI_ERR_FILE_IN_USE: file is in use"},
    {MPI_ERR_FILE, "MPI_ERR_FILE: invalid file handle"},
    {MPI_ERR_INFO_KEY, "MPI_ERR_INFO_KEY: invalid info key"},
    {MPI_ERR_INFO_NOKEY, "MPI_ERR_INFO_NOKEY: unknown info key"},
    {MPI_ERR_INFO_VALUE, "MPI_ERR_INFO_VALUE: invalid info value"},
    {MPI_ERR_INFO, "MPI_ERR_INFO: invalid info object"},
    {MPI_ERR_IO, "MPI_ERR_IO: input/output error"},
    {MPI_ERR_KEYVAL, "MPI_ERR_KEYVAL: invalid attribute key"},
    {MPI_ERR_LOCKTYPE, "MPI_ERR_LOCKTYPE: invalid lock type"},
    {MPI_ERR_NAME, "MPI_ERR_NAME: invalid service name"},
    {MPI_ERR_NO_MEM, "MPI_ERR_NO_MEM: out of memory"},
    {MPI_ERR_NOT_SAME, "MPI_ERR_NOT_SAME: arguments differ between processes"},
    {MPI_ERR_NO_SPACE, "MPI_ERR_NO_SPACE: not enough space"},
    {MPI_ERR_NO_SUCH_FILE, "MPI_ERR_NO_SUCH_FILE: no such file or directory"},
    {MPI_ERR_PORT, "MPI_ERR_PORT: invalid port name"},
    {MPI_ERR_QUOTA, "MPI_ERR_QUOTA: quota exceeded"},
    {MPI_ERR_READ_ONLY, "MPI_ERR_READ_ONLY: read-only file or file system"},
    {MPI_ERR_RMA_CONFLICT, "MPI_ERR_RMA_CONFLICT: conflicting accesses to a window"},
    {MPI_ERR_RMA_SYNC, "MPI_ERR_RMA_SYNC: wrong synchronization of a window"},
    {MPI_ERR_SERVICE, "MPI_ERR_SERVICE: unknown service name"},
    {MPI_ERR_SIZE, "MPI_ERR_SIZE: invalid size"},
    {MPI_ERR_SPAWN, "MPI_ERR_SPAWN: could not spawn processes"},
    {MPI_ERR_UNSUPPORTED_DATAREP, "MPI_ERR_UNSUPPORTED_DATAREP: data representation not supported"},
    {MPI_ERR_UNSUPPORTED_OPERATION, "MPI_ERR_UNSUPPORTED_OPERATION: operation not supported"},
    {MPI_ERR_WIN, "MPI_ERR_WIN: invalid window"},
    {MPI_ERR_RMA_RANGE, "MPI_ERR_RMA_RANGE: memory is not within the window"},
    {MPI_ERR_RMA_ATTACH, "MPI_ERR_RMA_ATTACH: memory cannot be attached"},
    {MPI_ERR_RMA_FLAVOR, "MPI_ERR_RMA_FLAVOR: wrong flavour of window"},
    {MPI_ERR_RMA_SHARED, "MPI_ERR_RMA_SHARED: memory cannot be shared"},
    {MPI_T_ERR_MEMORY, "MPI_T_ERR_MEMORY: out of memory"},
    {MPI_T_ERR_NOT_INITIALIZED, "MPI_T_ERR_NOT_INITIALIZED: the tool interface is not initialized"},
    {MPI_T_ERR_CANNOT_INIT, "MPI_T_ERR_CANNOT_INIT: the tool interface cannot be initialized"},
    {MPI_T_ERR_INVALID_INDEX, "MPI_T_ERR_INVALID_INDEX: invalid index"},
    {MPI_T_ERR_INVALID_ITEM, "MPI_T_ERR_INVALID_ITEM: invalid item"},
    {MPI_T_ERR_INVALID_HANDLE, "MPI_T_ERR_INVALID_HANDLE: invalid handle"},
    {MPI_T_ERR_OUT_OF_HANDLES, "MPI_T_ERR_OUT_OF_HANDLES: no more handles"},
    {MPI_T_ERR_OUT_OF_SESSIONS, "MPI_T_ERR_OUT_OF_SESSIONS: no more sessions"},
    {MPI_T_ERR_INVALID_SESSION, "MPI_T_ERR_INVALID_SESSION: invalid session"},
    {MPI_T_ERR_CVAR_SET_NOT_NOW, "MPI_T_ERR_CVAR_SET_NOT_NOW: variable cannot be set now"},
    {MPI_T_ERR_CVAR_SET_NEVER, "MPI_T_ERR_CVAR_SET_NEVER: variable cannot be set"},
    {MPI_T_ERR_PVAR_NO_STARTSTOP, "MPI_T_ERR_PVAR_NO_STARTSTOP: variable cannot be started or stopped"},
    {MPI_T_ERR_PVAR_NO_WRITE, "MPI_T_ERR_PVAR_NO_WRITE: variable cannot be written"},
    {MPI_T_ERR_PVAR_NO_ATOMIC, "MPI_T_ERR_PVAR_NO_ATOMIC: variable cannot be read and written at once"},
    {MPI_T_ERR_INVALID, "MPI_T_ERR_INVALID: invalid use of the tool interface"},
    {MPI_T_ERR_INVALID_NAME, "MPI_T_ERR_INVALID_NAME: unknown name"},
    {MPI_T_ERR_NOT_ACCESSIBLE, "MPI_T_ERR_NOT_ACCESSIBLE: not accessible"},
    {MPI_T_ERR_NOT_SUPPORTED, "MPI_T_ERR_NOT_SUPPORTED: not supported"},
    {MPI_ERR_PROC_ABORTED, "MPI_ERR_PROC_ABORTED: a peer process has aborted"},
    {MPI_ERR_VALUE_TOO_LARGE, "MPI_ERR_VALUE_TOO_LARGE: value is too large to store"},
    {MPI_ERR_SESSION, "MPI_ERR_SESSION: invalid session"},
    {MPI_ERR_ERRHANDLER, "MPI_ERR_ERRHANDLER: invalid error handler"},
    {MPI_ERR_ABI, "MPI_ERR_ABI: the ABI does not allow this"},
};

/// Classes and codes of the program.
struct Added {
  int error_class;  ///< of a class: itself
  std::string text;
};
struct Table {
  std::mutex mutex;
  std::map<int, Added> added;
  int last_used = MPI_ERR_LASTCODE;
};
Table& table() {
  static auto* const instance = new Table();  // for what runs at the end of the process, too
  return *instance;
}

/// Of the calling thread.
struct LastFailure {
  int code = MPI_SUCCESS;
  std::string text;
};
thread_local LastFailure last_failure;

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

/// The class of a code of the program; MPI_ERR_ARG unless it is in use.
std::map<int, Added>::iterator find_added(int code, const char* argument) {
  const auto found = table().added.find(code);
  if (found == table().added.end()) {
    if (class_text(code) != nullptr) fail(MPI_ERR_ARG, "{} {} is predefined", argument, code);
    fail(MPI_ERR_ARG, "{} {} is not in use", argument, code);
  }
  return found;
}

void copy_string(const std::string& text, std::size_t room, char* out, int* length) {
  const std::size_t bytes = std::min(text.size(), room - 1);
  std::memcpy(out, text.data(), bytes);
  out[bytes] = '\0';
  if (length != nullptr) *length = static_cast<int>(bytes);
}

}  // namespace

int* last_used_code() noexcept { return &table().last_used; }

const char* class_text(int error_class) noexcept {
  for (const ClassText& entry : kClasses) {
    if (entry.value == error_class) return entry.text;
  }
  return nullptr;
}

int class_of(datatype::Fault fault) noexcept {
  switch (fault) {
    case datatype::Fault::kType:
      return MPI_ERR_TYPE;
    case datatype::Fault::kCount:
      return MPI_ERR_COUNT;
    case datatype::Fault::kArg:
      return MPI_ERR_ARG;
    case datatype::Fault::kOp:
      return MPI_ERR_OP;
    case datatype::Fault::kTruncate:
      return MPI_ERR_TRUNCATE;
    case datatype::Fault::kUnsupported:
      return MPI_ERR_UNSUPPORTED_OPERATION;
  }
  return MPI_ERR_INTERN;
}

std::string with_class(int error_class, const std::string& text) {
  const char* const predefined = class_text(error_class);
  if (predefined == nullptr) return text;
  return fmt::format("{}: {}", std::string_view(predefined, std::strcspn(predefined, ":")), text);
}

void remember_failure(int code, const char* function, const std::string& text) noexcept {
  try {
    last_failure.text = fmt::format("{}: {}", function == nullptr ? "MPI" : function, text);
    last_failure.code = code;
  } catch (...) {
    last_failure.code = MPI_SUCCESS;
  }
}

void check(tally_status status) {
  if (status == TALLY_OK) [[likely]]
    return;
  const auto error_class = [&]() -> int {
    switch (status) {
      case TALLY_ERR_ARGUMENT:
        return MPI_ERR_ARG;
      case TALLY_ERR_TRUNCATED:
        return MPI_ERR_TRUNCATE;
      case TALLY_ERR_UNSUPPORTED:
        return MPI_ERR_UNSUPPORTED_OPERATION;
      case TALLY_ERR_MISMATCH:
        return MPI_ERR_NOT_SAME;
      case TALLY_ERR_NO_MEMORY:
        return MPI_ERR_NO_MEM;
      case TALLY_ERR_NOT_REGISTERED:
      case TALLY_ERR_PROTECTION:
        return MPI_ERR_BUFFER;
      case TALLY_ERR_BUSY:
        return MPI_ERR_PENDING;
      case TALLY_ERR_ABORTED:
      case TALLY_ERR_JOB:
      case TALLY_ERR_PEER:
        return MPI_ERR_PROC_ABORTED;
      case TALLY_ERR_INTERNAL:
        return MPI_ERR_INTERN;
      default:
        return MPI_ERR_OTHER;
    }
  }();
  throw Error{error_class, tally_last_error(), {}};
}

// --- MPI_Error_* and MPI_Add_error_*
// ------------------------------------------------------------------------

void Error_class(int errorcode, int* errorclass) {
  check_out(errorclass, "errorclass");
  if (class_text(errorcode) != nullptr) {
    *errorclass = errorcode;
    return;
  }
  const std::scoped_lock lock(table().mutex);
  const auto found = table().added.find(errorcode);
  if (found == table().added.end())
    fail(MPI_ERR_ARG, "errorcode {} is neither predefined nor added", errorcode);
  *errorclass = found->second.error_class;
}

void Error_string(int errorcode, char* string, int* resultlen) {
  check_out(string, "string");
  check_out(resultlen, "resultlen");
  std::string text;
  if (const char* predefined = class_text(errorcode)) {
    text = errorcode != MPI_SUCCESS && last_failure.code == errorcode ? with_class(errorcode, last_failure.text)
                                                                      : predefined;
  } else {
    const std::scoped_lock lock(table().mutex);
    const auto found = table().added.find(errorcode);
    if (found == table().added.end())
      fail(MPI_ERR_ARG, "errorcode {} is neither predefined nor added", errorcode);
    text = found->second.text;
  }
  copy_string(text, MPI_MAX_ERROR_STRING, string, resultlen);
}

void Add_error_class(int* errorclass) {
  check_out(errorclass, "errorclass");
  const std::scoped_lock lock(table().mutex);
  const int value = ++table().last_used;
  table().added[value] = {value, {}};
  *errorclass = value;
}

void Add_error_code(int errorclass, int* errorcode) {
  check_out(errorcode, "errorcode");
  const std::scoped_lock lock(table().mutex);
  if (class_text(errorclass) == nullptr) {
    const auto found = table().added.find(errorclass);
    if (found == table().added.end() || found->second.error_class != errorclass)
      fail(MPI_ERR_ARG, "errorclass {} is not an error class", errorclass);
  }
  const int value = ++table().last_used;
  table().added[value] = {errorclass, {}};
  *errorcode = value;
}

void Add_error_string(int errorcode, const char* string) {
  check_out(string, "string");
  if (std::strlen(string) >= MPI_MAX_ERROR_STRING)
    fail(MPI_ERR_ARG, "string has {} characters, more than MPI_MAX_ERROR_STRING - 1", std::strlen(string));
  const std::scoped_lock lock(table().mutex);
  find_added(errorcode, "errorcode")->second.text = string;
}

void Remove_error_class(int errorclass) {
  const std::scoped_lock lock(table().mutex);
  const auto found = find_added(errorclass, "errorclass");
  if (found->second.error_class != errorclass)
    fail(MPI_ERR_ARG, "errorclass {} is a code, not a class", errorclass);
  for (const auto& [code, added] : table().added) {
    if (code != errorclass && added.error_class == errorclass)
      fail(MPI_ERR_ARG, "errorclass {} still has code {}", errorclass, code);
  }
  if (!found->second.text.empty()) fail(MPI_ERR_ARG, "errorclass {} still has a string", errorclass);
  table().added.erase(found);
}

void Remove_error_code(int errorcode) {
  const std::scoped_lock lock(table().mutex);
  const auto found = find_added(errorcode, "errorcode");
  if (found->second.error_class == errorcode)
    fail(MPI_ERR_ARG, "errorcode {} is a class, not a code", errorcode);
  if (!found->second.text.empty()) fail(MPI_ERR_ARG, "errorcode {} still has a string", errorcode);
  table().added.erase(found);
}

void Remove_error_string(int errorcode) {
  const std::scoped_lock lock(table().mutex);
  const auto found = find_added(errorcode, "errorcode");
  if (found->second.text.empty()) fail(MPI_ERR_ARG, "errorcode {} has no string", errorcode);
  found->second.text.clear();
}

}  // namespace tally::mpi
