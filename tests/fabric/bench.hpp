// SPDX-License-Identifier: BSD-3-Clause
// A fabric of test NICs with scripted hosts. One fabric a process: run test cases by ctest, or one by one.
#pragma once

#include <gtest/gtest.h>

#include <Vtest_nic.h>

#include <cstdint>
#include <memory>
#include <string>

#include "sim/fabric/fabric.hpp"
#include "sim/nic_rtl/verilated_nic.hpp"
#include "support/seed.hpp"

namespace tally::sim {

/// Registers of test_nic.sv.
enum Reg : std::uint32_t {
  kSrcLo = 0x00, kSrcHi = 0x04, kDstLo = 0x08, kDstHi = 0x0C, kPeer = 0x10, kReadSend = 0x14, kBlast = 0x18,
  kStall = 0x1C, kWriteBack = 0x20, kStore = 0x24, kStrobe = 0x28,
  kRxPackets = 0x40, kRxBeats = 0x44, kTx = 0x48, kTxLast = 0x4C, kRx = 0x50, kRxLast = 0x54, kAr = 0x58, kR = 0x5C,
  kRLast = 0x60, kW = 0x64, kB = 0x68, kRegister = 0x6C, kReadErrors = 0x70, kWriteErrors = 0x74, kRxErrors = 0x78,
  kReadBack = 0x7C, kWord = 0x80, kWrites = 0x84, kArBack = 0x88,
};

inline constexpr std::uint64_t kCyclePs = 4000;
inline constexpr std::uint64_t kMs = 1'000'000'000;

inline std::unique_ptr<NicModel> make_test_nic(unsigned node, const std::string& trace_file) {
  return std::make_unique<VerilatedNic<Vtest_nic>>(node, trace_file);
}

class Bench {
 public:
  explicit Bench(unsigned nodes, const FabricConfig& config = {}) : fabric(config, nodes, make_test_nic) {}

  void write(unsigned node, std::uint32_t offset, std::uint32_t value) {
    ASSERT_TRUE(fabric.local_bar(node).write32(offset, value));
  }
  void address(unsigned node, Reg low, const void* where) {
    const auto a = reinterpret_cast<std::uint64_t>(where);
    write(node, low, static_cast<std::uint32_t>(a));
    write(node, low + 4, static_cast<std::uint32_t>(a >> 32));
  }
  std::uint32_t read(unsigned node, std::uint32_t offset) {
    std::uint32_t value = 0;
    EXPECT_TRUE(fabric.local_bar(node).read32(offset, &value));
    return value;
  }
  std::uint64_t cycle_ps(unsigned node, Reg reg) { return read(node, reg) * kCyclePs; }
  /// Until nothing is left to do.
  void settle() { fabric.run_until([] { return false; }, 1000 * kMs); }

  Fabric fabric;
};

/// At or after `expected_ps`, on the next clock edge at the latest.
#define EXPECT_WITHIN_A_CYCLE(actual_ps, expected_ps)   \
  do {                                                  \
    EXPECT_GE((actual_ps), (expected_ps));              \
    EXPECT_LT((actual_ps), (expected_ps) + kCyclePs);   \
  } while (false)

}  // namespace tally::sim
