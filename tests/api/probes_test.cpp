// SPDX-License-Identifier: BSD-3-Clause
// Probes, claimed messages and cancels between ranks.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;

struct Probes : OnEngine {};
TALLY_ON_EACH_ENGINE(Probes);
struct Cancels : OnEngine {};
TALLY_ON_EACH_ENGINE(Cancels);

bool last_error_has(const std::string& text) {
  return std::string(tally_last_error()).find(text) != std::string::npos;
}

/// Asks until the message is there.
tally_result await(Place& place, int source, int tag, tally_message** message = nullptr) {
  tally_result result = empty_result();
  for (int found = 0; found == 0;) {
    if (message == nullptr) {
      RANK_OK(tally_iprobe(place.endpoint, nullptr, source, tag, &found, &result));
    } else {
      RANK_OK(tally_improbe(place.endpoint, nullptr, source, tag, &found, message, &result));
    }
  }
  return result;
}

bool is_there(Place& place, int source, int tag) {
  int found = -1;
  RANK_OK(tally_iprobe(place.endpoint, nullptr, source, tag, &found, nullptr));
  RANK_CHECK(found == 0 || found == 1);
  return found == 1;
}

tally_counters counters_of(const Place& place) {
  tally_counters counters{};
  counters.size = sizeof counters;
  RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
  return counters;
}

void check_no_cpu_work(const Place& place) {
  if (!on_rtl()) return;
  const tally_counters counters = counters_of(place);
  RANK_CHECK(counters.cpu_matches == 0);
  RANK_CHECK(counters.cpu_copied_bytes == 0);
}

constexpr std::size_t kLengths[] = {0, 1, 32, 33, 192, 193, 4032, 4033, 4096, 4097, 100000};
constexpr std::size_t kRoom = 100000;

TEST_P(Probes, iprobe_reports_a_message_of_any_length_and_leaves_it) {
  expect_ranks(2, [](int rank) {
    Place place(kRoom);
    for (const std::size_t length : kLengths) {
      RANK_OK(tally_barrier(place.endpoint, nullptr));
      if (rank == 0) {
        std::memset(place.memory.data(), static_cast<int>(length % 200) + 1, length);
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), length, 1, 9));
        continue;
      }
      const tally_result probed = await(place, TALLY_ANY_SOURCE, TALLY_ANY_TAG);
      RANK_CHECK(probed.source == 0 && probed.tag == 9 && probed.length == length);
      RANK_CHECK(is_there(place, 0, 9) && !is_there(place, 1, 9) && !is_there(place, TALLY_ANY_SOURCE, 8));
      RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), probed.length, probed.source, probed.tag,
                         nullptr));
      RANK_CHECK(length == 0 || place.memory[length - 1] == static_cast<std::byte>(length % 200 + 1));
      RANK_CHECK(!is_there(place, TALLY_ANY_SOURCE, TALLY_ANY_TAG));
    }
    check_no_cpu_work(place);
    place.close();
  });
}

TEST_P(Probes, the_oldest_message_that_matches_is_reported) {
  expect_ranks(2, [](int rank) {
    Place place;
    constexpr int kTags[] = {3, 4, 3, 5};
    if (rank == 0) {
      for (int i = 0; i < 4; ++i)
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), static_cast<std::size_t>(i) + 1, 1,
                           kTags[i]));
    } else {
      RANK_CHECK(await(place, 0, 5).length == 4);  // the last one: all have come
      RANK_CHECK(await(place, TALLY_ANY_SOURCE, TALLY_ANY_TAG).length == 1);
      RANK_CHECK(await(place, 0, TALLY_ANY_TAG).tag == 3);
      RANK_CHECK(await(place, TALLY_ANY_SOURCE, 4).length == 2);
      RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), 8, 0, 3, nullptr));
      RANK_CHECK(await(place, 0, 3).length == 3);
      for (const int tag : {TALLY_ANY_TAG, TALLY_ANY_TAG, TALLY_ANY_TAG})
        RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), 8, 0, tag, nullptr));
    }
    place.close();
  });
}

