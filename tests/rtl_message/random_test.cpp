// SPDX-License-Identifier: BSD-3-Clause
// Random programs of sends and receives through the whole message path, checked against MPI's rules: each message
// is received once, never overtaken in its (source, context) stream, with the right bytes, status and completion.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "bench.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using device::Cqe;
using device::Opcode;
using device::Status;

constexpr std::uint32_t kUniqueTag = 0x100000;  // plus the message's number
constexpr std::uint32_t kRecvCookie = 0x80000000;
constexpr std::uint32_t kRefusedCookie = 0x40000000;
constexpr std::uint16_t kMixedContext = 13;

struct Message {
  std::uint16_t source, context;
  std::uint32_t tag, length;
  std::uint64_t address;
  bool is_inline;
  std::vector<std::uint8_t> payload;
  bool posted = false, completed = false;
  std::uint64_t accepted = 0;
  int receive = -1;
};

struct Receive {
  std::uint16_t source, context;
  std::uint32_t tag, room;
  std::uint64_t address;
  bool any_source, any_tag;
  std::uint64_t accepted = 0;
  int message = -1;
  bool accepts(const Message& m) const {
    return m.context == context && (any_source || m.source == source) && (any_tag || m.tag == tag);
  }
};

class Program {
 public:
  explicit Program(const BenchConfig& config)
      : config_(config), bench(config), per_peer_(device::kUnexpectedEntries / config.nodes) {
    credits_.assign(config.nodes, per_peer_);
    held_.resize(config.nodes);
    shadow_.assign(bench.at(Bench::kSendArea), bench.at(Bench::kSendArea) + 2 * Bench::kAreaBytes);
    bench.on_completion = [this](const Cqe& cqe) { completion(cqe); };
    bench.on_accept = [this](std::uint32_t cookie) {
      if (cookie & kRefusedCookie) return;
      if (cookie & kRecvCookie) {
        receives[cookie & ~kRecvCookie].accepted = bench.cycle();
      } else {
        messages[cookie].accepted = bench.cycle();
      }
    };
  }

  void run(unsigned batches, unsigned batch_size) {
    for (unsigned i = 0; i < batches && !::testing::Test::HasFailure(); ++i) batch(batch_size);
    if (::testing::Test::HasFailure()) return;
    check_end();
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return bench.random()() % bound; }

  std::uint32_t pick_length() {
    switch (below(8)) {
      case 0: return 0;
      case 1: return static_cast<std::uint32_t>(1 + below(32));
      case 2: return static_cast<std::uint32_t>(33 + below(96));
      case 3:
      case 4: return static_cast<std::uint32_t>(1 + below(4096));
      case 5: return static_cast<std::uint32_t>(4090 + below(14));
      case 6: return static_cast<std::uint32_t>(4097 + below(4096));
      default: return static_cast<std::uint32_t>(4097 + below(20000));
    }
  }

  std::uint64_t allocate(std::uint64_t& next, std::uint64_t bytes) {
    const std::uint64_t address = next + below(128);
    next = address + bytes;
    return address;
  }

  int new_message(std::uint16_t source, std::uint16_t context, std::uint32_t tag, std::uint32_t length, bool unique) {
    const int number = static_cast<int>(messages.size());
    Message m{};
    m.source = source;
    m.context = context;
    m.tag = unique ? kUniqueTag + static_cast<std::uint32_t>(number) : tag;
    m.length = length;
    m.address = allocate(next_send_, length);
    m.is_inline = length <= device::kInlineBytes && below(2) == 0;
    m.payload.resize(length);
    for (auto& byte : m.payload) byte = static_cast<std::uint8_t>(below(256));
    if (!unique) std::memcpy(m.payload.data(), &number, 4);
    if (!m.is_inline && length != 0) {
      std::memcpy(bench.at(m.address), m.payload.data(), length);
      std::memcpy(&shadow(m.address), m.payload.data(), length);
    }
    messages.push_back(std::move(m));
    return number;
  }

  int new_receive(std::uint16_t source, std::uint16_t context, std::uint32_t tag, bool any_source, bool any_tag,
                  std::uint32_t room) {
    Receive r{};
    r.source = source;
    r.context = context;
    r.tag = tag;
    r.any_source = any_source;
    r.any_tag = any_tag;
    r.room = room;
    r.address = allocate(next_recv_, room);
    receives.push_back(r);
    return static_cast<int>(receives.size()) - 1;
  }

