// SPDX-License-Identifier: BSD-3-Clause
// One-sided operations: what they do, alone and all at once, against plain models.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "one_sided_place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct OneSided : OnEngine {};
TALLY_ON_EACH_ENGINE(OneSided);

using namespace std::chrono_literals;

TEST_P(OneSided, put_lies_at_the_target_and_nowhere_else_when_it_has_ended) {
  for (const int ranks : rank_counts({1, 2, 3, 4}, 3)) {
    expect_ranks(ranks, [](int) {
      const std::size_t most = on_rtl() ? 70000 : 3u << 20;
      Window window(most + 64, most);
      const int right = (window.rank + 1) % window.size;
      const int left = (window.rank + window.size - 1) % window.size;
      for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{8}, std::size_t{3968},
                                       std::size_t{3969}, std::size_t{8192}, std::size_t{65537}, most}) {
        std::memset(window.memory.data(), 0xee, window.bytes);
        for (std::size_t i = 0; i < length; ++i) window.own[i] = pattern(window.rank, i);
        window.barrier();
        RANK_OK(tally_put(window.endpoint, window.own, length, &window.keys[static_cast<std::size_t>(right)], 17));
        window.barrier();
        for (std::size_t i = 0; i < window.bytes; ++i) {
          const bool inside = i >= 17 && i - 17 < length;
          RANK_CHECK(window.memory[i] == (inside ? pattern(left, i - 17) : std::byte{0xee}));
        }
        window.barrier();
      }
      window.close();
    });
  }
}

TEST_P(OneSided, get_brings_what_the_owner_has_written_and_writes_nowhere_else) {
  for (const int ranks : rank_counts({1, 2, 3, 4}, 3)) {
    expect_ranks(ranks, [](int) {
      const std::size_t most = on_rtl() ? 70000 : 3u << 20;
      Window window(most + 64, most + 64);
      for (std::size_t i = 0; i < window.bytes; ++i) window.memory[i] = pattern(window.rank, i);
      window.barrier();
      for (int target = 0; target < window.size; ++target) {
        for (const std::size_t length :
             {std::size_t{0}, std::size_t{1}, std::size_t{3968}, std::size_t{3969}, std::size_t{65537}, most}) {
          std::memset(window.own, 0xee, most + 64);
          RANK_OK(tally_get(window.endpoint, window.own + 8, length, &window.keys[static_cast<std::size_t>(target)], 33));
          for (std::size_t i = 0; i < most + 64; ++i) {
            const bool inside = i >= 8 && i - 8 < length;
            RANK_CHECK(window.own[i] == (inside ? pattern(target, i - 8 + 33) : std::byte{0xee}));
          }
        }
      }
      window.barrier();
      window.close();
    });
  }
}

template <typename T>
void take_tickets(tally_dtype dtype) {
  for (const int ranks : rank_counts({1, 2, 3, 4}, 3)) {
    expect_ranks(ranks, [dtype](int) {
      const std::size_t each = on_rtl() ? 20 : 500;
      Window window(64, 4096 * sizeof(T));
      std::memset(window.memory.data(), 0, window.bytes);
      window.barrier();
      // All ranks, the owner too, take tickets of rank 0: each number once, ascending for each rank.
      T* own = reinterpret_cast<T*>(window.own);
      const T one = 1;
      for (std::size_t i = 0; i < each; ++i) {
        RANK_OK(tally_fetch_add(window.endpoint, &window.keys[0], 8, dtype, &one, &own[i]));
        RANK_CHECK(i == 0 || own[i] > own[i - 1]);
      }
      std::vector<T> all = window.gather(own, each);
      std::sort(all.begin(), all.end());
      for (std::size_t i = 0; i < all.size(); ++i) RANK_CHECK(all[i] == static_cast<T>(i));
      if (window.rank == 0) {
        T left[3];
        std::memcpy(left, window.memory.data() + 8 - sizeof(T), sizeof left);
        RANK_CHECK(left[0] == 0 && left[1] == static_cast<T>(all.size()) && left[2] == 0);
      }
      window.barrier();
      window.close();
    });
  }
}

