// SPDX-License-Identifier: BSD-3-Clause
// Reductions by operations and of types that the program has made, against a plain fold in rank order.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct OwnOperations : OnEngine {};
TALLY_ON_EACH_ENGINE(OwnOperations);

constexpr std::size_t kMemory = 8u << 20;

/// x -> a x + b, composed: of 16 bytes; does not commute.
struct Line {
  std::uint64_t a, b;
  bool operator==(const Line&) const = default;
};
Line operator*(const Line& l, const Line& r) { return {l.a * r.a, l.a * r.b + l.b}; }
/// Upper triangular matrices: of 24 bytes, which do not divide 16 and are not a power of two.
struct Triangle {
  std::uint64_t a, b, c;
  bool operator==(const Triangle&) const = default;
};
Triangle operator*(const Triangle& l, const Triangle& r) {
  return {l.a * r.a, l.a * r.b + l.b * r.c, l.c * r.c};
}

template <typename T>
T value(std::uint64_t seed, int rank, std::size_t i) {
  Random random(seed ^ (static_cast<std::uint64_t>(rank) << 40) ^ i);
  T out;
  auto* words = reinterpret_cast<std::uint64_t*>(&out);
  for (std::size_t w = 0; w < sizeof(T) / 8; ++w) words[w] = random.below(~std::uint64_t{0}) | 1;
  return out;
}

template <typename T>
void multiply(const void* in, void* inout, std::size_t count, void* calls) {
  const T* lower = static_cast<const T*>(in);
  T* upper = static_cast<T*>(inout);
  for (std::size_t i = 0; i < count; ++i) upper[i] = lower[i] * upper[i];
  if (calls != nullptr) ++*static_cast<std::uint64_t*>(calls);
}

template <typename T>
struct Own {
  explicit Own(Place& at, bool commutes = false) : place(at) {
    RANK_OK(tally_dtype_create(place.endpoint, sizeof(T), &dtype));
    RANK_OK(tally_op_create(place.endpoint, multiply<T>, &calls, commutes ? 1 : 0, &op));
  }
  void free() const {
    RANK_OK(tally_op_free(place.endpoint, op));
    RANK_OK(tally_dtype_free(place.endpoint, dtype));
  }
  Place& place;
  tally_dtype dtype = TALLY_BYTE;
  tally_op op = TALLY_OP_NONE;
  std::uint64_t calls = 0;
};

/// Product of the values of ranks [0, end).
template <typename T>
T product(std::uint64_t seed, int end, std::size_t i) {
  T out = value<T>(seed, 0, i);
  for (int rank = 1; rank < end; ++rank) out = out * value<T>(seed, rank, i);
  return out;
}

enum class What { kAllreduce, kReduce, kReduceScatterBlock, kReduceScatter, kScan, kExscan };
constexpr What kAll[] = {What::kAllreduce,     What::kReduce, What::kReduceScatterBlock,
                         What::kReduceScatter, What::kScan,   What::kExscan};

/// One call, in buffers of its own: set up, started and checked in three steps.
template <typename T>
struct Case {
  What what;
  std::size_t count;  ///< elements of the vector, or of the average block
  bool in_place;
  int root;
  std::uint64_t seed;
  tally_group* group = nullptr;
  int rank = 0, size = 1;
  T* input = nullptr;
  T* output = nullptr;
  std::vector<std::size_t> counts = {};

