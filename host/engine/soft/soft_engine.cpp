// SPDX-License-Identifier: BSD-3-Clause
#include "engine/soft/soft_engine.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace tally::soft {
namespace {

// Frames taken from one peer before the next has its turn.
constexpr int kFramesPerTurn = 32;

}  // namespace

Capabilities soft_capabilities() {
  Capabilities capabilities;
  capabilities.name = "soft";
  capabilities.description = "matching, schedules and reductions on the CPU, over shared memory";
  capabilities.max_ranks = kMaxRanks;
  capabilities.lanes = kLanes;
  capabilities.max_message = std::numeric_limits<std::int64_t>::max();
  capabilities.collective_contexts = kGroupContexts;
  capabilities.flow_bytes = std::numeric_limits<std::uint64_t>::max();  // what waits is kept in memory
  capabilities.reads_peers = true;
  capabilities.whole_memory = std::numeric_limits<std::uintptr_t>::max();  // see register_memory
  return capabilities;
}

SoftEngine::SoftEngine(std::unique_ptr<Transport> transport)
    : SoftEngine(std::move(transport), soft_capabilities()) {}

SoftEngine::SoftEngine(std::unique_ptr<Transport> transport, Capabilities capabilities)
    : transport_(std::move(transport)),
      ranks_(transport_->size()),
      capabilities_(std::move(capabilities)),
      messages_(*transport_, completions_, work_),
      collectives_(*transport_, messages_.rendezvous(), completions_, work_) {}

// The CPU reaches all of the process's memory: a key stands for nothing here.
Status SoftEngine::register_memory(void*, std::size_t, std::uint32_t* key) {
  *key = next_key_++;
  return {};
}

Status SoftEngine::deregister_memory(std::uint32_t key) {
  if (key == 0 || key >= next_key_) return {TALLY_ERR_ARGUMENT, fmt::format("key {} is not registered", key)};
  return {};
}

Status SoftEngine::bad_rank(const char* what, std::uint32_t rank) const {
  return {TALLY_ERR_ARGUMENT, fmt::format("{} {} is out of range (0 to {})", what, rank, ranks_ - 1)};
}

Status SoftEngine::post_send(const SendDescriptor& send) {
  Completion completion;
  bool complete = false;
  Status status = start_send(send, &completion, &complete);
  if (complete) completions_.push(completion);
  return status;
}

Status SoftEngine::post_recv(const RecvDescriptor& recv) {
  Completion completion;
  bool complete = false;
  Status status = start_recv(recv, &completion, &complete);
  if (complete) completions_.push(completion);
  return status;
}

Status SoftEngine::start_send(const SendDescriptor& send, Completion* completion, bool* complete) {
  if (send.destination >= ranks_) [[unlikely]]
    return bad_rank("destination", send.destination);
  *complete = messages_.send(send, completion);
  transport_->flush();
  return {};
}

Status SoftEngine::start_recv(const RecvDescriptor& recv, Completion* completion, bool* complete) {
  if (!recv.any_source && recv.source >= ranks_) [[unlikely]]
    return bad_rank("source", recv.source);
  *complete = messages_.receive(recv, completion);
  return {};
}

Status SoftEngine::post_probe(const ProbeDescriptor& probe) {
  if (!probe.any_source && probe.source >= ranks_) return bad_rank("source", probe.source);
  take_frames();  // what has come by now can be seen
  transport_->flush();
  messages_.probe(probe);
  return {};
}

Status SoftEngine::post_mrecv(const MrecvDescriptor& mrecv) {
  if (!messages_.receive_claimed(mrecv))
    return {TALLY_ERR_ARGUMENT, fmt::format("message {} is not claimed", mrecv.message)};
  return {};
}

void SoftEngine::cancel(std::uint32_t cookie) { messages_.cancel(cookie); }

Status SoftEngine::post_collective(const CollectiveDescriptor& collective) {
  Completion completion;
  bool complete = false;
  Status status = start_collective(collective, &completion, &complete);
  if (complete) completions_.push(completion);
  return status;
}

Status SoftEngine::start_collective(const CollectiveDescriptor& collective, Completion* completion,
                                    bool* complete) {
  Status status = collectives_.post(collective, completion, complete);
  transport_->flush();
  return status;
}

void SoftEngine::take_frames() {
  std::uint32_t source = 0;
  for (FrameView frame = transport_->next(&source); frame.header != nullptr;
       frame = transport_->next(&source)) {
    for (int taken = 0; frame.header != nullptr && taken < kFramesPerTurn; ++taken) {
      if (frame.header->kind == FrameKind::kCollective || frame.header->kind == FrameKind::kRemote) {
        collectives_.arrive(source, frame);
      } else if (frame.header->kind == FrameKind::kFetched) {
        collectives_.fetched(*frame.header);
      } else {
        messages_.arrive(source, frame);
      }
      frame = transport_->pop_next(source);
    }
    ++source;
  }
}

std::size_t SoftEngine::poll(std::span<Completion> out) {
  completions_.begin_poll(out.data(), out.size());
  take_frames();
  messages_.advance();
  collectives_.advance_all();
  transport_->flush();
  return completions_.end_poll(out.data(), out.size());
}

void SoftEngine::wait(std::chrono::microseconds timeout) {
  // A message that was taken from the transport after a probe found nothing does not wake the transport's
  // wait.
  const bool news = messages_.take_news();
  messages_.rendezvous().drop_gone();
  messages_.take_asking();
  if (completions_.empty() && !news) transport_->wait(timeout, messages_.rendezvous().busy());
}

bool SoftEngine::prepare_sleep() {
  const bool news = messages_.take_news();
  messages_.rendezvous().drop_gone();
  messages_.take_asking();
  return completions_.empty() && !news && !messages_.rendezvous().busy() && transport_->prepare_sleep();
}

void SoftEngine::abort_collective(std::uint16_t context, std::uint16_t seq) {
  collectives_.abort(context, seq);
}

void SoftEngine::add_counters(tally_counters& counters) const {
  counters.cpu_matches += work_.matches + work_.unexpected_matches;
  counters.cpu_matches_unexpected += work_.unexpected_matches;
  counters.cpu_reduced_bytes += work_.reduced_bytes;
  counters.cpu_copied_bytes +=
      work_.framed_bytes + work_.direct_bytes + work_.unexpected_bytes + work_.schedule_bytes;
  counters.cpu_copied_frames += work_.framed_bytes;
  counters.cpu_copied_direct += work_.direct_bytes;
  counters.cpu_copied_unexpected += work_.unexpected_bytes;
  counters.cpu_copied_schedule += work_.schedule_bytes;
  counters.fallback_ring_full += work_.held_sends;
  counters.fallback_staging += work_.staged_bytes;
}

std::string SoftEngine::describe_pending() const {
  return messages_.describe_pending() + collectives_.describe_pending();
}

}  // namespace tally::soft