TEST_P(Probes, probe_waits_for_the_message) {
  expect_ranks(2, [](int rank) {
    Place place;
    tally_message* message = nullptr;
    for (int round = 0; round < 3; ++round) {
      if (rank == 0) {
        ::usleep(60000);
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), 100, 1, round));
        ::usleep(60000);
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), 50, 1, round + 10));
      } else {
        tally_result result = empty_result();
        RANK_OK(tally_probe(place.endpoint, nullptr, TALLY_ANY_SOURCE, round, &result));
        RANK_CHECK(result.length == 100 && result.source == 0 && result.tag == round);
        RANK_OK(tally_probe(place.endpoint, nullptr, 0, TALLY_ANY_TAG, nullptr));
        RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), 100, 0, round, nullptr));
        RANK_OK(tally_mprobe(place.endpoint, nullptr, 0, TALLY_ANY_TAG, &message, &result));
        RANK_CHECK(result.length == 50 && result.tag == round + 10);
        RANK_OK(tally_mrecv(&message, place.at<void>(), 50, nullptr));
      }
    }
    check_no_cpu_work(place);
    place.close();
  });
}

TEST_P(Probes, a_claimed_message_is_seen_by_its_mrecv_alone) {
  expect_ranks(2, [](int rank) {
    Place place(3 * kRoom);
    for (const std::size_t length : kLengths) {
      if (rank == 0) {
        tally_request* requests[2] = {};
        std::memset(place.memory.data(), 1, length);
        std::memset(place.memory.data() + kRoom, 2, length);
        for (std::size_t i = 0; i < 2; ++i)
          RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<void>(kRoom * i), length, 1, 7,
                                   &requests[i]));
        RANK_OK(tally_wait_all(requests, 2));
        continue;
      }
      tally_message* message = nullptr;
      RANK_CHECK(await(place, 0, 7, &message).length == length);
      RANK_CHECK(message != nullptr);
      tally_request* request = nullptr;
      RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(kRoom), length, TALLY_ANY_SOURCE,
                               TALLY_ANY_TAG, &request));
      RANK_OK(tally_wait(&request, nullptr));
      tally_result result = empty_result();
      RANK_OK(tally_mrecv_start(&message, place.at<void>(), length, &request));
      RANK_CHECK(message == nullptr && request != nullptr);
      RANK_OK(tally_wait(&request, &result));
      RANK_CHECK(result.source == 0 && result.tag == 7 && result.length == length);
      for (std::size_t i = 0; i < length; ++i)
        RANK_CHECK(place.memory[i] == std::byte{1} && place.memory[kRoom + i] == std::byte{2});
    }
    check_no_cpu_work(place);
    place.close();
  });
}

TEST_P(Probes, claims_are_received_in_any_order_and_to_oneself) {
  expect_ranks(1, [](int) {
    constexpr std::size_t kCount = 100;
    Place place(2 * kCount * sizeof(int));
    std::vector<tally_request*> sends(kCount);
    std::vector<tally_message*> messages(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      *place.at<int>(i * sizeof(int)) = static_cast<int>(i);
      RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<int>(i * sizeof(int)), sizeof(int), 0, 1,
                               &sends[i]));
    }
    for (tally_message*& message : messages) await(place, 0, 1, &message);
    RANK_CHECK(!is_there(place, TALLY_ANY_SOURCE, TALLY_ANY_TAG));
    for (std::size_t i = kCount; i-- > 0;) {
      int* value = place.at<int>((kCount + i) * sizeof(int));
      RANK_OK(tally_mrecv(&messages[i], value, sizeof(int), nullptr));
      RANK_CHECK(*value == static_cast<int>(i));
    }
    RANK_OK(tally_wait_all(sends.data(), sends.size()));
    const tally_counters counters = counters_of(place);
    RANK_CHECK(counters.sends == kCount && counters.receives == kCount);
    RANK_CHECK(counters.received_bytes == kCount * sizeof(int));
    check_no_cpu_work(place);
    place.close();
  });
}

