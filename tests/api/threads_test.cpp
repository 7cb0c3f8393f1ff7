// SPDX-License-Identifier: BSD-3-Clause
// Several threads on one endpoint, and the library's own.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Threads : OnEngine {};
TALLY_ON_EACH_ENGINE(Threads);

tally_options options(tally_threads threads, bool progress_thread = false) {
  tally_options options{};
  options.size = sizeof options;
  options.memory_cache = 1;
  options.threads = threads;
  options.progress_thread = progress_thread ? 1 : 0;
  return options;
}

struct Shared {
  explicit Shared(const tally_options& options = test::options(TALLY_THREAD_MULTIPLE)) {
    RANK_OK(tally_endpoint_open_with(&options, &endpoint));
    RANK_OK(tally_endpoint_rank(endpoint, &rank));
    RANK_OK(tally_endpoint_size(endpoint, &size));
  }
  void close() { RANK_OK(tally_endpoint_close(endpoint)); }
  tally_endpoint* endpoint = nullptr;
  int rank = -1;
  int size = 0;
};

/// Runs body(0) to body(count - 1) side by side; a failed check of one fails the rank.
void run_threads(int count, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        body(i);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "thread %d: %s\n", i, error.what());
        std::_Exit(1);  // the others may wait for it for ever
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

int rounds(int soft) { return on_rtl() ? soft / 20 : soft; }

TEST_P(Threads, one_thread_sends_what_another_waits_for) {
  expect_ranks(1, [](int) {
    Shared shared;
    run_threads(2, [&](int self) {
      for (int i = 0; i < rounds(1000); ++i) {
        int out = 10 * i + self;
        int in = -1;
        if (self == 0) RANK_OK(tally_send(shared.endpoint, nullptr, &out, sizeof out, 0, 1));
        RANK_OK(tally_recv(shared.endpoint, nullptr, &in, sizeof in, 0, self == 0 ? 0 : 1, nullptr));
        RANK_CHECK(in == 10 * i + 1 - self);
        if (self == 1) RANK_OK(tally_send(shared.endpoint, nullptr, &out, sizeof out, 0, 0));
      }
    });
    shared.close();
  });
}

TEST_P(Threads, each_talks_to_its_counterpart_on_the_other_rank) {
  expect_ranks(2, [](int rank) {
    Shared shared;
    run_threads(4, [&](int self) {
      const int tag = self;
      std::vector<int> out(self == 3 ? 20000 : 3);  // one of them with long messages
      std::vector<int> in(out.size());
      for (int i = 0; i < rounds(400); ++i) {
        std::iota(out.begin(), out.end(), i * 7 + rank);
        tally_request* request = nullptr;
        RANK_OK(
            tally_recv_start(shared.endpoint, nullptr, in.data(), in.size() * 4, 1 - rank, tag, &request));
        RANK_OK(tally_send(shared.endpoint, nullptr, out.data(), out.size() * 4, 1 - rank, tag));
        if (i % 2 == 0) {
          RANK_OK(tally_wait(&request, nullptr));
        } else {
          int index = -1;
          RANK_OK(tally_wait_any(&request, 1, &index, nullptr));
        }
        for (std::size_t k = 0; k < in.size(); ++k)
          RANK_CHECK(in[k] == static_cast<int>(k) + i * 7 + 1 - rank);
      }
    });
    shared.close();
  });
}

TEST_P(Threads, a_thread_that_tests_ends_what_others_wait_for) {
  expect_ranks(1, [](int) {
    Shared shared;
    std::atomic<bool> over{false};
    std::atomic<int> ended{0};
    run_threads(4, [&](int self) {
      if (self == 0) {
        tally_request* mine = nullptr;
        int word = 0;
        RANK_OK(tally_recv_start(shared.endpoint, nullptr, &word, 4, 0, 77, &mine));
        while (!over.load()) {
          RANK_CHECK(tally_test(&mine, nullptr) == TALLY_AGAIN);
          std::this_thread::yield();
        }
        RANK_OK(tally_cancel(mine));
        RANK_CHECK(tally_wait(&mine, nullptr) == TALLY_ERR_CANCELLED);
      } else if (self == 1) {
        for (int i = 0; i < 2 * rounds(300); ++i)
          RANK_OK(tally_send(shared.endpoint, nullptr, &i, 4, 0, 2 + i % 2));
      } else {
        for (int i = 0; i < rounds(300); ++i) {
          int word = -1;
          RANK_OK(tally_recv(shared.endpoint, nullptr, &word, 4, 0, self, nullptr));
          RANK_CHECK(word == 2 * i + self - 2);
        }
        if (++ended == 2) over.store(true);
      }
    });
    shared.close();
  });
}

