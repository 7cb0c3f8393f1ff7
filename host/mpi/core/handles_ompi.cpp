// SPDX-License-Identifier: BSD-3-Clause
// Predefined handles of Open MPI's ABI: data symbols of the sizes that programs have built in, whose first word leads to the
// object; and the functions that stand for MPI_COMM_DUP_FN and the like.
//
// A program that is not position-independent has copies of the symbols and makes this library use them (copy relocations, done
// when the program is loaded). So the symbols are reached through the global offset table only, and their words are
// written when the library runs, not by the linker.
#include <iterator>

#include "core/handles.hpp"

// Sizes: symbol_bytes of abi/constants.toml.
#define TALLY_MPI_SYMBOL_TYPE(type, bytes)  \
  struct type {                             \
    tally::mpi::Object* object;             \
    char unused[(bytes) - sizeof(void*)];   \
  };
#define TALLY_MPI_SYMBOL(type, name) constinit type name{};
// The types too, or they would hide the symbols.
#pragma GCC visibility push(default)
extern "C" {
#include "ompi_abi/symbols.inc"
}
#pragma GCC visibility pop

namespace tally::mpi::detail {

namespace {

#define TALLY_MPI_SYMBOL(type, name) &name,
/// Slot n of an object is element n - 1. Filled by the dynamic linker with the addresses of the copies, where there are some.
const void* const kPredefined[] = {
#include "ompi_abi/symbols.inc"
};
static_assert(std::size(kPredefined) < 0xffff);

}  // namespace

void bind(const void* handle, Object& object) noexcept {
  *static_cast<Object**>(const_cast<void*>(handle)) = &object;
  object.predefined = true;
  std::uint16_t slot = 0;
  for (const void* const predefined : kPredefined) {
    ++slot;
    if (predefined == handle) object.slot = slot;
  }
}

const void* handle_of_predefined(const Object& object) noexcept { return kPredefined[object.slot - 1]; }

}  // namespace tally::mpi::detail

// --- attribute functions (MPI 5.0, 7.7.2) -----------------------------------------------------------------------------

namespace {

int copy_nothing(int* flag) noexcept {
  *flag = 0;
  return MPI_SUCCESS;
}
int copy_value(void* value, void* out, int* flag) noexcept {
  *flag = 1;
  *static_cast<void**>(out) = value;
  return MPI_SUCCESS;
}

}  // namespace

extern "C" {

int OMPI_C_MPI_NULL_COPY_FN(MPI_Comm, int, void*, void*, void*, int* flag) { return copy_nothing(flag); }
int OMPI_C_MPI_COMM_NULL_COPY_FN(MPI_Comm, int, void*, void*, void*, int* flag) { return copy_nothing(flag); }
int OMPI_C_MPI_TYPE_NULL_COPY_FN(MPI_Datatype, int, void*, void*, void*, int* flag) { return copy_nothing(flag); }
int OMPI_C_MPI_WIN_NULL_COPY_FN(MPI_Win, int, void*, void*, void*, int* flag) { return copy_nothing(flag); }

int OMPI_C_MPI_DUP_FN(MPI_Comm, int, void*, void* in, void* out, int* flag) { return copy_value(in, out, flag); }
int OMPI_C_MPI_COMM_DUP_FN(MPI_Comm, int, void*, void* in, void* out, int* flag) { return copy_value(in, out, flag); }
int OMPI_C_MPI_TYPE_DUP_FN(MPI_Datatype, int, void*, void* in, void* out, int* flag) {
  return copy_value(in, out, flag);
}
int OMPI_C_MPI_WIN_DUP_FN(MPI_Win, int, void*, void* in, void* out, int* flag) { return copy_value(in, out, flag); }

int OMPI_C_MPI_NULL_DELETE_FN(MPI_Comm, int, void*, void*) { return MPI_SUCCESS; }
int OMPI_C_MPI_COMM_NULL_DELETE_FN(MPI_Comm, int, void*, void*) { return MPI_SUCCESS; }
int OMPI_C_MPI_TYPE_NULL_DELETE_FN(MPI_Datatype, int, void*, void*) { return MPI_SUCCESS; }
int OMPI_C_MPI_WIN_NULL_DELETE_FN(MPI_Win, int, void*, void*) { return MPI_SUCCESS; }

}  // extern "C"
