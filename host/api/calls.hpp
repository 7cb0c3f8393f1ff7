// SPDX-License-Identifier: BSD-3-Clause
// What the functions of tally.h share: checks of handles, and the two ways to make a request.
#pragma once

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
  explicit Entry(tally_endpoint* endpoint) noexcept { enter(endpoint); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    if (held_ != nullptr) held_->lock().unlock();
  }
  /// nullptr: there is nothing to hold.
  void enter(tally_endpoint* endpoint) noexcept {
    if (endpoint == nullptr || !endpoint->shared()) return;
    endpoint->lock().lock();
    held_ = endpoint;
  }

 private:
  tally_endpoint* held_ = nullptr;
};

/// endpoint and, where given, a group of it; NULL stands for all ranks.
inline Status resolve(tally_endpoint* endpoint, tally_group** group) {
  if (endpoint == nullptr) return bad_argument("endpoint is NULL");
  if (*group == nullptr) *group = endpoint->all_ranks();
  if ((*group)->endpoint != endpoint) return bad_argument("group is of another endpoint");
  return {};
}

inline Status check_result(const tally_result* result) {
  if (result != nullptr && result->size < sizeof(tally_result)) {
    return bad_argument("result->size is {}, not sizeof(tally_result), {}", result->size,
                        sizeof(tally_result));
  }
  return {};
}

/// Of a call that does not wait: what it makes of TALLY_AGAIN.
template <typename Start>
Status start_with_room(tally_endpoint& endpoint, Start start) {
  Status status = start();
  if (status.code() != TALLY_AGAIN) return status;
  endpoint.progress();  // it may have made room
  return start();
}

/// start(endpoint, group, &request) after the checks that all starts share.
template <typename Start>
tally_status start_call(const char* call, tally_endpoint* endpoint, tally_group* group,
                        tally_request** request, Start start) {
  return boundary(call, [&]() -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok()) status = need("request", request);
    if (!status.ok()) return status;
    tally_request* made = nullptr;
    status = start_with_room(*endpoint, [&] { return start(*endpoint, *group, &made); });
    if (status.ok()) *request = made;
    return status;
  });
}

/// The same, to the end.
template <typename Start>
tally_status blocking_call(const char* call, tally_endpoint* endpoint, tally_group* group,
                           tally_result* result, Start start) {
  return boundary(call, [&]() -> Status {
    const Entry entry(endpoint);
    Status status = resolve(endpoint, &group);
    if (status.ok()) status = check_result(result);
    if (!status.ok()) return status;
    return endpoint->run([&](tally_request** request) { return start(*endpoint, *group, request); }, result);
  });
}

}  // namespace tally::api
