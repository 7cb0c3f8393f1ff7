// SPDX-License-Identifier: BSD-3-Clause
#include "core/generalized.hpp"

#include "core/functions.hpp"
#include "core/handles.hpp"
#include "core/status.hpp"

namespace tally::mpi {
namespace {

struct Functions : Plan {
  MPI_Grequest_query_function* query_fn = nullptr;
  MPI_Grequest_free_function* free_fn = nullptr;
  MPI_Grequest_cancel_function* cancel_fn = nullptr;
  void* extra_state = nullptr;
  bool released = false;
};

Functions& functions(Request& request) { return static_cast<Functions&>(*request.plan); }

}  // namespace

void query(Request& request) {
  const Functions& of = functions(request);
  set_empty(&request.status);
  if (of.query_fn == nullptr) return;
  const WithoutLock open;
  const int code = of.query_fn(of.extra_state, &request.status);
  request.failure = code;
  if (code != MPI_SUCCESS) request.failure_text = "query_fn of the generalized request returned an error";
}

int release_state(Request& request) {
  Functions& of = functions(request);
  if (of.released || of.free_fn == nullptr) return MPI_SUCCESS;
  of.released = true;
  const WithoutLock open;
  return of.free_fn(of.extra_state);
}

void cancel(Request& request) {
  const Functions& of = functions(request);
  if (of.cancel_fn == nullptr) return;
  const WithoutLock open;
  const int code = of.cancel_fn(of.extra_state, request.complete ? 1 : 0);
  if (code != MPI_SUCCESS) fail(code, "cancel_fn of the generalized request returned an error");
}

void Grequest_start(MPI_Grequest_query_function* query_fn, MPI_Grequest_free_function* free_fn,
                    MPI_Grequest_cancel_function* cancel_fn, void* extra_state, MPI_Request* request) {
  if (request == nullptr) fail(MPI_ERR_REQUEST, "request is NULL");
  auto plan = std::make_unique<Functions>();
  plan->query_fn = query_fn;
  plan->free_fn = free_fn;
  plan->cancel_fn = cancel_fn;
  plan->extra_state = extra_state;
  auto* const made = new Request(Request::Type::kGeneralized);
  made->plan = std::move(plan);
  made->function = current_call.function;
  set_empty(&made->status);
  *request = handle(made);
}

void Grequest_complete(MPI_Request request) {
  Request& object = get_request(request);
  if (object.type != Request::Type::kGeneralized)
    fail(MPI_ERR_REQUEST, "request is not a generalized request");
  if (object.complete) fail(MPI_ERR_REQUEST, "request is complete already");
  object.complete = true;
  if (object.orphan) {
    (void)release_state(object);
    delete &object;
  }
  wake_waiting();
}

}  // namespace tally::mpi