TEST_P(Threads, probes_and_claims_of_several_threads_take_each_message_once) {
  expect_ranks(2, [](int rank) {
    Shared shared;
    const int messages = rounds(400);
    if (rank == 0) {
      for (int i = 0; i < messages; ++i) RANK_OK(tally_send(shared.endpoint, nullptr, &i, 4, 1, 5));
    } else {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(messages));
      std::atomic<int> left{messages};
      run_threads(3, [&](int self) {
        while (left.fetch_sub(1) > 0) {
          tally_message* message = nullptr;
          if (self == 0) {
            RANK_OK(tally_mprobe(shared.endpoint, nullptr, 0, 5, &message, nullptr));
          } else {
            int found = 0;
            while (found == 0)
              RANK_OK(tally_improbe(shared.endpoint, nullptr, 0, 5, &found, &message, nullptr));
          }
          int word = -1;
          RANK_OK(tally_mrecv(&message, &word, 4, nullptr));
          RANK_CHECK(word >= 0 && word < messages);
          ++seen[static_cast<std::size_t>(word)];
        }
      });
      for (const std::atomic<int>& times : seen) RANK_CHECK(times.load() == 1);
    }
    shared.close();
  });
}

TEST_P(Threads, groups_are_made_used_and_freed_side_by_side) {
  expect_ranks(3, [](int) {
    Shared shared;
    run_threads(3, [&](int self) {
      const int all[] = {0, 1, 2};
      for (int i = 0; i < rounds(60); ++i) {
        tally_group* group = nullptr;
        RANK_OK(tally_group_create_keyed(shared.endpoint, all, 3, static_cast<std::uint64_t>(self), &group));
        int in = shared.rank + self + i;
        int out = 0;
        RANK_OK(tally_allreduce(shared.endpoint, group, &in, &out, 1, TALLY_I32, TALLY_SUM));
        RANK_CHECK(out == 3 * (1 + self + i));
        RANK_OK(tally_barrier(shared.endpoint, group));
        RANK_OK(tally_group_free(group));
      }
    });
    shared.close();
  });
}

struct Condition {
  std::atomic<bool> is{false};
  std::atomic<int> looks{0};
};

int look(void* argument) {
  auto& condition = *static_cast<Condition*>(argument);
  ++condition.looks;
  return condition.is.load() ? 1 : 0;
}

TEST_P(Threads, wait_for_a_condition_looks_again_when_it_is_woken) {
  expect_ranks(1, [](int) {
    Shared shared;
    Condition condition;
    run_threads(3, [&](int self) {
      if (self < 2) {
        RANK_OK(tally_endpoint_wait_until(shared.endpoint, look, &condition));
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        condition.is.store(true);
        RANK_OK(tally_endpoint_wake(shared.endpoint));
      }
    });
    shared.close();
  });
}