  std::uint8_t& shadow(std::uint64_t address) { return shadow_[address - Bench::kSendArea]; }

  void post_send(int number) {
    const Message& m = messages[static_cast<std::size_t>(number)];
    auto& queue = held_[m.source];
    queue.push_back(number);
    release(m.source);
  }

  void release(std::uint16_t peer) {
    auto& queue = held_[peer];
    while (!queue.empty() && credits_[peer] != 0) {
      --credits_[peer];
      const int number = queue.front();
      queue.pop_front();
      Message& m = messages[static_cast<std::size_t>(number)];
      m.posted = true;
      auto desc = message(Opcode::kSend, m.source, m.context, m.tag, m.address, m.length,
                          static_cast<std::uint32_t>(number));
      if (m.is_inline) {
        desc.flags = device::kMsgFlagInline;
        desc.key = 0;
        if (m.length != 0) std::memcpy(desc.inline_data, m.payload.data(), m.length);
      }
      bench.submit(&desc);
    }
  }

  void post_receive(int number) {
    const Receive& r = receives[static_cast<std::size_t>(number)];
    auto desc = message(Opcode::kRecv, r.any_source ? 0xffff : r.source, r.context, r.any_tag ? 0xffffffff : r.tag,
                        r.address, r.room, kRecvCookie | static_cast<std::uint32_t>(number));
    desc.flags = static_cast<std::uint8_t>((r.any_source ? device::kMsgFlagAnySource : 0) |
                                           (r.any_tag ? device::kMsgFlagAnyTag : 0));
    bench.submit(&desc);
  }

  void post_refused() {
    auto desc = message(below(2) == 0 ? Opcode::kSend : Opcode::kRecv, 0, 1, 1, Bench::kSendArea + 5,
                        static_cast<std::uint32_t>(1 + below(100)), kRefusedCookie);
    desc.key ^= 0x100u << below(20);
    ++refused_;
    bench.submit(&desc);
  }