TEST_P(OneSided, fetch_add_of_64_bits_gives_each_ticket_once) { take_tickets<std::uint64_t>(TALLY_U64); }
TEST_P(OneSided, fetch_add_of_32_bits_gives_each_ticket_once) { take_tickets<std::int32_t>(TALLY_I32); }

TEST_P(OneSided, compare_swap_makes_a_lock_under_which_a_counter_loses_nothing) {
  expect_ranks(rank_counts({4}, 4).front(), [](int) {
    const int rounds = on_rtl() ? 5 : 100;
    Window window(64, 64);
    std::memset(window.memory.data(), 0, window.bytes);
    window.barrier();
    const auto& key = window.keys[1];
    const std::uint64_t free = 0;
    const auto mine = static_cast<std::uint64_t>(window.rank + 1);
    auto* counter = reinterpret_cast<std::uint64_t*>(window.own);
    for (int i = 0; i < rounds; ++i) {
      std::uint64_t before = 1;
      while (before != free)
        RANK_OK(tally_compare_swap(window.endpoint, &key, 0, TALLY_U64, &free, &mine, &before));
      RANK_OK(tally_get(window.endpoint, counter, sizeof *counter, &key, 8));
      ++*counter;
      RANK_OK(tally_put(window.endpoint, counter, sizeof *counter, &key, 8));
      RANK_OK(tally_swap(window.endpoint, &key, 0, TALLY_U64, &free, &before));
      RANK_CHECK(before == mine);
    }
    window.barrier();
    RANK_OK(tally_get(window.endpoint, counter, sizeof *counter, &key, 8));
    RANK_CHECK(*counter == static_cast<std::uint64_t>(rounds * window.size));
    window.barrier();
    window.close();
  });
}

TEST_P(OneSided, atomics_of_32_bits_wrap_around_and_leave_their_neighbours_alone) {
  expect_ranks(2, [](int) {
    Window window(64, 64);
    std::memset(window.memory.data(), 0xab, window.bytes);
    const std::uint32_t most = 0xffffffff;
    std::memcpy(window.memory.data() + 4, &most, 4);
    window.barrier();
    if (window.rank == 0) {
      const std::uint32_t two = 2;
      std::uint32_t before = 0;
      RANK_OK(tally_fetch_add(window.endpoint, &window.keys[1], 4, TALLY_U32, &two, &before));
      RANK_CHECK(before == most);
      const std::uint32_t one = 1;
      const std::uint32_t nine = 9;
      RANK_OK(tally_compare_swap(window.endpoint, &window.keys[1], 4, TALLY_I32, &two, &nine, &before));
      RANK_CHECK(before == 1);  // not stored
      RANK_OK(tally_compare_swap(window.endpoint, &window.keys[1], 4, TALLY_I32, &one, &nine, nullptr));
      RANK_OK(tally_fetch_add(window.endpoint, &window.keys[1], 4, TALLY_U32, &one, nullptr));
    }
    window.barrier();
    if (window.rank == 1) {
      std::uint32_t now[3];
      std::memcpy(now, window.memory.data(), sizeof now);
      RANK_CHECK(now[0] == 0xabababab && now[1] == 10 && now[2] == 0xabababab);
    }
    window.close();
  });
}