TEST_P(Probes, mrecv_into_too_little_room_is_truncated_and_ends_the_message) {
  expect_ranks(2, [](int rank) {
    Place place(kRoom);
    for (const std::size_t length : {std::size_t{100}, kRoom}) {
      std::memset(place.memory.data(), rank == 0 ? 7 : 9, kRoom);
      if (rank == 0) {
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), length, 1, 3));
        continue;
      }
      for (const std::size_t room : {std::size_t{60}}) {
        tally_message* message = nullptr;
        tally_result result = empty_result();
        RANK_OK(tally_mprobe(place.endpoint, nullptr, 0, 3, &message, nullptr));
        RANK_CHECK(tally_mrecv(&message, place.at<void>(), room, &result) == TALLY_ERR_TRUNCATED);
        RANK_CHECK(message == nullptr && result.length == length && result.tag == 3);
        RANK_CHECK(place.memory[room - 1] == std::byte{7} && place.memory[room] == std::byte{9});
      }
    }
    place.close();
  });
}

TEST_P(Probes, claimed_messages_keep_their_group_and_endpoint_busy) {
  expect_ranks(2, [](int rank) {
    Place place;
    const int reversed[] = {1, 0};
    tally_group* group = nullptr;
    RANK_OK(tally_group_create(place.endpoint, reversed, 2, &group));
    if (rank == 0) {
      RANK_OK(tally_send(place.endpoint, group, place.at<void>(), 8, 0, 3));
    } else {
      tally_message* message = nullptr;
      tally_result result = empty_result();
      RANK_OK(tally_mprobe(place.endpoint, group, TALLY_ANY_SOURCE, 3, &message, &result));
      RANK_CHECK(result.source == 1);  // a rank of the group
      RANK_CHECK(!is_there(place, TALLY_ANY_SOURCE, TALLY_ANY_TAG));
      RANK_CHECK(tally_group_free(group) == TALLY_ERR_BUSY &&
                 last_error_has("group: 1 claimed messages are not received"));
      RANK_CHECK(tally_endpoint_close(place.endpoint) == TALLY_ERR_BUSY);
      RANK_CHECK(last_error_has("endpoint: 1 claimed messages are not received"));
      RANK_OK(tally_mrecv(&message, place.at<void>(), 8, nullptr));
    }
    RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Probes, bad_arguments_are_named_and_nothing_is_claimed) {
  expect_ranks(1, [](int) {
    Place place;
    tally_endpoint* e = place.endpoint;
    std::vector<std::byte> other(8);
    int found = 5;
    tally_message* message = nullptr;
    tally_request* request = nullptr;
    tally_result result = empty_result();
    tally_result unsized{};
    RANK_OK(tally_send_start(e, nullptr, place.at<void>(), 8, 0, 3, &request));
    const auto bad = [](tally_status status, const std::string& text,
                        tally_status expected = TALLY_ERR_ARGUMENT) {
      if (status == expected && last_error_has(text)) return;
      throw CheckFailed(text + ": " + tally_status_name(status) + ": " + tally_last_error());
    };
    bad(tally_iprobe(nullptr, nullptr, 0, 3, &found, nullptr), "tally_iprobe: endpoint is NULL");
    bad(tally_iprobe(e, nullptr, 0, 3, nullptr, nullptr), "tally_iprobe: found is NULL");
    bad(tally_iprobe(e, nullptr, 1, 3, &found, nullptr),
        "tally_iprobe: source 1 is out of range (0 to 0, or TALLY_ANY_");
    bad(tally_iprobe(e, nullptr, 0, -2, &found, nullptr), "tally_iprobe: tag -2 is out of range");
    bad(tally_iprobe(e, nullptr, 0, 3, &found, &unsized), "tally_iprobe: result->size is 0");
    bad(tally_probe(nullptr, nullptr, 0, 3, nullptr), "tally_probe: endpoint is NULL");
    bad(tally_probe(e, nullptr, -2, 3, nullptr), "tally_probe: source -2 is out of range");
    bad(tally_probe(e, nullptr, 0, -5, nullptr), "tally_probe: tag -5 is out of range");
    bad(tally_probe(e, nullptr, 0, 3, &unsized), "tally_probe: result->size is 0");
    bad(tally_improbe(e, nullptr, 0, 3, nullptr, &message, nullptr), "tally_improbe: found is NULL");
    bad(tally_improbe(e, nullptr, 0, 3, &found, nullptr, nullptr), "tally_improbe: message is NULL");
    bad(tally_improbe(e, nullptr, 2, 3, &found, &message, nullptr), "tally_improbe: source 2");
    bad(tally_improbe(e, nullptr, 0, 3, &found, &message, &unsized), "tally_improbe: result->size is 0");
    bad(tally_mprobe(nullptr, nullptr, 0, 3, &message, nullptr), "tally_mprobe: endpoint is NULL");
    bad(tally_mprobe(e, nullptr, 0, 3, nullptr, nullptr), "tally_mprobe: message is NULL");
    bad(tally_mprobe(e, nullptr, 0, -9, &message, nullptr), "tally_mprobe: tag -9");
    bad(tally_mrecv(nullptr, nullptr, 0, nullptr), "tally_mrecv: message is NULL");
    bad(tally_mrecv(&message, nullptr, 0, nullptr), "tally_mrecv: *message is NULL");
    bad(tally_mrecv_start(nullptr, nullptr, 0, &request), "tally_mrecv_start: message is NULL");
    bad(tally_mrecv_start(&message, nullptr, 0, &request), "tally_mrecv_start: *message is NULL");
    RANK_CHECK(found == 5 && message == nullptr);  // outputs are written on success only

    await(place, 0, 3, &message);
    RANK_OK(tally_wait(&request, nullptr));
    tally_message* copy = message;
    bad(tally_mrecv_start(&message, place.at<void>(), 8, nullptr), "tally_mrecv_start: request is NULL");
    bad(tally_mrecv(&message, nullptr, 8, nullptr), "tally_mrecv: buffer is NULL");
    bad(tally_mrecv(&message, place.at<void>(), static_cast<std::size_t>(-3), nullptr),
        "tally_mrecv: length -3 is negative");
    bad(tally_mrecv(&message, place.at<void>(), 8, &unsized), "tally_mrecv: result->size is 0");
    bad(tally_mrecv(&message, other.data(), 8, nullptr), "tally_mrecv: buffer [", TALLY_ERR_NOT_REGISTERED);
    RANK_CHECK(message == copy);  // still claimed
    RANK_OK(tally_mrecv(&message, place.at<void>(), 8, &result));
    bad(tally_mrecv(&copy, place.at<void>(), 8, nullptr), "is not claimed: it has been received");

    RANK_OK(tally_iprobe(e, nullptr, 0, 3, &found, &result));
    RANK_CHECK(found == 0);
    RANK_OK(tally_improbe(e, nullptr, TALLY_ANY_SOURCE, TALLY_ANY_TAG, &found, &message, nullptr));
    RANK_CHECK(found == 0 && message == nullptr);
    place.close();
  });
}

TEST_P(Probes, a_group_of_another_endpoint_is_refused) {
  expect_ranks(1, [](int) {
    Place place;
    for (const char* name : {"TALLY_JOB", "TALLY_RANK", "TALLY_SIZE"}) ::unsetenv(name);
    tally_endpoint* other = nullptr;
    tally_group* group = nullptr;
    const int mine[] = {0};
    int found = 0;
    RANK_OK(tally_endpoint_open("soft", &other));
    RANK_OK(tally_group_create(other, mine, 1, &group));
    RANK_CHECK(tally_iprobe(place.endpoint, group, 0, 0, &found, nullptr) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(last_error_has("tally_iprobe: group is of another endpoint"));
    RANK_OK(tally_group_free(group));
    RANK_OK(tally_endpoint_close(other));
    place.close();
  });
}

TEST_P(Probes, probe_without_a_sender_fails_and_tells_what_it_waits_for) {
  expect_ranks(
      2,
      [](int rank) {
        ::setenv("TALLY_TIMEOUT", "0.3", 1);
        Place place;
        if (rank == 0) {
          const auto start = std::chrono::steady_clock::now();
          tally_message* message = nullptr;
          RANK_CHECK(tally_probe(place.endpoint, nullptr, 1, 42, nullptr) == TALLY_ERR_TIMEOUT);
          RANK_CHECK(last_error_has("no progress for "));
          RANK_CHECK(last_error_has("probe from rank 1, tag 42, context 0: no matching message yet"));
          RANK_CHECK(tally_mprobe(place.endpoint, nullptr, TALLY_ANY_SOURCE, TALLY_ANY_TAG, &message,
                                  nullptr) == TALLY_ERR_TIMEOUT);
          RANK_CHECK(last_error_has("probe from any rank, any tag, context 0: no matching message yet"));
          RANK_CHECK(message == nullptr && std::chrono::steady_clock::now() - start < 10s);
        }
        place.close();
      },
      20s);
}

TEST_P(Probes, end_when_the_launcher_ends_the_job) {
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
          int found = 0;
          tally_status status = tally_probe(place.endpoint, nullptr, 0, 6, nullptr);
          // The fabric ends with the job: whichever the rank notices first.
          RANK_CHECK(status == TALLY_ERR_JOB && (last_error_has("tally_probe: the job is being ended") ||
                                                 last_error_has("tally_probe: the device or its fabric is gone")));
          status = tally_iprobe(place.endpoint, nullptr, 0, 6, &found, nullptr);
          RANK_CHECK(status == TALLY_ERR_JOB && (last_error_has("tally_iprobe: the job is being ended") ||
                                                 last_error_has("tally_iprobe: the device or its fabric is gone")));
        }
      },
      20s);
  EXPECT_EQ(codes, (std::vector<int>{0, 0}));
}

