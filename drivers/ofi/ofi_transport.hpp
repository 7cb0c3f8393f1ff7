// SPDX-License-Identifier: BSD-3-Clause
// Frames between ranks of different hosts through libfabric (parcel.hpp says how they travel).
//
// Cost of a short message: a copy into a parcel, one fi_send, one completion at each end; the receiver reads
// in place. Memory: kWindow parcels a peer and direction, touched only where the peer is talked to. Peers are
// connected by the provider when the first parcel goes to them. A peer that takes nothing stops those that
// send to it, nobody else. Data of large messages are read from the sender's memory (fi_read) where the
// provider allows all of it to be registered at once; elsewhere they travel in frames.
//
// A peer that cannot be reached any more counts as gone; where it was heard of before and has not said
// goodbye, the job has failed.
#pragma once

#include <rdma/fabric.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/ofi/parcel.hpp"
#include "drivers/ofi/provider.hpp"
#include "drivers/routed/network_transport.hpp"
#include "engine/soft/transport.hpp"
#include "launch/job_segment.hpp"

namespace tally::ofi {

/// Anonymous memory, resident only where it is touched.
class Pages {
 public:
  explicit Pages(std::size_t bytes);
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages();
  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::byte* base_;
  std::size_t bytes_;
};

class OfiTransport final : public routed::NetworkTransport {
 public:
  /// `cards` are what all ranks told (card()); `far`: bit p: rank p is reached by this transport; `header` is
  /// this host's segment and outlives this object. Throws Error.
  OfiTransport(std::unique_ptr<Provider> provider, job::Header& header, std::uint32_t rank, std::uint64_t far,
               const std::vector<std::string>& cards);
  /// Says goodbye to all that have been talked to, and waits until they have what was sent to them.
  ~OfiTransport() override;

  /// What this rank tells the others. `job`: drawn at random by rank 0, whatever by others.
  [[nodiscard]] static std::string card(const Provider& provider, std::uint64_t job);

