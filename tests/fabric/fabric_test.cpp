// SPDX-License-Identifier: BSD-3-Clause
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench.hpp"

namespace tally::sim {
namespace {

constexpr std::uint64_t kFrameByte = 80;  // ps at 100 Gb/s

struct alignas(4096) Pages {
  std::array<std::byte, 16384> bytes{};
};

TEST(Fabric, prints_nothing_at_start) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Bench bench(1);
  bench.settle();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(Fabric, refuses_a_second_one_in_the_process) {
  Bench bench(1);
  EXPECT_THROW(Bench(1), std::logic_error);
}

TEST(Fabric, refuses_a_config_that_cannot_be) {
  FabricConfig config;
  config.queue_bytes = 64;
  EXPECT_THROW(Bench(1, config), std::invalid_argument);
  EXPECT_THROW(Bench(0), std::invalid_argument);
}

#ifdef TALLY_TRACE
TEST(Fabric, writes_a_waveform_for_each_node) {
  FabricConfig config;
  config.trace_fst = testing::TempDir() + "tally_fabric_test_" + std::to_string(getpid()) + ".fst";
  const std::string file = config.trace_fst.substr(0, config.trace_fst.size() - 4) + ".node1.fst";
  {
    Bench bench(2, config);
    bench.read(1, kRxPackets);
  }
  EXPECT_EQ(access(file.c_str(), R_OK), 0) << file;
}
#else
TEST(Fabric, says_how_to_build_when_waveforms_are_missing) {
  FabricConfig config;
  config.trace_fst = "x.fst";
  try {
    Bench bench(1, config);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("TALLY_TRACE=ON"), std::string::npos);
  }
}
#endif

TEST(Mmio, write_arrives_after_its_latency) {
  Bench bench(1);
  bench.fabric.run_for(1'001'000);
  const std::uint64_t issued = bench.fabric.now_ps();
  EXPECT_EQ(issued, 1'001'000u);
  bench.write(0, kPeer, 1);
  bench.settle();
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kRegister), issued + 250'000);
}

TEST(Mmio, window_write_takes_one_cycle_and_keeps_its_place) {
  FabricConfig config;
  config.store_ns = 0;  // all leave at once
  Bench bench(1, config);
  bench.settle();
  std::array<std::uint32_t, 16> words;
  std::uint32_t sum = 0;
  for (unsigned i = 0; i < 16; ++i) sum ^= words[i] = 0x1000u << i;
  const auto window = [&] {
    return bench.fabric.local_bar(0).write64bytes(0x100, std::as_bytes(std::span<std::uint32_t, 16>(words)));
  };
  std::uint64_t issued = bench.fabric.now_ps();
  ASSERT_TRUE(window());
  bench.settle();
  EXPECT_EQ(bench.read(0, kWrites), 1u);
  EXPECT_EQ(bench.read(0, kWord), sum);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kRegister), issued + 250'000);
  issued = bench.fabric.now_ps();
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_TRUE(window());
    bench.write(0, kPeer, 7);
  }
  bench.settle();
  EXPECT_EQ(bench.read(0, kWrites), 7u);
  EXPECT_EQ(bench.read(0, kWord), 7u);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kRegister), issued + 250'000 + 5 * kCyclePs);
}

TEST(Mmio, stores_of_64_bytes_leave_at_the_rate_of_a_core) {
  FabricConfig config;
  config.store_ns = 22;
  Bench bench(1, config);
  bench.settle();
  const std::array<std::byte, 64> line{};
  const std::uint64_t issued = bench.fabric.now_ps();
  for (unsigned i = 0; i < 10; ++i) ASSERT_TRUE(bench.fabric.local_bar(0).write64bytes(0x100, line));
  bench.settle();
  EXPECT_EQ(bench.read(0, kWrites), 10u);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kRegister), issued + 250'000 + 9 * 22'000);
}

TEST(Mmio, full_queue_refuses_and_loses_nothing) {
  Bench bench(1);
  unsigned written = 0;
  while (bench.fabric.local_bar(0).write32(kPeer, written)) ASSERT_LT(++written, 100000u);
  EXPECT_GT(written, 100u);
  bench.settle();
  EXPECT_EQ(bench.read(0, kWrites), written);
  EXPECT_EQ(bench.read(0, kWord), written - 1);
  EXPECT_TRUE(bench.fabric.local_bar(0).write32(kPeer, 0));
}

