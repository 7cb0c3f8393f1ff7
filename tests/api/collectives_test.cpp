// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Allreduce : OnEngine {};
TALLY_ON_EACH_ENGINE(Allreduce);
struct Bcast : OnEngine {};
TALLY_ON_EACH_ENGINE(Bcast);
struct Barrier : OnEngine {};
TALLY_ON_EACH_ENGINE(Barrier);
struct Collectives : OnEngine {};
TALLY_ON_EACH_ENGINE(Collectives);

constexpr tally_op kOps[] = {TALLY_SUM, TALLY_MIN, TALLY_MAX};

/// What rank contributes to element i: any rank can compute it.
template <typename T>
T element(int rank, std::size_t i) {
  const std::uint64_t mixed =
      (static_cast<std::uint64_t>(rank) + 1) * 0x9e3779b97f4a7c15u ^ (i * 0xbf58476d1ce4e5b9u);
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(mixed);  // sums wrap
  } else {
    return static_cast<T>(static_cast<double>(static_cast<std::int64_t>(mixed)) * 1e-15);
  }
}

/// Integers: plain arithmetic in rank order, which any order equals.
template <typename T>
T expected(int ranks, std::size_t i, tally_op op) {
  using U = std::make_unsigned_t<T>;
  T value = element<T>(0, i);
  for (int rank = 1; rank < ranks; ++rank) {
    const T next = element<T>(rank, i);
    value = op == TALLY_SUM   ? static_cast<T>(static_cast<U>(value) + static_cast<U>(next))
            : op == TALLY_MIN ? std::min(value, next)
                              : std::max(value, next);
  }
  return value;
}

template <typename T>
void check_type(Place& place, tally_group* group, tally_dtype dtype, std::size_t count) {
  for (const tally_op op : kOps) {
    for (const bool in_place : {false, true}) {
      T* input = place.at<T>();
      T* output = in_place ? input : place.at<T>(1u << 20);
      for (std::size_t i = 0; i < count; ++i) input[i] = element<T>(place.rank, i);
      RANK_OK(tally_allreduce(place.endpoint, group, input, output, count, dtype, op));
      if (!in_place) {
        for (std::size_t i = 0; i < count; ++i) RANK_CHECK(input[i] == element<T>(place.rank, i));
      }
      if constexpr (std::is_integral_v<T>) {
        for (std::size_t i = 0; i < count; ++i) RANK_CHECK(output[i] == expected<T>(place.size, i, op));
      } else {
        for (std::size_t i = 0; i < count; ++i) {
          double sum = 0;
          double sizes = 0;
          for (int rank = 0; rank < place.size; ++rank) {
            const double next = element<T>(rank, i);
            sum = rank == 0         ? next
                  : op == TALLY_SUM ? sum + next
                  : op == TALLY_MIN ? std::min(sum, next)
                                    : std::max(sum, next);
            sizes += std::abs(next);
          }
          RANK_CHECK(std::abs(output[i] - sum) <=
                     sizes * 8 * static_cast<double>(std::numeric_limits<T>::epsilon()));
        }
        // The same bytes on every rank: against rank 0's.
        T* first = place.at<T>(2u << 20);
        std::memcpy(first, output, count * sizeof(T));
        RANK_OK(tally_bcast(place.endpoint, group, first, count, dtype, 0));
        RANK_CHECK(std::memcmp(first, output, count * sizeof(T)) == 0);
      }
    }
  }
}

TEST_P(Allreduce, all_types_and_operations_equal_plain_arithmetic_on_every_rank) {
  for (const int ranks : rank_counts({1, 2, 3, 4, 5, 8}, 4)) {
    expect_ranks(
        ranks,
        [](int) {
          Place place(3u << 20);
          std::vector<int> everybody;
          for (int rank = 0; rank < place.size; ++rank) everybody.push_back(rank);
          tally_group* group = nullptr;
          RANK_OK(tally_group_create(place.endpoint, everybody.data(), place.size, &group));
          for (const char* algorithm : {"auto", "recursive_doubling", "ring"}) {
            RANK_OK(tally_group_set_algorithm(group, algorithm));
            for (const std::size_t count :
                 {std::size_t{0}, std::size_t{7}, std::size_t{on_rtl() ? 1031u : 30011u}}) {
              check_type<std::int32_t>(place, group, TALLY_I32, count);
              check_type<std::int64_t>(place, group, TALLY_I64, count);
              check_type<float>(place, group, TALLY_F32, count);
              check_type<double>(place, group, TALLY_F64, count);
            }
          }
          RANK_OK(tally_group_free(group));
          place.close();
        },
        std::chrono::seconds(280));
  }
}

