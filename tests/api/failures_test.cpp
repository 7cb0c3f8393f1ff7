// SPDX-License-Identifier: BSD-3-Clause
// What goes wrong in one rank ends the others' waits, with the reason.
#include <gtest/gtest.h>

#include <dirent.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "place.hpp"

namespace tally::test {
namespace {

struct Mismatch : OnEngine {};
TALLY_ON_EACH_ENGINE(Mismatch);
struct Timeout : OnEngine {};
TALLY_ON_EACH_ENGINE(Timeout);
struct Warning : OnEngine {};
TALLY_ON_EACH_ENGINE(Warning);
struct Job : OnEngine {};
TALLY_ON_EACH_ENGINE(Job);

using namespace std::chrono_literals;

bool last_error_has(const std::string& text) {
  return std::string(tally_last_error()).find(text) != std::string::npos;
}

/// Each rank runs a collective that the last rank calls differently: every rank gets an error that tells why.
void expect_disagreement(int ranks, const std::function<tally_status(Place&, bool odd_one)>& call,
                         const std::string& reason) {
  expect_ranks(
      ranks,
      [&](int rank) {
        Place place;
        tally_status status = call(place, rank == place.size - 1);
        // A rank may finish the call itself before the others notice; then the next one fails, at the latest
        // after they have.
        for (int i = 0; i < 1000 && status == TALLY_OK; ++i) {
          status = tally_barrier(place.endpoint, nullptr);
          ::usleep(1000);
        }
        RANK_CHECK(status == TALLY_ERR_MISMATCH || status == TALLY_ERR_ABORTED);
        if (!last_error_has(reason))
          throw CheckFailed(std::string("reason is not \"") + reason + "\": " + tally_last_error());
        // From now on the group fails at once.
        RANK_CHECK(tally_barrier(place.endpoint, nullptr) == TALLY_ERR_ABORTED);
        RANK_CHECK(last_error_has("group is broken: rank "));
        place.close();
      },
      30s);
}

TEST_P(Mismatch, another_count_ends_every_rank_with_both_counts) {
  for (const int ranks : rank_counts({2, 3, 5, 8}, 5)) {
    expect_disagreement(
        ranks,
        [](Place& place, bool odd_one) {
          return tally_allreduce(place.endpoint, nullptr, place.at<void>(), place.at<void>(),
                                 odd_one ? 16 : 8, TALLY_I32, TALLY_SUM);
        },
        "count differs: ");
  }
}

TEST_P(Mismatch, another_type_or_operation_ends_every_rank) {
  expect_disagreement(
      3,
      [](Place& place, bool odd_one) {
        return tally_allreduce(place.endpoint, nullptr, place.at<void>(), place.at<void>(), 8,
                               odd_one ? TALLY_F32 : TALLY_I32, TALLY_SUM);
      },
      "dtype differs: ");
  expect_disagreement(
      3,
      [](Place& place, bool odd_one) {
        return tally_allreduce(place.endpoint, nullptr, place.at<void>(), place.at<void>(), 8, TALLY_I32,
                               odd_one ? TALLY_MAX : TALLY_SUM);
      },
      "op differs: ");
}

TEST_P(Mismatch, another_collective_or_root_ends_every_rank) {
  expect_disagreement(
      4,
      [](Place& place, bool odd_one) {
        return odd_one ? tally_barrier(place.endpoint, nullptr)
                       : tally_allreduce(place.endpoint, nullptr, place.at<void>(), place.at<void>(), 0,
                                         TALLY_I32, TALLY_SUM);
      },
      "differs: ");
  expect_disagreement(
      4,
      [](Place& place, bool odd_one) {
        return tally_bcast(place.endpoint, nullptr, place.at<void>(), 8, TALLY_I32, odd_one ? 1 : 0);
      },
      "another collective, algorithm or root");
}

// Not on rtl: docs/device.md, Limitations.
TEST(SoftMismatch, two_roots_hear_of_each_other_at_the_next_collective_at_the_latest) {
  for (int i = 0; i < 20; ++i) {
    expect_disagreement(
        2,
        [](Place& place, bool odd_one) {
          return tally_bcast(place.endpoint, nullptr, place.at<void>(), 8, TALLY_I32, odd_one ? 1 : 0);
        },
        "another collective, algorithm or root");
  }
}

TEST_P(Mismatch, text_names_here_and_the_other_rank) {
  expect_ranks(2, [](int rank) {
    Place place;
    const tally_status status = tally_allreduce(place.endpoint, nullptr, place.at<void>(), place.at<void>(),
                                                rank == 0 ? 8 : 16, TALLY_I32, TALLY_SUM);
    RANK_CHECK(status != TALLY_OK);
    if (status == TALLY_ERR_MISMATCH) {
      RANK_CHECK(last_error_has(rank == 0 ? "count differs: 8 here, 16 on rank 1"
                                          : "count differs: 16 here, 8 on rank 0"));
    } else {
      RANK_CHECK(last_error_has(
          rank == 0 ? "rank 1 gave a collective up: count differs: 16 on rank 1, 8 on rank 0"
                    : "rank 0 gave a collective up: count differs: 8 on rank 0, 16 on rank 1"));
    }
    place.close();
  });
}

TEST_P(Mismatch, messages_and_other_groups_go_on) {
  expect_ranks(2, [](int rank) {
    Place place;
    const int both[] = {0, 1};
    tally_group* group = nullptr;
    RANK_OK(tally_group_create(place.endpoint, both, 2, &group));
    RANK_CHECK(tally_allreduce(place.endpoint, nullptr, place.at<void>(), place.at<void>(),
                               rank == 0 ? 8 : 16, TALLY_I32, TALLY_SUM) != TALLY_OK);
    RANK_OK(tally_barrier(place.endpoint, group));
    RANK_OK(tally_send(place.endpoint, nullptr, nullptr, 0, 1 - rank, 0));
    RANK_OK(tally_recv(place.endpoint, nullptr, nullptr, 0, 1 - rank, 0, nullptr));
    RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Timeout, receive_without_a_sender_fails_and_tells_what_it_waits_for) {
  expect_ranks(
      2,
      [](int rank) {
        ::setenv("TALLY_TIMEOUT", "0.3", 1);
        Place place;
        if (rank == 0) {
          const auto start = std::chrono::steady_clock::now();
          RANK_CHECK(tally_recv(place.endpoint, nullptr, place.at<void>(), 8, 1, 42, nullptr) ==
                     TALLY_ERR_TIMEOUT);
          RANK_CHECK(last_error_has("receive of 8 bytes from rank 1, tag 42, context 0: "));
          RANK_CHECK(std::chrono::steady_clock::now() - start < 5s);
        }
        place.close();
      },
      20s);
}

TEST_P(Timeout, wait_for_several_ends_after_one_timeout) {
  expect_ranks(
      1,
      [](int) {
        ::setenv("TALLY_TIMEOUT", "0.5", 1);
        Place place;
        tally_request* requests[6] = {};
        for (tally_request*& request : requests)
          RANK_OK(tally_recv_start(place.endpoint, nullptr, nullptr, 0, 0, 1, &request));
        const auto start = std::chrono::steady_clock::now();
        RANK_CHECK(tally_wait_all(requests, 6) == TALLY_ERR_TIMEOUT);
        RANK_CHECK(std::chrono::steady_clock::now() - start < 2s);
        for (tally_request* request : requests) RANK_CHECK(request == nullptr);
        place.close();
      },
      20s);
}

TEST_P(Timeout, collective_that_a_rank_gave_up_ends_on_the_others) {
  expect_ranks(
      3,
      [](int rank) {
        if (rank == 0) ::setenv("TALLY_TIMEOUT", "0.3", 1);
        Place place;
        if (rank == 2) {
          ::usleep(1000000);  // never comes
        } else {
          const tally_status status = tally_barrier(place.endpoint, nullptr);
          RANK_CHECK(status == (rank == 0 ? TALLY_ERR_TIMEOUT : TALLY_ERR_ABORTED));
          if (rank == 1) RANK_CHECK(last_error_has("rank 0 gave a collective up: it had no progress"));
        }
        place.close();
      },
      20s);
}

TEST_P(Timeout, wrong_values_are_refused) {
  for (const char* value : {"soon", "-1", "", "1s"}) {
    expect_ranks(1, [value](int) {
      ::setenv("TALLY_TIMEOUT", value, 1);
      tally_endpoint* endpoint = nullptr;
      RANK_CHECK(tally_endpoint_open(nullptr, &endpoint) == TALLY_ERR_ARGUMENT);
      RANK_CHECK(last_error_has(std::string("TALLY_TIMEOUT: '") + value + "' is not a number of seconds"));
    });
  }
}

TEST_P(Warning, a_wait_without_progress_writes_one_line_and_goes_on) {
  expect_ranks(
      2,
      [](int rank) {
        ::setenv("TALLY_WARN", "0.5", 1);
        Place place;
        if (rank == 0) {
          ::usleep(800000);
          RANK_OK(tally_send(place.endpoint, nullptr, nullptr, 0, 1, 6));
        } else {
          char text[4096] = {};
          int ends[2];
          RANK_CHECK(::pipe(ends) == 0);
          const int saved = ::dup(STDERR_FILENO);
          ::dup2(ends[1], STDERR_FILENO);
          const tally_status status = tally_recv(place.endpoint, nullptr, nullptr, 0, 0, 6, nullptr);
          ::dup2(saved, STDERR_FILENO);
          ::close(ends[1]);
          RANK_OK(status);
          const auto length = ::read(ends[0], text, sizeof text - 1);
          RANK_CHECK(length > 0);
          const std::string warning(text);
          RANK_CHECK(warning.find("tally: rank 1: no progress for ") == 0);
          RANK_CHECK(warning.find("receive of 0 bytes from rank 0, tag 6") != std::string::npos);
          RANK_CHECK(std::count(warning.begin(), warning.end(), '\n') == 1);
        }
        place.close();
      },
      20s);
}

TEST_P(Job, waits_end_when_the_launcher_ends_the_job) {
  const TestJob job(2);
  const job::Segment& segment = job.segment;
  const auto codes = run_ranks(
      segment,
      [&segment](int rank) {
        Place place;
        if (rank == 0) {
          ::usleep(200000);
          segment.header().failed.store(1);  // as the launcher does
        } else {
          RANK_CHECK(tally_recv(place.endpoint, nullptr, nullptr, 0, 0, 6, nullptr) == TALLY_ERR_JOB);
          RANK_CHECK(last_error_has("the job is being ended"));
        }
      },
      20s);
  EXPECT_EQ(codes, (std::vector<int>{0, 0}));
}

TEST_P(Job, send_that_waits_for_a_rank_that_left_fails) {
  expect_ranks(
      2,
      [](int rank) {
        Place place(4u << 20);
        if (rank == 0) {
          const tally_status status = tally_send(place.endpoint, nullptr, place.at<void>(), 4u << 20, 1, 0);
          RANK_CHECK(status == TALLY_ERR_JOB);
          RANK_CHECK(last_error_has("rank 1 has left the job"));
        }
        place.close();
      },
      20s);
}

TEST_P(Job, a_killed_rank_leaves_nothing_behind) {
  const auto names = [] {
    std::string all;
    if (DIR* folder = ::opendir("/dev/shm")) {
      while (const dirent* entry = ::readdir(folder)) all += std::string(entry->d_name) + "\n";
      ::closedir(folder);
    }
    return all;
  };
  const std::string before = names();
  {
    const TestJob job(2);
  const job::Segment& segment = job.segment;
    const auto codes = run_ranks(
        segment,
        [&segment](int rank) {
          Place place;
          if (rank == 0) {
            ::kill(::getpid(), SIGKILL);
          } else {
            ::usleep(100000);
            segment.header().failed.store(1);
            RANK_CHECK(tally_barrier(place.endpoint, nullptr) == TALLY_ERR_JOB);
          }
        },
        20s);
    EXPECT_EQ(codes, (std::vector<int>{-SIGKILL, 0}));
    EXPECT_EQ(names().find("tally"), std::string::npos);
  }
  EXPECT_EQ(names().find("tally"), before.find("tally"));
}

}  // namespace
}  // namespace tally::test