// Each rank has a part of every region of its own, which it alone changes: a model of it tells what must be there. What is
// common to all are counters, to which everybody adds.
TEST_P(OneSided, random_operations_of_all_ranks_do_what_a_plain_model_does) {
  const std::uint64_t first = seed(0x5eed);
  for (const int ranks : rank_counts({1, 2, 3, 4}, 3)) {
    expect_ranks(ranks, [first](int rank) {
      constexpr std::size_t kCounters = 4;
      const std::size_t part = on_rtl() ? 6000 : 40000;
      const int rounds = (on_rtl() ? 60 : 800) * static_cast<int>(effort());
      Random random(first + static_cast<std::uint64_t>(rank));
      constexpr std::size_t kAtOnce = 8;
      const int size = std::atoi(std::getenv("TALLY_SIZE"));
      Window window(64 + part * static_cast<std::size_t>(size), part * kAtOnce);
      std::memset(window.memory.data(), 0, window.bytes);
      window.barrier();
      std::vector<std::vector<std::byte>> model(static_cast<std::size_t>(size), std::vector<std::byte>(part));
      std::vector<std::uint64_t> added(kCounters * static_cast<std::size_t>(size));
      struct Pending {
        tally_request* request = nullptr;
        int target = 0;
        std::size_t begin = 0, end = 0;
        std::function<void()> check;
      };
      std::vector<Pending> pending(kAtOnce);
      std::vector<std::uint64_t> results(kAtOnce);
      const std::size_t base = 64 + part * static_cast<std::size_t>(rank);
      const auto finish_one = [&](std::size_t k) {
        RANK_OK(tally_wait(&pending[k].request, nullptr));
        if (pending[k].check) pending[k].check();
        pending[k] = {};
      };
      for (int round = 0; round < rounds; ++round) {
        const std::size_t k = random.below(kAtOnce);
        if (pending[k].request != nullptr) finish_one(k);
        const int target = static_cast<int>(random.below(static_cast<std::uint64_t>(size)));
        std::vector<std::byte>& there = model[static_cast<std::size_t>(target)];
        const auto& key = window.keys[static_cast<std::size_t>(target)];
        const std::uint64_t kind = random.below(5);
        std::size_t length = random.below(3) == 0 ? random.below(part) : random.below(64);
        std::size_t begin = random.below(part - length);
        if (kind >= 2) {
          length = kind == 4 ? 4 : 8;
          begin = random.below(part / 8 - 1) * 8;
        }
        for (std::size_t other = 0; other < kAtOnce; ++other) {
          Pending& p = pending[other];
          if (p.request != nullptr && p.target == target && p.begin < begin + length && begin < p.end) finish_one(other);
        }
        Pending& next = pending[k];
        next.target = target;
        next.begin = begin;
        next.end = begin + length;
        std::byte* buffer = window.own + k * part;
        if (kind == 0) {
          for (std::size_t i = 0; i < length; ++i) buffer[i] = static_cast<std::byte>(random.next());
          std::copy_n(buffer, length, there.begin() + static_cast<std::ptrdiff_t>(begin));
          RANK_OK(tally_put_start(window.endpoint, buffer, length, &key, base + begin, &next.request));
        } else if (kind == 1) {
          std::vector<std::byte> expected(there.begin() + static_cast<std::ptrdiff_t>(begin),
                                          there.begin() + static_cast<std::ptrdiff_t>(begin + length));
          RANK_OK(tally_get_start(window.endpoint, buffer, length, &key, base + begin, &next.request));
          next.check = [buffer, expected] { RANK_CHECK(std::equal(expected.begin(), expected.end(), buffer)); };
        } else {
          const std::uint64_t operand = random.next();
          std::uint64_t before = 0;
          std::memcpy(&before, &there[begin], length);
          const std::uint64_t compare = random.below(2) == 0 ? before : random.next();
          // The address is aligned where the part of this rank begins at a multiple of 8.
          std::uint64_t after = kind == 3 ? (before == compare ? operand : before) : before + operand;
          std::memcpy(&there[begin], &after, length);
          if (kind == 3) {
            RANK_OK(tally_compare_swap_start(window.endpoint, &key, base + begin, TALLY_U64, &compare, &operand,
                                             &results[k], &next.request));
          } else {
            RANK_OK(tally_fetch_add_start(window.endpoint, &key, base + begin, kind == 4 ? TALLY_U32 : TALLY_I64, &operand,
                                          &results[k], &next.request));
          }
          next.check = [&results, k, before, length] { RANK_CHECK(std::memcmp(&results[k], &before, length) == 0); };
        }
        const std::uint64_t counter = random.below(kCounters);
        const std::uint64_t sum = random.below(1000);
        added[static_cast<std::size_t>(target) * kCounters + counter] += sum;
        RANK_OK(tally_fetch_add(window.endpoint, &key, 8 * counter, TALLY_U64, &sum, nullptr));
      }
      for (std::size_t k = 0; k < kAtOnce; ++k) {
        if (pending[k].request != nullptr) finish_one(k);
      }
      for (int target = 0; target < size; ++target) {
        RANK_OK(tally_get(window.endpoint, window.own, part, &window.keys[static_cast<std::size_t>(target)], base));
        RANK_CHECK(std::memcmp(window.own, model[static_cast<std::size_t>(target)].data(), part) == 0);
      }
      const std::vector<std::uint64_t> all = window.gather(added.data(), added.size());
      for (std::size_t counter = 0; counter < kCounters; ++counter) {
        std::uint64_t sum = 0;
        for (std::size_t r = 0; r < static_cast<std::size_t>(size); ++r)
          sum += all[r * added.size() + static_cast<std::size_t>(rank) * kCounters + counter];
        RANK_CHECK(std::memcmp(window.memory.data() + 8 * counter, &sum, 8) == 0);
      }
      window.barrier();
      window.close();
    });
  }
}

