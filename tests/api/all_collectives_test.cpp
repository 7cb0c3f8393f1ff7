// SPDX-License-Identifier: BSD-3-Clause
// Every collective against the definitions of the MPI standard: rank counts, roots, types, operations, in
// place, blocks that differ, and many at once.
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "place.hpp"
#include "schedule/schedule.hpp"
#include "support/exercise.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct AllCollectives : OnEngine {};
TALLY_ON_EACH_ENGINE(AllCollectives);

constexpr std::size_t kMemory = 4u << 20;
/// A device that looks buffers up with the size of the whole vector reaches beyond the end of the last one.
constexpr std::size_t kSlack = 1u << 20;

void expect_clean(const std::string& difference) {
  if (!difference.empty()) std::fprintf(stderr, "%s\n", difference.c_str());
  RANK_CHECK(difference.empty());
}

void run_case(Place& place, tally_group* group, const CollectiveCase& c, int rank, bool in_place) {
  Exercise exercise(c, rank, in_place);
  RANK_CHECK(exercise.bytes() <= kMemory - kSlack);
  exercise.prepare(place.memory.data());
  const tally_status status = exercise.call(place.endpoint, group, nullptr);
  if (status != TALLY_OK) std::fprintf(stderr, "%s\n", c.text().c_str());
  RANK_OK(status);
  expect_clean(exercise.check());
}

/// The types and operations in turn, so that a few cases see all of them.
CollectiveCase make_case(Api api, int ranks, std::uint64_t seed) {
  CollectiveCase c;
  c.api = api;
  c.ranks = ranks;
  c.seed = seed;
  Random random(seed);
  c.root = static_cast<int>(random.below(static_cast<std::uint64_t>(ranks)));
  do {
    c.dtype = kAllDtypes[random.below(std::size(kAllDtypes))];
    c.op = is_reduction(api) ? kAllOps[random.below(std::size(kAllOps))] : TALLY_OP_NONE;
  } while (is_reduction(api) && !has_reduction(c.dtype, c.op));
  return c;
}

TEST_P(AllCollectives, give_the_same_in_software_over_messages) {
  const std::uint64_t first = seed(16);
  for (const int ranks : rank_counts({1, 2, 3, 5, 8}, 3)) {
    expect_ranks(ranks, [&](int) {
      ::setenv("TALLY_COLLECTIVES", "software", 1);
      Place place(kMemory);
      std::uint64_t number = first;
      std::uint64_t calls = 0;
      for (const Api api : kAllApis) {
        for (const std::size_t count : {0, 1, 640, on_rtl() ? 2101 : 5003}) {
          for (int mode = 0; mode < 3; ++mode) {
            CollectiveCase c = make_case(api, ranks, number++);
            c.count = count;
            if (has_counts(api)) c.draw_counts(count);
            run_case(place, nullptr, c, place.rank, mode == 1 || (mode == 2 && place.rank % 2 == 0));
            ++calls;
          }
        }
      }
      tally_counters counters{};
      counters.size = sizeof counters;
      RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
      RANK_CHECK(counters.fallback_collective_context == calls && counters.collectives == calls);
      place.close();
    });
  }
}

TEST_P(AllCollectives, give_what_the_standard_says_for_every_size_and_rank_count) {
  const std::uint64_t first = seed(6);
  for (const int ranks : rank_counts({1, 2, 3, 4, 5, 8})) {
    expect_ranks(ranks, [&](int) {
      Place place(kMemory);
      std::uint64_t number = first;
      for (const Api api : kAllApis) {
        for (const std::size_t count : {0, 1, 7, 640, on_rtl() ? 2101 : 5003}) {
          for (int mode = 0; mode < 3; ++mode) {  // out of place, in place, some of the ranks
            CollectiveCase c = make_case(api, place.size, ++number);
            c.count = count;
            if (has_counts(api)) c.draw_counts(count);
            run_case(place, nullptr, c, place.rank, mode == 1 || (mode == 2 && place.rank % 2 == 0));
          }
        }
      }
      place.close();
    });
  }
}

TEST_P(AllCollectives, every_root_serves) {
  expect_ranks(5, [](int) {
    Place place(kMemory);
    std::uint64_t number = 70;
    for (const Api api :
         {Api::kBcast, Api::kReduce, Api::kGather, Api::kGatherv, Api::kScatter, Api::kScatterv}) {
      for (int root = 0; root < place.size; ++root) {
        for (const std::size_t count : {3, 700}) {
          CollectiveCase c = make_case(api, place.size, ++number);
          c.root = root;
          c.count = count;
          if (has_counts(api)) c.draw_counts(count);
          run_case(place, nullptr, c, place.rank, number % 2 == 0);
        }
      }
    }
    place.close();
  });
}

