// SPDX-License-Identifier: BSD-3-Clause
// Messages whose buffers are lists of segments.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Segments : OnEngine {};
TALLY_ON_EACH_ENGINE(Segments);

tally_counters counters_of(tally_endpoint* endpoint) {
  tally_counters counters{};
  counters.size = sizeof counters;
  RANK_OK(tally_endpoint_counters(endpoint, &counters));
  return counters;
}

/// Cuts `bytes` of memory at `base` into segments with gaps between them; some are empty.
std::vector<tally_segment> cut(std::byte* base, std::size_t bytes, std::mt19937_64& random) {
  std::vector<tally_segment> segments;
  for (std::size_t left = bytes; left > 0;) {
    const std::size_t length =
        random() % 5 == 0 ? 0 : std::min<std::size_t>(left, 1 + random() % (bytes / 3 + 1));
    segments.push_back({length == 0 && random() % 2 == 0 ? nullptr : base, length});
    base += length + 1 + random() % 9;
    left -= length;
  }
  return segments;
}

TEST_P(Segments, any_cut_of_the_sender_meets_any_cut_of_the_receiver) {
  const std::uint64_t first = seed(4);
  for (const bool cached : {false, true}) {
    expect_ranks(2, [&](int rank) {
      tally_endpoint* e = nullptr;
      tally_options options{};
      options.size = sizeof options;
      options.memory_cache = cached ? 1 : 0;
      RANK_OK(tally_endpoint_open_with(&options, &e));
      std::mt19937_64 random(first + static_cast<std::uint64_t>(rank));
      std::uint64_t copied = 0;
      for (const std::size_t bytes : {2u, 7u, 100u, 4097u, 30000u, 200000u}) {
        for (int round = 0; round < (on_rtl() ? 2 : 10); ++round) {
          std::vector<std::byte> memory(20 * bytes + 4096, std::byte{0xee});
          std::vector<tally_segment> segments;
          do {  // one segment alone would be a buffer like any
            segments = cut(memory.data(), bytes, random);
          } while (std::count_if(segments.begin(), segments.end(),
                                 [](const tally_segment& segment) { return segment.length != 0; }) < 2);
          std::vector<std::byte> message(bytes);
          for (std::size_t i = 0; i < bytes; ++i)
            message[i] = static_cast<std::byte>(i * 7 + static_cast<std::size_t>(round));
          std::size_t at = 0;
          if (rank == 0) {
            for (const tally_segment& segment : segments) {
              if (segment.length != 0) std::memcpy(segment.base, message.data() + at, segment.length);
              at += segment.length;
            }
          }
          tally_request* request = nullptr;
          std::vector<tally_segment> given = segments;
          if (rank == 0) {
            RANK_OK(tally_recv(e, nullptr, nullptr, 0, 1, 1, nullptr));
            RANK_OK(tally_sendv_start(e, nullptr, given.data(), given.size(), 1, 0, &request));
          } else {
            RANK_OK(tally_recvv_start(e, nullptr, given.data(), given.size(), 0, 0, &request));
            RANK_OK(tally_send(e, nullptr, nullptr, 0, 0, 1));
          }
          given.assign(given.size(), {nullptr, 12345});
          tally_result result{};
          result.size = sizeof result;
          RANK_OK(tally_wait(&request, &result));
          RANK_CHECK(result.length == bytes);
          copied += bytes;
          if (rank == 0) continue;
          std::vector<std::byte> expected(memory.size(), std::byte{0xee});
          for (const tally_segment& segment : segments) {
            if (segment.length == 0) continue;
            std::memcpy(expected.data() + (static_cast<std::byte*>(segment.base) - memory.data()),
                        message.data() + at, segment.length);
            at += segment.length;
          }
          RANK_CHECK(memory == expected);
        }
      }
      RANK_CHECK(counters_of(e).fallback_segments == copied);
      RANK_OK(tally_endpoint_close(e));
    });
  }
}

