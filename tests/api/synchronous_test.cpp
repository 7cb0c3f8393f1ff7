// SPDX-License-Identifier: BSD-3-Clause
// Synchronous sends end when a receive has matched, and not before.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "place.hpp"

namespace tally::test {
namespace {

struct Synchronous : OnEngine {};
TALLY_ON_EACH_ENGINE(Synchronous);

constexpr std::size_t kLengths[] = {0, 8, 40, 5000, 100000, 1u << 20};
constexpr std::size_t kMost = 1u << 20;

/// Lets the other rank know; returns when it must have gone on.
void tell(Place& place, int tag) {
  RANK_OK(tally_send(place.endpoint, nullptr, nullptr, 0, 1 - place.rank, tag));
}
void hear(Place& place, int tag) {
  RANK_OK(tally_recv(place.endpoint, nullptr, nullptr, 0, 1 - place.rank, tag, nullptr));
}

TEST_P(Synchronous, send_of_any_length_ends_after_its_receive_has_matched) {
  expect_ranks(2, [](int rank) {
    Place place(2 * kMost);
    for (const std::size_t length : kLengths) {
      if (rank == 0) {
        std::memset(place.memory.data(), static_cast<int>(length % 251), length);
        tally_request* request = nullptr;
        RANK_OK(tally_ssend_start(place.endpoint, nullptr, place.at<void>(), length, 1, 1, &request));
        hear(place, 2);  // rank 1 has been waiting for something else meanwhile
        for (int i = 0; i < 100; ++i) {
          RANK_CHECK(tally_test(&request, nullptr) == TALLY_AGAIN);
          std::this_thread::sleep_for(std::chrono::microseconds(20));
        }
        tell(place, 3);
        tally_result result = empty_result();
        RANK_OK(tally_wait(&request, &result));
        RANK_CHECK(result.length == length);
      } else {
        tally_result result = empty_result();
        RANK_OK(tally_probe(place.endpoint, nullptr, 0, 1, &result));  // seen, not matched
        RANK_CHECK(result.length == length);
        tell(place, 2);
        hear(place, 3);
        RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), kMost, 0, 1, &result));
        RANK_CHECK(result.length == length);
        for (std::size_t i = 0; i < length; ++i)
          RANK_CHECK(place.memory[i] == static_cast<std::byte>(length % 251));
      }
    }
    place.close();
  });
}

TEST_P(Synchronous, blocking_send_meets_posted_claimed_and_truncating_receives) {
  expect_ranks(2, [](int rank) {
    Place place(2 * kMost);
    for (const std::size_t length : kLengths) {
      if (rank == 0) {
        hear(place, 2);
        RANK_OK(tally_ssend(place.endpoint, nullptr, place.at<void>(), length, 1, 1));
        RANK_OK(tally_ssend(place.endpoint, nullptr, place.at<void>(), length, 1, 4));
        RANK_OK(tally_ssend(place.endpoint, nullptr, place.at<void>(), length, 1, 5));
      } else {
        tally_request* request = nullptr;
        RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(), kMost, 0, 1, &request));
        tell(place, 2);
        RANK_OK(tally_wait(&request, nullptr));
        tally_message* message = nullptr;
        tally_result result = empty_result();
        RANK_OK(tally_mprobe(place.endpoint, nullptr, 0, 4, &message, &result));
        RANK_OK(tally_mrecv(&message, place.at<void>(), kMost, &result));
        RANK_CHECK(result.length == length);
        const tally_status expected = length > 4 ? TALLY_ERR_TRUNCATED : TALLY_OK;
        RANK_CHECK(tally_recv(place.endpoint, nullptr, place.at<void>(), 4, 0, 5, nullptr) == expected);
      }
    }
    place.close();
  });
}

TEST_P(Synchronous, sends_keep_their_order_among_others) {
  expect_ranks(2, [](int rank) {
    Place place;
    constexpr int kMessages = 200;
    std::vector<tally_request*> requests(kMessages);
    for (int i = 0; i < kMessages; ++i) {
      int* word = place.at<int>(static_cast<std::size_t>(i) * 64);
      if (rank == 0) {
        *word = i;
        const auto start = i % 3 == 0 ? tally_ssend_start : tally_send_start;
        RANK_OK(
            start(place.endpoint, nullptr, word, sizeof(int), 1, 0, &requests[static_cast<std::size_t>(i)]));
      } else {
        RANK_OK(tally_recv(place.endpoint, nullptr, word, sizeof(int), 0, TALLY_ANY_TAG, nullptr));
        RANK_CHECK(*word == i);
      }
    }
    RANK_OK(tally_wait_all(requests.data(), requests.size()));
    place.close();
  });
}

TEST_P(Synchronous, a_rank_may_send_to_itself) {
  expect_ranks(1, [](int) {
    Place place(2 * kMost);
    for (const std::size_t length : kLengths) {
      std::memset(place.memory.data(), 7, length);
      std::memset(place.memory.data() + kMost, 0, length);
      tally_request* request = nullptr;
      RANK_OK(tally_ssend_start(place.endpoint, nullptr, place.at<void>(), length, 0, 1, &request));
      RANK_CHECK(tally_test(&request, nullptr) == TALLY_AGAIN);
      RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(kMost), length, 0, 1, nullptr));
      RANK_OK(tally_wait(&request, nullptr));
      RANK_CHECK(std::memcmp(place.memory.data(), place.memory.data() + kMost, length) == 0);
    }
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