TEST(Link, smallest_packet_takes_one_way_and_a_serialization) {
  Bench bench(2);
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, 1u << 16);
  bench.settle();
  ASSERT_EQ(bench.read(1, kRxPackets), 1u);
  const std::uint64_t sent = bench.cycle_ps(0, kTx);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(1, kRx), sent + 500'000 + 88 * kFrameByte);
  EXPECT_EQ(bench.fabric.stats(0).link_bytes_sent, 88u);
  EXPECT_EQ(bench.fabric.stats(1).link_bytes_received, 88u);
}

TEST(Link, long_packet_is_cut_through) {
  Bench bench(2);
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, (1u << 16) | 64);
  bench.settle();
  // One serialization in all, though it passes two links.
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(1, kRxLast), bench.cycle_ps(0, kTx) + 500'000 + (4160 + 24) * kFrameByte);
}

TEST(Link, carries_its_bandwidth) {
  Bench bench(2);
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, (200u << 16) | 64);
  bench.settle();
  ASSERT_EQ(bench.read(1, kRxPackets), 200u);
  EXPECT_EQ(bench.read(1, kRxErrors), 0u);
  const std::uint64_t sent = bench.fabric.stats(0).link_bytes_sent;
  EXPECT_EQ(sent, 200u * (4160 + 24));
  EXPECT_EQ(bench.fabric.stats(1).link_bytes_received, sent);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(1, kRxLast), bench.cycle_ps(0, kRegister) + kCyclePs + 500'000 + sent * kFrameByte);
}

TEST(Link, two_senders_share_a_receiver) {
  Bench bench(3);
  for (unsigned node : {0u, 1u}) {
    bench.write(node, kPeer, 2);
    bench.write(node, kBlast, (100u << 16) | 64);
  }
  bench.settle();
  ASSERT_EQ(bench.read(2, kRxPackets), 200u);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(2, kRxLast),
                        bench.cycle_ps(0, kRegister) + kCyclePs + 500'000 + 200 * (4160 + 24) * kFrameByte);
}

TEST(Link, back_pressure_loses_nothing_and_keeps_order) {
  FabricConfig config;
  config.queue_bytes = 16384;
  Bench bench(2, config);
  bench.write(0, kPeer, 1);
  bench.write(1, kStall, 1);
  bench.settle();
  bench.write(0, kBlast, (300u << 16) | 20);
  bench.fabric.run_for(200'000'000);
  EXPECT_EQ(bench.read(1, kRxPackets), 0u);
  // Both links took at most what the output queue and the receive buffer hold.
  EXPECT_LE(bench.fabric.stats(1).link_bytes_received, 16384u * 11 / 10);
  EXPECT_LE(bench.fabric.stats(0).link_bytes_sent, 2 * 16384u * 11 / 10);
  bench.write(1, kStall, 0);
  bench.settle();
  EXPECT_EQ(bench.read(1, kRxPackets), 300u);
  EXPECT_EQ(bench.read(1, kRxBeats), 300u * 21);
  EXPECT_EQ(bench.read(1, kRxErrors), 0u);
}

TEST(Link, stalled_receiver_holds_up_no_other_pair) {
  Bench bench(4);
  bench.write(2, kStall, 1);
  bench.settle();
  bench.write(0, kPeer, 2);
  bench.write(0, kBlast, (200u << 16) | 64);
  bench.write(1, kPeer, 3);
  bench.write(1, kBlast, (100u << 16) | 64);
  bench.fabric.run_for(100'000'000);
  EXPECT_EQ(bench.read(2, kRxPackets), 0u);
  EXPECT_EQ(bench.read(3, kRxPackets), 100u);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(3, kRxLast),
                        bench.cycle_ps(1, kRegister) + kCyclePs + 500'000 + 100 * 4184 * kFrameByte);
}

TEST(Link, packet_to_a_node_that_is_not_there_is_dropped_and_told_once) {
  Bench bench(2);
  testing::internal::CaptureStderr();
  bench.write(0, kPeer, 7);
  bench.write(0, kBlast, 2u << 16);
  bench.settle();
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(told, "tally fabric: rank 0: packet to node 7 dropped: there are 2 nodes\n");
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, 1u << 16);
  bench.settle();
  EXPECT_EQ(bench.read(1, kRxPackets), 1u);
}

