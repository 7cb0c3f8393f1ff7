// SPDX-License-Identifier: BSD-3-Clause
// The soft engine over the transport: what is copied by whom.
#include <map>

#include "engine/soft/soft_engine.hpp"
#include "support/seed.hpp"
#include "verbs/net.hpp"

namespace tally::test {
namespace {

class Engines {
 public:
  explicit Engines(std::uint32_t ranks) : net_(ranks) {
    for (std::uint32_t rank = 0; rank < ranks; ++rank)
      engines_.push_back(std::make_unique<soft::SoftEngine>(net_.make(rank)));
    completions_.resize(ranks);
  }
  ~Engines() {
    std::vector<std::thread> leaving;
    for (auto& engine : engines_) leaving.emplace_back([&engine] { engine.reset(); });
    for (std::thread& one : leaving) one.join();
  }
  soft::SoftEngine& operator[](std::size_t rank) { return *engines_[rank]; }
  /// Completion of the operation, by its cookie.
  Completion end_of(std::uint32_t rank, std::uint32_t cookie) {
    auto& own = completions_[rank];
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (own.count(cookie) == 0 && std::chrono::steady_clock::now() < end) poll();
    EXPECT_EQ(own.count(cookie), 1u) << "rank " << rank << ": " << engines_[rank]->describe_pending();
    return own[cookie];
  }
  void poll() {
    for (std::size_t rank = 0; rank < engines_.size(); ++rank) {
      std::array<Completion, 16> out;
      const std::size_t got = engines_[rank]->poll(out);
      for (std::size_t i = 0; i < got; ++i) completions_[rank][out[i].cookie] = out[i];
    }
  }
  tally_counters counters(std::size_t rank) const {
    tally_counters counters{};
    engines_[rank]->add_counters(counters);
    return counters;
  }

 private:
  Net net_;
  std::vector<std::unique_ptr<soft::SoftEngine>> engines_;
  std::vector<std::map<std::uint32_t, Completion>> completions_;
};

std::vector<std::byte> pattern(std::size_t bytes, unsigned salt) {
  std::vector<std::byte> data(bytes);
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i * 31 + i / 255 + salt);
  return data;
}

SendDescriptor send_of(const std::vector<std::byte>& data, std::uint16_t to, std::uint32_t tag, std::uint32_t cookie) {
  SendDescriptor send;
  send.buffer = data.data();
  send.length = data.size();
  send.destination = to;
  send.tag = tag;
  send.cookie = cookie;
  return send;
}

RecvDescriptor recv_of(std::vector<std::byte>& data, std::uint16_t from, std::uint32_t tag, std::uint32_t cookie) {
  RecvDescriptor recv;
  recv.buffer = data.data();
  recv.length = data.size();
  recv.source = from;
  recv.tag = tag;
  recv.cookie = cookie;
  return recv;
}

TEST(VerbsEngine, no_cpu_copies_a_large_message) {
  Engines job(2);
  const auto data = pattern((3u << 20) + 5, 1);
  std::vector<std::byte> room(data.size());
  ASSERT_TRUE(job[0].post_send(send_of(data, 1, 7, 1)).ok());
  ASSERT_TRUE(job[1].post_recv(recv_of(room, 0, 7, 2)).ok());
  EXPECT_EQ(job.end_of(1, 2).status, TALLY_OK);
  EXPECT_EQ(job.end_of(0, 1).status, TALLY_OK);
  EXPECT_TRUE(room == data);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(job.counters(rank).cpu_copied_bytes, 0u);
    EXPECT_EQ(job.counters(rank).fallback_staging, 0u);
  }
  EXPECT_EQ(double_counts().read_bytes, data.size());
}

TEST(VerbsEngine, truncated_message_reads_no_more_than_there_is_room_for) {
  Engines job(2);
  const auto data = pattern(100000, 2);
  std::vector<std::byte> room(50000);
  ASSERT_TRUE(job[1].post_recv(recv_of(room, 0, 7, 2)).ok());
  ASSERT_TRUE(job[0].post_send(send_of(data, 1, 7, 1)).ok());
  EXPECT_EQ(job.end_of(1, 2).status, TALLY_ERR_TRUNCATED);
  EXPECT_EQ(job.end_of(0, 1).status, TALLY_OK);
  EXPECT_TRUE(std::equal(room.begin(), room.end(), data.begin()));
  EXPECT_EQ(double_counts().read_bytes, room.size());
}

