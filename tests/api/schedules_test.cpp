// SPDX-License-Identifier: BSD-3-Clause
// The schedules of a group: what is compiled once and found again, what is forgotten, and that a repeated
// call allocates nothing.
#include "api/schedules.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

namespace {
std::size_t g_allocations = 0;  // of this process, since the last look
}  // namespace

// Not inlined: the compiler would see malloc() and free() where it wants to see new and delete.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++g_allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace tally::test {
namespace {

using api::CollectiveCall;
using api::Compiled;
using api::Extents;
using api::Schedules;
using schedule::Collective;

constexpr std::uint64_t kFlow = 32768;

Schedules four(int rank = 1) { return {rank, {0, 1, 2, 3}, kFlow}; }

/// An alltoallv of these counts, both ways, with blocks one behind the other.
struct Arrays {
  explicit Arrays(std::vector<std::size_t> numbers)
      : counts(std::move(numbers)), displacements(counts.size()) {
    for (std::size_t i = 1; i < counts.size(); ++i) displacements[i] = displacements[i - 1] + counts[i - 1];
  }
  [[nodiscard]] CollectiveCall call() const {
    return {.collective = Collective::kAlltoall,
            .varying = true,
            .input_blocks = {counts.data(), displacements.data()},
            .output_blocks = {counts.data(), displacements.data()},
            .dtype = TALLY_I32};
  }
  std::vector<std::size_t> counts, displacements;
};

Compiled* make(Schedules& schedules, const Arrays& arrays) {
  Compiled* made = nullptr;
  const Status status = schedules.make_varying(arrays.call(), 4, false, Extents{}, &made);
  EXPECT_TRUE(status.ok()) << status.message();
  return made;
}

TEST(Schedules, a_repeated_call_finds_its_schedule_and_allocates_nothing) {
  Schedules schedules = four();
  struct Each {
    Collective collective;
    int root;
    std::uint64_t bytes;
    bool in_place;
  };
  std::vector<Each> calls;
  for (std::size_t c = 0; c < schedule::kCollectives; ++c) {
    const auto collective = static_cast<Collective>(c);
    for (const std::uint64_t bytes : {64, 20000, 1000000}) {
      for (int root = 0; root < (schedule::has_root(collective) ? 4 : 1); ++root) {
        calls.push_back({collective, root, bytes, false});
        if (collective != Collective::kBarrier) calls.push_back({collective, root, bytes, true});
      }
    }
  }
  std::vector<Compiled*> first(calls.size());
  for (int round = 0; round < 2; ++round) {
    const std::size_t before = g_allocations;
    for (std::size_t k = 0; k < calls.size(); ++k) {
      Compiled* compiled = nullptr;
      const Status status =
          schedules.get(calls[k].collective, calls[k].root, calls[k].bytes, calls[k].in_place, &compiled);
      ASSERT_TRUE(status.ok()) << status.message();
      if (round == 0) first[k] = compiled;
      ASSERT_EQ(compiled, first[k]);
    }
    if (round == 1) {
      EXPECT_EQ(g_allocations, before);
    }
  }
}

TEST(Schedules, a_named_algorithm_leaves_vectors_that_it_does_not_take_to_others) {
  Schedules schedules = four();
  ASSERT_TRUE(schedules.set_algorithm("direct").ok());
  Compiled* compiled = nullptr;
  for (int round = 0; round < 2; ++round) {
    const std::size_t before = g_allocations;
    ASSERT_TRUE(schedules.get(Collective::kAllreduce, 0, 1 << 20, false, &compiled).ok());
    EXPECT_NE(compiled->algorithm, "direct");
    ASSERT_TRUE(schedules.get(Collective::kAllreduce, 0, 16, false, &compiled).ok());
    EXPECT_EQ(compiled->algorithm, "direct");
    ASSERT_TRUE(schedules.get(Collective::kBarrier, 0, 0, false, &compiled).ok());
    if (round == 1) {
      EXPECT_EQ(g_allocations, before);
    }
  }
  EXPECT_EQ(schedules.set_algorithm("magic").code(), TALLY_ERR_ARGUMENT);
  EXPECT_EQ(schedules.algorithm(), "direct");
}

TEST(Schedules, a_file_serves_its_collective_and_leaves_what_it_does_not_serve_to_others) {
  Schedules schedules = four();
  Compiled* compiled = nullptr;
  ASSERT_TRUE(schedules.get(Collective::kAllgather, 0, 4 * 320, false, &compiled).ok());
  EXPECT_NE(compiled->algorithm.compare(0, 10, "allgather@"), 0);
  ASSERT_TRUE(schedules.set_algorithm(TALLY_SAMPLES "/allgather4.xml").ok());
  for (int round = 0; round < 2; ++round) {
    const std::size_t before = g_allocations;
    ASSERT_TRUE(schedules.get(Collective::kAllgather, 0, 4 * 320, false, &compiled).ok());
    EXPECT_EQ(compiled->algorithm.compare(0, 10, "allgather@"), 0);
    ASSERT_TRUE(schedules.get(Collective::kAllgather, 0, 4 * 321, false, &compiled).ok());
    EXPECT_NE(compiled->algorithm.compare(0, 10, "allgather@"), 0) << "blocks do not divide";
    ASSERT_TRUE(schedules.get(Collective::kAllgather, 0, 4 * 320, true, &compiled).ok());
    EXPECT_NE(compiled->algorithm.compare(0, 10, "allgather@"), 0) << "in place";
    ASSERT_TRUE(schedules.get(Collective::kAllreduce, 0, 320, true, &compiled).ok());
    if (round == 1) {
      EXPECT_EQ(g_allocations, before);
    }
  }
  Schedules three(0, {0, 1, 2}, kFlow);
  EXPECT_EQ(three.set_algorithm(TALLY_SAMPLES "/allgather4.xml").code(), TALLY_ERR_ARGUMENT);
  ASSERT_TRUE(three.set_algorithm(TALLY_SAMPLES "/allgather4.xml", true).ok());
  ASSERT_TRUE(three.get(Collective::kAllgather, 0, 3 * 320, false, &compiled).ok());
  EXPECT_EQ(schedules.set_algorithm("/no/such.xml").code(), TALLY_ERR_ARGUMENT);
}

TEST(Schedules, arrays_are_told_apart_by_every_number_and_found_again_without_an_allocation) {
  Schedules schedules = four();
  const Arrays a({1, 2, 3, 4});
  Arrays b({1, 2, 3, 5});
  EXPECT_EQ(schedules.find_varying(a.call(), 4, false), nullptr);
  Compiled* made = make(schedules, a);
  EXPECT_EQ(schedules.find_varying(b.call(), 4, false), nullptr);
  EXPECT_EQ(schedules.find_varying(a.call(), 8, false), nullptr);
  EXPECT_EQ(schedules.find_varying(a.call(), 4, true), nullptr);
  b.counts[3] = 4;
  b.displacements[3] = 7;  // 6 in a
  EXPECT_EQ(schedules.find_varying(b.call(), 4, false), nullptr);
  b.displacements[3] = 6;
  const std::size_t before = g_allocations;
  EXPECT_EQ(schedules.find_varying(b.call(), 4, false), made);  // other arrays, equal numbers
  EXPECT_EQ(g_allocations, before);
  EXPECT_EQ(schedules.varying_made(), 1u);
  ASSERT_TRUE(schedules.set_algorithm("pairwise").ok());
  EXPECT_EQ(schedules.find_varying(a.call(), 4, false), nullptr);
}

TEST(Schedules, the_oldest_that_is_not_under_way_is_forgotten) {
  Schedules schedules = four();
  const auto numbered = [](std::size_t k) { return Arrays({k, 1, 1, 1}); };
  Compiled* used = make(schedules, numbered(1000));
  used->users = 1;
  for (std::size_t k = 0; k < Schedules::kVarying - 1; ++k) make(schedules, numbered(k));
  ASSERT_NE(schedules.find_varying(numbered(0).call(), 4, false), nullptr);  // used: 1 is the oldest now
  make(schedules, numbered(2000));
  EXPECT_NE(schedules.find_varying(numbered(0).call(), 4, false), nullptr);
  EXPECT_EQ(schedules.find_varying(numbered(1).call(), 4, false), nullptr);
  for (std::size_t k = 3000; k < 3000 + 2 * Schedules::kVarying; ++k) make(schedules, numbered(k));
  EXPECT_EQ(schedules.find_varying(numbered(1000).call(), 4, false), used);
  used->users = 0;
  for (std::size_t k = 4000; k < 4000 + Schedules::kVarying; ++k) make(schedules, numbered(k));
  EXPECT_EQ(schedules.find_varying(numbered(1000).call(), 4, false), nullptr);
}

}  // namespace
}  // namespace tally::test