  [[nodiscard]] bool blocks() const {
    return what == What::kReduceScatterBlock || what == What::kReduceScatter;
  }
  [[nodiscard]] std::size_t elements() const {
    return blocks() ? count * static_cast<std::size_t>(size) : count;
  }
  [[nodiscard]] std::size_t bytes() const { return 2 * elements() * sizeof(T) + 64; }
  void prepare(std::byte* memory) {
    input = reinterpret_cast<T*>(memory);
    output = in_place ? input : input + elements();
    // Blocks of 0, count and 2 count elements, in turn.
    counts.assign(static_cast<std::size_t>(size), count);
    for (std::size_t r = 0; r + 1 < counts.size(); r += 2) {
      counts[r] = 0;
      counts[r + 1] = 2 * count;
    }
    for (std::size_t i = 0; i < elements(); ++i) output[i] = T{};
    for (std::size_t i = 0; i < elements(); ++i) input[i] = value<T>(seed, rank, i);
  }
  tally_status start(tally_endpoint* e, tally_dtype dtype, tally_op op, tally_request** request) {
    const bool root_only = what == What::kReduce && rank != root;
    const void* in = in_place && !root_only ? TALLY_IN_PLACE : input;
    switch (what) {
      case What::kAllreduce:
        return tally_allreduce_start(e, group, in, output, count, dtype, op, request);
      case What::kReduce:
        return tally_reduce_start(e, group, in, output, count, dtype, op, root, request);
      case What::kReduceScatterBlock:
        return tally_reduce_scatter_block_start(e, group, in, output, count, dtype, op, request);
      case What::kReduceScatter:
        return tally_reduce_scatter_start(e, group, in, output, counts.data(), dtype, op, request);
      case What::kScan:
        return tally_scan_start(e, group, in, output, count, dtype, op, request);
      default:
        return tally_exscan_start(e, group, in, output, count, dtype, op, request);
    }
  }
  [[nodiscard]] bool right() const {
    if (what == What::kReduce && rank != root) return true;
    if (what == What::kExscan && rank == 0) return in_place || count == 0 || output[0] == T{};
    const int end = what == What::kScan ? rank + 1 : what == What::kExscan ? rank : size;
    std::size_t first = 0;
    std::size_t n = count;
    if (what == What::kReduceScatterBlock) first = count * static_cast<std::size_t>(rank);
    if (what == What::kReduceScatter) {
      n = counts[static_cast<std::size_t>(rank)];
      for (int r = 0; r < rank; ++r) first += counts[static_cast<std::size_t>(r)];
    }
    const std::size_t step = n > 3000 ? 37 : 1;
    for (std::size_t i = 0; i < n; i += step) {
      if (!(output[i] == product<T>(seed, end, first + i))) return false;
    }
    return n == 0 || output[n - 1] == product<T>(seed, end, first + n - 1);
  }
};

template <typename T>
void check_all(int ranks, std::uint64_t seed_value, bool commutes_claimed = false) {
  expect_ranks(ranks, [&](int) {
    Place place(kMemory);
    const Own<T> own(place, commutes_claimed);
    for (const What what : kAll) {
      for (const std::size_t count : {0, 1, 7, 600, on_rtl() ? 3000 : 30000}) {
        if (count > 20000 && (what == What::kReduceScatter || what == What::kReduceScatterBlock) && ranks > 4)
          continue;
        for (const bool in_place : {false, true}) {
          for (int root = 0; root<(what == What::kReduce ? ranks : 1); root += ranks> 5 ? 3 : 1) {
            Case<T> c{what, count, in_place, root, seed_value + count, nullptr, place.rank, place.size};
            RANK_CHECK(c.bytes() <= kMemory);
            c.prepare(place.memory.data());
            tally_request* request = nullptr;
            RANK_OK(c.start(place.endpoint, own.dtype, own.op, &request));
            RANK_OK(tally_wait(&request, nullptr));
            if (!c.right()) {
              std::fprintf(stderr, "collective %d, %zu elements, in place %d, root %d\n",
                           static_cast<int>(what), count, in_place, root);
            }
            RANK_CHECK(c.right());
          }
        }
      }
    }
    tally_counters counters{};
    counters.size = sizeof counters;
    RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
    RANK_CHECK(counters.fallback_user_op > 0 && counters.fallback_collective_context == 0);
    RANK_CHECK(ranks == 1 || counters.cpu_reduced_bytes > 0);
    RANK_CHECK(ranks == 1 || own.calls > 0);
    own.free();
    place.close();
  });
}

