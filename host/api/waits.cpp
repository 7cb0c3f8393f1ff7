// SPDX-License-Identifier: BSD-3-Clause
// Waits for a condition of the caller, and what a wait that lasts tells: in words, and to the launcher.
#include <algorithm>
#include <cstring>
#include <utility>

#include "api/boundary.hpp"
#include "api/calls.hpp"
#include "api/endpoint.hpp"

using tally::Status;
using tally::api::boundary;
using tally::api::Entry;
using tally::api::need;

Status tally_endpoint::wait_until(int (*done)(void*), void* argument) {
  Waiting waiting(*this);
  for (;;) {
    const std::uint64_t seen = news_;
    // Without the lock: it calls the endpoint, and may take locks of its own.
    if (shared_) lock_.unlock();
    const bool is_done = done(argument) != 0;
    if (shared_) lock_.lock();
    if (is_done) return {};
    if (progress() != 0 || news_ != seen) {
      waiting.spins = 0;
      continue;
    }
    Status status = idle(waiting, nullptr);
    if (!status.ok()) return status;
  }
}

void tally_endpoint::wake() {
  ++news_;
  if (shared_) {
    rouse_lookers();
  } else {
    tally::job::wake(header(), static_cast<std::uint32_t>(rank()));
  }
}

std::string tally_endpoint::describe_wait(const Waiting& waiting) const {
  std::string text;
  if (describe_ != nullptr) {
    char line[256] = "";
    describe_(describe_argument_, line, sizeof line);
    line[sizeof line - 1] = '\0';
    if (line[0] != '\0') text = std::string(line) + '\n';
  }
  std::string engine = engine_->describe_pending();
  if (one_sided_ != nullptr) one_sided_->leave_out_standing(&engine);
  text += waiting.probe + engine;
  if (software_ != nullptr) text += software_->describe_pending();
  if (one_sided_ != nullptr) text += one_sided_->describe_pending();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) text.replace(at, 1, "; ");
  return text;
}

void tally_endpoint::publish_wait(Waiting& waiting) {
  tally::job::WaitRecord& record = header().wait[rank()];
  // A look counts with what had moved by then: the same number twice says that nothing has moved in between.
  if (std::exchange(waiting.looked, false)) {
    record.activity.store(waiting.activity, std::memory_order_relaxed);
    record.looks.store(record.looks.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  if (waiting.published) return;
  waiting.published = true;
  const std::string text = describe_wait(waiting);
  const std::size_t length = std::min(text.size(), sizeof record.text - 1);
  record.writing.fetch_add(1, std::memory_order_acq_rel);
  std::memcpy(record.text, text.data(), length);
  record.text[length] = '\0';
  record.writing.fetch_add(1, std::memory_order_release);
  record.waits.fetch_add(1, std::memory_order_release);
  record.waiting.fetch_add(1, std::memory_order_release);
}

void tally_endpoint::withdraw_wait() noexcept {
  header().wait[rank()].waiting.fetch_sub(1, std::memory_order_release);
}

// --- tally.h -----------------------------------------------------------------------------------

tally_status tally_endpoint_wait_until(tally_endpoint* endpoint, int (*done)(void* argument),
                                       void* argument) {
  return boundary("tally_endpoint_wait_until", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok() && done == nullptr) status = tally::api::bad_argument("done is NULL");
    return status.ok() ? endpoint->wait_until(done, argument) : status;
  });
}

tally_status tally_endpoint_wake(tally_endpoint* endpoint) {
  return boundary("tally_endpoint_wake", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) endpoint->wake();
    return status;
  });
}

tally_status tally_endpoint_on_counters(tally_endpoint* endpoint,
                                        void (*add)(void* argument, tally_counters* counters),
                                        void* argument) {
  return boundary("tally_endpoint_on_counters", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) endpoint->on_counters(add, argument);
    return status;
  });
}

tally_status tally_endpoint_on_wait(tally_endpoint* endpoint,
                                    void (*describe)(void* argument, char* text, size_t bytes),
                                    void* argument) {
  return boundary("tally_endpoint_on_wait", [&]() -> Status {
    const Entry entry(endpoint);
    Status status = need("endpoint", endpoint);
    if (status.ok()) endpoint->on_wait(describe, argument);
    return status;
  });
}
