// SPDX-License-Identifier: BSD-3-Clause
// Tagged messages of the soft engine against a plain model of MPI's matching rules (MPI 4.1, 3.5).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "cluster.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct ModelMessage {
  std::uint16_t source;
  std::uint16_t context;
  std::uint32_t tag;
  std::uint64_t length;
  std::uint32_t id;
};

struct ModelReceive {
  RecvDescriptor descriptor;
};

/// Of a receive or a probe.
template <typename Descriptor>
bool matches(const Descriptor& wanted, const ModelMessage& message) {
  return wanted.context == message.context && (wanted.any_source || wanted.source == message.source) &&
         (wanted.any_tag || wanted.tag == message.tag);
}

/// One rank: two lists, searched from the front.
struct ModelRank {
  std::list<ModelReceive> posted;
  std::list<ModelMessage> unexpected;
  std::map<std::uint32_t, ModelMessage> result;  ///< cookie of the receive -> message
  std::set<std::uint32_t> cancelled;             ///< cookies

  void arrive(const ModelMessage& message) {
    for (auto receive = posted.begin(); receive != posted.end(); ++receive) {
      if (!matches(receive->descriptor, message)) continue;
      result.emplace(receive->descriptor.cookie, message);
      posted.erase(receive);
      return;
    }
    unexpected.push_back(message);
  }
  void post(const RecvDescriptor& receive) {
    for (auto message = unexpected.begin(); message != unexpected.end(); ++message) {
      if (!matches(receive, *message)) continue;
      result.emplace(receive.cookie, *message);
      unexpected.erase(message);
      return;
    }
    posted.push_back({receive});
  }
  std::optional<ModelMessage> probe(const ProbeDescriptor& probe) {
    const auto found = std::find_if(unexpected.begin(), unexpected.end(),
                                    [&](const ModelMessage& message) { return matches(probe, message); });
    if (found == unexpected.end()) return std::nullopt;
    const ModelMessage message = *found;
    if (probe.claim) unexpected.erase(found);
    return message;
  }
  void cancel(std::uint32_t cookie) {
    const auto found = std::find_if(posted.begin(), posted.end(), [cookie](const ModelReceive& receive) {
      return receive.descriptor.cookie == cookie;
    });
    if (found == posted.end()) return;
    posted.erase(found);
    cancelled.insert(cookie);
  }
};

struct Claimed {
  std::uint32_t number;
  ModelMessage message;
};

template <typename Descriptor>
void set_pattern(Descriptor& wanted, std::mt19937_64& random, std::uint16_t context, std::uint32_t peer) {
  wanted.context = context;
  wanted.any_source = random() % 3 == 0;
  wanted.source = static_cast<std::uint16_t>(wanted.any_source ? 0 : peer);
  wanted.any_tag = random() % 3 == 0;
  wanted.tag = wanted.any_tag ? 0 : static_cast<std::uint32_t>(random() % 3);
}

