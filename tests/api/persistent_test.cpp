// SPDX-License-Identifier: BSD-3-Clause
// Persistent requests: their states, and every collective as one.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <numeric>

#include "place.hpp"
#include "support/exercise.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Persistent : OnEngine {};
TALLY_ON_EACH_ENGINE(Persistent);

TEST_P(Persistent, messages_go_again_with_each_start) {
  expect_ranks(2, [](int rank) {
    Place place;
    const int other = 1 - rank;
    constexpr std::size_t kCount = 3000;  // long on a device, too
    int* out = place.at<int>();
    int* in = place.at<int>(1u << 15);
    std::array<tally_request*, 2> requests{};
    RANK_OK(tally_recv_init(place.endpoint, nullptr, in, kCount * 4, other, 3, &requests[0]));
    RANK_OK(tally_send_init(place.endpoint, nullptr, out, kCount * 4, other, 3, &requests[1]));
    const std::array<tally_request*, 2> handles = requests;
    for (int round = 0; round < 30; ++round) {
      std::iota(out, out + kCount, 100 * round + rank);
      std::memset(in, 0, kCount * 4);
      if (round % 2 == 0) {
        RANK_OK(tally_requests_start_all(requests.data(), 2));
      } else {
        RANK_OK(tally_request_start(requests[0]));
        RANK_OK(tally_request_start(requests[1]));
        RANK_CHECK(tally_request_start(requests[0]) == TALLY_ERR_BUSY);
        RANK_CHECK(tally_requests_start_all(requests.data(), 2) == TALLY_ERR_BUSY);
      }
      if (round % 3 == 0) {
        RANK_OK(tally_wait_all(requests.data(), 2));
      } else if (round % 3 == 1) {
        for (int left = 2; left > 0; --left) {
          int index = -1;
          RANK_OK(tally_wait_any(requests.data(), 2, &index, nullptr));
          RANK_CHECK(index >= 0);
        }
        int index = 5;
        RANK_OK(tally_wait_any(requests.data(), 2, &index, nullptr));
        RANK_CHECK(index == -1);
      } else {
        tally_result result = empty_result();
        RANK_OK(tally_wait(&requests[0], &result));
        RANK_CHECK(result.source == other && result.tag == 3 && result.length == kCount * 4);
        while (tally_test(&requests[1], nullptr) == TALLY_AGAIN) {
        }
      }
      RANK_CHECK(requests == handles);
      for (std::size_t i = 0; i < kCount; ++i) RANK_CHECK(in[i] == static_cast<int>(i) + 100 * round + other);
    }
    RANK_CHECK(tally_endpoint_close(place.endpoint) == TALLY_ERR_BUSY);
    for (tally_request*& request : requests) {
      RANK_OK(tally_request_free(&request));
      RANK_CHECK(request == nullptr);
    }
    place.close();
  });
}

TEST_P(Persistent, one_that_is_not_under_way_ends_at_once_with_an_empty_result) {
  expect_ranks(1, [](int) {
    Place place;
    tally_request* request = nullptr;
    RANK_OK(tally_recv_init(place.endpoint, nullptr, place.at<void>(), 4, 0, 3, &request));
    tally_result result = empty_result();
    result.tag = 7;
    RANK_OK(tally_wait(&request, &result));
    RANK_CHECK(request != nullptr && result.source == -1 && result.tag == -1 && result.length == 0);
    RANK_OK(tally_test(&request, &result));
    RANK_OK(tally_wait_all(&request, 1));
    RANK_OK(tally_test_all(&request, 1, nullptr, nullptr));
    int ended = 0;
    int index = 0;
    RANK_OK(tally_wait_some(&request, 1, &index, nullptr, nullptr, &ended));
    RANK_CHECK(ended == -1);
    RANK_CHECK(tally_cancel(request) == TALLY_ERR_ARGUMENT);
    RANK_OK(tally_request_free(&request));
    place.close();
  });
}

TEST_P(Persistent, receive_can_be_cancelled_and_started_again) {
  expect_ranks(1, [](int) {
    Place place;
    tally_request* request = nullptr;
    RANK_OK(tally_recv_init(place.endpoint, nullptr, place.at<void>(), 4, 0, 3, &request));
    RANK_OK(tally_request_start(request));
    RANK_OK(tally_cancel(request));
    RANK_CHECK(tally_wait(&request, nullptr) == TALLY_ERR_CANCELLED && request != nullptr);
    RANK_OK(tally_request_start(request));
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(8), 4, 0, 3));
    RANK_OK(tally_wait(&request, nullptr));
    RANK_OK(tally_request_free(&request));
    place.close();
  });
}

