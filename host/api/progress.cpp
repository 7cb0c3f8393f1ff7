// SPDX-License-Identifier: BSD-3-Clause
// Requests from post to completion, and waits that end.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/names.hpp"
#include "api/posting.hpp"
#include "tally/device.hpp"

using tally::Completion;
using tally::Status;
using namespace std::chrono_literals;

namespace {

constexpr auto kLook = 250ms;     // between two looks at what has moved: registers of a device are read for it
constexpr auto kPublish = 250ms;  // a wait that lasts as long is told to the launcher
constexpr auto kAbortGrace = 5s;  // an engine has this long to end an aborted collective
constexpr auto kLeftGrace = 1s;   // without progress: what a rank took before it left is told by then

const char* name_of(const char* known) noexcept { return known == nullptr ? "the program's own" : known; }

}  // namespace

void tally_endpoint::add_requests() {
  by_cookie_.reserve(by_cookie_.size() + 1);
  tally_request& request = requests_.emplace_back();
  request.cookie = static_cast<std::uint32_t>(by_cookie_.size());
  request.endpoint = this;
  by_cookie_.push_back(&request);
  release(request);
}

std::size_t tally_endpoint::progress() {
  std::size_t taken = engine_->poll(taken_);
  std::size_t news = 0;
  for (std::size_t i = 0; i < taken; ++i) {
    if (taken_[i].status != TALLY_AGAIN) {  // that a probe found nothing is none: who looks by probes would never sleep
      ++news;
      moved_ = true;
    }
    tally_request& request = *by_cookie_[taken_[i].cookie];
    request.completion.copy(taken_[i]);
    complete(request);
  }
  if (software_ != nullptr && software_->busy()) {
    const std::size_t ended = software_->advance();
    news += ended;
    taken += ended;
  }
  if (one_sided_ != nullptr && one_sided_->busy()) {
    const std::size_t ended = one_sided_->advance();
    news += ended;
    taken += ended;
  }
  news_ += news;
  if (shared_ && news != 0) rouse_lookers();
  if (header().counters_asked.load(std::memory_order_relaxed) != counters_told_) [[unlikely]]
    tell_counters();
  return taken;
}

void tally_endpoint::complete_special(tally_request& request) {
  switch (request.kind) {
    case tally_request::Kind::kSend:
    case tally_request::Kind::kReceive:
      complete_message(request);
      break;
    case tally_request::Kind::kOneSided:
      if (request.regions[0] != nullptr) --request.regions[0]->users;
      if (request.completion.status == TALLY_OK) count_one_sided(request);
      break;
    case tally_request::Kind::kProbe:
    case tally_request::Kind::kPersistent:
      break;
    case tally_request::Kind::kCollective:
      complete_collective(request);
      break;
  }
  if (request.marks.staged) end_staging(request);
  if (request.state == tally_request::State::kAbandoned) {
    release(request);
  } else if (request.marks.detached) {
    --detached_;
    tally_request* handle = &request;
    retire(&handle);
  } else {
    request.state = tally_request::State::kDone;
    if (request.marks.watched) {
      ++request.watch->completions;
      if (shared_) rouse(static_cast<Waiting&>(*request.watch));
    }
  }
}

void tally_endpoint::complete_collective(tally_request& request) {
  --request.compiled->users;
  for (tally_memory* region : request.regions) {
    if (region != nullptr) --region->users;
  }
  const tally_status status = request.completion.status;
  if (status == TALLY_OK || status == TALLY_ERR_TRUNCATED) {
    KindCount& kind = kinds_[static_cast<std::size_t>(request.collective)];
    ++kind.calls;
    kind.bytes += request.length;
  } else if (request.group == nullptr) {
    return;  // abandoned: the context was broken then
  } else if (status == TALLY_ERR_MISMATCH) {
    break_context(request.group->context, mismatch_text(request, fmt::format("on rank {}", rank())));
  } else if (status != TALLY_ERR_ABORTED) {
    break_context(request.group->context, fmt::format("its engine reported {}", tally::api::status_name(status)));
  }
}

Status tally_endpoint::finish(tally_request** handle, tally_result* result) {
  tally_request& request = **handle;
  const Completion& done = request.completion;
  if (done.status == TALLY_OK && result == nullptr) [[likely]] {
    retire(handle);
    return {};
  }
  Status status = outcome(request, result);
  retire(handle);
  return status;
}

