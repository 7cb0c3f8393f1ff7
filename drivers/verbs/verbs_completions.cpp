// SPDX-License-Identifier: BSD-3-Clause
// What the device reports, and sleeping until it does.
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "drivers/verbs/verbs_transport.hpp"
#include "job/job.hpp"

namespace tally::verbs {
namespace {

using namespace std::chrono_literals;
using soft::ReadState;

constexpr std::uint64_t bit(std::uint32_t peer) noexcept { return std::uint64_t{1} << peer; }

/// Events of the channel that are acknowledged together: each time takes a lock.
constexpr unsigned kEventsAtOnce = 64;

}  // namespace

std::uint64_t VerbsTransport::progress() noexcept {
  if (dead_) return ready_;
  std::array<ibv_wc, 32> done;
  for (int turn = 0; turn < 8; ++turn) {
    const int got = library_.poll_cq(link_->completions.get(), static_cast<int>(done.size()), done.data());
    if (got < 0) {
      lose_all("its completion queue has failed");
      return ready_;
    }
    for (int i = 0; i < got; ++i) complete(done[static_cast<std::size_t>(i)]);
    if (got < static_cast<int>(done.size())) break;
  }
  if (header_.broken_count.load(std::memory_order_relaxed) != broken_seen_) find_broken();
  if (!read_queue_.empty()) post_waiting_reads();
  if (greeting_ != 0) greet_again();
  if (pending_ != 0) post_pending();
  return ready_;
}

void VerbsTransport::complete(const ibv_wc& done) noexcept {
  const auto work = static_cast<Work>(done.wr_id >> 56);
  const auto peer = static_cast<std::uint32_t>(done.wr_id >> 32) & 0xffffff;
  const auto number = static_cast<std::uint32_t>(done.wr_id);
  switch (work) {
    case Work::kReceive:
      return arrive(number, done);
    case Work::kSend:
      // Requests of a queue pair end in their order, those without a report with the next that has one.
      peers_[peer].retired = number;
      if (done.status != IBV_WC_SUCCESS) failed(peer, done);
      return;
    case Work::kRead:
      return complete_read(number, done);
    case Work::kGreet:
      return link_->greeter.sent();
    case Work::kGreeted: {
      Greeting greeting;
      const std::size_t bytes = done.status == IBV_WC_SUCCESS ? done.byte_len : 0;
      if (link_->greeter.received(number, bytes, &greeting)) greeted(greeting);
      return;
    }
  }
}

void VerbsTransport::failed(std::uint32_t number, const ibv_wc& done) noexcept {
  switch (done.status) {
    case IBV_WC_RETRY_EXC_ERR:
      return lose(number, "it does not answer any more (transport retry counter exceeded)");
    case IBV_WC_RNR_RETRY_EXC_ERR:
      return lose(number, "it has no receive buffers (RNR retry counter exceeded)");
    default:
      return lose(number, library_.wc_status_str(done.status));
  }
}

void VerbsTransport::complete_read(std::uint32_t number, const ibv_wc& done) noexcept {
  Read& read = reads_[number];
  if (!read.posted) return;
  read.posted = false;
  --peers_[read.peer].reading;
  if (done.status != IBV_WC_SUCCESS) {
    read.state = ReadState::kFailed;
    ++ended_reads_;
    return failed(read.peer, done);
  }
  read.left -= read.part;
  read.from += read.part;
  read.to += read.part;
  if (read.left != 0) return post_read(number);
  read.state = ReadState::kDone;
  ++ended_reads_;
}

void VerbsTransport::arrive(std::uint32_t buffer, const ibv_wc& done) noexcept {
  if (done.status != IBV_WC_SUCCESS) {
    // Of a queue pair that has failed: its sends tell why. The buffer is the shared queue's.
    const auto owner = std::find_if(peers_.begin(), peers_.begin() + size_, [&](const Peer& peer) {
      return peer.messages != nullptr && peer.messages->qp_num == done.qp_num;
    });
    post_receive(buffer);
    if (owner != peers_.begin() + size_ && done.status != IBV_WC_WR_FLUSH_ERR)
      failed(static_cast<std::uint32_t>(owner - peers_.begin()), done);
    return;
  }
  std::byte* at = in_buffer(buffer);
  const auto& header = *reinterpret_cast<const MsgHeader*>(at);
  const std::uint32_t number = header.src_rank;
  // Queue pairs are of one peer each: what another one could write into a header is not believed.
  if (done.byte_len < kHeaderBytes || number >= size_ || peers_[number].messages == nullptr ||
      peers_[number].messages->qp_num != done.qp_num || !valid(header, done.byte_len, number, rank_)) {
    post_receive(buffer);
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (peers_[i].messages != nullptr && peers_[i].messages->qp_num == done.qp_num)
        lose(i, "it sent a damaged message");
    }
    return;
  }
  Peer& peer = peers_[number];
  peer.heard = true;
  if (peer.state == State::kUp) {
    peer.state = State::kReady;
    greeting_ &= ~bit(number);
    if (closing_) want(number, Control::kBye);
  }
  // Numbers are serial (RFC 1982).
  const std::uint32_t taken_now = taken_of(header);
  if (taken_now - peer.acked <= peer.on_way - peer.acked) peer.acked = taken_now;
  if (header.ptype >= static_cast<std::uint8_t>(Control::kCredit)) {
    arrive_control(number, header, at + kHeaderBytes);
    return post_receive(buffer);
  }
  if (peer.arrived - peer.popped == kWindow) {
    post_receive(buffer);
    return lose(number, "it sends more than it may");
  }
  InFrame& in = peer.in[peer.arrived % kWindow];
  in.buffer = buffer;
  if (!read_frame(header, at + kHeaderBytes, &in.frame)) {
    post_receive(buffer);
    return lose(number, "it sent a damaged frame");
  }
  ++peer.arrived;
  ready_ |= bit(number);
}

