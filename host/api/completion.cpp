// SPDX-License-Identifier: BSD-3-Clause
// Waits and tests: for one request, for all, for any and for some.
#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"

using tally::Status;
using tally::api::Outcomes;
using tally::api::write_empty;

namespace {

/// Where a wait has seen so many completions more are on their way. Who looks for each as soon as it can
/// takes the cache line from the sender that fills it, and has fewer of them in the end.
constexpr unsigned kStream = 2;

void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

bool ended(const tally_request& operation) noexcept { return operation.state == tally_request::State::kDone; }

}  // namespace

// --- one ----------------------------------------------------------------------------------------------

Status tally_endpoint::test(tally_request** request, tally_result* result) {
  progress();
  tally_request** operation = operation_of(request);
  if (*operation == nullptr) {
    write_empty(result);
    return {};
  }
  if (ended(**operation)) return finish(operation, result);
  watch_context(**operation);
  if (header().failed.load(std::memory_order_relaxed) != 0) {
    abandon(operation);
    return {TALLY_ERR_JOB, kJobEnds};
  }
  return Status::again();
}

Status tally_endpoint::wait(tally_request** request, tally_result* result) {
  tally_request** operation = operation_of(request);
  if (*operation == nullptr) {
    write_empty(result);
    return {};
  }
  Waiting waiting(*this);
  return wait(operation, result, waiting);
}

Status tally_endpoint::wait(tally_request** handle, tally_result* result, Waiting& waiting) {
  tally_request& request = **handle;
  while (!ended(request)) {
    if (progress() != 0) {
      waiting.spins = 0;
      ++waiting.seen;
      continue;
    }
    if (waiting.seen >= kStream) relax();
    if (shared_) watch(request, waiting);
    Status status = idle(waiting, &request);
    if (status.ok() || ended(request)) continue;
    if (request.kind == tally_request::Kind::kCollective && status.code() == TALLY_ERR_TIMEOUT) {
      break_context(request.group->context, "it had no progress for TALLY_TIMEOUT seconds");
      abort_collective(request);
    }
    abandon(handle);
    return status;
  }
  return finish(handle, result);
}

// --- all ----------------------------------------------------------------------------------------------

Status tally_endpoint::wait_all(tally_request** requests, std::size_t count, const Outcomes& outcomes) {
  Waiting waiting(*this);  // one for all: when time is over for one, it is over for the others
  Status first;
  for (std::size_t i = 0; i < count; ++i) {
    tally_request** operation = operation_of(&requests[i]);
    tally_result* result = outcomes.result(i);
    if (*operation != nullptr) [[likely]] {
      if (result != nullptr || !ended(**operation) || (*operation)->completion.status != TALLY_OK) {
        Status status = wait(operation, result, waiting);
        outcomes.set_status(i, status.code());
        if (!status.ok() && first.ok()) first = std::move(status);
        continue;
      }
      retire(operation);
    } else {
      write_empty(result);
    }
    outcomes.set_status(i, TALLY_OK);
  }
  return first;
}

Status tally_endpoint::test_all(tally_request** requests, std::size_t count, const Outcomes& outcomes) {
  progress();
  for (std::size_t i = 0; i < count; ++i) {
    tally_request* operation = *operation_of(&requests[i]);
    if (operation == nullptr || ended(*operation)) continue;
    Status status = look_at_late(requests, count);
    if (status.code() == TALLY_AGAIN) return status;
    break;  // the job is being ended: none is waited for
  }
  return wait_all(requests, count, outcomes);
}

// --- any and some ---------------------------------------------------------------------------------------

int tally_endpoint::first_ended(tally_request** requests, std::size_t count, bool* under_way) const noexcept {
  *under_way = false;
  for (std::size_t i = 0; i < count; ++i) {
    const tally_request* operation = *operation_of(&requests[i]);
    if (operation == nullptr) continue;
    *under_way = true;
    if (ended(*operation)) return static_cast<int>(i);
  }
  return -1;
}

