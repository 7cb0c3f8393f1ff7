// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <atomic>
#include <deque>

#include "engine/soft/rendezvous.hpp"
#include "support/seed.hpp"
#include "verbs/net.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;
using soft::FrameKind;

TEST(VerbsTransport, frames_arrive_in_order_with_their_bytes) {
  Random random(seed(31));
  Net net(3);
  constexpr std::uint32_t kFrames = 2000;
  std::vector<std::deque<std::uint32_t>> sizes(9);
  std::vector<std::uint32_t> sent(9);
  std::vector<std::uint32_t> got(9);
  EXPECT_TRUE(net.until([&] {
    bool done = true;
    for (std::uint32_t from = 0; from < 3; ++from) {
      for (std::uint32_t to = 0; to < 3; ++to) {
        if (from == to) continue;
        const std::size_t pair = from * 3 + to;
        for (int burst = 0; burst < 5 && sent[pair] < kFrames; ++burst) {
          const auto bytes =
              static_cast<std::uint32_t>(random.percent(80) ? random.below(64) : random.below(soft::kMaxPayload + 1));
          if (!send(net[from], to, sent[pair], bytes)) break;
          ++sent[pair];
          sizes[pair].push_back(bytes);
        }
        done = done && got[pair] == kFrames;
      }
    }
    for (std::uint32_t to = 0; to < 3; ++to) {
      std::uint32_t from = 0;
      for (auto frame = net[to].next(&from); frame.header != nullptr; frame = net[to].next(&from)) {
        const std::size_t pair = from * 3 + to;
        EXPECT_EQ(frame.header->tag, got[pair]) << "out of order";
        EXPECT_EQ(frame.header->bytes, sizes[pair].front());
        for (std::uint32_t i = 0; i < frame.header->bytes; ++i) {
          if (frame.payload[i] != static_cast<std::byte>(got[pair] & 0xff)) ADD_FAILURE() << "damaged";
        }
        sizes[pair].pop_front();
        ++got[pair];
        net[to].pop(from);
      }
    }
    return done;
  }));
}

TEST(VerbsTransport, header_carries_every_frame_of_the_engine_and_back) {
  for (unsigned kind = 1; kind <= static_cast<unsigned>(FrameKind::kFetched); ++kind) {
    soft::FrameHeader frame{.bytes = 24,
                            .seq = 7,
                            .kind = static_cast<FrameKind>(kind),
                            .lane = 3,
                            .dtype = 12,
                            .redop = 2,
                            .context = 40000,
                            .signature = 999,
                            .tag = 0x7fffffff,
                            .length = std::uint64_t{5} << 32};
    const bool note = frame.kind == FrameKind::kDone;
    if (note) frame = {.bytes = 16, .kind = FrameKind::kDone, .tag = 77};
    std::array<std::byte, 64> payload{};
    for (std::size_t i = 0; i < frame.bytes; ++i) payload[i] = note ? std::byte{0} : static_cast<std::byte>(i + 1);
    for (const bool is_short : {false, true}) {
      if (is_short && !note) frame.length = frame.kind == FrameKind::kMessage ? frame.bytes : 4000000000u;
      soft::Ask ask;
      if (frame.kind == FrameKind::kAsk) {
        ask = {0x123456789a, 17, 1, 1, 0xdead, 0};
        std::memcpy(payload.data(), &ask, sizeof ask);
      }
      verbs::MsgHeader header;
      std::uint32_t bytes = 0;
      verbs::write_header(header, frame, payload.data(), 4, 5, 99, &bytes);
      EXPECT_TRUE(verbs::valid(header, verbs::kHeaderBytes + bytes, 4, 5));
      EXPECT_FALSE(verbs::valid(header, verbs::kHeaderBytes + bytes, 5, 4));
      EXPECT_EQ(verbs::taken_of(header), 99u);
      std::array<std::byte, 64> back{};
      std::memcpy(back.data(), payload.data(), bytes);
      soft::FrameHeader read;
      ASSERT_TRUE(verbs::read_frame(header, back.data(), &read)) << kind;
      EXPECT_EQ(read.kind, frame.kind) << kind;
      EXPECT_EQ(read.bytes, frame.bytes) << kind;
      EXPECT_EQ(read.tag, frame.tag) << kind;
      EXPECT_EQ(std::memcmp(back.data(), payload.data(), frame.bytes), 0) << kind;
      if (note) continue;
      EXPECT_EQ(read.length, frame.length) << kind;
      EXPECT_EQ(read.context, frame.context) << kind;
      EXPECT_EQ(read.seq, frame.seq) << kind;
      EXPECT_EQ(read.signature, frame.signature) << kind;
      EXPECT_EQ(read.lane, frame.lane) << kind;
    }
  }
}

