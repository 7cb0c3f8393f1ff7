// SPDX-License-Identifier: BSD-3-Clause
// What both ABIs' handles have in common; handles_std.cpp and handles_ompi.cpp have the rest.
#include "core/handles.hpp"

namespace tally::mpi {

namespace {

struct KindNames {
  int error_class;
  const char* null;   ///< name of the null handle
  const char* thing;  ///< with its article
};

KindNames names(Kind kind) noexcept {
  switch (kind) {
    case Kind::kComm: return {MPI_ERR_COMM, "MPI_COMM_NULL", "a communicator"};
    case Kind::kGroup: return {MPI_ERR_GROUP, "MPI_GROUP_NULL", "a group"};
    case Kind::kDatatype: return {MPI_ERR_TYPE, "MPI_DATATYPE_NULL", "a datatype"};
    case Kind::kOp: return {MPI_ERR_OP, "MPI_OP_NULL", "an operation"};
    case Kind::kRequest: return {MPI_ERR_REQUEST, "MPI_REQUEST_NULL", "a request"};
#ifdef TALLY_MPI_OPENMPI_ABI  // it has no class of its own for them
    case Kind::kErrhandler: return {MPI_ERR_ARG, "MPI_ERRHANDLER_NULL", "an error handler"};
#else
    case Kind::kErrhandler: return {MPI_ERR_ERRHANDLER, "MPI_ERRHANDLER_NULL", "an error handler"};
#endif
    case Kind::kInfo: return {MPI_ERR_INFO, "MPI_INFO_NULL", "an info object"};
    case Kind::kMessage: return {MPI_ERR_REQUEST, "MPI_MESSAGE_NULL", "a message"};
    case Kind::kSession: return {MPI_ERR_SESSION, "MPI_SESSION_NULL", "a session"};
    case Kind::kFreed: break;
  }
  return {MPI_ERR_ARG, "a null handle", "an object"};
}

const void* null_handle(Kind kind) noexcept {
  switch (kind) {
    case Kind::kComm: return MPI_COMM_NULL;
    case Kind::kGroup: return MPI_GROUP_NULL;
    case Kind::kDatatype: return MPI_DATATYPE_NULL;
    case Kind::kOp: return MPI_OP_NULL;
    case Kind::kRequest: return MPI_REQUEST_NULL;
    case Kind::kErrhandler: return MPI_ERRHANDLER_NULL;
    case Kind::kInfo: return MPI_INFO_NULL;
    case Kind::kMessage: return MPI_MESSAGE_NULL;
    case Kind::kSession: return MPI_SESSION_NULL;
    case Kind::kFreed: break;
  }
  return nullptr;
}

}  // namespace

void detail::bad_handle(const void* handle, Kind kind, const char* argument) {
  const KindNames of = names(kind);
  if (handle == null_handle(kind)) fail(of.error_class, "{} is {}", argument, of.null);
  if (handle == nullptr) fail(of.error_class, "{} is NULL, which is not {}", argument, of.thing);
  const Object* const object = object_of(handle);
  if (object != nullptr && object->kind != Kind::kFreed)
    fail(of.error_class, "{} is {}, not {}", argument, names(object->kind).thing, of.thing);
  fail(of.error_class, "{} is not {}, or one that has been freed", argument, of.thing);
}

MPI_Datatype predefined_handle(datatype::Named type) noexcept {
  switch (type) {
#define TALLY_MPI_DATATYPE(name, named) \
  case datatype::Named::named:          \
    return name;
#include "core/predefined.inc"
    default: return MPI_DATATYPE_NULL;
  }
}

}  // namespace tally::mpi
