// SPDX-License-Identifier: BSD-3-Clause
// Predefined handles of the standard ABI: integers below 0x1000 that index a table of objects.
#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/integers.hpp"

namespace tally::mpi {

namespace detail {

constinit std::array<Object*, kHandleTable> predefined_objects{};

void bind(const void* handle, Object& object) noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(handle);
  object.predefined = true;
  object.slot = static_cast<std::uint16_t>(value);
  predefined_objects[value] = &object;
}

const void* handle_of_predefined(const Object& object) noexcept {
  return reinterpret_cast<const void*>(static_cast<std::uintptr_t>(object.slot));
}

}  // namespace detail

// Handles as integers: a predefined handle is its own (MPI 5.0, 20.3.4).
#define TALLY_MPI_INTEGERS(Handle, name)                                                                    \
  int name##_toint(Handle handle) {                                                                         \
    const auto value = reinterpret_cast<std::uintptr_t>(handle);                                            \
    return value < detail::kHandleTable ? static_cast<int>(value) : integer_of(handle);                     \
  }                                                                                                         \
  Handle name##_fromint(int integer) {                                                                      \
    if (integer >= 0 && static_cast<std::uintptr_t>(integer) < detail::kHandleTable)                        \
      return reinterpret_cast<Handle>(static_cast<std::uintptr_t>(integer));                                \
    return static_cast<Handle>(handle_of_integer(integer));                                                 \
  }
TALLY_MPI_INTEGERS(MPI_Comm, Comm)
TALLY_MPI_INTEGERS(MPI_Errhandler, Errhandler)
TALLY_MPI_INTEGERS(MPI_File, File)
TALLY_MPI_INTEGERS(MPI_Group, Group)
TALLY_MPI_INTEGERS(MPI_Info, Info)
TALLY_MPI_INTEGERS(MPI_Message, Message)
TALLY_MPI_INTEGERS(MPI_Op, Op)
TALLY_MPI_INTEGERS(MPI_Request, Request)
TALLY_MPI_INTEGERS(MPI_Session, Session)
TALLY_MPI_INTEGERS(MPI_Datatype, Type)
TALLY_MPI_INTEGERS(MPI_Win, Win)
#undef TALLY_MPI_INTEGERS

}  // namespace tally::mpi