TEST_P(OwnOperations, that_do_not_commute_are_applied_in_rank_order) {
  for (const int ranks : rank_counts({1, 2, 3, 4, 5, 8}, 3)) check_all<Line>(ranks, seed(61));
}

TEST_P(OwnOperations, reduce_elements_of_a_size_that_no_predefined_type_has) {
  for (const int ranks : rank_counts({1, 2, 3, 4, 5, 8}, 3)) check_all<Triangle>(ranks, seed(62));
}

TEST_P(OwnOperations, may_be_of_large_elements) {
  struct Wide {
    std::uint64_t words[3001];
  };
  expect_ranks(3, [&](int rank) {
    Place place(sizeof(Wide) * 64);
    tally_dtype dtype{};
    tally_op op{};
    RANK_OK(tally_dtype_create(place.endpoint, sizeof(Wide), &dtype));
    const auto sum = [](const void* in, void* inout, std::size_t count, void*) {
      const auto* a = static_cast<const std::uint64_t*>(in);
      auto* b = static_cast<std::uint64_t*>(inout);
      for (std::size_t i = 0; i < count * 3001; ++i) b[i] += a[i];
    };
    RANK_OK(tally_op_create(place.endpoint, sum, nullptr, 1, &op));
    Wide* wide = place.at<Wide>();
    for (int k = 0; k < 25; ++k) {
      for (std::size_t i = 0; i < 3001; ++i) wide[k].words[i] = static_cast<std::uint64_t>(rank + k) + i;
    }
    RANK_OK(tally_allreduce(place.endpoint, nullptr, TALLY_IN_PLACE, wide, 25, dtype, op));
    for (std::size_t k = 0; k < 25; ++k) {
      for (std::size_t i = 0; i < 3001; ++i) RANK_CHECK(wide[k].words[i] == 3 + 3 * (k + i));
    }
    place.close();
  });
}

/// The association of recursive doubling, for a power of two of ranks.
double pairwise(std::uint64_t seed, int first, int count, std::size_t i) {
  if (count == 1) return 1.0 / static_cast<double>(value<Line>(seed, first, i).a >> 20);
  return pairwise(seed, first, count / 2, i) + pairwise(seed, first + count / 2, count / 2, i);
}

TEST_P(OwnOperations, sum_floating_point_numbers_to_the_bits_of_the_schedules_association) {
  const std::uint64_t s = seed(63);
  for (const int ranks : rank_counts({1, 2, 4, 8})) {
    expect_ranks(ranks, [&](int rank) {
      Place place(kMemory);
      tally_op op{};
      const auto sum = [](const void* in, void* inout, std::size_t count, void*) {
        for (std::size_t i = 0; i < count; ++i)
          static_cast<double*>(inout)[i] = static_cast<const double*>(in)[i] + static_cast<double*>(inout)[i];
      };
      RANK_OK(tally_op_create(place.endpoint, sum, nullptr, 0, &op));
      for (const std::size_t count : {5u, 6000u}) {
        auto* data = place.at<double>();
        for (std::size_t i = 0; i < count; ++i) data[i] = pairwise(s, rank, 1, i);
        RANK_OK(tally_allreduce(place.endpoint, nullptr, TALLY_IN_PLACE, data, count, TALLY_F64, op));
        for (std::size_t i = 0; i < count; ++i) {
          const double expected = pairwise(s, 0, ranks, i);
          RANK_CHECK(std::memcmp(&data[i], &expected, sizeof expected) == 0);
        }
      }
      place.close();
    });
  }
}

