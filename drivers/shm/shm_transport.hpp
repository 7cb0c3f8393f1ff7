// SPDX-License-Identifier: BSD-3-Clause
// Frames between ranks of one host through the rings of the job segment (drivers/shm/layout.hpp).
//
// Cost of a frame: one copy by the sender into the ring; the receiver reads in place. No system call
// unless the other side sleeps.
#pragma once

#include <array>
#include <cstdint>

#include "drivers/shm/layout.hpp"
#include "engine/soft/transport.hpp"
#include "launch/job_segment.hpp"

namespace tally::shm {

class ShmTransport final : public soft::Transport {
 public:
  /// `header` is the head of a mapped soft job's segment and outlives this object.
  ShmTransport(job::Header& header, std::uint32_t rank) noexcept;

  [[nodiscard]] std::uint32_t rank() const noexcept override { return rank_; }
  [[nodiscard]] std::uint32_t size() const noexcept override { return size_; }
  [[nodiscard]] soft::Frame* reserve(std::uint32_t peer, std::uint32_t bytes) noexcept override;
  void commit(std::uint32_t peer) noexcept override;
  [[nodiscard]] const soft::Frame* front(std::uint32_t peer) noexcept override;
  void pop(std::uint32_t peer) noexcept override;
  void flush() noexcept override;
  [[nodiscard]] bool gone(std::uint32_t peer) const noexcept override;
  void wait(std::chrono::microseconds timeout) noexcept override;

 private:
  // Our side of the two rings that we share with a peer; the other side's index is cached and read
  // again only when the cached value does not do.
  struct Outgoing {
    Ring* ring = nullptr;
    std::uint64_t tail = 0;
    std::uint64_t head_seen = 0;
    std::uint64_t reserved = 0;  ///< bytes of the reserved frame, its pad included
    std::uint64_t wanted = 0;    ///< free bytes that the last failed reservation needs
  };
  struct Incoming {
    Ring* ring = nullptr;
    std::uint64_t head = 0;
    std::uint64_t tail_seen = 0;
  };

  [[nodiscard]] bool something_to_do() noexcept;

  job::Header& header_;
  std::uint32_t rank_;
  std::uint32_t size_;
  std::uint64_t touched_ = 0;  ///< bit p: peer p must hear of commits or pops
  std::array<Outgoing, soft::kMaxRanks> out_;
  std::array<Incoming, soft::kMaxRanks> in_;
};

}  // namespace tally::shm