TEST_P(Bcast, every_root_and_every_type_moves_the_bytes) {
  for (const int ranks : rank_counts({1, 2, 3, 5, 8})) {
    expect_ranks(ranks, [](int) {
      Place place(1u << 20);
      constexpr struct {
        tally_dtype dtype;
        std::size_t bytes;
      } kTypes[] = {{TALLY_BYTE, 1}, {TALLY_I32, 4}, {TALLY_I64, 8}, {TALLY_F32, 4}, {TALLY_F64, 8}};
      for (int root = 0; root < place.size; ++root) {
        for (const auto& type : kTypes) {
          for (const std::size_t count :
               {std::size_t{0}, std::size_t{1}, std::size_t{13}, std::size_t{on_rtl() ? 3001u : 50000u}}) {
            const std::size_t bytes = count * type.bytes;
            for (std::size_t i = 0; i < bytes; ++i) {
              place.memory[i] = place.rank == root
                                    ? static_cast<std::byte>(i * 3 + static_cast<std::size_t>(root))
                                    : std::byte{0};
            }
            RANK_OK(tally_bcast(place.endpoint, nullptr, place.at<void>(), count, type.dtype, root));
            for (std::size_t i = 0; i < bytes; ++i) {
              RANK_CHECK(place.memory[i] == static_cast<std::byte>(i * 3 + static_cast<std::size_t>(root)));
            }
          }
        }
      }
      place.close();
    });
  }
}

TEST_P(Barrier, nobody_leaves_before_the_last_one_came) {
  for (const int ranks : rank_counts({1, 2, 3, 8}, 8)) {
    const TestJob job(ranks);
    // Words of the counters area that nobody else uses: the segment was made without counters.
    auto* arrived = reinterpret_cast<std::atomic<int>*>(job.segment.counters(0).value);
    const auto codes = run_ranks(job.segment, [arrived](int) {
      Place place;
      for (int round = 1; round <= (on_rtl() ? 50 : 300); ++round) {
        arrived->fetch_add(1);
        RANK_OK(tally_barrier(place.endpoint, nullptr));
        RANK_CHECK(arrived->load() >= round * place.size);
      }
      place.close();
    });
    expect_success(codes);
  }
}

TEST_P(Collectives, started_ones_complete_in_any_order_of_waiting_and_among_messages) {
  expect_ranks(4, [](int) {
    Place place;
    std::int64_t* in = place.at<std::int64_t>();
    std::int64_t* out = place.at<std::int64_t>(1024);
    tally_request* requests[10] = {};
    for (int i = 0; i < 8; ++i) {
      in[i] = place.rank + i;
      RANK_OK(tally_allreduce_start(place.endpoint, nullptr, &in[i], &out[i], 1, TALLY_I64, TALLY_SUM,
                                    &requests[i]));
    }
    RANK_OK(tally_recv_start(place.endpoint, nullptr, place.at<void>(4096), 8, (place.rank + 1) % 4, 1,
                             &requests[8]));
    RANK_OK(tally_send_start(place.endpoint, nullptr, place.at<void>(2048), 8, (place.rank + 3) % 4, 1,
                             &requests[9]));
    for (int i = 9; i >= 0; --i) RANK_OK(tally_wait(&requests[i], nullptr));
    for (int i = 0; i < 8; ++i) RANK_CHECK(out[i] == 6 + 4 * i);
    tally_request* barrier = nullptr;
    RANK_OK(tally_barrier_start(place.endpoint, nullptr, &barrier));
    tally_status status = TALLY_AGAIN;
    while ((status = tally_test(&barrier, nullptr)) == TALLY_AGAIN) ::usleep(100);
    RANK_OK(status);
    place.close();
  });
}

