// SPDX-License-Identifier: BSD-3-Clause
// Constructors of datatypes, commit, free and duplicates (MPI 5.0, 5.1).
#include "core/types.hpp"

#include <map>
#include <vector>

#include "core/attributes.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"

namespace tally::mpi {
namespace {

using datatype::Form;
using datatype::Integers;

Form form(bool large) noexcept { return large ? Form::kLarge : Form::kSmall; }
Integers integers(Counts counts) noexcept { return {counts.data, counts.wide}; }

constexpr datatype::ArrayConstants kArrayConstants{
    .order_c = MPI_ORDER_C,
    .order_fortran = MPI_ORDER_FORTRAN,
    .distribute_block = MPI_DISTRIBUTE_BLOCK,
    .distribute_cyclic = MPI_DISTRIBUTE_CYCLIC,
    .distribute_none = MPI_DISTRIBUTE_NONE,
    .distribute_dflt_darg = MPI_DISTRIBUTE_DFLT_DARG,
};

void check_out(const MPI_Datatype* newtype) {
  if (newtype == nullptr) fail(MPI_ERR_ARG, "newtype is NULL");
}

template <typename F>
void make(MPI_Datatype* newtype, F&& constructor) {
  check_out(newtype);
  *newtype = handle(new Datatype(with_faults(constructor)));
}

/// Predefined types without a predefined handle, which live until the process ends: the same arguments give
/// the same handle.
MPI_Datatype parameterized(const datatype::Ref& type) {
  static auto* const made = new std::map<const datatype::Type*, Datatype*>();
  Datatype*& object = (*made)[type.get()];
  if (object == nullptr) object = new Datatype(type, true);
  return handle(object);
}

}  // namespace

MPI_Datatype handle_for(const datatype::Ref& type) {
  if (type->combiner() == datatype::Combiner::kNamed) return predefined_handle(type->named());
  if (type->predefined()) return parameterized(type);
  return handle(new Datatype(type));
}

// --- constructors
// -------------------------------------------------------------------------------------------

void Type_contiguous(MPI_Count count, MPI_Datatype oldtype, MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] { return datatype::contiguous(count, old, form(large)); });
}

void Type_vector(MPI_Count count, MPI_Count blocklength, MPI_Count stride, MPI_Datatype oldtype,
                 MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] { return datatype::vector(count, blocklength, stride, old, form(large)); });
}

void Type_create_hvector(MPI_Count count, MPI_Count blocklength, MPI_Count stride, MPI_Datatype oldtype,
                         MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] { return datatype::hvector(count, blocklength, stride, old, form(large)); });
}

void Type_indexed(MPI_Count count, Counts blocklengths, Counts displacements, MPI_Datatype oldtype,
                  MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] {
    return datatype::indexed(count, integers(blocklengths), integers(displacements), old, form(large));
  });
}

void Type_create_hindexed(MPI_Count count, Counts blocklengths, Counts displacements, MPI_Datatype oldtype,
                          MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] {
    return datatype::hindexed(count, integers(blocklengths), integers(displacements), old, form(large));
  });
}

void Type_create_indexed_block(MPI_Count count, MPI_Count blocklength, Counts displacements,
                               MPI_Datatype oldtype, MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] {
    return datatype::indexed_block(count, blocklength, integers(displacements), old, form(large));
  });
}

void Type_create_hindexed_block(MPI_Count count, MPI_Count blocklength, Counts displacements,
                                MPI_Datatype oldtype, MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] {
    return datatype::hindexed_block(count, blocklength, integers(displacements), old, form(large));
  });
}

void Type_create_struct(MPI_Count count, Counts blocklengths, Counts displacements,
                        const MPI_Datatype types[], MPI_Datatype* newtype, bool large) {
  if (count < 0) fail(MPI_ERR_COUNT, "count {} is negative", count);
  if (count > 0 && types == nullptr) fail(MPI_ERR_ARG, "array_of_types is NULL");
  std::vector<datatype::Ref> refs;
  refs.reserve(static_cast<std::size_t>(count));
  for (MPI_Count i = 0; i < count; ++i) {
    if (types[i] == MPI_DATATYPE_NULL) fail(MPI_ERR_TYPE, "array_of_types[{}] is MPI_DATATYPE_NULL", i);
    refs.push_back(get_type(types[i]).type);
  }
  make(newtype, [&] {
    return datatype::structure(integers(blocklengths), integers(displacements), refs, form(large));
  });
}

