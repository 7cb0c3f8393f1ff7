// SPDX-License-Identifier: BSD-3-Clause
// Transports of several ranks in one process, each on a device of its own of the double.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "drivers/verbs/verbs_transport.hpp"
#include "job/job.hpp"
#include "verbs/double.hpp"

namespace tally::test {

using verbs::VerbsTransport;

class Net {
 public:
  explicit Net(std::uint32_t ranks, const DoubleLimits& limits = {}) {
    double_reset();
    for (std::uint32_t rank = 0; rank < ranks; ++rank) double_add_device(device(rank), limits);
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      links_.push_back(std::make_unique<verbs::Link>(double_library(), verbs::Choice{device(rank), 0, -1, 0}, ranks));
      cards_.push_back(links_.back()->card(4711));
      segments_.push_back(job::Segment::create(ranks, job::EngineKind::kVerbs, false));
    }
    transports_.resize(ranks);
  }
  ~Net() {
    // A goodbye is answered by the other side: all leave at once.
    std::vector<std::thread> leaving;
    for (auto& transport : transports_) leaving.emplace_back([&transport] { transport.reset(); });
    for (std::thread& one : leaving) one.join();
    EXPECT_EQ(double_counts().rnr, 0u) << "a message came that had no receive buffer";
    EXPECT_EQ(double_counts().misuse, 0u);
  }
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;

  static std::string device(std::uint32_t rank) { return "dbl" + std::to_string(rank); }
  /// Makes the transport of a rank; the first use of [] does.
  std::unique_ptr<VerbsTransport> make(std::uint32_t rank) {
    return std::make_unique<VerbsTransport>(std::move(links_[rank]), segments_[rank].header(), rank,
                                            ~std::uint64_t{0}, cards_);
  }
  VerbsTransport& operator[](std::uint32_t rank) {
    if (transports_[rank] == nullptr) transports_[rank] = make(rank);
    return *transports_[rank];
  }
  job::Header& header(std::uint32_t rank) { return segments_[rank].header(); }
  std::vector<std::string>& cards() { return cards_; }
  void close(std::uint32_t rank) { transports_[rank].reset(); }
  void progress() {
    for (auto& transport : transports_) {
      if (transport != nullptr) (void)transport->progress();
    }
  }
  /// Until condition() holds, 20 s at most.
  template <typename Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      progress();
      if (std::chrono::steady_clock::now() > end) return false;
    }
    return true;
  }

 private:
  std::vector<job::Segment> segments_;
  std::vector<std::string> cards_;
  std::vector<std::unique_ptr<verbs::Link>> links_;
  std::vector<std::unique_ptr<VerbsTransport>> transports_;
};

/// Sends a frame that carries its number; false when there is no room.
inline bool send(VerbsTransport& from, std::uint32_t to, std::uint32_t number, std::uint32_t bytes) {
  const soft::FrameSlot slot = from.reserve(to, bytes);
  if (slot.header == nullptr) return false;
  *slot.header = {.bytes = static_cast<std::uint16_t>(bytes),
                  .kind = soft::FrameKind::kMessage,
                  .tag = number,
                  .length = bytes};
  std::memset(slot.payload, static_cast<int>(number & 0xff), bytes);
  from.commit(to);
  return true;
}

}  // namespace tally::test
