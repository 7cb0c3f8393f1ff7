// SPDX-License-Identifier: BSD-3-Clause
// Probes, claimed messages and cancels.
#include <algorithm>

#include "api/boundary.hpp"
#include "api/endpoint.hpp"
#include "api/posting.hpp"
#include "api/names.hpp"

using tally::Completion;
using tally::ProbeDescriptor;
using tally::Status;
using tally::api::bad_argument;
using namespace std::chrono_literals;

namespace {

// An engine that waits for completions does not wake for a message that nothing asked for, so a probe looks
// again: soon at first, then as seldom as any wait looks for a failed job.
constexpr auto kFirstPause = 20us;
constexpr auto kLongestPause = std::chrono::microseconds(10ms);

}  // namespace

Status tally_endpoint::ask(ProbeDescriptor probe, tally_group& group, Completion* answer) {
  progress();  // also where there was no room for the last probe
  tally_request* request = new_request(tally_request::Kind::kProbe, group);
  request->marks.internal = true;
  probe.cookie = request->cookie;
  Status status = posted(request, engine_->post_probe(probe), false, &request);
  if (!status.ok()) return status;
  Waiting waiting(*this);  // of its own: as long as the engine answers, a claim is not given up half-way
  waiting.probe = "a probe waits for the device's answer\n";
  // The thread that polls may itself wait for what the caller holds: this one looks on its own.
  if (shared_) waiting.pause = kFirstPause;
  while (request->state != tally_request::State::kDone) {
    if (progress() != 0) continue;
    status = idle(waiting, request);
    if (status.ok() || request->state == tally_request::State::kDone) continue;
    abandon(&request);
    return status;
  }
  *answer = request->completion;
  release(*request);
  switch (answer->status) {
    case TALLY_OK:
      return {};
    case TALLY_AGAIN:
      return Status::again();
    case TALLY_ERR_JOB:
      return {TALLY_ERR_JOB, "the device or its fabric is gone"};
    default:
      return {answer->status, fmt::format("the engine reported {}", tally::api::status_name(answer->status))};
  }
}

void tally_endpoint::report(const Completion& answer, tally_group& group, tally_message* slot,
                            tally_message** out, tally_result* result) {
  if (result != nullptr) {
    result->source = group.from_job[answer.source];
    result->tag = static_cast<std::int32_t>(answer.tag);
    result->reserved = 0;
    result->length = answer.length;
    result->device_ns = answer.device_ns;
  }
  if (out == nullptr) return;
  tally_message* message = slot;
  message->group = &group;
  message->number = answer.message;
  ++group.claimed;
  ++live_messages_;
  *out = message;
}

Status tally_endpoint::probe_now(tally_group& group, int source, int tag, bool* found,
                                 tally_message** message, tally_result* result) {
  ProbeDescriptor wanted;
  Status status = set_pattern(group, source, tag, &wanted);
  if (!status.ok()) return status;
  wanted.claim = message != nullptr;
  tally_message* slot = wanted.claim ? reserve_message() : nullptr;
  Completion answer;
  status = ask(wanted, group, &answer);
  *found = status.ok();
  if (status.ok()) {
    report(answer, group, slot, message, result);
  } else if (slot != nullptr) {
    free_messages_.push_back(slot);
  }
  if (status.code() != TALLY_AGAIN) return status;
  if (header().failed.load(std::memory_order_relaxed) != 0) return {TALLY_ERR_JOB, kJobEnds};
  return {};
}

Status tally_endpoint::probe(tally_group& group, int source, int tag, tally_message** message,
                             tally_result* result) {
  ProbeDescriptor wanted;
  Status status = set_pattern(group, source, tag, &wanted);
  if (!status.ok()) return status;
  wanted.claim = message != nullptr;
  tally_message* slot = wanted.claim ? reserve_message() : nullptr;
  Waiting waiting(*this);
  waiting.probe = fmt::format("probe from {}, {}, context {}: no matching message yet\n",
                              wanted.any_source ? "any rank" : fmt::format("rank {}", wanted.source),
                              wanted.any_tag ? "any tag" : fmt::format("tag {}", wanted.tag), wanted.context);
  const bool wakes = !capabilities().offloads_matching;  // a CPU that matches sees each message come
  if (!wakes) waiting.pause = kFirstPause;
  for (;;) {
    Completion answer;
    status = ask(wanted, group, &answer);
    if (status.ok()) {
      report(answer, group, slot, message, result);
      return status;
    }
    if (status.code() == TALLY_AGAIN) status = idle(waiting, nullptr);
    if (!status.ok()) {
      if (slot != nullptr) free_messages_.push_back(slot);
      return status;
    }
    if (!wakes && waiting.spins >= spins_) waiting.pause = std::min(waiting.pause * 2, kLongestPause);
  }
}

// Before the message is taken from the engine: memory that runs out afterwards would lose it.
tally_message* tally_endpoint::reserve_message() {
  if (free_messages_.empty()) {
    free_messages_.reserve(messages_.size() + 1);
    messages_.emplace_back();
    messages_.back().endpoint = this;
    return &messages_.back();
  }
  tally_message* slot = free_messages_.back();
  free_messages_.pop_back();
  return slot;
}

Status tally_endpoint::start_matched_receive(tally_message** handle, void* buffer, std::size_t length,
                                             tally_request** out) {
  tally_memory* region = nullptr;
  Status status = check_buffer(buffer, length, &region);
  if (!status.ok()) return status;
  tally_message& message = **handle;
  tally_request* request = new_request(tally_request::Kind::kReceive, *message.group);
  request->regions[0] = region;
  request->length = length;
  request->marks.matched = true;
  tally::MrecvDescriptor receive;
  receive.buffer = buffer;
  receive.length = length;
  receive.key = region == nullptr ? 0 : region->key;
  receive.message = message.number;
  receive.cookie = request->cookie;
  status = posted(request, engine_->post_mrecv(receive), false, out);
  if (!status.ok()) return status;
  --message.group->claimed;
  --live_messages_;
  message.group = nullptr;
  free_messages_.push_back(&message);
  *handle = nullptr;
  return status;
}

Status tally_endpoint::cancel(tally_request& request) {
  if (request.kind != tally_request::Kind::kReceive) {
    return bad_argument("request is a {}; only receives can be cancelled",
                        request.kind == tally_request::Kind::kSend ? "send" : "collective");
  }
  if (request.state != tally_request::State::kActive || request.marks.matched || request.marks.cancel_asked)
    return {};
  request.marks.cancel_asked = true;
  engine_->cancel(request.cookie);
  return {};
}
