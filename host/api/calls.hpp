// SPDX-License-Identifier: BSD-3-Clause
// What the functions of tally.h share: checks of handles, and the two ways to make a request.
#pragma once

/// Behind the parameters of a lambda: inlined wherever it is called.
#define TALLY_INLINED __attribute__((always_inline))

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "tally/tally.h"

namespace tally::api {

inline Status need(const char* argument, const void* pointer) {
  if (pointer == nullptr) return bad_argument("{} is NULL", argument);
  return {};
}

/// A call's hold of its endpoint, where threads share it. Nothing that another thread may change is looked at before.
class Entry {
 public:
  Entry() noexcept = default;
  [[gnu::always_inline]] explicit Entry(tally_endpoint* endpoint) noexcept { enter(endpoint); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  [[gnu::always_inline]] ~Entry() {
    if (held_ != nullptr) [[unlikely]]
      held_->lock().unlock();
  }
  /// nullptr: there is nothing to hold.
  [[gnu::always_inline]] void enter(tally_endpoint* endpoint) noexcept {
    if (endpoint == nullptr || !endpoint->shared()) [[likely]]
      return;
    endpoint->lock().lock();
    held_ = endpoint;
  }

 private:
  tally_endpoint* held_ = nullptr;
};

/// endpoint and, where given, a group of it; NULL stands for all ranks.
[[gnu::always_inline]] inline Status resolve(tally_endpoint* endpoint, tally_group** group) {
  if (endpoint == nullptr) [[unlikely]]
    return bad_argument("endpoint is NULL");
  if (*group == nullptr) {
    *group = endpoint->all_ranks();
  } else if ((*group)->endpoint != endpoint) [[unlikely]] {
    return bad_argument("group is of another endpoint");
  }
  return {};
}

inline Status check_result(const tally_result* result) {
  if (result != nullptr && result->size < sizeof(tally_result)) [[unlikely]] {
    return bad_argument("result->size is {}, not sizeof(tally_result), {}", result->size,
                        sizeof(tally_result));
  }
  return {};
}

/// What a call that does not wait makes of TALLY_AGAIN.
template <typename Start>
Status start_with_room(tally_endpoint& endpoint, Start start) {
  Status status = start();
  if (status.code() != TALLY_AGAIN) return status;
  endpoint.progress();  // it may have made room
  return start();
}

/// Once more. By value: what a lambda refers to is in memory, what it holds in registers until here.
template <typename Start>
[[gnu::cold]] [[gnu::noinline]] Status start_again(tally_endpoint& endpoint, tally_group& group,
                                                   tally_request** request, Start start) {
  endpoint.progress();  // it may have made room
  return start(endpoint, group, request);
}

/// start(endpoint, group, &request) after the checks that all starts share.
template <typename Start>
[[gnu::always_inline]] inline tally_status start_call(const char* call, tally_endpoint* endpoint, tally_group* group,
                                                      tally_request** request, Start start) {
  return boundary(call, [&]() TALLY_INLINED -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok() && request == nullptr) [[unlikely]]
      status = need("request", request);
    if (!status.ok()) [[unlikely]]
      return status;
    tally_request* made = nullptr;
    status = start(*endpoint, *group, &made);
    if (status.code() == TALLY_AGAIN) [[unlikely]]
      status = start_again(*endpoint, *group, &made, start);
    if (status.ok()) [[likely]]
      *request = made;
    return status;
  });
}

/// The same, to the end.
template <typename Start>
[[gnu::always_inline]] inline tally_status blocking_call(const char* call, tally_endpoint* endpoint,
                                                         tally_group* group, tally_result* result, Start start) {
  return boundary(call, [&]() TALLY_INLINED -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok() && result != nullptr) status = check_result(result);
    if (!status.ok()) [[unlikely]]
      return status;
    return endpoint->run(
        [&](tally_request** request) TALLY_INLINED { return start(*endpoint, *group, request); }, result);
  });
}

}  // namespace tally::api