TEST_P(OwnOperations, of_several_groups_run_at_once_among_other_collectives) {
  const std::uint64_t first = seed(64);
  for (const int ranks : rank_counts({2, 3, 4, 5, 8}, 3)) {
    expect_ranks(ranks, [&](int rank) {
      Place place(kMemory);
      const Own<Line> line(place);
      const Own<Triangle> triangle(place);
      std::vector<int> all(static_cast<std::size_t>(ranks));
      for (int r = 0; r < ranks; ++r) all[static_cast<std::size_t>(r)] = ranks - 1 - r;
      std::vector<tally_group*> groups(3);
      for (std::size_t g = 1; g < groups.size(); ++g)
        RANK_OK(tally_group_create(place.endpoint, all.data(), ranks, &groups[g]));
      Random random(first);
      for (int round = 0; round < 6; ++round) {
        std::vector<Case<Line>> lines;
        std::vector<Case<Triangle>> triangles;
        std::vector<tally_request*> requests;
        std::byte* next = place.memory.data();
        const auto fill = [&](auto& c) {
          const int own = c.group == nullptr ? rank : ranks - 1 - rank;
          c.rank = own;
          c.size = ranks;
          c.prepare(next);
          next += (c.bytes() + 63) / 64 * 64;
        };
        std::int64_t* sums = reinterpret_cast<std::int64_t*>(place.memory.data() + kMemory - 4096);
        constexpr std::size_t kCalls = 12;
        std::vector<std::size_t> kind(kCalls);
        for (std::size_t k = 0; k < kCalls; ++k) {
          kind[k] = random.below(3);
          const What what = kAll[random.below(std::size(kAll))];
          const std::size_t count = random.below(k % 4 == 0 ? 9000 / static_cast<std::uint64_t>(ranks) : 50);
          const bool in_place = random.below(2) == 0;
          const int root = static_cast<int>(random.below(static_cast<std::uint64_t>(ranks)));
          const std::uint64_t s = first + random.below(1u << 20);
          tally_group* group = groups[random.below(groups.size())];
          if (kind[k] == 0) {
            lines.push_back({what, count, in_place, root, s, group});
            fill(lines.back());
          } else if (kind[k] == 1) {
            triangles.push_back({what, count, in_place, root, s, group});
            fill(triangles.back());
          }
          RANK_CHECK(next < place.memory.data() + kMemory - 4096);
          requests.push_back(nullptr);
          // Started as soon as prepared; vectors of cases may move, their buffers do not.
          if (kind[k] == 0) {
            RANK_OK(lines.back().start(place.endpoint, line.dtype, line.op, &requests.back()));
          } else if (kind[k] == 1) {
            RANK_OK(triangles.back().start(place.endpoint, triangle.dtype, triangle.op, &requests.back()));
          } else {
            sums[k] = rank + 1;
            tally_status status = TALLY_AGAIN;
            while (status == TALLY_AGAIN) {
              status = tally_allreduce_start(place.endpoint, group, TALLY_IN_PLACE, &sums[k], 1, TALLY_I64,
                                             TALLY_SUM, &requests.back());
            }
            RANK_OK(status);
          }
        }
        for (std::size_t k = requests.size(); k-- > 0;) RANK_OK(tally_wait(&requests[k], nullptr));
        for (const auto& c : lines) RANK_CHECK(c.right());
        for (const auto& c : triangles) RANK_CHECK(c.right());
        for (std::size_t k = 0; k < kCalls; ++k)
          RANK_CHECK(kind[k] != 2 || sums[k] == ranks * (ranks + 1) / 2);
      }
      for (std::size_t g = 1; g < groups.size(); ++g) RANK_OK(tally_group_free(groups[g]));
      place.close();
    });
  }
}

