// SPDX-License-Identifier: BSD-3-Clause
// Frames between ranks through RDMA hardware (message.hpp says what travels).
//
// Two ranks have two reliable queue pairs, made when one of them first has something for the other: one for
// messages (SEND), one for READs, so that long data never hold up a message. Receives are shared by all peers;
// of each peer at most kWindow frames are without a buffer of their own at the other end, so that the device
// always finds one (no RNR NAK). Data of large messages are read by the receiver's device straight from the
// sender's buffer into the receiver's: no CPU copies them.
//
// Cost of a short message: a copy into a send buffer, one work request, into which it goes whole where it is
// short; the receiver reads in place. Memory: 2 * kWindow buffers of 8256 bytes for each peer that is talked
// to, registered when it is met.
//
// A peer that cannot be reached any more counts as gone, and where it has not said goodbye the job has failed.
// All that runs is that of one thread at a time, without locks.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/routed/network_transport.hpp"
#include "drivers/verbs/link.hpp"
#include "drivers/verbs/message.hpp"
#include "drivers/verbs/registrations.hpp"
#include "launch/job_segment.hpp"

namespace tally::verbs {

/// Anonymous memory, resident only where it is touched.
class Pages {
 public:
  explicit Pages(std::size_t bytes);
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();
  [[nodiscard]] std::byte* base() const noexcept { return base_; }

 private:
  std::byte* base_;
  std::size_t bytes_;
};

class VerbsTransport final : public routed::NetworkTransport {
 public:
  /// `cards` are what all ranks told (Link::card()); `far`: bit p: rank p is reached by this transport; `header` is
  /// this host's segment and outlives this object. Throws Error.
  VerbsTransport(std::unique_ptr<Link> link, job::Header& header, std::uint32_t rank, std::uint64_t far,
                 const std::vector<std::string>& cards);
  /// Says goodbye to all that have been talked to, and waits until they have what was sent to them.
  ~VerbsTransport() override;