TEST(VerbsTransport, short_message_is_an_eager_of_the_wire_protocol) {
  const soft::FrameHeader frame{.bytes = 8, .kind = FrameKind::kMessage, .context = 3, .tag = 5, .length = 8};
  verbs::MsgHeader header;
  std::uint32_t bytes = 0;
  verbs::write_header(header, frame, nullptr, 1, 2, 0, &bytes);
  EXPECT_EQ(header.magic, 0x594C4154u);
  EXPECT_EQ(header.version, 1);
  EXPECT_EQ(header.ptype, static_cast<std::uint8_t>(device::PacketType::kEager));
  EXPECT_EQ(header.length, header.payload_len);
}

TEST(VerbsTransport, peers_are_connected_when_they_are_first_used) {
  Net net(4);
  for (std::uint32_t rank = 0; rank < 4; ++rank) (void)net[rank];
  net.progress();
  EXPECT_EQ(net[0].connected(), 0u);
  ASSERT_TRUE(send(net[0], 2, 1, 8));
  EXPECT_TRUE(net.until([&] { return net[2].front(0).header != nullptr; }));
  EXPECT_EQ(net[0].connected(), 1u);
  EXPECT_EQ(net[1].connected(), 0u);
  EXPECT_TRUE(net.until([&] { return net[2].connected() == 1; }));
}

TEST(VerbsTransport, lost_greetings_are_repeated) {
  Net net(2);
  (void)net[1];
  double_lose_datagrams(3);
  ASSERT_TRUE(send(net[0], 1, 1, 8));
  EXPECT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
  EXPECT_EQ(double_counts().lost_datagrams, 3u);
}

TEST(VerbsTransport, answers_that_are_lost_on_both_sides_are_asked_for_again) {
  for (unsigned lost = 1; lost < 6; ++lost) {
    Net net(2);
    (void)net[1];
    ASSERT_TRUE(send(net[0], 1, 1, 8));
    ASSERT_TRUE(send(net[1], 0, 2, 8));
    (void)net[0].progress();  // greets
    (void)net[1].progress();  // greets, and has been greeted
    double_lose_datagrams(lost);
    EXPECT_TRUE(net.until([&] { return net[1].front(0).header != nullptr && net[0].front(1).header != nullptr; })) << lost;
  }
}

TEST(VerbsTransport, greetings_that_cross_make_one_connection) {
  Net net(2);
  (void)net[1];
  ASSERT_TRUE(send(net[0], 1, 1, 8));
  ASSERT_TRUE(send(net[1], 0, 2, 8));
  EXPECT_TRUE(net.until([&] { return net[1].front(0).header != nullptr && net[0].front(1).header != nullptr; }));
}

TEST(VerbsTransport, peer_that_takes_nothing_stops_its_sender_only) {
  Net net(3);
  for (std::uint32_t rank = 0; rank < 3; ++rank) (void)net[rank];
  std::uint32_t sent = 0;
  for (int tries = 0; tries < 200; ++tries) {
    while (send(net[0], 2, sent, soft::kMaxPayload)) ++sent;
    net.progress();
  }
  EXPECT_EQ(sent, verbs::kWindow);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(net.until([&] { return send(net[1], 0, i, 100); }));
    std::uint32_t from = 0;
    EXPECT_TRUE(net.until([&] {
      from = 0;
      return net[0].next(&from).header != nullptr;
    }));
    net[0].pop(from);
  }
  // A quarter of the window that is taken opens it again.
  for (std::uint32_t i = 0; i < verbs::kWindow / 4; ++i) {
    ASSERT_NE(net[2].front(0).header, nullptr);
    net[2].pop(0);
  }
  EXPECT_TRUE(net.until([&] { return send(net[0], 2, sent, 8); }));
}

TEST(VerbsTransport, devices_without_inline_sends_do) {
  DoubleLimits limits;
  limits.max_inline = 0;
  Net net(2, limits);
  (void)net[1];
  for (std::uint32_t i = 0; i < 500; ++i) {
    EXPECT_TRUE(net.until([&] { return send(net[0], 1, i, i % 40); }));
    EXPECT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
    EXPECT_EQ(net[1].front(0).header->tag, i);
    net[1].pop(0);
  }
}

TEST(VerbsTransport, infiniband_ports_are_reached_by_lid) {
  DoubleLimits limits;
  limits.infiniband = true;
  Net net(2, limits);
  (void)net[1];
  ASSERT_TRUE(send(net[0], 1, 1, 8));
  EXPECT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
}

