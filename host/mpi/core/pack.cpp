// SPDX-License-Identifier: BSD-3-Clause
// Pack and unpack into memory of the program (MPI 5.0, 5.2 and 5.3).
#include <cstring>
#include <string_view>

#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/types.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi {
namespace {

void check_out(const void* pointer, const char* name) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", name);
}

const datatype::Type& usable(MPI_Datatype datatype) {
  const datatype::Type& type = *get_type(datatype).type;
  if (!type.committed()) fail(MPI_ERR_TYPE, "datatype is not committed");
  return type;
}

/// Bytes of `count` elements of `unit` bytes.
MPI_Count bytes_of(MPI_Count count, MPI_Count unit, const char* argument) {
  if (count < 0) fail(MPI_ERR_COUNT, "{} {} is negative", argument, count);
  MPI_Count bytes = 0;
  if (__builtin_mul_overflow(count, unit, &bytes))
    fail(MPI_ERR_COUNT, "{} {}: the packed data do not fit 64 bits", argument, count);
  return bytes;
}

void check_range(MPI_Count position, MPI_Count bytes, MPI_Count size, const char* argument) {
  if (size < 0) fail(MPI_ERR_ARG, "{} {} is negative", argument, size);
  if (position < 0 || position > size)
    fail(MPI_ERR_ARG, "position {} is out of range (0 to {} {})", position, argument, size);
  if (bytes > size - position)
    fail(MPI_ERR_TRUNCATE, "{} bytes from position {} on do not fit {} {}", bytes, position, argument, size);
}

void check_buffer(const void* buffer, MPI_Count bytes, const char* argument) {
  if (buffer == nullptr && bytes > 0) fail(MPI_ERR_BUFFER, "{} is NULL", argument);
}

/// MPI_BOTTOM is a null pointer with a type of absolute addresses: allowed, unless the type begins at the
/// address 0.
void check_typed(const void* buffer, const datatype::Type& type, MPI_Count bytes, const char* argument) {
  if (bytes > 0 && buffer == MPI_BOTTOM && type.true_lb() == 0) fail(MPI_ERR_BUFFER, "{} is NULL", argument);
}

void check_datarep(const char* datarep) {
  check_out(datarep, "datarep");
  if (std::string_view(datarep) != "external32")
    fail(MPI_ERR_ARG, "datarep '{}' is not served: there is 'external32'", datarep);
}

}  // namespace

void Pack(const void* inbuf, MPI_Count incount, MPI_Datatype datatype, void* outbuf, MPI_Count outsize,
          MPI_Count* position, MPI_Comm comm) {
  get_comm(comm);
  const datatype::Type& type = usable(datatype);
  check_out(position, "position");
  const MPI_Count bytes = bytes_of(incount, type.size(), "incount");
  check_range(*position, bytes, outsize, "outsize");
  check_buffer(outbuf, bytes, "outbuf");
  check_typed(inbuf, type, bytes, "inbuf");
  if (bytes > 0) datatype::pack(type, inbuf, incount, 0, bytes, static_cast<std::byte*>(outbuf) + *position);
  *position += bytes;
}

void Unpack(const void* inbuf, MPI_Count insize, MPI_Count* position, void* outbuf, MPI_Count outcount,
            MPI_Datatype datatype, MPI_Comm comm) {
  get_comm(comm);
  const datatype::Type& type = usable(datatype);
  check_out(position, "position");
  const MPI_Count bytes = bytes_of(outcount, type.size(), "outcount");
  check_range(*position, bytes, insize, "insize");
  check_buffer(inbuf, bytes, "inbuf");
  check_typed(outbuf, type, bytes, "outbuf");
  if (bytes > 0)
    datatype::unpack(type, outbuf, outcount, 0, bytes, static_cast<const std::byte*>(inbuf) + *position);
  *position += bytes;
}

void Pack_size(MPI_Count incount, MPI_Datatype datatype, MPI_Comm comm, MPI_Count* size) {
  get_comm(comm);
  const datatype::Type& type = usable(datatype);
  check_out(size, "size");
  *size = bytes_of(incount, type.size(), "incount");
}

void Pack_external(const char* datarep, const void* inbuf, MPI_Count incount, MPI_Datatype datatype,
                   void* outbuf, MPI_Count outsize, MPI_Count* position) {
  check_datarep(datarep);
  const datatype::Type& type = usable(datatype);
  check_out(position, "position");
  const MPI_Count bytes = bytes_of(incount, datatype::external32_size(type), "incount");
  check_range(*position, bytes, outsize, "outsize");
  check_buffer(outbuf, bytes, "outbuf");
  check_typed(inbuf, type, bytes, "inbuf");
  if (bytes > 0)
    with_faults([&] {
      datatype::pack_external32(type, inbuf, incount, static_cast<std::byte*>(outbuf) + *position);
    });
  *position += bytes;
}

void Unpack_external(const char* datarep, const void* inbuf, MPI_Count insize, MPI_Count* position,
                     void* outbuf, MPI_Count outcount, MPI_Datatype datatype) {
  check_datarep(datarep);
  const datatype::Type& type = usable(datatype);
  check_out(position, "position");
  const MPI_Count bytes = bytes_of(outcount, datatype::external32_size(type), "outcount");
  check_range(*position, bytes, insize, "insize");
  check_buffer(inbuf, bytes, "inbuf");
  check_typed(outbuf, type, bytes, "outbuf");
  if (bytes > 0) {
    with_faults([&] {
      datatype::unpack_external32(type, outbuf, outcount, static_cast<const std::byte*>(inbuf) + *position);
    });
  }
  *position += bytes;
}

void Pack_external_size(const char* datarep, MPI_Count incount, MPI_Datatype datatype, MPI_Count* size) {
  check_datarep(datarep);
  const datatype::Type& type = usable(datatype);
  check_out(size, "size");
  *size = bytes_of(incount, datatype::external32_size(type), "incount");
}

}  // namespace tally::mpi
