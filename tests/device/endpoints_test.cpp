// SPDX-License-Identifier: BSD-3-Clause
// Several drivers on each device: random messages among all endpoints, with room for all and with tables of a few entries.
// Receives name source and tag, so which message each must take follows from the order of sends alone.
// One fabric a process: each test case runs in a process of its own (ctest).
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "engine/ring/ring_engine.hpp"
#include "sim/fabric/fabric.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

constexpr unsigned kEndpoints = 3, kRanks = 2 * kEndpoints, kMessages = 400, kTags = 3;
constexpr std::size_t kSlot = 16384;

/// Table size (0: the driver's own), loss of each link.
class Endpoints : public ::testing::TestWithParam<std::tuple<unsigned, double>> {};

TEST_P(Endpoints, every_message_reaches_its_endpoint_in_order) {
  const auto [table, loss] = GetParam();
  Random random(seed(5));
  sim::FabricConfig config;
  config.loss = loss;
  sim::Fabric fabric(config, 2);
  std::vector<ring::Address> addresses;
  for (unsigned r = 0; r < kRanks; ++r) addresses.push_back(ring::simulated_address(r / kEndpoints, r % kEndpoints));
  std::vector<std::unique_ptr<ring::RingEngine>> engines;
  std::vector<std::vector<std::byte>> memory(kRanks, std::vector<std::byte>(2 * kMessages * kSlot));
  std::array<std::uint32_t, kRanks> keys{};
  for (unsigned r = 0; r < kRanks; ++r) {
    ring::RingEngineOptions o;
    o.endpoint = r % kEndpoints;
    o.endpoints = kEndpoints;
    o.bring_up_device = o.endpoint == 0;
    o.addresses = addresses;
    o.first_posted = o.endpoint * 1024;
    o.posted = table != 0 ? table : 1024;
    o.unexpected = table != 0 ? table : 1024;
    o.bounce = table != 0 ? table : 256;
    o.spill_log2 = table != 0 ? 1 : 6;
    o.memory_bytes = std::size_t{2} << 20;
    o.memory_offset = o.endpoint * o.memory_bytes;
    engines.push_back(std::make_unique<ring::RingEngine>(fabric.local_bar(r / kEndpoints), r, kRanks, o));
    ASSERT_TRUE(engines[r]->register_memory(memory[r].data(), memory[r].size(), &keys[r]).ok());
  }

  struct Message {
    unsigned from, to, tag, length;
  };
  std::vector<Message> messages;
  std::vector<unsigned> receives;  // message that each must take
  constexpr unsigned kLengths[] = {0, 8, 33, 500, 4032, 4033, 9000};
  for (unsigned i = 0; i < kMessages; ++i) {
    messages.push_back({static_cast<unsigned>(random.below(kRanks)), static_cast<unsigned>(random.below(kRanks)),
                        static_cast<unsigned>(random.below(kTags)), kLengths[random.below(7)]});
    const Message& m = messages.back();
    for (unsigned b = 0; b < m.length; ++b) memory[m.from][i * kSlot + b] = static_cast<std::byte>(random.next());
  }
  // Receives in another order; those alike take the messages in the order of their sends.
  std::map<std::tuple<unsigned, unsigned, unsigned>, std::vector<unsigned>> alike;
  for (unsigned i = 0; i < kMessages; ++i) alike[{messages[i].from, messages[i].to, messages[i].tag}].push_back(i);
  std::vector<unsigned> order(kMessages);
  for (unsigned i = 0; i < kMessages; ++i) order[i] = i;
  for (unsigned i = kMessages; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  std::map<std::tuple<unsigned, unsigned, unsigned>, unsigned> taken;
  for (const unsigned i : order) {
    const std::tuple<unsigned, unsigned, unsigned> k{messages[i].from, messages[i].to, messages[i].tag};
    receives.push_back(alike[k][taken[k]++]);
  }

  unsigned sent = 0, posted = 0, ended = 0;
  const auto step = [&] {
    if (sent < kMessages && random.percent(30)) {
      const Message& m = messages[sent];
      const Status status = engines[m.from]->post_send({.buffer = memory[m.from].data() + sent * kSlot, .length = m.length,
                                                        .key = keys[m.from], .context = 1,
                                                        .destination = static_cast<std::uint16_t>(m.to), .tag = m.tag,
                                                        .cookie = 10000 + sent});
      if (status.code() != TALLY_AGAIN) {
        EXPECT_TRUE(status.ok()) << status.message();
        ++sent;
      }
    }
    if (posted < kMessages && random.percent(30)) {
      const unsigned i = receives[posted];
      const Message& m = messages[i];
      RecvDescriptor recv;
      recv.buffer = memory[m.to].data() + (kMessages + i) * kSlot;
      recv.length = kSlot;
      recv.key = keys[m.to];
      recv.context = 1;
      recv.source = static_cast<std::uint16_t>(m.from);
      recv.tag = m.tag;
      recv.cookie = i;
      const Status status = engines[m.to]->post_recv(recv);
      if (status.code() != TALLY_AGAIN) {
        EXPECT_TRUE(status.ok()) << status.message();
        ++posted;
      }
    }
    std::array<Completion, 16> done;
    for (auto& engine : engines) {
      const std::size_t count = engine->poll(done);
      for (std::size_t c = 0; c < count; ++c) {
        ++ended;
        EXPECT_EQ(done[c].status, TALLY_OK) << done[c].cookie;
        if (done[c].cookie >= 10000) continue;
        const Message& m = messages[done[c].cookie];
        EXPECT_EQ(done[c].length, m.length) << "message " << done[c].cookie;
        EXPECT_EQ(std::memcmp(memory[m.from].data() + done[c].cookie * kSlot,
                              memory[m.to].data() + (kMessages + done[c].cookie) * kSlot, m.length), 0)
            << "message " << done[c].cookie;
      }
    }
    return ended == 2 * kMessages;
  };
  EXPECT_TRUE(fabric.run_until(step, 1'000'000'000'000)) << ended << " of " << 2 * kMessages << " ended";
  tally_counters sum{};
  sum.size = sizeof sum;
  for (auto& engine : engines) engine->add_counters(sum);
  if (table != 0) {
    EXPECT_GT(sum.handovers_to_host, 0u);
    EXPECT_GT(sum.handovers_to_device, 0u);
  } else {
    EXPECT_EQ(sum.cpu_matches + sum.cpu_copied_bytes, 0u);
  }
}
INSTANTIATE_TEST_SUITE_P(Tables, Endpoints,
                         ::testing::Combine(::testing::Values(0u, 1u, 8u), ::testing::Values(0.0, 0.01)));

}  // namespace
}  // namespace tally::test