TEST(Dma, read_takes_its_latency_and_bandwidth) {
  FabricConfig config;
  config.pcie_gbps = 50;  // 10.24 ns a beat: slower than the device's bus
  Bench bench(2, config);
  Pages pages;
  bench.address(0, kSrcLo, pages.bytes.data());
  bench.write(0, kPeer, 1);
  bench.write(0, kReadSend, 64);
  bench.settle();
  const std::uint64_t asked = bench.cycle_ps(0, kAr);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kR), asked + 600'000);
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kRLast), asked + 600'000 + 63 * 10'240);
}

TEST(Dma, write_is_visible_after_its_latency) {
  Bench bench(1);
  Pages pages;
  std::memset(pages.bytes.data(), 0xEE, pages.bytes.size());
  bench.address(0, kDstLo, pages.bytes.data());
  bench.write(0, kWriteBack, (1u << 16) | 4);
  std::uint64_t seen = 0;
  ASSERT_TRUE(bench.fabric.run_until([&] { return pages.bytes[255] != std::byte{0xEE}; }, kMs));
  seen = bench.fabric.now_ps();
  bench.settle();
  const std::uint64_t written = bench.cycle_ps(0, kW);
  EXPECT_EQ(seen, written + 250'000);
  EXPECT_EQ(bench.fabric.stats(0).last_dma_write_ps, seen);
  EXPECT_EQ(bench.cycle_ps(0, kB), written + 2 * kCyclePs);
  EXPECT_EQ(pages.bytes[256], std::byte{0xEE});
}

TEST(Dma, writes_carry_the_bandwidth_of_pcie) {
  FabricConfig config;
  config.pcie_gbps = 50;
  Bench bench(1, config);
  Pages pages;
  bench.address(0, kDstLo, pages.bytes.data());
  bench.write(0, kWriteBack, (100u << 16) | 64);
  bench.settle();
  const std::uint64_t first = bench.cycle_ps(0, kRegister) + 2 * kCyclePs;  // address, then data
  EXPECT_EQ(bench.fabric.stats(0).last_dma_write_ps, first + (100 * 64 - 1) * 10'240 + 250'000);
  // The queue holds kPostedQueueBytes: the device was held up until all but those were on the link.
  EXPECT_GE(bench.cycle_ps(0, kW), first + (100 * 64 - 1 - 16384 / 64 - 1) * 10'240);
}

TEST(Dma, read_does_not_pass_earlier_writes) {
  FabricConfig config;
  config.dma_read_ns = 20;
  config.dma_write_ns = 3000;
  Bench bench(1, config);
  Pages pages;
  std::memset(pages.bytes.data(), 0xEE, pages.bytes.size());
  bench.address(0, kDstLo, pages.bytes.data());
  for (std::uint32_t i = 0; i < 3; ++i) {
    bench.write(0, kWriteBack, (1u << 16) | 8);  // pattern: number of the command
    bench.settle();
    EXPECT_EQ(bench.read(0, kReadBack), i);
    EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(0, kR), bench.cycle_ps(0, kArBack) + 3'000'000 + 10'000);
  }
}

TEST(Dma, answer_of_a_register_read_does_not_pass_earlier_writes) {
  FabricConfig config;
  config.dma_write_ns = 5000;
  Bench bench(1, config);
  Pages pages;
  std::memset(pages.bytes.data(), 0xEE, pages.bytes.size());
  bench.address(0, kDstLo, pages.bytes.data());
  bench.write(0, kWriteBack, (1u << 16) | 1);
  bench.fabric.run_for(300'000);
  EXPECT_EQ(pages.bytes[0], std::byte{0xEE});
  bench.read(0, kRxPackets);
  EXPECT_EQ(pages.bytes[0], std::byte{0});
}

TEST(Dma, writes_become_visible_in_order) {
  FabricConfig config;
  config.pcie_gbps = 20;
  Bench bench(1, config);
  Pages pages;
  bench.address(0, kDstLo, pages.bytes.data());
  bench.write(0, kWriteBack, (50u << 16) | 16);
  std::uint32_t last = 0;
  bench.fabric.run_until(
      [&] {
        std::uint32_t first_word, last_word;
        std::memcpy(&first_word, pages.bytes.data(), 4);
        std::memcpy(&last_word, pages.bytes.data() + 1020, 4);
        EXPECT_EQ(first_word, last_word);
        EXPECT_TRUE(first_word == last || first_word == last + 1);
        last = first_word;
        return false;
      },
      kMs);
  EXPECT_EQ(last, 49u);
}

TEST(Dma, writes_only_strobed_bytes) {
  Bench bench(1);
  Pages pages;
  std::memset(pages.bytes.data(), 0xEE, pages.bytes.size());
  const std::uint32_t strobe = 0x80FF0A01;
  bench.address(0, kDstLo, pages.bytes.data());
  bench.write(0, kStrobe, strobe);
  bench.write(0, kWriteBack, (1u << 16) | 3);
  bench.settle();
  for (unsigned i = 0; i < 3 * 64; ++i) {
    EXPECT_EQ(pages.bytes[i], (strobe >> (i % 32)) & 1 ? std::byte{0} : std::byte{0xEE}) << i;
  }
}

TEST(Dma, moves_random_bytes_from_host_to_host) {
  std::mt19937_64 random(test::seed(std::random_device{}()));
  FabricConfig config;
  config.pcie_gbps = 120;
  Bench bench(2, config);
  Pages from, to;
  bench.write(0, kPeer, 1);
  bench.write(1, kStore, 1);
  for (unsigned round = 0; round < 30; ++round) {
    for (auto& b : from.bytes) b = static_cast<std::byte>(random());
    to.bytes.fill(std::byte{0x55});
    const unsigned beats = 1 + static_cast<unsigned>(random() % 64);
    const unsigned source = static_cast<unsigned>(random() % (65 - beats)) * 64;
    const unsigned target = static_cast<unsigned>(random() % (65 - beats)) * 64;
    bench.address(0, kSrcLo, from.bytes.data() + source);
    bench.address(1, kDstLo, to.bytes.data() + target);
    bench.settle();
    bench.write(0, kReadSend, beats);
    bench.settle();
    auto expected = Pages{};
    expected.bytes.fill(std::byte{0x55});
    std::memcpy(expected.bytes.data() + target, from.bytes.data() + source, beats * 64);
    ASSERT_EQ(to.bytes, expected.bytes) << "round " << round;
  }
  EXPECT_EQ(bench.read(1, kRxPackets), 30u);
}

TEST(Dma, bad_address_is_an_error_response_and_told_once) {
  Bench bench(2);
  testing::internal::CaptureStderr();
  bench.address(0, kSrcLo, reinterpret_cast<void*>(0x1000));
  bench.address(0, kDstLo, reinterpret_cast<void*>(0x2000));
  bench.write(0, kPeer, 1);
  bench.write(0, kReadSend, 3);
  bench.settle();
  EXPECT_EQ(bench.read(0, kReadErrors), 3u);
  bench.write(0, kWriteBack, (2u << 16) | 2);
  bench.settle();
  EXPECT_EQ(bench.read(0, kWriteErrors), 2u);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "tally fabric: rank 0: DMA read of address 0x1000 failed; later failures are not told\n");
}

TEST(Dma, burst_over_a_page_ends_the_simulation_with_a_reason) {
  Bench bench(1);
  Pages pages;
  bench.address(0, kDstLo, pages.bytes.data() + 4096 - 64);
  bench.write(0, kWriteBack, (1u << 16) | 2);
  try {
    bench.settle();
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find("NIC 0: protocol fault: AXI4 AW crosses 4 KiB"), std::string::npos)
        << error.what();
  }
}

TEST(Clock, stands_still_while_the_nic_is_idle) {
  Bench bench(2);
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, (3u << 16) | 5);
  bench.settle();
  const std::uint64_t before0 = bench.fabric.stats(0).cycles_evaluated;
  const std::uint64_t before1 = bench.fabric.stats(1).cycles_evaluated;
  EXPECT_GT(before1, 15u);
  EXPECT_LT(before1, 60u);  // and not while the packets were on their way
  bench.fabric.run_for(10 * kMs);
  EXPECT_EQ(bench.fabric.stats(0).cycles_evaluated, before0);
  EXPECT_EQ(bench.fabric.stats(1).cycles_evaluated, before1);
  const std::uint64_t issued = bench.fabric.now_ps();
  bench.write(1, kPeer, 0);
  bench.settle();
  EXPECT_WITHIN_A_CYCLE(bench.cycle_ps(1, kRegister), issued + 250'000);  // the counter went on
  EXPECT_EQ(bench.fabric.stats(0).cycles_evaluated, before0);
}

TEST(Clock, stands_still_while_an_idle_nic_refuses_a_packet) {
  Bench bench(2);
  bench.write(1, kStall, 1);
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, (2u << 16) | 5);
  bench.settle();  // comes to an end, though the packets wait
  EXPECT_LT(bench.fabric.now_ps(), kMs);
  const std::uint64_t before = bench.fabric.stats(1).cycles_evaluated;
  bench.fabric.run_for(kMs);
  EXPECT_EQ(bench.fabric.stats(1).cycles_evaluated, before);
  bench.write(1, kStall, 0);
  bench.settle();
  EXPECT_EQ(bench.read(1, kRxPackets), 2u);
}

