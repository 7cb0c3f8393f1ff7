// SPDX-License-Identifier: BSD-3-Clause
// Messages of tally.h, blocking, started and persistent, and what ends requests.
#include <climits>

#include "api/boundary.hpp"
#include "api/calls.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"
#include "tally/tally.h"

using tally::Status;
using tally::api::bad_argument;
using tally::api::blocking_call;
using tally::api::boundary;
using tally::api::check_result;
using tally::api::Entry;
using tally::api::need;
using tally::api::Outcomes;
using tally::api::start_call;

namespace {

/// nullptr where there is no request. The endpoint of a request does not change.
tally_endpoint* endpoint_of(tally_request* const* request) {
  return request == nullptr || *request == nullptr ? nullptr : (*request)->endpoint;
}

/// Whether the program may have it: it has not ended for good.
bool is_there(const tally_request& request) {
  using State = tally_request::State;
  return request.state == State::kActive || request.state == State::kDone || request.state == State::kKept;
}

Status check_request(const tally_request* request) {
  if (request == nullptr) return bad_argument("request is NULL");
  if (!is_there(*request))
    return bad_argument("request {} is not under way", static_cast<const void*>(request));
  return {};
}

Status check_handle(tally_request* const* request) {
  if (request == nullptr) return bad_argument("request is NULL");
  if (*request == nullptr) return bad_argument("*request is NULL");
  if (!is_there(**request))
    return bad_argument("*request {} is not under way", static_cast<const void*>(*request));
  return {};
}

Status check_persistent(const tally_request* request) {
  Status status = check_request(request);
  if (status.ok() && request->kind != tally_request::Kind::kPersistent)
    status = bad_argument("request is not persistent: it was not made by a tally_..._init");
  return status;
}

/// All are checked before the first is touched. *endpoint: theirs, which is entered; nullptr where all are NULL.
Status check_requests(tally_request* const* requests, size_t count, Entry& entry, tally_endpoint** endpoint) {
  *endpoint = nullptr;
  if (count > INT_MAX) return bad_argument("count {} is more than {}", count, INT_MAX);
  if (count != 0 && requests == nullptr) return bad_argument("requests is NULL");
  for (size_t i = 0; i < count; ++i) {
    if (requests[i] == nullptr) continue;
    if (*endpoint == nullptr) {
      *endpoint = requests[i]->endpoint;
      entry.enter(*endpoint);
    }
    if (requests[i]->endpoint != *endpoint) return bad_argument("requests[{}] is of another endpoint", i);
    if (!is_there(*requests[i])) return bad_argument("requests[{}] is not under way", i);
  }
  return {};
}

Status check_results(const tally_result* results, size_t count) {
  if (count != 0 && results != nullptr && results->size < sizeof(tally_result)) {
    return bad_argument("results[0].size is {}, not sizeof(tally_result), {}", results->size,
                        sizeof(tally_result));
  }
  return {};
}

/// Waits and tests for all.
template <typename End>
tally_status end_all(const char* call, tally_request** requests, size_t count, tally_result* results,
                     tally_status* statuses, End end) {
  return boundary(call, [&]() -> Status {
    Entry entry;
    tally_endpoint* endpoint = nullptr;
    Status status = check_requests(requests, count, entry, &endpoint);
    if (status.ok()) status = check_results(results, count);
    if (!status.ok()) return status;
    const Outcomes outcomes(count == 0 ? nullptr : results, statuses);
    if (endpoint != nullptr) return end(*endpoint, outcomes);
    for (size_t i = 0; i < count; ++i) {
      tally::api::write_empty(outcomes.result(i));
      outcomes.set_status(i, TALLY_OK);
    }
    return {};
  });
}

/// Waits and tests for any.
template <typename End>
tally_status end_any(const char* call, tally_request** requests, size_t count, int* index,
                     tally_result* result, End end) {
  return boundary(call, [&]() -> Status {
    Entry entry;
    tally_endpoint* endpoint = nullptr;
    Status status = check_requests(requests, count, entry, &endpoint);
    if (status.ok()) status = need("index", index);
    if (status.ok()) status = check_result(result);
    if (!status.ok()) return status;
    if (endpoint != nullptr) return end(*endpoint);
    *index = -1;
    tally::api::write_empty(result);
    return {};
  });
}

/// Waits and tests for some.
template <typename End>
tally_status end_some(const char* call, tally_request** requests, size_t count, int* indices,
                      tally_result* results, tally_status* statuses, int* ended, End end) {
  return boundary(call, [&]() -> Status {
    Entry entry;
    tally_endpoint* endpoint = nullptr;
    Status status = check_requests(requests, count, entry, &endpoint);
    if (status.ok() && count != 0) status = need("indices", indices);
    if (status.ok()) status = check_results(results, count);
    if (status.ok()) status = need("ended", ended);
    if (!status.ok()) return status;
    if (endpoint != nullptr) return end(*endpoint, Outcomes(results, statuses));
    *ended = -1;
    return {};
  });
}

}  // namespace