TEST_P(Segments, that_lie_one_behind_the_other_are_not_copied) {
  expect_ranks(1, [](int) {
    Place place;
    std::array<tally_segment, 4> list{tally_segment{place.at<void>(0), 100}, tally_segment{nullptr, 0},
                                      tally_segment{place.at<void>(100), 50},
                                      tally_segment{place.at<void>(150), 1}};
    std::memset(place.memory.data(), 3, 151);
    tally_request* request = nullptr;
    RANK_OK(tally_sendv_start(place.endpoint, nullptr, list.data(), list.size(), 0, 0, &request));
    RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(1000), 151, 0, 0, nullptr));
    RANK_OK(tally_wait(&request, nullptr));
    RANK_CHECK(std::memcmp(place.memory.data(), place.memory.data() + 1000, 151) == 0);
    RANK_CHECK(counters_of(place.endpoint).fallback_segments == 0);
    RANK_OK(tally_sendv_start(place.endpoint, nullptr, nullptr, 0, 0, 0, &request));
    tally_result result = empty_result();
    RANK_OK(tally_recv(place.endpoint, nullptr, place.at<void>(), 10, 0, 0, &result));
    RANK_CHECK(result.length == 0);
    RANK_OK(tally_wait(&request, nullptr));
    place.close();
  });
}

TEST_P(Segments, short_and_long_messages_touch_what_they_fill_alone) {
  expect_ranks(1, [](int) {
    Place place;
    std::memset(place.memory.data(), 0xee, 4096);
    std::memset(place.memory.data() + 8192, 1, 100);
    const std::array<tally_segment, 2> list{tally_segment{place.at<void>(10), 20},
                                            tally_segment{place.at<void>(100), 20}};
    const auto filled = [&](std::size_t from, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        if (place.memory[from + i] != std::byte{1}) return false;
      }
      return place.memory[from + count] == std::byte{0xee};
    };
    tally_request* request = nullptr;
    RANK_OK(tally_recvv_start(place.endpoint, nullptr, list.data(), 2, 0, 0, &request));
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(8192), 25, 0, 0));
    RANK_OK(tally_wait(&request, nullptr));
    RANK_CHECK(filled(10, 20) && filled(100, 5));
    RANK_OK(tally_recvv_start(place.endpoint, nullptr, list.data(), 2, 0, 0, &request));
    RANK_OK(tally_send(place.endpoint, nullptr, place.at<void>(8192), 90, 0, 0));
    tally_result result = empty_result();
    RANK_CHECK(tally_wait(&request, &result) == TALLY_ERR_TRUNCATED && result.length == 90);
    RANK_CHECK(filled(10, 20) && filled(100, 20));
    RANK_OK(tally_recvv_start(place.endpoint, nullptr, list.data(), 2, 0, 0, &request));
    std::memset(place.memory.data(), 0xee, 4096);
    RANK_OK(tally_cancel(request));
    RANK_CHECK(tally_wait(&request, nullptr) == TALLY_ERR_CANCELLED && place.memory[10] == std::byte{0xee});
    place.close();
  });
}

TEST_P(Segments, wrong_ones_are_named) {
  expect_ranks(1, [](int) {
    Place place;
    tally_request* request = nullptr;
    const auto bad = [&](const tally_segment* list, std::size_t count, const char* text) {
      RANK_CHECK(tally_sendv_start(place.endpoint, nullptr, list, count, 0, 0, &request) ==
                 TALLY_ERR_ARGUMENT);
      RANK_CHECK(std::strstr(tally_last_error(), text) != nullptr);
      RANK_CHECK(tally_recvv_start(place.endpoint, nullptr, list, count, 0, 0, &request) ==
                 TALLY_ERR_ARGUMENT);
      RANK_CHECK(std::strstr(tally_last_error(), text) != nullptr);
    };
    std::array<tally_segment, 2> list{tally_segment{place.at<void>(), 4}, tally_segment{nullptr, 4}};
    bad(nullptr, 2, "segments is NULL");
    bad(list.data(), 2, "segments[1].base is NULL");
    list[1] = {place.at<void>(8), SIZE_MAX};
    bad(list.data(), 2, "is negative");
    list[1] = {place.at<void>(8), PTRDIFF_MAX};
    bad(list.data(), 2, "segments: their length is more than an object can have");
    list[1] = {place.at<void>(8), 4};
    RANK_CHECK(tally_sendv_start(place.endpoint, nullptr, list.data(), 2, 3, 0, &request) ==
               TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_recvv_start(place.endpoint, nullptr, list.data(), 2, 0, -4, &request) ==
               TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_recvv_start(place.endpoint, nullptr, list.data(), 2, 0, 0, nullptr) ==
               TALLY_ERR_ARGUMENT);
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
