// SPDX-License-Identifier: BSD-3-Clause
// Impairments of the links, and captures.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <stdexcept>

#include "bench.hpp"
#include "capture.hpp"

namespace tally::sim {
namespace {

/// A capture's name; the files of two nodes are removed.
class CaptureFiles {
 public:
  CaptureFiles() : base_(testing::TempDir() + "tally_impair_" + std::to_string(getpid())) {}
  ~CaptureFiles() {
    for (unsigned i = 0; i < 2; ++i) unlink(node(i).c_str());
  }
  [[nodiscard]] std::string name() const { return base_ + ".pcap"; }
  [[nodiscard]] std::string node(unsigned i) const { return base_ + ".node" + std::to_string(i) + ".pcap"; }

 private:
  std::string base_;
};

void blast(Bench& bench, unsigned packets, unsigned beats) {
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, packets << 16 | beats);
  bench.settle();
}

using Figures = std::array<std::uint64_t, 6>;

/// What 800 packets met, from a process of its own: there is one fabric a process.
Figures figures(const FabricConfig& config) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    Figures f{};
    {
      Bench bench(2, config);
      blast(bench, 800, 4);
      const NodeStats a = bench.fabric.stats(0), b = bench.fabric.stats(1);
      f = {bench.read(1, kRxPackets),
           a.frames_lost + b.frames_lost,
           a.frames_duplicated + b.frames_duplicated,
           a.frames_reordered + b.frames_reordered,
           a.frames_corrupted + b.frames_corrupted,
           bench.cycle_ps(1, kRxLast)};
    }
    const bool sent = write(ends[1], f.data(), sizeof f) == sizeof f;
    _exit(sent ? 0 : 1);
  }
  Figures f{};
  EXPECT_EQ(read(ends[0], f.data(), sizeof f), static_cast<ssize_t>(sizeof f));
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  close(ends[0]);
  close(ends[1]);
  return f;
}

TEST(Impair, equal_seeds_give_equal_runs_and_other_seeds_others) {
  FabricConfig config;
  config.loss = config.duplicate = config.reorder = config.corrupt = 0.05;
  config.seed = 11;
  const Figures first = figures(config);
  EXPECT_EQ(first, figures(config));
  config.seed = 12;
  EXPECT_NE(first, figures(config));
}

TEST(Impair, lost_packets_are_counted_and_hold_nothing_up) {
  FabricConfig config;
  config.loss = 0.3;
  config.queue_bytes = 16384;  // a leak of room would stop the run
  const auto [received, lost, duplicated, reordered, corrupted, last] = figures(config);
  EXPECT_EQ(received + lost, 800u);
  EXPECT_NEAR(static_cast<double>(received), 800 * 0.7 * 0.7, 60);
  EXPECT_EQ(duplicated + reordered + corrupted, 0u);
}

TEST(Impair, loss_of_everything_lets_nothing_through) {
  FabricConfig config;
  config.loss = 1;
  Bench bench(2, config);
  blast(bench, 300, 64);
  EXPECT_EQ(bench.read(1, kRxPackets), 0u);
  EXPECT_EQ(bench.fabric.stats(0).frames_lost, 300u);
  EXPECT_EQ(bench.fabric.stats(1).frames_lost, 0u);
  EXPECT_EQ(bench.fabric.stats(0).link_bytes_sent, 300u * 4184);
  EXPECT_EQ(bench.fabric.stats(1).link_bytes_received, 0u);
}

TEST(Impair, each_link_doubles_what_it_duplicates) {
  FabricConfig config;
  config.duplicate = 1;
  config.queue_bytes = 16384;
  Bench bench(2, config);
  blast(bench, 100, 20);
  EXPECT_EQ(bench.read(1, kRxPackets), 400u);
  EXPECT_EQ(bench.fabric.stats(0).frames_duplicated, 100u);
  EXPECT_EQ(bench.fabric.stats(1).frames_duplicated, 200u);
}

