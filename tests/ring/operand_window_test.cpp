// SPDX-License-Identifier: BSD-3-Clause
// Short Inputs of collectives in the device's operand window.
#include <array>
#include <random>
#include <set>

#include "ring/ring_fixture.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using schedule::Program;

class OperandWindow : public RingEngineTest {
 protected:
  static constexpr std::size_t kOutput = 1 << 15;  // in memory_

  OperandWindow() {
    std::mt19937_64 random(seed(75));
    for (std::byte& byte : memory_) byte = static_cast<std::byte>(random());
    program_ = schedule::compile(schedule::allreduce_ring(4), 1, std::vector<std::uint16_t>{0, 1, 2, 3});
  }
  /// Input at `from` of memory_, `bytes` long.
  Status post(std::size_t from, std::size_t bytes, std::uint32_t cookie = 0, std::size_t to = kOutput) {
    return engine_->post_collective({.program = &program_,
                                     .input = memory_.data() + from,
                                     .output = memory_.data() + to,
                                     .input_key = key_,
                                     .output_key = key_,
                                     .count = bytes,
                                     .dtype = TALLY_U8,
                                     .redop = TALLY_SUM,
                                     .context = static_cast<std::uint16_t>(cookie % 16),
                                     .seq = seq_[cookie % 16]++,
                                     .signature = 7,
                                     .cookie = cookie});
  }
  /// The collective's Input is in the window and whole, and is what was posted.
  void expect_pushed(const device::CollDesc& c, std::size_t from, std::size_t bytes) {
    ASSERT_GE(c.input_addr, device::kOperandBase);
    EXPECT_EQ(c.input_key, 0u);
    const auto at = static_cast<std::ptrdiff_t>(c.input_addr - device::kOperandBase);
    EXPECT_TRUE(std::equal(memory_.begin() + static_cast<std::ptrdiff_t>(from),
                           memory_.begin() + static_cast<std::ptrdiff_t>(from + bytes), device_.operands.begin() + at));
    const auto first = device_.operand_lines.begin() + at / 64;
    EXPECT_EQ(std::count(first, first + static_cast<std::ptrdiff_t>((bytes + 63) / 64), true),
              static_cast<std::ptrdiff_t>((bytes + 63) / 64));
  }

  Program program_;
  std::array<std::uint16_t, 16> seq_{};
};

TEST_F(OperandWindow, inputs_from_17_to_4096_bytes_go_in_and_are_counted) {
  open(4);
  std::uint64_t sum = 0;
  for (const std::size_t bytes : {17u, 64u, 65u, 1000u, 4095u, 4096u}) {
    ASSERT_TRUE(post(24, bytes).ok());
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), 1u);
    expect_pushed(device_.collectives[0], 24, bytes);
    sum += bytes;
    EXPECT_EQ(counters().cpu_pushed_bytes, sum);
    ASSERT_TRUE(device_.complete_collective());
    EXPECT_EQ(poll().size(), 1u);
  }
  EXPECT_EQ(counters().cpu_copied_bytes, 0u);
}

TEST_F(OperandWindow, others_stay_in_host_memory) {
  open(4);
  const std::uint64_t stores = device_.operand_stores;
  ASSERT_TRUE(post(24, 16, 0).ok());                // in the descriptor
  ASSERT_TRUE(post(24, 4097, 1).ok());              // too long
  program_.out_of_place = false;
  ASSERT_TRUE(post(kOutput, 1000, 2).ok());         // in place, by a schedule that stands nothing else
  ASSERT_TRUE(post(kOutput - 999, 1000, 3).ok());   // overlaps Output by a byte
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), 4u);
  EXPECT_NE(device_.collectives[0].flags & device::kCollFlagInline, 0);
  for (std::size_t k = 1; k < 4; ++k) {
    EXPECT_EQ(device_.collectives[k].input_key, key_);
    EXPECT_LT(device_.collectives[k].input_addr, device::kOperandBase);
  }
  EXPECT_EQ(device_.operand_stores, stores);
  EXPECT_EQ(counters().cpu_pushed_bytes, 0u);
}

TEST_F(OperandWindow, in_place_the_input_goes_in_as_the_call_gave_it) {
  open(4);
  ASSERT_TRUE(post(kOutput, 1000).ok());
  device_.consume();
  ASSERT_EQ(device_.collectives.size(), 1u);
  expect_pushed(device_.collectives[0], kOutput, 1000);
  EXPECT_EQ(device_.collectives[0].output_addr, reinterpret_cast<std::uintptr_t>(memory_.data() + kOutput));
}

TEST_F(OperandWindow, push_max_bounds_it_and_0_switches_it_off) {
  for (const std::uint32_t most : {0u, 100u}) {
    SCOPED_TRACE(most);
    ring::RingEngineOptions options;
    options.push_max = most;
    open(4, options);
    ASSERT_TRUE(post(0, 100).ok());
    ASSERT_TRUE(post(0, 101, 1).ok());
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), 2u);
    EXPECT_EQ(device_.collectives[0].input_addr >= device::kOperandBase, most == 100);
    EXPECT_LT(device_.collectives[1].input_addr, device::kOperandBase);
    while (device_.complete_collective()) {
    }
    poll();
    engine_.reset();
    seq_ = {};
  }
  ring::RingEngineOptions options;
  options.push_max = 4097;
  EXPECT_THROW(open(4, options), std::runtime_error);
}

TEST_F(OperandWindow, slots_are_used_again_when_their_collective_ends) {
  open(4);
  for (std::uint32_t round = 0; round < 8; ++round) {
    for (std::uint32_t k = 0; k < device::kOperandSlots; ++k) ASSERT_TRUE(post(100 * k, 500 + k, k).ok());
    device_.consume();
    ASSERT_EQ(device_.collectives.size(), device::kOperandSlots);
    std::set<std::uint64_t> slots;
    for (std::uint32_t k = 0; k < device::kOperandSlots; ++k) {
      expect_pushed(device_.collectives[k], 100 * k, 500 + k);
      slots.insert(device_.collectives[k].input_addr);
    }
    EXPECT_EQ(slots.size(), device::kOperandSlots);
    device_.in_order = round % 2 == 0;
    while (device_.complete_collective(round % 3 == 0 ? device::Status::kMismatch : device::Status::kOk)) {
    }
    EXPECT_EQ(poll().size(), device::kOperandSlots);
  }
}

TEST_F(OperandWindow, without_room_for_all_lines_the_device_reads_host_memory) {
  open(4);
  device_.refuse_percent = 60;
  std::mt19937_64 random(seed(76));
  unsigned pushed = 0, read = 0;
  for (std::uint32_t k = 0; k < 300; ++k) {
    const std::size_t from = random() % 20000, bytes = 17 + random() % 4080;
    ASSERT_TRUE(post(from, bytes, 5).ok());
    while (device_.collectives.empty()) {
      engine_->wait(std::chrono::microseconds{1});
      device_.consume();
    }
    if (device_.collectives[0].input_addr >= device::kOperandBase) {
      expect_pushed(device_.collectives[0], from, bytes);
      ++pushed;
    } else {
      EXPECT_EQ(device_.collectives[0].input_addr, reinterpret_cast<std::uintptr_t>(memory_.data() + from));
      ++read;
    }
    ASSERT_TRUE(device_.complete_collective());
    while (poll().empty()) {
    }
  }
  EXPECT_GT(pushed, 50u);
  EXPECT_GT(read, 50u);
}

}  // namespace
}  // namespace tally::test
