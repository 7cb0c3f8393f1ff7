// SPDX-License-Identifier: BSD-3-Clause
// Values of the standard ABI, as its appendix gives them (MPI 5.0, 20.3 and A.1): what a binary has built in.
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <set>

namespace {

template <typename Handle>
std::uintptr_t value(Handle handle) {
  return reinterpret_cast<std::uintptr_t>(handle);
}

TEST(StandardAbi, status_is_three_integers_and_five_reserved) {
  EXPECT_EQ(sizeof(MPI_Status), 32u);
  EXPECT_EQ(offsetof(MPI_Status, MPI_SOURCE), 0u);
  EXPECT_EQ(offsetof(MPI_Status, MPI_TAG), 4u);
  EXPECT_EQ(offsetof(MPI_Status, MPI_ERROR), 8u);
}

TEST(StandardAbi, integer_types_have_64_bits) {
  EXPECT_EQ(sizeof(MPI_Aint), sizeof(void*));
  EXPECT_EQ(sizeof(MPI_Offset), 8u);
  EXPECT_EQ(sizeof(MPI_Count), 8u);
}

TEST(StandardAbi, handles_are_the_integers_of_the_appendix) {
  EXPECT_EQ(value(MPI_OP_NULL), 0x20u);
  EXPECT_EQ(value(MPI_SUM), 0x21u);
  EXPECT_EQ(value(MPI_MAXLOC), 0x39u);
  EXPECT_EQ(value(MPI_COMM_NULL), 0x100u);
  EXPECT_EQ(value(MPI_COMM_WORLD), 0x101u);
  EXPECT_EQ(value(MPI_COMM_SELF), 0x102u);
  EXPECT_EQ(value(MPI_GROUP_EMPTY), 0x109u);
  EXPECT_EQ(value(MPI_WIN_NULL), 0x110u);
  EXPECT_EQ(value(MPI_FILE_NULL), 0x118u);
  EXPECT_EQ(value(MPI_SESSION_NULL), 0x120u);
  EXPECT_EQ(value(MPI_MESSAGE_NO_PROC), 0x129u);
  EXPECT_EQ(value(MPI_INFO_ENV), 0x131u);
  EXPECT_EQ(value(MPI_ERRORS_RETURN), 0x142u);
  EXPECT_EQ(value(MPI_ERRORS_ABORT), 0x143u);
  EXPECT_EQ(value(MPI_REQUEST_NULL), 0x180u);
}

TEST(StandardAbi, datatypes_of_fixed_size_have_it_in_their_handle) {
  // Bits 3 to 5 of a handle 0b1001xxx... are the logarithm of the size (MPI 5.0, 20.3.3).
  EXPECT_EQ(value(MPI_INT8_T), 0x240u);
  EXPECT_EQ(value(MPI_BYTE), 0x247u);
  EXPECT_EQ(value(MPI_INT16_T), 0x248u);
  EXPECT_EQ(value(MPI_INT32_T), 0x250u);
  EXPECT_EQ(value(MPI_UINT64_T), 0x259u);
  EXPECT_EQ(value(MPI_INT), 0x209u);
  EXPECT_EQ(value(MPI_DOUBLE), 0x214u);
  EXPECT_EQ(value(MPI_COMPLEX32), 0x2ebu);
}

TEST(StandardAbi, no_two_datatypes_share_a_handle) {
  const MPI_Datatype all[] = {
      MPI_AINT,       MPI_COUNT,    MPI_OFFSET,   MPI_PACKED,   MPI_SHORT,          MPI_INT,
      MPI_LONG,       MPI_LONG_LONG, MPI_UNSIGNED_SHORT, MPI_UNSIGNED, MPI_UNSIGNED_LONG, MPI_UNSIGNED_LONG_LONG,
      MPI_FLOAT,      MPI_DOUBLE,   MPI_LONG_DOUBLE, MPI_C_BOOL, MPI_CXX_BOOL,      MPI_WCHAR,
      MPI_CHAR,       MPI_SIGNED_CHAR, MPI_UNSIGNED_CHAR, MPI_BYTE, MPI_2INT,       MPI_FLOAT_INT,
      MPI_LOGICAL,    MPI_INTEGER,  MPI_REAL,     MPI_COMPLEX,  MPI_CHARACTER,      MPI_DOUBLE_PRECISION};
  EXPECT_EQ(std::set<MPI_Datatype>(std::begin(all), std::end(all)).size(), std::size(all));
}

TEST(StandardAbi, wildcards_and_addresses_are_those_of_the_appendix) {
  EXPECT_EQ(MPI_ANY_SOURCE, -1);
  EXPECT_EQ(MPI_ANY_TAG, -2);
  EXPECT_EQ(MPI_PROC_NULL, -3);
  EXPECT_EQ(MPI_ROOT, -4);
  EXPECT_EQ(MPI_UNDEFINED, -32766);
  EXPECT_EQ(value(MPI_IN_PLACE), 1u);
  EXPECT_EQ(value(MPI_BUFFER_AUTOMATIC), 2u);
  EXPECT_EQ(MPI_STATUS_IGNORE, nullptr);
  EXPECT_EQ(value(MPI_UNWEIGHTED), 10u);
  EXPECT_EQ(value(MPI_WEIGHTS_EMPTY), 11u);
}

TEST(StandardAbi, other_integers_are_those_of_the_appendix) {
  EXPECT_EQ(MPI_THREAD_MULTIPLE, 4096);
  EXPECT_EQ(MPI_ERR_TRUNCATE, 15);
  EXPECT_EQ(MPI_ERR_IN_STATUS, 19);
  EXPECT_EQ(MPI_ERR_ERRHANDLER, 61);
  EXPECT_EQ(MPI_T_ERR_PVAR_NO_ATOMIC, 1018);
  EXPECT_EQ(MPI_ERR_LASTCODE, 0x3fff);
  EXPECT_EQ(MPI_TAG_UB, 501);
  EXPECT_EQ(MPI_COMM_TYPE_SHARED, 221);
  EXPECT_EQ(MPI_MAX_ERROR_STRING, 512);
  EXPECT_EQ(MPI_MAX_PROCESSOR_NAME, 256);
  EXPECT_EQ(MPI_VERSION, 5);
  EXPECT_EQ(MPI_ABI_VERSION, 1);
}

}  // namespace
