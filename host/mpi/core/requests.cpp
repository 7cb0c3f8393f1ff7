// SPDX-License-Identifier: BSD-3-Clause
// Completion of requests: MPI 5.0, 3.7.3 to 3.7.6, 3.8.4 and 3.9.
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/awaited.hpp"
#include "core/functions.hpp"
#include "core/generalized.hpp"
#include "core/p2p.hpp"
#include "core/status.hpp"

namespace tally::mpi {
namespace {

/// What a completed request's operation has failed with.
std::optional<Error> failure_of(const Request& request) {
  if (request.failure == MPI_SUCCESS) [[likely]]
    return std::nullopt;
  try {
    throw_failure(request);
  } catch (Error& error) {
    return std::move(error);
  }
  return std::nullopt;
}

/// take() of a request that is persistent, generalized or has failed.
std::optional<Error> take_special(MPI_Request* handle, Request& request, MPI_Status* status) {
  if (request.type == Request::Type::kGeneralized) query(request);
  copy_status(status, request.status);
  std::optional<Error> failure = failure_of(request);
  if (request.persistent) {
    request.active = false;
    return failure;
  }
  if (request.type == Request::Type::kGeneralized) {
    const int code = release_state(request);
    if (code != MPI_SUCCESS && !failure)
      failure = Error{code, "free_fn of the generalized request returned an error", request.comm};
  }
  delete &request;
  *handle = MPI_REQUEST_NULL;
  return failure;
}

/// The program takes the request's end: its handle is null afterwards, or the request inactive where it is
/// persistent.
inline std::optional<Error> take(MPI_Request* handle, Request& request, MPI_Status* status) {
  if (request.persistent || request.failure != MPI_SUCCESS || request.type == Request::Type::kGeneralized)
      [[unlikely]]
    return take_special(handle, request, status);
  copy_status(status, request.status);
  delete &request;
  *handle = MPI_REQUEST_NULL;
  return std::nullopt;
}

/// The request that is to be waited for; nullptr for a null handle and an inactive request.
Request* active(MPI_Request handle, const char* argument) {
  if (handle == MPI_REQUEST_NULL) return nullptr;
  Request& request = get_request(handle, argument);
  return request.active ? &request : nullptr;
}

void check_array(int count, const MPI_Request* requests, const char* count_name = "count") {
  if (count < 0) fail(MPI_ERR_COUNT, "{} is {}, less than 0", count_name, count);
  if (count > 0 && requests == nullptr) fail(MPI_ERR_REQUEST, "array_of_requests is NULL");
}
void check_out(const void* pointer, const char* argument) {
  if (pointer == nullptr) fail(MPI_ERR_ARG, "{} is NULL", argument);
}

/// Every handle is looked at before the first is waited for. False: none of them is active.
bool any_active(int count, const MPI_Request* requests) {
  bool any = false;
  for (int i = 0; i < count; ++i) {
    if (active(requests[i], "array_of_requests") != nullptr) any = true;
  }
  return any;
}

MPI_Status* status_at(MPI_Status* statuses, int i) noexcept {
  return statuses == MPI_STATUSES_IGNORE ? MPI_STATUS_IGNORE : statuses + i;
}

/// The failures among the completed requests of an array (MPI 5.0, 3.7.5).
struct Failures {
  std::optional<Error> first;
  int index = -1;          ///< of the first, in array_of_requests
  std::vector<int> codes;  ///< of each status; empty: all are MPI_SUCCESS

  void set(std::size_t status, int request, Error error) {
    codes.resize(status + 1, MPI_SUCCESS);
    codes[status] = error.error_class;
    if (first) return;
    first = std::move(error);
    index = request;
  }
  /// Throws MPI_ERR_IN_STATUS, with MPI_ERROR in the statuses [0, count).
  void raise(MPI_Status* statuses, std::size_t count) {
    if (!first) [[likely]]
      return;
    codes.resize(count, MPI_SUCCESS);
    for (std::size_t i = 0; statuses != MPI_STATUSES_IGNORE && i < count; ++i)
      statuses[i].MPI_ERROR = codes[i];
    throw Error{MPI_ERR_IN_STATUS, fmt::format("array_of_requests[{}]: {}", index, first->text), first->comm};
  }
};

/// All are complete: takes them.
void take_all(int count, MPI_Request* requests, MPI_Status* statuses) {
  Failures failures;
  for (int i = 0; i < count; ++i) {
    Request* const request = active(requests[i], "array_of_requests");
    if (request == nullptr) {
      set_empty(status_at(statuses, i));
      continue;
    }
    std::optional<Error> failure = take(&requests[i], *request, status_at(statuses, i));
    if (failure) [[unlikely]]
      failures.set(static_cast<std::size_t>(i), i, std::move(*failure));
  }
  failures.raise(statuses, static_cast<std::size_t>(count));
}

/// Takes those that are complete.
void take_some(int count, MPI_Request* requests, int* outcount, int* indices, MPI_Status* statuses) {
  Failures failures;
  int taken = 0;
  for (int i = 0; i < count; ++i) {
    Request* const request = active(requests[i], "array_of_requests");
    if (request == nullptr || !request->complete) continue;
    indices[taken] = i;
    std::optional<Error> failure = take(&requests[i], *request, status_at(statuses, taken));
    if (failure) [[unlikely]]
      failures.set(static_cast<std::size_t>(taken), i, std::move(*failure));
    ++taken;
  }
  *outcount = taken;
  failures.raise(statuses, static_cast<std::size_t>(taken));
}

/// The engine's requests of an array, for one look at all of them; kept, so that a look allocates nothing.
struct Gathered {
  std::vector<tally_request*> requests;
  std::vector<int> indices;
  const MPI_Request* awaited = nullptr;  ///< handles that are waited for together
  std::vector<tally_result> results;
  std::vector<tally_status> statuses;
  bool engine = false;  ///< there are any
  bool others = false;  ///< tasks or generalized requests

