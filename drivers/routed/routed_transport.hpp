// SPDX-License-Identifier: BSD-3-Clause
// One transport of two: frames to ranks of this host go through its shared memory, those to others over the
// network.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "drivers/routed/network_transport.hpp"
#include "drivers/shm/shm_transport.hpp"
#include "engine/soft/transport.hpp"

namespace tally::routed {

class RoutedTransport final : public soft::Transport {
 public:
  /// `far`: bit p: rank p is reached over the network.
  RoutedTransport(std::unique_ptr<shm::ShmTransport> here, std::unique_ptr<NetworkTransport> network,
                  std::uint64_t far) noexcept;

  [[nodiscard]] std::uint32_t rank() const noexcept override { return here_->rank(); }
  [[nodiscard]] std::uint32_t size() const noexcept override { return here_->size(); }
  [[nodiscard]] bool crowded() const noexcept override { return here_->crowded(); }
  [[nodiscard]] soft::FrameSlot reserve(std::uint32_t peer, std::uint32_t bytes) noexcept override {
    return far(peer) ? network_->reserve(peer, bytes) : here_->reserve(peer, bytes);
  }
  void commit(std::uint32_t peer) noexcept override {
    far(peer) ? network_->commit(peer) : here_->commit(peer);
  }
  [[nodiscard]] soft::FrameView front(std::uint32_t peer) noexcept override {
    return far(peer) ? network_->front(peer) : here_->front(peer);
  }
  [[nodiscard]] soft::FrameView next(std::uint32_t* peer) noexcept override;
  void pop(std::uint32_t peer) noexcept override { far(peer) ? network_->pop(peer) : here_->pop(peer); }
  [[nodiscard]] soft::FrameView pop_next(std::uint32_t peer) noexcept override {
    return far(peer) ? network_->pop_next(peer) : here_->pop_next(peer);
  }
  void flush() noexcept override;
  [[nodiscard]] bool gone(std::uint32_t peer) const noexcept override {
    return far(peer) ? network_->gone(peer) : here_->gone(peer);
  }
  void wait(std::chrono::microseconds timeout, bool busy) noexcept override;
  [[nodiscard]] bool direct(std::uint32_t peer) noexcept override {
    return far(peer) ? network_->direct(peer) : here_->direct(peer);
  }
  [[nodiscard]] bool reads_us(std::uint32_t peer) const noexcept override {
    return far(peer) ? network_->reads_us(peer) : here_->reads_us(peer);
  }
  [[nodiscard]] bool read(std::uint32_t peer, void* to, std::uint64_t from,
                          std::size_t bytes) noexcept override {
    return far(peer) ? network_->read(peer, to, from, bytes) : here_->read(peer, to, from, bytes);
  }
  [[nodiscard]] bool lend(std::uint32_t peer, const void* base, std::size_t bytes,
                          soft::Loan* loan) noexcept override {
    return far(peer) ? network_->lend(peer, base, bytes, loan) : here_->lend(peer, base, bytes, loan);
  }
  void take_back(std::uint32_t loan) noexcept override { network_->take_back(loan); }  // here none is numbered
  [[nodiscard]] bool reads_by_device(std::uint32_t peer) const noexcept override {
    return far(peer) && network_->reads_by_device(peer);
  }
  [[nodiscard]] std::uint32_t start_read(std::uint32_t peer, void* to, std::uint64_t from, std::size_t bytes,
                                         std::uint32_t key) noexcept override {
    return network_->start_read(peer, to, from, bytes, key);
  }
  [[nodiscard]] soft::ReadState read_state(std::uint32_t read) noexcept override {
    return network_->read_state(read);
  }
  [[nodiscard]] bool end_read(std::uint32_t read) noexcept override { return network_->end_read(read); }
  [[nodiscard]] bool write(std::uint32_t peer, std::uint64_t to, const void* from,
                           std::size_t bytes) noexcept override {
    return !far(peer) && here_->write(peer, to, from, bytes);
  }
  [[nodiscard]] bool joins(std::uint32_t peer) const noexcept override { return !far(peer); }
  [[nodiscard]] soft::JointCopy& joint(std::uint32_t rank, std::uint32_t n) noexcept override {
    return here_->joint(rank, n);
  }

 private:
  [[nodiscard]] bool far(std::uint32_t peer) const noexcept { return (far_ >> peer & 1) != 0; }

  std::unique_ptr<shm::ShmTransport> here_;
  std::unique_ptr<NetworkTransport> network_;
  std::uint64_t far_;
  bool neighbors_;  ///< there are other ranks on this host
  /// How long a sleep on shared memory may overlook the network; grows while nothing comes.
  std::chrono::microseconds slice_{0};
};

}  // namespace tally::routed