TEST_P(OwnOperations, that_the_ranks_disagree_about_end_with_the_reason) {
  for (const std::size_t other : {6u, 700u}) {
    expect_ranks(2, [&](int rank) {
      Place place(kMemory);
      const Own<Line> own(place);
      tally_group* group = nullptr;
      const int all[] = {0, 1};
      RANK_OK(tally_group_create(place.endpoint, all, 2, &group));
      Line* data = place.at<Line>();
      const tally_status status = tally_allreduce(place.endpoint, group, TALLY_IN_PLACE, data,
                                                  rank == 0 ? 5 : other, own.dtype, own.op);
      RANK_CHECK(status == TALLY_ERR_MISMATCH || status == TALLY_ERR_ABORTED);
      RANK_CHECK(std::string(tally_last_error()).find("count differs") != std::string::npos);
      RANK_CHECK(tally_barrier(place.endpoint, group) == TALLY_ERR_ABORTED);
      // Messages and other groups go on.
      RANK_OK(tally_allreduce(place.endpoint, nullptr, TALLY_IN_PLACE, data, 3, own.dtype, own.op));
      RANK_OK(tally_group_free(group));
      place.close();
    });
  }
}

TEST_P(OwnOperations, that_differ_in_element_size_end_with_the_reason) {
  expect_ranks(2, [&](int rank) {
    Place place(kMemory);
    const Own<Line> line(place);
    const Own<Triangle> triangle(place);
    const tally_status status =
        tally_scan(place.endpoint, nullptr, TALLY_IN_PLACE, place.at<Line>(), 5,
                   rank == 0 ? line.dtype : triangle.dtype, rank == 0 ? line.op : triangle.op);
    // Rank 0 of a scan waits for nobody.
    RANK_CHECK(status == TALLY_ERR_MISMATCH ||
               (rank == 0 && (status == TALLY_OK || status == TALLY_ERR_ABORTED)));
    if (rank == 1) RANK_CHECK(std::string(tally_last_error()).find("the program's own") != std::string::npos);
    place.close();
  });
}

TEST_P(OwnOperations, that_a_rank_gives_up_end_on_the_others_with_what_was_waited_for) {
  for (const std::size_t count : {10u, 50000u}) {
    expect_ranks(3, [&](int rank) {
      if (rank == 0) ::setenv("TALLY_TIMEOUT", "0.4", 1);
      Place place(kMemory);
      const Own<Line> own(place);
      tally_group* group = nullptr;
      const int all[] = {0, 1, 2};
      RANK_OK(tally_group_create(place.endpoint, all, 3, &group));
      Line* data = place.at<Line>();
      if (rank != 2) {
        const tally_status status =
            tally_allreduce(place.endpoint, group, TALLY_IN_PLACE, data, count, own.dtype, own.op);
        RANK_CHECK(status == (rank == 0 ? TALLY_ERR_TIMEOUT : TALLY_ERR_ABORTED));
        const std::string text = tally_last_error();
        RANK_CHECK(text.find(rank == 0 ? "software collective 0 of context"
                                       : "rank 0 gave a collective up") != std::string::npos);
      } else {
        ::usleep(1500000);  // never comes
      }
      ::unsetenv("TALLY_TIMEOUT");
      if (rank != 0) {  // the others have not given anything up
        const int two[] = {1, 2};
        tally_group* rest = nullptr;
        RANK_OK(tally_group_create(place.endpoint, two, 2, &rest));
        for (std::size_t i = 0; i < 5; ++i) data[i] = Line{3, 1};
        RANK_OK(tally_allreduce(place.endpoint, rest, TALLY_IN_PLACE, data, 5, own.dtype, own.op));
        RANK_CHECK(data[4] == (Line{3, 1} * Line{3, 1}));
        RANK_OK(tally_group_free(rest));
      }
      RANK_OK(tally_group_free(group));
      place.close();
    });
  }
}

