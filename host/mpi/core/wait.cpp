// SPDX-License-Identifier: BSD-3-Clause
// How the library waits, and what moves on meanwhile: the engine, tasks, and requests that the program has
// given up.
#include <exception>
#include <vector>

#include "core/p2p.hpp"
#include "core/request.hpp"
#include "core/status.hpp"

namespace tally::mpi {
namespace {

/// Doubly linked by Request::next and previous.
struct List {
  Request** first;
  Request* last = nullptr;

  void add(Request& request) noexcept {
    request.next = nullptr;
    request.previous = last;
    (last == nullptr ? *first : last->next) = &request;
    last = &request;
  }
  void remove(Request& request) noexcept {
    (request.previous == nullptr ? *first : request.previous->next) = request.next;
    (request.next == nullptr ? last : request.next->previous) = request.previous;
    request.listed = Request::Listed::kNo;
  }
};
Request* first_orphan = nullptr;
List tasks{&detail::first_task};  ///< requests whose task is under way
List orphans{&first_orphan};      ///< requests with an operation of the engine that nobody waits for
bool advancing = false;

void end_task(Request& request) {
  tasks.remove(request);
  request.task = Task();
  finish(request);
  if (request.orphan) delete &request;
  wake_waiting();
}

void advance_tasks() {
  if (detail::first_task == nullptr || advancing) return;
  advancing = true;
  for (Request* request = detail::first_task; request != nullptr;) {
    Request* const next = request->next;
    bool over = true;
    try {
      over = request->task.advance();
    } catch (...) {
      set_failure(*request);
    }
    if (over) end_task(*request);
    request = next;
  }
  advancing = false;
}

/// After the engine has moved: gives back what has ended.
void reap_orphans() {
  for (Request* request = first_orphan; request != nullptr;) {
    Request* const next = request->next;
    if (test_engine(*request)) {
      delete request;
    }
    request = next;
  }
}

struct Looker {
  detail::Look look;
  void* argument;
  std::exception_ptr failure;
};

/// Called by the engine's wait, without the library's lock.
int look_again(void* argument) noexcept {
  auto& looker = *static_cast<Looker*>(argument);
  const bool locks = runtime.locks;
  if (locks) runtime.mutex.lock();
  bool done = true;
  try {
    advance_tasks();
    done = looker.look(looker.argument);
  } catch (...) {
    looker.failure = std::current_exception();
  }
  if (locks) runtime.mutex.unlock();
  return done ? 1 : 0;
}

}  // namespace

Request::~Request() {
  if (listed != Listed::kNo) (listed == Listed::kTask ? tasks : orphans).remove(*this);
}

constinit Request* detail::first_task = nullptr;

void detail::wait_until(Look done, void* argument) {
  Looker looker{done, argument, nullptr};
  const unsigned held = runtime.locks ? runtime.mutex.give_up() : 0;
  const tally_status status = tally_endpoint_wait_until(runtime.endpoint, look_again, &looker);
  if (runtime.locks) runtime.mutex.take_back(held);
  if (looker.failure) std::rethrow_exception(looker.failure);
  check(status);
}

void wake_waiting() noexcept {
  if (runtime.locks) (void)tally_endpoint_wake(runtime.endpoint);
}

void progress() {
  (void)tally_endpoint_progress(runtime.endpoint);
  advance_tasks();
  if (first_orphan != nullptr) reap_orphans();
}

bool test_engine(Request& request) {
  tally_result result{};
  result.size = sizeof result;
  const tally_status status = tally_test(&request.engine, &result);
  if (status == TALLY_AGAIN) return false;
  conclude(request, status, result);
  return true;
}

bool test(Request& request) {
  if (request.complete) return true;
  if (request.engine != nullptr) {
    if (test_engine(request)) return true;
    if (detail::first_task != nullptr) advance_tasks();
    return false;
  }
  progress();
  return request.complete;
}

void wait(Request& request) {
  if (request.complete) return;
  current_call.request = &request;
  if (request.engine != nullptr && direct()) {
    tally_result result{};
    result.size = sizeof result;
    const tally_status status = tally_wait(&request.engine, &result);
    conclude(request, status, result);
  } else {
    wait_until([&request] { return test(request); });
  }
  current_call.request = nullptr;
}

tally_status wait_engine(tally_request* request, tally_result* result) {
  if (direct()) return tally_wait(&request, result);
  tally_status status = TALLY_AGAIN;
  wait_until([&] {
    status = tally_test(&request, result);
    return status != TALLY_AGAIN;
  });
  return status;
}

void run(Task task) {
  if (task.advance()) return;
  wait_until([&task] { return task.advance(); });
}

void launch(Request& request) {
  tasks.add(request);
  request.listed = Request::Listed::kTask;
  bool over = true;
  try {
    over = request.task.advance();
  } catch (...) {
    set_failure(request);
  }
  if (over) {
    end_task(request);
  } else {
    wake_waiting();  // who waits moves it on from now on
  }
}

Request* launch(Comm& comm, Task task, std::unique_ptr<Plan> plan) {
  auto* const request = new Request(Request::Type::kTask);
  request->comm = Ref<Comm>::share(&comm);
  request->task = std::move(task);
  request->plan = std::move(plan);
  set_empty(&request->status);
  launch(*request);
  return request;
}

void abandon(Request* request) {
  if (request->complete || !request->active) {
    delete request;
  } else if (request->engine != nullptr) {
    while (first_orphan != nullptr && test_engine(*first_orphan))
      delete first_orphan;  // no more of them than are under way
    request->orphan = true;
    orphans.add(*request);
    request->listed = Request::Listed::kOrphan;
  } else {
    request->orphan = true;  // a task, or a generalized request: its end deletes it
  }
}

void conclude_abandoned() {
  conclude_buffered();
  while (first_orphan != nullptr) {
    Request& request = *first_orphan;
    if (request.type == Request::Type::kReceive) (void)tally_cancel(request.engine);
    wait(request);
    delete &request;
  }
}

}  // namespace tally::mpi