/// Connects two ranks and lends memory of rank 0's.
struct Lent {
  explicit Lent(Net& with, std::size_t bytes) : data(bytes), net(with) {
    for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i * 7 + i / 999);
    (void)net[1];
    EXPECT_TRUE(send(net[0], 1, 1, 8));
    EXPECT_TRUE(net.until([&] { return net[1].front(0).header != nullptr; }));
    net[1].pop(0);
    EXPECT_TRUE(net[0].lend(1, data.data(), bytes, &loan));
  }
  std::uint32_t read(void* to) const {
    return net[1].start_read(0, to, reinterpret_cast<std::uint64_t>(data.data()), data.size(), loan.key);
  }
  std::vector<std::byte> data;
  Net& net;
  soft::Loan loan;
};

TEST(VerbsTransport, reads_take_lent_memory_in_parts_of_the_device) {
  Net net(2);
  const Lent lent(net, (std::size_t{5} << 20) + 77);
  std::vector<std::byte> to(lent.data.size());
  const std::uint32_t read = lent.read(to.data());
  ASSERT_NE(read, soft::Transport::kNoRead);
  EXPECT_TRUE(net[1].end_read(read));
  EXPECT_TRUE(to == lent.data);
  EXPECT_EQ(double_counts().reads, 6u);  // a READ takes a MiB of this device
}

TEST(VerbsTransport, more_reads_than_the_queue_holds_all_end) {
  Net net(2);
  const Lent lent(net, 20000);
  std::vector<std::vector<std::byte>> to(100, std::vector<std::byte>(lent.data.size()));
  std::vector<std::uint32_t> reads;
  for (auto& one : to) reads.push_back(lent.read(one.data()));
  for (const std::uint32_t read : reads) {
    ASSERT_NE(read, soft::Transport::kNoRead);
    EXPECT_TRUE(net[1].end_read(read));
  }
  for (const auto& one : to) EXPECT_TRUE(one == lent.data);
}

TEST(VerbsTransport, memory_that_cannot_be_registered_is_not_lent) {
  Net net(2);
  Lent lent(net, 20000);
  double_limit_memory(4096);
  std::vector<std::byte> large(1 << 20);
  soft::Loan loan;
  EXPECT_FALSE(net[0].lend(1, large.data(), large.size(), &loan));
  EXPECT_EQ(net[1].start_read(0, large.data(), 0, large.size(), 1), soft::Transport::kNoRead);
  double_limit_memory(0);
}

TEST(VerbsTransport, read_of_memory_that_is_not_lent_fails_and_ends_the_job) {
  testing::internal::CaptureStderr();
  Net net(2);
  const Lent lent(net, 20000);
  std::vector<std::byte> to(lent.data.size());
  const std::uint32_t read =
      net[1].start_read(0, to.data(), reinterpret_cast<std::uint64_t>(lent.data.data()), to.size(), lent.loan.key + 1000);
  EXPECT_FALSE(net[1].end_read(read));
  EXPECT_TRUE(net[1].gone(0));
  EXPECT_EQ(net.header(1).failed.load(), 1u);
  net.header(0).failed.store(1);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("rank 1: device dbl1:1, rank 0: remote access error"));
}

TEST(VerbsTransport, each_error_of_a_send_loses_the_peer_and_says_why) {
  const std::pair<ibv_wc_status, const char*> cases[] = {
      {IBV_WC_RETRY_EXC_ERR, "does not answer any more"},
      {IBV_WC_RNR_RETRY_EXC_ERR, "has no receive buffers"},
      {IBV_WC_FATAL_ERR, "error"},
  };
  for (const auto& [status, text] : cases) {
    testing::internal::CaptureStderr();
    {
      Net net(2);
      const Lent lent(net, 20000);
      double_fail_next(IBV_WR_SEND, status);
      for (int i = 0; i < 3; ++i) (void)send(net[0], 1, 5, 8);
      EXPECT_TRUE(net.until([&] { return net[0].gone(1); })) << text;
      EXPECT_EQ(net.header(0).failed.load(), 1u);
      EXPECT_FALSE(send(net[0], 1, 6, 8));
      net.header(1).failed.store(1);
    }
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr(text));
  }
}

TEST(VerbsTransport, peer_that_dies_is_noticed_by_who_only_waits) {
  testing::internal::CaptureStderr();
  {
    Net net(2);
    const Lent lent(net, 20000);
    double_silence("dbl1");
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!net[0].gone(1) && std::chrono::steady_clock::now() < end) net[0].wait(10ms, false);
    EXPECT_TRUE(net[0].gone(1));
    EXPECT_EQ(net.header(0).failed.load(), 1u);
    net.header(1).failed.store(1);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("rank 1: it does not answer any more"));
}

