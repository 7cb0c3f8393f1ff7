// SPDX-License-Identifier: BSD-3-Clause
// Connections, peers that cannot be reached, news that all peers must hear, and goodbyes.
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <utility>

#include "drivers/verbs/verbs_transport.hpp"
#include "job/job.hpp"

namespace tally::verbs {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kReceivesOfPeer = kWindow + kControls;
constexpr std::uint32_t kMostReads = 16;  ///< on a queue pair, of what devices can do
/// Until an answer counts as lost: 4.096 us * 2^16; seven times, then the peer is given up.
constexpr std::uint8_t kAnswerTimeout = 16;
constexpr std::uint8_t kRetries = 7;
constexpr std::uint8_t kRnrForever = 7;
constexpr std::uint8_t kRnrTimer = 12;  ///< 0.64 ms
/// Between greetings, at first and at last.
constexpr std::chrono::milliseconds kFirstGreeting = 20ms;
constexpr std::chrono::milliseconds kLastGreeting = 1000ms;
/// For the answer of a peer that leaves at the same time.
constexpr std::chrono::seconds kLastWord = 1s;
/// How long a rank that leaves tries to connect to one that it never met.
constexpr std::chrono::seconds kNeverMet = 30s;

constexpr std::uint64_t bit(std::uint32_t peer) noexcept { return std::uint64_t{1} << peer; }

std::uint32_t random_psn() noexcept {
  std::uint32_t psn = 0;
  (void)!::getrandom(&psn, sizeof psn, 0);
  return psn & 0xffffff;
}

}  // namespace

// --- connections -------------------------------------------------------------------------------------------

void VerbsTransport::make_queue_pairs(std::uint32_t number) {
  Peer& peer = peers_[number];
  const Device& device = link_->device;
  const auto out_bytes = static_cast<std::size_t>(out_buffer(number + 1, 0) - out_buffer(number, 0));
  peer.out_memory = device.register_memory(out_buffer(number, 0), out_bytes, IBV_ACCESS_LOCAL_WRITE);
  peer.in_memory = device.register_memory(in_buffer(number * kReceivesOfPeer),
                                          std::size_t{kReceivesOfPeer} * kBufferBytes, IBV_ACCESS_LOCAL_WRITE);
  ibv_qp_init_attr wanted{};
  wanted.send_cq = link_->completions.get();
  wanted.recv_cq = link_->completions.get();
  wanted.srq = link_->receives.get();
  wanted.qp_type = IBV_QPT_RC;
  wanted.cap.max_send_wr = kSendDepth;
  wanted.cap.max_send_sge = 1;
  wanted.cap.max_inline_data = 192;
  peer.messages = device.create_qp(&wanted);
  peer.max_inline = wanted.cap.max_inline_data;
  wanted.cap = {};
  wanted.cap.max_send_wr = kReadDepth;
  wanted.cap.max_send_sge = 1;
  peer.reads = device.create_qp(&wanted);
  ibv_qp_attr attributes{};
  attributes.qp_state = IBV_QPS_INIT;
  attributes.port_num = device.port();
  constexpr int kMask = IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS;
  // No memory is registered for writes of peers. The queue pair takes those of no bytes, by which they see that we are
  // there.
  attributes.qp_access_flags = IBV_ACCESS_REMOTE_WRITE;
  device.modify(peer.messages.get(), &attributes, kMask, "INIT");
  attributes.qp_access_flags = IBV_ACCESS_REMOTE_READ;
  device.modify(peer.reads.get(), &attributes, kMask, "INIT");
  peer.message_psn = random_psn();
  peer.read_psn = random_psn();
  // Before the peer may send.
  for (std::uint32_t i = 0; i < kReceivesOfPeer; ++i) post_receive(number * kReceivesOfPeer + i);
}

void VerbsTransport::meet(std::uint32_t number) noexcept {
  Peer& peer = peers_[number];
  if (peer.state != State::kUnmet || peer.gone || !peer.far) return;
  try {
    make_queue_pairs(number);
  } catch (const std::exception& error) {
    return lose(number, error.what(), true);
  }
  peer.state = State::kGreeting;
  peer.greet_at = Clock::now();
  peer.greet_after = kFirstGreeting;
  greeting_ |= bit(number);
  if (closing_) want(number, Control::kBye);
}

