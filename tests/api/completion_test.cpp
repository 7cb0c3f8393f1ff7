// SPDX-License-Identifier: BSD-3-Clause
// Waits and tests for all, any and some of several requests.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Completions : OnEngine {};
TALLY_ON_EACH_ENGINE(Completions);

/// One rank that sends itself what its receives wait for.
struct Self : Place {
  tally_request* receive(std::size_t at, int tag, std::size_t bytes = 4) {
    tally_request* request = nullptr;
    RANK_OK(tally_recv_start(endpoint, nullptr, this->at<void>(at), bytes, 0, tag, &request));
    return request;
  }
  void send(int tag, std::size_t bytes = 4) {
    RANK_OK(tally_send(endpoint, nullptr, at<void>(4096), bytes, 0, tag));
  }
};

TEST_P(Completions, any_takes_the_one_that_has_ended_and_leaves_the_others) {
  expect_ranks(1, [](int) {
    Self self;
    std::array<tally_request*, 5> requests{self.receive(0, 0), nullptr, self.receive(8, 1),
                                           self.receive(16, 2), nullptr};
    tally_result result = empty_result();
    int index = 77;
    RANK_CHECK(tally_test_any(requests.data(), 5, &index, &result) == TALLY_AGAIN && index == -1);
    self.send(2);
    RANK_OK(tally_wait_any(requests.data(), 5, &index, &result));
    RANK_CHECK(index == 3 && result.tag == 2 && result.length == 4 && requests[3] == nullptr);
    self.send(0);
    tally_status status = TALLY_AGAIN;
    while (status == TALLY_AGAIN) status = tally_test_any(requests.data(), 5, &index, nullptr);
    RANK_CHECK(status == TALLY_OK && index == 0 && requests[0] == nullptr && requests[2] != nullptr);
    self.send(1);
    RANK_OK(tally_wait_any(requests.data(), 5, &index, &result));
    RANK_CHECK(index == 2 && result.tag == 1);
    RANK_OK(tally_wait_any(requests.data(), 5, &index, &result));
    RANK_CHECK(index == -1 && result.source == -1 && result.tag == -1 && result.length == 0);
    RANK_OK(tally_test_any(nullptr, 0, &index, nullptr));
    RANK_CHECK(index == -1);
    self.close();
  });
}

TEST_P(Completions, any_gives_the_status_and_the_index_of_one_that_failed) {
  expect_ranks(1, [](int) {
    Self self;
    std::array<tally_request*, 2> requests{self.receive(0, 0), self.receive(8, 1)};
    self.send(1, 100);
    tally_result result = empty_result();
    int index = -1;
    RANK_CHECK(tally_wait_any(requests.data(), 2, &index, &result) == TALLY_ERR_TRUNCATED);
    RANK_CHECK(index == 1 && result.length == 100 && requests[1] == nullptr);
    RANK_OK(tally_cancel(requests[0]));
    RANK_CHECK(tally_wait_any(requests.data(), 2, &index, nullptr) == TALLY_ERR_CANCELLED && index == 0);
    self.close();
  });
}

TEST_P(Completions, some_takes_all_that_have_ended) {
  expect_ranks(1, [](int) {
    Self self;
    std::array<tally_request*, 4> requests{self.receive(0, 0), nullptr, self.receive(8, 1),
                                           self.receive(16, 2, 2)};
    std::array<int, 4> indices{};
    std::array<tally_result, 4> results{};
    results[0].size = sizeof(tally_result);
    std::array<tally_status, 4> statuses{};
    int ended = 77;
    RANK_CHECK(tally_test_some(requests.data(), 4, indices.data(), nullptr, nullptr, &ended) == TALLY_AGAIN &&
               ended == 0);
    self.send(2);
    self.send(0);
    tally_status status = TALLY_OK;
    int taken = 0;
    while (taken < 2) {  // a device may tell of them one after the other
      const tally_status one = tally_wait_some(requests.data(), 4, indices.data() + taken,
                                               results.data() + taken, statuses.data() + taken, &ended);
      if (one != TALLY_OK) status = one;
      RANK_CHECK(ended >= 1);
      taken += ended;
      if (taken < 2) results[static_cast<std::size_t>(taken)].size = sizeof(tally_result);
    }
    RANK_CHECK(status == TALLY_ERR_TRUNCATED && taken == 2);
    const std::size_t last = indices[0] == 0 ? 1 : 0;
    RANK_CHECK(indices[1 - last] == 0 && statuses[1 - last] == TALLY_OK && results[1 - last].tag == 0);
    RANK_CHECK(indices[last] == 3 && statuses[last] == TALLY_ERR_TRUNCATED && results[last].tag == 2);
    RANK_CHECK(results[last].length == 4 && results[last].size == sizeof(tally_result));
    self.send(1);
    do {
      status = tally_test_some(requests.data(), 4, indices.data(), nullptr, statuses.data(), &ended);
    } while (status == TALLY_AGAIN);
    RANK_CHECK(status == TALLY_OK && ended == 1 && indices[0] == 2 && statuses[0] == TALLY_OK);
    RANK_OK(tally_wait_some(requests.data(), 4, indices.data(), nullptr, nullptr, &ended));
    RANK_CHECK(ended == -1);
    RANK_OK(tally_test_some(nullptr, 0, nullptr, nullptr, nullptr, &ended));
    RANK_CHECK(ended == -1);
    self.close();
  });
}

