// SPDX-License-Identifier: BSD-3-Clause
// Requests: their memory, their end, and those that the program has given up.
#include "core/request.hpp"

#include <algorithm>
#include <deque>
#include <new>

#include "core/status.hpp"
#include "mpi/datatype/pack.hpp"

namespace tally::mpi {
namespace {

union Slot {
  Slot* next;
  alignas(Request) std::byte bytes[sizeof(Request)];
  Slot() noexcept : next(nullptr) {}
};
constexpr std::size_t kSlots = 64;  // made at a time
Slot* free_slots = nullptr;

void add_slots() {
  Slot* const block = new Slot[kSlots];  // stays: a handle that is used after its free meets a freed Request
  for (std::size_t i = 0; i < kSlots; ++i) {
    block[i].next = free_slots;
    free_slots = &block[i];
  }
}

/// What a receive has got.
void conclude_receive(Request& request, tally_status status, const tally_result& result) {
  if (status == TALLY_ERR_CANCELLED) {
    request.cancelled = true;
    set_status(&request.status, MPI_ANY_SOURCE, MPI_ANY_TAG, 0, true);
    return;
  }
  if (status != TALLY_OK && status != TALLY_ERR_TRUNCATED) return;
  const std::uint64_t got = std::min<std::uint64_t>(result.length, request.bytes);
  set_status(&request.status, source_of(*request.comm, result.source), result.tag, got);
  if (request.packed && got != 0) {
    datatype::unpack(*request.datatype->type, request.buffer, request.count, 0, static_cast<MPI_Count>(got),
                     request.packed.data());
    runtime.unpacked_bytes += got;
  }
}

}  // namespace

void* Request::operator new(std::size_t) {
  if (free_slots == nullptr) [[unlikely]]
    add_slots();
  Slot* const slot = free_slots;
  free_slots = slot->next;
  return slot;
}

// `self` of the freed object stays nullptr: the link stands behind it.
void Request::operator delete(void* block) noexcept {
  auto* const slot = static_cast<Slot*>(block);
  slot->next = free_slots;
  free_slots = slot;
}

Error error_of(tally_status status, const std::string& text) noexcept {
  try {
    check(status);
  } catch (Error& error) {
    if (!text.empty()) error.text = text;
    return std::move(error);
  }
  return Error{MPI_ERR_INTERN, text};
}

std::string truncation_text(std::uint64_t length, int source, int tag, std::uint64_t room) {
  return fmt::format(
      "the message of {} bytes from rank {}, tag {}, is longer than the receive buffer of {} bytes", length,
      source, tag, room);
}

void set_failure(Request& request) noexcept {
  try {
    throw;
  } catch (Error& error) {
    request.failure = error.error_class;
    request.failure_text = std::move(error.text);
  } catch (const datatype::Error& error) {
    request.failure = MPI_ERR_TYPE;
    request.failure_text = error.what();
  } catch (const std::bad_alloc&) {
    request.failure = MPI_ERR_NO_MEM;
    request.failure_text = "out of memory";
  } catch (const std::exception& error) {
    request.failure = MPI_ERR_INTERN;
    request.failure_text = error.what();
  } catch (...) {
    request.failure = MPI_ERR_INTERN;
    request.failure_text = "unknown exception";
  }
}

namespace {

/// conclude() where more is to be done than to note the end of a message.
void conclude_special(Request& request, tally_status status, const tally_result& result) {
  request.complete = true;
  set_empty(&request.status);
  if (request.type == Request::Type::kReceive) conclude_receive(request, status, result);
  if (status != TALLY_OK && status != TALLY_ERR_CANCELLED) [[unlikely]] {
    const bool truncated = request.type == Request::Type::kReceive && status == TALLY_ERR_TRUNCATED;
    const Error error = error_of(status, truncated ? truncation_text(result.length, request.status.MPI_SOURCE,
                                                                     request.status.MPI_TAG, request.bytes)
                                                   : std::string());
    request.failure = error.error_class;
    request.failure_text = error.text;
  }
  finish(request);
}

}  // namespace

void conclude(Request& request, tally_status status, const tally_result& result) {
  if (status != TALLY_OK || request.packed || request.plan != nullptr) [[unlikely]]
    return conclude_special(request, status, result);
  if (request.type == Request::Type::kReceive) {
    request.complete = true;
    set_status(&request.status, source_of(*request.comm, result.source), result.tag,
               std::min<std::uint64_t>(result.length, request.bytes));
  } else if (request.type == Request::Type::kSend) {
    request.complete = true;  // its status has been the empty one from the start
  } else {
    conclude_special(request, status, result);
  }
}

void finish(Request& request) {
  request.complete = true;
  if (request.plan != nullptr) {
    try {
      request.plan->finish(request);
    } catch (...) {
      set_failure(request);
    }
  }
  if (!request.persistent) request.packed = {};
  request.status.MPI_ERROR = request.failure;
}

void throw_failure(const Request& request) {
  if (request.failure == MPI_SUCCESS) [[likely]]
    return;
  throw Error{request.failure,
              request.function == nullptr ? request.failure_text
                                          : fmt::format("{}: {}", request.function, request.failure_text),
              request.comm};
}

}  // namespace tally::mpi
