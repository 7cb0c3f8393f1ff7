// SPDX-License-Identifier: BSD-3-Clause
// Operations of reductions (MPI 5.0, 6.9.5 to 6.9.7).
#include "core/collectives/reduction.hpp"
#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

void check_data(const void* buffer, const datatype::Type& type, const char* name) {
  if (buffer == MPI_IN_PLACE)
    fail(MPI_ERR_BUFFER, "{} is MPI_IN_PLACE, which MPI_Reduce_local does not take", name);
  // MPI_BOTTOM goes with addresses in the type.
  if (buffer == nullptr && type.true_lb() == 0 && type.size() > 0) fail(MPI_ERR_BUFFER, "{} is NULL", name);
}

}  // namespace

void Op_create(MPI_User_function* user_fn, int commute, MPI_Op* op) {
  if (user_fn == nullptr) fail(MPI_ERR_ARG, "user_fn is NULL");
  check_out(op, "op");
  auto* made = new Op(false);
  made->function = user_fn;
  made->commutative = commute != 0;
  *op = handle(made);
}

void Op_create_c(MPI_User_function_c* user_fn, int commute, MPI_Op* op) {
  if (user_fn == nullptr) fail(MPI_ERR_ARG, "user_fn is NULL");
  check_out(op, "op");
  auto* made = new Op(false);
  made->function_c = user_fn;
  made->commutative = commute != 0;
  *op = handle(made);
}

void Op_free(MPI_Op* op) {
  check_out(op, "op");
  Op& object = get_op(*op);
  if (object.predefined) fail(MPI_ERR_OP, "op is predefined: it cannot be freed");
  release(&object);  // reductions under way keep it
  *op = MPI_OP_NULL;
}

void Op_commutative(MPI_Op op, int* commute) {
  const Op& object = get_op(op);
  check_out(commute, "commute");
  *commute = object.commutative;
}

void Reduce_local(const void* inbuf, void* inoutbuf, MPI_Count count, MPI_Datatype datatype, MPI_Op op) {
  if (count < 0) fail(MPI_ERR_COUNT, "count {} is negative", count);
  Datatype& type = get_type(datatype);
  if (!type.type->committed()) fail(MPI_ERR_TYPE, "datatype is not committed");
  Op& operation = get_op(op);
  check_reduction(operation, type);
  if (count == 0) return;
  check_data(inbuf, *type.type, "inbuf");
  check_data(inoutbuf, *type.type, "inoutbuf");
  if (inbuf == inoutbuf && type.type->size() > 0) fail(MPI_ERR_BUFFER, "inbuf and inoutbuf are the same");
  reduce_local(operation, type, inbuf, inoutbuf, count);
}

}  // namespace tally::mpi