TEST_P(Completions, all_is_all_or_nothing_to_a_test_and_tells_of_each) {
  expect_ranks(1, [](int) {
    Self self;
    std::array<tally_request*, 3> requests{self.receive(0, 0), nullptr, self.receive(8, 1)};
    std::array<tally_result, 3> results{};
    results[0].size = sizeof(tally_result);
    std::array<tally_status, 3> statuses{TALLY_ERR_INTERNAL, TALLY_ERR_INTERNAL, TALLY_ERR_INTERNAL};
    self.send(0);
    for (int i = 0; i < 20; ++i) {
      RANK_CHECK(tally_test_all(requests.data(), 3, results.data(), statuses.data()) == TALLY_AGAIN);
      RANK_CHECK(requests[0] != nullptr && statuses[0] == TALLY_ERR_INTERNAL);
    }
    self.send(1, 9);
    tally_status status = TALLY_AGAIN;
    while (status == TALLY_AGAIN)
      status = tally_test_all(requests.data(), 3, results.data(), statuses.data());
    RANK_CHECK(status == TALLY_ERR_TRUNCATED && statuses[0] == TALLY_OK &&
               statuses[2] == TALLY_ERR_TRUNCATED);
    RANK_CHECK(statuses[1] == TALLY_OK && results[1].source == -1 && results[1].tag == -1 &&
               results[1].length == 0);
    RANK_CHECK(results[0].tag == 0 && results[2].tag == 1 && results[2].length == 9);
    RANK_CHECK(std::count(requests.begin(), requests.end(), nullptr) == 3);
    requests[2] = self.receive(0, 0);
    self.send(0);
    results[1].tag = 99;
    RANK_OK(tally_wait_all_results(requests.data(), 3, results.data(), statuses.data()));
    RANK_CHECK(results[1].tag == -1 && results[2].tag == 0 && requests[2] == nullptr);
    RANK_OK(tally_wait_all_results(requests.data(), 3, results.data(), nullptr));
    RANK_OK(tally_test_all(nullptr, 0, nullptr, nullptr));
    self.close();
  });
}

TEST_P(Completions, longer_results_of_a_later_program_are_stepped_over) {
  expect_ranks(1, [](int) {
    struct Longer {
      tally_result known;
      std::uint64_t more;
    };
    Self self;
    std::array<tally_request*, 3> requests{self.receive(0, 3), self.receive(8, 4), self.receive(16, 5)};
    std::array<Longer, 3> results{};
    for (Longer& result : results) result.more = 42;
    results[0].known.size = sizeof(Longer);
    for (const int tag : {3, 4, 5}) self.send(tag);
    RANK_OK(tally_wait_all_results(requests.data(), 3, &results[0].known, nullptr));
    for (int i = 0; i < 3; ++i) {
      const Longer& result = results[static_cast<std::size_t>(i)];
      RANK_CHECK(result.known.tag == 3 + i && result.known.size == sizeof(Longer) && result.more == 42);
    }
    self.close();
  });
}

