// SPDX-License-Identifier: BSD-3-Clause
// Frames between ranks of one host through the rings of the job segment (drivers/shm/layout.hpp).
//
// Cost of a frame: one copy by the sender into the ring; the receiver reads in place. No system call and no
// fence unless the other side sleeps: who is about to sleep makes all others' processors pass a barrier
// (membarrier(2)), so that those who send need none.
#pragma once

#include <array>
#include <cstdint>

#include "drivers/shm/layout.hpp"
#include "engine/soft/transport.hpp"
#include "launch/job_segment.hpp"

namespace tally::shm {

class ShmTransport final : public soft::Transport {
 public:
  /// `header` is the head of a mapped soft job's segment and outlives this object. With `direct` false the
  /// memory of peers is left alone, as where the host forbids it.
  ShmTransport(job::Header& header, std::uint32_t rank, bool direct = true) noexcept;

  [[nodiscard]] std::uint32_t rank() const noexcept override { return rank_; }
  [[nodiscard]] std::uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] bool crowded() const noexcept override { return header_.ranks_here > header_.cpus; }
  [[nodiscard]] soft::FrameSlot reserve(std::uint32_t peer, std::uint32_t bytes) noexcept override;
  void commit(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView front(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView next(std::uint32_t* peer) noexcept override;
  void pop(std::uint32_t peer) noexcept override;
  [[nodiscard]] soft::FrameView pop_next(std::uint32_t peer) noexcept override;
  void flush() noexcept override;
  [[nodiscard]] bool gone(std::uint32_t peer) const noexcept override;
  void wait(std::chrono::microseconds timeout, bool busy) noexcept override;
  [[nodiscard]] bool prepare_sleep() noexcept override;
  void sleep(std::chrono::microseconds timeout) noexcept override;
  void end_sleep() noexcept override;
  [[nodiscard]] bool direct(std::uint32_t peer) noexcept override;
  [[nodiscard]] bool reads_us(std::uint32_t peer) const noexcept override;
  [[nodiscard]] bool read(std::uint32_t peer, void* to, std::uint64_t from,
                          std::size_t bytes) noexcept override;
  [[nodiscard]] bool write(std::uint32_t peer, std::uint64_t to, const void* from,
                           std::size_t bytes) noexcept override;
  [[nodiscard]] soft::JointCopy& joint(std::uint32_t rank, std::uint32_t n) noexcept override;

 private:
  // Our side of the two rings that we share with a peer; what the other side has taken is cached and read
  // again only when the cached value does not do.
  struct Outgoing {
    Ring* ring = nullptr;
    std::uint64_t cell = 0;
    std::uint64_t data = 0;
    std::uint64_t cells_taken = 0;
    std::uint64_t data_taken = 0;
    std::uint64_t data_end = 0;     ///< with the reserved frame
    std::uint64_t wanted_data = 0;  ///< the same of the reservation that failed
    bool wanted = false;
  };
  struct Incoming {
    Ring* ring = nullptr;
    std::uint64_t cell = 0;
    std::uint64_t data = 0;
    std::uint64_t cells_told = 0;
    std::uint64_t data_told = 0;
  };

  [[nodiscard]] static bool fits(const Outgoing& out, std::uint64_t data_end) noexcept {
    return out.cell - out.cells_taken < kCells && data_end - out.data_taken <= kDataBytes;
  }
  [[nodiscard]] static bool arrived(const Incoming& in) noexcept {
    return in.ring->cells[in.cell % kCells].stamp.load(std::memory_order_acquire) == stamp(in.cell);
  }
  /// Asks for the line of the cell `ahead` behind the next one, so that it moves here while frames before it are taken.
  static void fetch_ahead(const Incoming& in, std::uint64_t ahead) noexcept {
    __builtin_prefetch(&in.ring->cells[(in.cell + ahead) % kCells]);
  }
  [[nodiscard]] soft::FrameView view(const Incoming& in) const noexcept;
  void tell(std::uint32_t peer, Incoming& in) noexcept;
  [[nodiscard]] bool something_to_do() noexcept;

  job::Header& header_;
  std::uint32_t rank_;
  std::uint32_t size_;
  bool direct_;
  bool barrier_ = false;       ///< membarrier(2) works
  std::uint64_t touched_ = 0;  ///< bit p: peer p must hear of commits or pops
  unsigned yields_ = 0;        ///< before a sleep
  std::uint32_t sleep_seen_ = 0;                 ///< from prepare_sleep() to sleep()
  std::chrono::microseconds sleep_limit_{0};     ///< the same
  std::array<Outgoing, soft::kMaxRanks> out_;
  std::array<Incoming, soft::kMaxRanks> in_;
  RankArea* areas_;
  std::uint64_t mark_ = kMark;  ///< what peers read to see whether they can
};

}  // namespace tally::shm