// --- messages ---------------------------------------------------------------------------------

tally_status tally_send_start(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                              int destination, int tag, tally_request** request) {
  return start_call("tally_send_start", endpoint, group, request,
                    [=](tally_endpoint& where, tally_group& in, tally_request** made) TALLY_INLINED {
                      return where.start_send(in, buffer, length, destination, tag, false, made);
                    });
}

tally_status tally_ssend_start(tally_endpoint* endpoint, tally_group* group, const void* buffer,
                               size_t length, int destination, int tag, tally_request** request) {
  return start_call("tally_ssend_start", endpoint, group, request,
                    [=](tally_endpoint& where, tally_group& in, tally_request** made) TALLY_INLINED {
                      return where.start_send(in, buffer, length, destination, tag, true, made);
                    });
}

tally_status tally_recv_start(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t length,
                              int source, int tag, tally_request** request) {
  return start_call("tally_recv_start", endpoint, group, request,
                    [=](tally_endpoint& where, tally_group& in, tally_request** made) TALLY_INLINED {
                      return where.start_receive(in, buffer, length, source, tag, made);
                    });
}

tally_status tally_send(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                        int destination, int tag) {
  return blocking_call("tally_send", endpoint, group, nullptr,
                       [=](tally_endpoint& where, tally_group& in, tally_request** made) TALLY_INLINED {
                         return where.start_send(in, buffer, length, destination, tag, false, made);
                       });
}

tally_status tally_ssend(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                         int destination, int tag) {
  return blocking_call("tally_ssend", endpoint, group, nullptr,
                       [=](tally_endpoint& where, tally_group& in, tally_request** made) TALLY_INLINED {
                         return where.start_send(in, buffer, length, destination, tag, true, made);
                       });
}

tally_status tally_recv(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t length, int source,
                        int tag, tally_result* result) {
  return blocking_call("tally_recv", endpoint, group, result,
                       [=](tally_endpoint& where, tally_group& in, tally_request** made) TALLY_INLINED {
                         return where.start_receive(in, buffer, length, source, tag, made);
                       });
}

tally_status tally_sendv_start(tally_endpoint* endpoint, tally_group* group, const tally_segment* segments,
                               size_t count, int destination, int tag, tally_request** request) {
  return start_call("tally_sendv_start", endpoint, group, request,
                    [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                      return where.start_send(in, segments, count, destination, tag, made);
                    });
}

tally_status tally_recvv_start(tally_endpoint* endpoint, tally_group* group, const tally_segment* segments,
                               size_t count, int source, int tag, tally_request** request) {
  return start_call("tally_recvv_start", endpoint, group, request,
                    [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                      return where.start_receive(in, segments, count, source, tag, made);
                    });
}

// --- persistent requests ------------------------------------------------------------------------

tally_status tally_send_init(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                             int destination, int tag, tally_request** request) {
  return start_call("tally_send_init", endpoint, group, request,
                    [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                      return where.make_send(in, buffer, length, destination, tag, false, made);
                    });
}

tally_status tally_ssend_init(tally_endpoint* endpoint, tally_group* group, const void* buffer, size_t length,
                              int destination, int tag, tally_request** request) {
  return start_call("tally_ssend_init", endpoint, group, request,
                    [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                      return where.make_send(in, buffer, length, destination, tag, true, made);
                    });
}

tally_status tally_recv_init(tally_endpoint* endpoint, tally_group* group, void* buffer, size_t length,
                             int source, int tag, tally_request** request) {
  return start_call("tally_recv_init", endpoint, group, request,
                    [&](tally_endpoint& where, tally_group& in, tally_request** made) {
                      return where.make_receive(in, buffer, length, source, tag, made);
                    });
}

tally_status tally_request_start(tally_request* request) {
  return boundary("tally_request_start", [&]() -> Status {
    const Entry entry(request == nullptr ? nullptr : request->endpoint);
    Status status = check_persistent(request);
    return status.ok() ? request->endpoint->start(*request) : status;
  });
}