void Type_create_resized(MPI_Datatype oldtype, MPI_Count lb, MPI_Count extent, MPI_Datatype* newtype,
                         bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] { return datatype::resized(old, lb, extent, form(large)); });
}

void Type_create_subarray(int ndims, Counts sizes, Counts subsizes, Counts starts, int order,
                          MPI_Datatype oldtype, MPI_Datatype* newtype, bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] {
    return datatype::subarray(ndims, integers(sizes), integers(subsizes), integers(starts), order, old,
                              kArrayConstants, form(large));
  });
}

void Type_create_darray(int size, int rank, int ndims, Counts gsizes, const int distribs[], const int dargs[],
                        const int psizes[], int order, MPI_Datatype oldtype, MPI_Datatype* newtype,
                        bool large) {
  const datatype::Ref& old = get_type(oldtype).type;
  make(newtype, [&] {
    return datatype::darray(size, rank, ndims, integers(gsizes), distribs, dargs, psizes, order, old,
                            kArrayConstants, form(large));
  });
}

void Type_create_f90_real(int p, int r, MPI_Datatype* newtype) {
  check_out(newtype);
  *newtype = handle_for(with_faults([&] { return datatype::f90_real(p, r, MPI_UNDEFINED); }));
}
void Type_create_f90_complex(int p, int r, MPI_Datatype* newtype) {
  check_out(newtype);
  *newtype = handle_for(with_faults([&] { return datatype::f90_complex(p, r, MPI_UNDEFINED); }));
}
void Type_create_f90_integer(int r, MPI_Datatype* newtype) {
  check_out(newtype);
  *newtype = handle_for(with_faults([&] { return datatype::f90_integer(r); }));
}

void Type_match_size(int typeclass, int size, MPI_Datatype* datatype) {
  if (datatype == nullptr) fail(MPI_ERR_ARG, "datatype is NULL");
  datatype::TypeClass kind{};
  if (typeclass == MPI_TYPECLASS_INTEGER) {
    kind = datatype::TypeClass::kInteger;
  } else if (typeclass == MPI_TYPECLASS_REAL) {
    kind = datatype::TypeClass::kReal;
  } else if (typeclass == MPI_TYPECLASS_COMPLEX) {
    kind = datatype::TypeClass::kComplex;
  } else {
    fail(MPI_ERR_ARG,
         "typeclass {} is none of MPI_TYPECLASS_REAL, MPI_TYPECLASS_INTEGER, MPI_TYPECLASS_COMPLEX",
         typeclass);
  }
  *datatype = predefined_handle(with_faults([&] { return datatype::match_size(kind, size); }));
}

void Type_get_value_index(MPI_Datatype value_type, MPI_Datatype index_type, MPI_Datatype* pair_type) {
  const Datatype& value = get_type(value_type);
  const Datatype& index = get_type(index_type);
  if (pair_type == nullptr) fail(MPI_ERR_ARG, "pair_type is NULL");
  const datatype::Ref pair = with_faults([&] { return datatype::value_index(*value.type, *index.type); });
  *pair_type = pair ? handle_for(pair) : MPI_DATATYPE_NULL;
}

// --- life
// ---------------------------------------------------------------------------------------------------

void Type_dup(MPI_Datatype oldtype, MPI_Datatype* newtype) {
  Datatype& old = get_type(oldtype);
  check_out(newtype);
  *newtype = MPI_DATATYPE_NULL;  // also where a copy function of the program fails
  Ref<Datatype> made(new Datatype(with_faults([&] { return datatype::dup(old.type); })));
  copy_attributes(old, *made);
  *newtype = handle(made.give());
}

void Type_commit(MPI_Datatype* datatype) {
  if (datatype == nullptr) fail(MPI_ERR_ARG, "datatype is NULL");
  const Datatype& object = get_type(*datatype);
  with_faults([&] { object.type->commit(); });
}

void Type_free(MPI_Datatype* datatype) {
  if (datatype == nullptr) fail(MPI_ERR_ARG, "datatype is NULL");
  Datatype& object = get_type(*datatype);
  if (object.predefined) fail(MPI_ERR_TYPE, "datatype is predefined: it cannot be freed");
  delete_attributes(object);
  release(&object);  // operations under way and types made of it keep what they need
  *datatype = MPI_DATATYPE_NULL;
}

}  // namespace tally::mpi
