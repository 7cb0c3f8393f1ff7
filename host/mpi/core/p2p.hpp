// SPDX-License-Identifier: BSD-3-Clause
// What the functions for messages share: checks of arguments, and messages as requests.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/handles.hpp"
#include "core/request.hpp"

namespace tally::mpi {

/// Names of a call's arguments, for texts.
struct DataNames {
  const char* buffer = "buf";
  const char* count = "count";
  const char* type = "datatype";
};
struct PeerNames {
  const char* rank;
  const char* tag;
};
inline constexpr PeerNames kDestination{"dest", "tag"};
inline constexpr PeerNames kSource{"source", "tag"};

/// A message's data as the program gave them.
struct Data {
  void* buffer;
  MPI_Count count;
  Datatype* type;
  std::uint64_t bytes;
  bool contiguous;

  /// Of contiguous data.
  [[nodiscard]] std::byte* address() const noexcept {
    return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(buffer) +
                                        static_cast<std::uintptr_t>(type->type->true_lb()));
  }
};

namespace detail {
[[noreturn]] void bad_data(const void* buffer, MPI_Count count, const Datatype& type, const DataNames& names);
[[noreturn]] void bad_rank(const char* argument, int rank, int peers, bool receive);
[[noreturn]] void bad_tag(const char* argument, int tag, bool receive);
}  // namespace detail

/// Throws MPI_ERR_TYPE, MPI_ERR_COUNT or MPI_ERR_BUFFER with a text that names the argument.
inline Data check_data(const void* buffer, MPI_Count count, MPI_Datatype datatype,
                       const DataNames& names = {}) {
  Datatype& type = get_type(datatype, names.type);
  const datatype::Type& shape = *type.type;
  Data data{const_cast<void*>(buffer), count, &type, 0, true};
  std::int64_t bytes = 0;
  if (count < 0 || !shape.committed() || __builtin_mul_overflow(count, shape.size(), &bytes) ||
      (buffer == nullptr && bytes != 0 && shape.true_lb() == 0)) [[unlikely]]
    detail::bad_data(buffer, count, type, names);
  data.bytes = static_cast<std::uint64_t>(bytes);
  data.contiguous = shape.contiguous() || bytes == 0 || (count == 1 && shape.one_block());
  return data;
}
inline void check_destination(const Comm& comm, int dest, int tag, const PeerNames& names = kDestination) {
  if ((dest < 0 || dest >= comm.peers()) && dest != MPI_PROC_NULL) [[unlikely]]
    detail::bad_rank(names.rank, dest, comm.peers(), false);
  if (tag < 0) [[unlikely]]
    detail::bad_tag(names.tag, tag, false);
}
inline void check_source(const Comm& comm, int source, int tag, const PeerNames& names = kSource) {
  if ((source < 0 || source >= comm.peers()) && source != MPI_ANY_SOURCE && source != MPI_PROC_NULL)
      [[unlikely]]
    detail::bad_rank(names.rank, source, comm.peers(), true);
  if (tag < 0 && tag != MPI_ANY_TAG) [[unlikely]]
    detail::bad_tag(names.tag, tag, true);
}
/// As the engine takes them.
inline int engine_source(const Comm& comm, int source) noexcept {
  return source == MPI_ANY_SOURCE ? TALLY_ANY_SOURCE : comm.peer(source);
}
inline int engine_tag(int tag) noexcept { return tag == MPI_ANY_TAG ? TALLY_ANY_TAG : tag; }

/// Packs the data into staging.
[[nodiscard]] Staging packed(const Data& data);
/// Unpacks the first `bytes` bytes of the data's stream.
void unpack(const Data& data, const std::byte* from, std::uint64_t bytes);

/// A request for the message, not yet started. `keep`: persistent.
[[nodiscard]] Request* make_send(SendMode mode, const Data& data, int dest, int tag, Comm& comm, bool keep);
[[nodiscard]] Request* make_receive(const Data& data, int source, int tag, Comm& comm, bool keep);
/// Starts any request, again where it is persistent. Throws Error; the request is not active then.
void start(Request& request);

/// Buffered mode (buffered.cpp): the data are copied into the program's buffer, and on their way when this
/// returns.
void send_buffered(const Data& data, int dest, int tag, Comm& comm);
/// Waits for all buffered messages.
void conclude_buffered();

}  // namespace tally::mpi