Status tally_endpoint::outcome(const tally_request& request, tally_result* result) const {
  const Completion& done = request.completion;
  if (request.kind == tally_request::Kind::kOneSided && done.status != TALLY_OK)
    return tally::api::OneSided::explain(request);
  const bool receive = request.kind == tally_request::Kind::kReceive;
  if (result != nullptr && (done.status == TALLY_OK || done.status == TALLY_ERR_TRUNCATED)) {
    result->source = receive ? request.group->from_job[done.source] : -1;
    result->tag = receive ? static_cast<std::int32_t>(done.tag) : -1;
    result->reserved = 0;
    result->length = receive ? done.length : request.length;
    result->device_ns = done.device_ns;
  }
  Status status;
  switch (done.status) {
    case TALLY_OK:
      break;
    case TALLY_ERR_TRUNCATED:
      status = {done.status,
                fmt::format("message of {} bytes from rank {}, tag {}, is longer than the buffer of {} bytes",
                            done.length, done.source, done.tag, request.length)};
      break;
    case TALLY_ERR_MISMATCH:
      status = {done.status, mismatch_text(request, "here")};
      break;
    case TALLY_ERR_ABORTED:
      status = {done.status, broken_text(request.group->context)};
      break;
    case TALLY_ERR_PROTECTION:
      status = {done.status, "the device refused a buffer: it is not registered there"};
      break;
    case TALLY_ERR_CANCELLED:
      status = {done.status, "the receive was cancelled"};
      break;
    case TALLY_ERR_PEER:
      status = {done.status,
                fmt::format("the device of rank {} does not answer",
                            request.kind == tally_request::Kind::kSend ? request.peer : done.source)};
      break;
    case TALLY_ERR_JOB:
      status = {done.status, header().failed.load(std::memory_order_relaxed) != 0 ? std::string(kJobEnds)
                             : request.kind == tally_request::Kind::kSend && has_left(request.peer)
                                 ? fmt::format("rank {} has left the job", request.peer)
                                 : std::string("the device or its fabric is gone")};
      break;
    default:
      status = {done.status, fmt::format("the engine reported {}", tally::api::status_name(done.status))};
      break;
  }
  return status;
}

void tally_endpoint::abandon(tally_request** handle) noexcept {
  tally_request& request = **handle;
  if (!request.marks.internal) {
    --live_requests_;
    --request.group->users;
  }
  if (request.kind == tally_request::Kind::kCollective) request.group->retain = true;
  if (request.kind == tally_request::Kind::kSend) --unsent_;  // close does not wait for it
  request.marks.internal = true;
  request.marks.watched = false;
  request.group = nullptr;
  request.state = tally_request::State::kAbandoned;
  *handle = nullptr;
}

void tally_endpoint::abandon_sends_to_who_left(Waiting& waiting) noexcept {
  const Clock::time_point now = Clock::now();
  const bool over = waiting.left_seen != Clock::time_point{} &&
                    now - std::max(waiting.left_seen, last_progress_) > kLeftGrace;
  for (tally_request* request : by_cookie_) {
    if (request->kind != tally_request::Kind::kSend || request->state != tally_request::State::kActive ||
        !has_left(request->peer))
      continue;
    if (waiting.left_seen == Clock::time_point{}) waiting.left_seen = now;
    if (!over) continue;
    if (std::exchange(request->marks.detached, false)) --detached_;
    tally_request* handle = request;
    abandon(&handle);
  }
}

void tally_endpoint::abort_collective(tally_request& request) {
  if (request.marks.software) return software_->abort(request);
  engine_->abort_collective(request.group->context, request.seq);
}

void tally_endpoint::watch_context(tally_request& request) {
  if (request.kind != tally_request::Kind::kCollective || request.marks.abort_asked ||
      !broken(request.group->context))
    return;
  request.marks.abort_asked = true;
  abort_collective(request);
}

std::uint64_t tally_endpoint::activity(const Waiting& waiting) const {
  const tally_counters now = counters();
  const std::uint64_t moved = now.cpu_matches + now.cpu_copied_bytes + now.cpu_reduced_bytes +
                              now.device_tx_packets + now.device_rx_packets;
  // The device fetches and answers each probe: that alone is no progress.
  return waiting.probe.empty() ? moved + now.device_read_bytes + now.device_written_bytes : moved;
}