TEST(Clock, runs_on_for_a_nic_that_is_ready_a_cycle_late) {
  Bench bench(2);
  bench.write(1, kStall, 2);
  bench.write(0, kPeer, 1);
  bench.write(0, kBlast, (3u << 16) | 5);
  bench.settle();
  EXPECT_EQ(bench.read(1, kRxPackets), 3u);
  EXPECT_EQ(bench.read(1, kRxErrors), 0u);
}

TEST(Run, stops_at_the_limit_or_when_nothing_is_left) {
  Bench bench(1);
  bench.settle();
  const std::uint64_t begin = bench.fabric.now_ps();
  EXPECT_FALSE(bench.fabric.run_until([] { return false; }, 1000));
  EXPECT_EQ(bench.fabric.now_ps(), begin);
  bench.write(0, kPeer, 1);
  EXPECT_FALSE(bench.fabric.run_until([] { return false; }, 1000));
  EXPECT_EQ(bench.fabric.now_ps(), begin + 1000);
  EXPECT_TRUE(bench.fabric.run_until([] { return true; }, 1000));
  EXPECT_EQ(bench.fabric.now_ps(), begin + 1000);
}

TEST(Run, wait_of_a_scripted_host_runs_the_device) {
  Bench bench(1);
  Pages pages;
  pages.bytes.fill(std::byte{0xEE});
  bench.address(0, kDstLo, pages.bytes.data());
  bench.write(0, kWriteBack, (1u << 16) | 1);
  for (unsigned i = 0; i < 100 && pages.bytes[0] == std::byte{0xEE}; ++i) {
    bench.fabric.local_bar(0).wait(std::chrono::microseconds(1));
  }
  EXPECT_EQ(pages.bytes[0], std::byte{0});
}