TEST_P(Cancels, a_receive_without_a_message_ends_as_cancelled) {
  expect_ranks(2, [](int rank) {
    Place place;
    tally_request* request = nullptr;
    std::memset(place.memory.data(), rank == 0 ? 7 : 9, 64);
    if (rank == 1) {
      tally_result result = empty_result();
      result.length = 77;
      RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(), 8, 0, TALLY_ANY_TAG, &request));
      RANK_OK(tally_cancel(request));
      RANK_OK(tally_cancel(request));  // asking twice is asking once
      RANK_CHECK(tally_wait(&request, &result) == TALLY_ERR_CANCELLED);
      RANK_CHECK(last_error_has("tally_wait: the receive was cancelled") && request == nullptr &&
                 result.length == 77);
      RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(), 8, TALLY_ANY_SOURCE, 5, &request));
      RANK_OK(tally_cancel(request));
      tally_status status = TALLY_AGAIN;
      while (status == TALLY_AGAIN) status = tally_test(&request, nullptr);
      RANK_CHECK(status == TALLY_ERR_CANCELLED && request == nullptr);
    }
    RANK_OK(tally_barrier(place.endpoint, nullptr));
    if (rank == 0) {
      RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), 8, 1, 5));
    } else {  // the message is for the receive that still is there
      RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(32), 8, 0, 5, nullptr));
      RANK_CHECK(place.memory[0] == std::byte{9} && place.memory[32] == std::byte{7});
      RANK_CHECK(counters_of(place).receives == 1);
    }
    check_no_cpu_work(place);
    place.close();
  });
}