Status tally_endpoint::wait_for_one(tally_request** requests, std::size_t count, Waiting& waiting) {
  // Completions are counted, so that the requests are looked through twice and not once a completion.
  waiting.completions = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (tally_request* operation = *operation_of(&requests[i]); operation != nullptr) watch(*operation, waiting);
  }
  Status status;
  while (waiting.completions == 0 && status.ok()) {
    if (progress() == 0) status = idle(waiting, requests, count);
  }
  if (waiting.completions != 0) status = {};
  for (std::size_t i = 0; i < count; ++i) {
    if (tally_request* operation = *operation_of(&requests[i]); operation != nullptr)
      operation->marks.watched = false;
  }
  return status;
}

Status tally_endpoint::wait_any(tally_request** requests, std::size_t count, int* index,
                                tally_result* result) {
  bool under_way = false;
  *index = first_ended(requests, count, &under_way);
  if (*index < 0 && under_way) {
    Waiting waiting(*this);
    Status status = wait_for_one(requests, count, waiting);
    if (!status.ok()) {
      if (waiting.culprit == nullptr) return status;
      for (std::size_t i = 0; i < count; ++i) {
        if (operation_of(&requests[i]) == waiting.culprit) *index = static_cast<int>(i);
      }
      abandon(waiting.culprit);
      return status;
    }
    *index = first_ended(requests, count, &under_way);
  }
  if (*index >= 0) return finish(operation_of(&requests[*index]), result);
  write_empty(result);
  return {};
}

Status tally_endpoint::test_any(tally_request** requests, std::size_t count, int* index,
                                tally_result* result) {
  progress();
  bool under_way = false;
  *index = first_ended(requests, count, &under_way);
  if (*index >= 0) return finish(operation_of(&requests[*index]), result);
  if (under_way) return look_at_late(requests, count);
  write_empty(result);
  return {};
}

Status tally_endpoint::look_at_late(tally_request** requests, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (tally_request* operation = *operation_of(&requests[i]); operation != nullptr)
      watch_context(*operation);
  }
  if (header().failed.load(std::memory_order_relaxed) != 0) return {TALLY_ERR_JOB, kJobEnds};
  return Status::again();
}

Status tally_endpoint::take_ended(tally_request** requests, std::size_t count, int* indices,
                                  const Outcomes& outcomes, int* taken) {
  Status first;
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    tally_request** operation = operation_of(&requests[i]);
    if (*operation == nullptr || !ended(**operation)) continue;
    Status status = finish(operation, outcomes.result(next));
    indices[next] = static_cast<int>(i);
    outcomes.set_status(next, status.code());
    if (first.ok()) first = std::move(status);
    ++next;
  }
  *taken = static_cast<int>(next);
  return first;
}

Status tally_endpoint::wait_some(tally_request** requests, std::size_t count, int* indices,
                                 const Outcomes& outcomes, int* taken) {
  progress();  // what has come meanwhile is taken, too
  bool under_way = false;
  const int index = first_ended(requests, count, &under_way);
  if (!under_way) {
    *taken = -1;
    return {};
  }
  if (index < 0) {
    Waiting waiting(*this);
    Status status = wait_for_one(requests, count, waiting);
    if (!status.ok()) {
      *taken = 0;
      if (waiting.culprit == nullptr) return status;
      for (std::size_t i = 0; i < count; ++i) {
        if (operation_of(&requests[i]) == waiting.culprit) indices[0] = static_cast<int>(i);
      }
      write_empty(outcomes.result(0));
      outcomes.set_status(0, status.code());
      abandon(waiting.culprit);
      *taken = 1;
      return status;
    }
  }
  return take_ended(requests, count, indices, outcomes, taken);
}

Status tally_endpoint::test_some(tally_request** requests, std::size_t count, int* indices,
                                 const Outcomes& outcomes, int* taken) {
  progress();
  bool under_way = false;
  if (first_ended(requests, count, &under_way) >= 0)
    return take_ended(requests, count, indices, outcomes, taken);
  *taken = under_way ? 0 : -1;
  return under_way ? look_at_late(requests, count) : Status{};
}