void VerbsTransport::bring_up(std::uint32_t number, const Greeting& greeting) {
  Peer& peer = peers_[number];
  const Device& device = link_->device;
  const ibv_device_attr& limits = device.limits();
  for (const bool reads : {false, true}) {
    ibv_qp* qp = reads ? peer.reads.get() : peer.messages.get();
    ibv_qp_attr attributes{};
    attributes.qp_state = IBV_QPS_RTR;
    attributes.ah_attr = device.way_to(peer.card.address);
    attributes.path_mtu = static_cast<ibv_mtu>(std::min(device.address().mtu, peer.card.address.mtu));
    attributes.dest_qp_num = reads ? greeting.read_qpn : greeting.message_qpn;
    attributes.rq_psn = reads ? greeting.read_psn : greeting.message_psn;
    attributes.max_dest_rd_atomic =
        static_cast<std::uint8_t>(std::min<std::uint32_t>(static_cast<std::uint32_t>(limits.max_qp_rd_atom), kMostReads));
    attributes.min_rnr_timer = kRnrTimer;
    device.modify(qp, &attributes,
                  IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER,
                  "RTR");
    attributes.qp_state = IBV_QPS_RTS;
    attributes.timeout = kAnswerTimeout;
    attributes.retry_cnt = kRetries;
    attributes.rnr_retry = kRnrForever;
    attributes.sq_psn = reads ? peer.read_psn : peer.message_psn;
    attributes.max_rd_atomic = static_cast<std::uint8_t>(
        std::min<std::uint32_t>({static_cast<std::uint32_t>(limits.max_qp_init_rd_atom), peer.card.reads_served, kMostReads}));
    device.modify(qp, &attributes,
                  IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                      IBV_QP_MAX_QP_RD_ATOMIC,
                  "RTS");
  }
}

void VerbsTransport::greet(std::uint32_t number, bool accept) noexcept {
  const Peer& peer = peers_[number];
  Greeting greeting;
  greeting.accept = accept ? 1 : 0;
  greeting.job = job_;
  greeting.source = static_cast<std::uint16_t>(rank_);
  greeting.destination = static_cast<std::uint16_t>(number);
  greeting.message_qpn = peer.messages->qp_num;
  greeting.message_psn = peer.message_psn;
  greeting.read_qpn = peer.reads->qp_num;
  greeting.read_psn = peer.read_psn;
  link_->greeter.send(number, greeting);
}

void VerbsTransport::greeted(const Greeting& greeting) noexcept {
  const std::uint32_t number = greeting.source;
  // A rank of another job may have had this queue pair's number before.
  if (greeting.job != job_ || greeting.destination != rank_ || number >= size_ || !peers_[number].far) return;
  Peer& peer = peers_[number];
  if (peer.state == State::kUnmet) meet(number);
  if (peer.gone) return;
  if (peer.state == State::kGreeting) {
    try {
      bring_up(number, greeting);
    } catch (const std::exception& error) {
      return lose(number, error.what(), true);
    }
    // We go on greeting until we know that the peer takes messages: answers may be lost, at both ends.
    peer.state = State::kUp;
    peer.greet_at = Clock::now() + kFirstGreeting;
  }
  if (greeting.accept == 0) return greet(number, true);
  if (peer.state != State::kUp) return;
  peer.state = State::kReady;
  greeting_ &= ~bit(number);
  peer.heard = true;
  // The other side may send once it has heard us on the connection.
  want(number, Control::kCredit);
  if (closing_) want(number, Control::kBye);
}

void VerbsTransport::greet_again() noexcept {
  const auto now = Clock::now();
  for (std::uint64_t rest = greeting_; rest != 0; rest &= rest - 1) {
    const auto number = static_cast<std::uint32_t>(std::countr_zero(rest));
    Peer& peer = peers_[number];
    if (header_.rank[number].closed.load(std::memory_order_relaxed) != 0) {
      lose(number, "it has left");
    } else if (now >= peer.greet_at) {
      greet(number, false);
      peer.greet_at = now + peer.greet_after;
      peer.greet_after = std::min(2 * peer.greet_after, kLastGreeting);
    }
  }
}

std::uint32_t VerbsTransport::connected() const noexcept {
  return static_cast<std::uint32_t>(std::count_if(peers_.begin(), peers_.begin() + size_,
                                                  [](const Peer& peer) { return peer.state == State::kReady; }));
}

// --- failures ----------------------------------------------------------------------------------------------

void VerbsTransport::say(std::uint32_t number, const char* text) const noexcept {
  (void)std::fprintf(stderr, "tally: rank %u: device %s, rank %u: %s\n", rank_, link_->device.name().c_str(),
                     number, text);
}