TEST_P(Cancels, a_receive_that_has_its_message_completes) {
  expect_ranks(2, [](int rank) {
    Place place(kRoom);
    for (const std::size_t length : kLengths) {
      if (rank == 0) {
        std::memset(place.memory.data(), 5, length);
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), length, 1, 5));
        continue;
      }
      await(place, 0, 5);
      tally_request* request = nullptr;
      tally_result result = empty_result();
      RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(), length, 0, 5, &request));
      RANK_OK(tally_cancel(request));
      RANK_OK(tally_wait(&request, &result));
      RANK_CHECK(result.length == length && (length == 0 || place.memory[length - 1] == std::byte{5}));
    }
    place.close();
  });
}

TEST_P(Cancels, the_receive_of_a_claimed_message_is_not_cancelled) {
  expect_ranks(1, [](int) {
    Place place;
    tally_request* send = nullptr;
    tally_request* request = nullptr;
    tally_message* message = nullptr;
    RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<void>(), 40, 0, 5, &send));
    RANK_OK(tally_mprobe(place.endpoint, nullptr, 0, 5, &message, nullptr));
    RANK_OK(tally_mrecv_start(&message, place.at<void>(64), 40, &request));
    RANK_OK(tally_cancel(request));
    RANK_OK(tally_wait(&request, nullptr));
    RANK_OK(tally_wait(&send, nullptr));
    place.close();
  });
}

