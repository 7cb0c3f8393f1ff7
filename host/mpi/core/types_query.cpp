// SPDX-License-Identifier: BSD-3-Clause
// Properties, names, envelopes and contents of datatypes (MPI 5.0, 5.1.5 to 5.1.13 and 7.8).
#include <algorithm>
#include <cstring>

#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/types.hpp"

namespace tally::mpi {
namespace {

using datatype::Combiner;

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

int abi_value(Combiner combiner) noexcept {
  switch (combiner) {
    case Combiner::kNamed:
      return MPI_COMBINER_NAMED;
    case Combiner::kDup:
      return MPI_COMBINER_DUP;
    case Combiner::kContiguous:
      return MPI_COMBINER_CONTIGUOUS;
    case Combiner::kVector:
      return MPI_COMBINER_VECTOR;
    case Combiner::kHvector:
      return MPI_COMBINER_HVECTOR;
    case Combiner::kIndexed:
      return MPI_COMBINER_INDEXED;
    case Combiner::kHindexed:
      return MPI_COMBINER_HINDEXED;
    case Combiner::kIndexedBlock:
      return MPI_COMBINER_INDEXED_BLOCK;
    case Combiner::kHindexedBlock:
      return MPI_COMBINER_HINDEXED_BLOCK;
    case Combiner::kStruct:
      return MPI_COMBINER_STRUCT;
    case Combiner::kSubarray:
      return MPI_COMBINER_SUBARRAY;
    case Combiner::kDarray:
      return MPI_COMBINER_DARRAY;
    case Combiner::kF90Real:
      return MPI_COMBINER_F90_REAL;
    case Combiner::kF90Complex:
      return MPI_COMBINER_F90_COMPLEX;
    case Combiner::kF90Integer:
      return MPI_COMBINER_F90_INTEGER;
    case Combiner::kResized:
      return MPI_COMBINER_RESIZED;
    case Combiner::kValueIndex:
      return MPI_COMBINER_VALUE_INDEX;
  }
  return MPI_COMBINER_NAMED;
}

void refuse_large(const datatype::Type& type, const char* instead) {
  if (type.needs_large_contents())
    fail(MPI_ERR_TYPE, "datatype was made with large counts: {} tells how", instead);
}

const datatype::Contents& contents_of(const datatype::Type& type) {
  if (type.combiner() == Combiner::kNamed)
    fail(MPI_ERR_TYPE, "datatype is a predefined type: it has no contents");
  return type.contents();
}

void check_room(MPI_Count room, std::size_t needed, const void* array, const char* maximum,
                const char* name) {
  if (room < 0 || static_cast<std::size_t>(room) < needed)
    fail(MPI_ERR_ARG, "{} {} is less than the {} that the contents have", maximum, room, needed);
  if (needed != 0) check_out(array, name);
}

void give_types(const datatype::Contents& contents, MPI_Datatype out[]) {
  for (std::size_t i = 0; i < contents.types.size(); ++i) out[i] = handle_for(contents.types[i]);
}

}  // namespace

void Type_size(MPI_Datatype datatype, MPI_Count* size) {
  const Datatype& object = get_type(datatype);
  check_out(size, "size");
  *size = object.type->size();
}

void Type_get_extent(MPI_Datatype datatype, MPI_Count* lb, MPI_Count* extent) {
  const Datatype& object = get_type(datatype);
  check_out(lb, "lb");
  check_out(extent, "extent");
  *lb = object.type->lb();
  *extent = object.type->extent();
}

void Type_get_true_extent(MPI_Datatype datatype, MPI_Count* true_lb, MPI_Count* true_extent) {
  const Datatype& object = get_type(datatype);
  check_out(true_lb, "true_lb");
  check_out(true_extent, "true_extent");
  *true_lb = object.type->true_lb();
  *true_extent = object.type->true_extent();
}

// --- names
// --------------------------------------------------------------------------------------------------

void Type_get_name(MPI_Datatype datatype, char* type_name, int* resultlen) {
  check_out(type_name, "type_name");
  check_out(resultlen, "resultlen");
  const std::string name =
      datatype == MPI_DATATYPE_NULL ? std::string("MPI_DATATYPE_NULL") : get_type(datatype).name;
  const std::size_t length = std::min<std::size_t>(name.size(), MPI_MAX_OBJECT_NAME - 1);
  std::memcpy(type_name, name.data(), length);
  type_name[length] = '\0';
  *resultlen = static_cast<int>(length);
}

void Type_set_name(MPI_Datatype datatype, const char* type_name) {
  Datatype& object = get_type(datatype);
  check_out(type_name, "type_name");
  object.name.assign(type_name, ::strnlen(type_name, MPI_MAX_OBJECT_NAME - 1));
}

// --- envelopes and contents
// ---------------------------------------------------------------------------------

void Type_get_envelope(MPI_Datatype datatype, int* num_integers, int* num_addresses, int* num_datatypes,
                       int* combiner) {
  const datatype::Type& type = *get_type(datatype).type;
  check_out(num_integers, "num_integers");
  check_out(num_addresses, "num_addresses");
  check_out(num_datatypes, "num_datatypes");
  check_out(combiner, "combiner");
  refuse_large(type, "MPI_Type_get_envelope_c");
  const datatype::Contents& contents = type.contents();
  *num_integers = static_cast<int>(contents.integers.size());
  *num_addresses = static_cast<int>(contents.addresses.size());
  *num_datatypes = static_cast<int>(contents.types.size());
  *combiner = abi_value(type.combiner());
}

void Type_get_envelope_c(MPI_Datatype datatype, MPI_Count* num_integers, MPI_Count* num_addresses,
                         MPI_Count* num_large_counts, MPI_Count* num_datatypes, int* combiner) {
  const datatype::Type& type = *get_type(datatype).type;
  check_out(num_integers, "num_integers");
  check_out(num_addresses, "num_addresses");
  check_out(num_large_counts, "num_large_counts");
  check_out(num_datatypes, "num_datatypes");
  check_out(combiner, "combiner");
  const datatype::Contents& contents = type.contents();
  *num_integers = static_cast<MPI_Count>(contents.integers.size());
  *num_addresses = static_cast<MPI_Count>(contents.addresses.size());
  *num_large_counts = static_cast<MPI_Count>(contents.large_counts.size());
  *num_datatypes = static_cast<MPI_Count>(contents.types.size());
  *combiner = abi_value(type.combiner());
}

void Type_get_contents(MPI_Datatype datatype, int max_integers, int max_addresses, int max_datatypes,
                       int array_of_integers[], MPI_Aint array_of_addresses[],
                       MPI_Datatype array_of_datatypes[]) {
  const datatype::Type& type = *get_type(datatype).type;
  const datatype::Contents& contents = contents_of(type);
  refuse_large(type, "MPI_Type_get_contents_c");
  check_room(max_integers, contents.integers.size(), array_of_integers, "max_integers", "array_of_integers");
  check_room(max_addresses, contents.addresses.size(), array_of_addresses, "max_addresses",
             "array_of_addresses");
  check_room(max_datatypes, contents.types.size(), array_of_datatypes, "max_datatypes", "array_of_datatypes");
  std::copy(contents.integers.begin(), contents.integers.end(), array_of_integers);
  std::copy(contents.addresses.begin(), contents.addresses.end(), array_of_addresses);
  give_types(contents, array_of_datatypes);
}

void Type_get_contents_c(MPI_Datatype datatype, MPI_Count max_integers, MPI_Count max_addresses,
                         MPI_Count max_large_counts, MPI_Count max_datatypes, int array_of_integers[],
                         MPI_Aint array_of_addresses[], MPI_Count array_of_large_counts[],
                         MPI_Datatype array_of_datatypes[]) {
  const datatype::Type& type = *get_type(datatype).type;
  const datatype::Contents& contents = contents_of(type);
  check_room(max_integers, contents.integers.size(), array_of_integers, "max_integers", "array_of_integers");
  check_room(max_addresses, contents.addresses.size(), array_of_addresses, "max_addresses",
             "array_of_addresses");
  check_room(max_large_counts, contents.large_counts.size(), array_of_large_counts, "max_large_counts",
             "array_of_large_counts");
  check_room(max_datatypes, contents.types.size(), array_of_datatypes, "max_datatypes", "array_of_datatypes");
  std::copy(contents.integers.begin(), contents.integers.end(), array_of_integers);
  std::copy(contents.addresses.begin(), contents.addresses.end(), array_of_addresses);
  std::copy(contents.large_counts.begin(), contents.large_counts.end(), array_of_large_counts);
  give_types(contents, array_of_datatypes);
}

}  // namespace tally::mpi