TEST_P(AllCollectives, every_operation_reduces_every_type_that_it_is_for) {
  expect_ranks(4, [](int) {
    Place place(kMemory);
    std::uint64_t number = 500;
    for (const tally_dtype dtype : kAllDtypes) {
      for (const tally_op op : kAllOps) {
        if (!has_reduction(dtype, op)) continue;
        for (const Api api :
             {Api::kAllreduce, Api::kReduce, Api::kReduceScatterBlock, Api::kScan, Api::kExscan}) {
          CollectiveCase c;
          c.api = api;
          c.ranks = place.size;
          c.seed = ++number;
          c.dtype = dtype;
          c.op = op;
          c.count = 67;
          run_case(place, nullptr, c, place.rank, false);
        }
      }
    }
    place.close();
  });
}

schedule::Collective collective_of(Api api) {
  using schedule::Collective;
  switch (api) {
    case Api::kBarrier:
      return Collective::kBarrier;
    case Api::kBcast:
      return Collective::kBcast;
    case Api::kAllreduce:
      return Collective::kAllreduce;
    case Api::kReduce:
      return Collective::kReduce;
    case Api::kReduceScatterBlock:
    case Api::kReduceScatter:
      return Collective::kReduceScatter;
    case Api::kScan:
      return Collective::kScan;
    case Api::kExscan:
      return Collective::kExscan;
    case Api::kGather:
    case Api::kGatherv:
      return Collective::kGather;
    case Api::kScatter:
    case Api::kScatterv:
      return Collective::kScatter;
    case Api::kAllgather:
    case Api::kAllgatherv:
      return Collective::kAllgather;
    case Api::kAlltoall:
    case Api::kAlltoallv:
      return Collective::kAlltoall;
  }
  return Collective::kBarrier;
}

TEST_P(AllCollectives, every_algorithm_gives_the_same) {
  for (const int ranks : rank_counts({2, 3, 4, 8})) {
    expect_ranks(ranks, [](int) {
      Place place(kMemory);
      std::vector<int> everybody(static_cast<std::size_t>(place.size));
      std::iota(everybody.begin(), everybody.end(), 0);
      tally_group* group = nullptr;
      RANK_OK(tally_group_create(place.endpoint, everybody.data(), place.size, &group));
      std::uint64_t number = 900;
      for (const Api api : kAllApis) {
        for (const std::string& name : schedule::algorithms(collective_of(api))) {
          RANK_OK(tally_group_set_algorithm(group, name.c_str()));
          for (const std::size_t count : {5, 1200}) {
            CollectiveCase c = make_case(api, place.size, ++number);
            c.count = count;
            if (has_counts(api)) c.draw_counts(count);
            run_case(place, group, c, place.rank, number % 3 == 0);
          }
        }
      }
      RANK_OK(tally_group_free(group));
      place.close();
    });
  }
}

/// Starts `cases` of several groups, in an order that keeps that of each group, and waits for them in another
/// one.
TEST_P(AllCollectives, many_of_several_groups_run_at_once) {
  const std::uint64_t first = seed(8);
  expect_ranks(4, [&](int) {
    Place place(kMemory);
    constexpr int kGroups = 5;
    struct Member {
      tally_group* group = nullptr;
      int size = 4, rank = 0;
    };
    std::vector<Member> groups(kGroups);
    groups[0].rank = place.rank;
    const std::vector<std::vector<int>> lists{{}, {3, 2, 1, 0}, {0, 2}, {1, 3, 2}, {2, 0, 3, 1}};
    for (int g = 1; g < kGroups; ++g) {
      const auto& list = lists[static_cast<std::size_t>(g)];
      Member& member = groups[static_cast<std::size_t>(g)];
      member.size = static_cast<int>(list.size());
      const auto found = std::find(list.begin(), list.end(), place.rank);
      member.rank = found == list.end() ? -1 : static_cast<int>(found - list.begin());
      if (member.rank >= 0)
        RANK_OK(tally_group_create(place.endpoint, list.data(), member.size, &member.group));
    }
    for (std::uint64_t round = 0; round < 3 * effort(); ++round) {
      struct Started {
        std::size_t group;
        Exercise exercise;
        tally_request* request = nullptr;
      };
      std::vector<std::vector<Started>> queues(kGroups);
      std::vector<std::size_t> order;  // which group's next one to start
      Random plan(first + round);
      std::size_t at = 0;
      for (int k = 0; k < 30; ++k) {
        const auto g = static_cast<std::size_t>(plan.below(kGroups));
        const Member& member = groups[g];
        CollectiveCase c = make_case(kAllApis[plan.below(std::size(kAllApis))], member.size, plan.next());
        c.count = plan.below(on_rtl() ? 300 : 800);
        if (has_counts(c.api)) c.draw_counts(300);
        const bool in_place = plan.percent(50);
        if (member.rank < 0) continue;
        queues[g].push_back({g, Exercise(c, member.rank, in_place), nullptr});
        order.push_back(g);
        Exercise& exercise = queues[g].back().exercise;
        RANK_CHECK(at + exercise.bytes() <= kMemory - kSlack);
        exercise.prepare(place.memory.data() + at);
        at += (exercise.bytes() + 63) / 64 * 64;
      }
      Random own(first + round * 17 + static_cast<std::uint64_t>(place.rank));
      for (std::size_t k = order.size(); k > 1; --k) std::swap(order[k - 1], order[own.below(k)]);
      std::vector<std::size_t> next(kGroups, 0);
      std::vector<Started*> waiting;
      for (const std::size_t g : order) {
        Started& started = queues[g][next[g]++];
        tally_status status = TALLY_AGAIN;
        while (status == TALLY_AGAIN)
          status = started.exercise.call(place.endpoint, groups[g].group, &started.request);
        RANK_OK(status);
        waiting.push_back(&started);
      }
      while (!waiting.empty()) {
        const std::size_t k = own.below(waiting.size());
        RANK_OK(tally_wait(&waiting[k]->request, nullptr));
        expect_clean(waiting[k]->exercise.check());
        waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(k));
      }
    }
    for (const Member& member : groups) {
      if (member.group != nullptr) RANK_OK(tally_group_free(member.group));
    }
    place.close();
  });
}