TEST_P(OneSided, requests_are_waited_and_tested_for_as_any) {
  expect_ranks(2, [](int) {
    Window window(1024, 8192);
    const auto& key = window.keys[static_cast<std::size_t>(1 - window.rank)];
    if (window.rank == 0) {
      std::memset(window.own, 0x5a, 1024);
      tally_request* requests[6] = {};
      const std::uint64_t one = 1;
      std::uint64_t before[2] = {};
      RANK_OK(tally_put_start(window.endpoint, window.own, 100, &key, 64, &requests[0]));
      RANK_OK(tally_get_start(window.endpoint, window.own + 4096, 100, &key, 512, &requests[1]));
      RANK_OK(tally_fetch_add_start(window.endpoint, &key, 0, TALLY_U64, &one, &before[0], &requests[2]));
      RANK_OK(tally_fetch_add_start(window.endpoint, &key, 0, TALLY_U64, &one, &before[1], &requests[3]));
      RANK_OK(tally_flush_start(window.endpoint, 1, &requests[4]));
      RANK_OK(tally_flush_start(window.endpoint, TALLY_ALL_RANKS, &requests[5]));
      int index = -1;
      tally_result result = empty_result();
      RANK_OK(tally_wait_any(requests, 2, &index, &result));
      RANK_CHECK((index == 0 || index == 1) && requests[index] == nullptr);
      RANK_CHECK(result.length == 100 && result.source == -1 && result.tag == -1);
      int indices[6];
      int ended = 0;
      RANK_OK(tally_wait_some(requests, 6, indices, nullptr, nullptr, &ended));
      RANK_CHECK(ended >= 1);
      tally_status status = TALLY_AGAIN;
      while (status == TALLY_AGAIN) status = tally_test_all(requests, 6, nullptr, nullptr);
      RANK_OK(status);
      RANK_CHECK(before[0] + 1 == before[1]);  // of one rank: in their order
      RANK_CHECK(tally_cancel(nullptr) == TALLY_ERR_ARGUMENT);
    }
    window.barrier();
    if (window.rank == 1) {
      for (std::size_t i = 0; i < 100; ++i) RANK_CHECK(window.memory[64 + i] == std::byte{0x5a});
    }
    window.close();
  });
}

TEST_P(OneSided, a_message_after_a_flush_comes_after_all_puts_whose_requests_were_freed) {
  expect_ranks(2, [](int) {
    constexpr std::size_t kPuts = 100;
    const std::size_t each = on_rtl() ? 500 : 5000;
    Window window(kPuts * each, kPuts * each + 64);
    window.barrier();
    for (int round = 0; round < 3; ++round) {
      if (window.rank == 0) {
        std::memset(window.own, round + 1, kPuts * each);
        for (std::size_t i = 0; i < kPuts; ++i) {
          tally_request* request = nullptr;
          RANK_OK(tally_put_start(window.endpoint, window.own + i * each, each, &window.keys[1], i * each, &request));
          RANK_OK(tally_request_free(&request));
        }
        RANK_OK(tally_flush(window.endpoint, 1));
        RANK_OK(tally_send(window.endpoint, nullptr, nullptr, 0, 1, 3));
        RANK_OK(tally_recv(window.endpoint, nullptr, nullptr, 0, 1, 3, nullptr));
      } else {
        RANK_OK(tally_recv(window.endpoint, nullptr, nullptr, 0, 0, 3, nullptr));
        for (std::size_t i = 0; i < kPuts * each; ++i) RANK_CHECK(window.memory[i] == static_cast<std::byte>(round + 1));
        RANK_OK(tally_send(window.endpoint, nullptr, nullptr, 0, 0, 3));
      }
    }
    window.close();
  });
}