TEST_P(Threads, random_traffic_of_many_threads_arrives) {
  const std::uint64_t first = seed(11);
  expect_ranks(2, [&](int rank) {
    Shared shared;
    run_threads(6, [&](int self) {
      std::mt19937_64 random(first + static_cast<std::uint64_t>(self));  // the same on both ranks
      for (int i = 0; i < rounds(100); ++i) {
        const std::size_t count = 1 + random() % 6;
        std::vector<std::vector<int>> out(count);
        std::vector<std::vector<int>> in(count);
        std::vector<tally_request*> requests(2 * count);
        const std::uint64_t way = random() % 4;
        for (std::size_t k = 0; k < count; ++k) {
          const std::size_t words = random() % (random() % 8 == 0 ? 12000 : 40);
          in[k].assign(words, -1);
          out[k].resize(words);
          std::iota(out[k].begin(), out[k].end(), static_cast<int>(k) + i + rank);
          const int tag = 100 * self + static_cast<int>(k);
          RANK_OK(tally_recv_start(shared.endpoint, nullptr, in[k].data(), 4 * words, 1 - rank, tag,
                                   &requests[k]));
          RANK_OK(tally_send_start(shared.endpoint, nullptr, out[k].data(), 4 * words, 1 - rank, tag,
                                   &requests[count + k]));
        }
        if (way == 0) {
          RANK_OK(tally_wait_all(requests.data(), requests.size()));
        } else if (way == 1) {
          tally_status status = TALLY_AGAIN;
          while (status == TALLY_AGAIN) {
            status = tally_test_all(requests.data(), requests.size(), nullptr, nullptr);
            std::this_thread::yield();
          }
          RANK_OK(status);
        } else if (way == 2) {
          for (std::size_t left = requests.size(); left > 0; --left) {
            int index = -1;
            RANK_OK(tally_wait_any(requests.data(), requests.size(), &index, nullptr));
            RANK_CHECK(index >= 0);
          }
        } else {
          std::vector<int> indices(requests.size());
          for (int ended = 0; ended != -1;)
            RANK_OK(
                tally_wait_some(requests.data(), requests.size(), indices.data(), nullptr, nullptr, &ended));
        }
        for (std::size_t k = 0; k < count; ++k) {
          for (std::size_t w = 0; w < in[k].size(); ++w)
            RANK_CHECK(in[k][w] == static_cast<int>(w + k) + i + 1 - rank);
        }
      }
    });
    shared.close();
  });
}

TEST_P(Threads, the_progress_thread_moves_a_long_message_while_the_program_computes) {
  expect_ranks(2, [](int rank) {
    Shared shared(options(TALLY_THREAD_SINGLE, true));
    std::vector<std::byte> data(on_rtl() ? 50000 : 1u << 20, std::byte{0});
    if (rank == 0) {
      std::memset(data.data(), 9, data.size());
      RANK_OK(tally_recv(shared.endpoint, nullptr, nullptr, 0, 1, 0, nullptr));
      RANK_OK(tally_send(shared.endpoint, nullptr, data.data(), data.size(), 1, 1));
    } else {
      tally_request* request = nullptr;
      RANK_OK(tally_recv_start(shared.endpoint, nullptr, data.data(), data.size(), 0, 1, &request));
      RANK_OK(tally_send(shared.endpoint, nullptr, nullptr, 0, 0, 0));
      const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      auto* last = reinterpret_cast<std::atomic<std::byte>*>(&data.back());
      while (last->load() != std::byte{9}) {  // no call of the library
        RANK_CHECK(std::chrono::steady_clock::now() < limit);
        std::this_thread::yield();
      }
      RANK_OK(tally_wait(&request, nullptr));
      for (const std::byte byte : data) RANK_CHECK(byte == std::byte{9});
    }
    shared.close();
  });
}

TEST_P(Threads, calls_beside_the_progress_thread_are_as_without_it) {
  for (const tally_threads threads :
       {TALLY_THREAD_FUNNELED, TALLY_THREAD_SERIALIZED, TALLY_THREAD_MULTIPLE}) {
    expect_ranks(2, [&](int rank) {
      Shared shared(options(threads, true));
      for (int i = 0; i < rounds(200); ++i) {
        int word = i;
        if (rank == 0) RANK_OK(tally_send(shared.endpoint, nullptr, &word, 4, 1, 0));
        RANK_OK(tally_recv(shared.endpoint, nullptr, &word, 4, 1 - rank, 0, nullptr));
        RANK_CHECK(word == i);
        if (rank == 1) RANK_OK(tally_send(shared.endpoint, nullptr, &word, 4, 0, 0));
        int sum = 0;
        RANK_OK(tally_allreduce(shared.endpoint, nullptr, &word, &sum, 1, TALLY_I32, TALLY_SUM));
        RANK_CHECK(sum == 2 * i);
      }
      shared.close();
    });
  }
}

TEST_P(Threads, a_wait_of_one_thread_that_gives_up_leaves_the_others) {
  ::setenv("TALLY_TIMEOUT", "0.3", 1);
  expect_ranks(1, [](int) {
    Shared shared;
    run_threads(2, [&](int self) {
      int word = 0;
      RANK_CHECK(tally_recv(shared.endpoint, nullptr, &word, 4, 0, self, nullptr) == TALLY_ERR_TIMEOUT);
      RANK_CHECK(std::strstr(tally_last_error(), "no progress") != nullptr);
    });
    shared.close();
  });
  ::unsetenv("TALLY_TIMEOUT");
}

}  // namespace
}  // namespace tally::test
