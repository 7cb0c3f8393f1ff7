// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/shm/shm_transport.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>

#include "job/job.hpp"
#include "support/seed.hpp"

namespace tally::shm {
namespace {

using namespace std::chrono_literals;

struct ShmTransportTest : testing::Test {
  job::Segment segment = job::Segment::create(2, job::EngineKind::kSoft, false);
  ShmTransport a{segment.header(), 0};
  ShmTransport b{segment.header(), 1};

  static bool send(ShmTransport& from, std::uint32_t to, std::uint32_t bytes, std::uint32_t number) {
    const soft::FrameSlot slot = from.reserve(to, bytes);
    if (slot.header == nullptr) return false;
    *slot.header = {.bytes = static_cast<std::uint16_t>(bytes), .tag = number};
    std::memset(slot.payload, static_cast<int>(number & 0xff), bytes);
    from.commit(to);
    return true;
  }
  static ::testing::AssertionResult take(ShmTransport& at, std::uint32_t from, std::uint32_t bytes,
                                         std::uint32_t number) {
    const soft::FrameView frame = at.front(from);
    if (frame.header == nullptr) return ::testing::AssertionFailure() << "no frame";
    if (frame.header->tag != number || frame.header->bytes != bytes) {
      return ::testing::AssertionFailure() << "frame " << frame.header->tag << " of " << frame.header->bytes
                                           << " bytes, expected " << number << " of " << bytes;
    }
    for (std::uint32_t i = 0; i < bytes; ++i) {
      if (frame.payload[i] != static_cast<std::byte>(number & 0xff)) {
        return ::testing::AssertionFailure() << "byte " << i << " of frame " << number;
      }
    }
    at.pop(from);
    return ::testing::AssertionSuccess();
  }
};

TEST_F(ShmTransportTest, frames_of_all_sizes_keep_order_and_bytes_across_the_end_of_the_ring) {
  std::mt19937_64 random(test::seed(3));
  std::vector<std::uint32_t> sizes;
  std::uint32_t taken = 0;
  while (taken < 3000) {
    const auto bytes =
        static_cast<std::uint32_t>(random() % 4 == 0 ? random() % (soft::kMaxPayload + 1) : random() % 70);
    if (random() % 2 == 0 && send(a, 1, bytes, static_cast<std::uint32_t>(sizes.size()))) {
      sizes.push_back(bytes);
    } else if (taken < sizes.size()) {
      ASSERT_TRUE(take(b, 0, sizes[taken], taken));
      ++taken;
    }
  }
}

TEST_F(ShmTransportTest, a_ring_full_of_data_refuses_and_takes_again_when_a_part_was_taken) {
  std::uint32_t sent = 0;
  while (send(a, 1, soft::kMaxPayload, sent)) ++sent;
  EXPECT_EQ(sent, kDataBytes / soft::kMaxPayload);
  std::uint32_t taken = 0;
  while (!send(a, 1, soft::kMaxPayload, sent)) {
    ASSERT_LT(taken, sent);
    ASSERT_TRUE(take(b, 0, soft::kMaxPayload, taken));
    ++taken;
  }
  EXPECT_LE(taken, sent / 4);
  for (; taken <= sent; ++taken) ASSERT_TRUE(take(b, 0, soft::kMaxPayload, taken));
  EXPECT_EQ(b.front(0).header, nullptr);
}

TEST_F(ShmTransportTest, a_ring_full_of_short_frames_refuses_and_takes_again_when_a_part_was_taken) {
  std::uint32_t sent = 0;
  while (send(a, 1, 8, sent)) ++sent;
  EXPECT_EQ(sent, kCells);
  std::uint32_t taken = 0;
  while (!send(a, 1, 8, sent)) {
    ASSERT_LT(taken, sent);
    ASSERT_TRUE(take(b, 0, 8, taken));
    ++taken;
  }
  EXPECT_LE(taken, sent / 4);
  for (; taken <= sent; ++taken) ASSERT_TRUE(take(b, 0, 8, taken));
}

TEST_F(ShmTransportTest, memory_of_a_peer_is_read_and_written) {
  std::uint64_t theirs = 5;
  std::uint64_t ours = 0;
  ASSERT_TRUE(a.direct(1));
  EXPECT_TRUE(a.read(1, &ours, reinterpret_cast<std::uint64_t>(&theirs), sizeof ours));
  EXPECT_EQ(ours, 5u);
  ours = 6;
  EXPECT_TRUE(a.write(1, reinterpret_cast<std::uint64_t>(&theirs), &ours, sizeof ours));
  EXPECT_EQ(theirs, 6u);
  job::Segment other = job::Segment::create(2, job::EngineKind::kSoft, false);
  ShmTransport without(other.header(), 0, false);
  const ShmTransport peer(other.header(), 1);
  EXPECT_FALSE(without.direct(1));
}

TEST_F(ShmTransportTest, a_rank_reaches_itself_and_pairs_are_separate) {
  ASSERT_TRUE(send(a, 0, 8, 1));
  ASSERT_TRUE(send(a, 1, 8, 2));
  ASSERT_TRUE(send(b, 0, 8, 3));
  EXPECT_TRUE(take(a, 0, 8, 1));
  EXPECT_TRUE(take(b, 0, 8, 2));
  EXPECT_TRUE(take(a, 1, 8, 3));
  EXPECT_EQ(b.front(1).header, nullptr);
}

TEST_F(ShmTransportTest, wait_ends_with_a_frame) {
  std::thread sender([this] {
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(send(a, 1, 8, 1));
    a.flush();
  });
  const auto start = std::chrono::steady_clock::now();
  while (b.front(0).header == nullptr && std::chrono::steady_clock::now() - start < 10s) b.wait(20s, false);
  sender.join();
  EXPECT_TRUE(take(b, 0, 8, 1));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_F(ShmTransportTest, wait_ends_with_room_for_what_was_refused) {
  std::uint32_t sent = 0;
  while (send(a, 1, soft::kMaxPayload, sent)) ++sent;
  std::thread receiver([this, sent] {
    std::this_thread::sleep_for(50ms);
    for (std::uint32_t i = 0; i < sent; ++i) EXPECT_TRUE(take(b, 0, soft::kMaxPayload, i));
    b.flush();
  });
  const auto start = std::chrono::steady_clock::now();
  while (!send(a, 1, soft::kMaxPayload, sent) && std::chrono::steady_clock::now() - start < 10s)
    a.wait(20s, false);
  receiver.join();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_F(ShmTransportTest, wait_ends_at_its_time) {
  const auto start = std::chrono::steady_clock::now();
  b.wait(30ms, false);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 25ms);
}

}  // namespace
}  // namespace tally::shm
