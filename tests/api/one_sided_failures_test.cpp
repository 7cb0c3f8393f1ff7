// SPDX-License-Identifier: BSD-3-Clause
// One-sided operations that cannot be done: each fails with its reason, nothing is written, and nobody waits for ever.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "api/remote_key.hpp"
#include "one_sided_place.hpp"

namespace tally::test {
namespace {

struct OneSidedFailures : OnEngine {};
TALLY_ON_EACH_ENGINE(OneSidedFailures);

using namespace std::chrono_literals;

bool last_error_has(const std::string& text) {
  return std::string(tally_last_error()).find(text) != std::string::npos;
}

#define RANK_FAILS(call, status, text) \
  RANK_CHECK((call) == (status));      \
  RANK_CHECK(last_error_has(text))

TEST(OneSidedArguments, each_bad_one_is_named) {
  expect_ranks(1, [](int) {
    Window w(64, 64);
    const tally_remote_key* key = w.keys.data();
    const std::uint64_t one = 1;
    std::uint64_t before = 0;
    tally_request* request = nullptr;
    tally_remote_key made;
    const auto bad = TALLY_ERR_ARGUMENT;
    RANK_FAILS(tally_memory_export(nullptr, 1, &made), bad, "memory is NULL");
    RANK_FAILS(tally_memory_export(w.region, 1, nullptr), bad, "key is NULL");
    RANK_FAILS(tally_memory_export(w.region, 0, &made), bad, "access 0x0");
    RANK_FAILS(tally_memory_export(w.region, 8, &made), bad, "access 0x8");
    RANK_FAILS(tally_memory_release(nullptr, key), bad, "endpoint is NULL");
    RANK_FAILS(tally_memory_release(w.endpoint, nullptr), bad, "key is NULL");
    RANK_FAILS(tally_remote_key_query(w.endpoint, nullptr, nullptr, nullptr, nullptr), bad, "key is NULL");
    RANK_FAILS(tally_put(nullptr, w.own, 1, key, 0), bad, "endpoint is NULL");
    RANK_FAILS(tally_put(w.endpoint, nullptr, 1, key, 0), bad, "buffer is NULL");
    RANK_FAILS(tally_put(w.endpoint, w.own, 1, nullptr, 0), bad, "key is NULL");
    RANK_FAILS(tally_put(w.endpoint, w.own, static_cast<std::size_t>(-1), key, 0), bad, "length -1 is negative");
    RANK_FAILS(tally_put_start(w.endpoint, w.own, 1, key, 0, nullptr), bad, "request is NULL");
    RANK_FAILS(tally_put(w.endpoint, w.own, 2, key, 63), bad, "offset 63: 2 bytes from there");
    RANK_FAILS(tally_put(w.endpoint, w.own, 0, key, 65), bad, "offset 65");
    RANK_FAILS(tally_put(w.endpoint, w.own, 2, key, ~std::uint64_t{0}), bad, "offset");
    RANK_OK(tally_put(w.endpoint, w.own, 0, key, 64));
    RANK_FAILS(tally_get(w.endpoint, nullptr, 1, key, 0), bad, "buffer is NULL");
    RANK_FAILS(tally_get(w.endpoint, w.own, 65, key, 0), bad, "65 bytes");
    RANK_FAILS(tally_fetch_add(w.endpoint, key, 0, TALLY_F64, &one, &before), bad, "dtype 13");
    RANK_FAILS(tally_fetch_add(w.endpoint, key, 0, TALLY_U64, nullptr, &before), bad, "operand is NULL");
    RANK_FAILS(tally_fetch_add(w.endpoint, key, 4, TALLY_U64, &one, &before), bad, "offset 4: the address there");
    RANK_FAILS(tally_fetch_add(w.endpoint, key, 2, TALLY_U32, &one, &before), bad, "multiple of 4 bytes");
    RANK_FAILS(tally_fetch_add(w.endpoint, key, 64, TALLY_U32, &one, &before), bad, "offset 64");
    RANK_FAILS(tally_swap(w.endpoint, key, 0, TALLY_U64, nullptr, &before), bad, "value is NULL");
    RANK_FAILS(tally_compare_swap(w.endpoint, key, 0, TALLY_U64, nullptr, &one, &before), bad, "compare is NULL");
    RANK_FAILS(tally_compare_swap(w.endpoint, key, 0, TALLY_U64, &one, nullptr, &before), bad, "value is NULL");
    RANK_FAILS(tally_compare_swap_start(w.endpoint, nullptr, 0, TALLY_U64, &one, &one, &before, &request), bad,
               "key is NULL");
    RANK_FAILS(tally_flush(w.endpoint, 1), bad, "rank 1 is out of range");
    RANK_FAILS(tally_flush(w.endpoint, -2), bad, "rank -2 is out of range");
    RANK_FAILS(tally_flush_start(w.endpoint, 0, nullptr), bad, "request is NULL");
    tally_remote_key damaged = *key;
    damaged.bytes[20] ^= 1;
    RANK_FAILS(tally_put(w.endpoint, w.own, 1, &damaged, 0), bad, "key is not one of tally_memory_export");
    RANK_CHECK(request == nullptr);
    RANK_FAILS(tally_memory_deregister(w.region), TALLY_ERR_BUSY, "1 keys of the region are not released");
    RANK_OK(tally_memory_release(w.endpoint, key));
    RANK_FAILS(tally_memory_release(w.endpoint, key), TALLY_ERR_NOT_REGISTERED, "released already");
    RANK_FAILS(tally_put(w.endpoint, w.own, 1, key, 0), TALLY_ERR_NOT_REGISTERED, "key: rank 0 has released it");
    RANK_OK(tally_memory_deregister(w.region));
    w.close();
  });
}

TEST(OneSidedArguments, a_buffer_outside_registered_memory_is_refused_without_the_cache) {
  expect_ranks(1, [](int) {
    Place place(64);
    tally_remote_key key;
    RANK_OK(tally_memory_export(place.region, TALLY_ACCESS_ALL, &key));
    std::vector<std::byte> elsewhere(64);
    RANK_FAILS(tally_put(place.endpoint, elsewhere.data(), 8, &key, 0), TALLY_ERR_NOT_REGISTERED, "buffer");
    RANK_FAILS(tally_get(place.endpoint, elsewhere.data(), 8, &key, 0), TALLY_ERR_NOT_REGISTERED, "buffer");
    RANK_OK(tally_memory_release(place.endpoint, &key));
    place.close();
  });
}

TEST(OneSidedArguments, a_key_tells_owner_length_and_access) {
  expect_ranks(2, [](int) {
    Window w(777, 64, false, TALLY_THREAD_SINGLE, TALLY_ACCESS_READ | TALLY_ACCESS_ATOMIC);
    for (int r = 0; r < 2; ++r) {
      int rank = -1;
      std::size_t length = 0;
      unsigned access = 0;
      RANK_OK(tally_remote_key_query(w.endpoint, &w.keys[static_cast<std::size_t>(r)], &rank, &length, &access));
      RANK_CHECK(rank == r && length == 777 && access == (TALLY_ACCESS_READ | TALLY_ACCESS_ATOMIC));
    }
    RANK_FAILS(tally_memory_release(w.endpoint, &w.keys[static_cast<std::size_t>(1 - w.rank)]), TALLY_ERR_ARGUMENT,
               "which alone releases it");
    w.close();
  });
}

TEST(OneSidedArguments, a_key_of_another_job_is_refused) {
  const auto key = [] {
    static tally_remote_key* shared = static_cast<tally_remote_key*>(
        ::mmap(nullptr, sizeof(tally_remote_key), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    return shared;
  }();
  expect_ranks(1, [key](int) {
    Window w(64, 64);
    *key = w.keys[0];
    w.close();
  });
  expect_ranks(1, [key](int) {
    Window w(64, 64);
    RANK_FAILS(tally_put(w.endpoint, w.own, 1, key, 0), TALLY_ERR_ARGUMENT, "key is of another job");
    w.close();
  });
  ::munmap(key, sizeof *key);
}

TEST_P(OneSidedFailures, an_access_without_its_right_is_refused_and_does_nothing) {
  expect_ranks(2, [](int) {
    Window w(64, 64, false, TALLY_THREAD_SINGLE, TALLY_ACCESS_READ);
    std::memset(w.memory.data(), 3, 64);
    tally_remote_key writable;
    RANK_OK(tally_memory_export(w.region, TALLY_ACCESS_WRITE, &writable));
    const std::vector<tally_remote_key> writables = w.gather(&writable, 1);
    if (w.rank == 0) {
      const std::uint64_t one = 1;
      RANK_OK(tally_get(w.endpoint, w.own, 8, &w.keys[1], 0));
      RANK_FAILS(tally_put(w.endpoint, w.own, 8, &w.keys[1], 0), TALLY_ERR_PROTECTION, "without the right to write");
      RANK_FAILS(tally_fetch_add(w.endpoint, &w.keys[1], 0, TALLY_U64, &one, nullptr), TALLY_ERR_PROTECTION, "atomic");
      RANK_FAILS(tally_get(w.endpoint, w.own, 8, &writables[1], 0), TALLY_ERR_PROTECTION, "without the right to read");
      RANK_OK(tally_put(w.endpoint, w.own, 8, &writables[1], 8));
    }
    w.barrier();
    for (std::size_t i = 0; i < 64; ++i) RANK_CHECK(w.memory[i] == std::byte{3});
    w.close();
  });
}

// What a key says of itself may be forged; its owner's table counts.
TEST_P(OneSidedFailures, the_target_itself_checks_key_range_right_and_alignment) {
  expect_ranks(2, [](int) {
    Window w(64, 8192, false, TALLY_THREAD_SINGLE, TALLY_ACCESS_READ | TALLY_ACCESS_WRITE);
    std::memset(w.memory.data(), 3, 64);
    tally_remote_key atomic;
    RANK_OK(tally_memory_export(w.region, TALLY_ACCESS_ATOMIC, &atomic));
    const std::vector<tally_remote_key> atomics = w.gather(&atomic, 1);
    if (w.rank == 0) {
      api::RemoteKey content;
      RANK_CHECK(api::read_key(w.keys[1], &content).ok());
      const auto forged = [](api::RemoteKey key, auto change) {
        change(key);
        tally_remote_key bytes;
        api::write_key(key, &bytes);
        return bytes;
      };
      const std::uint64_t one = 1;
      const tally_remote_key longer = forged(content, [](api::RemoteKey& key) { key.length = 1u << 20; });
      for (const std::size_t length : {std::size_t{8}, std::size_t{8000}}) {
        RANK_FAILS(tally_put(w.endpoint, w.own, length, &longer, 60), TALLY_ERR_ARGUMENT, "region of 64 bytes that rank 1");
        RANK_FAILS(tally_get(w.endpoint, w.own, length, &longer, 60), TALLY_ERR_ARGUMENT, "region of 64 bytes that rank 1");
      }
      const tally_remote_key more = forged(content, [](api::RemoteKey& key) { key.access = TALLY_ACCESS_ALL; });
      RANK_FAILS(tally_fetch_add(w.endpoint, &more, 0, TALLY_U64, &one, nullptr), TALLY_ERR_PROTECTION, "key: rank 1");
      const tally_remote_key other = forged(content, [](api::RemoteKey& key) { ++key.nonce; });
      RANK_FAILS(tally_put(w.endpoint, w.own, 8, &other, 0), TALLY_ERR_NOT_REGISTERED, "key: rank 1");
      const tally_remote_key beyond = forged(content, [](api::RemoteKey& key) { key.number = 1u << 30; });
      RANK_FAILS(tally_put(w.endpoint, w.own, 8, &beyond, 0), TALLY_ERR_NOT_REGISTERED, "key: rank 1");
      RANK_CHECK(api::read_key(atomics[1], &content).ok());
      const tally_remote_key shifted = forged(content, [](api::RemoteKey& key) { key.low_address = 4; });
      RANK_FAILS(tally_fetch_add(w.endpoint, &shifted, 4, TALLY_U64, &one, nullptr), TALLY_ERR_ARGUMENT, "offset 4");
    }
    w.barrier();
    for (std::size_t i = 0; i < 64; ++i) RANK_CHECK(w.memory[i] == std::byte{3});
    w.close();
  });
}

TEST_P(OneSidedFailures, nothing_is_written_by_a_key_that_has_been_released) {
  expect_ranks(2, [](int) {
    const std::size_t bytes = on_rtl() ? 20000 : 300000;
    Window w(bytes, bytes);
    for (int round = 0; round < (on_rtl() ? 3 : 20); ++round) {
      tally_remote_key key;
      RANK_OK(tally_memory_export(w.region, TALLY_ACCESS_ALL, &key));
      const std::vector<tally_remote_key> keys = w.gather(&key, 1);
      w.barrier();
      if (w.rank == 0) {
        tally_status status = TALLY_OK;
        for (int i = 1; status == TALLY_OK; ++i) {
          const std::size_t length = i % 2 == 0 ? 100 : bytes;
          std::memset(w.own, i, length);
          status = tally_put(w.endpoint, w.own, length, &keys[1], 0);
        }
        RANK_CHECK(status == TALLY_ERR_NOT_REGISTERED && last_error_has("key: rank 1 has released it"));
      } else {
        for (int i = 0; i < round * 3; ++i) {
          RANK_OK(tally_endpoint_progress(w.endpoint));
          std::this_thread::yield();
        }
        RANK_OK(tally_memory_release(w.endpoint, &key));
        const std::vector<std::byte> then(w.memory.begin(), w.memory.begin() + static_cast<std::ptrdiff_t>(bytes));
        for (int i = 0; i < 200; ++i) {
          RANK_OK(tally_endpoint_progress(w.endpoint));
          std::this_thread::sleep_for(20us);
        }
        RANK_CHECK(std::memcmp(then.data(), w.memory.data(), bytes) == 0);
      }
      w.barrier();
      if (w.rank == 0) RANK_OK(tally_memory_release(w.endpoint, &key));
    }
    w.close();
  });
}

TEST_P(OneSidedFailures, a_flush_tells_of_an_operation_that_was_freed_and_failed) {
  expect_ranks(2, [](int) {
    Window w(64, 64);
    w.barrier();
    if (w.rank == 1) RANK_OK(tally_memory_release(w.endpoint, &w.keys[1]));
    w.barrier();
    if (w.rank == 0) {
      tally_request* request = nullptr;
      RANK_OK(tally_put_start(w.endpoint, w.own, 8, &w.keys[1], 0, &request));
      RANK_OK(tally_request_free(&request));
      RANK_FAILS(tally_flush(w.endpoint, 1), TALLY_ERR_NOT_REGISTERED, "an operation on rank 1, freed before its end");
      RANK_OK(tally_flush(w.endpoint, 1));  // told once
    }
    w.barrier();
    w.close();
  });
}

TEST_P(OneSidedFailures, operations_on_a_rank_that_has_left_fail_and_nobody_waits_for_ever) {
  expect_ranks(
      3,
      [](int) {
        Window w(100000, 200000);
        w.barrier();
        if (w.rank == 1) {
          w.close();
          return;
        }
        const std::uint64_t one = 1;
        std::uint64_t before = 0;
        tally_request* requests[4] = {};
        // Some may still be done, or be started before it has left: all end.
        RANK_OK(tally_put_start(w.endpoint, w.own, 100000, &w.keys[1], 0, &requests[0]));
        RANK_OK(tally_get_start(w.endpoint, w.own + 100000, 100000, &w.keys[1], 0, &requests[1]));
        RANK_OK(tally_fetch_add_start(w.endpoint, &w.keys[1], 0, TALLY_U64, &one, &before, &requests[2]));
        RANK_OK(tally_flush_start(w.endpoint, 1, &requests[3]));
        for (tally_request*& request : requests) {
          const tally_status status = tally_wait(&request, nullptr);
          RANK_CHECK(status == TALLY_OK || status == TALLY_ERR_JOB || status == TALLY_ERR_PEER);
        }
        std::this_thread::sleep_for(500ms);
        RANK_CHECK(tally_put(w.endpoint, w.own, 8, &w.keys[1], 0) == TALLY_ERR_JOB);
        RANK_CHECK(last_error_has("rank 1 has left the job"));
        RANK_CHECK(tally_get(w.endpoint, w.own, 100000, &w.keys[1], 0) == TALLY_ERR_JOB);
        // The others go on.
        RANK_OK(tally_put(w.endpoint, w.own, 8, &w.keys[static_cast<std::size_t>(2 - w.rank)], 0));
        RANK_OK(tally_send(w.endpoint, nullptr, nullptr, 0, 2 - w.rank, 0));
        RANK_OK(tally_recv(w.endpoint, nullptr, nullptr, 0, 2 - w.rank, 0, nullptr));
        w.close();
      },
      30s);
}

TEST_P(OneSidedFailures, a_job_that_is_being_ended_ends_the_wait_for_a_rank_that_does_not_answer) {
  const TestJob job(2);
  const auto codes = run_ranks(
      job.segment,
      [&](int) {
        Window w(64, 64);
        w.barrier();
        if (w.rank == 1) {
          std::this_thread::sleep_for(300ms);  // makes no progress
          job.segment.header().failed.store(1);  // as the launcher does
          return;
        }
        tally_status status = TALLY_OK;  // the first ones may meet it in the barrier
        while (status == TALLY_OK) status = tally_put(w.endpoint, w.own, 8, &w.keys[1], 0);
        RANK_CHECK(status == TALLY_ERR_JOB);
      },
      20s);
  EXPECT_EQ(codes, (std::vector<int>{0, 0}));
}

TEST(OneSidedWaits, a_wait_that_fails_tells_of_the_operation_and_of_nothing_else) {
  expect_ranks(2, [](int) {
    if (std::string(std::getenv("TALLY_RANK")) == "0") ::setenv("TALLY_TIMEOUT", "0.5", 1);
    Window w(64, 64);
    w.barrier();
    if (w.rank == 1) {
      std::this_thread::sleep_for(2s);  // makes no progress
      return;
    }
    tally_status status = TALLY_OK;  // the first ones may meet it in the barrier
    while (status == TALLY_OK) status = tally_put(w.endpoint, w.own, 8, &w.keys[1], 0);
    RANK_FAILS(status, TALLY_ERR_TIMEOUT, "s: put of 8 bytes on rank 1: waits for that rank to make progress");
    RANK_CHECK(!last_error_has("receive"));
  });
}

TEST_P(OneSidedFailures, an_endpoint_is_not_closed_while_requests_live) {
  expect_ranks(2, [](int) {
    Window w(64, 64);
    tally_request* request = nullptr;
    RANK_OK(tally_put_start(w.endpoint, w.own, 8, &w.keys[static_cast<std::size_t>(1 - w.rank)], 0, &request));
    RANK_FAILS(tally_endpoint_close(w.endpoint), TALLY_ERR_BUSY, "1 requests");
    RANK_OK(tally_wait(&request, nullptr));
    w.barrier();
    w.close();
  });
}

}  // namespace
}  // namespace tally::test