tally_status tally_requests_start_all(tally_request** requests, size_t count) {
  return boundary("tally_requests_start_all", [&]() -> Status {
    Entry entry;
    tally_endpoint* endpoint = nullptr;
    Status status = check_requests(requests, count, entry, &endpoint);
    for (size_t i = 0; i < count && status.ok(); ++i) {
      if (requests[i] == nullptr) return bad_argument("requests[{}] is NULL", i);
      if (requests[i]->kind != tally_request::Kind::kPersistent)
        return bad_argument("requests[{}] is not persistent", i);
      if (requests[i]->operation != nullptr)
        return {TALLY_ERR_BUSY, fmt::format("requests[{}] is under way", i)};
    }
    return status.ok() && count != 0 ? endpoint->start_all(requests, count) : status;
  });
}

tally_status tally_request_free(tally_request** request) {
  return boundary("tally_request_free", [&]() -> Status {
    const Entry entry(endpoint_of(request));
    Status status = check_handle(request);
    if (status.ok()) (*request)->endpoint->free_request(request);
    return status;
  });
}

// --- completion ---------------------------------------------------------------------------------

tally_status tally_test(tally_request** request, tally_result* result) {
  return boundary("tally_test", [&]() -> Status {
    const Entry entry(endpoint_of(request));
    Status status = check_handle(request);
    if (status.ok()) status = check_result(result);
    return status.ok() ? (*request)->endpoint->test(request, result) : status;
  });
}

tally_status tally_wait(tally_request** request, tally_result* result) {
  return boundary("tally_wait", [&]() -> Status {
    const Entry entry(endpoint_of(request));
    Status status = check_handle(request);
    if (status.ok()) status = check_result(result);
    return status.ok() ? (*request)->endpoint->wait(request, result) : status;
  });
}

tally_status tally_wait_all(tally_request** requests, size_t count) {
  return end_all(
      "tally_wait_all", requests, count, nullptr, nullptr,
      [&](tally_endpoint& where, const Outcomes& none) { return where.wait_all(requests, count, none); });
}

tally_status tally_wait_all_results(tally_request** requests, size_t count, tally_result* results,
                                    tally_status* statuses) {
  return end_all("tally_wait_all_results", requests, count, results, statuses,
                 [&](tally_endpoint& where, const Outcomes& outcomes) {
                   return where.wait_all(requests, count, outcomes);
                 });
}

tally_status tally_test_all(tally_request** requests, size_t count, tally_result* results,
                            tally_status* statuses) {
  return end_all("tally_test_all", requests, count, results, statuses,
                 [&](tally_endpoint& where, const Outcomes& outcomes) {
                   return where.test_all(requests, count, outcomes);
                 });
}

tally_status tally_wait_any(tally_request** requests, size_t count, int* index, tally_result* result) {
  return end_any("tally_wait_any", requests, count, index, result,
                 [&](tally_endpoint& where) { return where.wait_any(requests, count, index, result); });
}

tally_status tally_test_any(tally_request** requests, size_t count, int* index, tally_result* result) {
  return end_any("tally_test_any", requests, count, index, result,
                 [&](tally_endpoint& where) { return where.test_any(requests, count, index, result); });
}

tally_status tally_wait_some(tally_request** requests, size_t count, int* indices, tally_result* results,
                             tally_status* statuses, int* ended) {
  return end_some("tally_wait_some", requests, count, indices, results, statuses, ended,
                  [&](tally_endpoint& where, const Outcomes& outcomes) {
                    return where.wait_some(requests, count, indices, outcomes, ended);
                  });
}

tally_status tally_test_some(tally_request** requests, size_t count, int* indices, tally_result* results,
                             tally_status* statuses, int* ended) {
  return end_some("tally_test_some", requests, count, indices, results, statuses, ended,
                  [&](tally_endpoint& where, const Outcomes& outcomes) {
                    return where.test_some(requests, count, indices, outcomes, ended);
                  });
}

tally_status tally_cancel(tally_request* request) {
  return boundary("tally_cancel", [&]() -> Status {
    const Entry entry(request == nullptr ? nullptr : request->endpoint);
    Status status = check_request(request);
    if (!status.ok()) return status;
    tally_request* operation = *tally_endpoint::operation_of(&request);
    if (operation == nullptr) return bad_argument("request is persistent and not under way");
    return operation->endpoint->cancel(*operation);
  });
}