// The owner computes and does not call: its library's thread answers.
TEST_P(OneSided, a_progress_thread_serves_a_rank_that_makes_no_calls) {
  expect_ranks(2, [](int) {
    Window window(64, 64, true);
    std::memset(window.memory.data(), 0, 64);
    window.barrier();
    auto* flag = reinterpret_cast<std::uint64_t*>(window.memory.data());
    const std::uint64_t one = 1;
    if (window.rank == 0) {
      std::uint64_t before = 7;
      for (std::uint64_t i = 0; i < 5; ++i) {
        RANK_OK(tally_fetch_add(window.endpoint, &window.keys[1], 0, TALLY_U64, &one, &before));
        RANK_CHECK(before == i);
      }
    } else {
      while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) != 5) std::this_thread::sleep_for(100us);
    }
    window.barrier();
    window.close();
  });
}

TEST_P(OneSided, threads_of_all_ranks_take_each_ticket_once_and_find_what_they_put) {
  expect_ranks(2, [](int) {
    constexpr std::size_t kThreads = 4;
    const std::size_t each = on_rtl() ? 8 : 200;
    Window window(8 + kThreads * 2 * 8192, kThreads * 16384, false, TALLY_THREAD_MULTIPLE);
    std::memset(window.memory.data(), 0, window.bytes);
    window.barrier();
    std::vector<std::vector<std::uint64_t>> tickets(kThreads);
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const std::uint64_t one = 1;
        std::byte* out = window.own + t * 16384;
        std::byte* in = out + 8192;
        const std::size_t mine = 8 + (t * 2 + static_cast<std::size_t>(window.rank)) * 8192;
        for (std::size_t i = 0; i < each; ++i) {
          std::uint64_t ticket = 0;
          const auto& key = window.keys[i % 2];
          const std::size_t length = 1 + (i * 977) % 8192;
          std::memset(out, static_cast<int>(i + t), length);
          if (tally_fetch_add(window.endpoint, &window.keys[0], 0, TALLY_U64, &one, &ticket) != TALLY_OK ||
              tally_put(window.endpoint, out, length, &key, mine) != TALLY_OK ||
              tally_get(window.endpoint, in, length, &key, mine) != TALLY_OK || std::memcmp(out, in, length) != 0)
            ++failures;
          tickets[t].push_back(ticket);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    RANK_CHECK(failures == 0);
    std::vector<std::uint64_t> own;
    for (const auto& some : tickets) own.insert(own.end(), some.begin(), some.end());
    std::vector<std::uint64_t> all = window.gather(own.data(), own.size());
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i < all.size(); ++i) RANK_CHECK(all[i] == i);
    window.barrier();
    window.close();
  });
}

TEST_P(OneSided, counters_tell_what_was_done_and_who_did_it) {
  expect_ranks(2, [](int) {
    Window window(64, 64);
    const std::uint64_t one = 1;
    const tally_counters before = window.counters();
    for (const int target : {0, 1}) {
      const auto& key = window.keys[static_cast<std::size_t>(target)];
      RANK_OK(tally_put(window.endpoint, window.own, 24, &key, 32));
      RANK_OK(tally_get(window.endpoint, window.own, 16, &key, 0));
      RANK_OK(tally_fetch_add(window.endpoint, &key, 8, TALLY_U64, &one, nullptr));
      RANK_OK(tally_flush(window.endpoint, target));
    }
    const tally_counters after = window.counters();
    RANK_CHECK(after.puts - before.puts == 2 && after.put_bytes - before.put_bytes == 48);
    RANK_CHECK(after.gets - before.gets == 2 && after.got_bytes - before.got_bytes == 32);
    RANK_CHECK(after.atomics - before.atomics == 2);
    RANK_CHECK(after.sends == before.sends && after.receives == before.receives);
    // One's own memory needs nobody's help.
    RANK_CHECK(after.fallback_one_sided - before.fallback_one_sided == 3);
    window.barrier();
    window.close();
  });
}

}  // namespace
}  // namespace tally::test
