// SPDX-License-Identifier: BSD-3-Clause
// Datatypes and operations in detail: envelopes and contents of every combiner, elements of parts, absolute addresses,
// which operation goes with which type.
#include <cstdint>
#include <numeric>

#include "program.hpp"

namespace test {

namespace {

using Integers = std::vector<int>;
using Addresses = std::vector<MPI_Aint>;
using Types = std::vector<MPI_Datatype>;

MPI_Aint extent_of(MPI_Datatype type) {
  MPI_Aint lb = 0, extent = 0;
  MPI_Type_get_extent(type, &lb, &extent);
  return extent;
}

bool is_named(MPI_Datatype type) {
  int integers = 0, addresses = 0, types = 0, combiner = 0;
  MPI_Type_get_envelope(type, &integers, &addresses, &types, &combiner);
  return combiner == MPI_COMBINER_NAMED;
}

/// Takes the type apart, compares it with what it was made of, and frees it. Predefined types come back as themselves.
void expect_contents(MPI_Datatype type, int combiner, const Integers& integers, const Addresses& addresses,
                     const Types& types, const char* what) {
  int ni = -1, na = -1, nt = -1, of = -1;
  MPI_Type_get_envelope(type, &ni, &na, &nt, &of);
  expect(of == combiner, "%s: combiner %d", what, of);
  expect(ni == static_cast<int>(integers.size()) && na == static_cast<int>(addresses.size()) &&
             nt == static_cast<int>(types.size()),
         "%s: envelope of %d integers, %d addresses, %d types", what, ni, na, nt);
  Integers got_i(integers.size() + 1, -9);
  Addresses got_a(addresses.size() + 1, -9);
  Types got_t(types.size() + 1, MPI_DATATYPE_NULL);
  MPI_Type_get_contents(type, ni, na, nt, got_i.data(), got_a.data(), got_t.data());
  for (std::size_t i = 0; i < integers.size(); ++i)
    expect(got_i[i] == integers[i], "%s: integer %d is %d", what, static_cast<int>(i), got_i[i]);
  for (std::size_t i = 0; i < addresses.size(); ++i)
    expect(got_a[i] == addresses[i], "%s: address %d is %ld", what, static_cast<int>(i), static_cast<long>(got_a[i]));
  expect(got_i.back() == -9 && got_a.back() == -9, "%s: more contents than the envelope says", what);
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (is_named(types[i])) {
      expect(got_t[i] == types[i], "%s: another type %d", what, static_cast<int>(i));
      continue;
    }
    expect(got_t[i] != MPI_DATATYPE_NULL && extent_of(got_t[i]) == extent_of(types[i]), "%s: type %d has another extent",
           what, static_cast<int>(i));
    MPI_Type_free(&got_t[i]);
  }
  EXPECT_ERROR(MPI_Type_get_contents(type, ni - 1, na, nt, got_i.data(), got_a.data(), got_t.data()), MPI_ERR_ARG,
               "room for too few integers");
  MPI_Type_free(&type);
  expect(type == MPI_DATATYPE_NULL, "%s: MPI_Type_free leaves its handle", what);
}

void combiners() {
  MPI_Datatype type = MPI_DATATYPE_NULL, inner = MPI_DATATYPE_NULL;
  MPI_Type_vector(2, 1, 3, MPI_SHORT, &inner);
  const int lengths[] = {2, 0, 3}, places[] = {4, 9, -1}, starts[] = {5, 1, 2};
  const MPI_Aint bytes[] = {40, 8, -16};
  const Types mixed{MPI_DOUBLE, inner, MPI_CHAR};
  expect(is_named(MPI_DOUBLE_INT) && is_named(MPI_PACKED) && is_named(MPI_C_BOOL), "a predefined type is not named");

  MPI_Type_dup(inner, &type);
  expect_contents(type, MPI_COMBINER_DUP, {}, {}, {inner}, "dup");
  MPI_Type_dup(MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_DUP, {}, {}, {MPI_INT}, "dup of MPI_INT");
  MPI_Type_contiguous(7, inner, &type);
  expect_contents(type, MPI_COMBINER_CONTIGUOUS, {7}, {}, {inner}, "contiguous");
  MPI_Type_vector(3, 2, -4, MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_VECTOR, {3, 2, -4}, {}, {MPI_INT}, "vector");
  MPI_Type_create_hvector(3, 2, 100, inner, &type);
  expect_contents(type, MPI_COMBINER_HVECTOR, {3, 2}, {100}, {inner}, "hvector");
  MPI_Type_indexed(3, lengths, places, MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_INDEXED, {3, 2, 0, 3, 4, 9, -1}, {}, {MPI_INT}, "indexed");
  MPI_Type_create_hindexed(3, lengths, bytes, MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_HINDEXED, {3, 2, 0, 3}, {40, 8, -16}, {MPI_INT}, "hindexed");
  MPI_Type_create_indexed_block(3, 2, starts, MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_INDEXED_BLOCK, {3, 2, 5, 1, 2}, {}, {MPI_INT}, "indexed_block");
  MPI_Type_create_hindexed_block(3, 2, bytes, MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_HINDEXED_BLOCK, {3, 2}, {40, 8, -16}, {MPI_INT}, "hindexed_block");
  MPI_Type_create_struct(3, lengths, bytes, mixed.data(), &type);
  expect_contents(type, MPI_COMBINER_STRUCT, {3, 2, 0, 3}, {40, 8, -16}, mixed, "struct");
  const int sizes[] = {6, 5}, subsizes[] = {2, 3}, corner[] = {1, 2};
  MPI_Type_create_subarray(2, sizes, subsizes, corner, MPI_ORDER_FORTRAN, MPI_FLOAT, &type);
  expect(extent_of(type) == 30 * 4, "a subarray has not the extent of the array");
  expect_contents(type, MPI_COMBINER_SUBARRAY, {2, 6, 5, 2, 3, 1, 2, MPI_ORDER_FORTRAN}, {}, {MPI_FLOAT}, "subarray");
  const int distributions[] = {MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_NONE}, arguments[] = {2, MPI_DISTRIBUTE_DFLT_DARG},
            grid[] = {3, 1};
  MPI_Type_create_darray(3, 1, 2, sizes, distributions, arguments, grid, MPI_ORDER_C, MPI_INT, &type);
  expect_contents(type, MPI_COMBINER_DARRAY,
                  {3, 1, 2, 6, 5, MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_NONE, 2, MPI_DISTRIBUTE_DFLT_DARG, 3, 1, MPI_ORDER_C},
                  {}, {MPI_INT}, "darray");
  MPI_Type_create_resized(inner, -8, 64, &type);
  expect_contents(type, MPI_COMBINER_RESIZED, {}, {-8, 64}, {inner}, "resized");
  MPI_Type_free(&inner);
  EXPECT_ERROR(MPI_Type_get_contents(MPI_INT, 0, 0, 0, nullptr, nullptr, nullptr), 0, "contents of MPI_INT");
  type = MPI_DOUBLE;
  EXPECT_ERROR(MPI_Type_free(&type), MPI_ERR_TYPE, "freeing MPI_DOUBLE");
  EXPECT_ERROR(MPI_Type_vector(-1, 1, 1, MPI_INT, &type), MPI_ERR_COUNT, "a vector of -1 blocks");
  EXPECT_ERROR(MPI_Type_contiguous(1, MPI_DATATYPE_NULL, &type), MPI_ERR_TYPE, "elements of MPI_DATATYPE_NULL");
}

/// Parts of elements: MPI_Get_count and MPI_Get_elements.
void parts() {
  MPI_Datatype pair = MPI_DATATYPE_NULL, record = MPI_DATATYPE_NULL, part = MPI_DATATYPE_NULL, nothing = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(2, MPI_INT, &pair);
  const int ones[] = {1, 1, 3};
  const MPI_Aint places[] = {0, 8, 16};
  const MPI_Datatype of[] = {MPI_INT, MPI_DOUBLE, MPI_CHAR};
  MPI_Type_create_struct(3, ones, places, of, &record);
  MPI_Type_create_struct(2, ones, places, of, &part);
  MPI_Type_contiguous(0, MPI_INT, &nothing);
  for (MPI_Datatype* type : {&pair, &record, &part, &nothing}) MPI_Type_commit(type);
  alignas(8) char out[256] = {}, in[256] = {};
  const auto send = [&](int count, MPI_Datatype sent, int room, MPI_Datatype received) {
    MPI_Status status;
    MPI_Sendrecv(out, count, sent, rank, 3, in, room, received, rank, 3, MPI_COMM_WORLD, &status);
    return status;
  };
  const auto expect_counts = [](const MPI_Status& status, MPI_Datatype type, int count, int elements, const char* what) {
    int got_count = -7, got_elements = -7;
    MPI_Count large = -7;
    MPI_Get_count(&status, type, &got_count);
    MPI_Get_elements(&status, type, &got_elements);
    MPI_Get_elements_x(&status, type, &large);
    expect(got_count == count && got_elements == elements && large == elements, "%s: count %d, elements %d", what,
           got_count, got_elements);
  };
  expect_counts(send(4, MPI_INT, 5, pair), pair, 2, 4, "two pairs");
  expect_counts(send(3, MPI_INT, 5, pair), pair, MPI_UNDEFINED, 3, "a pair and a half");
  expect_counts(send(0, MPI_INT, 5, pair), pair, 0, 0, "no pair");
  expect_counts(send(2, record, 3, record), record, 2, 10, "two records");
  MPI_Status status = send(1, part, 3, record);
  expect_counts(status, record, MPI_UNDEFINED, 2, "two fields of a record");
  expect_counts(status, MPI_CHAR, 12, 12, "two fields of a record in bytes");
  expect_counts(send(0, MPI_INT, 2, nothing), nothing, 0, 0, "elements without data");
  MPI_Status_set_elements(&status, MPI_INT, 5);
  expect_counts(status, MPI_INT, 5, 5, "a status of 5 integers");
  expect_counts(status, pair, MPI_UNDEFINED, 5, "a status of 5 integers in pairs");
  MPI_Status_set_elements_x(&status, MPI_CHAR, static_cast<MPI_Count>(3) << 31);
  int small = 0;
  MPI_Count large = 0;
  MPI_Get_elements(&status, MPI_CHAR, &small);
  MPI_Get_elements_x(&status, MPI_CHAR, &large);
  expect(small == MPI_UNDEFINED && large == static_cast<MPI_Count>(3) << 31, "more elements than an int holds: %d", small);
  for (MPI_Datatype* type : {&pair, &record, &part, &nothing}) MPI_Type_free(type);
}

/// Absolute addresses and MPI_BOTTOM: messages, collectives, packing.
void addresses() {
  struct {
    int first = 0;
    double second = 0;
  } here, there;
  static int apart = 0;
  MPI_Datatype in = MPI_DATATYPE_NULL, out = MPI_DATATYPE_NULL;
  const int ones[] = {1, 1, 1};
  const MPI_Datatype of[] = {MPI_INT, MPI_DOUBLE, MPI_INT};
  MPI_Aint places[3];
  int apart_too = 40 + rank;
  MPI_Get_address(&here.first, &places[0]);
  MPI_Get_address(&here.second, &places[1]);
  MPI_Get_address(&apart_too, &places[2]);
  MPI_Type_create_struct(3, ones, places, of, &out);
  MPI_Get_address(&there.first, &places[0]);
  MPI_Get_address(&there.second, &places[1]);
  MPI_Get_address(&apart, &places[2]);
  MPI_Type_create_struct(3, ones, places, of, &in);
  MPI_Type_commit(&in);
  MPI_Type_commit(&out);
  here = {rank + 1, rank + 0.5};
  const int last = (rank + size - 1) % size;
  MPI_Sendrecv(MPI_BOTTOM, 1, out, (rank + 1) % size, 4, MPI_BOTTOM, 1, in, last, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  expect(there.first == last + 1 && there.second == last + 0.5 && apart == 40 + last, "a message by absolute addresses");
  there = {-1, -1};
  if (rank == 0) {
    MPI_Bcast(MPI_BOTTOM, 1, out, 0, MPI_COMM_WORLD);
    there = {1, 0.5};
  } else {
    MPI_Bcast(MPI_BOTTOM, 1, in, 0, MPI_COMM_WORLD);
  }
  expect(there.first == 1 && there.second == 0.5, "a broadcast by absolute addresses");
  char packed[64];
  int position = 0, room = 0;
  MPI_Pack_size(1, out, MPI_COMM_WORLD, &room);
  expect(room >= 16 && room <= 64, "MPI_Pack_size %d", room);
  MPI_Pack(MPI_BOTTOM, 1, out, packed, sizeof packed, &position, MPI_COMM_WORLD);
  const int end = position;
  position = 0;
  there = {-1, -1};
  MPI_Unpack(packed, end, &position, MPI_BOTTOM, 1, in, MPI_COMM_WORLD);
  expect(position == end && there.first == rank + 1 && there.second == rank + 0.5, "packed by absolute addresses");
  // In the standard's byte order: each number's first byte is its highest.
  MPI_Aint external = 0, at = 0;
  MPI_Pack_external_size("external32", 1, out, &external);
  expect(external == 16, "size in external32: %ld", static_cast<long>(external));
  MPI_Pack_external("external32", MPI_BOTTOM, 1, out, packed, sizeof packed, &at);
  expect(at == 16 && packed[0] == 0 && packed[3] == rank + 1, "external32: a number in another byte order");
  at = 0;
  there = {-1, -1};
  MPI_Unpack_external("external32", packed, 16, &at, MPI_BOTTOM, 1, in);
  expect(at == 16 && there.first == rank + 1 && there.second == rank + 0.5, "external32 by absolute addresses");
  MPI_Type_free(&in);
  MPI_Type_free(&out);
  EXPECT_ERROR(MPI_Pack_external_size("internal", 1, MPI_INT, &external), MPI_ERR_ARG, "another representation");
}

template <typename Value>
void locations(MPI_Datatype type, const char* what) {
  struct Pair {
    Value value;
    int index;
  };
  const Pair in[] = {{Value(3), 5}, {Value(4), 5}, {Value(4), 9}, {Value(-2), 0}};
  const Pair mine[] = {{Value(4), 6}, {Value(3), 6}, {Value(4), 6}, {Value(-2), 1}};
  Pair least[4], most[4];
  std::copy(mine, mine + 4, least);
  std::copy(mine, mine + 4, most);
  MPI_Reduce_local(in, least, 4, type, MPI_MINLOC);
  MPI_Reduce_local(in, most, 4, type, MPI_MAXLOC);
  const int least_at[] = {5, 6, 6, 0}, most_at[] = {6, 5, 6, 0};
  for (int i = 0; i < 4; ++i) {
    expect(least[i].value == std::min(in[i].value, mine[i].value) && least[i].index == least_at[i],
           "%s: MPI_MINLOC of pair %d at %d", what, i, least[i].index);
    expect(most[i].value == std::max(in[i].value, mine[i].value) && most[i].index == most_at[i],
           "%s: MPI_MAXLOC of pair %d at %d", what, i, most[i].index);
  }
  EXPECT_ERROR(MPI_Reduce_local(in, least, 1, type, MPI_SUM), MPI_ERR_OP, "a sum of pairs");
}

/// MPI 5.0, 6.9.2: which predefined operation goes with which predefined type. MPI_CHAR goes with none there, but many
/// programs reduce it, and all libraries let them.
void pairings() {
  enum : unsigned { kInteger = 1, kFloat = 2, kLogical = 4, kComplex = 8, kByte = 16, kOther = 32, kMulti = 64 };
  const struct {
    MPI_Datatype type;
    unsigned group;
    const char* name;
  } types[] = {{MPI_INT, kInteger, "int"},
               {MPI_UNSIGNED_CHAR, kInteger, "unsigned char"},
               {MPI_SIGNED_CHAR, kInteger, "signed char"},
               {MPI_LONG_LONG, kInteger, "long long"},
               {MPI_UINT16_T, kInteger, "uint16"},
               {MPI_AINT, kMulti, "aint"},
               {MPI_OFFSET, kMulti, "offset"},
               {MPI_COUNT, kMulti, "count"},
               {MPI_FLOAT, kFloat, "float"},
               {MPI_LONG_DOUBLE, kFloat, "long double"},
               {MPI_C_BOOL, kLogical, "bool"},
               {MPI_C_DOUBLE_COMPLEX, kComplex, "double complex"},
               {MPI_C_FLOAT_COMPLEX, kComplex, "float complex"},
               {MPI_BYTE, kByte, "byte"},
               {MPI_WCHAR, kOther, "wchar"},
               {MPI_PACKED, kOther, "packed"},
               {MPI_2INT, kOther, "pair"}};
  const struct {
    MPI_Op op;
    unsigned groups;
    const char* name;
  } ops[] = {{MPI_MAX, kInteger | kFloat | kMulti, "max"},
             {MPI_MIN, kInteger | kFloat | kMulti, "min"},
             {MPI_SUM, kInteger | kFloat | kComplex | kMulti, "sum"},
             {MPI_PROD, kInteger | kFloat | kComplex | kMulti, "prod"},
             {MPI_LAND, kInteger | kLogical, "land"},
             {MPI_LOR, kInteger | kLogical, "lor"},
             {MPI_LXOR, kInteger | kLogical, "lxor"},
             {MPI_BAND, kInteger | kByte | kMulti, "band"},
             {MPI_BOR, kInteger | kByte | kMulti, "bor"},
             {MPI_BXOR, kInteger | kByte | kMulti, "bxor"}};
  for (const auto& op : ops) {
    int commutes = -1;
    MPI_Op_commutative(op.op, &commutes);
    expect(commutes == 1, "MPI_Op_commutative of %s: %d", op.name, commutes);
    for (const auto& type : types) {
      // MPI_AINT and its like are integers in some versions of the text, "multi-language types" in others: logical
      // operations are left open.
      if (type.group == kMulti && (op.groups & kLogical) != 0) continue;
      alignas(16) char in[64] = {}, inout[64] = {};
      const std::string what = std::string(op.name) + " of " + type.name;
      if ((op.groups & type.group) != 0) {
        expect(MPI_Reduce_local(in, inout, 2, type.type, op.op) == MPI_SUCCESS, "%s is refused", what.c_str());
      } else {
        EXPECT_ERROR(MPI_Reduce_local(in, inout, 2, type.type, op.op), MPI_ERR_OP, what.c_str());
        EXPECT_ERROR(MPI_Allreduce(in, inout, 2, type.type, op.op, MPI_COMM_WORLD), MPI_ERR_OP, what.c_str());
      }
    }
  }
}

/// Adds columns of a matrix: the function sees the program's own type with gaps.
void add_columns(void* in, void* inout, int* count, MPI_Datatype* type) {
  MPI_Aint lb = 0, extent = 0;
  MPI_Type_get_extent(*type, &lb, &extent);
  int bytes = 0;
  MPI_Type_size(*type, &bytes);
  expect(bytes == 12 && extent == 4, "the function gets a type of %d bytes and extent %ld", bytes, static_cast<long>(extent));
  for (int c = 0; c < *count; ++c) {
    for (int row = 0; row < 3; ++row) static_cast<int*>(inout)[c + 4 * row] += static_cast<int*>(in)[c + 4 * row];
  }
}

void columns() {
  MPI_Datatype vector = MPI_DATATYPE_NULL, column = MPI_DATATYPE_NULL;
  MPI_Type_vector(3, 1, 4, MPI_INT, &vector);
  MPI_Type_create_resized(vector, 0, 4, &column);
  MPI_Type_commit(&column);
  MPI_Op add = MPI_OP_NULL;
  MPI_Op_create(add_columns, 1, &add);
  int mine[12], sum[12];
  std::iota(mine, mine + 12, 100 * rank);
  std::fill(sum, sum + 12, -1);
  MPI_Allreduce(mine, sum, 2, column, add, MPI_COMM_WORLD);
  for (int i = 0; i < 12; ++i) {
    const int wanted = i % 4 < 2 ? size * i + 100 * (size * (size - 1) / 2) : -1;
    expect(sum[i] == wanted, "sum of columns: element %d is %d, not %d", i, sum[i], wanted);
  }
  std::fill(sum, sum + 12, -1);
  MPI_Reduce(mine, sum, 2, column, add, size - 1, MPI_COMM_WORLD);
  expect(rank != size - 1 || (sum[9] == size * 9 + 100 * (size * (size - 1) / 2) && sum[10] == -1),
         "sum of columns at the root: %d, %d", sum[9], sum[10]);
  MPI_Op_free(&add);
  MPI_Type_free(&vector);
  MPI_Type_free(&column);
}

}  // namespace

void type_details() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  combiners();
  parts();
  addresses();
}

void operation_details() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  locations<float>(MPI_FLOAT_INT, "MPI_FLOAT_INT");
  locations<double>(MPI_DOUBLE_INT, "MPI_DOUBLE_INT");
  locations<long>(MPI_LONG_INT, "MPI_LONG_INT");
  locations<int>(MPI_2INT, "MPI_2INT");
  locations<short>(MPI_SHORT_INT, "MPI_SHORT_INT");
  locations<long double>(MPI_LONG_DOUBLE_INT, "MPI_LONG_DOUBLE_INT");
  pairings();
  columns();
}

}  // namespace test