Status tally_endpoint::idle(Waiting& waiting, tally_request** requests, std::size_t count) {
  if (header().failed.load(std::memory_order_relaxed) != 0) return {TALLY_ERR_JOB, kJobEnds};
  if (count == 1) watch_context(**operation_of(requests));
  if (waiting.spins < spins_) {
    ++waiting.spins;
    if (shared_) share(waiting);
    return {};
  }
  if (!waiting.begun) {  // the clock is not read in a wait that is over soon
    waiting.begun = true;
    waiting.started = Clock::now();
    waiting.next_look = waiting.started;
  }
  const auto pause = waiting.pause == 0us ? std::chrono::microseconds(kSleep) : waiting.pause;
  if (shared_) {
    waiting.looks = waiting.looks || count == 0;
    sleep(waiting, pause);
  } else {
    engine_->wait(pause);
  }
  job_.look_after_peers();
  const Clock::time_point now = Clock::now();
  if (std::exchange(moved_, false)) last_progress_ = now;
  if (now >= waiting.next_look) {
    // Large operations complete late; bytes that move are progress, too.
    const std::uint64_t moved = activity(waiting);
    if (moved != waiting.activity) last_progress_ = now;
    waiting.activity = moved;
    waiting.looked = true;
    waiting.next_look = now + kLook;
    if (give_up_after_ > 0s) {
      waiting.next_look =
          std::min(waiting.next_look, now + std::chrono::duration_cast<Clock::duration>(give_up_after_ / 4));
    }
  }
  if (now - waiting.started >= kPublish) publish_wait(waiting);
  const std::chrono::duration<double> quiet = now - std::max(waiting.started, last_progress_);
  for (std::size_t i = 0; i < count; ++i) {
    tally_request** handle = operation_of(&requests[i]);
    if (*handle == nullptr || (*handle)->state != tally_request::State::kActive) continue;
    Status status = check_end(waiting, **handle, now);
    if (status.ok()) continue;
    waiting.culprit = handle;
    return status;
  }
  const bool warn = warn_after_ > 0s && quiet >= waiting.warn_after;
  const bool give_up = give_up_after_ > 0s && quiet >= give_up_after_;
  if (!warn && !give_up) return {};
  const std::string pending = describe_wait(waiting);
  if (give_up)
    return {TALLY_ERR_TIMEOUT, fmt::format("no progress for {:.1f} s: {}", quiet.count(), pending)};
  std::fputs(
      fmt::format("tally: rank {}: no progress for {:.0f} s: {}\n", rank(), quiet.count(), pending).c_str(),
      stderr);
  waiting.warn_after *= 2;
  return {};
}

Status tally_endpoint::check_end(Waiting& waiting, tally_request& request, Clock::time_point now) {
  watch_context(request);
  if (request.marks.abort_asked) {
    if (waiting.abort_asked == Clock::time_point{}) waiting.abort_asked = now;
    if (now - waiting.abort_asked > kAbortGrace)
      return {TALLY_ERR_ABORTED, broken_text(request.group->context)};
  }
  if (request.kind == tally_request::Kind::kSend && has_left(request.peer)) {
    // A device keeps the answer to a long send for ever when its host has left.
    if (waiting.left_seen == Clock::time_point{}) waiting.left_seen = now;
    if (now - std::max(waiting.left_seen, last_progress_) > kLeftGrace)
      return {TALLY_ERR_JOB, fmt::format("rank {} has left the job", request.peer)};
  }
  return {};
}

std::string tally_endpoint::mismatch_text(const tally_request& request, const std::string& here) const {
  using Field = tally::device::MismatchField;
  const std::uint32_t fields = request.completion.detail >> 24;
  const auto has = [fields](Field field) { return (fields & static_cast<std::uint32_t>(field)) != 0; };
  const unsigned peer = request.completion.source;
  std::string text;
  const auto add = [&text](const std::string& difference) {
    text += (text.empty() ? "" : "; ") + difference;
  };
  if (has(Field::kCount)) {
    const std::uint32_t count = request.completion.detail & 0xffffff;
    add(fmt::format("count differs: {} {}, {}{} on rank {}", request.count / request.parts, here,
                    count == 0xffffff ? "at least " : "", count / request.parts, peer));
  }
  if (has(Field::kDtype)) {
    add(fmt::format("dtype differs: {} {}, another on rank {}", name_of(tally::api::dtype_name(request.dtype)), here,
                    peer));
  }
  if (has(Field::kRedop)) {
    add(fmt::format("op differs: {} {}, another on rank {}", name_of(tally::api::op_name(request.op)), here, peer));
  }
  // Another count may mean another algorithm; then only the count is the program's doing. Where the type or
  // the operation differs as well, it is more likely another call.
  if (has(Field::kSignature) && !text.empty() && (has(Field::kDtype) || has(Field::kRedop)))
    add(fmt::format("perhaps another collective on rank {}", peer));
  if (text.empty())
    add(fmt::format("rank {} runs another collective, algorithm or root than the one {}", peer, here));
  return text;
}
