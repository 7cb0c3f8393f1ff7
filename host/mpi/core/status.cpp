// SPDX-License-Identifier: BSD-3-Clause
// What a program reads from a status, and writes into one (generalized requests).
#include "core/status.hpp"

#include "core/functions.hpp"
#include "core/handles.hpp"
#include "mpi/datatype/datatype.hpp"

namespace tally::mpi {
namespace {

template <typename T>
T& check_status(T* status) {
  if (status == MPI_STATUS_IGNORE) fail(MPI_ERR_ARG, "status is MPI_STATUS_IGNORE");
  return *status;
}
void check_out(const void* pointer, const char* argument) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", argument);
}
/// The datatype's functions answer -1 where MPI has MPI_UNDEFINED.
MPI_Count or_undefined(MPI_Count count) noexcept { return count < 0 ? MPI_UNDEFINED : count; }

}  // namespace

void Get_count(const MPI_Status* status, MPI_Datatype datatype, MPI_Count* count) {
  const MPI_Status& of = check_status(status);
  const Datatype& type = get_type(datatype);
  check_out(count, "count");
  *count = or_undefined(datatype::get_count(*type.type, static_cast<MPI_Count>(status_bytes(of))));
}

void Get_elements(const MPI_Status* status, MPI_Datatype datatype, MPI_Count* count) {
  const MPI_Status& of = check_status(status);
  const Datatype& type = get_type(datatype);
  check_out(count, "count");
  *count = or_undefined(datatype::get_elements(*type.type, static_cast<MPI_Count>(status_bytes(of))));
}

void Test_cancelled(const MPI_Status* status, int* flag) {
  const MPI_Status& of = check_status(status);
  check_out(flag, "flag");
  *flag = status_cancelled(of) ? 1 : 0;
}

void Status_set_elements(MPI_Status* status, MPI_Datatype datatype, MPI_Count count) {
  MPI_Status& of = check_status(status);
  const Datatype& type = get_type(datatype);
  if (count < 0) fail(MPI_ERR_COUNT, "count is {}, less than 0", count);
  set_status(&of, of.MPI_SOURCE, of.MPI_TAG,
             static_cast<std::uint64_t>(datatype::bytes_of_elements(*type.type, count)),
             status_cancelled(of));
}

void Status_set_cancelled(MPI_Status* status, int flag) {
  MPI_Status& of = check_status(status);
  set_status(&of, of.MPI_SOURCE, of.MPI_TAG, status_bytes(of), flag != 0);
}

void Status_get_source(const MPI_Status* status, int* source) {
  const MPI_Status& of = check_status(status);
  check_out(source, "source");
  *source = of.MPI_SOURCE;
}
void Status_get_tag(const MPI_Status* status, int* tag) {
  const MPI_Status& of = check_status(status);
  check_out(tag, "tag");
  *tag = of.MPI_TAG;
}
void Status_get_error(const MPI_Status* status, int* error) {
  const MPI_Status& of = check_status(status);
  check_out(error, "error");
  *error = of.MPI_ERROR;
}
void Status_set_source(MPI_Status* status, int source) { check_status(status).MPI_SOURCE = source; }
void Status_set_tag(MPI_Status* status, int tag) { check_status(status).MPI_TAG = tag; }
void Status_set_error(MPI_Status* status, int error) { check_status(status).MPI_ERROR = error; }

}  // namespace tally::mpi
