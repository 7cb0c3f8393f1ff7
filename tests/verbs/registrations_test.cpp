// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <thread>
#include <vector>

#include "drivers/verbs/registrations.hpp"
#include "verbs/double.hpp"

namespace tally::test {
namespace {

using verbs::Keep;
using verbs::Region;
using verbs::Registrations;

constexpr std::size_t kBytes = 64 << 10;

std::byte* map_at(void* where) {
  void* memory = ::mmap(where, kBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | (where == nullptr ? 0 : MAP_FIXED), -1, 0);
  EXPECT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kBytes);
  return static_cast<std::byte*>(memory);
}

struct WithDevice : testing::Test {
  WithDevice() {
    double_reset();
    double_add_device("dbl0");
    device = std::make_unique<verbs::Device>(double_library(), verbs::Choice{});
  }
  std::unique_ptr<verbs::Device> device;
};
using VerbsRegistrations = WithDevice;

TEST_F(VerbsRegistrations, without_notice_of_changes_each_operation_has_its_own) {
  Registrations regions(*device, Keep::kNever);
  std::byte* memory = map_at(nullptr);
  Region* first = regions.acquire(memory + 100, 5000, true);
  Region* second = regions.acquire(memory + 200, 100, true);
  ASSERT_NE(first, nullptr);
  // Without a way to notice changes nobody new may use an old one.
  EXPECT_NE(first, second);
  regions.release(first);
  regions.release(second);
  EXPECT_EQ(double_counts().live_registrations, 0u);
  (void)::munmap(memory, kBytes);
}

TEST_F(VerbsRegistrations, kept_ones_are_found_again) {
  Registrations regions(*device, Keep::kAlways);
  std::byte* memory = map_at(nullptr);
  for (int i = 0; i < 10; ++i) {
    Region* region = regions.acquire(memory, kBytes, true);
    regions.release(region);
    region = regions.acquire(memory + 5000, 100, false);
    regions.release(region);
  }
  EXPECT_EQ(double_counts().registrations, 1u);
  EXPECT_EQ(regions.hits(), 19u);
  (void)::munmap(memory, kBytes);
}

TEST_F(VerbsRegistrations, so_many_idle_ones_are_kept_and_no_more) {
  Registrations regions(*device, Keep::kAlways);
  std::vector<std::byte> memory(4096 * 2 * (Registrations::kMostIdle + 50));
  for (std::size_t i = 0; i < Registrations::kMostIdle + 40; ++i)
    regions.release(regions.acquire(memory.data() + i * 8192, 10, true));
  EXPECT_EQ(double_counts().live_registrations, Registrations::kMostIdle);
}

TEST_F(VerbsRegistrations, idle_ones_make_room_when_memory_is_short) {
  Registrations regions(*device, Keep::kAlways);
  std::byte* memory = map_at(nullptr);
  double_limit_memory(kBytes);
  regions.release(regions.acquire(memory, kBytes / 2 + 4096, true));
  Region* region = regions.acquire(memory + kBytes / 4, kBytes * 3 / 4, true);
  EXPECT_NE(region, nullptr);
  EXPECT_EQ(regions.acquire(memory, kBytes / 2, true), nullptr);
  regions.release(region);
  double_limit_memory(0);
  (void)::munmap(memory, kBytes);
}

TEST_F(VerbsRegistrations, memory_that_was_given_back_is_registered_anew) {
  Registrations regions(*device, Keep::kAuto);
  if (std::strcmp(regions.policy(), "userfaultfd") != 0) GTEST_SKIP() << "the kernel does not tell of changes: " << regions.policy();
  std::byte* memory = map_at(nullptr);
  regions.release(regions.acquire(memory, kBytes, true));
  regions.release(regions.acquire(memory, kBytes, true));
  EXPECT_EQ(double_counts().registrations, 1u);
  (void)::munmap(memory, kBytes);
  ASSERT_EQ(map_at(memory), memory);
  regions.release(regions.acquire(memory, kBytes, true));
  EXPECT_EQ(double_counts().registrations, 2u) << "munmap";
  ASSERT_EQ(::madvise(memory + 4096, 4096, MADV_DONTNEED), 0);
  regions.release(regions.acquire(memory, kBytes, true));
  EXPECT_EQ(double_counts().registrations, 3u) << "madvise";
  std::byte* away = map_at(nullptr);
  ASSERT_EQ(::mremap(memory, kBytes, kBytes, MREMAP_MAYMOVE | MREMAP_FIXED, away), away);
  ASSERT_EQ(map_at(memory), memory);
  regions.release(regions.acquire(memory, kBytes, true));
  EXPECT_EQ(double_counts().registrations, 4u) << "mremap";
  // Another thread's as well, and what the kernel replaces without an munmap.
  std::thread([&] { EXPECT_EQ(map_at(memory), memory); }).join();
  regions.release(regions.acquire(memory, kBytes, true));
  EXPECT_EQ(double_counts().registrations, 5u) << "mmap";
  EXPECT_EQ(double_counts().live_registrations, 1u);
  (void)::munmap(memory, kBytes);
  (void)::munmap(away, kBytes);
}

TEST_F(VerbsRegistrations, one_in_use_stays_when_its_memory_changes) {
  Registrations regions(*device, Keep::kAuto);
  std::byte* memory = map_at(nullptr);
  Region* region = regions.acquire(memory, kBytes, true);
  (void)::munmap(memory, kBytes);
  ASSERT_EQ(map_at(memory), memory);
  Region* fresh = regions.acquire(memory, kBytes, true);
  EXPECT_NE(fresh, region);
  EXPECT_EQ(double_counts().live_registrations, 2u);
  regions.release(region);
  regions.release(fresh);
  (void)::munmap(memory, kBytes);
}

}  // namespace
}  // namespace tally::test
