// SPDX-License-Identifier: BSD-3-Clause
// tally_endpoint_counters: collectives by kind, copies by cause, and what a library on top adds.
#include <gtest/gtest.h>

#include "place.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;

tally_counters counters_of(tally_endpoint* endpoint) {
  tally_counters counters{};
  counters.size = sizeof counters;
  RANK_OK(tally_endpoint_counters(endpoint, &counters));
  return counters;
}

TEST(CountersOfCollectives, each_kind_has_its_calls_and_bytes) {
  expect_ranks(
      2,
      [](int rank) {
        Place place;
        RANK_OK(tally_barrier(place.endpoint, nullptr));
        RANK_OK(tally_bcast(place.endpoint, nullptr, place.at<void>(), 10, TALLY_I32, 0));
        RANK_OK(tally_bcast(place.endpoint, nullptr, place.at<void>(), 20, TALLY_I32, 1));
        RANK_OK(tally_gather(place.endpoint, nullptr, place.at<void>(), place.at<std::byte>(1024), 5, TALLY_I64, 0));
        const tally_counters c = counters_of(place.endpoint);
        RANK_CHECK(c.collectives == 4);
        RANK_CHECK(c.collective_barrier == 1 && c.collective_barrier_bytes == 0);
        RANK_CHECK(c.collective_bcast == 2 && c.collective_bcast_bytes == 120);
        RANK_CHECK(c.collective_gather == 1 && c.collective_gather_bytes == (rank == 0 ? 80u : 40u));
        RANK_CHECK(c.collective_allreduce == 0 && c.collective_allreduce_bytes == 0);
        RANK_CHECK(c.collective_alltoall == 0 && c.collective_scan == 0 && c.collective_allgather == 0);
        place.close();
      },
      20s);
}

struct Above {
  std::uint64_t packed = 0;
};
void add_packed(void* argument, tally_counters* counters) {
  const auto* above = static_cast<const Above*>(argument);
  counters->cpu_copied_packing += above->packed;
  counters->cpu_copied_bytes += above->packed;
}

TEST(CountersOfALibraryOnTop, are_added_whenever_counters_are_asked_for) {
  expect_ranks(
      1,
      [](int) {
        Place place;
        Above above;
        RANK_OK(tally_endpoint_on_counters(place.endpoint, add_packed, &above));
        RANK_CHECK(counters_of(place.endpoint).cpu_copied_packing == 0);
        above.packed = 70;
        RANK_CHECK(counters_of(place.endpoint).cpu_copied_packing == 70);
        RANK_CHECK(counters_of(place.endpoint).cpu_copied_bytes == 70);
        RANK_OK(tally_endpoint_on_counters(place.endpoint, nullptr, nullptr));
        RANK_CHECK(counters_of(place.endpoint).cpu_copied_packing == 0);
        RANK_CHECK(tally_endpoint_on_counters(nullptr, add_packed, &above) == TALLY_ERR_ARGUMENT);
        place.close();
      },
      20s);
}

}  // namespace
}  // namespace tally::test
