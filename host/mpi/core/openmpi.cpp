// SPDX-License-Identifier: BSD-3-Clause
// What only Open MPI's ABI has: handles as Fortran's integers, statuses of Fortran, and functions removed in MPI-3.
#include <cstring>
#include <iterator>

#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/integers.hpp"

namespace tally::mpi {

namespace {

/// Integers of different kinds are the same, so each kind is looked for alone.
enum class Fortran { comm, datatype, errhandler, file, group, info, message, op, request, win };

struct FortranHandle {
  Fortran kind;
  int integer;
  const void* handle;
};
const FortranHandle* predefined(std::size_t* count) noexcept {
  static const FortranHandle table[] = {
#define TALLY_MPI_FORTRAN(kind, name, integer) {Fortran::kind, integer, name},
#include "ompi_abi/symbols.inc"
  };
  *count = std::size(table);
  return table;
}

int to_fortran(Fortran kind, const void* handle) {
  std::size_t count = 0;
  const FortranHandle* const table = predefined(&count);
  for (std::size_t i = 0; i < count; ++i)
    if (table[i].kind == kind && table[i].handle == handle) return table[i].integer;
  return integer_of(handle);
}
void* from_fortran(Fortran kind, int integer) noexcept {
  std::size_t count = 0;
  const FortranHandle* const table = predefined(&count);
  for (std::size_t i = 0; i < count; ++i)
    if (table[i].kind == kind && table[i].integer == integer) return const_cast<void*>(table[i].handle);
  return handle_of_integer(integer);
}

}  // namespace

// --- handles --------------------------------------------------------------------------------------

#define TALLY_MPI_INTEGERS(Handle, name, kind)                                                   \
  MPI_Fint name##_c2f(Handle handle) { return to_fortran(Fortran::kind, handle); }               \
  Handle name##_f2c(MPI_Fint integer) {                                                          \
    return static_cast<Handle>(from_fortran(Fortran::kind, integer));                            \
  }                                                                                              \
  int name##_toint(Handle handle) { return to_fortran(Fortran::kind, handle); }                  \
  Handle name##_fromint(int integer) {                                                           \
    return static_cast<Handle>(from_fortran(Fortran::kind, integer));                            \
  }
TALLY_MPI_INTEGERS(MPI_Comm, Comm, comm)
TALLY_MPI_INTEGERS(MPI_Errhandler, Errhandler, errhandler)
TALLY_MPI_INTEGERS(MPI_File, File, file)
TALLY_MPI_INTEGERS(MPI_Group, Group, group)
TALLY_MPI_INTEGERS(MPI_Info, Info, info)
TALLY_MPI_INTEGERS(MPI_Message, Message, message)
TALLY_MPI_INTEGERS(MPI_Op, Op, op)
TALLY_MPI_INTEGERS(MPI_Request, Request, request)
TALLY_MPI_INTEGERS(MPI_Datatype, Type, datatype)
TALLY_MPI_INTEGERS(MPI_Win, Win, win)
#undef TALLY_MPI_INTEGERS

int Session_toint(MPI_Session session) { return session == MPI_SESSION_NULL ? 0 : integer_of(session); }
MPI_Session Session_fromint(int session) {
  return session == 0 ? MPI_SESSION_NULL : static_cast<MPI_Session>(handle_of_integer(session));
}

// --- statuses -------------------------------------------------------------------------------------

// A status of Fortran is that of C as six integers.
static_assert(sizeof(MPI_Status) == 6 * sizeof(MPI_Fint));

void Status_c2f(const MPI_Status* c_status, MPI_Fint* f_status) {
  if (c_status == nullptr || f_status == nullptr) fail(MPI_ERR_ARG, "a status is NULL or MPI_STATUS_IGNORE");
  std::memcpy(f_status, c_status, sizeof *c_status);
}
void Status_f2c(const MPI_Fint* f_status, MPI_Status* c_status) {
  if (f_status == nullptr || c_status == nullptr) fail(MPI_ERR_ARG, "a status is NULL or MPI_F_STATUS_IGNORE");
  std::memcpy(c_status, f_status, sizeof *c_status);
}

// --- removed in MPI-3.0 ---------------------------------------------------------------------------

namespace {

/// One of the two results of MPI_Type_get_extent.
MPI_Count of_extent(MPI_Datatype type, bool lower, const void* out, const char* name) {
  if (out == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
  MPI_Count lb = 0;
  MPI_Count extent = 0;
  Type_get_extent(type, &lb, &extent);
  return lower ? lb : extent;
}

}  // namespace

void Type_extent(MPI_Datatype type, MPI_Aint* extent) {
  *extent = static_cast<MPI_Aint>(of_extent(type, false, extent, "extent"));
}
void Type_lb(MPI_Datatype type, MPI_Aint* lb) { *lb = static_cast<MPI_Aint>(of_extent(type, true, lb, "lb")); }
void Type_ub(MPI_Datatype type, MPI_Aint* ub) {
  const MPI_Count lb = of_extent(type, true, ub, "ub");
  *ub = static_cast<MPI_Aint>(lb + of_extent(type, false, ub, "ub"));
}

// --- extensions -----------------------------------------------------------------------------------

int Query_cuda_support() { return 0; }

}  // namespace tally::mpi
