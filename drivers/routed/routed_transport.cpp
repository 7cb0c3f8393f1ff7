// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/routed/routed_transport.hpp"

#include <sched.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace tally::routed {
namespace {

using namespace std::chrono_literals;

// A futex and a descriptor cannot be waited for together.
constexpr auto kFirstSlice = 50us;
constexpr auto kLastSlice = 1000us;

}  // namespace

RoutedTransport::RoutedTransport(std::unique_ptr<shm::ShmTransport> here,
                                 std::unique_ptr<NetworkTransport> network, std::uint64_t far) noexcept
    : here_(std::move(here)),
      network_(std::move(network)),
      far_(far),
      neighbors_(static_cast<std::uint32_t>(std::popcount(far)) + 1 < here_->size()),
      slice_(kFirstSlice) {}

soft::FrameView RoutedTransport::next(std::uint32_t* peer) noexcept {
  std::uint32_t near_peer = *peer;
  std::uint32_t far_peer = *peer;
  const soft::FrameView near_frame = here_->next(&near_peer);
  const soft::FrameView far_frame = network_->next(&far_peer);
  const bool take_near =
      near_frame.header != nullptr && (far_frame.header == nullptr || near_peer < far_peer);
  const soft::FrameView& frame = take_near ? near_frame : far_frame;
  if (frame.header == nullptr) return {};
  *peer = take_near ? near_peer : far_peer;
  slice_ = kFirstSlice;
  return frame;
}

void RoutedTransport::flush() noexcept {
  here_->flush();
  network_->flush();
}

void RoutedTransport::wait(std::chrono::microseconds timeout, bool busy) noexcept {
  // Messages to oneself are taken at the next poll: nothing else can come from this host.
  if (!neighbors_ || busy) {
    here_->flush();
    return network_->wait(timeout, busy);
  }
  network_->before_sleep();
  if (network_->something_to_do()) return;
  here_->wait(std::min<std::chrono::microseconds>(timeout, slice_), false);
  network_->after_sleep();
  slice_ = std::min<std::chrono::microseconds>(2 * slice_, kLastSlice);
}

}  // namespace tally::routed