// --- sleeping ----------------------------------------------------------------------------------------------

void VerbsTransport::drain_channel() noexcept {
  ibv_cq* queue = nullptr;
  void* context = nullptr;
  while (library_.get_cq_event(link_->channel.get(), &queue, &context) == 0) ++events_;
  if (events_ < kEventsAtOnce) return;
  library_.ack_cq_events(link_->completions.get(), events_);
  events_ = 0;
}

void VerbsTransport::pause(std::chrono::microseconds timeout) noexcept {
  if (dead_) {
    (void)::sched_yield();
    return;
  }
  if (greeting_ != 0) timeout = std::min<std::chrono::microseconds>(timeout, 20ms);
  if (pending_ != 0 || !read_queue_.empty()) timeout = std::min<std::chrono::microseconds>(timeout, 1ms);
  drain_channel();
  if (library_.req_notify_cq(link_->completions.get(), 0) != 0) timeout = std::min<std::chrono::microseconds>(timeout, 1ms);
  // What came before the queue was armed makes no event.
  if (something_to_do()) {
    (void)::sched_yield();
    return;
  }
  pollfd ready[2] = {{link_->channel->fd, POLLIN, 0}, {link_->device.context()->async_fd, POLLIN, 0}};
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(timeout.count() / 1000000);
  limit.tv_nsec = static_cast<long>(timeout.count() % 1000000 * 1000);
  (void)::ppoll(ready, 2, &limit, nullptr);
  if (ready[1].revents != 0) look_for_events();
}

void VerbsTransport::before_sleep() noexcept {
  reserved_for_ = kNobody;  // one that was not used
  tell_failure();
  ping();
  if (pending_ != 0) post_pending();
}

void VerbsTransport::after_sleep() noexcept {
  (void)progress();
  for (Peer& peer : peers_) peer.wanted = false;
}

void VerbsTransport::wait(std::chrono::microseconds timeout, bool busy) noexcept {
  if (something_to_do()) return;
  if (busy) {
    (void)::sched_yield();
    return;
  }
  before_sleep();
  for (int i = 0; i < 20; ++i) {
    (void)::sched_yield();
    if (something_to_do()) return;
  }
  pause(timeout);
  after_sleep();
}

}  // namespace tally::verbs