  void batch(unsigned size) {
    next_send_ = Bench::kSendArea + 64;
    next_recv_ = Bench::kRecvArea + 64;
    std::vector<std::pair<std::uint64_t, std::function<void()>>> order;
    const std::uint64_t lead = below(3);  // 0: receives first, 1: mixed, 2: sends first
    for (unsigned i = 0; i < size; ++i) {
      const bool unique = below(2) == 0;
      const auto context = static_cast<std::uint16_t>(10 + below(4));
      const auto source = static_cast<std::uint16_t>(below(config_.nodes));
      const std::uint32_t length = unique ? pick_length() : std::max(8u, pick_length());
      const int m = new_message(source, context, static_cast<std::uint32_t>(below(3)), length, unique);
      bool any_source = context == 11, any_tag = context == 12;
      if (context == kMixedContext) {
        any_source = below(3) == 0;
        any_tag = below(3) == 0;
      }
      std::uint32_t room = 0;
      switch (below(5)) {
        case 0: room = static_cast<std::uint32_t>(below(length + 1)); break;
        case 1: room = static_cast<std::uint32_t>(below(30000)); break;
        default: room = length; break;
      }
      if (!(unique && !any_tag)) room = std::max(room, 8u);
      const int r = new_receive(source, context, messages.back().tag, any_source, any_tag, room);
      const std::uint64_t when = i * 100;
      order.emplace_back(when + below(1000) + (lead == 0 ? 3000 : 0), [this, m] { post_send(m); });
      order.emplace_back(when + below(1000) + (lead == 2 ? 3000 : 0), [this, r] { post_receive(r); });
      if (below(20) == 0) order.emplace_back(when, [this] { post_refused(); });
    }
    std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& step : order) {
      step.second();
      for (std::uint64_t n = below(4) == 0 ? below(60) : 0; n != 0; --n) bench.tick();
    }
    settle();
  }

  // Wildcards may leave a message and a receive that do not fit each other: gives each what it needs.
  void settle() {
    for (int round = 0; round < 100; ++round) {
      bench.run_until_idle();
      if (::testing::Test::HasFailure()) return;
      unsigned given = 0;
      const std::size_t known_messages = messages.size(), known_receives = receives.size();
      for (std::size_t i = 0; i < known_messages; ++i) {
        if (messages[i].posted && messages[i].receive < 0) {
          ASSERT_EQ(messages[i].context, kMixedContext) << "message " << i << " was never received";
          post_receive(new_receive(0, kMixedContext, 0, true, true, 64));
          ++given;
        }
      }
      if (given == 0) {
        for (std::size_t i = 0; i < known_receives; ++i) {
          if (receives[i].message < 0) {
            ASSERT_EQ(receives[i].context, kMixedContext) << "receive " << i << " was never matched";
            const std::uint32_t tag = receives[i].any_tag ? 1 : receives[i].tag;
            const int m = new_message(receives[i].source, kMixedContext, tag, 40, false);
            // The message that had this tag to itself was received: the tag now names this one.
            if (tag >= kUniqueTag) owner_[tag] = static_cast<std::uint32_t>(m);
            post_send(m);
            ++given;
          }
        }
      }
      if (given == 0) return;
    }
    FAIL() << "some operations never complete";
  }

  void completion(const Cqe& cqe) {
    if (cqe.opcode == static_cast<std::uint8_t>(Opcode::kCredit)) {
      ASSERT_LT(cqe.source, config_.nodes);
      ASSERT_GT(cqe.length, 0u);
      credits_[cqe.source] += cqe.length;
      ASSERT_LE(credits_[cqe.source], per_peer_);
      release(cqe.source);
    } else if (cqe.cookie == kRefusedCookie) {
      --refused_;
      ++protected_;
      EXPECT_EQ(cqe.status, static_cast<std::uint8_t>(Status::kProtection));
    } else if (cqe.cookie & kRecvCookie) {
      received(cqe);
    } else {
      sent(cqe);
    }
  }

  void sent(const Cqe& cqe) {
    ASSERT_LT(cqe.cookie, messages.size());
    Message& m = messages[cqe.cookie];
    ASSERT_TRUE(m.posted && !m.completed) << "send " << cqe.cookie;
    m.completed = true;
    EXPECT_EQ(cqe.opcode, static_cast<std::uint8_t>(Opcode::kSend));
    EXPECT_EQ(cqe.status, static_cast<std::uint8_t>(Status::kOk));
    EXPECT_EQ(cqe.length, m.length);
    EXPECT_EQ(cqe.context_id, m.context);
    EXPECT_EQ(cqe.flags, m.length > device::kMtu ? device::kCqeFlagRendezvous : 0);
    EXPECT_GT(cqe.cycles, 0u);
    EXPECT_LE(cqe.cycles, bench.cycle() - m.accepted);
    // The buffer is the program's again: what it writes now must not reach the message.
    if (!m.is_inline && m.length != 0) {
      std::memset(bench.at(m.address), 0xee, m.length);
      std::memset(&shadow(m.address), 0xee, m.length);
    }
  }

  void received(const Cqe& cqe) {
    const std::uint32_t number = cqe.cookie & ~kRecvCookie;
    ASSERT_LT(number, receives.size());
    Receive& r = receives[number];
    ASSERT_EQ(r.message, -1) << "receive " << number << " completed twice";
    std::uint32_t id = 0;
    if (cqe.tag >= kUniqueTag) {
      id = owner_.contains(cqe.tag) ? owner_[cqe.tag] : cqe.tag - kUniqueTag;
    } else {
      std::memcpy(&id, bench.at(r.address), 4);
    }
    ASSERT_LT(id, messages.size()) << "receive " << number;
    Message& m = messages[id];
    ASSERT_EQ(m.receive, -1) << "message " << id << " received twice, second by receive " << number;
    ASSERT_TRUE(r.accepts(m)) << "receive " << number << " message " << id;
    r.message = static_cast<int>(id);
    m.receive = static_cast<int>(number);
    const bool cut = m.length > r.room;
    truncated_ += cut;
    rendezvous_ += m.length > device::kMtu;
    EXPECT_EQ(cqe.opcode, static_cast<std::uint8_t>(Opcode::kRecv));
    EXPECT_EQ(cqe.status, static_cast<std::uint8_t>(cut ? Status::kTruncated : Status::kOk));
    EXPECT_EQ(cqe.length, m.length);
    EXPECT_EQ(cqe.tag, m.tag);
    EXPECT_EQ(cqe.source, m.source);
    EXPECT_EQ(cqe.context_id, m.context);
    EXPECT_EQ((cqe.flags & device::kCqeFlagRendezvous) != 0, m.length > device::kMtu);
    unexpected_ += (cqe.flags & device::kCqeFlagUnexpected) != 0;
    EXPECT_LE(cqe.cycles, bench.cycle() - r.accepted);
    const std::uint32_t bytes = std::min(m.length, r.room);
    if (bytes != 0) {
      EXPECT_EQ(std::memcmp(bench.at(r.address), m.payload.data(), bytes), 0)
          << "receive " << number << " message " << id << " of " << bytes << " bytes";
      std::memcpy(&shadow(r.address), m.payload.data(), bytes);
    }
  }

  void check_end() {
    EXPECT_EQ(refused_, 0u);
    EXPECT_FALSE(bench.unanswered());
    for (std::size_t i = 0; i < messages.size(); ++i) EXPECT_TRUE(messages[i].completed) << "send " << i;
    for (unsigned peer = 0; peer < config_.nodes; ++peer) EXPECT_EQ(credits_[peer], per_peer_) << "peer " << peer;
    const std::uint8_t* memory = bench.at(Bench::kSendArea);
    const auto difference = std::mismatch(shadow_.begin(), shadow_.end(), memory);
    EXPECT_TRUE(difference.first == shadow_.end())
        << "stray write at offset " << (difference.first - shadow_.begin()) << " of the buffers";
    // No message overtakes an older one of its stream that the same receive would have taken.
    for (std::size_t late = 0; late < messages.size(); ++late) {
      const int taken_by = messages[late].receive;
      ASSERT_GE(taken_by, 0);
      const Receive& r = receives[static_cast<std::size_t>(taken_by)];
      for (std::size_t early = 0; early < messages.size(); ++early) {
        const Message& e = messages[early];
        if (e.source != messages[late].source || e.accepted >= messages[late].accepted || !r.accepts(e)) continue;
        EXPECT_LT(receives[static_cast<std::size_t>(e.receive)].accepted, r.accepted)
            << "message " << late << " overtook " << early;
      }
    }
    const auto& c = bench.counters;
    EXPECT_EQ(c.match_posted + c.match_unexpected, messages.size());
    EXPECT_EQ(c.match_unexpected, unexpected_);
    EXPECT_EQ(c.unexpected, c.match_unexpected);
    EXPECT_EQ(c.truncated, truncated_);
    EXPECT_EQ(c.rendezvous, rendezvous_);
    EXPECT_EQ(c.protection, protected_);
    EXPECT_EQ(c.dropped, 0u);
    // Each kind of message must have been there, or the program tests too little.
    EXPECT_GT(c.match_posted, 10u);
    EXPECT_GT(c.match_unexpected, 10u);
    EXPECT_GT(truncated_, 5u);
    EXPECT_GT(rendezvous_, 10u);
  }

  BenchConfig config_;

 public:
  Bench bench;
  std::deque<Message> messages;
  std::deque<Receive> receives;

 private:
  unsigned per_peer_;
  std::vector<std::uint32_t> credits_;
  std::vector<std::deque<int>> held_;
  std::vector<std::uint8_t> shadow_;
  std::map<std::uint32_t, std::uint32_t> owner_;
  std::uint64_t next_send_ = 0, next_recv_ = 0;
  unsigned refused_ = 0, protected_ = 0, truncated_ = 0, rendezvous_ = 0, unexpected_ = 0;
};

