// SPDX-License-Identifier: BSD-3-Clause
// Whole transports over a bad network: every message once, in order, with the right bytes; READs whole.
#include "cluster.hpp"

namespace tally::test {
namespace {

unsigned random_payload(Random& random) {
  switch (random.below(4)) {
    case 0:
      return 8;
    case 1:
      return static_cast<unsigned>(random.below(400));
    case 2:
      return 4032;
    default:
      return static_cast<unsigned>(random.below(4033));
  }
}

void random_program(std::uint64_t number, unsigned nodes, const Network& network, unsigned count,
                    unsigned writers = ~0u) {
  SCOPED_TRACE(number);
  Cluster cluster(nodes, number, writers);
  cluster.network = network;
  auto& random = cluster.random;
  const auto ranks = nodes * kEndpoints;
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned i = 0; i < count; ++i) {
      const auto node = static_cast<unsigned>(random.below(nodes));
      const auto ep = static_cast<unsigned>(random.below(kEndpoints));
      const auto peer = static_cast<unsigned>(random.below(ranks));
      const auto what = random.below(8);
      if (what == 0) {
        cluster.read(node, ep, peer, random.next() >> 20, 1 + static_cast<unsigned>(random.below(20000)),
                     random.percent(10));
      } else {
        const auto client = static_cast<unsigned>(random.below(3));
        const unsigned payload = client == 1 ? 0 : random_payload(random);
        const bool long_data = client == 2 && random.percent(60);
        const bool whole = long_data && (writers >> node & 1) != 0 && random.percent(30);
        cluster.post(client, node, ep, peer, whole ? 4096 : long_data ? payload + (payload == 0) : payload, long_data);
      }
    }
    cluster.run(3000000);
    cluster.check();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(cluster.writes == 0, writers == 0);
  std::printf(
      "%llu cycles, %llu frames (%llu WRITEs), %llu sent again, %llu READs again, %llu timeouts, %llu NAKs, %llu RNRs, "
      "%llu ICRC\n",
      static_cast<unsigned long long>(cluster.cycles), static_cast<unsigned long long>(cluster.frames),
      static_cast<unsigned long long>(cluster.writes),
      static_cast<unsigned long long>(cluster.retransmits),
      static_cast<unsigned long long>(cluster.read_retries),
      static_cast<unsigned long long>(cluster.timeouts), static_cast<unsigned long long>(cluster.naks),
      static_cast<unsigned long long>(cluster.refusals),
      static_cast<unsigned long long>(cluster.icrc_errors));
}

TEST(Transport, delivers_over_a_clean_network) {
  const auto first = seed(1);
  Network network;
  random_program(first, 2, network, 150);
  network.stall = 30;
  network.idle = 20;
  random_program(first + 1, 3, network, 150);
  // Some nodes send SENDs alone; all take both.
  random_program(first + 2, 3, network, 150, 2);
  random_program(first + 3, 2, network, 100, 0);
}

TEST(Transport, delivers_exactly_once_over_a_bad_network) {
  const auto first = seed(2);
  for (unsigned i = 0; i < 3 * effort(); ++i) {
    Network network;
    network.loss = 0.03;
    network.copy = 0.02;
    network.reorder = 0.03;
    network.corrupt = 0.02;
    network.stall = i % 2 * 20;
    network.idle = i % 3 * 10;
    network.refuse = i % 2 == 0 ? 10 : 0;
    random_program(first + i, 2 + i % 2, network, 120, i % 3 == 2 ? 1 : ~0u);
    if (HasFailure()) return;
  }
}

TEST(Transport, figures_of_a_clean_and_a_lossy_network) {
  {
    Cluster cluster(2, seed(3));
    cluster.post(0, 0, 0, 2, 8);
    cluster.run(20000);
    cluster.check();
    std::printf(
        "8-byte message: %llu cycles from its head to the frame's, %llu to the receiver's last beat (network "
        "%u)\n",
        static_cast<unsigned long long>(cluster.first_frame - cluster.first_head),
        static_cast<unsigned long long>(cluster.last_taken - cluster.first_head), cluster.network.delay);
    EXPECT_LE(cluster.first_frame - cluster.first_head, 13u);
  }
  {
    Cluster cluster(2, seed(4));
    for (unsigned i = 0; i < 1000; ++i) cluster.post(0, 0, 0, 2, 8);
    cluster.run(100000);
    cluster.check();
    const auto rate = static_cast<double>(cluster.last_taken - cluster.first_taken) / 999;
    std::printf("8-byte messages: %.2f cycles each, %llu acknowledgements for 1000\n", rate,
                static_cast<unsigned long long>(cluster.acks));
    EXPECT_LE(rate, 5.0);
  }
  for (const double loss : {0.0, 0.01}) {
    Cluster cluster(2, seed(5));
    cluster.network.loss = loss;
    cluster.network.delay = 250;
    constexpr unsigned kMessages = 50 * 16;  // 64 KiB in packets of 4 KiB
    for (unsigned i = 0; i < kMessages; ++i) cluster.post(0, 0, 0, 2, 4032);
    cluster.run(2000000);
    cluster.check();
    const auto goodput = kMessages * 64.0 / static_cast<double>(cluster.last_taken - cluster.first_taken);
    std::printf("4 KiB packets at %.0f %% loss: %.3f beats a cycle (%.1f Gb/s at 250 MHz)\n", 100 * loss,
                goodput, goodput * 128);
    EXPECT_GE(goodput, loss == 0 ? 0.9 : 0.5);
  }
  {
    Cluster cluster(2, seed(6));
    cluster.read(0, 0, 2, 0x1000, 1 << 20);
    cluster.run(1000000);
    cluster.check();
    std::printf("READ of 1 MiB: %.3f beats a cycle\n",
                16384.0 / static_cast<double>(cluster.last_taken - cluster.first_taken));
  }
}

// What lies around the sequencer in a relay: a frame's last beat in, its message's last beat out to tally_msg_demux;
// a message's header shown, its frame's first beat out.
TEST(Transport, collective_messages_take_6_cycles_in_and_13_out) {
  for (const unsigned payload : {8u, 4032u, 4096u}) {
    Cluster cluster(2, seed(7));
    cluster.post(2, 0, 0, 2, payload, payload == 4096);
    cluster.run(20000);
    cluster.check();
    // A long message leaves at a beat a cycle, behind its frame's end.
    EXPECT_LE(cluster.last_taken - cluster.first_received, 5 + (payload + 64 + 63) / 64 - 1);
    if (payload == 8) {
      EXPECT_LE(cluster.last_taken - cluster.first_received, 6u);
    }
    EXPECT_LE(cluster.first_frame - cluster.first_shown, 13u);
    std::printf("%u bytes: %llu cycles in, %llu out\n", payload,
                static_cast<unsigned long long>(cluster.last_taken - cluster.first_received),
                static_cast<unsigned long long>(cluster.first_frame - cluster.first_shown));
  }
}

// Streams of full packets in both directions of every link, acknowledgements of the other direction between them.
void fill_links(bool write, unsigned nodes) {
  constexpr unsigned kLinkBytes = 50;  // 100 Gb/s at 250 MHz
  const unsigned payload = write ? 4096 : 4032;
  const double ceiling = payload / (54.0 + (write ? 16 : 64) + payload + 4 + kFrameOverhead);
  Cluster cluster(nodes, seed(8), write ? ~0u : 0);
  cluster.network.link_bytes = kLinkBytes;
  cluster.network.delay = 150;  // 1.2 us there and back
  const unsigned rounds = 240 / (nodes - 1);
  for (unsigned i = 0; i < rounds; ++i) {
    for (unsigned n = 0; n < nodes; ++n) {
      for (unsigned other = 1; other < nodes; ++other) {
        cluster.post(2, n, 0, Cluster::rank((n + other) % nodes, 0), payload, true);
      }
    }
  }
  cluster.run(200000);
  cluster.check();
  EXPECT_EQ(cluster.retransmits, 0u);
  const auto packets = rounds * (nodes - 1);
  const auto share = (packets - 1.0) * payload /
                     (static_cast<double>(cluster.last_taken - cluster.first_taken) * kLinkBytes);
  std::printf("%s, %u nodes: payload is %.2f %% of each link (ceiling %.2f %%), %llu acknowledgements for %u packets\n",
              write ? "WRITE" : "SEND", nodes, 100 * share, 100 * ceiling,
              static_cast<unsigned long long>(cluster.acks), nodes * packets);
  EXPECT_GE(share, ceiling - 0.01);
  EXPECT_EQ(cluster.writes, write ? nodes * packets : 0);
}

TEST(Transport, collectives_fill_a_100_gigabit_link_in_both_directions) {
  for (const bool write : {false, true})
    for (const unsigned nodes : {2u, 3u, 5u}) fill_links(write, nodes);
}

}  // namespace
}  // namespace tally::test
