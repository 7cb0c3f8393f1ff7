// SPDX-License-Identifier: BSD-3-Clause
// The network transport alone: several in one process, over the loopback interface.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "drivers/ofi/ofi_transport.hpp"
#include "job/job.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;
using ofi::OfiTransport;

/// Transports of so many ranks, each with the segment of a host of its own.
class Net {
 public:
  explicit Net(std::uint32_t ranks, const std::string& provider = "") {
    std::vector<std::unique_ptr<ofi::Provider>> providers;
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      providers.push_back(std::make_unique<ofi::Provider>(ofi::Choice{provider, "", true}));
      cards_.push_back(OfiTransport::card(*providers.back(), 4711));
      segments_.push_back(job::Segment::create(ranks, job::EngineKind::kSoft, false));
    }
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      transports_.push_back(std::make_unique<OfiTransport>(
          std::move(providers[rank]), segments_[rank].header(), rank, ~std::uint64_t{0}, cards_));
    }
  }
  ~Net() {
    // A goodbye is answered by the other side: all leave at once.
    std::vector<std::thread> leaving;
    for (auto& transport : transports_) leaving.emplace_back([&transport] { transport.reset(); });
    for (std::thread& one : leaving) one.join();
  }
  Net(const Net&) = delete;
  Net& operator=(const Net&) = delete;
  OfiTransport& operator[](std::size_t rank) { return *transports_[rank]; }
  job::Header& header(std::size_t rank) { return segments_[rank].header(); }
  std::vector<std::string>& cards() { return cards_; }
  void close(std::size_t rank) { transports_[rank].reset(); }
  void progress() {
    for (auto& transport : transports_) {
      if (transport != nullptr) (void)transport->progress();
    }
  }
  /// Until condition() holds, 20 s at most.
  template <typename Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!condition()) {
      progress();
      if (std::chrono::steady_clock::now() > end) return false;
    }
    return true;
  }

 private:
  std::vector<job::Segment> segments_;
  std::vector<std::string> cards_;
  std::vector<std::unique_ptr<OfiTransport>> transports_;
};

/// Sends a frame that carries its number; false when there is no room.
bool send(OfiTransport& from, std::uint32_t to, std::uint32_t number, std::uint32_t bytes) {
  const soft::FrameSlot slot = from.reserve(to, bytes);
  if (slot.header == nullptr) return false;
  *slot.header = {
      .bytes = static_cast<std::uint16_t>(bytes), .kind = soft::FrameKind::kMessage, .tag = number};
  std::memset(slot.payload, static_cast<int>(number & 0xff), bytes);
  from.commit(to);
  return true;
}

TEST(OfiTransport, frames_arrive_in_order_with_their_bytes) {
  Random random(seed(20));
  for (const char* provider : {"tcp;ofi_rxm", "tcp", "sockets"}) {
    Net net(3, provider);
    constexpr std::uint32_t kFrames = 3000;
    std::vector<std::deque<std::uint32_t>> sizes(9);
    std::vector<std::uint32_t> sent(9);
    std::vector<std::uint32_t> got(9);
    const bool all = net.until([&] {
      bool done = true;
      for (std::uint32_t from = 0; from < 3; ++from) {
        for (std::uint32_t to = 0; to < 3; ++to) {
          if (from == to) continue;
          const std::size_t pair = from * 3 + to;
          for (int burst = 0; burst < 5 && sent[pair] < kFrames; ++burst) {
            const std::uint32_t bytes = static_cast<std::uint32_t>(
                random.percent(80) ? random.below(64) : random.below(soft::kMaxPayload + 1));
            if (!send(net[from], to, sent[pair], bytes)) break;
            ++sent[pair];
            sizes[pair].push_back(bytes);
          }
          done = done && got[pair] == kFrames;
        }
        net[from].flush();
      }
      for (std::uint32_t to = 0; to < 3; ++to) {
        std::uint32_t from = 0;
        for (auto frame = net[to].next(&from); frame.header != nullptr; frame = net[to].next(&from)) {
          const std::size_t pair = from * 3 + to;
          if (frame.header->tag != got[pair] || frame.header->bytes != sizes[pair].front())
            ADD_FAILURE() << "out of order";
          for (std::uint32_t i = 0; i < frame.header->bytes; ++i) {
            if (frame.payload[i] != static_cast<std::byte>(got[pair] & 0xff)) ADD_FAILURE() << "damaged";
          }
          sizes[pair].pop_front();
          ++got[pair];
          net[to].pop(from);
        }
      }
      return done;
    });
    EXPECT_TRUE(all) << provider;
  }
}

TEST(OfiTransport, peer_that_takes_nothing_stops_its_sender_only) {
  Net net(3);
  std::uint32_t sent = 0;
  for (int tries = 0; tries < 2000; ++tries) {
    while (send(net[0], 2, sent, soft::kMaxPayload)) {
      net[0].flush();
      ++sent;
    }
    net.progress();
  }
  // A frame of this size fills a parcel.
  EXPECT_EQ(sent, ofi::kWindow);
  for (std::uint32_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(net.until([&] { return send(net[0], 1, i, 8); }));
    net[0].flush();
    ASSERT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
    EXPECT_EQ(net[1].front(0).header->tag, i);
    net[1].pop(0);
  }
  ASSERT_TRUE(net.until([&] { return net[2].front(0).header != nullptr; }));
  for (std::uint32_t i = 0; i < sent; ++i) {
    ASSERT_TRUE(net.until([&] { return net[2].front(0).header != nullptr; }));
    EXPECT_EQ(net[2].front(0).header->tag, i);
    net[2].pop(0);
  }
  EXPECT_TRUE(net.until([&] { return send(net[0], 2, 0, 8); })) << "room is given back";
}