  [[nodiscard]] std::uint32_t rank() const noexcept override { return rank_; }
  [[nodiscard]] std::uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] soft::FrameSlot reserve(std::uint32_t peer, std::uint32_t bytes) noexcept override;
  void commit(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView front(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView next(std::uint32_t* peer) noexcept override;
  void pop(std::uint32_t peer) noexcept override;
  void flush() noexcept override;
  [[nodiscard]] bool gone(std::uint32_t peer) const noexcept override {
    // What it sent before it left is taken first: it may be the end of what we wait for.
    return peers_[peer].gone || (peers_[peer].bye && peers_[peer].taken == peers_[peer].arrived);
  }
  void wait(std::chrono::microseconds timeout, bool busy) noexcept override;
  [[nodiscard]] bool direct(std::uint32_t peer) noexcept override { return peers_[peer].readable; }
  [[nodiscard]] bool reads_us(std::uint32_t peer) const noexcept override { return peers_[peer].readable; }
  [[nodiscard]] bool joins(std::uint32_t) const noexcept override { return false; }
  [[nodiscard]] bool read(std::uint32_t peer, void* to, std::uint64_t from,
                          std::size_t bytes) noexcept override;
  [[nodiscard]] bool write(std::uint32_t, std::uint64_t, const void*, std::size_t) noexcept override {
    return false;
  }
  [[nodiscard]] soft::JointCopy& joint(std::uint32_t, std::uint32_t) noexcept override { return no_joint_; }

  /// Takes completions, sends what waited for room. Bit p: there is a frame from p.
  std::uint64_t progress() noexcept;
  [[nodiscard]] bool something_to_do() noexcept override { return progress() != 0 || may_reserve(); }
  [[nodiscard]] const Provider& provider() const noexcept { return *provider_; }
  void before_sleep() noexcept override;
  void after_sleep() noexcept override;

 private:
  using Clock = std::chrono::steady_clock;
  enum class OpKind : std::uint8_t { kReceive, kParcel, kControl, kRead };
  /// What libfabric is given with each operation, and gives back.
  struct Op {
    fi_context2 context;  // the provider's; must be first
    OpKind kind = OpKind::kReceive;
    bool busy = false;
    std::uint32_t peer = 0;
    std::byte* memory = nullptr;
    long failed = 0;
  };
  struct Peer {
    fi_addr_t address = FI_ADDR_UNSPEC;
    std::uint64_t key = 0;
    bool readable = false;
    bool met = false;  ///< receives have been posted for it
    bool heard = false;
    bool gone = false;
    bool bye = false;       ///< it has said goodbye, and all that it sent has come
    bool bye_seen = false;  ///< it has answered ours
    bool wanted = false;    ///< a reservation has failed since the last wait
    // to it
    std::uint32_t sent = 0;    ///< data parcels closed; the open one has this number
    std::uint32_t posted = 0;  ///< of them given to libfabric
    std::uint32_t acked = 0;   ///< taken by it
    std::uint32_t fill = 0;    ///< bytes in the open parcel; 0: none is open
    std::uint32_t reserved = 0;
    std::array<Op*, kWindow> out{};  ///< by number
    std::uint32_t controls = 0;      ///< bit k: a parcel of kind k is to be sent
    std::size_t broken_told = 0;     ///< of broken_
    // from it
    std::array<Op*, kWindow> in{};  ///< arrived, by number
    std::uint32_t arrived = 0;      ///< without a gap
    std::uint32_t taken = 0;
    std::uint32_t told = 0;
    std::uint32_t offset = 0;  ///< of the next frame in the oldest parcel
    std::uint32_t bye_at = 0;
    bool bye_said = false;
    Clock::time_point bye_time{};  ///< when `bye` became true
    bool connected = false;        ///< something has reached it
    bool stalled = false;
    Clock::time_point stalled_since{};
  };

  [[nodiscard]] Parcel& head(const Op& op) const noexcept { return *reinterpret_cast<Parcel*>(op.memory); }
  [[nodiscard]] bool room(const Peer& peer) const noexcept;
  [[nodiscard]] bool may_reserve() const noexcept;
  void meet(std::uint32_t peer) noexcept;
  void post_receive(Op& op) noexcept;
  void close_parcel(std::uint32_t peer) noexcept;
  void post_parcels(std::uint32_t peer) noexcept;
  /// libfabric does not take a parcel to the peer now.
  void stalled(std::uint32_t peer) noexcept;
  void want(std::uint32_t peer, ParcelKind kind) noexcept;
  void post_controls(std::uint32_t peer) noexcept;
  void post_pending() noexcept;
  [[nodiscard]] Op* free_control() noexcept;
  /// False when it has not been taken: the operation is free then.
  [[nodiscard]] bool post_control(std::uint32_t peer, Op& op) noexcept;
  [[nodiscard]] bool post_broken(std::uint32_t peer) noexcept;
  [[nodiscard]] Parcel make_head(std::uint32_t peer, ParcelKind kind) const noexcept;
  void complete(Op& op, std::size_t bytes) noexcept;
  void read_error() noexcept;
  void arrive(Op& op, std::size_t bytes) noexcept;
  void arrive_control(std::uint32_t peer, const Parcel& parcel) noexcept;
  void drop_front(std::uint32_t peer) noexcept;
  void check_bye(std::uint32_t peer) noexcept;
  /// The peer cannot be reached any more.
  void lose(std::uint32_t peer, const char* why) noexcept;
  void fail_job() noexcept;
  // Peers are told of what this host's segment says: contexts that this rank broke, a failed job.
  void find_broken() noexcept;
  void tell_failure() noexcept;
  void ping() noexcept;
  void pause(std::chrono::microseconds timeout) noexcept;
  /// Whether this rank, which leaves, has to stay for the peer.
  [[nodiscard]] bool parting(std::uint32_t peer, Clock::time_point now) const noexcept;
  void say_goodbye() noexcept;
  void say(std::uint32_t peer, const char* text) const noexcept;

  std::unique_ptr<Provider> provider_;
  job::Header& header_;
  std::uint32_t rank_;
  std::uint32_t size_;
  std::uint64_t job_ = 0;
  Pages out_pages_;
  Pages in_pages_;
  void* out_descriptor_ = nullptr;
  void* in_descriptor_ = nullptr;
  std::vector<Op> out_ops_;  ///< kWindow a peer
  std::vector<Op> in_ops_;
  std::vector<Op> control_ops_;
  std::array<Op, 4> read_ops_;
  std::size_t receives_posted_ = 0;
  std::array<Peer, soft::kMaxRanks> peers_;
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  std::uint32_t reserved_for_ = kNobody;  ///< peer with a slot that is being filled: its parcel stays open
  std::uint64_t ready_ = 0;               ///< bit p: a frame from p
  std::uint64_t open_ = 0;                ///< bit p: a parcel to p is open
  std::uint64_t pending_ = 0;             ///< bit p: parcels to p that libfabric has not taken yet
  bool told_failed_ = false;
  bool closing_ = false;
  std::vector<std::uint32_t> broken_;  ///< contexts that this rank broke
  std::uint32_t broken_seen_ = 0;      ///< Header::broken_count when they were looked for
  Clock::time_point next_ping_;
  Clock::time_point closing_since_{};
  soft::JointCopy no_joint_{};
};

}  // namespace tally::ofi
