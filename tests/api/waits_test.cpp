// SPDX-License-Identifier: BSD-3-Clause
// tally_endpoint_wait_until, _wake and _on_wait.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "place.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;

bool last_error_has(const std::string& text) {
  return std::string(tally_last_error()).find(text) != std::string::npos;
}

void describe_fixed(void* argument, char* text, std::size_t bytes) {
  std::snprintf(text, bytes, "%s", static_cast<const char*>(argument));
}

int never(void*) { return 0; }

TEST(Waits, wait_until_calls_done_at_once_and_again_until_it_holds) {
  expect_ranks(
      2,
      [](int rank) {
        Place place;
        if (rank == 0) {
          ::usleep(100000);
          RANK_OK(tally_send(place.endpoint, nullptr, place.at<char>(), 8, 1, 3));
          RANK_OK(tally_send(place.endpoint, nullptr, place.at<char>(), 8, 1, 4));
        } else {
          struct State {
            tally_request* requests[2];
            int calls = 0;
          } state{};
          RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<char>(0), 8, 0, 4, &state.requests[0]));
          RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<char>(8), 8, 0, 3, &state.requests[1]));
          RANK_OK(tally_endpoint_wait_until(
              place.endpoint,
              [](void* argument) {
                State& seen = *static_cast<State*>(argument);
                ++seen.calls;
                for (tally_request*& request : seen.requests) {
                  if (request != nullptr) (void)tally_test(&request, nullptr);
                }
                return seen.requests[0] == nullptr && seen.requests[1] == nullptr ? 1 : 0;
              },
              &state));
          RANK_CHECK(state.calls >= 2);
          int calls = 0;
          RANK_OK(tally_endpoint_wait_until(
              place.endpoint, [](void* argument) { return ++*static_cast<int*>(argument); }, &calls));
          RANK_CHECK(calls == 1);
        }
        place.close();
      },
      20s);
}

TEST(Waits, text_of_a_timeout_begins_with_what_the_caller_waits_for) {
  expect_ranks(
      1,
      [](int) {
        ::setenv("TALLY_TIMEOUT", "0.4", 1);
        Place place;
        char words[] = "the third act";
        RANK_OK(tally_endpoint_on_wait(place.endpoint, describe_fixed, words));
        RANK_CHECK(tally_endpoint_wait_until(place.endpoint, never, nullptr) == TALLY_ERR_TIMEOUT);
        RANK_CHECK(last_error_has("the third act"));
        RANK_CHECK(tally_recv(place.endpoint, nullptr, place.at<char>(), 8, 0, 3, nullptr) ==
                   TALLY_ERR_TIMEOUT);
        RANK_CHECK(last_error_has("s: the third act; receive of 8 bytes from rank 0, tag 3"));
        RANK_OK(tally_endpoint_on_wait(place.endpoint, nullptr, nullptr));
        RANK_CHECK(tally_endpoint_wait_until(place.endpoint, never, nullptr) == TALLY_ERR_TIMEOUT);
        RANK_CHECK(!last_error_has("the third act"));
      },
      20s);
}

TEST(Waits, a_wait_that_lasts_stands_in_the_segment_until_it_ends) {
  const TestJob test_job(2);
  const job::Segment& segment = test_job.segment;
  const auto codes = run_ranks(
      segment,
      [&segment](int rank) {
        Place place;
        job::WaitRecord& record = segment.header().wait[1];
        if (rank == 0) {
          RANK_CHECK(record.waiting.load() == 0);
          for (int i = 0; i < 500 && record.waiting.load() == 0; ++i) ::usleep(10000);
          RANK_CHECK(record.waiting.load() == 1);
          RANK_CHECK(record.waits.load() == 1);
          RANK_CHECK(std::string(record.text).find("receive of 8 bytes from rank 0, tag 3") !=
                     std::string::npos);
          const std::uint64_t looks = record.looks.load();
          for (int i = 0; i < 500 && record.looks.load() == looks; ++i) ::usleep(10000);
          RANK_CHECK(record.looks.load() > looks);
          RANK_OK(tally_send(place.endpoint, nullptr, place.at<char>(), 8, 1, 3));
        } else {
          RANK_OK(tally_recv(place.endpoint, nullptr, place.at<char>(), 8, 0, 3, nullptr));
          RANK_CHECK(record.waiting.load() == 0);
        }
        place.close();
      },
      20s);
  for (const int code : codes) EXPECT_EQ(code, 0);
}

TEST(Waits, each_look_that_is_counted_tells_what_has_moved_by_then) {
  const TestJob test_job(2);
  const job::Segment& segment = test_job.segment;
  const auto codes = run_ranks(
      segment,
      [&segment](int rank) {
        Place place;
        job::WaitRecord& record = segment.header().wait[1];
        if (rank == 0) {
          const auto looks_go_by = [&](std::uint64_t number) {
            const std::uint64_t until = record.looks.load() + number;
            for (int i = 0; i < 1000 && record.looks.load() < until; ++i) ::usleep(10000);
            RANK_CHECK(record.looks.load() >= until);
          };
          looks_go_by(1);
          for (int message = 0; message < 3; ++message) {
            const std::uint64_t moved = record.activity.load();
            RANK_OK(tally_send(place.endpoint, nullptr, place.at<char>(), 64, 1, 4));
            looks_go_by(2);  // one may have been under way
            RANK_CHECK(record.activity.load() != moved);
          }
          RANK_OK(tally_send(place.endpoint, nullptr, place.at<char>(), 8, 1, 3));
        } else {
          RANK_OK(tally_recv(place.endpoint, nullptr, place.at<char>(), 8, 0, 3, nullptr));
          for (int message = 0; message < 3; ++message)
            RANK_OK(tally_recv(place.endpoint, nullptr, place.at<char>(), 64, 0, 4, nullptr));
        }
        place.close();
      },
      20s);
  for (const int code : codes) EXPECT_EQ(code, 0);
}

TEST(Waits, arguments_are_named) {
  expect_ranks(1, [](int) {
    Place place;
    RANK_CHECK(tally_endpoint_wait_until(nullptr, never, nullptr) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(last_error_has("endpoint is NULL"));
    RANK_CHECK(tally_endpoint_wait_until(place.endpoint, nullptr, nullptr) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(last_error_has("done is NULL"));
    RANK_CHECK(tally_endpoint_wake(nullptr) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_endpoint_on_wait(nullptr, nullptr, nullptr) == TALLY_ERR_ARGUMENT);
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