TEST(SoftMatching, random_programs_match_as_the_model_does) {
  const std::uint64_t first = seed(1);
  for (std::uint64_t round = 0; round < 300 * effort(); ++round) {
    std::mt19937_64 random(first + round);
    const auto pick = [&random](std::uint64_t n) { return static_cast<std::uint32_t>(random() % n); };
    const std::uint32_t ranks = 1 + pick(5);
    Cluster cluster(ranks);
    std::vector<ModelRank> model(ranks);
    // wire[s][d]: sent and not yet taken by d. A poll takes all of it, source by source.
    std::vector<std::vector<std::deque<ModelMessage>>> wire(ranks,
                                                            std::vector<std::deque<ModelMessage>>(ranks));
    std::deque<std::vector<std::uint32_t>> buffers;
    std::map<std::uint32_t, const std::vector<std::uint32_t>*> receive_buffer;
    std::vector<std::vector<std::uint32_t>> receives_of(ranks);
    std::vector<std::vector<Claimed>> claimed(ranks);
    std::set<std::uint32_t> probes;
    std::uint32_t next = 0;
    const auto arrivals = [&](std::uint32_t rank) {
      for (std::uint32_t source = 0; source < ranks; ++source) {
        for (; !wire[source][rank].empty(); wire[source][rank].pop_front())
          model[rank].arrive(wire[source][rank].front());
      }
    };
    const auto poll = [&](std::uint32_t rank) {
      cluster.poll(rank);
      arrivals(rank);
    };
    const auto completion = [&](std::uint32_t rank, std::uint32_t cookie) -> const Completion* {
      for (const Completion& done : cluster.completions(rank)) {
        if (done.cookie == cookie) return &done;
      }
      return nullptr;
    };
    for (int step = 0; step < 400; ++step) {
      const std::uint32_t rank = pick(ranks);
      const auto context = static_cast<std::uint16_t>(pick(2));
      const std::uint32_t peer = pick(ranks);
      const std::uint32_t words = pick(3) == 0 ? 0 : pick(12);
      switch (pick(8)) {
        case 0:
        case 1: {
          if (wire[rank][peer].size() >= 30) break;  // a poll takes at most 32 frames of a source
          buffers.emplace_back(std::max<std::size_t>(words, 1), next);
          SendDescriptor send;
          send.buffer = buffers.back().data();
          send.length = words * 4;
          send.context = context;
          send.destination = static_cast<std::uint16_t>(peer);
          send.tag = pick(3);
          send.cookie = next;
          ASSERT_TRUE(cluster.engine(rank).post_send(send).ok());
          wire[rank][peer].push_back(
              {static_cast<std::uint16_t>(rank), context, send.tag, send.length, next++});
          break;
        }
        case 2:
        case 3: {
          buffers.emplace_back(16, 0xdeadbeef);
          RecvDescriptor receive;
          receive.buffer = buffers.back().data();
          receive.length = words * 4;
          set_pattern(receive, random, context, peer);
          receive.cookie = next;
          receives_of[rank].push_back(next);
          receive_buffer[next++] = &buffers.back();
          ASSERT_TRUE(cluster.engine(rank).post_recv(receive).ok());
          model[rank].post(receive);
          break;
        }
        case 4: {  // of a receive that is under way or whose completion waits to be taken
          if (receives_of[rank].empty()) break;
          const std::uint32_t cookie = receives_of[rank][pick(receives_of[rank].size())];
          if (completion(rank, cookie) != nullptr) break;
          cluster.engine(rank).cancel(cookie);
          model[rank].cancel(cookie);
          break;
        }
        case 5: {
          ProbeDescriptor probe;
          set_pattern(probe, random, context, peer);
          probe.claim = pick(2) == 0;
          probe.cookie = next++;
          probes.insert(probe.cookie);
          ASSERT_TRUE(cluster.engine(rank).post_probe(probe).ok());
          arrivals(rank);
          const std::optional<ModelMessage> expected = model[rank].probe(probe);
          while (completion(rank, probe.cookie) == nullptr) ASSERT_NE(cluster.poll(rank), 0u);
          const Completion& answer = *completion(rank, probe.cookie);
          ASSERT_EQ(answer.status, expected ? TALLY_OK : TALLY_AGAIN) << "round " << round;
          if (!expected) break;
          EXPECT_EQ(answer.source, expected->source);
          EXPECT_EQ(answer.tag, expected->tag);
          EXPECT_EQ(answer.length, expected->length);
          if (probe.claim) claimed[rank].push_back({answer.message, *expected});
          break;
        }
        case 6: {
          if (claimed[rank].empty()) break;
          const std::size_t chosen = pick(claimed[rank].size());
          buffers.emplace_back(16, 0xdeadbeef);
          MrecvDescriptor receive;
          receive.buffer = buffers.back().data();
          receive.length = words * 4;
          receive.message = claimed[rank][chosen].number;
          receive.cookie = next;
          receive_buffer[next++] = &buffers.back();
          ASSERT_TRUE(cluster.engine(rank).post_mrecv(receive).ok());
          model[rank].result.emplace(receive.cookie, claimed[rank][chosen].message);
          claimed[rank].erase(claimed[rank].begin() + static_cast<std::ptrdiff_t>(chosen));
          break;
        }
        default:
          poll(rank);
      }
    }
    for (std::uint32_t rank = 0; rank < ranks; ++rank) poll(rank);
    for (int times = 0; times < 60; ++times) cluster.poll_all();
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      std::size_t receives = 0;
      std::size_t cancels = 0;
      for (const Completion& done : cluster.completions(rank)) {
        if (probes.contains(done.cookie)) continue;
        if (done.status == TALLY_ERR_CANCELLED) {
          ++cancels;
          EXPECT_TRUE(model[rank].cancelled.contains(done.cookie)) << "round " << round;
          EXPECT_EQ((*receive_buffer.at(done.cookie))[0], 0xdeadbeefu);
          continue;
        }
        const auto buffer = receive_buffer.find(done.cookie);
        if (buffer == receive_buffer.end()) {
          EXPECT_EQ(done.status, TALLY_OK);
          continue;
        }
        ++receives;
        const auto expected = model[rank].result.find(done.cookie);
        ASSERT_NE(expected, model[rank].result.end()) << "round " << round << ": receive " << done.cookie;
        const ModelMessage& message = expected->second;
        EXPECT_EQ(done.source, message.source);
        EXPECT_EQ(done.tag, message.tag);
        EXPECT_EQ(done.length, message.length);
        const bool truncated = done.status == TALLY_ERR_TRUNCATED;
        EXPECT_TRUE(truncated || done.status == TALLY_OK);
        const std::uint32_t first_word = (*buffer->second)[0];
        EXPECT_EQ(first_word,
                  message.length == 0 || (truncated && first_word == 0xdeadbeef) ? 0xdeadbeef : message.id);
      }
      ASSERT_EQ(receives, model[rank].result.size()) << "round " << round << ", rank " << rank;
      ASSERT_EQ(cancels, model[rank].cancelled.size()) << "round " << round << ", rank " << rank;
    }
  }
}