TEST_P(Persistent, a_failed_operation_leaves_the_request_for_another) {
  ::setenv("TALLY_TIMEOUT", "0.2", 1);
  expect_ranks(1, [](int) {
    Place place;
    tally_request* request = nullptr;
    RANK_OK(tally_recv_init(place.endpoint, nullptr, place.at<void>(), 4, 0, 3, &request));
    RANK_OK(tally_request_start(request));
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(8), 12, 0, 3));
    RANK_CHECK(tally_wait(&request, nullptr) == TALLY_ERR_TRUNCATED);
    RANK_OK(tally_request_start(request));
    RANK_CHECK(tally_wait(&request, nullptr) == TALLY_ERR_TIMEOUT && request != nullptr);
    RANK_OK(tally_request_start(request));  // behind the one that was given up
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(8), 4, 0, 3));
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(8), 4, 0, 3));
    RANK_OK(tally_wait(&request, nullptr));
    RANK_OK(tally_request_free(&request));
    place.close();
  });
  ::unsetenv("TALLY_TIMEOUT");
}

TEST_P(Persistent, what_is_under_way_when_its_request_is_freed_goes_on) {
  expect_ranks(2, [](int rank) {
    Place place;
    int* word = place.at<int>();
    tally_request* request = nullptr;
    if (rank == 0) {
      *word = 5;
      RANK_OK(tally_send_init(place.endpoint, nullptr, word, 30000, 1, 0, &request));
      RANK_OK(tally_request_start(request));
      RANK_OK(tally_request_free(&request));
      RANK_OK(tally_send_start(place.endpoint, nullptr, word, 4, 1, 1, &request));
      RANK_OK(tally_request_free(&request));  // not a persistent one
      RANK_CHECK(request == nullptr);
    } else {
      RANK_OK(tally_recv(place.endpoint, nullptr, word, 4, 0, 1, nullptr));
      RANK_CHECK(*word == 5);
      *word = 0;
      RANK_OK(tally_recv_start(place.endpoint, nullptr, word, 30000, 0, 0, &request));
      RANK_OK(tally_request_free(&request));
      while (*static_cast<volatile int*>(word) != 5) RANK_OK(tally_endpoint_progress(place.endpoint));
    }
    place.close();
  });
}

TEST_P(Persistent, every_collective_starts_again_with_the_data_of_then) {
  const std::uint64_t first = seed(8);
  constexpr std::size_t kMemory = 1u << 20;
  for (const int ranks : rank_counts({1, 2, 3, 5}, 3)) {
    expect_ranks(ranks, [&](int) {
      Place place(2 * kMemory);
      std::uint64_t number = first;
      for (const Api api : kAllApis) {
        for (const bool in_place : {false, true}) {
          CollectiveCase c;
          c.api = api;
          c.ranks = ranks;
          c.seed = ++number;
          c.count = 61;
          c.root = static_cast<int>(number % static_cast<std::uint64_t>(ranks));
          c.dtype = TALLY_I32;
          c.op = is_reduction(api) ? TALLY_SUM : TALLY_OP_NONE;
          if (has_counts(api)) c.draw_counts(61);
          auto exercise = std::make_unique<Exercise>(c, place.rank, in_place);
          RANK_CHECK(exercise->bytes() <= kMemory);
          exercise->prepare(place.memory.data());
          tally_request* request = nullptr;
          RANK_OK(exercise->call(place.endpoint, nullptr, &request, true));
          for (int round = 0; round < 3; ++round) {
            exercise =
                std::make_unique<Exercise>(c, place.rank, in_place);  // the arrays of the first are gone
            exercise->prepare(place.memory.data());
            RANK_OK(tally_request_start(request));
            RANK_OK(tally_wait(&request, nullptr));
            const std::string difference = exercise->check();
            if (!difference.empty()) std::fprintf(stderr, "%s: %s\n", c.text().c_str(), difference.c_str());
            RANK_CHECK(difference.empty());
          }
          RANK_OK(tally_request_free(&request));
        }
      }
      place.close();
    });
  }
}

TEST_P(Persistent, several_collectives_of_a_group_run_in_the_order_of_their_starts) {
  expect_ranks(3, [](int) {
    Place place;
    std::int64_t* in = place.at<std::int64_t>();
    std::array<tally_request*, 3> requests{};
    RANK_OK(tally_allreduce_init(place.endpoint, nullptr, in, in + 1, 1, TALLY_I64, TALLY_SUM, &requests[0]));
    RANK_OK(tally_bcast_init(place.endpoint, nullptr, in + 8, 1, TALLY_I64, 1, &requests[1]));
    RANK_OK(tally_barrier_init(place.endpoint, nullptr, &requests[2]));
    for (int round = 0; round < 5; ++round) {
      in[0] = place.rank + round;
      in[8] = place.rank;
      RANK_OK(tally_requests_start_all(requests.data(), 3));
      RANK_OK(tally_wait_all(requests.data(), 3));
      RANK_CHECK(in[1] == 3 + 3 * round && in[8] == 1);
    }
    for (tally_request*& request : requests) RANK_OK(tally_request_free(&request));
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