TEST_P(Collectives, one_like_the_last_hears_of_memory_and_algorithms_that_changed_meanwhile) {
  expect_ranks(2, [](int) {
    Place place;
    tally_group* group = nullptr;
    const int ranks[] = {0, 1};
    RANK_OK(tally_group_create(place.endpoint, ranks, 2, &group));
    std::vector<std::int32_t> sum(64);
    tally_memory* memory = nullptr;
    RANK_OK(tally_memory_register(place.endpoint, sum.data(), sum.size() * 4, &memory));
    for (std::size_t k = 0; k < sum.size(); ++k) place.at<std::int32_t>()[k] = place.rank + 1;
    const auto allreduce = [&] {
      sum.assign(sum.size(), 0);
      const tally_status status = tally_allreduce(place.endpoint, group, place.at<std::int32_t>(), sum.data(),
                                                  sum.size(), TALLY_I32, TALLY_SUM);
      RANK_CHECK((status == TALLY_OK) == (sum.back() == 3));
      return status;
    };
    for (int k = 0; k < 3; ++k) RANK_OK(allreduce());

    RANK_OK(tally_memory_deregister(memory));
    RANK_CHECK(allreduce() == TALLY_ERR_NOT_REGISTERED);
    RANK_OK(tally_memory_register(place.endpoint, sum.data(), sum.size() * 4, &memory));
    for (int k = 0; k < 3; ++k) RANK_OK(allreduce());

    const auto fallbacks = [&] {
      tally_counters counters{};
      counters.size = sizeof counters;
      RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
      return counters.fallback_algorithm;
    };
    const std::uint64_t before = fallbacks();
    RANK_OK(tally_group_set_algorithm(group, "bruck"));  // allreduce has none: each call is told
    for (int k = 0; k < 3; ++k) RANK_OK(allreduce());
    RANK_CHECK(fallbacks() == before + 3);
    RANK_OK(tally_group_set_algorithm(group, "ring"));
    for (int k = 0; k < 3; ++k) RANK_OK(allreduce());
    RANK_CHECK(fallbacks() == before + 3);

    RANK_OK(tally_group_free(group));
    RANK_OK(tally_memory_deregister(memory));
    place.close();
  });
}

TEST_P(Collectives, environment_overrides_the_algorithm_and_a_wrong_name_is_refused) {
  expect_ranks(3, [](int) {
    ::setenv("TALLY_ALGORITHM", "ring", 1);
    Place place;
    *place.at<int>() = place.rank;
    RANK_OK(
        tally_allreduce(place.endpoint, nullptr, place.at<int>(), place.at<int>(), 1, TALLY_I32, TALLY_MAX));
    RANK_CHECK(*place.at<int>() == 2);
    RANK_OK(tally_barrier(place.endpoint, nullptr));  // barriers do not know the ring: they take their own
    place.close();
  });
  expect_ranks(4, [](int) {
    ::setenv("TALLY_ALGORITHM", TALLY_SAMPLES "/allreduce_ring4.xml", 1);
    Place place(1u << 20);
    for (const std::size_t count : {1u, 1000u, 100001u}) {
      std::int32_t* in = place.at<std::int32_t>();
      std::int32_t* out = place.at<std::int32_t>(count * 4);
      for (std::size_t k = 0; k < count; ++k) in[k] = static_cast<std::int32_t>(k) * (place.rank + 1);
      RANK_OK(tally_allreduce(place.endpoint, nullptr, in, out, count, TALLY_I32, TALLY_SUM));
      for (std::size_t k = 0; k < count; ++k) RANK_CHECK(out[k] == 10 * static_cast<std::int32_t>(k));
    }
    RANK_OK(tally_barrier(place.endpoint, nullptr));
    // A group of another size does without the file.
    tally_group* pair = nullptr;
    const int ranks[] = {place.rank / 2 * 2, place.rank / 2 * 2 + 1};
    RANK_OK(tally_group_create(place.endpoint, ranks, 2, &pair));
    *place.at<int>() = place.rank;
    RANK_OK(tally_allreduce(place.endpoint, pair, place.at<int>(), place.at<int>(), 1, TALLY_I32, TALLY_SUM));
    RANK_CHECK(*place.at<int>() == ranks[0] + ranks[1]);
    RANK_OK(tally_group_free(pair));
    place.close();
  });
  expect_ranks(1, [](int) {
    for (const auto& [name, text] :
         {std::pair{TALLY_SAMPLES "/allreduce_ring4.xml", "is for 4 ranks, the group has 1"},
          std::pair{"/no/such.xml", "TALLY_ALGORITHM: file '/no/such.xml' cannot be read"}}) {
      ::setenv("TALLY_ALGORITHM", name, 1);
      tally_endpoint* endpoint = nullptr;
      RANK_CHECK(tally_endpoint_open(nullptr, &endpoint) == TALLY_ERR_ARGUMENT);
      RANK_CHECK(std::string(tally_last_error()).find(text) != std::string::npos);
    }
    ::setenv("TALLY_ALGORITHM", "magic", 1);
    tally_endpoint* endpoint = nullptr;
    RANK_CHECK(tally_endpoint_open(nullptr, &endpoint) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(std::string(tally_last_error()).find("TALLY_ALGORITHM: algorithm 'magic' is unknown") !=
               std::string::npos);
    ::unsetenv("TALLY_ALGORITHM");  // the failed open left the place in the job free
    Place place;
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