/// Random sets of receives of which the other rank serves some: each message ends one request, in whatever
/// way it is waited for.
TEST_P(Completions, random_waits_and_tests_end_each_request_once) {
  const std::uint64_t first = seed(3);
  expect_ranks(2, [&](int rank) {
    Place place;
    std::mt19937_64 random(first);  // the same on both ranks
    const int rounds = on_rtl() ? 20 : 200;
    for (int round = 0; round < rounds; ++round) {
      const std::size_t count = 1 + random() % 24;
      std::vector<int> order(count);
      for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<int>(i);
      std::shuffle(order.begin(), order.end(), random);
      const std::uint64_t way = random() % 4;
      if (rank == 0) {
        for (const int tag : order) {
          *place.at<int>() = tag;
          RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), 4, 1, tag));
        }
        RANK_OK(tally_recv(place.endpoint, nullptr, nullptr, 0, 1, 99, nullptr));
        continue;
      }
      std::vector<tally_request*> requests(count);
      for (std::size_t i = 0; i < count; ++i) {
        RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(8 * i), 4, 0, static_cast<int>(i),
                                 &requests[i]));
      }
      std::vector<int> seen(count);
      std::vector<int> indices(count);
      std::vector<tally_result> results(count);
      results[0].size = sizeof(tally_result);
      for (std::size_t left = count; left > 0;) {
        if (way < 2) {
          int index = -1;
          const auto end = way == 0 ? tally_wait_any : tally_test_any;
          const tally_status status = end(requests.data(), count, &index, results.data());
          if (status == TALLY_AGAIN) continue;
          RANK_OK(status);
          RANK_CHECK(index >= 0 && results[0].tag == index);
          ++seen[static_cast<std::size_t>(index)];
          --left;
        } else {
          int ended = -1;
          const auto end = way == 2 ? tally_wait_some : tally_test_some;
          const tally_status status =
              end(requests.data(), count, indices.data(), results.data(), nullptr, &ended);
          if (status == TALLY_AGAIN) continue;
          RANK_OK(status);
          RANK_CHECK(ended >= 1);
          for (std::size_t i = 0; i < static_cast<std::size_t>(ended); ++i) {
            RANK_CHECK(results[i].tag == indices[i]);
            ++seen[static_cast<std::size_t>(indices[i])];
          }
          left -= static_cast<std::size_t>(ended);
        }
      }
      for (std::size_t i = 0; i < count; ++i) {
        RANK_CHECK(seen[i] == 1 && requests[i] == nullptr && *place.at<int>(8 * i) == static_cast<int>(i));
      }
      RANK_OK(tally_send(place.endpoint, nullptr, nullptr, 0, 0, 99));
    }
    place.close();
  });
}

TEST_P(Completions, any_ends_a_send_to_a_rank_that_has_left_and_names_it) {
  expect_ranks(2, [](int rank) {
    Place place(1u << 20);
    if (rank == 1) {
      RANK_OK(tally_recv(place.endpoint, nullptr, nullptr, 0, 0, 0, nullptr));
      place.close();
      return;
    }
    std::array<tally_request*, 2> requests{};
    RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(), 4, 0, 7, &requests[0]));
    RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<void>(), 1u << 20, 1, 5, &requests[1]));
    RANK_OK(tally_send(place.endpoint, nullptr, nullptr, 0, 1, 0));
    int index = -1;
    RANK_CHECK(tally_wait_any(requests.data(), 2, &index, nullptr) == TALLY_ERR_JOB);
    RANK_CHECK(index == 1 && requests[0] != nullptr && requests[1] == nullptr);
    RANK_OK(tally_cancel(requests[0]));
    RANK_CHECK(tally_wait(&requests[0], nullptr) == TALLY_ERR_CANCELLED);
    place.close();
  });
}

TEST_P(Completions, a_wait_for_any_that_gives_up_leaves_all_under_way) {
  ::setenv("TALLY_TIMEOUT", "0.2", 1);
  expect_ranks(1, [](int) {
    Self self;
    std::array<tally_request*, 2> requests{self.receive(0, 0), self.receive(8, 1)};
    int index = 5;
    RANK_CHECK(tally_wait_any(requests.data(), 2, &index, nullptr) == TALLY_ERR_TIMEOUT && index == -1);
    RANK_CHECK(std::string(tally_last_error()).find("no matching message yet") != std::string::npos ||
               on_rtl());
    std::array<int, 2> indices{};
    int ended = 5;
    RANK_CHECK(tally_wait_some(requests.data(), 2, indices.data(), nullptr, nullptr, &ended) ==
               TALLY_ERR_TIMEOUT);
    RANK_CHECK(ended == 0);
    self.send(1);
    RANK_OK(tally_wait_any(requests.data(), 2, &index, nullptr));
    RANK_CHECK(index == 1);
    self.send(0);
    RANK_OK(tally_wait_all(requests.data(), 2));
    self.close();
  });
  ::unsetenv("TALLY_TIMEOUT");
}

}  // namespace
}  // namespace tally::test