  [[nodiscard]] std::uint32_t rank() const noexcept override { return rank_; }
  [[nodiscard]] std::uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] soft::FrameSlot reserve(std::uint32_t peer, std::uint32_t bytes) noexcept override;
  void commit(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView front(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView next(std::uint32_t* peer) noexcept override;
  void pop(std::uint32_t peer) noexcept override;
  void flush() noexcept override {}  // what is committed is on its way
  [[nodiscard]] bool gone(std::uint32_t peer) const noexcept override {
    // What it sent before it left is taken first: it may be the end of what we wait for.
    return peers_[peer].gone || (peers_[peer].bye && peers_[peer].popped == peers_[peer].arrived);
  }
  void wait(std::chrono::microseconds timeout, bool busy) noexcept override;
  [[nodiscard]] bool direct(std::uint32_t peer) noexcept override { return known(peer); }
  [[nodiscard]] bool reads_us(std::uint32_t peer) const noexcept override { return known(peer); }
  [[nodiscard]] bool joins(std::uint32_t) const noexcept override { return false; }
  [[nodiscard]] bool read(std::uint32_t, void*, std::uint64_t, std::size_t) noexcept override { return false; }
  [[nodiscard]] bool write(std::uint32_t, std::uint64_t, const void*, std::size_t) noexcept override {
    return false;
  }
  [[nodiscard]] soft::JointCopy& joint(std::uint32_t, std::uint32_t) noexcept override { return no_joint_; }
  [[nodiscard]] bool lend(std::uint32_t peer, const void* base, std::size_t bytes,
                          soft::Loan* loan) noexcept override;
  void take_back(std::uint32_t loan) noexcept override;
  [[nodiscard]] bool reads_by_device(std::uint32_t peer) const noexcept override { return known(peer); }
  [[nodiscard]] std::uint32_t start_read(std::uint32_t peer, void* to, std::uint64_t from, std::size_t bytes,
                                         std::uint32_t key) noexcept override;
  [[nodiscard]] soft::ReadState read_state(std::uint32_t read) noexcept override;
  [[nodiscard]] bool end_read(std::uint32_t read) noexcept override;

  /// Takes completions, posts what waited for room. Bit p: there is a frame from p.
  std::uint64_t progress() noexcept;
  [[nodiscard]] bool something_to_do() noexcept override {
    return progress() != 0 || ended_reads_ != 0 || may_reserve();
  }
  void before_sleep() noexcept override;
  void after_sleep() noexcept override;

  [[nodiscard]] const Registrations& registrations() const noexcept { return registrations_; }
  /// RNR NAKs cannot be seen by software; what can: messages of a peer beyond its window. For tests.
  [[nodiscard]] std::uint32_t connected() const noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t {
    kUnmet,
    kGreeting,  ///< its queue pairs' numbers are not known yet
    kUp,        ///< our queue pairs are up; the peer's may not be
    kReady,     ///< the peer takes messages
  };
  struct InFrame {
    soft::FrameHeader frame;
    std::uint32_t buffer = 0;
  };
  struct Peer {
    bool far = false;
    Card card;
    State state = State::kUnmet;
    bool heard = false;
    bool gone = false;
    bool bye = false;       ///< it has said goodbye
    bool bye_seen = false;  ///< it has answered ours
    bool wanted = false;    ///< a reservation has failed since the last wait
    Owned<ibv_mr> out_memory;
    Owned<ibv_mr> in_memory;
    Owned<ibv_qp> messages;
    Owned<ibv_qp> reads;
    std::uint32_t message_psn = 0;
    std::uint32_t read_psn = 0;
    std::uint32_t max_inline = 0;
    Clock::time_point greet_at{};
    std::chrono::milliseconds greet_after{0};
    // Frames to it, by number
    std::uint32_t sent = 0;  ///< committed
    std::uint32_t on_way = 0;  ///< of them posted
    std::uint32_t acked = 0;   ///< taken by it
    // Work requests of `messages`
    std::uint32_t posted = 0;
    std::uint32_t retired = 0;
    std::array<std::uint32_t, kControls> control_post{};  ///< the post that used a control buffer last
    std::uint32_t next_control = 0;
    std::uint32_t controls = 0;  ///< bit k: a Control is to be sent
    std::size_t broken_told = 0;  ///< of broken_
    // From it
    std::array<InFrame, kWindow> in{};
    std::uint32_t arrived = 0;
    std::uint32_t popped = 0;
    std::uint32_t notes = 0;  ///< messages that counted and were no frames
    std::uint32_t told = 0;   ///< of popped + notes
    std::uint32_t reading = 0;  ///< READs posted and not ended
    Clock::time_point bye_time{};
    bool failed_queue = false;
  };
  struct Read {
    std::uint32_t peer = 0;
    std::uint32_t key = 0;
    std::byte* to = nullptr;
    std::uint64_t from = 0;
    std::uint64_t left = 0;  ///< bytes, of which `part` are being read
    std::uint32_t part = 0;
    Region* region = nullptr;
    soft::ReadState state = soft::ReadState::kDone;
    bool posted = false;
    bool used = false;
  };

  [[nodiscard]] bool known(std::uint32_t peer) const noexcept { return peers_[peer].far && !peers_[peer].gone; }
  [[nodiscard]] std::byte* out_buffer(std::uint32_t peer, std::uint32_t number) const noexcept;
  [[nodiscard]] std::byte* control_buffer(std::uint32_t peer, std::uint32_t number) const noexcept;
  [[nodiscard]] std::byte* in_buffer(std::uint32_t buffer) const noexcept;
  [[nodiscard]] bool may_reserve() const noexcept;
  [[nodiscard]] static std::uint32_t taken(const Peer& peer) noexcept { return peer.popped + peer.notes; }

  // Connections (verbs_peers.cpp)
  void meet(std::uint32_t peer) noexcept;
  void make_queue_pairs(std::uint32_t peer);
  void bring_up(std::uint32_t peer, const Greeting& greeting);
  void greet(std::uint32_t peer, bool accept) noexcept;
  void greeted(const Greeting& greeting) noexcept;
  void greet_again() noexcept;
  void say(std::uint32_t peer, const char* text) const noexcept;
  /// The peer cannot be reached any more. `ours`: because of this host.
  void lose(std::uint32_t peer, const char* why, bool ours = false) noexcept;
  void lose_all(const char* why) noexcept;
  void fail_job() noexcept;
  void find_broken() noexcept;
  void tell_failure() noexcept;
  void ping() noexcept;
  void look_for_events() noexcept;
  void say_goodbye() noexcept;
  [[nodiscard]] bool parting(std::uint32_t peer, Clock::time_point now) const noexcept;
  void arrive_control(std::uint32_t peer, const MsgHeader& header, const std::byte* payload) noexcept;

  // Work requests
  [[nodiscard]] bool post_message(std::uint32_t peer, std::byte* at, std::uint32_t bytes, bool signaled) noexcept;
  void post_frames(std::uint32_t peer) noexcept;
  void post_controls(std::uint32_t peer) noexcept;
  void post_pending() noexcept;
  void post_receive(std::uint32_t buffer) noexcept;
  void post_read(std::uint32_t read) noexcept;
  void post_waiting_reads() noexcept;
  void want(std::uint32_t peer, Control control) noexcept;
  [[nodiscard]] bool add_broken_note(std::uint32_t peer) noexcept;

  // Completions (verbs_completions.cpp)
  void complete(const ibv_wc& done) noexcept;
  void arrive(std::uint32_t buffer, const ibv_wc& done) noexcept;
  void complete_read(std::uint32_t read, const ibv_wc& done) noexcept;
  void failed(std::uint32_t peer, const ibv_wc& done) noexcept;
  void pause(std::chrono::microseconds timeout) noexcept;
  void drain_channel() noexcept;

  std::unique_ptr<Link> link_;
  const Library& library_;
  job::Header& header_;
  std::uint32_t rank_;
  std::uint32_t size_;
  std::uint64_t job_ = 0;
  Pages out_pages_;
  Pages in_pages_;
  Registrations registrations_;
  soft::FrameHeader draft_;
  std::array<Peer, soft::kMaxRanks> peers_;
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  std::uint32_t reserved_for_ = kNobody;
  std::uint64_t ready_ = 0;     ///< bit p: a frame from p
  std::uint64_t pending_ = 0;   ///< bit p: frames or controls to p that are not posted yet
  std::uint64_t greeting_ = 0;  ///< bit p: state kGreeting or kUp
  std::uint64_t waiting_reads_ = 0;  ///< bit p: reads of p that found no room
  std::uint32_t ended_reads_ = 0;    ///< that nobody has asked about
  std::vector<Read> reads_;
  std::vector<std::uint32_t> free_reads_;
  std::vector<std::uint32_t> read_queue_;  ///< that found no room
  std::vector<Region*> loans_;             ///< by number - 1
  std::vector<std::uint32_t> free_loans_;
  bool told_failed_ = false;
  bool closing_ = false;
  bool dead_ = false;  ///< the device has failed
  std::vector<std::uint32_t> broken_;  ///< contexts that this rank broke
  std::uint32_t broken_seen_ = 0;
  unsigned events_ = 0;  ///< of the channel, not acknowledged
  Clock::time_point next_ping_;
  Clock::time_point closing_since_{};
  soft::JointCopy no_joint_{};
};

}  // namespace tally::verbs