void VerbsTransport::lose(std::uint32_t number, const char* why, bool ours) noexcept {
  Peer& peer = peers_[number];
  if (peer.gone) return;
  peer.gone = true;
  peer.controls = 0;
  greeting_ &= ~bit(number);
  // What is under way ends; the device touches no buffer of it any more.
  ibv_qp_attr attributes{};
  attributes.qp_state = IBV_QPS_ERR;
  if (peer.messages != nullptr) (void)library_.modify_qp(peer.messages.get(), &attributes, IBV_QP_STATE);
  if (peer.reads != nullptr) (void)library_.modify_qp(peer.reads.get(), &attributes, IBV_QP_STATE);
  const bool left = header_.rank[number].closed.exchange(1, std::memory_order_acq_rel) != 0;
  if (!ours && (left || peer.bye || peer.bye_seen)) return;
  say(number, why);
  if (!closing_) fail_job();
}

void VerbsTransport::lose_all(const char* why) noexcept {
  if (std::exchange(dead_, true)) return;
  (void)std::fprintf(stderr, "tally: rank %u: device %s: %s\n", rank_, link_->device.name().c_str(), why);
  for (std::uint32_t number = 0; number < size_; ++number) {
    Peer& peer = peers_[number];
    if (!peer.far) continue;
    peer.gone = true;
    peer.controls = 0;
  }
  // Their completions will not come.
  for (Read& read : reads_) {
    if (!read.used || read.state != soft::ReadState::kLater) continue;
    read.posted = false;
    read.state = soft::ReadState::kFailed;
    ++ended_reads_;
  }
  read_queue_.clear();
  pending_ = 0;
  greeting_ = 0;
  fail_job();
}

void VerbsTransport::fail_job() noexcept {
  header_.failed.store(1, std::memory_order_release);
  job::wake_all(header_);
}

void VerbsTransport::look_for_events() noexcept {
  ibv_async_event event{};
  while (library_.get_async_event(link_->device.context(), &event) == 0) {
    const ibv_event_type type = event.event_type;
    const ibv_qp* qp = nullptr;
    switch (type) {
      case IBV_EVENT_QP_FATAL:
      case IBV_EVENT_QP_REQ_ERR:
      case IBV_EVENT_QP_ACCESS_ERR:
        qp = event.element.qp;
        break;
      default:
        break;
    }
    const auto owner = std::find_if(peers_.begin(), peers_.begin() + size_, [&](const Peer& peer) {
      return qp != nullptr && (peer.messages.get() == qp || peer.reads.get() == qp);
    });
    // Before anything that the event names may end.
    library_.ack_async_event(&event);
    switch (type) {
      case IBV_EVENT_QP_FATAL:
      case IBV_EVENT_QP_REQ_ERR:
      case IBV_EVENT_QP_ACCESS_ERR:
        if (owner != peers_.begin() + size_)
          lose(static_cast<std::uint32_t>(owner - peers_.begin()), library_.event_type_str(type));
        break;
      case IBV_EVENT_DEVICE_FATAL:
      case IBV_EVENT_CQ_ERR:
      case IBV_EVENT_SRQ_ERR:
        lose_all(library_.event_type_str(type));
        break;
      case IBV_EVENT_PORT_ERR:
      case IBV_EVENT_PORT_ACTIVE:
        // Connections live through a short break; who does not answer for long is lost.
        (void)std::fprintf(stderr, "tally: rank %u: device %s: %s\n", rank_, link_->device.name().c_str(),
                           type == IBV_EVENT_PORT_ERR ? "the port is down" : "the port is active again");
        break;
      default:
        break;
    }
  }
}

void VerbsTransport::ping() noexcept {
  const auto now = Clock::now();
  if (now < next_ping_) return;
  next_ping_ = now + (closing_ ? 250ms : 1000ms);
  look_for_events();
  for (std::uint32_t number = 0; number < size_; ++number) {
    Peer& peer = peers_[number];
    // Not before the last one has been answered: the device goes on asking by itself.
    if (peer.state != State::kReady || peer.gone || peer.bye || peer.posted - peer.retired > kSendDepth / 2) continue;
    (void)post_message(number, nullptr, 0, true);
  }
}

// --- news --------------------------------------------------------------------------------------------------

