// SPDX-License-Identifier: BSD-3-Clause
// Large messages: fetched by the receiver, jointly where there is something to share, in frames where memory
// cannot be reached; and large instructions of collectives.
#include <gtest/gtest.h>

#include <numeric>

#include "cluster.hpp"
#include "engine/soft/messages.hpp"

namespace tally::test {
namespace {

struct Large : testing::TestWithParam<bool> {
  Cluster cluster{2, GetParam()};
  std::vector<std::vector<std::uint32_t>> data;
  std::vector<std::vector<std::uint32_t>> room;

  void send(std::size_t words, std::uint32_t tag) {
    data.emplace_back(words);
    std::iota(data.back().begin(), data.back().end(), tag * 1000003);
    const SendDescriptor descriptor{
        .buffer = data.back().data(), .length = words * 4, .destination = 1, .tag = tag, .cookie = tag};
    ASSERT_TRUE(cluster.engine(0).post_send(descriptor).ok());
  }
  void receive(std::size_t words, std::uint32_t tag) {
    room.emplace_back(words, 0xdeadbeef);
    const RecvDescriptor descriptor{
        .buffer = room.back().data(), .length = words * 4, .tag = tag, .cookie = tag};
    ASSERT_TRUE(cluster.engine(1).post_recv(descriptor).ok());
  }
  /// All of the sent messages have been received, in whatever order.
  void expect_all(std::size_t messages) {
    for (int i = 0;
         i < 2000 && (cluster.completions(1).size() < messages || cluster.completions(0).size() < messages);
         ++i)
      cluster.poll_all();
    ASSERT_EQ(cluster.completions(0).size(), messages);
    ASSERT_EQ(cluster.completions(1).size(), messages);
    for (const Completion& done : cluster.completions(1)) {
      EXPECT_EQ(done.status, TALLY_OK);
      EXPECT_EQ(done.tag, done.cookie);
    }
    EXPECT_EQ(data, room);
    // Every byte is counted once where it was copied once, and the fallback is counted.
    const std::uint64_t bytes = cluster.counters(0).cpu_copied_bytes + cluster.counters(1).cpu_copied_bytes;
    std::uint64_t sent = 0;
    for (const auto& message : data) sent += message.size() * 4;
    const std::uint64_t staged = cluster.counters(0).fallback_staging + cluster.counters(1).fallback_staging;
    EXPECT_EQ(bytes, GetParam() ? sent : 2 * sent);
    EXPECT_EQ(staged, GetParam() ? 0 : sent);
  }
};

TEST_P(Large, posted_receives_get_all_bytes) {
  for (const std::size_t words : {4096u, 65536u, 65537u, 1000001u}) {
    const auto tag = static_cast<std::uint32_t>(data.size());
    receive(words, tag);
    send(words, tag);
  }
  expect_all(4);
}

TEST_P(Large, unexpected_ones_wait_and_get_all_bytes) {
  for (const std::size_t words : {4096u, 300000u, 1000001u})
    send(words, static_cast<std::uint32_t>(data.size()));
  cluster.poll_all(3);
  EXPECT_EQ(GetParam() ? cluster.completions(0).size() : 0u, 0u) << "data stay with the sender";
  for (std::uint32_t tag = 0; tag < 3; ++tag) receive(data[tag].size(), tag);
  cluster.poll_all(3);
  if (GetParam()) expect_all(3);
}

TEST_P(Large, more_than_there_are_records_of_joint_copies) {
  constexpr std::uint32_t kMessages = 3 * soft::kJointCopies;
  for (std::uint32_t tag = 0; tag < kMessages; ++tag) send(200000 + tag, tag);
  for (std::uint32_t tag = 0; tag < kMessages; ++tag) receive(200000 + tag, tag);
  for (int i = 0; i < 5000 && cluster.completions(1).size() < kMessages; ++i) cluster.poll_all();
  cluster.poll_all(3);
  EXPECT_EQ(cluster.completions(0).size(), kMessages);
  EXPECT_EQ(cluster.completions(1).size(), kMessages);
  EXPECT_EQ(data, room);
}

/// With access to memory: without it the data do not stay with the sender.
class Reached : public Large {};
INSTANTIATE_TEST_SUITE_P(Access, Reached, testing::Values(true));

TEST_P(Reached, a_sender_that_waits_is_freed_by_a_receiver_that_waits_for_something_else) {
  send(100000, 0);
  cluster.poll(1);
  cluster.engine(1).wait(std::chrono::microseconds(100));
  cluster.poll_all(2);
  ASSERT_EQ(cluster.completions(0).size(), 1u);
  receive(100000, 0);
  cluster.poll_all(2);
  EXPECT_EQ(data, room);
}

TEST_P(Large, synchronous_sends_of_any_length_end_when_a_receive_has_matched) {
  for (const std::size_t words : {0u, 2u, 2000u, 4096u, 300000u}) {
    const auto tag = static_cast<std::uint32_t>(data.size());
    data.emplace_back(words);
    std::iota(data.back().begin(), data.back().end(), tag);
    SendDescriptor descriptor{
        .buffer = data.back().data(), .length = words * 4, .destination = 1, .tag = tag, .cookie = tag};
    descriptor.synchronous = true;
    ASSERT_TRUE(cluster.engine(0).post_send(descriptor).ok());
  }
  for (int i = 0; i < 5; ++i) {  // a receiver that waits takes no data of theirs early
    cluster.poll_all();
    cluster.engine(1).wait(std::chrono::microseconds(10));
  }
  EXPECT_TRUE(cluster.completions(0).empty());
  for (std::uint32_t tag = 0; tag < 5; ++tag) {
    receive(data[tag].size(), tag);
    for (int i = 0; i < 2000 && cluster.completions(0).size() <= tag; ++i) cluster.poll_all();
    ASSERT_EQ(cluster.completions(0).size(), tag + 1u);
    EXPECT_EQ(cluster.completions(0).back().cookie, tag);
    EXPECT_EQ(cluster.completions(0).back().status, TALLY_OK);
  }
  cluster.poll_all();
  EXPECT_EQ(cluster.completions(1).size(), 5u);
  EXPECT_EQ(data, room);
}

INSTANTIATE_TEST_SUITE_P(Access, Large, testing::Bool(),
                         [](const auto& access) { return access.param ? "direct" : "forbidden"; });

/// Rank 0 sends to ranks 1 and 2, which cannot reach its memory and refuse to fetch.
struct Refused : testing::Test {
  static constexpr std::size_t kWords = 1u << 21;
  Cluster cluster{3, false};
  std::vector<std::uint32_t> data = std::vector<std::uint32_t>(kWords);
  std::vector<std::uint32_t> room = std::vector<std::uint32_t>(kWords);
  std::vector<std::uint32_t> unused = std::vector<std::uint32_t>(kWords);

