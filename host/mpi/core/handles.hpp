// SPDX-License-Identifier: BSD-3-Clause
// From MPI handles to objects and back.
//
// A handle that is not predefined is the address of its object. In the standard ABI a predefined handle is a small integer that
// indexes a table; in Open MPI's it is the address of a data symbol whose first word points to the object. Null handles
// have no object.
#pragma once

#include <array>
#include <cstdint>

#include "mpi_api.h"

#include "core/error.hpp"
#include "core/object.hpp"
#include "core/objects.hpp"

namespace tally::mpi {

struct Request;
struct Session;

namespace detail {

/// No object has an address below, and no predefined handle of the standard ABI is above.
inline constexpr std::uintptr_t kHandleTable = 4096;
#ifndef TALLY_MPI_OPENMPI_ABI
extern std::array<Object*, kHandleTable> predefined_objects;
#endif

inline Object* object_of(const void* handle) noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
#ifdef TALLY_MPI_OPENMPI_ABI
  if (value < kHandleTable) [[unlikely]]
    return nullptr;
#else
  if (value < kHandleTable) return predefined_objects[value];
#endif
  return *static_cast<Object* const*>(handle);
}

template <typename T>
T* find(const void* handle, Kind kind) noexcept {
  Object* const object = object_of(handle);
  return object != nullptr && object->kind == kind ? static_cast<T*>(object) : nullptr;
}

/// Throws for a handle that has no object of that kind.
[[noreturn]] void bad_handle(const void* handle, Kind kind, const char* argument);

template <typename T>
T& get(const void* handle, Kind kind, const char* argument) {
  T* const object = find<T>(handle, kind);
  if (object == nullptr) [[unlikely]]
    bad_handle(handle, kind, argument);
  return *object;
}

const void* handle_of_predefined(const Object& object) noexcept;
void bind(const void* handle, Object& object) noexcept;

template <typename Handle>
Handle handle(const Object* object, Handle null) noexcept {
  if (object == nullptr) return null;
  const void* const address = object->predefined && object->slot != 0 ? handle_of_predefined(*object) : object;
  return static_cast<Handle>(const_cast<void*>(address));
}

}  // namespace detail

// get_x: the object; throws the handle's error class with a text that names the argument for a null handle, and for one that
// is of no object of that kind or of one that has been freed. find_x: nullptr then.
#define TALLY_MPI_HANDLE(Type, Handle, suffix, kind, argument_name, null)                                              \
  inline Type* find_##suffix(Handle of) noexcept { return detail::find<Type>(of, kind); }                             \
  inline Type& get_##suffix(Handle of, const char* argument = argument_name) {                                        \
    return detail::get<Type>(of, kind, argument);                                                                     \
  }                                                                                                                   \
  /* The object's handle; the null handle for nullptr. */                                                             \
  inline Handle handle(const Type* object) noexcept { return detail::handle<Handle>(object, null); }                  \
  /* Makes the predefined handle lead to the object, which stays as long as the library. */                           \
  inline void bind(Handle predefined, Type& object) noexcept { detail::bind(predefined, object); }

TALLY_MPI_HANDLE(Comm, MPI_Comm, comm, Kind::kComm, "comm", MPI_COMM_NULL)
TALLY_MPI_HANDLE(Group, MPI_Group, group, Kind::kGroup, "group", MPI_GROUP_NULL)
TALLY_MPI_HANDLE(Datatype, MPI_Datatype, type, Kind::kDatatype, "datatype", MPI_DATATYPE_NULL)
TALLY_MPI_HANDLE(Op, MPI_Op, op, Kind::kOp, "op", MPI_OP_NULL)
TALLY_MPI_HANDLE(Errhandler, MPI_Errhandler, errhandler, Kind::kErrhandler, "errhandler", MPI_ERRHANDLER_NULL)
TALLY_MPI_HANDLE(Info, MPI_Info, info, Kind::kInfo, "info", MPI_INFO_NULL)
TALLY_MPI_HANDLE(Message, MPI_Message, message, Kind::kMessage, "message", MPI_MESSAGE_NULL)
#undef TALLY_MPI_HANDLE

// These types are complete only where they are used (request.hpp, session.hpp); hence templates.
#define TALLY_MPI_HANDLE(Type, Handle, suffix, kind, argument_name, null)                                              \
  template <typename T = Type>                                                                                        \
  T* find_##suffix(Handle of) noexcept {                                                                              \
    return detail::find<T>(of, kind);                                                                                 \
  }                                                                                                                   \
  template <typename T = Type>                                                                                        \
  T& get_##suffix(Handle of, const char* argument = argument_name) {                                                  \
    return detail::get<T>(of, kind, argument);                                                                        \
  }                                                                                                                   \
  template <typename T>                                                                                               \
    requires std::is_same_v<T, Type>                                                                                  \
  Handle handle(const T* object) noexcept {                                                                           \
    return detail::handle<Handle>(object, null);                                                                      \
  }

TALLY_MPI_HANDLE(Request, MPI_Request, request, Kind::kRequest, "request", MPI_REQUEST_NULL)
TALLY_MPI_HANDLE(Session, MPI_Session, session, Kind::kSession, "session", MPI_SESSION_NULL)
#undef TALLY_MPI_HANDLE

/// MPI_INT for kInt; MPI_DATATYPE_NULL where the ABI has no such type.
MPI_Datatype predefined_handle(datatype::Named type) noexcept;

}  // namespace tally::mpi