TEST(Impair, held_packets_come_later_and_all_come) {
  FabricConfig config;
  config.reorder = 0.1;
  Bench bench(2, config);
  blast(bench, 500, 4);
  EXPECT_EQ(bench.read(1, kRxPackets), 500u);
  EXPECT_GT(bench.read(1, kRxErrors), 50u);  // sequence numbers that are not the next
  EXPECT_GT(bench.fabric.stats(0).frames_reordered, 20u);
  EXPECT_GT(bench.fabric.stats(1).frames_reordered, 20u);
}

TEST(Impair, a_held_packet_is_late_by_reorder_ns_on_each_link) {
  FabricConfig config;
  config.reorder = 1;
  config.reorder_ns = 3000;
  Bench bench(2, config);
  blast(bench, 1, 0);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(1, kRx), bench.cycle_ps(0, kTx) + 500'000 + 88 * 80 + 2 * 3'000'000);
}

TEST(Impair, corruption_flips_a_few_bits_behind_the_addresses) {
  const CaptureFiles files;
  FabricConfig config;
  config.corrupt = 1;
  config.pcap = files.name();
  unsigned position_bits = 0;
  {
    Bench bench(2, config);
    blast(bench, 200, 3);
    EXPECT_EQ(bench.read(1, kRxPackets), 200u);
    EXPECT_EQ(bench.fabric.stats(0).frames_corrupted, 200u);
    EXPECT_EQ(bench.fabric.stats(1).frames_corrupted, 200u);
  }
  const auto sent = read_capture(files.node(0)), received = read_capture(files.node(1));
  ASSERT_EQ(sent.size(), 200u);
  ASSERT_EQ(received.size(), 200u);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto &a = sent[i].frame, &b = received[i].frame;
    ASSERT_EQ(a.size(), b.size());
    EXPECT_TRUE(std::equal(a.begin(), a.begin() + 12, b.begin()));
    int flipped = 0;
    for (std::size_t at = 0; at < a.size(); ++at) {
      flipped += std::popcount(static_cast<unsigned>(a[at] ^ b[at]));
      if (a[at] != b[at]) position_bits |= 1u << (at * 8 / a.size());
    }
    EXPECT_LE(flipped, 6);  // up to three a link; what both flip is back
  }
  EXPECT_EQ(position_bits, 0xFFu) << "some part of the frame is never hit";
}

TEST(Impair, refuses_what_is_no_probability) {
  FabricConfig config;
  config.loss = 1.1;
  EXPECT_THROW(Bench(1, config), std::invalid_argument);
}

TEST(Link, packet_to_the_own_node_comes_back_from_the_switch) {
  Bench bench(2);
  bench.write(0, kPeer, 0);
  bench.write(0, kBlast, 50u << 16 | 64);
  bench.settle();
  EXPECT_EQ(bench.read(0, kRxPackets), 50u);
  EXPECT_EQ(bench.read(0, kRxErrors), 0u);
  EXPECT_EQ(bench.fabric.stats(0).link_bytes_received, bench.fabric.stats(0).link_bytes_sent);
}

TEST(Capture, holds_what_each_nic_sent_and_received_at_its_time) {
  const CaptureFiles files;
  FabricConfig config;
  config.pcap = files.name();
  std::uint64_t sent_ps = 0, received_ps = 0;
  {
    Bench bench(2, config);
    blast(bench, 20, 65);
    sent_ps = bench.cycle_ps(0, kTxLast);
    received_ps = bench.cycle_ps(1, kRxLast);
  }
  const auto sent = read_capture(files.node(0)), received = read_capture(files.node(1));
  ASSERT_EQ(sent.size(), 20u);
  ASSERT_EQ(received.size(), 20u);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].frame.size(), 66u * 64);
    EXPECT_EQ(sent[i].frame, received[i].frame);
    EXPECT_LT(sent[i].time_ns, received[i].time_ns);
    EXPECT_TRUE(i == 0 || sent[i - 1].time_ns < sent[i].time_ns);
  }
  EXPECT_EQ(sent.back().time_ns, sent_ps / 1000);
  EXPECT_EQ(received.back().time_ns, received_ps / 1000);
}

TEST(Capture, a_file_that_cannot_be_written_is_refused) {
  FabricConfig config;
  config.pcap = "/nonexistent/x.pcap";
  try {
    Bench bench(1, config);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/x.node0.pcap"), std::string::npos);
  }
}

}  // namespace
}  // namespace tally::sim