TEST(VerbsTransport, device_that_fails_ends_all_reads_and_the_job) {
  testing::internal::CaptureStderr();
  {
    Net net(3);
    (void)net[2];
    const Lent lent(net, 20000);
    double_event("dbl1", IBV_EVENT_DEVICE_FATAL);
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!net[1].gone(0) && std::chrono::steady_clock::now() < end) net[1].wait(10ms, false);
    EXPECT_TRUE(net[1].gone(0));
    EXPECT_TRUE(net[1].gone(2));
    std::vector<std::byte> to(lent.data.size());
    EXPECT_EQ(lent.read(to.data()), soft::Transport::kNoRead);
    EXPECT_EQ(net.header(1).failed.load(), 1u);
    net.header(0).failed.store(1);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("device dbl1:1: local catastrophic error"));
}

TEST(VerbsTransport, port_that_goes_down_is_told) {
  testing::internal::CaptureStderr();
  {
    Net net(2);
    (void)net[1];
    double_event("dbl0", IBV_EVENT_PORT_ERR);
    const auto end = std::chrono::steady_clock::now() + 1500ms;
    while (std::chrono::steady_clock::now() < end) net[0].wait(10ms, false);
    EXPECT_EQ(net.header(0).failed.load(), 0u);
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("rank 0: device dbl0:1: the port is down"));
}

TEST(VerbsTransport, waiting_rank_sleeps_until_a_message_comes) {
  Net net(2);
  const Lent lent(net, 20000);
  std::atomic<bool> came{false};
  std::thread sender([&] {
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(send(net[0], 1, 9, 8));
    // The double moves when somebody polls.
    while (!came) {
      (void)net[0].progress();
      std::this_thread::sleep_for(1ms);
    }
  });
  while (!came) {
    net[1].wait(1h, false);  // an event ends it, or nothing does
    came = net[1].front(0).header != nullptr;
  }
  sender.join();
  net[1].pop(0);
}

TEST(VerbsTransport, what_was_sent_before_a_goodbye_is_taken_before_the_peer_is_missed) {
  Net net(2);
  const Lent lent(net, 20000);
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(send(net[0], 1, i, 100));
  std::thread leaving([&] { net.close(0); });
  const auto end = std::chrono::steady_clock::now() + 20s;
  std::uint32_t got = 0;
  while (!net[1].gone(0) && std::chrono::steady_clock::now() < end) {
    (void)net[1].progress();
    if (const auto frame = net[1].front(0); frame.header != nullptr) {
      EXPECT_EQ(frame.header->tag, got++);
      net[1].pop(0);
    }
  }
  leaving.join();
  EXPECT_EQ(got, 10u);
  EXPECT_EQ(net.header(1).failed.load(), 0u);
}

TEST(VerbsTransport, context_that_a_rank_broke_is_broken_everywhere) {
  Net net(3);
  for (std::uint32_t rank = 0; rank < 3; ++rank) (void)net[rank];
  for (std::uint32_t context = 1; context < 100; ++context) {
    job::BrokenContext& record = net.header(0).broken[context];
    record.rank = 0;
    std::strcpy(record.reason, "counts differ");
    record.state.store(2);
    net.header(0).broken_count.fetch_add(1);
  }
  EXPECT_TRUE(net.until([&] { return net.header(1).broken_count.load() == 99 && net.header(2).broken_count.load() == 99; }));
  EXPECT_STREQ(net.header(2).broken[99].reason, "counts differ");
}

TEST(VerbsTransport, cards_that_do_not_fit_are_refused_by_rank) {
  const auto refused = [&](std::size_t at, char value, const char* text) {
    Net net(2);
    net.cards()[1][at] = value;
    std::string got = "accepted";
    try {
      (void)net.make(0);
    } catch (const verbs::Error& error) {
      got = error.what();
    }
    EXPECT_THAT(got, testing::HasSubstr(text));
  };
  refused(0, 0, "rank 1 runs another version");
  refused(offsetof(verbs::Card, order), 1, "rank 1 has the other byte order");
  refused(offsetof(verbs::Card, pointer_bytes), 4, "rank 1 has addresses of 4 bytes");
  refused(offsetof(verbs::Card, address) + offsetof(verbs::Address, ethernet), 0, "TALLY_VERBS_DEVICE: device dbl1:1 of rank 1");
}

}  // namespace
}  // namespace tally::test
