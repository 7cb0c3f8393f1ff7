// SPDX-License-Identifier: BSD-3-Clause
// What the CPU of a soft engine does is counted by cause.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "cluster.hpp"
#include "engine/soft/messages.hpp"

namespace tally::test {
namespace {

std::uint64_t by_cause(const tally_counters& c) {
  return c.cpu_copied_frames + c.cpu_copied_direct + c.cpu_copied_unexpected + c.cpu_copied_schedule;
}

struct Work : testing::Test {
  std::vector<std::byte> out;
  std::vector<std::byte> in;
  void send(Cluster& cluster, std::size_t bytes) {
    out.resize(bytes);
    ASSERT_TRUE(cluster.engine(0).post_send({.buffer = out.data(), .length = bytes, .destination = 1, .tag = 3}).ok());
  }
  void receive(Cluster& cluster, std::size_t bytes) {
    in.resize(bytes);
    ASSERT_TRUE(cluster.engine(1).post_recv({.buffer = in.data(), .length = bytes, .tag = 3}).ok());
  }
  static void finish(Cluster& cluster) {
    for (int i = 0; i < 2000 && (cluster.completions(0).empty() || cluster.completions(1).empty()); ++i)
      cluster.poll_all();
    ASSERT_EQ(cluster.completions(1).size(), 1u);
  }
};

TEST_F(Work, short_message_to_a_posted_receive_is_copied_in_and_out_of_a_frame) {
  Cluster cluster(2);
  receive(cluster, 100);
  send(cluster, 100);
  finish(cluster);
  EXPECT_EQ(cluster.counters(0).cpu_copied_frames, 100u);
  const tally_counters receiver = cluster.counters(1);
  EXPECT_EQ(receiver.cpu_copied_frames, 100u);
  EXPECT_EQ(receiver.cpu_matches, 1u);
  EXPECT_EQ(receiver.cpu_matches_unexpected, 0u);
  EXPECT_EQ(receiver.cpu_copied_unexpected, 0u);
  EXPECT_EQ(receiver.cpu_copied_direct, 0u);
  EXPECT_EQ(by_cause(receiver), receiver.cpu_copied_bytes);
}

TEST_F(Work, message_before_its_receive_is_copied_once_more) {
  Cluster cluster(2);
  send(cluster, 100);
  cluster.poll_all();
  receive(cluster, 100);
  finish(cluster);
  const tally_counters receiver = cluster.counters(1);
  EXPECT_EQ(receiver.cpu_copied_frames, 100u);
  EXPECT_EQ(receiver.cpu_copied_unexpected, 100u);
  EXPECT_EQ(receiver.cpu_matches, 1u);
  EXPECT_EQ(receiver.cpu_matches_unexpected, 1u);
  EXPECT_EQ(by_cause(receiver), receiver.cpu_copied_bytes);
}

TEST_F(Work, claimed_message_met_a_probe) {
  Cluster cluster(2);
  send(cluster, 8);
  cluster.poll_all();
  ASSERT_TRUE(cluster.engine(1).post_probe({.any_source = true, .any_tag = true, .claim = true}).ok());
  EXPECT_EQ(cluster.counters(1).cpu_matches_unexpected, 1u);
  EXPECT_EQ(cluster.counters(1).cpu_matches, 1u);
}

TEST_F(Work, long_message_is_copied_once_where_memory_can_be_reached) {
  for (const bool direct : {true, false}) {
    constexpr std::size_t kBytes = 1 << 20;
    Cluster cluster(2, direct);
    receive(cluster, kBytes);
    send(cluster, kBytes);
    finish(cluster);
    const tally_counters a = cluster.counters(0);
    const tally_counters b = cluster.counters(1);
    EXPECT_EQ(a.cpu_copied_direct + b.cpu_copied_direct, direct ? kBytes : 0);
    EXPECT_EQ(a.cpu_copied_frames + b.cpu_copied_frames, direct ? 0 : 2 * kBytes);
    EXPECT_EQ(by_cause(a), a.cpu_copied_bytes);
    EXPECT_EQ(by_cause(b), b.cpu_copied_bytes);
  }
}

TEST_F(Work, send_that_finds_no_room_is_held_and_counted_once) {
  Cluster cluster(2);
  out.resize(4000);
  std::size_t sent = 0;
  for (; sent < 100000 && cluster.counters(0).fallback_ring_full == 0; ++sent)
    ASSERT_TRUE(cluster.engine(0).post_send({.buffer = out.data(), .length = out.size(), .destination = 1, .tag = 3}).ok());
  ASSERT_EQ(cluster.counters(0).fallback_ring_full, 1u) << "the queue never was full";
  EXPECT_GT(sent, 1u) << "the first had room";
  for (int i = 0; i < 1000; ++i) cluster.poll_all();
  EXPECT_EQ(cluster.completions(0).size(), sent);
  EXPECT_EQ(cluster.counters(0).fallback_ring_full, 1u);
}

}  // namespace
}  // namespace tally::test