struct LargeMessage : testing::Test {
  static constexpr std::size_t kBytes = 1u << 20;
  Cluster cluster{2};
  std::vector<std::uint8_t> data = std::vector<std::uint8_t>(kBytes);
  std::vector<std::uint8_t> room = std::vector<std::uint8_t>(kBytes);

  void send() {
    for (std::size_t i = 0; i < kBytes; ++i) data[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    SendDescriptor descriptor;
    descriptor.buffer = data.data();
    descriptor.length = kBytes;
    descriptor.destination = 1;
    descriptor.tag = 4;
    ASSERT_TRUE(cluster.engine(0).post_send(descriptor).ok());
  }
  void receive(std::size_t length) {
    RecvDescriptor descriptor;
    descriptor.buffer = room.data();
    descriptor.length = length;
    descriptor.any_source = true;
    descriptor.any_tag = true;
    ASSERT_TRUE(cluster.engine(1).post_recv(descriptor).ok());
  }
};

TEST_F(LargeMessage, receive_posted_in_the_middle_of_the_arrival_gets_all_bytes) {
  send();
  cluster.poll_all(2);  // a part has arrived as unexpected
  EXPECT_TRUE(cluster.completions(0).empty());
  receive(kBytes);
  cluster.poll_all(40);
  ASSERT_EQ(cluster.completions(1).size(), 1u);
  EXPECT_EQ(cluster.completions(1)[0].length, kBytes);
  EXPECT_EQ(cluster.completions(1)[0].tag, 4u);
  EXPECT_EQ(data, room);
  EXPECT_EQ(cluster.completions(0).size(), 1u);
}

TEST_F(LargeMessage, truncation_keeps_the_start_and_leaves_the_rest_of_memory_alone) {
  for (const bool unexpected : {false, true}) {
    cluster.completions(1).clear();
    std::fill(room.begin(), room.end(), std::uint8_t{0xaa});
    const std::size_t cut = 300001;
    if (!unexpected) receive(cut);
    send();
    cluster.poll_all(40);
    if (unexpected) receive(cut);
    cluster.poll_all(2);
    ASSERT_EQ(cluster.completions(1).size(), 1u);
    EXPECT_EQ(cluster.completions(1)[0].status, TALLY_ERR_TRUNCATED);
    EXPECT_EQ(cluster.completions(1)[0].length, kBytes);
    EXPECT_EQ(std::memcmp(data.data(), room.data(), cut), 0);
    EXPECT_TRUE(std::all_of(room.begin() + cut, room.end(), [](std::uint8_t byte) { return byte == 0xaa; }));
  }
}

TEST_F(LargeMessage, message_behind_a_large_one_comes_after_it) {
  send();
  std::uint32_t small = 77;
  SendDescriptor descriptor;
  descriptor.buffer = &small;
  descriptor.length = sizeof small;
  descriptor.destination = 1;
  descriptor.tag = 4;
  descriptor.cookie = 9;
  ASSERT_TRUE(cluster.engine(0).post_send(descriptor).ok());
  cluster.poll_all(40);
  receive(kBytes);
  cluster.poll_all(2);
  ASSERT_EQ(cluster.completions(1).size(), 1u);
  EXPECT_EQ(cluster.completions(1)[0].length, kBytes);
  EXPECT_EQ(data, room);
}

TEST_F(LargeMessage, claimed_in_the_middle_of_its_arrival_it_gets_all_bytes) {
  send();
  cluster.poll_all(2);
  ProbeDescriptor probe;
  probe.any_source = true;
  probe.any_tag = true;
  probe.claim = true;
  ASSERT_TRUE(cluster.engine(1).post_probe(probe).ok());
  cluster.poll(1);
  ASSERT_EQ(cluster.completions(1).size(), 1u);
  const Completion claim = cluster.completions(1)[0];
  EXPECT_EQ(claim.status, TALLY_OK);
  EXPECT_EQ(claim.length, kBytes);
  receive(kBytes);  // must not get the claimed message
  cluster.poll_all(2);
  MrecvDescriptor descriptor;
  descriptor.buffer = room.data();
  descriptor.length = kBytes;
  descriptor.message = claim.message;
  descriptor.cookie = 8;
  ASSERT_TRUE(cluster.engine(1).post_mrecv(descriptor).ok());
  cluster.poll_all(40);
  ASSERT_EQ(cluster.completions(1).size(), 2u);
  EXPECT_EQ(cluster.completions(1)[1].cookie, 8u);
  EXPECT_EQ(cluster.completions(1)[1].length, kBytes);
  EXPECT_EQ(cluster.completions(1)[1].tag, 4u);
  EXPECT_EQ(data, room);
  EXPECT_EQ(cluster.engine(1).post_mrecv(descriptor).code(), TALLY_ERR_ARGUMENT) << "it was received already";
}

TEST_F(LargeMessage, a_receive_that_has_matched_is_not_cancelled) {
  receive(kBytes);
  send();
  cluster.poll_all(2);
  cluster.engine(1).cancel(0);
  cluster.poll_all(40);
  ASSERT_EQ(cluster.completions(1).size(), 1u);
  EXPECT_EQ(cluster.completions(1)[0].status, TALLY_OK);
  EXPECT_EQ(data, room);
}

TEST(SoftProbe, wait_does_not_sleep_over_a_message_that_came_after_a_probe_found_nothing) {
  Cluster cluster(2);
  ProbeDescriptor probe;
  probe.any_source = true;
  probe.any_tag = true;
  ASSERT_TRUE(cluster.engine(1).post_probe(probe).ok());
  ASSERT_TRUE(cluster.engine(0).post_send(SendDescriptor{.destination = 1}).ok());
  cluster.poll(1);  // takes the probe's answer, and the message from the transport
  ASSERT_EQ(cluster.completions(1).at(0).status, TALLY_AGAIN);
  const auto start = std::chrono::steady_clock::now();
  cluster.engine(1).wait(std::chrono::seconds(20));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  ASSERT_TRUE(cluster.engine(1).post_probe(probe).ok());
  cluster.poll(1);
  EXPECT_EQ(cluster.completions(1).at(1).status, TALLY_OK);
}

TEST_F(LargeMessage, send_to_a_rank_that_left_fails) {
  cluster.header().rank[1].closed.store(1);
  send();
  cluster.poll(0);
  ASSERT_EQ(cluster.completions(0).size(), 1u);
  EXPECT_EQ(cluster.completions(0)[0].status, TALLY_ERR_JOB);
}

TEST_F(LargeMessage, pending_operations_are_described) {
  send();
  receive(64);
  RecvDescriptor other;
  other.source = 0;
  other.tag = 99;
  other.context = 3;
  ASSERT_TRUE(cluster.engine(1).post_recv(other).ok());
  EXPECT_NE(cluster.engine(0).describe_pending().find("send to rank 1, tag 4, context 0"), std::string::npos);
  EXPECT_NE(cluster.engine(1).describe_pending().find("receive of 0 bytes from rank 0, tag 99, context 3"),
            std::string::npos);
}

}  // namespace
}  // namespace tally::test
