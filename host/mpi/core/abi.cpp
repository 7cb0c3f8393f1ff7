// SPDX-License-Identifier: BSD-3-Clause
// What the ABI tells of itself, and of Fortran (MPI 5.0, chapter 20).
//
// The Fortran types and the values of .true. and .false. are those of gfortran, and fixed: the library
// reduces with them.
#include <algorithm>
#include <cstring>
#include <string>

#include "core/error.hpp"
#include "core/functions.hpp"
#include "core/handles.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

void check_logical_size(int bytes) {
  if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8 && bytes != 16)
    fail(MPI_ERR_ARG, "logical_size {} is no size of a LOGICAL: 1, 2, 4, 8 or 16", bytes);
}

/// An integer of `bytes` bytes, little endian as the machine.
void store(void* out, int bytes, int value) {
  std::memset(out, 0, static_cast<std::size_t>(bytes));
  std::memcpy(out, &value, std::min<std::size_t>(sizeof value, static_cast<std::size_t>(bytes)));
}

struct SizeKey {
  const char* key;
  datatype::Named type;
};
constexpr SizeKey kSizes[] = {
    {"mpi_logical_size", datatype::Named::kLogical},
    {"mpi_integer_size", datatype::Named::kInteger},
    {"mpi_real_size", datatype::Named::kReal},
    {"mpi_double_precision_size", datatype::Named::kDoublePrecision},
};
constexpr SizeKey kOptional[] = {
    {"mpi_logical1_supported", datatype::Named::kLogical1},
    {"mpi_logical2_supported", datatype::Named::kLogical2},
    {"mpi_logical4_supported", datatype::Named::kLogical4},
    {"mpi_logical8_supported", datatype::Named::kLogical8},
    {"mpi_logical16_supported", datatype::Named::kLogical16},
    {"mpi_integer1_supported", datatype::Named::kInteger1},
    {"mpi_integer2_supported", datatype::Named::kInteger2},
    {"mpi_integer4_supported", datatype::Named::kInteger4},
    {"mpi_integer8_supported", datatype::Named::kInteger8},
    {"mpi_integer16_supported", datatype::Named::kInteger16},
    {"mpi_real2_supported", datatype::Named::kReal2},
    {"mpi_real4_supported", datatype::Named::kReal4},
    {"mpi_real8_supported", datatype::Named::kReal8},
    {"mpi_real16_supported", datatype::Named::kReal16},
    {"mpi_complex4_supported", datatype::Named::kComplex4},
    {"mpi_complex8_supported", datatype::Named::kComplex8},
    {"mpi_complex16_supported", datatype::Named::kComplex16},
    {"mpi_complex32_supported", datatype::Named::kComplex32},
    {"mpi_double_complex_supported", datatype::Named::kDoubleComplex},
};

}  // namespace

void Abi_get_version(int* abi_major, int* abi_minor) {
  check_out(abi_major, "abi_major");
  check_out(abi_minor, "abi_minor");
  // In Open MPI's ABI there is no version of the standard's.
#ifdef TALLY_MPI_OPENMPI_ABI
  *abi_major = *abi_minor = -1;
#else
  *abi_major = MPI_ABI_VERSION;
  *abi_minor = MPI_ABI_SUBVERSION;
#endif
}

void Abi_get_info(MPI_Info* info) {
  check_out(info, "info");
  auto* made = new Info();
  made->entries = {{"mpi_aint_size", std::to_string(sizeof(MPI_Aint))},
                   {"mpi_count_size", std::to_string(sizeof(MPI_Count))},
                   {"mpi_offset_size", std::to_string(sizeof(MPI_Offset))}};
  *info = handle(made);
}

void Abi_get_fortran_info(MPI_Info* info) {
  check_out(info, "info");
  auto* made = new Info();
  for (const SizeKey& of : kSizes)
    made->entries.emplace_back(of.key, std::to_string(datatype::named(of.type)->size()));
  for (const SizeKey& of : kOptional)
    made->entries.emplace_back(of.key, predefined_handle(of.type) == MPI_DATATYPE_NULL ? "false" : "true");
  *info = handle(made);
}

void Abi_set_fortran_info(MPI_Info info) {
  get_info(info);
  fail(MPI_ERR_ABI, "the sizes of Fortran's types are set already: those of gfortran");
}

void Abi_get_fortran_booleans(int logical_size, void* logical_true, void* logical_false, int* is_set) {
  check_logical_size(logical_size);
  check_out(logical_true, "logical_true");
  check_out(logical_false, "logical_false");
  check_out(is_set, "is_set");
  store(logical_true, logical_size, 1);
  store(logical_false, logical_size, 0);
  *is_set = 1;
}

void Abi_set_fortran_booleans(int logical_size, void* logical_true, void* logical_false) {
  check_logical_size(logical_size);
  check_out(logical_true, "logical_true");
  check_out(logical_false, "logical_false");
  fail(MPI_ERR_ABI, "the values of LOGICAL are set already: those of gfortran, 1 and 0");
}

}  // namespace tally::mpi
