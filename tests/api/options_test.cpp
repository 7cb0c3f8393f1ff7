// SPDX-License-Identifier: BSD-3-Clause
// tally_endpoint_open_with: options, and buffers that nothing has registered.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

#include "place.hpp"

namespace tally::test {
namespace {

tally_options options() {
  tally_options options{};
  options.size = sizeof options;
  return options;
}

tally_counters counters_of(tally_endpoint* endpoint) {
  tally_counters counters{};
  counters.size = sizeof counters;
  RANK_OK(tally_endpoint_counters(endpoint, &counters));
  return counters;
}

TEST(Options, bad_ones_are_named) {
  tally_endpoint* e = nullptr;
  const auto expect = [&e](const tally_options* given, tally_status status, const char* text) {
    EXPECT_EQ(tally_endpoint_open_with(given, &e), status);
    EXPECT_NE(std::strstr(tally_last_error(), text), nullptr) << tally_last_error();
    EXPECT_EQ(e, nullptr);
  };
  expect(nullptr, TALLY_ERR_ARGUMENT, "tally_endpoint_open_with: options is NULL");
  tally_options o = options();
  EXPECT_EQ(tally_endpoint_open_with(&o, nullptr), TALLY_ERR_ARGUMENT);
  o.size = 8;
  expect(&o, TALLY_ERR_ARGUMENT, "options->size is 8");
  o = options();
  o.memory_cache = 2;
  expect(&o, TALLY_ERR_ARGUMENT, "options->memory_cache 2");
  o = options();
  const std::uint32_t beyond = 4;
  std::memcpy(&o.threads, &beyond, sizeof o.threads);
  expect(&o, TALLY_ERR_ARGUMENT, "options->threads 4");
  o = options();
  o.progress_thread = 7;
  expect(&o, TALLY_ERR_ARGUMENT, "options->progress_thread 7");
  o = options();
  o.engine = "abacus";
  expect(&o, TALLY_ERR_ARGUMENT, "engine 'abacus' is unknown");
}

TEST(Options, later_ones_that_are_0_are_taken_and_others_refused) {
  struct Later {
    tally_options known;
    std::uint64_t unknown;
  } later{options(), 0};
  later.known.size = sizeof later;
  tally_endpoint* e = nullptr;
  ASSERT_EQ(tally_endpoint_open_with(&later.known, &e), TALLY_OK) << tally_last_error();
  EXPECT_EQ(tally_endpoint_close(e), TALLY_OK);
  later.unknown = 1;
  EXPECT_EQ(tally_endpoint_open_with(&later.known, &e), TALLY_ERR_UNSUPPORTED);
}

struct Cached : OnEngine {
  ~Cached() override { ::unsetenv("TALLY_MEMORY_CACHE"); }
};
TALLY_ON_EACH_ENGINE(Cached);

/// Messages and collectives in memory that is mapped after the endpoint was opened, and on the stack.
void exchange(int rank, bool by_pages) {
  tally_options o = options();
  o.memory_cache = 1;
  tally_endpoint* e = nullptr;
  RANK_OK(tally_endpoint_open_with(&o, &e));
  int size = 0;
  RANK_OK(tally_endpoint_size(e, &size));
  const int next = (rank + 1) % size;
  const int last = (rank + size - 1) % size;
  int out = 7 * rank;
  int in = -1;
  tally_request* receive = nullptr;
  RANK_OK(tally_recv_start(e, nullptr, &in, sizeof in, last, 1, &receive));
  RANK_OK(tally_send(e, nullptr, &out, sizeof out, next, 1));
  RANK_OK(tally_wait(&receive, nullptr));
  RANK_CHECK(in == 7 * last);
  constexpr std::size_t kCount = 50000;
  void* mapped =
      ::mmap(nullptr, 3 * kCount * sizeof(int), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  RANK_CHECK(mapped != MAP_FAILED);
  int* a = static_cast<int*>(mapped);
  int* b = a + kCount;
  for (int round = 0; round < 3; ++round) {
    std::iota(a, a + kCount, rank + round);
    RANK_OK(tally_recv_start(e, nullptr, b, kCount * sizeof(int), last, 2, &receive));
    RANK_OK(tally_send(e, nullptr, a, kCount * sizeof(int), next, 2));
    RANK_OK(tally_wait(&receive, nullptr));
    for (std::size_t i = 0; i < kCount; ++i) RANK_CHECK(b[i] == static_cast<int>(i) + last + round);
    RANK_OK(tally_allreduce(e, nullptr, a, b, kCount, TALLY_I32, TALLY_SUM));
    const int ranks = size * (size - 1) / 2;
    for (std::size_t i = 0; i < kCount; ++i) RANK_CHECK(b[i] == size * (static_cast<int>(i) + round) + ranks);
  }
  const tally_counters counted = counters_of(e);
  if (by_pages) {
    RANK_CHECK(counted.memory_cache_misses >= 2 && counted.memory_cache_hits >= 6);
  } else {
    RANK_CHECK(counted.memory_cache_misses == 0);
  }
  RANK_CHECK(tally_send(e, nullptr, nullptr, 4, next, 1) == TALLY_ERR_ARGUMENT);
  RANK_OK(tally_endpoint_close(e));
  ::munmap(mapped, 3 * kCount * sizeof(int));
}

TEST_P(Cached, buffers_need_no_registration) {
  expect_ranks(2, [](int rank) { exchange(rank, false); });
  expect_ranks(1, [](int rank) { exchange(rank, false); });
}

TEST_P(Cached, buffers_need_no_registration_where_regions_hold_pages) {
  ::setenv("TALLY_MEMORY_CACHE", "pages", 1);
  expect_ranks(2, [](int rank) { exchange(rank, true); });
}

TEST_P(Cached, more_buffers_under_way_than_the_engine_has_entries_are_served_in_turn) {
  ::setenv("TALLY_MEMORY_CACHE", "pages", 1);
  expect_ranks(2, [](int rank) {
    tally_options o = options();
    o.memory_cache = 1;
    tally_endpoint* e = nullptr;
    RANK_OK(tally_endpoint_open_with(&o, &e));
    constexpr std::size_t kBuffers = 150;
    constexpr std::size_t kStride = 2 * 4096;  // no two touch
    std::vector<std::byte> memory(kBuffers * kStride);
    std::vector<tally_request*> requests(kBuffers);
    for (std::size_t i = 0; i < kBuffers; ++i) {
      std::byte* buffer = memory.data() + i * kStride;
      *buffer = static_cast<std::byte>(i);
      tally_status status = TALLY_AGAIN;
      while (status == TALLY_AGAIN) {
        status = rank == 0 ? tally_send_start(e, nullptr, buffer, 100, 1, 0, &requests[i])
                           : tally_recv_start(e, nullptr, buffer, 100, 0, 0, &requests[i]);
      }
      RANK_OK(status);
    }
    RANK_OK(tally_wait_all(requests.data(), kBuffers));
    for (std::size_t i = 0; i < kBuffers; ++i) RANK_CHECK(memory[i * kStride] == static_cast<std::byte>(i));
    if (on_rtl()) RANK_CHECK(counters_of(e).memory_cache_evictions > 0);
    RANK_OK(tally_endpoint_close(e));
  });
}

TEST_P(Cached, regions_of_the_program_stay_what_they_are) {
  expect_ranks(1, [](int) {
    tally_options o = options();
    o.memory_cache = 1;
    tally_endpoint* e = nullptr;
    RANK_OK(tally_endpoint_open_with(&o, &e));
    std::vector<std::byte> own(4096);
    std::vector<std::byte> other(64);
    RANK_OK(tally_send(e, nullptr, other.data(), other.size(), 0, 0));  // the cache has been used before
    RANK_OK(tally_recv(e, nullptr, other.data(), other.size(), 0, 0, nullptr));
    tally_memory* region = nullptr;
    RANK_OK(tally_memory_register(e, own.data(), own.size(), &region));
    tally_request* receive = nullptr;
    RANK_OK(tally_recv_start(e, nullptr, own.data(), 8, 0, 0, &receive));
    RANK_CHECK(tally_memory_deregister(region) == TALLY_ERR_BUSY);
    RANK_OK(tally_send(e, nullptr, other.data(), 8, 0, 0));
    RANK_OK(tally_wait(&receive, nullptr));
    RANK_OK(tally_memory_deregister(region));
    RANK_OK(tally_endpoint_close(e));
  });
}

TEST(Options, an_unknown_way_to_cache_is_refused) {
  ::setenv("TALLY_MEMORY_CACHE", "sometimes", 1);
  tally_options o = options();
  o.memory_cache = 1;
  tally_endpoint* e = nullptr;
  EXPECT_EQ(tally_endpoint_open_with(&o, &e), TALLY_ERR_ARGUMENT);
  EXPECT_NE(std::strstr(tally_last_error(), "TALLY_MEMORY_CACHE: 'sometimes'"), nullptr)
      << tally_last_error();
  ::unsetenv("TALLY_MEMORY_CACHE");
}

}  // namespace
}  // namespace tally::test
