// SPDX-License-Identifier: BSD-3-Clause
// Endpoints, memory, probes and groups of tally.h: NULL checks, one boundary each.
#include <algorithm>
#include <memory>

#include "api/boundary.hpp"
#include "api/calls.hpp"
#include "api/endpoint.hpp"
#include "api/names.hpp"
#include "tally/tally.h"

using tally::Status;
using tally::api::bad_argument;
using tally::api::blocking_call;
using tally::api::boundary;
using tally::api::check_result;
using tally::api::Entry;
using tally::api::need;
using tally::api::resolve;
using tally::api::start_with_room;

namespace {

Status check_message(tally_message* const* message) {
  if (message == nullptr) return bad_argument("message is NULL");
  if (*message == nullptr) return bad_argument("*message is NULL");
  if ((*message)->group == nullptr) {
    return bad_argument("*message {} is not claimed: it has been received",
                        static_cast<const void*>(*message));
  }
  return {};
}

/// Of a program that was compiled with these or with later options; unknown ones must be 0.
Status read_options(const tally_options* given, tally_options* options) {
  if (given->size < sizeof(tally_options)) {
    return bad_argument("options->size is {}, not sizeof(tally_options), {}", given->size, sizeof(tally_options));
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  if (!std::all_of(bytes + sizeof(tally_options), bytes + given->size, [](unsigned char byte) { return byte == 0; })) {
    return {TALLY_ERR_UNSUPPORTED, fmt::format("options->size is {}: this library knows the first {} bytes, and what follows "
                                               "is not 0",
                                               given->size, sizeof(tally_options))};
  }
  *options = *given;
  if (options->memory_cache > 1) return bad_argument("options->memory_cache {} is not 0 or 1", options->memory_cache);
  const auto threads = static_cast<unsigned>(options->threads);
  if (threads > TALLY_THREAD_MULTIPLE) return bad_argument("options->threads {} is out of range (0 to 3)", threads);
  if (options->progress_thread > 1)
    return bad_argument("options->progress_thread {} is not 0 or 1", options->progress_thread);
  return {};
}

Status open_endpoint(const tally_options& options, tally_endpoint** endpoint) {
  std::unique_ptr<tally_endpoint> made;
  Status status = tally_endpoint::open(options, &made);
  if (status.ok()) *endpoint = made.release();
  return status;
}

/// Both iprobes; `message` is nullptr for the one that claims nothing.
tally_status probe_now_call(const char* call, tally_endpoint* endpoint, tally_group* group, int source,
                            int tag, int* found, bool claim, tally_message** message, tally_result* result) {
  return boundary(call, [&]() -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok()) status = need("found", found);
    if (status.ok() && claim) status = need("message", message);
    if (status.ok()) status = check_result(result);
    if (!status.ok()) return status;
    bool is_there = false;
    status = endpoint->probe_now(*group, source, tag, &is_there, message, result);
    if (status.ok()) *found = is_there ? 1 : 0;
    return status;
  });
}

tally_status probe_call(const char* call, tally_endpoint* endpoint, tally_group* group, int source, int tag,
                        bool claim, tally_message** message, tally_result* result) {
  return boundary(call, [&]() -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok() && claim) status = need("message", message);
    if (status.ok()) status = check_result(result);
    return status.ok() ? endpoint->probe(*group, source, tag, message, result) : status;
  });
}

}  // namespace

// --- endpoint ---------------------------------------------------------------------------------

tally_status tally_endpoint_open(const char* engine, tally_endpoint** endpoint) {
  return boundary("tally_endpoint_open", [&]() -> Status {
    Status status = need("endpoint", endpoint);
    if (!status.ok()) return status;
    tally_options options{};
    options.size = sizeof options;
    options.engine = engine;
    return open_endpoint(options, endpoint);
  });
}

tally_status tally_endpoint_open_with(const tally_options* options, tally_endpoint** endpoint) {
  return boundary("tally_endpoint_open_with", [&]() -> Status {
    Status status = need("options", options);
    if (status.ok()) status = need("endpoint", endpoint);
    tally_options read{};
    if (status.ok()) status = read_options(options, &read);
    return status.ok() ? open_endpoint(read, endpoint) : status;
  });
}

tally_status tally_endpoint_close(tally_endpoint* endpoint) {
  return boundary("tally_endpoint_close", [&]() -> Status {
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = endpoint->close();
    if (status.ok()) delete endpoint;
    return status;
  });
}

tally_status tally_endpoint_rank(const tally_endpoint* endpoint, int* rank) {
  return boundary("tally_endpoint_rank", [&]() -> Status {
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("rank", rank);
    if (status.ok()) *rank = endpoint->rank();
    return status;
  });
}

tally_status tally_endpoint_size(const tally_endpoint* endpoint, int* size) {
  return boundary("tally_endpoint_size", [&]() -> Status {
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("size", size);
    if (status.ok()) *size = endpoint->size();
    return status;
  });
}

tally_status tally_endpoint_engine(const tally_endpoint* endpoint, const char** name) {
  return boundary("tally_endpoint_engine", [&]() -> Status {
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("name", name);
    if (status.ok()) *name = endpoint->capabilities().name.c_str();
    return status;
  });
}