  void SetUp() override {
    std::iota(data.begin(), data.end(), 17u);
    send(1);
    receive(1, unused);
    cluster.poll(0);
    cluster.poll(1);  // refuses; what comes now fills its ring
    for (int i = 0; i < 10; ++i) cluster.poll(0);
    ASSERT_TRUE(cluster.completions(0).empty());
  }
  void send(std::uint16_t to) {
    SendDescriptor descriptor{.buffer = data.data(), .length = kWords * 4, .destination = to, .cookie = to};
    descriptor.synchronous = true;
    ASSERT_TRUE(cluster.engine(0).post_send(descriptor).ok());
  }
  void receive(std::uint32_t rank, std::vector<std::uint32_t>& into) {
    ASSERT_TRUE(
        cluster.engine(rank).post_recv({.buffer = into.data(), .length = kWords * 4, .cookie = rank}).ok());
  }
  void poll_others_until_received_by_2() {
    for (int i = 0; i < 20000 && cluster.completions(2).empty(); ++i) {
      cluster.poll(0);
      cluster.poll(2);
    }
  }
};

TEST_F(Refused, a_receiver_that_takes_nothing_does_not_hold_up_data_for_others) {
  send(2);
  receive(2, room);
  poll_others_until_received_by_2();
  ASSERT_EQ(cluster.completions(2).size(), 1u);
  EXPECT_EQ(cluster.completions(2)[0].status, TALLY_OK);
  EXPECT_EQ(data, room);
  // Nor is what was held up lost.
  for (int i = 0; i < 20000 && cluster.completions(1).empty(); ++i) cluster.poll_all();
  EXPECT_EQ(data, unused);
}

TEST_F(Refused, data_for_a_receiver_that_has_left_are_dropped_and_their_send_fails) {
  cluster.header().rank[1].closed.store(1);
  cluster.engine(0).wait(std::chrono::microseconds(0));
  cluster.poll(0);
  ASSERT_EQ(cluster.completions(0).size(), 1u);
  EXPECT_EQ(cluster.completions(0)[0].cookie, 1u);
  EXPECT_EQ(cluster.completions(0)[0].status, TALLY_ERR_JOB);
  cluster.completions(0).clear();
  send(2);  // takes the number that has become free
  receive(2, room);
  poll_others_until_received_by_2();
  EXPECT_EQ(data, room);
  ASSERT_EQ(cluster.completions(0).size(), 1u);
  EXPECT_EQ(cluster.completions(0)[0].cookie, 2u);
  EXPECT_EQ(cluster.completions(0)[0].status, TALLY_OK);
}

TEST_F(Refused, a_receive_from_a_sender_that_has_left_fails_behind_what_it_sent) {
  cluster.header().rank[0].closed.store(1);
  for (int i = 0; i < 200 && cluster.completions(1).empty(); ++i) {
    cluster.poll(1);
    cluster.engine(1).wait(std::chrono::microseconds(0));
  }
  cluster.poll(1);
  ASSERT_EQ(cluster.completions(1).size(), 1u);
  EXPECT_EQ(cluster.completions(1)[0].status, TALLY_ERR_JOB);
  EXPECT_EQ(unused[0], 17u);
}

/// Two rounds, as a rank leaves data where they are only when it has heard that the other reads its memory.
void run_collectives(schedule::Collective collective, int size, std::uint64_t bytes,
                     const std::string& algorithm, bool direct) {
  Cluster cluster(static_cast<std::uint32_t>(size), direct);
  schedule::Schedule chosen;
  std::string error;
  const schedule::Call call{.collective = collective, .ranks = size, .bytes = bytes, .in_place = true};
  ASSERT_TRUE(schedule::select(call, algorithm, &chosen, &error)) << error;
  std::vector<std::uint16_t> ranks(static_cast<std::size_t>(size));
  std::iota(ranks.begin(), ranks.end(), std::uint16_t{0});
  std::vector<schedule::Program> programs;
  for (int rank = 0; rank < size; ++rank) programs.push_back(schedule::compile(chosen, rank, ranks));
  const std::uint64_t count = bytes / 4;
  for (std::uint16_t round = 0; round < 3; ++round) {
    std::vector<std::vector<std::uint32_t>> data;
    for (int rank = 0; rank < size; ++rank) {
      data.emplace_back(count);
      std::iota(data.back().begin(), data.back().end(), static_cast<std::uint32_t>(rank + 10 * round) * 7919);
    }
    const std::vector<std::vector<std::uint32_t>> before = data;
    for (std::size_t rank = 0; rank < data.size(); ++rank) {
      CollectiveDescriptor descriptor;
      descriptor.program = &programs[rank];
      // In place: where the input is one block, it is the own one in the output.
      const bool blocks = collective == schedule::Collective::kAllgather;
      descriptor.input = data[rank].data() + (blocks ? rank * count / data.size() : 0);
      descriptor.output = data[rank].data();
      descriptor.count = count;
      descriptor.dtype = TALLY_U32;
      descriptor.redop = schedule::has_reduction(collective) ? TALLY_SUM : TALLY_OP_NONE;
      descriptor.seq = round;
      descriptor.signature = schedule::signature(chosen);
      ASSERT_TRUE(cluster.engine(rank).post_collective(descriptor).ok());
    }
    const auto done = [&] {
      for (std::size_t rank = 0; rank < data.size(); ++rank) {
        if (cluster.completions(rank).size() != round + 1u) return false;
      }
      return true;
    };
    for (int i = 0; i < 5000 && !done(); ++i) cluster.poll_all();
    for (std::size_t rank = 0; rank < data.size(); ++rank) {
      ASSERT_EQ(cluster.completions(rank).size(), round + 1u)
          << algorithm << ", " << size << " ranks, rank " << rank << ": "
          << cluster.engine(rank).describe_pending();
      ASSERT_EQ(cluster.completions(rank)[round].status, TALLY_OK);
      for (std::uint64_t i = 0; i < count; ++i) {
        std::uint32_t want = 0;
        if (collective == schedule::Collective::kBcast) {
          want = before[0][i];
        } else if (collective == schedule::Collective::kAllreduce) {
          for (const auto& of : before) want += of[i];
        } else {  // allgather, equal blocks
          want = before[i / (count / static_cast<std::uint64_t>(size))][i];
        }
        ASSERT_EQ(data[rank][i], want)
            << algorithm << ", rank " << rank << ", element " << i << ", round " << round;
      }
    }
  }
}

TEST(SoftLargeCollectives, all_ways_of_moving_data_give_the_same) {
  using schedule::Collective;
  for (const int size : {2, 3, 4, 5}) {
    for (const bool direct : {true, false}) {
      const std::uint64_t bytes = static_cast<std::uint64_t>(size) * 80064;
      for (const char* algorithm : {"binomial", "chain"})
        run_collectives(Collective::kBcast, size, bytes, algorithm, direct);
      for (const char* algorithm : {"recursive_doubling", "ring", "rabenseifner", "direct_blocks"})
        run_collectives(Collective::kAllreduce, size, bytes, algorithm, direct);
      for (const char* algorithm : {"pairwise", "ring"})
        run_collectives(Collective::kAllgather, size, bytes, algorithm, direct);
    }
  }
}

}  // namespace
}  // namespace tally::test
