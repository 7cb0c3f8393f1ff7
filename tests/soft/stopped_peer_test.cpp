// SPDX-License-Identifier: BSD-3-Clause
// A peer that is stopped while it holds a share of a joint copy.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "drivers/shm/shm_transport.hpp"
#include "engine/soft/soft_engine.hpp"
#include "job/job.hpp"

namespace tally::test {
namespace {

using soft::FrameSlot;
using soft::FrameView;
using soft::JointCopy;

/// Before the first read of a joint copy the peer takes a chunk of it, and does nothing more.
class WithStoppedPeer final : public soft::Transport {
 public:
  explicit WithStoppedPeer(std::unique_ptr<soft::Transport> inner) : inner_(std::move(inner)) {}
  bool armed = false;
  JointCopy* held = nullptr;
  std::uint32_t chunk = 0;

  std::uint32_t rank() const noexcept override { return inner_->rank(); }
  std::uint32_t size() const noexcept override { return inner_->size(); }
  FrameSlot reserve(std::uint32_t peer, std::uint32_t bytes) noexcept override {
    return inner_->reserve(peer, bytes);
  }
  void commit(std::uint32_t peer) noexcept override { inner_->commit(peer); }
  FrameView front(std::uint32_t peer) noexcept override { return inner_->front(peer); }
  FrameView next(std::uint32_t* peer) noexcept override { return inner_->next(peer); }
  void pop(std::uint32_t peer) noexcept override { inner_->pop(peer); }
  void flush() noexcept override { inner_->flush(); }
  bool gone(std::uint32_t peer) const noexcept override { return inner_->gone(peer); }
  void wait(std::chrono::microseconds timeout, bool busy) noexcept override { inner_->wait(timeout, busy); }
  bool direct(std::uint32_t peer) noexcept override { return inner_->direct(peer); }
  bool reads_us(std::uint32_t peer) const noexcept override { return inner_->reads_us(peer); }
  bool write(std::uint32_t peer, std::uint64_t to, const void* from, std::size_t bytes) noexcept override {
    return inner_->write(peer, to, from, bytes);
  }
  JointCopy& joint(std::uint32_t rank, std::uint32_t n) noexcept override { return inner_->joint(rank, n); }
  bool read(std::uint32_t peer, void* to, std::uint64_t from, std::size_t bytes) noexcept override {
    if (armed) {
      for (std::uint32_t n = 0; n < soft::kJointCopies && armed; ++n) {
        JointCopy& copy = joint(rank(), n);
        const auto next = static_cast<std::uint32_t>(copy.next.load());
        if (next == 0 || next >= copy.chunks.load()) continue;
        chunk = static_cast<std::uint32_t>(copy.next.fetch_add(1));
        held = &copy;
        armed = false;
      }
    }
    return inner_->read(peer, to, from, bytes);
  }
  /// The peer goes on.
  void finish() {
    const std::uint64_t at = chunk * held->chunk_bytes;
    std::memcpy(reinterpret_cast<std::byte*>(held->to) + at, reinterpret_cast<std::byte*>(held->from) + at,
                std::min(held->chunk_bytes, held->bytes - at));
    held->copied.fetch_add(1);
  }

 private:
  std::unique_ptr<soft::Transport> inner_;
};

class StoppedPeer : public testing::Test {
 protected:
  static constexpr std::size_t kCount = 1u << 19;

  StoppedPeer() {
    std::string error;
    schedule::Schedule chosen;
    const schedule::Call call{
        .collective = schedule::Collective::kBcast, .ranks = 2, .bytes = 4 * kCount, .in_place = true};
    EXPECT_TRUE(schedule::select(call, "binomial", &chosen, &error)) << error;
    for (std::uint16_t rank = 0; rank < 2; ++rank) {
      programs_[rank] = schedule::compile(chosen, rank, {0, 1});
      auto transport = std::make_unique<WithStoppedPeer>(
          std::make_unique<shm::ShmTransport>(segment_.header(), rank, true));
      transports_[rank] = transport.get();
      engines_[rank] = std::make_unique<soft::SoftEngine>(std::move(transport));
      data_[rank].resize(kCount);
    }
    std::iota(data_[0].begin(), data_[0].end(), 7);
  }
  void start() {
    for (std::uint32_t rank = 0; rank < 2; ++rank) {
      CollectiveDescriptor descriptor;
      descriptor.program = &programs_[rank];
      descriptor.input = descriptor.output = data_[rank].data();
      descriptor.count = kCount;
      descriptor.dtype = TALLY_I32;
      descriptor.seq = seq_;
      descriptor.cookie = 1;
      ASSERT_TRUE(engines_[rank]->post_collective(descriptor).ok());
    }
    ++seq_;
  }
  /// What has completed at the rank in so many polls.
  std::vector<Completion> poll(std::size_t rank, int times) {
    std::vector<Completion> all;
    std::array<Completion, 4> out;
    for (int i = 0; i < times; ++i) {
      const std::size_t taken = engines_[rank]->poll(out);
      all.insert(all.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(taken));
    }
    return all;
  }
  /// A first bcast, by which rank 0 learns that rank 1 reaches its memory; then one that its end is not in
  /// sight of.
  void stop_rank_0_in_a_copy() {
    start();
    std::size_t done = 0;
    for (int i = 0; i < 2000 && done < 2; ++i) done += poll(0, 1).size() + poll(1, 1).size();
    ASSERT_EQ(done, 2u);
    data_[1].assign(kCount, 0);
    transports_[1]->armed = true;
    start();
    ASSERT_TRUE(poll(1, 5).empty());
    ASSERT_NE(transports_[1]->held, nullptr);
  }

  job::Segment segment_ = job::Segment::create(2, job::EngineKind::kSoft, false);
  std::array<schedule::Program, 2> programs_;
  std::array<WithStoppedPeer*, 2> transports_{};
  std::array<std::unique_ptr<soft::SoftEngine>, 2> engines_;
  std::array<std::vector<std::int32_t>, 2> data_;
  std::uint16_t seq_ = 0;
};

TEST_F(StoppedPeer, holds_up_its_collective_only_until_it_goes_on) {
  stop_rank_0_in_a_copy();
  EXPECT_NE(engines_[1]->describe_pending().find("waits for rank 0 to copy its share"), std::string::npos)
      << engines_[1]->describe_pending();
  // Messages go on.
  int word = 5;
  int got = 0;
  Completion completion;
  bool now = false;
  ASSERT_TRUE(
      engines_[1]
          ->start_send({.buffer = &word, .length = 4, .destination = 1, .cookie = 2}, &completion, &now)
          .ok());
  ASSERT_TRUE(engines_[1]->post_recv({.buffer = &got, .length = 4, .source = 1, .cookie = 3}).ok());
  poll(1, 3);
  EXPECT_EQ(got, 5);
  transports_[1]->finish();
  const std::vector<Completion> done = poll(1, 20);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_OK);
  EXPECT_EQ(data_[1], data_[0]);
}

TEST_F(StoppedPeer, does_not_keep_a_collective_that_is_given_up) {
  stop_rank_0_in_a_copy();
  engines_[1]->abort_collective(0, static_cast<std::uint16_t>(seq_ - 1));
  const std::vector<Completion> done = poll(1, 2);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].status, TALLY_ERR_ABORTED);
}

}  // namespace
}  // namespace tally::test