TEST(VerbsEngine, message_whose_memory_cannot_be_registered_goes_in_frames_and_is_counted) {
  for (const bool synchronous : {false, true}) {
    Engines job(2);
    const auto word = pattern(8, 0);
    std::vector<std::byte> small(8);
    ASSERT_TRUE(job[0].post_send(send_of(word, 1, 1, 1)).ok());  // the connection needs memory as well
    ASSERT_TRUE(job[1].post_recv(recv_of(small, 0, 1, 2)).ok());
    (void)job.end_of(1, 2);
    double_limit_memory(1);
    const auto data = pattern(300000, 3);
    std::vector<std::byte> room(data.size());
    SendDescriptor send = send_of(data, 1, 7, 3);
    send.synchronous = synchronous;
    ASSERT_TRUE(job[0].post_send(send).ok());
    ASSERT_TRUE(job[1].post_recv(recv_of(room, 0, 7, 4)).ok());
    EXPECT_EQ(job.end_of(1, 4).status, TALLY_OK);
    EXPECT_EQ(job.end_of(0, 3).status, TALLY_OK);
    EXPECT_TRUE(room == data);
    EXPECT_EQ(job.counters(0).fallback_staging + job.counters(1).fallback_staging, data.size());
    double_limit_memory(0);
  }
}

TEST(VerbsEngine, receiver_that_cannot_register_gets_frames) {
  Engines job(2);
  const auto data = pattern(300000, 4);
  std::vector<std::byte> room(data.size());
  ASSERT_TRUE(job[0].post_send(send_of(data, 1, 7, 3)).ok());
  for (int i = 0; i < 100; ++i) job.poll();  // the sender has lent its memory
  double_limit_memory(1);
  ASSERT_TRUE(job[1].post_recv(recv_of(room, 0, 7, 4)).ok());
  EXPECT_EQ(job.end_of(1, 4).status, TALLY_OK);
  EXPECT_EQ(job.end_of(0, 3).status, TALLY_OK);
  EXPECT_TRUE(room == data);
  EXPECT_EQ(job.counters(1).fallback_staging, data.size());
  double_limit_memory(0);
}

TEST(VerbsEngine, random_messages_of_three_ranks_arrive_once_with_their_bytes) {
  Random random(seed(32));
  Engines job(3);
  struct Message {
    std::uint32_t from, to;
    std::vector<std::byte> data, room;
  };
  std::vector<Message> messages(300);
  for (std::uint32_t i = 0; i < messages.size(); ++i) {
    Message& message = messages[i];
    message.from = static_cast<std::uint32_t>(random.below(3));
    message.to = static_cast<std::uint32_t>((message.from + 1 + random.below(2)) % 3);  // to itself: not this transport
    message.data = pattern(random.percent(50) ? random.below(100) : random.below(200000), i);
    message.room.resize(message.data.size());
    const bool early = random.percent(50);
    const auto receive = [&] {
      ASSERT_TRUE(job[message.to].post_recv(recv_of(message.room, static_cast<std::uint16_t>(message.from), i, i)).ok());
    };
    if (early) receive();
    SendDescriptor send = send_of(message.data, static_cast<std::uint16_t>(message.to), i, 1000 + i);
    send.synchronous = random.percent(20);
    ASSERT_TRUE(job[message.from].post_send(send).ok());
    if (random.percent(60)) job.poll();
    if (!early) receive();
  }
  for (std::uint32_t i = 0; i < messages.size(); ++i) {
    const Completion done = job.end_of(messages[i].to, i);
    EXPECT_EQ(done.status, TALLY_OK);
    EXPECT_EQ(done.length, messages[i].data.size());
    EXPECT_EQ(job.end_of(messages[i].from, 1000 + i).status, TALLY_OK);
    EXPECT_TRUE(messages[i].room == messages[i].data) << i;
  }
}

TEST(VerbsEngine, receive_from_a_peer_that_dies_during_the_read_fails) {
  testing::internal::CaptureStderr();
  {
    Engines job(2);
    const auto data = pattern(100000, 5);
    std::vector<std::byte> room(data.size());
    ASSERT_TRUE(job[0].post_send(send_of(data, 1, 7, 1)).ok());
    double_fail_next(IBV_WR_RDMA_READ, IBV_WC_RETRY_EXC_ERR);
    ASSERT_TRUE(job[1].post_recv(recv_of(room, 0, 7, 2)).ok());
    EXPECT_EQ(job.end_of(1, 2).status, TALLY_ERR_JOB);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("does not answer any more"));
}

}  // namespace
}  // namespace tally::test
