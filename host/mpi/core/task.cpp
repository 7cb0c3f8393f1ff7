// SPDX-License-Identifier: BSD-3-Clause
#include "core/task.hpp"

#include "core/error.hpp"
#include "core/request.hpp"

namespace tally::mpi {

bool Task::advance() {
  promise_type& root = handle_.promise();
  if (handle_.done()) return true;
  for (;;) {
    if (root.waiting_for != nullptr) {
      if (!root.waiting_for->done()) return false;
      root.waiting_for = nullptr;
    }
    const Handle next = root.running ? root.running : handle_;
    next.resume();
    if (handle_.done()) {
      if (root.failure) std::rethrow_exception(std::exchange(root.failure, nullptr));
      return true;
    }
  }
}

void Operations::push(Entry entry) {
  if (concluded_) {
    entries_.clear();
    started_ = ended_ = 0;
    concluded_ = false;
  }
  entries_.push_back(std::move(entry));
}

void Operations::add(Start start) {
  Entry entry;
  entry.result.size = sizeof entry.result;
  entry.start = std::move(start);
  push(std::move(entry));
  (void)done();
}

template <typename Function>
void Operations::add_message(const Function& start) {
  Entry entry;
  entry.result.size = sizeof entry.result;
  // What can start at once needs no function that is kept.
  tally_status status = TALLY_AGAIN;
  if (concluded_ || started_ == entries_.size()) status = start(&entry.request);
  if (status == TALLY_AGAIN) entry.start = start;
  const bool begun = status != TALLY_AGAIN;
  push(std::move(entry));
  if (!begun) return;
  ++started_;
  if (status != TALLY_OK) failed(status);
}

void Operations::send(tally_group* group, const void* buffer, std::size_t length, int destination, int tag) {
  add_message([=](tally_request** request) {
    return tally_send_start(runtime.endpoint, group, buffer, length, destination, tag, request);
  });
}

void Operations::receive(tally_group* group, void* buffer, std::size_t length, int source, int tag) {
  add_message([=](tally_request** request) {
    return tally_recv_start(runtime.endpoint, group, buffer, length, source, tag, request);
  });
}

void Operations::failed(tally_status status) {
  if (failure_ != TALLY_OK) return;
  failure_ = status;
  failure_text_ = tally_last_error();
  if (status == TALLY_ERR_TRUNCATED) return;  // the others complete
  // Peers may never send now. Of what has ended, and of sends, a cancel changes nothing.
  for (Entry& entry : entries_) {
    if (entry.request != nullptr) (void)tally_cancel(entry.request);
  }
}

bool Operations::done() {
  while (started_ < entries_.size()) {
    Entry& entry = entries_[started_];
    // After a failure the peers may not get what they wait for: nothing more is asked of them.
    const tally_status status = failure_ != TALLY_OK ? TALLY_OK : entry.start(&entry.request);
    if (status == TALLY_AGAIN) break;
    entry.start = nullptr;
    ++started_;
    if (status != TALLY_OK) failed(status);
  }
  while (ended_ < started_) {
    Entry& entry = entries_[ended_];
    if (entry.request != nullptr) {
      const tally_status status = tally_test(&entry.request, &entry.result);
      if (status == TALLY_AGAIN) return false;
      if (status != TALLY_OK) failed(status);
    }
    ++ended_;
  }
  return ended_ == entries_.size();
}

void Operations::wait() {
  if (!done()) wait_until([this] { return done(); });
  conclude();
}

void Operations::conclude() {
  concluded_ = true;
  if (failure_ == TALLY_OK) return;
  const tally_status status = std::exchange(failure_, TALLY_OK);
  throw error_of(status, failure_text_);
}

Operations::~Operations() {
  if (concluded_ || ended_ == entries_.size()) return;
  try {
    if (failure_ == TALLY_OK) failed(TALLY_ERR_INTERNAL);  // what has not started does not
    for (std::size_t i = ended_; i < started_; ++i) {
      if (entries_[i].request != nullptr) (void)tally_cancel(entries_[i].request);  // receives only
    }
    if (!done()) wait_until([this] { return done(); });
  } catch (...) {
    // The job is at its end: the engine's own report stands.
  }
}

}  // namespace tally::mpi