TEST_P(AllCollectives, blocks_that_would_overlap_and_what_only_a_root_may_say_are_refused) {
  expect_ranks(3, [](int) {
    Place place;
    const auto refused = [](tally_status status, const char* text) {
      RANK_CHECK(status == TALLY_ERR_ARGUMENT);
      if (std::string(tally_last_error()).find(text) == std::string::npos)
        std::fprintf(stderr, "%s\n", tally_last_error());
      RANK_CHECK(std::string(tally_last_error()).find(text) != std::string::npos);
    };
    tally_endpoint* e = place.endpoint;
    int* a = place.at<int>();
    int* b = place.at<int>(4096);
    const std::size_t counts[] = {2, 2, 2};
    const std::size_t apart[] = {0, 5, 2};
    const std::size_t over[] = {0, 5, 4};
    const char* overlap = "displacements[2] 4: its block of 2 elements overlaps that of ";
    refused(tally_allgatherv(e, nullptr, a, 2, b, counts, over, TALLY_I32), overlap);
    refused(tally_alltoallv(e, nullptr, a, counts, over, b, counts, over, TALLY_I32), overlap);
    if (place.rank == 1) {
      refused(tally_gatherv(e, nullptr, a, 2, b, counts, over, TALLY_I32, 1), overlap);
      refused(tally_gather(e, nullptr, TALLY_IN_PLACE, b, 2, TALLY_I32, 0),
              "input is TALLY_IN_PLACE, which only the root");
      refused(tally_reduce(e, nullptr, TALLY_IN_PLACE, b, 2, TALLY_I32, TALLY_SUM, 0),
              "which only the root may give");
      refused(tally_scatter(e, nullptr, a, TALLY_IN_PLACE, 2, TALLY_I32, 0),
              "output is TALLY_IN_PLACE, which only the root");
      // The own block at another's place.
      refused(tally_allgather(e, nullptr, b, b, 2, TALLY_I32), "overlap and are not in place");
      refused(tally_gatherv(e, nullptr, b, 2, b, counts, apart, TALLY_I32, 1),
              "overlap and are not in place");
    }
    // The own block in a gap of output is no overlap; blocks that are sent may overlap.
    b[4] = place.rank;
    const std::size_t ones[] = {1, 1, 1};
    RANK_OK(tally_allgatherv(e, nullptr, b + 4, 1, b, ones, apart, TALLY_I32));
    RANK_CHECK(b[0] == 0 && b[5] == 1 && b[2] == 2);
    const std::size_t same[] = {0, 0, 0};
    const std::size_t row[] = {0, 1, 2};
    *a = 7 + place.rank;
    RANK_OK(tally_alltoallv(e, nullptr, a, ones, same, b, ones, row, TALLY_I32));
    RANK_CHECK(b[0] == 7 && b[1] == 8 && b[2] == 9);
    place.close();
  });
}

TEST_P(AllCollectives, ranks_that_disagree_about_a_block_get_a_mismatch) {
  const CollectiveCase v{.api = Api::kGatherv, .ranks = 2};
  const TestJob job(2);
  const auto codes = run_ranks(job.segment, [](int) {
    Place place;
    const std::size_t counts[] = {3, 4};
    const std::size_t places[] = {0, 3};
    // Rank 1 sends 5 elements where the root expects 4.
    const std::size_t own = place.rank == 0 ? 3 : 5;
    const tally_status status = tally_gatherv(place.endpoint, nullptr, place.at<int>(), own,
                                              place.at<int>(4096), counts, places, TALLY_I32, 0);
    if (place.rank == 0) RANK_CHECK(status == TALLY_ERR_MISMATCH);
    if (place.rank == 1) RANK_CHECK(status == TALLY_OK || status == TALLY_ERR_ABORTED);
    place.close();
  });
  expect_success(codes);
}

}  // namespace
}  // namespace tally::test
