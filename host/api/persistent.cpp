// SPDX-License-Identifier: BSD-3-Clause
// Persistent requests: an operation's arguments, checked once, started any number of times.
#include <functional>
#include <memory>
#include <vector>

#include "api/boundary.hpp"
#include "api/collective_checks.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"

using tally::Status;
using tally::api::CollectiveCall;

/// The request that stands for what `start` starts.
Status tally_endpoint::keep(tally_group& group, tally_request::Start start, tally_request** out) {
  tally_request* request = new_request(tally_request::Kind::kPersistent, group);
  request->state = tally_request::State::kKept;
  request->operation = nullptr;
  request->start = std::move(start);
  ++live_requests_;
  ++group.users;
  *out = request;
  return {};
}

Status tally_endpoint::make_send(tally_group& group, const void* buffer, std::size_t length, int destination,
                                 int tag, bool synchronous, tally_request** request) {
  tally::SendDescriptor checked;
  tally_memory* region = nullptr;
  Status status = describe_send(group, buffer, length, destination, tag, synchronous, &checked, &region);
  if (!status.ok() && status.code() != TALLY_AGAIN)
    return status;  // that memory cannot be registered now may change
  return keep(
      group,
      [this, &group, buffer, length, destination, tag, synchronous](tally_request** operation) {
        return start_send(group, buffer, length, destination, tag, synchronous, operation);
      },
      request);
}

Status tally_endpoint::make_receive(tally_group& group, void* buffer, std::size_t length, int source, int tag,
                                    tally_request** request) {
  tally::RecvDescriptor checked;
  tally_memory* region = nullptr;
  Status status = describe_receive(group, buffer, length, source, tag, &checked, &region);
  if (!status.ok() && status.code() != TALLY_AGAIN) return status;
  return keep(
      group,
      [this, &group, buffer, length, source, tag](tally_request** operation) {
        return start_receive(group, buffer, length, source, tag, operation);
      },
      request);
}

namespace {

/// A call with its own copies of the arrays; they live as long as the result's copies.
std::function<CollectiveCall()> with_own_arrays(const CollectiveCall& call, std::size_t ranks) {
  auto numbers = std::make_shared<std::vector<std::size_t>>();
  numbers->reserve(4 * ranks);  // so that the copies stay where they are
  const auto copy = [&](const std::size_t* array) -> const std::size_t* {
    if (array == nullptr) return nullptr;
    return &*numbers->insert(numbers->end(), array, array + ranks);
  };
  CollectiveCall own = call;
  own.input_blocks = {copy(call.input_blocks.counts), copy(call.input_blocks.displacements)};
  own.output_blocks = {copy(call.output_blocks.counts), copy(call.output_blocks.displacements)};
  return [own, numbers] { return own; };
}

}  // namespace

Status tally_endpoint::make_collective(tally_group& group, const CollectiveCall& call,
                                       tally_request** request) {
  Status status = start_collective(group, call, nullptr);
  if (!status.ok() && status.code() != TALLY_AGAIN) return status;
  const tally::api::CallPlace at{group.rank, group.ranks.size(), capabilities()};
  return keep(
      group,
      [this, &group,
       own = with_own_arrays(call.varying ? tally::api::used_arrays(at, call) : call, at.ranks)](
          tally_request** operation) { return start_collective(group, own(), operation); },
      request);
}

Status tally_endpoint::start(tally_request& request) {
  if (request.operation != nullptr) return {TALLY_ERR_BUSY, "request is under way"};
  Status status = request.start(&request.operation);
  if (status.code() != TALLY_AGAIN) return status;
  progress();  // it may have made room
  return request.start(&request.operation);
}

Status tally_endpoint::start_all(tally_request** requests, std::size_t count) {
  Waiting waiting(*this);
  for (std::size_t i = 0; i < count;) {
    Status status = start(*requests[i]);
    if (status.code() == TALLY_AGAIN) {
      status = progress() != 0 ? Status{} : idle(waiting, nullptr);
      if (status.ok()) continue;
    }
    if (!status.ok()) return {status.code(), fmt::format("requests[{}]: {}", i, status.message())};
    ++i;
  }
  return {};
}

void tally_endpoint::free_request(tally_request** handle) noexcept {
  tally_request** operation = operation_of(handle);
  if (*operation != nullptr) {
    if ((*operation)->state == tally_request::State::kDone) {
      retire(operation);
    } else {
      (*operation)->marks.detached = true;
      ++detached_;
      *operation = nullptr;
    }
  }
  if (operation == handle) return;
  tally_request& request = **handle;
  request.start = nullptr;
  retire(handle);
}
