// SPDX-License-Identifier: BSD-3-Clause
// The one-sided operations of tally.h.
#include <cstring>

#include "api/calls.hpp"

using tally::Status;
using tally::api::bad_argument;
using tally::api::blocking_call;
using tally::api::boundary;
using tally::api::Entry;
using tally::api::need;
using tally::api::OneSidedCall;
using tally::api::OneSidedKind;
using tally::api::start_call;

namespace {

OneSidedCall transfer(OneSidedKind kind, const void* buffer, size_t length, uint64_t offset) {
  OneSidedCall call;
  call.kind = kind;
  call.buffer = const_cast<void*>(buffer);  // that of a put is not written
  call.length = length;
  call.offset = offset;
  return call;
}

/// The integer at `from`, of the width that `call` has.
uint64_t load(const OneSidedCall& call, const void* from) {
  uint64_t wide = 0;
  uint32_t narrow = 0;
  std::memcpy(call.wide ? static_cast<void*>(&wide) : &narrow, from, call.length);
  return call.wide ? wide : narrow;
}

/// `operand_name`, `compare` nullptr where the operation has none.
Status atomic(OneSidedKind kind, uint64_t offset, tally_dtype dtype, const void* compare, const char* operand_name,
              const void* operand, void* result, OneSidedCall* call) {
  call->kind = kind;
  call->wide = dtype == TALLY_I64 || dtype == TALLY_U64;
  if (!call->wide && dtype != TALLY_I32 && dtype != TALLY_U32)
    return bad_argument("dtype {} is not an integer of 32 or 64 bits", static_cast<int>(dtype));
  Status status = need(operand_name, operand);
  if (status.ok() && kind == OneSidedKind::kCompareSwap) status = need("compare", compare);
  if (!status.ok()) return status;
  call->length = call->wide ? 8 : 4;
  call->offset = offset;
  call->buffer = result;
  call->operand = load(*call, operand);
  if (compare != nullptr) call->compare = load(*call, compare);
  return {};
}

/// make(&call) fills the call in.
template <typename Make>
tally_status start(const char* name, tally_endpoint* endpoint, const tally_remote_key* key, tally_request** request,
                   Make make) {
  return start_call(name, endpoint, nullptr, request, [&](tally_endpoint& where, tally_group&, tally_request** made) {
    OneSidedCall call;
    Status status = need("key", key);
    if (status.ok()) status = make(&call);
    return status.ok() ? where.start_one_sided(call, *key, made) : status;
  });
}

template <typename Make>
tally_status run(const char* name, tally_endpoint* endpoint, const tally_remote_key* key, Make make) {
  return blocking_call(name, endpoint, nullptr, nullptr,
                       [&](tally_endpoint& where, tally_group&, tally_request** made) {
                         OneSidedCall call;
                         Status status = need("key", key);
                         if (status.ok()) status = make(&call);
                         return status.ok() ? where.start_one_sided(call, *key, made) : status;
                       });
}

auto put_of(const void* buffer, size_t length, uint64_t offset) {
  return [=](OneSidedCall* call) {
    *call = transfer(OneSidedKind::kPut, buffer, length, offset);
    return Status{};
  };
}

auto get_of(void* buffer, size_t length, uint64_t offset) {
  return [=](OneSidedCall* call) {
    *call = transfer(OneSidedKind::kGet, buffer, length, offset);
    return Status{};
  };
}

auto fetch_add_of(uint64_t offset, tally_dtype dtype, const void* operand, void* result) {
  return [=](OneSidedCall* call) {
    return atomic(OneSidedKind::kFetchAdd, offset, dtype, nullptr, "operand", operand, result, call);
  };
}

auto swap_of(uint64_t offset, tally_dtype dtype, const void* value, void* result) {
  return [=](OneSidedCall* call) {
    return atomic(OneSidedKind::kSwap, offset, dtype, nullptr, "value", value, result, call);
  };
}

auto compare_swap_of(uint64_t offset, tally_dtype dtype, const void* compare, const void* value, void* result) {
  return [=](OneSidedCall* call) {
    return atomic(OneSidedKind::kCompareSwap, offset, dtype, compare, "value", value, result, call);
  };
}

}  // namespace

