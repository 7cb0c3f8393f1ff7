// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Messages : OnEngine {};
TALLY_ON_EACH_ENGINE(Messages);

TEST_P(Messages, ring_of_ranks_passes_messages_of_all_sizes) {
  for (const int ranks : rank_counts({1, 2, 3, 4, 5, 8})) {
    expect_ranks(ranks, [](int) {
      const std::size_t kMost = on_rtl() ? 300000 : 3u << 20;
      Place place(2 * kMost);
      const int right = (place.rank + 1) % place.size;
      const int left = (place.rank + place.size - 1) % place.size;
      for (const std::size_t length : {std::size_t{0}, std::size_t{1}, std::size_t{32}, std::size_t{33},
                                       std::size_t{4096}, std::size_t{8193}, std::size_t{65536}, kMost}) {
        for (std::size_t i = 0; i < length; ++i)
          place.memory[i] = static_cast<std::byte>(place.rank + i % 251);
        std::memset(place.memory.data() + kMost, 0xee, length);
        tally_request* requests[2] = {};
        RANK_OK(
            tally_recv_start(place.endpoint, nullptr, place.at<void>(kMost), length, left, 5, &requests[0]));
        RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<void>(), length, right, 5, &requests[1]));
        tally_result result = empty_result();
        RANK_OK(tally_wait(&requests[0], &result));
        RANK_CHECK(result.source == left && result.tag == 5 && result.length == length);
        RANK_OK(tally_wait_all(requests, 2));
        RANK_CHECK(requests[1] == nullptr);
        for (std::size_t i = 0; i < length; ++i) {
          RANK_CHECK(place.memory[kMost + i] ==
                     static_cast<std::byte>(static_cast<std::size_t>(left) + i % 251));
        }
      }
      place.close();
    });
  }
}

// Not on rtl: a device buffers no long messages, its long sends wait for their receives, as MPI allows.
TEST(SoftMessages, both_sides_may_send_more_than_all_buffers_before_they_receive) {
  expect_ranks(2, [](int) {
    constexpr std::size_t kBytes = 8u << 20;
    Place place(2 * kBytes);
    std::memset(place.memory.data(), place.rank + 1, kBytes);
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), kBytes, 1 - place.rank, 0));
    RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(kBytes), kBytes, 1 - place.rank, 0, nullptr));
    for (std::size_t i = 0; i < kBytes; ++i)
      RANK_CHECK(place.memory[kBytes + i] == static_cast<std::byte>(2 - place.rank));
    place.close();
  });
}

TEST_P(Messages, messages_of_one_sender_keep_their_order_with_and_without_wildcards) {
  expect_ranks(2, [](int) {
    Place place;
    const int kCount = on_rtl() ? 300 : 2000;
    int* value = place.at<int>();
    for (int i = 0; i < kCount; ++i) {
      if (place.rank == 0) {
        *value = i;
        RANK_OK(tally_send(place.endpoint, nullptr, value, sizeof *value, 1, i % 3 == 0 ? 1 : 2));
      } else {
        tally_result result = empty_result();
        const bool any = i % 2 == 0;
        RANK_OK(tally_recv(place.endpoint, nullptr, value, sizeof *value, any ? TALLY_ANY_SOURCE : 0,
                           any ? TALLY_ANY_TAG : (i % 3 == 0 ? 1 : 2), &result));
        RANK_CHECK(*value == i && result.tag == (i % 3 == 0 ? 1 : 2) && result.source == 0);
      }
    }
    place.close();
  });
}

/// More open receives, and more messages without one, than a small device could keep: no order of posts stalls.
TEST_P(Messages, receives_in_the_reverse_order_of_a_thousand_sends_all_meet) {
  expect_ranks(2, [](int rank) {
    constexpr std::size_t kCount = 1000;
    Place place(kCount * 4);
    std::vector<tally_request*> requests(kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
      int* value = place.at<int>(i * 4);
      if (rank == 0) {
        *value = static_cast<int>(kCount - 1 - i);
        RANK_OK(tally_send_start(place.endpoint, nullptr, value, 4, 1, *value, &requests[i]));
      } else {
        RANK_OK(tally_recv_start(place.endpoint, nullptr, value, 4, 0, static_cast<int>(i), &requests[i]));
      }
    }
    RANK_OK(tally_wait_all(requests.data(), requests.size()));
    for (std::size_t i = 0; rank == 1 && i < kCount; ++i) RANK_CHECK(*place.at<int>(i * 4) == static_cast<int>(i));
    place.close();
  });
}