  /// The first that is complete already, or -1.
  int gather(int count, const MPI_Request* handles) {
    requests.assign(static_cast<std::size_t>(count), nullptr);
    engine = others = false;
    int first = -1;
    for (int i = 0; i < count; ++i) {
      const Request* const request = active(handles[i], "array_of_requests");
      if (request == nullptr) continue;
      if (request->complete) {
        if (first < 0) first = i;
      } else if (request->engine != nullptr) {
        requests[static_cast<std::size_t>(i)] = request->engine;
        engine = true;
      } else {
        others = true;
      }
    }
    return first;
  }
};
thread_local Gathered gathered;

/// Of wait_together(). The end of an operation clears its place.
const Request* first_gathered() noexcept {
  for (std::size_t i = 0; i < gathered.requests.size(); ++i) {
    if (gathered.requests[i] != nullptr) return find_request(gathered.awaited[gathered.indices[i]]);
  }
  return nullptr;
}

/// Waits for all operations of the engine among the requests; nothing else is to be moved on.
void wait_together(int count, const MPI_Request* requests) {
  gathered.requests.clear();
  gathered.indices.clear();
  for (int i = 0; i < count; ++i) {
    Request* const request = active(requests[i], "array_of_requests");
    if (request == nullptr || request->complete || request->engine == nullptr) continue;
    // Taken: a handle that stands in the array twice is waited for once.
    gathered.requests.push_back(std::exchange(request->engine, nullptr));
    gathered.indices.push_back(i);
  }
  const std::size_t size = gathered.requests.size();
  if (size == 0) return;
  gathered.awaited = requests;
  first_awaited = first_gathered;
  gathered.statuses.assign(size, TALLY_ERR_INTERNAL);
  if (gathered.results.size() < size) gathered.results.resize(size);
  gathered.results[0].size = sizeof(tally_result);
  (void)tally_wait_all_results(gathered.requests.data(), size, gathered.results.data(), gathered.statuses.data());
  first_awaited = nullptr;
  for (std::size_t i = 0; i < size; ++i)
    conclude(get_request(requests[gathered.indices[i]]), gathered.statuses[i], gathered.results[i]);
}

/// Moves tasks on; the first request that is complete then, or -1.
int look_at_others(int count, const MPI_Request* requests) {
  if (!gathered.others && detail::first_task == nullptr) return -1;
  progress();
  for (int i = 0; gathered.others && i < count; ++i) {
    const Request* const request = active(requests[i], "array_of_requests");
    if (request != nullptr && request->complete) return i;
  }
  return -1;
}

/// A look at all; the first that is complete, or -1.
int look(int count, const MPI_Request* requests) {
  const int first = gathered.gather(count, requests);
  if (first >= 0) return first;
  if (gathered.engine) {
    int index = -1;
    tally_result result{};
    result.size = sizeof result;
    const tally_status status =
        tally_test_any(gathered.requests.data(), static_cast<std::size_t>(count), &index, &result);
    if (index >= 0) {
      Request& request = get_request(requests[index]);
      request.engine = gathered.requests[static_cast<std::size_t>(index)];
      conclude(request, status, result);
      return index;
    }
    if (status != TALLY_AGAIN) check(status);
  }
  return look_at_others(count, requests);
}

/// A look at all that completes all that have ended.
void look_at_all(int count, const MPI_Request* requests) {
  (void)gathered.gather(count, requests);
  if (gathered.engine) {
    const auto size = static_cast<std::size_t>(count);
    gathered.indices.resize(size);
    gathered.statuses.resize(size);
    gathered.results.resize(size);
    gathered.results[0].size = sizeof(tally_result);
    int ended = 0;
    const tally_status status = tally_test_some(gathered.requests.data(), size, gathered.indices.data(),
                                                gathered.results.data(), gathered.statuses.data(), &ended);
    if (ended <= 0 && status != TALLY_AGAIN) check(status);
    for (int i = 0; i < ended; ++i) {
      const auto place = static_cast<std::size_t>(i);
      Request& request = get_request(requests[gathered.indices[place]]);
      request.engine = gathered.requests[static_cast<std::size_t>(gathered.indices[place])];
      conclude(request, gathered.statuses[place], gathered.results[place]);
    }
  }
  (void)look_at_others(count, requests);
}

}  // namespace

void let_others_in() {
  if (!runtime.locks || !runtime.mutex.contended()) return;
  const unsigned held = runtime.mutex.give_up();
  std::this_thread::yield();
  runtime.mutex.take_back(held);
}

void Wait(MPI_Request* request, MPI_Status* status) {
  check_out(request, "request");
  Request* const object = active(*request, "request");
  if (object == nullptr) {
    set_empty(status);
    return;
  }
  wait(*object);
  std::optional<Error> failure = take(request, *object, status);
  if (failure) [[unlikely]]
    throw std::move(*failure);
}

void Test(MPI_Request* request, int* flag, MPI_Status* status) {
  check_out(request, "request");
  check_out(flag, "flag");
  Request* const object = active(*request, "request");
  if (object == nullptr) {
    *flag = 1;
    set_empty(status);
    return;
  }
  if (!test(*object)) {
    *flag = 0;
    let_others_in();
    return;
  }
  *flag = 1;
  std::optional<Error> failure = take(request, *object, status);
  if (failure) [[unlikely]]
    throw std::move(*failure);
}

void Waitall(int count, MPI_Request array_of_requests[], MPI_Status* array_of_statuses) {
  check_array(count, array_of_requests);
  if (!any_active(count, array_of_requests)) return take_all(count, array_of_requests, array_of_statuses);
  if (direct()) wait_together(count, array_of_requests);
  for (int i = 0; i < count; ++i) {
    Request* const request = active(array_of_requests[i], "array_of_requests");
    if (request != nullptr) wait(*request);
  }
  take_all(count, array_of_requests, array_of_statuses);
}

void Testall(int count, MPI_Request array_of_requests[], int* flag, MPI_Status* array_of_statuses) {
  check_array(count, array_of_requests);
  check_out(flag, "flag");
  (void)any_active(count, array_of_requests);
  for (int i = 0; i < count;
       ++i) {  // stops at the first that is not complete: it moves the others on all the same
    Request* const request = active(array_of_requests[i], "array_of_requests");
    if (request == nullptr || test(*request)) continue;
    *flag = 0;
    let_others_in();
    return;
  }
  *flag = 1;
  take_all(count, array_of_requests, array_of_statuses);
}

void Waitany(int count, MPI_Request array_of_requests[], int* indx, MPI_Status* status) {
  check_array(count, array_of_requests);
  check_out(indx, "indx");
  if (!any_active(count, array_of_requests)) {
    *indx = MPI_UNDEFINED;
    set_empty(status);
    return;
  }
  int found = look(count, array_of_requests);
  if (found < 0) {
    wait_until([&] {
      found = look(count, array_of_requests);
      return found >= 0;
    });
  }
  *indx = found;
  std::optional<Error> failure =
      take(&array_of_requests[found], *active(array_of_requests[found], "array_of_requests"), status);
  if (failure) [[unlikely]]
    throw std::move(*failure);
}

void Testany(int count, MPI_Request array_of_requests[], int* indx, int* flag, MPI_Status* status) {
  check_array(count, array_of_requests);
  check_out(indx, "indx");
  check_out(flag, "flag");
  *indx = MPI_UNDEFINED;
  if (!any_active(count, array_of_requests)) {
    *flag = 1;
    set_empty(status);
    return;
  }
  const int found = look(count, array_of_requests);
  if (found < 0) {
    *flag = 0;
    let_others_in();
    return;
  }
  *flag = 1;
  *indx = found;
  std::optional<Error> failure =
      take(&array_of_requests[found], *active(array_of_requests[found], "array_of_requests"), status);
  if (failure) [[unlikely]]
    throw std::move(*failure);
}

void Waitsome(int incount, MPI_Request array_of_requests[], int* outcount, int array_of_indices[],
              MPI_Status* array_of_statuses) {
  check_array(incount, array_of_requests, "incount");
  check_out(outcount, "outcount");
  if (incount > 0) check_out(array_of_indices, "array_of_indices");
  if (!any_active(incount, array_of_requests)) {
    *outcount = MPI_UNDEFINED;
    return;
  }
  if (look(incount, array_of_requests) < 0) wait_until([&] { return look(incount, array_of_requests) >= 0; });
  look_at_all(incount, array_of_requests);
  take_some(incount, array_of_requests, outcount, array_of_indices, array_of_statuses);
}

void Testsome(int incount, MPI_Request array_of_requests[], int* outcount, int array_of_indices[],
              MPI_Status* array_of_statuses) {
  check_array(incount, array_of_requests, "incount");
  check_out(outcount, "outcount");
  if (incount > 0) check_out(array_of_indices, "array_of_indices");
  if (!any_active(incount, array_of_requests)) {
    *outcount = MPI_UNDEFINED;
    return;
  }
  look_at_all(incount, array_of_requests);
  take_some(incount, array_of_requests, outcount, array_of_indices, array_of_statuses);
  if (*outcount == 0) let_others_in();
}

// --- without freeing -----------------------------------------------------------------------------

namespace {

/// The error of a generalized request's query_fn.
std::optional<Error> peek(Request* request, MPI_Status* status) {
  if (request == nullptr) {
    set_empty(status);
    return std::nullopt;
  }
  const bool generalized = request->type == Request::Type::kGeneralized;
  if (generalized) query(*request);
  copy_status(status, request->status);
  return generalized ? failure_of(*request) : std::nullopt;
}

}  // namespace

void Request_get_status(MPI_Request request, int* flag, MPI_Status* status) {
  check_out(flag, "flag");
  Request* const object = active(request, "request");
  const bool done = object == nullptr || test(*object);
  *flag = done ? 1 : 0;
  if (done) {
    if (std::optional<Error> failure = peek(object, status)) throw std::move(*failure);
  } else {
    let_others_in();
  }
}

void Request_get_status_all(int count, MPI_Request array_of_requests[], int* flag,
                            MPI_Status* array_of_statuses) {
  check_array(count, array_of_requests);
  check_out(flag, "flag");
  (void)any_active(count, array_of_requests);
  *flag = 0;
  for (int i = 0; i < count; ++i) {
    Request* const request = active(array_of_requests[i], "array_of_requests");
    if (request != nullptr && !test(*request)) return let_others_in();
  }
  *flag = 1;
  for (int i = 0; i < count; ++i)
    (void)peek(active(array_of_requests[i], "array_of_requests"), status_at(array_of_statuses, i));
}

void Request_get_status_any(int count, MPI_Request array_of_requests[], int* indx, int* flag,
                            MPI_Status* status) {
  check_array(count, array_of_requests);
  check_out(indx, "indx");
  check_out(flag, "flag");
  *indx = MPI_UNDEFINED;
  *flag = 1;
  if (!any_active(count, array_of_requests)) return set_empty(status);
  const int found = look(count, array_of_requests);
  *flag = found < 0 ? 0 : 1;
  if (found < 0) return let_others_in();
  *indx = found;
  if (std::optional<Error> failure = peek(active(array_of_requests[found], "array_of_requests"), status))
    throw std::move(*failure);
}

void Request_get_status_some(int incount, MPI_Request array_of_requests[], int* outcount,
                             int array_of_indices[], MPI_Status* array_of_statuses) {
  check_array(incount, array_of_requests, "incount");
  check_out(outcount, "outcount");
  if (incount > 0) check_out(array_of_indices, "array_of_indices");
  if (!any_active(incount, array_of_requests)) {
    *outcount = MPI_UNDEFINED;
    return;
  }
  look_at_all(incount, array_of_requests);
  int found = 0;
  for (int i = 0; i < incount; ++i) {
    Request* const request = active(array_of_requests[i], "array_of_requests");
    if (request == nullptr || !request->complete) continue;
    array_of_indices[found] = i;
    (void)peek(request, status_at(array_of_statuses, found++));
  }
  *outcount = found;
  if (found == 0) let_others_in();
}

// --- free and cancel -----------------------------------------------------------------------------

void Request_free(MPI_Request* request) {
  check_out(request, "request");
  Request& object = get_request(*request);
  if (object.type == Request::Type::kGeneralized && object.complete) (void)release_state(object);
  abandon(&object);
  *request = MPI_REQUEST_NULL;
}

void Cancel(MPI_Request* request) {
  check_out(request, "request");
  Request& object = get_request(*request);
  if (!object.active) fail(MPI_ERR_REQUEST, "request is not active");
  switch (object.type) {
    case Request::Type::kReceive:
      if (!object.complete && object.engine != nullptr) check(tally_cancel(object.engine));
      break;
    case Request::Type::kGeneralized:
      cancel(object);
      break;
    case Request::Type::kSend:  // on its way already: it completes, and is not cancelled
    case Request::Type::kNothing:
      break;
    case Request::Type::kCollective:
    case Request::Type::kTask:
      fail(MPI_ERR_REQUEST, "request is not of a message: it cannot be cancelled");
  }
}

}  // namespace tally::mpi