// --- keys -------------------------------------------------------------------------------------

tally_status tally_memory_export(tally_memory* memory, unsigned access, tally_remote_key* key) {
  return boundary("tally_memory_export", [&]() -> Status {
    const Entry entry(memory == nullptr ? nullptr : memory->endpoint);
    Status status = need("memory", memory);
    if (status.ok()) status = need("key", key);
    return status.ok() ? memory->endpoint->export_memory(memory, access, key) : status;
  });
}

tally_status tally_memory_release(tally_endpoint* endpoint, const tally_remote_key* key) {
  return boundary("tally_memory_release", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("key", key);
    return status.ok() ? endpoint->release_key(*key) : status;
  });
}

tally_status tally_remote_key_query(tally_endpoint* endpoint, const tally_remote_key* key, int* rank, size_t* length,
                                    unsigned* access) {
  return boundary("tally_remote_key_query", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("key", key);
    tally::api::RemoteKey content;
    if (status.ok()) status = endpoint->open_key(*key, &content);
    if (!status.ok()) return status;
    if (rank != nullptr) *rank = content.rank;
    if (length != nullptr) *length = static_cast<size_t>(content.length);
    if (access != nullptr) *access = content.access;
    return {};
  });
}

// --- operations -------------------------------------------------------------------------------

tally_status tally_put_start(tally_endpoint* endpoint, const void* buffer, size_t length, const tally_remote_key* key,
                             uint64_t offset, tally_request** request) {
  return start("tally_put_start", endpoint, key, request, put_of(buffer, length, offset));
}

tally_status tally_get_start(tally_endpoint* endpoint, void* buffer, size_t length, const tally_remote_key* key,
                             uint64_t offset, tally_request** request) {
  return start("tally_get_start", endpoint, key, request, get_of(buffer, length, offset));
}

tally_status tally_fetch_add_start(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                   tally_dtype dtype, const void* operand, void* result, tally_request** request) {
  return start("tally_fetch_add_start", endpoint, key, request, fetch_add_of(offset, dtype, operand, result));
}

tally_status tally_swap_start(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset, tally_dtype dtype,
                              const void* value, void* result, tally_request** request) {
  return start("tally_swap_start", endpoint, key, request, swap_of(offset, dtype, value, result));
}

tally_status tally_compare_swap_start(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                      tally_dtype dtype, const void* compare, const void* value, void* result,
                                      tally_request** request) {
  return start("tally_compare_swap_start", endpoint, key, request,
               compare_swap_of(offset, dtype, compare, value, result));
}

tally_status tally_flush_start(tally_endpoint* endpoint, int rank, tally_request** request) {
  return start_call("tally_flush_start", endpoint, nullptr, request,
                    [&](tally_endpoint& where, tally_group&, tally_request** made) { return where.start_flush(rank, made); });
}

tally_status tally_put(tally_endpoint* endpoint, const void* buffer, size_t length, const tally_remote_key* key,
                       uint64_t offset) {
  return run("tally_put", endpoint, key, put_of(buffer, length, offset));
}

tally_status tally_get(tally_endpoint* endpoint, void* buffer, size_t length, const tally_remote_key* key,
                       uint64_t offset) {
  return run("tally_get", endpoint, key, get_of(buffer, length, offset));
}

tally_status tally_fetch_add(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset, tally_dtype dtype,
                             const void* operand, void* result) {
  return run("tally_fetch_add", endpoint, key, fetch_add_of(offset, dtype, operand, result));
}

tally_status tally_swap(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset, tally_dtype dtype,
                        const void* value, void* result) {
  return run("tally_swap", endpoint, key, swap_of(offset, dtype, value, result));
}

tally_status tally_compare_swap(tally_endpoint* endpoint, const tally_remote_key* key, uint64_t offset,
                                tally_dtype dtype, const void* compare, const void* value, void* result) {
  return run("tally_compare_swap", endpoint, key, compare_swap_of(offset, dtype, compare, value, result));
}

tally_status tally_flush(tally_endpoint* endpoint, int rank) {
  return blocking_call("tally_flush", endpoint, nullptr, nullptr,
                       [&](tally_endpoint& where, tally_group&, tally_request** made) { return where.start_flush(rank, made); });
}