TEST_P(OwnOperations, and_types_that_move_only_take_the_engine) {
  for (const int ranks : rank_counts({1, 2, 3, 4, 5, 8}, 3)) {
    expect_ranks(ranks, [&](int rank) {
      Place place(kMemory);
      const Own<Triangle> own(place);
      Triangle* in = place.at<Triangle>();
      Triangle* out = in + 20000;
      const auto n = static_cast<std::size_t>(ranks);
      for (const std::size_t count : {0u, 1u, 5u, 900u}) {
        for (std::size_t i = 0; i < n * count; ++i) in[i] = value<Triangle>(7, rank, i);
        RANK_OK(tally_alltoall(place.endpoint, nullptr, in, out, count, own.dtype));
        for (std::size_t i = 0; i < n * count; ++i) {
          const auto from = static_cast<int>(i / std::max<std::size_t>(count, 1));
          RANK_CHECK(out[i] == value<Triangle>(7, from,
                                               static_cast<std::size_t>(rank) * count +
                                                   i % std::max<std::size_t>(count, 1)));
        }
        RANK_OK(tally_allgather(place.endpoint, nullptr, in, out, count, own.dtype));
        for (std::size_t i = 0; i < n * count; ++i)
          RANK_CHECK(out[i] == value<Triangle>(7, static_cast<int>(i / std::max<std::size_t>(count, 1)),
                                               i % std::max<std::size_t>(count, 1)));
        RANK_OK(tally_bcast(place.endpoint, nullptr, in, count, own.dtype, ranks - 1));
        for (std::size_t i = 0; i < count; ++i) RANK_CHECK(in[i] == value<Triangle>(7, ranks - 1, i));
      }
      tally_counters counters{};
      counters.size = sizeof counters;
      RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
      RANK_CHECK(counters.fallback_user_op == 0);
      place.close();
    });
  }
}

TEST_P(OwnOperations, wrong_arguments_are_named) {
  expect_ranks(1, [](int) {
    Place place;
    const auto said = [](const char* text) {
      return std::string(tally_last_error()).find(text) != std::string::npos;
    };
    tally_op op{};
    tally_dtype dtype{};
    tally_endpoint* e = place.endpoint;
    RANK_CHECK(tally_op_create(nullptr, multiply<Line>, nullptr, 0, &op) == TALLY_ERR_ARGUMENT &&
               said("endpoint"));
    RANK_CHECK(tally_op_create(e, nullptr, nullptr, 0, &op) == TALLY_ERR_ARGUMENT && said("function"));
    RANK_CHECK(tally_op_create(e, multiply<Line>, nullptr, 0, nullptr) == TALLY_ERR_ARGUMENT &&
               said("op is"));
    RANK_CHECK(tally_dtype_create(e, 0, &dtype) == TALLY_ERR_ARGUMENT && said("bytes"));
    RANK_CHECK(tally_dtype_create(e, ~std::size_t{0}, &dtype) == TALLY_ERR_ARGUMENT && said("bytes -1"));
    RANK_CHECK(tally_dtype_create(e, 8, nullptr) == TALLY_ERR_ARGUMENT && said("dtype"));
    RANK_CHECK(tally_op_free(e, TALLY_SUM) == TALLY_ERR_ARGUMENT && said("op 1"));
    RANK_CHECK(tally_dtype_free(e, TALLY_F64) == TALLY_ERR_ARGUMENT && said("dtype 13"));
    const Own<Line> own(place);
    Line* data = place.at<Line>();
    RANK_CHECK(tally_allreduce(e, nullptr, TALLY_IN_PLACE, data, 1, own.dtype, TALLY_SUM) ==
               TALLY_ERR_ARGUMENT);
    RANK_CHECK(said("dtype 256 is the program's own"));
    own.free();
    RANK_CHECK(tally_allreduce(e, nullptr, TALLY_IN_PLACE, data, 1, TALLY_I64, own.op) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(said("op 256 is not a reduction"));
    RANK_CHECK(tally_bcast(e, nullptr, data, 1, own.dtype, 0) == TALLY_ERR_ARGUMENT && said("dtype 256"));
    RANK_CHECK(tally_op_free(e, own.op) == TALLY_ERR_ARGUMENT && said("op 256"));
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
