// SPDX-License-Identifier: BSD-3-Clause
// Datatypes by handles, packing; operations.
#include <cstdint>

#include "program.hpp"

namespace test {

namespace {

struct Envelope {
  int integers = -1, addresses = -1, types = -1, combiner = -1;
};
Envelope envelope(MPI_Datatype type) {
  Envelope result;
  MPI_Type_get_envelope(type, &result.integers, &result.addresses, &result.types, &result.combiner);
  digest(result.integers);
  digest(result.addresses);
  digest(result.types);
  return result;
}

void extents(MPI_Datatype type, const char* what, int bytes, MPI_Aint lb, MPI_Aint extent, MPI_Aint true_lb,
             MPI_Aint true_extent) {
  int size_of = -1;
  MPI_Aint got_lb = -1, got_extent = -1;
  MPI_Count large = -1;
  MPI_Type_size(type, &size_of);
  MPI_Type_size_x(type, &large);
  expect(size_of == bytes && large == bytes, "%s: size %d", what, size_of);
  MPI_Type_get_extent(type, &got_lb, &got_extent);
  expect(got_lb == lb && got_extent == extent, "%s: lb %ld, extent %ld", what, static_cast<long>(got_lb),
         static_cast<long>(got_extent));
  MPI_Type_get_true_extent(type, &got_lb, &got_extent);
  expect(got_lb == true_lb && got_extent == true_extent, "%s: true lb %ld, true extent %ld", what,
         static_cast<long>(got_lb), static_cast<long>(got_extent));
}

void constructors() {
  MPI_Datatype vector = MPI_DATATYPE_NULL, record = MPI_DATATYPE_NULL, resized = MPI_DATATYPE_NULL;
  MPI_Type_vector(3, 2, 4, MPI_INT, &vector);
  extents(vector, "a vector", 24, 0, 40, 0, 40);
  Envelope of = envelope(vector);
  expect(of.combiner == MPI_COMBINER_VECTOR && of.integers == 3 && of.addresses == 0 && of.types == 1,
         "envelope of a vector");
  int integers[4] = {};
  MPI_Aint addresses[4] = {};
  MPI_Datatype types[4];
  MPI_Type_get_contents(vector, 3, 0, 1, integers, addresses, types);
  expect(integers[0] == 3 && integers[1] == 2 && integers[2] == 4 && types[0] == MPI_INT,
         "contents of a vector");

  MPI_Type_create_resized(vector, -4, 64, &resized);
  extents(resized, "a resized one", 24, -4, 64, 0, 40);
  of = envelope(resized);
  expect(of.combiner == MPI_COMBINER_RESIZED && of.addresses == 2 && of.types == 1,
         "envelope of a resized one");
  MPI_Type_get_contents(resized, 0, 2, 1, integers, addresses, types);
  expect(addresses[0] == -4 && addresses[1] == 64, "contents of a resized one");
  of = envelope(types[0]);  // a derived type: a new handle, which the program frees
  expect(of.combiner == MPI_COMBINER_VECTOR, "the type that a resized one was made of");
  MPI_Type_free(&types[0]);

  struct Record {
    char letter;
    double number;
    int tail[3];
  };
  const int lengths[3] = {1, 1, 3};
  const MPI_Aint places[3] = {offsetof(Record, letter), offsetof(Record, number), offsetof(Record, tail)};
  const MPI_Datatype members[3] = {MPI_CHAR, MPI_DOUBLE, MPI_INT};
  MPI_Type_create_struct(3, lengths, places, members, &record);
  extents(record, "a struct", 21, 0, sizeof(Record), 0, 28);
  of = envelope(record);
  expect(of.combiner == MPI_COMBINER_STRUCT && of.integers == 4 && of.addresses == 3 && of.types == 3,
         "envelope of a struct");
  MPI_Type_get_contents(record, 4, 3, 3, integers, addresses, types);
  expect(integers[0] == 3 && integers[3] == 3 && addresses[1] == places[1] && types[1] == MPI_DOUBLE,
         "contents of a struct");

  MPI_Datatype subarray = MPI_DATATYPE_NULL, dup = MPI_DATATYPE_NULL, indexed = MPI_DATATYPE_NULL;
  const int sizes[2] = {4, 5}, parts[2] = {2, 3}, starts[2] = {1, 1};
  MPI_Type_create_subarray(2, sizes, parts, starts, MPI_ORDER_C, MPI_INT, &subarray);
  extents(subarray, "a subarray", 24, 0, 80, 24, 32);
  const int blocks[3] = {2, 0, 1}, displacements[3] = {5, 9, 0};
  MPI_Type_indexed(3, blocks, displacements, MPI_SHORT, &indexed);
  extents(indexed, "an indexed one", 6, 0, 14, 0, 14);
  MPI_Type_dup(indexed, &dup);
  of = envelope(dup);
  expect(of.combiner == MPI_COMBINER_DUP && of.types == 1, "envelope of a duplicate");
  of = envelope(MPI_INT);
  expect(of.combiner == MPI_COMBINER_NAMED && of.integers == 0 && of.types == 0, "envelope of MPI_INT");

  // Sends of one are receives of its elements.
  MPI_Type_commit(&record);
  Record out{'x', 2.5, {1, 2, 3}}, in{};
  MPI_Sendrecv(&out, 1, record, (rank + 1) % size, 0, &in, 1, record, (rank + size - 1) % size, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  expect(in.letter == 'x' && in.number == 2.5 && in.tail[2] == 3, "a struct does not arrive");

  const int many = 3;
  EXPECT_ERROR(MPI_Type_contiguous(-1, MPI_INT, &dup), MPI_ERR_COUNT, "a contiguous type of -1");
  EXPECT_ERROR(MPI_Type_vector(many, -1, 2, MPI_INT, &dup), 0, "a vector of blocks of -1");
  EXPECT_ERROR(MPI_Type_contiguous(1, MPI_DATATYPE_NULL, &dup), MPI_ERR_TYPE, "a type of no type");
  EXPECT_ERROR(MPI_Type_get_contents(MPI_INT, 1, 1, 1, integers, addresses, types), 0, "contents of MPI_INT");
  MPI_Datatype predefined = MPI_INT;
  EXPECT_ERROR(MPI_Type_free(&predefined), MPI_ERR_TYPE, "freeing MPI_INT");
  EXPECT_ERROR(MPI_Send(&out, 1, vector, MPI_PROC_NULL, 0, MPI_COMM_WORLD), MPI_ERR_TYPE,
               "a type that is not committed");
  for (MPI_Datatype* type : {&vector, &record, &resized, &subarray, &dup, &indexed}) MPI_Type_free(type);
  expect(vector == MPI_DATATYPE_NULL, "MPI_Type_free leaves its handle");
}

void names() {
  char name[MPI_MAX_OBJECT_NAME];
  int length = 0;
  const struct {
    MPI_Datatype type;
    const char* name;
    int bytes;
  } known[] = {
      {MPI_CHAR, "MPI_CHAR", 1},
      {MPI_INT, "MPI_INT", 4},
      {MPI_DOUBLE, "MPI_DOUBLE", 8},
      {MPI_LONG_DOUBLE, "MPI_LONG_DOUBLE", 16},
      {MPI_BYTE, "MPI_BYTE", 1},
      {MPI_PACKED, "MPI_PACKED", 1},
      {MPI_INT8_T, "MPI_INT8_T", 1},
      {MPI_UINT64_T, "MPI_UINT64_T", 8},
      {MPI_C_BOOL, "MPI_C_BOOL", 1},
      {MPI_C_DOUBLE_COMPLEX, "MPI_C_DOUBLE_COMPLEX", 16},
      {MPI_AINT, "MPI_AINT", 8},
      {MPI_OFFSET, "MPI_OFFSET", 8},
      {MPI_COUNT, "MPI_COUNT", 8},
      {MPI_2INT, "MPI_2INT", 8},
      {MPI_DOUBLE_INT, "MPI_DOUBLE_INT", 12},
      {MPI_SHORT_INT, "MPI_SHORT_INT", 6},
      {MPI_WCHAR, "MPI_WCHAR", 4},
      {MPI_CXX_BOOL, "MPI_CXX_BOOL", 1},
  };
  for (const auto& of : known) {
    int bytes = -1;
    MPI_Type_get_name(of.type, name, &length);
    MPI_Type_size(of.type, &bytes);
    expect(std::string(name) == of.name, "name '%s' of %s", name, of.name);
    expect(bytes == of.bytes, "size %d of %s", bytes, of.name);
  }
  MPI_Datatype type = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(2, MPI_INT, &type);
  MPI_Type_get_name(type, name, &length);
  expect(length == 0, "a new type has the name '%s'", name);
  MPI_Type_set_name(type, "two ints");
  MPI_Type_get_name(type, name, &length);
  expect(std::string(name) == "two ints" && length == 8, "name '%s'", name);
  MPI_Type_free(&type);
  MPI_Type_match_size(MPI_TYPECLASS_REAL, 8, &type);
  int bytes = 0;
  MPI_Type_size(type, &bytes);
  expect(bytes == 8, "MPI_Type_match_size gives %d bytes", bytes);
  MPI_Datatype again = MPI_DATATYPE_NULL;
  MPI_Type_create_f90_integer(9, &type);
  MPI_Type_create_f90_integer(9, &again);
  MPI_Type_size(type, &bytes);
  expect(type == again && bytes == 4, "MPI_Type_create_f90_integer(9): %d bytes", bytes);
  MPI_Type_create_f90_real(15, MPI_UNDEFINED, &type);
  MPI_Type_size(type, &bytes);
  expect(bytes == 8, "MPI_Type_create_f90_real(15): %d bytes", bytes);
  const Envelope of = envelope(type);
  expect(of.combiner == MPI_COMBINER_F90_REAL && of.integers == 2, "envelope of a Fortran type");
}

void packing() {
  MPI_Datatype column = MPI_DATATYPE_NULL;
  MPI_Type_vector(4, 1, 3, MPI_INT, &column);
  MPI_Type_commit(&column);
  int matrix[12], back[12] = {};
  for (int i = 0; i < 12; ++i) matrix[i] = i;
  int bytes = 0, position = 0;
  MPI_Pack_size(1, column, MPI_COMM_WORLD, &bytes);
  expect(bytes >= 16, "MPI_Pack_size %d", bytes);
  std::vector<char> buffer(static_cast<std::size_t>(2 * bytes) + 8);
  const double number = 0.5;
  MPI_Pack(&matrix[1], 1, column, buffer.data(), static_cast<int>(buffer.size()), &position, MPI_COMM_WORLD);
  MPI_Pack(&number, 1, MPI_DOUBLE, buffer.data(), static_cast<int>(buffer.size()), &position, MPI_COMM_WORLD);
  const int end = position;
  position = 0;
  double got = 0;
  MPI_Unpack(buffer.data(), end, &position, back, 1, column, MPI_COMM_WORLD);
  MPI_Unpack(buffer.data(), end, &position, &got, 1, MPI_DOUBLE, MPI_COMM_WORLD);
  expect(position == end && got == 0.5, "MPI_Unpack: position %d of %d", position, end);
  expect(back[0] == 1 && back[3] == 4 && back[6] == 7 && back[9] == 10 && back[1] == 0,
         "MPI_Unpack of a column");

  char external[16];
  MPI_Aint place = 0, needed = 0;
  const int one = 0x01020304;
  MPI_Pack_external_size("external32", 1, MPI_INT, &needed);
  MPI_Pack_external("external32", &one, 1, MPI_INT, external, sizeof external, &place);
  expect(needed == 4 && place == 4 && external[0] == 1 && external[3] == 4, "external32 of an int");
  int read = 0;
  place = 0;
  MPI_Unpack_external("external32", external, 4, &place, &read, 1, MPI_INT);
  expect(read == one && place == 4, "MPI_Unpack_external gives %x", static_cast<unsigned>(read));
  position = static_cast<int>(buffer.size()) - 4;
  EXPECT_ERROR(MPI_Pack(&matrix[1], 1, column, buffer.data(), static_cast<int>(buffer.size()), &position,
                        MPI_COMM_WORLD),
               0, "MPI_Pack beyond the buffer");
  MPI_Type_free(&column);
}

void multiply(void* in, void* inout, int* count, MPI_Datatype* type) {
  expect(*type == MPI_INT, "the function gets another type");
  for (int i = 0; i < *count; ++i) static_cast<int*>(inout)[i] *= static_cast<int*>(in)[i];
}
void left(void* in, void* inout, int* count, MPI_Datatype*) {  // keeps the left one: not commutative
  for (int i = 0; i < *count; ++i) static_cast<int*>(inout)[i] = static_cast<int*>(in)[i];
}

}  // namespace

void datatypes() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  constructors();
  names();
  packing();
}

void operations() {
  const ErrorsReturn world(MPI_COMM_WORLD), self(MPI_COMM_SELF);
  MPI_Op product = MPI_OP_NULL, first = MPI_OP_NULL;
  MPI_Op_create(multiply, 1, &product);
  MPI_Op_create(left, 0, &first);
  int flag = -1;
  MPI_Op_commutative(product, &flag);
  expect(flag == 1, "a commutative operation is not");
  MPI_Op_commutative(first, &flag);
  expect(flag == 0, "an operation that is not commutative is");
  MPI_Op_commutative(MPI_SUM, &flag);
  expect(flag == 1, "MPI_SUM is not commutative");
  const int in[3] = {2, 3, 4};
  int inout[3] = {5, 6, 7};
  MPI_Reduce_local(in, inout, 3, MPI_INT, product);
  expect(inout[0] == 10 && inout[1] == 18 && inout[2] == 28, "MPI_Reduce_local by a function of the program");
  MPI_Reduce_local(in, inout, 3, MPI_INT, MPI_SUM);
  expect(inout[0] == 12 && inout[1] == 21 && inout[2] == 32, "MPI_Reduce_local by MPI_SUM");
  const long double a = 1.5L;
  long double b = 2.25L;
  MPI_Reduce_local(&a, &b, 1, MPI_LONG_DOUBLE, MPI_PROD);
  expect(b == 3.375L, "MPI_Reduce_local of long double");
  struct {
    double value;
    int index;
  } low{1.0, 7}, high{1.0, 3};
  MPI_Reduce_local(&low, &high, 1, MPI_DOUBLE_INT, MPI_MINLOC);
  expect(high.value == 1.0 && high.index == 3, "MPI_MINLOC takes index %d", high.index);

  int mine = rank + 2, all = 0, wanted = 1;
  for (int i = 0; i < size; ++i) wanted *= i + 2;
  MPI_Allreduce(&mine, &all, 1, MPI_INT, product, MPI_COMM_WORLD);
  expect(all == wanted, "product %d", all);
  MPI_Allreduce(&mine, &all, 1, MPI_INT, first, MPI_COMM_WORLD);
  expect(all == 2, "the first one is %d", all);
  MPI_Op_free(&product);
  MPI_Op_free(&first);
  expect(product == MPI_OP_NULL, "MPI_Op_free leaves its handle");
  MPI_Op predefined = MPI_SUM;
  EXPECT_ERROR(MPI_Op_free(&predefined), MPI_ERR_OP, "freeing MPI_SUM");
  EXPECT_ERROR(MPI_Reduce_local(in, inout, 3, MPI_DOUBLE, MPI_BXOR), MPI_ERR_OP, "exclusive or of doubles");
  EXPECT_ERROR(MPI_Allreduce(&mine, &all, 1, MPI_INT, MPI_OP_NULL, MPI_COMM_WORLD), MPI_ERR_OP,
               "MPI_OP_NULL");
}

}  // namespace test
