// SPDX-License-Identifier: BSD-3-Clause
// The objects of predefined handles that exist before MPI_Init: made when the library is loaded, never
// destroyed.
#include <optional>
#include <string_view>

#include "core/handles.hpp"
#include "core/objects.hpp"

namespace tally::mpi {
namespace {

std::optional<datatype::Op> operation(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(datatype::Op::kNoOp); ++i) {
    const auto op = static_cast<datatype::Op>(i);
    if (datatype::name(op) == name) return op;
  }
  return std::nullopt;
}

void make(MPI_Op predefined, const char* name) {
  if (predefined == MPI_OP_NULL) return;
  auto* object = new Op(true);
  object->reduction = operation(name);
  // MPI_REPLACE takes the later of two values.
  object->commutative =
      object->reduction != datatype::Op::kReplace && object->reduction != datatype::Op::kNoOp;
  bind(predefined, *object);
}
void make(MPI_Group predefined, const char*) {
  if (predefined == MPI_GROUP_EMPTY) bind(predefined, *new Group({}, true));
}
void make(MPI_Info predefined, const char*) {
  if (predefined == MPI_INFO_ENV) bind(predefined, *new Info(true));
}
void make(MPI_Message predefined, const char*) {
  if (predefined == MPI_MESSAGE_NO_PROC) bind(predefined, *new Message(true));
}
void make(MPI_Errhandler predefined, const char*) {
  if (predefined == MPI_ERRHANDLER_NULL) return;
  const auto does = predefined == MPI_ERRORS_RETURN  ? Errhandler::Does::kReturn
                    : predefined == MPI_ERRORS_ABORT ? Errhandler::Does::kAbort
                                                     : Errhandler::Does::kFatal;
  bind(predefined, *new Errhandler(does, true));
}
// Of the others there are null handles, and communicators, which MPI_Init makes.
void make(MPI_Comm, const char*) {}
void make(MPI_Win, const char*) {}
void make(MPI_File, const char*) {}
void make(MPI_Session, const char*) {}
void make(MPI_Request, const char*) {}
void make(MPI_Datatype, const char*) {}

void make(MPI_Datatype predefined, const char* name, datatype::Named type) {
  auto* object = new Datatype(datatype::named(type), true);
  object->name = name;
  bind(predefined, *object);
}

[[gnu::constructor]] void make_predefined() {
#define TALLY_MPI_PREDEFINED(kind, name) make(name, #name);
#define TALLY_MPI_DATATYPE(name, named) make(name, #name, datatype::Named::named);
#include "core/predefined.inc"
}

}  // namespace
}  // namespace tally::mpi