tally_status tally_endpoint_counters(const tally_endpoint* endpoint, tally_counters* counters) {
  return boundary("tally_endpoint_counters", [&]() -> Status {
    const Entry entry(const_cast<tally_endpoint*>(endpoint));
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("counters", counters);
    if (!status.ok()) return status;
    if (counters->size < sizeof(tally_counters)) {
      return bad_argument("counters->size is {}, not sizeof(tally_counters), {}", counters->size,
                          sizeof(tally_counters));
    }
    const std::uint32_t size = counters->size;
    *counters = endpoint->counters();
    counters->size = size;
    return {};
  });
}

tally_status tally_endpoint_progress(tally_endpoint* endpoint) {
  return boundary("tally_endpoint_progress", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) endpoint->progress();
    return status;
  });
}

// --- memory -----------------------------------------------------------------------------------

tally_status tally_memory_register(tally_endpoint* endpoint, void* base, size_t length,
                                   tally_memory** memory) {
  return boundary("tally_memory_register", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("memory", memory);
    return status.ok() ? endpoint->register_memory(base, length, memory) : status;
  });
}

tally_status tally_memory_deregister(tally_memory* memory) {
  return boundary("tally_memory_deregister", [&]() -> Status {
    const Entry entry(memory == nullptr ? nullptr : memory->endpoint);
    Status status = need("memory", memory);
    return status.ok() ? memory->endpoint->deregister_memory(memory) : status;
  });
}

// --- probes -----------------------------------------------------------------------------------

tally_status tally_iprobe(tally_endpoint* endpoint, tally_group* group, int source, int tag, int* found,
                          tally_result* result) {
  return probe_now_call("tally_iprobe", endpoint, group, source, tag, found, false, nullptr, result);
}

tally_status tally_probe(tally_endpoint* endpoint, tally_group* group, int source, int tag,
                         tally_result* result) {
  return probe_call("tally_probe", endpoint, group, source, tag, false, nullptr, result);
}

tally_status tally_improbe(tally_endpoint* endpoint, tally_group* group, int source, int tag, int* found,
                           tally_message** message, tally_result* result) {
  return probe_now_call("tally_improbe", endpoint, group, source, tag, found, true, message, result);
}

tally_status tally_mprobe(tally_endpoint* endpoint, tally_group* group, int source, int tag,
                          tally_message** message, tally_result* result) {
  return probe_call("tally_mprobe", endpoint, group, source, tag, true, message, result);
}

tally_status tally_mrecv_start(tally_message** message, void* buffer, size_t length,
                               tally_request** request) {
  return boundary("tally_mrecv_start", [&]() -> Status {
    const Entry entry(message == nullptr || *message == nullptr ? nullptr : (*message)->endpoint);
    Status status = check_message(message);
    if (status.ok()) status = need("request", request);
    if (!status.ok()) return status;
    tally_endpoint& endpoint = *(*message)->endpoint;
    return start_with_room(endpoint,
                           [&] { return endpoint.start_matched_receive(message, buffer, length, request); });
  });
}

tally_status tally_mrecv(tally_message** message, void* buffer, size_t length, tally_result* result) {
  return boundary("tally_mrecv", [&]() -> Status {
    const Entry entry(message == nullptr || *message == nullptr ? nullptr : (*message)->endpoint);
    Status status = check_message(message);
    if (status.ok()) status = check_result(result);
    if (!status.ok()) return status;
    tally_endpoint& endpoint = *(*message)->endpoint;
    return endpoint.run(
        [&](tally_request** request) {
          return endpoint.start_matched_receive(message, buffer, length, request);
        },
        result);
  });
}

// --- groups ----------------------------------------------------------------------------------

tally_status tally_group_create(tally_endpoint* endpoint, const int* ranks, int size, tally_group** group) {
  return boundary("tally_group_create", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) status = need("group", group);
    return status.ok() ? endpoint->create_group(ranks, size, 0, group) : status;
  });
}

tally_status tally_group_free(tally_group* group) {
  return boundary("tally_group_free", [&]() -> Status {
    const Entry entry(group == nullptr ? nullptr : group->endpoint);
    Status status = need("group", group);
    return status.ok() ? group->endpoint->free_group(group) : status;
  });
}

tally_status tally_group_rank(const tally_group* group, int* rank) {
  return boundary("tally_group_rank", [&]() -> Status {
    Status status = need("group", group);
    if (status.ok()) status = need("rank", rank);
    if (status.ok()) *rank = group->rank;
    return status;
  });
}

tally_status tally_group_size(const tally_group* group, int* size) {
  return boundary("tally_group_size", [&]() -> Status {
    Status status = need("group", group);
    if (status.ok()) status = need("size", size);
    if (status.ok()) *size = static_cast<int>(group->ranks.size());
    return status;
  });
}

tally_status tally_group_set_algorithm(tally_group* group, const char* name) {
  return boundary("tally_group_set_algorithm", [&]() -> Status {
    const Entry entry(group == nullptr ? nullptr : group->endpoint);
    Status status = need("group", group);
    if (status.ok()) status = need("name", name);
    return status.ok() ? group->endpoint->set_algorithm(*group, name) : status;
  });
}

// --- errors -----------------------------------------------------------------------------------

const char* tally_last_error(void) { return tally::api::last_error(); }
const char* tally_status_name(tally_status status) { return tally::api::status_name(status); }
const char* tally_version(void) { return TALLY_VERSION; }