TEST_P(Messages, messages_that_came_long_before_their_receives_keep_their_order) {
  expect_ranks(2, [](int rank) {
    constexpr std::size_t kCount = 600;
    Place place(kCount * 8);
    std::vector<tally_request*> requests(rank == 0 ? kCount : 0);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      *place.at<int>(i * 8) = static_cast<int>(i);
      RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<int>(i * 8), i % 2 == 0 ? 4 : 8, 1,
                               static_cast<int>(i % 3), &requests[i]));
    }
    RANK_OK(tally_barrier(place.endpoint, nullptr));  // the receiver takes part in it while nothing is received
    for (const std::size_t tag : {2u, 0u, 1u}) {
      for (std::size_t i = tag; rank == 1 && i < kCount; i += 3) {
        tally_result result = empty_result();
        RANK_OK(tally_recv(place.endpoint, nullptr, place.at<int>(), 8, i % 2 == 0 ? 0 : TALLY_ANY_SOURCE,
                           static_cast<int>(tag), &result));
        RANK_CHECK(*place.at<int>() == static_cast<int>(i) && result.length == (i % 2 == 0 ? 4u : 8u));
      }
    }
    RANK_OK(tally_wait_all(requests.data(), requests.size()));
    place.close();
  });
}

TEST_P(Messages, truncation_reports_the_whole_length_and_leaves_the_rest_alone) {
  expect_ranks(2, [](int) {
    Place place;
    std::memset(place.memory.data(), place.rank == 0 ? 7 : 9, 128);
    if (place.rank == 0) {
      RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(), 100, 1, 3));
    } else {
      tally_result result = empty_result();
      RANK_CHECK(tally_recv(place.endpoint, nullptr, place.at<void>(), 60, 0, 3, &result) ==
                 TALLY_ERR_TRUNCATED);
      RANK_CHECK(std::string(tally_last_error()).find("message of 100 bytes from rank 0, tag 3") !=
                 std::string::npos);
      RANK_CHECK(result.length == 100 && result.source == 0 && result.tag == 3);
      RANK_CHECK(place.memory[59] == std::byte{7} && place.memory[60] == std::byte{9});
    }
    place.close();
  });
}

TEST_P(Messages, random_traffic_among_all_pairs_arrives_once_and_unharmed) {
  const std::uint64_t first = seed(5);
  for (const int ranks : rank_counts({2, 3, 5})) {
    expect_ranks(ranks, [first](int) {
      const int kMessages = on_rtl() ? 60 : 200;
      constexpr std::size_t kSlot = 20000;
      Place place(kSlot * 2 * static_cast<std::size_t>(kMessages) * 5);
      std::vector<tally_request*> requests;
      std::vector<std::size_t> lengths;  // of what arrives, in slot order
      std::size_t slot = 0;
      const auto length_of = [&](int from, int to, int number) {
        std::mt19937_64 random(first + static_cast<std::uint64_t>(((from * 8 + to) << 16) + number));
        return random() % 4 == 0 ? random() % kSlot : random() % 100;
      };
      for (int number = 0; number < kMessages; ++number) {
        for (int peer = 0; peer < place.size; ++peer) {
          const std::size_t in = length_of(peer, place.rank, number);
          const std::size_t out = length_of(place.rank, peer, number);
          std::byte* to = place.at<std::byte>(kSlot * slot);
          lengths.push_back(in);
          ++slot;
          std::byte* from = place.at<std::byte>(kSlot * slot++);
          lengths.push_back(0);
          std::memset(from, (place.rank * 31 + number) & 0xff, out);
          requests.resize(requests.size() + 2);
          RANK_OK(tally_send_start(place.endpoint, nullptr, from, out, peer, number % 7, &requests.back()));
          RANK_OK(tally_recv_start(place.endpoint, nullptr, to, in, peer, number % 7,
                                   &requests[requests.size() - 2]));
        }
      }
      RANK_OK(tally_wait_all(requests.data(), requests.size()));
      slot = 0;
      for (int number = 0; number < kMessages; ++number) {
        for (int peer = 0; peer < place.size; ++peer, slot += 2) {
          for (std::size_t i = 0; i < lengths[slot]; ++i) {
            RANK_CHECK(place.memory[kSlot * slot + i] == static_cast<std::byte>((peer * 31 + number) & 0xff));
          }
        }
      }
      tally_counters counters{};
      counters.size = sizeof counters;
      RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
      RANK_CHECK(counters.sends == static_cast<std::uint64_t>(kMessages * place.size));
      RANK_CHECK(counters.receives == counters.sends);
      RANK_CHECK(counters.cpu_matches == (on_rtl() ? 0 : counters.sends));
      RANK_CHECK(!on_rtl() || counters.cpu_copied_bytes == 0);
      place.close();
    });
  }
}

}  // namespace
}  // namespace tally::test