TEST(OfiTransport, flush_while_a_slot_is_being_filled_loses_nothing) {
  Net net(2);
  for (std::uint32_t i = 0; i < 20; i += 2) {
    ASSERT_TRUE(net.until([&] { return send(net[0], 1, i, 8); }));
    const soft::FrameSlot slot = net[0].reserve(1, 8);
    ASSERT_NE(slot.header, nullptr);
    *slot.header = {.bytes = 8, .kind = soft::FrameKind::kMessage, .tag = i + 1};
    net[0].flush();
    std::memset(slot.payload, static_cast<int>(i + 1), 8);
    net[0].commit(1);
    net[0].flush();
  }
  for (std::uint32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
    EXPECT_EQ(net[1].front(0).header->tag, i);
    EXPECT_EQ(net[1].front(0).payload[7], static_cast<std::byte>(i));
    net[1].pop(0);
  }
}

TEST(OfiTransport, memory_of_a_peer_is_read) {
  Net net(2);
  std::vector<std::uint64_t> there(100000);
  for (std::size_t i = 0; i < there.size(); ++i) there[i] = i * i;
  std::vector<std::uint64_t> here(there.size());
  ASSERT_TRUE(net[0].direct(1));
  std::atomic<bool> done = false;
  std::thread target([&] {
    while (!done) (void)net[1].progress();
  });
  const std::size_t bytes = 8 * there.size();
  EXPECT_TRUE(net[0].read(1, here.data(), reinterpret_cast<std::uint64_t>(there.data()), bytes));
  done = true;
  target.join();
  EXPECT_EQ(here, there);
}

TEST(OfiTransport, peer_that_leaves_is_gone_and_what_it_sent_stays) {
  Net net(2);
  ASSERT_TRUE(net.until([&] { return send(net[0], 1, 7, 100); }));
  net[0].flush();
  std::atomic<bool> left = false;
  std::thread leaver([&] {
    net.close(0);
    left = true;
  });
  while (!left) (void)net[1].progress();
  leaver.join();
  EXPECT_EQ(net.header(1).rank[0].closed.load(), 1u);
  EXPECT_FALSE(net[1].gone(0)) << "before its last frame is taken";
  EXPECT_EQ(net.header(1).failed.load(), 0u);
  const soft::FrameView frame = net[1].front(0);
  ASSERT_NE(frame.header, nullptr);
  EXPECT_EQ(frame.header->tag, 7u);
  net[1].pop(0);
  EXPECT_TRUE(net[1].gone(0));
}

TEST(OfiTransport, failed_job_is_told_to_peers) {
  Net net(2);
  ASSERT_TRUE(net.until([&] { return send(net[0], 1, 0, 8); }));
  net[0].flush();
  ASSERT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
  net[1].pop(0);
  net.header(0).failed.store(1);
  EXPECT_TRUE(net.until([&] {
    net[0].wait(0us, false);
    return net.header(1).failed.load() == 1;
  }));
}

TEST(OfiTransport, broken_context_is_told_to_peers) {
  Net net(2);
  job::BrokenContext& record = net.header(0).broken[5];
  record.rank = 0;
  std::strcpy(record.reason, "a reason");
  record.state.store(2);
  net.header(0).broken_count.fetch_add(1);
  ASSERT_TRUE(net.until([&] { return net.header(1).broken[5].state.load() == 2; }));
  EXPECT_STREQ(net.header(1).broken[5].reason, "a reason");
  EXPECT_EQ(net.header(1).broken[5].rank, 0u);
}

TEST(OfiTransport, card_that_does_not_fit_is_an_error_that_names_the_rank) {
  Net net(2);
  const auto open = [&](const std::string& card) -> std::string {
    std::vector<std::string> cards = net.cards();
    cards[1] = card;
    job::Segment segment = job::Segment::create(2, job::EngineKind::kSoft, false);
    try {
      const OfiTransport one(std::make_unique<ofi::Provider>(ofi::Choice{"", "", true}), segment.header(), 0,
                             ~std::uint64_t{0}, cards);
    } catch (const ofi::Error& error) {
      return error.what();
    }
    return "";
  };
  ofi::Card card;
  std::memcpy(&card, net.cards()[1].data(), sizeof card);
  const auto text = [](const ofi::Card& one) {
    return std::string(reinterpret_cast<const char*>(&one), sizeof one);
  };
  ofi::Card other = card;
  other.order = 0x04030201;
  EXPECT_EQ(open(text(other)), "rank 1 has the other byte order than rank 0");
  other = card;
  std::strcpy(other.provider, "efa");
  EXPECT_NE(open(text(other)).find("rank 1 uses provider efa"), std::string::npos);
  other = card;
  other.pointer_bytes = 4;
  EXPECT_NE(open(text(other)).find("rank 1 has addresses of 4 bytes"), std::string::npos);
  EXPECT_NE(open("short").find("rank 1 runs another version"), std::string::npos);
}

}  // namespace
}  // namespace tally::test