TEST_P(Cancels, what_is_not_a_receive_under_way_is_refused) {
  expect_ranks(1, [](int) {
    Place place;
    tally_request* request = nullptr;
    RANK_CHECK(tally_cancel(nullptr) == TALLY_ERR_ARGUMENT &&
               last_error_has("tally_cancel: request is NULL"));
    RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<void>(), 8, 0, 0, &request));
    RANK_CHECK(tally_cancel(request) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(last_error_has("tally_cancel: request is a send; only receives can be cancelled"));
    RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(8), 8, 0, 0, nullptr));
    tally_request* copy = request;
    RANK_OK(tally_wait(&request, nullptr));
    RANK_CHECK(tally_cancel(copy) == TALLY_ERR_ARGUMENT && last_error_has("is not under way"));
    RANK_OK(tally_barrier_start(place.endpoint, nullptr, &request));
    RANK_CHECK(tally_cancel(request) == TALLY_ERR_ARGUMENT &&
               last_error_has("tally_cancel: request is a collective"));
    RANK_OK(tally_wait(&request, nullptr));
    place.close();
  });
}

/// A cancel against the arrival: one of them wins, and no message is lost or received twice.
TEST_P(Cancels, race_with_the_message_ends_one_way_or_the_other) {
  const std::uint64_t first = seed(17);
  expect_ranks(2, [first](int rank) {
    Place place(1u << 18);
    Random random(first + static_cast<std::uint64_t>(rank));
    Random lengths(first + 100);
    const int rounds = on_rtl() ? 150 : 600;
    for (int i = 0; i < rounds; ++i) {
      const std::size_t length = lengths.percent(30) ? lengths.below(20000) : lengths.below(300);
      tally_request* request = nullptr;
      if (rank == 0) {
        std::memset(place.memory.data(), i & 0xff, length);
        RANK_OK(tally_recv(place.endpoint, nullptr, nullptr, 0, 1, 1, nullptr));
        if (random.percent(50)) ::usleep(static_cast<useconds_t>(random.below(60)));
        RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), length, 1, i));
        continue;
      }
      tally_result result = empty_result();
      const bool wild = random.percent(50);
      std::memset(place.memory.data(), ~i & 0xff, length);
      RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(), length, wild ? TALLY_ANY_SOURCE : 0,
                               wild ? TALLY_ANY_TAG : i, &request));
      RANK_OK(tally_send(place.endpoint, nullptr, nullptr, 0, 0, 1));
      if (random.percent(70)) ::usleep(static_cast<useconds_t>(random.below(120)));
      RANK_OK(tally_cancel(request));
      const tally_status status = tally_wait(&request, &result);
      RANK_CHECK(status == TALLY_OK || status == TALLY_ERR_CANCELLED);
      if (status == TALLY_ERR_CANCELLED) {
        RANK_CHECK(length == 0 || place.memory[0] == static_cast<std::byte>(~i & 0xff));
        RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), length, 0, i, &result));
      }
      RANK_CHECK(result.tag == i && result.length == length);
      for (std::size_t k = 0; k < length; ++k)
        RANK_CHECK(place.memory[k] == static_cast<std::byte>(i & 0xff));
    }
    RANK_CHECK(rank == 0 || counters_of(place).receives == static_cast<std::uint64_t>(rounds));
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