/// Times and counts of a busy run, from a process of its own.
std::vector<std::uint64_t> busy_run() {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child == 0) {
    Bench bench(4);
    static Pages pages;
    std::vector<std::uint64_t> result;
    for (unsigned node = 0; node < 4; ++node) {
      bench.address(node, kSrcLo, pages.bytes.data());
      bench.write(node, kPeer, (node + 1 + node / 2) % 4);
      bench.write(node, kBlast, ((20 + node) << 16) | (10 * node + 1));
    }
    bench.settle();
    for (unsigned node = 0; node < 4; ++node) bench.write(node, kReadSend, 10 + node);
    bench.settle();
    for (unsigned node = 0; node < 4; ++node) {
      for (Reg reg : {kTx, kTxLast, kRx, kRxLast, kAr, kR, kRLast}) result.push_back(bench.read(node, reg));
      result.push_back(bench.fabric.stats(node).cycles_evaluated);
      result.push_back(bench.fabric.stats(node).link_bytes_received);
    }
    result.push_back(bench.fabric.now_ps());
    const auto bytes = static_cast<ssize_t>(result.size() * 8);
    _exit(write(ends[1], result.data(), result.size() * 8) == bytes ? 0 : 1);
  }
  close(ends[1]);
  std::vector<std::uint64_t> result(37);
  const ssize_t got = read(ends[0], result.data(), 37 * 8);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(got, 37 * 8);
  return result;
}

TEST(Run, is_deterministic) {
  const auto first = busy_run();
  EXPECT_GT(first.back(), 0u);
  EXPECT_EQ(first, busy_run());
}

}  // namespace
}  // namespace tally::sim
