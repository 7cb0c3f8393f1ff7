// SPDX-License-Identifier: BSD-3-Clause
// The rank's side of the attach protocol against a fabric that a thread of the test plays.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "drivers/sim/sim_bar.hpp"
#include "job/futex.hpp"

namespace tally::test {
namespace {

using namespace sim;  // NOLINT
using std::chrono::microseconds;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

struct Access {
  MmioKind kind;
  std::uint32_t offset;
  std::uint32_t value;
};

class SimBarTest : public testing::Test {
 protected:
  static constexpr std::uint32_t kRanks = 2;

  void SetUp() override {
    const std::size_t offset = (sizeof(job::Header) + 4095) / 4096 * 4096;
    bytes_ = offset + sizeof(Area) + kRanks * sizeof(Window);
    base_ = static_cast<std::byte*>(
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(static_cast<void*>(base_), MAP_FAILED);
    job::Header& h = header();
    h.magic = job::kMagic;
    h.segment_bytes = bytes_;
    h.ranks = kRanks;
    h.engine = job::EngineKind::kRtl;
    h.sim_offset = offset;
    h.sim_bytes = bytes_ - offset;
    // A process that stands for the fabric's: it does nothing but live.
    fabric_pid_ = fork();
    if (fabric_pid_ == 0) {
      for (;;) pause();
    }
    h.fabric_pid = fabric_pid_;
    h.fabric_up = 1;
  }
  void TearDown() override {
    stop_ = true;
    if (fabric_.joinable()) fabric_.join();
    kill_fabric();
    waitpid(fabric_pid_, nullptr, 0);
    munmap(base_, bytes_);
  }
  void kill_fabric() const { kill(fabric_pid_, SIGKILL); }

  job::Header& header() { return *reinterpret_cast<job::Header*>(base_); }
  Area& area() { return *reinterpret_cast<Area*>(base_ + header().sim_offset); }
  Window& window(unsigned rank = 1) { return reinterpret_cast<Window*>(&area() + 1)[rank]; }

  /// Plays the fabric for rank 1: attaches with `mode`, sleeps on the doorbell, answers a read with offset
  /// + 1.
  void start_fabric(std::uint32_t mode) {
    fabric_ = std::thread([this, mode] {
      Window& w = window();
      while (!stop_) {
        const std::uint32_t bell = area().doorbell.load();
        if (w.attached == 0 && w.pid != 0) {
          probe_right_ = *reinterpret_cast<std::uint64_t*>(w.probe_address) == w.probe_value;
          w.attached = mode;
          futex_wake_all(w.attached);
        }
        while (!hold_ && w.mmio_head != w.mmio_tail) {
          const MmioEntry& e = w.mmio[w.mmio_head % kMmioEntries];
          std::uint32_t value = 0;
          std::memcpy(&value, e.data, 4);
          accesses_.push_back({e.kind, e.offset, value});
          if (e.kind == MmioKind::kRead32 && !mute_) {
            w.read_value = e.offset + 1;
            w.read_done.fetch_add(1);
            futex_wake_all(w.read_done);
          }
          w.mmio_head.fetch_add(1);
        }
        area().fabric_sleeping = 1;
        if (area().doorbell == bell) futex_wait(area().doorbell, bell, milliseconds(20));
        area().fabric_sleeping = 0;
      }
    });
  }
  std::string refusal(unsigned rank, const SimBarOptions& options) {
    try {
      SimBar bar(header(), rank, options);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "none";
  }

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  pid_t fabric_pid_ = 0;
  std::thread fabric_;
  std::atomic<bool> stop_{false}, hold_{false}, mute_{false}, probe_right_{false};
  std::vector<Access> accesses_;
};

TEST_F(SimBarTest, attaches_and_carries_accesses_in_order) {
  start_fabric(1);
  SimBar bar(header(), 1);
  EXPECT_TRUE(probe_right_);
  EXPECT_EQ(bar.shared_memory().size(), kSharedBytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bar.shared_memory().data()) % 4096, 0u);
  std::byte block[64] = {std::byte{0x2a}};
  ASSERT_TRUE(bar.write32(0x14, 7));
  ASSERT_TRUE(bar.write64bytes(0x1100, block));
  std::uint32_t value = 0;
  ASSERT_TRUE(bar.read32(0x40, &value));
  EXPECT_EQ(value, 0x41u);
  ASSERT_EQ(accesses_.size(), 3u);  // the answered read comes after the writes
  EXPECT_EQ(accesses_[0].kind, MmioKind::kWrite32);
  EXPECT_EQ(accesses_[0].value, 7u);
  EXPECT_EQ(accesses_[1].kind, MmioKind::kWrite64Bytes);
  EXPECT_EQ(accesses_[1].value, 0x2au);
  for (std::uint32_t k = 0; k < 3000; ++k) {
    ASSERT_TRUE(bar.read32(4 * k, &value));
    ASSERT_EQ(value, 4 * k + 1);
  }
  EXPECT_TRUE(bar.alive());
}

TEST_F(SimBarTest, refuses_writes_while_the_queue_is_full) {
  start_fabric(1);
  SimBar bar(header(), 1);
  hold_ = true;
  std::uint32_t taken = 0;
  while (taken < 5000 && bar.write32(0, taken)) ++taken;
  EXPECT_GE(taken, kMmioEntries);
  EXPECT_LT(taken, 5000u);
  hold_ = false;
  std::uint32_t value = 0;
  EXPECT_TRUE(bar.read32(0, &value));  // waits for room
  EXPECT_TRUE(bar.write32(0, 0));
}

TEST_F(SimBarTest, wakes_when_the_device_has_written) {
  start_fabric(1);
  SimBar bar(header(), 1);
  job::RankRecord& record = header().rank[1];
  std::thread device([&] {
    while (record.sleeping == 0) std::this_thread::sleep_for(microseconds(100));
    record.wake.fetch_add(1);
    futex_wake_all(record.wake);
  });
  const auto begin = Clock::now();
  bar.wait(std::chrono::seconds(30));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  device.join();
  EXPECT_EQ(record.sleeping, 0u);
}

TEST_F(SimBarTest, does_not_sleep_over_a_write_that_came_before_the_wait) {
  start_fabric(1);
  SimBar bar(header(), 1);
  header().rank[1].wake.fetch_add(1);
  const auto begin = Clock::now();
  bar.wait(std::chrono::seconds(30));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(10));
  bar.wait(milliseconds(20));  // nothing new: the time is over
  EXPECT_GE(Clock::now() - begin, milliseconds(15));
}

TEST_F(SimBarTest, serves_staging_requests_and_refuses_bad_addresses) {
  start_fabric(2);
  SimBar bar(header(), 1);
  StagingRequest& request = window().staging;
  const auto ask = [&](bool write, std::uint64_t address, std::size_t length) {
    request.write = write ? 1 : 0;
    request.address = address;
    request.length = static_cast<std::uint32_t>(length);
    request.state.store(1);
    futex_wake_all(request.state);
    const auto begin = Clock::now();
    while (request.state == 1 && Clock::now() - begin < std::chrono::seconds(10))
      futex_wait(request.state, 1, milliseconds(10));
    return request.state.load();
  };
  std::vector<std::byte> memory(kStagingBytes);
  for (std::size_t k = 0; k < memory.size(); ++k) memory[k] = static_cast<std::byte>(k * 7);
  EXPECT_EQ(ask(false, reinterpret_cast<std::uintptr_t>(memory.data()), memory.size()), 2u);
  EXPECT_EQ(std::memcmp(window().staging_data, memory.data(), memory.size()), 0);
  std::memset(window().staging_data, 0x5c, 1000);
  EXPECT_EQ(ask(true, reinterpret_cast<std::uintptr_t>(memory.data()) + 3, 1000), 2u);
  EXPECT_EQ(memory[2], static_cast<std::byte>(14));
  EXPECT_EQ(memory[3], std::byte{0x5c});
  EXPECT_EQ(memory[1002], std::byte{0x5c});
  EXPECT_EQ(memory[1003], static_cast<std::byte>(1003 * 7 % 256));
  void* closed = mmap(nullptr, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_EQ(ask(false, reinterpret_cast<std::uintptr_t>(closed), 64), 3u);
  EXPECT_EQ(ask(true, reinterpret_cast<std::uintptr_t>(closed), 64), 3u);
  munmap(closed, 8192);
  EXPECT_EQ(ask(false, reinterpret_cast<std::uintptr_t>(memory.data()), kStagingBytes + 1), 3u);
  // A refused request leaves nothing behind for the next one.
  std::memset(window().staging_data, 0, 64);
  EXPECT_EQ(ask(false, reinterpret_cast<std::uintptr_t>(memory.data()), 64), 2u);
  EXPECT_EQ(std::memcmp(window().staging_data, memory.data(), 64), 0);
  window().staged_bytes = 12345;
  EXPECT_EQ(bar.staged_bytes(), 12345u);
}

TEST_F(SimBarTest, is_dead_once_the_fabric_has_ended) {
  start_fabric(1);
  SimBar bar(header(), 1);
  EXPECT_TRUE(bar.alive());
  kill_fabric();  // not waited for: a zombie, which still has its pid
  const auto begin = Clock::now();
  while (bar.alive() && Clock::now() - begin < std::chrono::seconds(10))
    std::this_thread::sleep_for(milliseconds(5));
  EXPECT_FALSE(bar.alive());
  std::uint32_t value = 0;
  EXPECT_FALSE(bar.read32(0, &value));
}

TEST_F(SimBarTest, is_dead_when_the_job_ends) {
  start_fabric(1);
  SimBar bar(header(), 1);
  header().failed = 1;
  EXPECT_FALSE(bar.alive());
}

TEST_F(SimBarTest, gives_a_read_up_that_nobody_answers) {
  start_fabric(1);
  SimBar bar(header(), 1, {.read_timeout = milliseconds(50)});
  mute_ = true;
  std::uint32_t value = 0;
  EXPECT_FALSE(bar.read32(0, &value));
  EXPECT_FALSE(bar.alive());  // a late answer would be taken for the next one's
}

TEST_F(SimBarTest, names_why_it_cannot_attach) {
  const SimBarOptions soon{.attach_timeout = milliseconds(30)};
  EXPECT_NE(refusal(2, soon).find("rank 2 is not one of the job's 2"), std::string::npos);
  EXPECT_NE(refusal(1, soon).find("the fabric does not answer"), std::string::npos);
  header().fabric_up = 0;
  EXPECT_NE(refusal(0, soon).find("did not come up"), std::string::npos);
  header().fabric_up = 1;
  window().pid = getpid() + 100000;
  EXPECT_NE(refusal(1, soon).find("is taken by process"), std::string::npos);
  window().pid = 0;
  kill_fabric();
  EXPECT_NE(refusal(1, {.attach_timeout = std::chrono::seconds(5)}).find("process is gone"),
            std::string::npos);
  header().engine = job::EngineKind::kSoft;
  EXPECT_NE(refusal(1, soon).find("no simulated fabric"), std::string::npos);
}

TEST_F(SimBarTest, takes_the_window_over_in_the_same_process) {
  start_fabric(1);
  std::uint32_t value = 0;
  for (int k = 0; k < 3; ++k) {
    SimBar bar(header(), 1);
    ASSERT_TRUE(bar.write32(0x10, 1));
    ASSERT_TRUE(bar.read32(0x20, &value));
    EXPECT_EQ(value, 0x21u);
    EXPECT_EQ(bar.shared_memory()[5], std::byte{0});
    bar.shared_memory()[5] = std::byte{9};
  }
}

}  // namespace
}  // namespace tally::test