void VerbsTransport::arrive_control(std::uint32_t number, const MsgHeader& header, const std::byte* payload) noexcept {
  Peer& peer = peers_[number];
  switch (static_cast<Control>(header.ptype)) {
    case Control::kCredit:
      break;
    case Control::kBye:
      if (!peer.bye) {
        peer.bye = true;
        peer.bye_time = Clock::now();
        header_.rank[number].closed.store(1, std::memory_order_release);
      }
      want(number, Control::kByeSeen);
      break;
    case Control::kByeSeen:
      peer.bye_seen = true;
      break;
    case Control::kFailed:
      if (header_.failed.load(std::memory_order_relaxed) == 0) say(number, "the job has failed there");
      told_failed_ = true;
      fail_job();
      break;
    case Control::kBroken: {
      BrokenNote note{};
      ++peer.notes;
      if (taken(peer) - peer.told >= kWindow / 4) want(number, Control::kCredit);
      if (header.payload_len != sizeof note) break;
      std::memcpy(&note, payload, sizeof note);
      if (note.context >= std::size(header_.broken)) break;
      job::BrokenContext& record = header_.broken[note.context];
      std::uint32_t intact = 0;
      if (!record.state.compare_exchange_strong(intact, 1)) break;
      record.rank = note.rank;
      std::memcpy(record.reason, note.reason, sizeof record.reason);
      record.reason[sizeof record.reason - 1] = '\0';
      record.state.store(2, std::memory_order_release);
      header_.broken_count.fetch_add(1, std::memory_order_release);
      job::wake_all(header_);
      break;
    }
    default:
      lose(number, "it sent a message of an unknown type");
      break;
  }
}

void VerbsTransport::find_broken() noexcept {
  broken_seen_ = header_.broken_count.load(std::memory_order_acquire);
  for (std::uint32_t context = 0; context < std::size(header_.broken); ++context) {
    const job::BrokenContext& record = header_.broken[context];
    // Each rank tells of what it broke itself: to all, of whom some may wait.
    if (record.state.load(std::memory_order_acquire) != 2 || record.rank != rank_) continue;
    if (std::find(broken_.begin(), broken_.end(), context) != broken_.end()) continue;
    broken_.push_back(context);
    for (std::uint32_t number = 0; number < size_; ++number) {
      if (!known(number)) continue;
      meet(number);
      want(number, Control::kBroken);
    }
  }
}

void VerbsTransport::tell_failure() noexcept {
  if (told_failed_ || header_.failed.load(std::memory_order_relaxed) == 0) return;
  told_failed_ = true;
  for (std::uint32_t number = 0; number < size_; ++number) want(number, Control::kFailed);
}

// --- leaving -----------------------------------------------------------------------------------------------

bool VerbsTransport::parting(std::uint32_t number, Clock::time_point now) const noexcept {
  const Peer& peer = peers_[number];
  if (peer.state == State::kUnmet || peer.gone) return false;
  // The segment tells that it has left or died: it may have no answer for us.
  if (!peer.bye && header_.rank[number].closed.load(std::memory_order_relaxed) != 0) {
    return now - closing_since_ < kLastWord;
  }
  if (peer.on_way != peer.sent || peer.controls != 0) return true;
  // What was said last is to be there before its queue pair ends. Who leaves as well answers soon, unless it has gone
  // already: then the answer was lost with its connection.
  if (peer.bye) return (peer.posted != peer.retired || !peer.bye_seen) && now - peer.bye_time < kLastWord;
  return !peer.bye_seen || peer.posted != peer.retired;
}

void VerbsTransport::say_goodbye() noexcept {
  closing_ = true;
  closing_since_ = Clock::now();
  reserved_for_ = kNobody;
  tell_failure();
  for (std::uint32_t number = 0; number < size_; ++number) want(number, Control::kBye);
  auto warn_after = 30s;
  for (;;) {
    (void)progress();
    const auto now = Clock::now();
    for (std::uint32_t number = 0; number < size_ && now - closing_since_ > kNeverMet; ++number) {
      const Peer& peer = peers_[number];
      if (peer.state != State::kUnmet && !peer.heard) lose(number, "no connection to it can be made");
    }
    std::uint32_t open = 0;
    while (open < size_ && !parting(open, now)) ++open;
    if (open == size_ || dead_) break;
    // Of a job that fails only the news of it is to be told, and that not for long.
    if (header_.failed.load(std::memory_order_relaxed) != 0 && (pending_ == 0 || now - closing_since_ > kLastWord)) break;
    ping();
    pause(1ms);
    if (now - closing_since_ < warn_after) continue;
    say(open, "this rank leaves when that one has taken what was sent to it");
    warn_after *= 2;
  }
}

}  // namespace tally::verbs