void run_program(BenchConfig config, std::uint64_t fallback_seed) {
  config.seed = seed(fallback_seed);
  Program program(config);
  program.run(8 * effort(), 40);
}

TEST(MessagePath, random_program_without_stalls) { run_program({}, 101); }

TEST(MessagePath, random_program_with_short_stalls) {
  BenchConfig config;
  config.stall_percent = 20;
  config.loop_beats = 2;
  run_program(config, 102);
}

TEST(MessagePath, random_program_with_long_stalls) {
  BenchConfig config;
  config.stall_percent = 70;
  config.loop_beats = 1;
  run_program(config, 103);
}

TEST(MessagePath, random_program_with_slow_memory) {
  BenchConfig config;
  config.read_latency_cycles = 150;
  config.write_latency_cycles = 400;
  config.loop_beats = 64;
  run_program(config, 104);
}

TEST(MessagePath, random_program_with_slow_writes_and_stalls) {
  BenchConfig config;
  config.stall_percent = 30;
  config.read_latency_cycles = 1;
  config.write_latency_cycles = 1500;
  run_program(config, 105);
}

TEST(MessagePath, random_program_of_one_node) {
  BenchConfig config;
  config.nodes = 1;
  config.stall_percent = 10;
  run_program(config, 106);
}

TEST(MessagePath, random_program_of_sixteen_nodes) {
  BenchConfig config;
  config.nodes = 16;
  config.stall_percent = 10;
  run_program(config, 107);
}

}  // namespace
}  // namespace tally::test
