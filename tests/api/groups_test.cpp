// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <algorithm>

#include "place.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

struct Groups : OnEngine {};
TALLY_ON_EACH_ENGINE(Groups);

int sum_of(Place& place, tally_group* group, int value) {
  int* word = place.at<int>();
  *word = value;
  RANK_OK(tally_allreduce(place.endpoint, group, word, word, 1, TALLY_I32, TALLY_SUM));
  return *word;
}

TEST_P(Groups, halves_and_a_reversed_whole_work_side_by_side) {
  for (const int ranks : rank_counts({2, 3, 4, 5, 8}, 5)) {
    expect_ranks(ranks, [](int) {
      Place place;
      std::vector<int> half;
      std::vector<int> reversed;
      for (int rank = place.size - 1; rank >= 0; --rank) {
        if (rank % 2 == place.rank % 2) half.push_back(rank);
        reversed.push_back(rank);
      }
      tally_group* mine = nullptr;
      tally_group* all = nullptr;
      RANK_OK(tally_group_create(place.endpoint, half.data(), static_cast<int>(half.size()), &mine));
      RANK_OK(tally_group_create(place.endpoint, reversed.data(), place.size, &all));
      int rank = -1;
      int size = -1;
      RANK_OK(tally_group_rank(all, &rank));
      RANK_OK(tally_group_size(mine, &size));
      RANK_CHECK(rank == place.size - 1 - place.rank && size == static_cast<int>(half.size()));
      int expected = 0;
      for (const int member : half) expected += member;
      RANK_CHECK(sum_of(place, mine, place.rank) == expected);
      RANK_CHECK(sum_of(place, all, place.rank) == place.size * (place.size - 1) / 2);
      // Root 0 of the reversed group is the last rank of the job.
      *place.at<int>() = place.rank;
      RANK_OK(tally_bcast(place.endpoint, all, place.at<int>(), 1, TALLY_I32, 0));
      RANK_CHECK(*place.at<int>() == place.size - 1);
      RANK_OK(tally_group_free(mine));
      RANK_OK(tally_group_free(all));
      place.close();
    });
  }
}

TEST_P(Groups, messages_of_different_groups_do_not_meet) {
  expect_ranks(2, [](int) {
    Place place;
    const int both[] = {1, 0};
    tally_group* group = nullptr;
    RANK_OK(tally_group_create(place.endpoint, both, 2, &group));
    int* word = place.at<int>();
    const int other_in_group = place.rank;  // the list is reversed
    if (place.rank == 0) {
      word[0] = 1;
      word[1] = 2;
      RANK_OK(tally_send(place.endpoint, nullptr, &word[0], sizeof(int), 1, 5));
      RANK_OK(tally_send(place.endpoint, group, &word[1], sizeof(int), other_in_group, 5));
    } else {
      tally_result result = empty_result();
      RANK_OK(
          tally_recv(place.endpoint, group, &word[0], sizeof(int), TALLY_ANY_SOURCE, TALLY_ANY_TAG, &result));
      RANK_CHECK(word[0] == 2 && result.source == 1);  // rank 0 is the second of the list
      RANK_OK(tally_recv(place.endpoint, nullptr, &word[0], sizeof(int), TALLY_ANY_SOURCE, TALLY_ANY_TAG,
                         &result));
      RANK_CHECK(word[0] == 1);
    }
    RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Groups, contexts_come_back_when_all_have_freed) {
  expect_ranks(3, [](int) {
    Place place;
    const int all[] = {0, 1, 2};
    for (int round = 0; round < 80; ++round) {  // a device has 64
      tally_group* group = nullptr;
      RANK_OK(tally_group_create(place.endpoint, all, 3, &group));
      RANK_CHECK(sum_of(place, group, round) == 3 * round);
      RANK_OK(tally_group_free(group));
      if (round % 8 == 0) RANK_OK(tally_barrier(place.endpoint, nullptr));
    }
    place.close();
  });
}

TEST_P(Groups, too_many_at_once_fail_on_every_member_and_leave_the_rest_usable) {
  if (on_rtl() && tally::test::effort() == 1) GTEST_SKIP() << "a minute on simulated devices: with TALLY_EFFORT=2 (nightly)";
  expect_ranks(2, [](int) {
    Place place;
    const int all[] = {0, 1};
    std::vector<tally_group*> groups;
    for (int i = 0; i < 4095; ++i) {
      groups.push_back(nullptr);
      RANK_OK(tally_group_create(place.endpoint, all, 2, &groups.back()));
    }
    tally_group* more = nullptr;
    RANK_CHECK(tally_group_create(place.endpoint, all, 2, &more) == TALLY_ERR_NO_MEMORY);
    RANK_CHECK(std::string(tally_last_error()).find("no free context") != std::string::npos);
    std::uint32_t id = 0;
    RANK_OK(tally_group_id(groups.back(), &id));
    RANK_CHECK(id == 4095);
    RANK_CHECK(sum_of(place, groups[10], 1) == 2);
    RANK_CHECK(sum_of(place, groups.back(), 1) == 2);  // on a device in software
    for (tally_group* group : groups) RANK_OK(tally_group_free(group));
    RANK_OK(tally_barrier(place.endpoint, nullptr));
    RANK_OK(tally_group_create(place.endpoint, all, 2, &more));
    RANK_OK(tally_group_free(more));
    place.close();
  });
}

TEST_P(Groups, a_leader_that_is_ahead_waits_for_members_to_free_groups) {
  if (on_rtl()) GTEST_SKIP() << "12 000 messages take minutes on simulated devices; the contexts are the host's alone";
  expect_ranks(2, [](int rank) {
    Place place;
    const int all[] = {0, 1};
    for (int round = 0; round < 3; ++round) {
      std::vector<tally_group*> groups(2000);
      for (tally_group*& group : groups) RANK_OK(tally_group_create(place.endpoint, all, 2, &group));
      if (rank == 1) {  // late, with the help of its next creations alone
        for (int i = 0; i < 20; ++i) RANK_OK(tally_endpoint_progress(place.endpoint));
      }
      for (tally_group* group : groups) RANK_OK(tally_group_free(group));
    }
    place.close();
  });
}

TEST_P(Groups, a_leader_waits_for_no_member) {
  expect_ranks(3, [](int rank) {
    Place place;
    const int all[] = {0, 1, 2};
    tally_group* group = nullptr;
    if (rank != 0) RANK_OK(tally_recv(place.endpoint, nullptr, place.at<int>(), sizeof(int), 0, 3, nullptr));
    RANK_OK(tally_group_create(place.endpoint, all, 3, &group));
    for (int other = 1; rank == 0 && other < 3; ++other)
      RANK_OK(tally_send(place.endpoint, nullptr, place.at<int>(), sizeof(int), other, 3));
    RANK_CHECK(sum_of(place, group, rank) == 3);
    RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Groups, that_overlap_around_a_ring_do_not_wait_for_each_other) {
  for (const int ranks : rank_counts({3, 4, 5, 8}, 4)) {
    expect_ranks(ranks, [&](int rank) {
      Place place;
      // Pairs {r, r + 1}, in the order of r: what MPI_Comm_create_group on a parent communicator may be
      // called like.
      tally_group* groups[2] = {};
      for (int round = 0; round < 20; ++round) {
        int made = 0;
        for (int low = 0; low < ranks; ++low) {
          const int pair[] = {low, (low + 1) % ranks};
          if (pair[0] != rank && pair[1] != rank) continue;
          RANK_OK(tally_group_create(place.endpoint, pair, 2, &groups[made++]));
        }
        for (int g = 0; g < 2; ++g) {
          RANK_CHECK(sum_of(place, groups[g], 1) == 2);
          RANK_OK(tally_group_free(groups[g]));
        }
      }
      place.close();
    });
  }
}

TEST_P(Groups, count_collectives_that_their_algorithm_does_not_serve) {
  expect_ranks(2, [](int) {
    Place place;
    const int all[] = {0, 1};
    tally_group* group = nullptr;
    RANK_OK(tally_group_create(place.endpoint, all, 2, &group));
    const auto fallbacks = [&] {
      tally_counters counters{};
      counters.size = sizeof counters;
      RANK_OK(tally_endpoint_counters(place.endpoint, &counters));
      return counters.fallback_algorithm;
    };
    RANK_OK(tally_barrier(place.endpoint, group));
    RANK_CHECK(fallbacks() == 0);  // "auto" serves all
    RANK_OK(tally_group_set_algorithm(group, "direct"));
    RANK_CHECK(sum_of(place, group, 1) == 2);
    RANK_CHECK(fallbacks() == 0);
    for (std::uint64_t k = 1; k < 4; ++k) {  // of more bytes than it is for
      RANK_OK(tally_allreduce(place.endpoint, group, TALLY_IN_PLACE, place.at<int>(), 4000, TALLY_I32,
                              TALLY_SUM));
      RANK_CHECK(fallbacks() == k);
    }
    RANK_OK(tally_barrier(place.endpoint, group));
    RANK_CHECK(fallbacks() == 4);
    RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Groups, keys_tell_groups_of_the_same_ranks_apart) {
  expect_ranks(2, [](int rank) {
    Place place;
    const int all[] = {0, 1};
    tally_group* groups[2] = {};
    const int first = rank == 0 ? 0 : 1;  // in another order on each rank
    for (const int k : {first, 1 - first})
      RANK_OK(tally_group_create_keyed(place.endpoint, all, 2, 40u + static_cast<unsigned>(k), &groups[k]));
    std::uint32_t ids[2] = {};
    for (int k = 0; k < 2; ++k) RANK_OK(tally_group_id(groups[k], &ids[k]));
    RANK_CHECK(ids[0] != ids[1] && ids[0] != 0 && ids[1] != 0);
    auto* both = place.at<std::uint32_t>();
    both[4] = ids[0];
    RANK_OK(tally_allgather(place.endpoint, nullptr, both + 4, both, 1, TALLY_U32));
    RANK_CHECK(both[0] == both[1]);
    for (tally_group* group : groups) RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Groups, channels_are_message_spaces_of_their_own) {
  expect_ranks(2, [](int rank) {
    Place place;
    const int swapped[] = {1, 0};
    tally_group* made = nullptr;
    RANK_OK(tally_group_create(place.endpoint, swapped, 2, &made));
    for (tally_group* group : {static_cast<tally_group*>(nullptr), made}) {
      tally_group* one = nullptr;
      tally_group* two = nullptr;
      tally_group* again = nullptr;
      RANK_OK(tally_group_channel(place.endpoint, group, 1, &one));
      RANK_OK(tally_group_channel(place.endpoint, group, 2, &two));
      RANK_OK(tally_group_channel(place.endpoint, group, 1, &again));
      RANK_CHECK(one != two && one == again);
      int own = -1;
      RANK_OK(tally_group_rank(one, &own));
      RANK_CHECK(own == (group == nullptr ? rank : 1 - rank));
      int* words = place.at<int>();
      tally_group* spaces[] = {group, one, two};
      if (own == 0) {
        for (int k = 0; k < 3; ++k) {
          words[k] = 100 + k;
          RANK_OK(tally_send(place.endpoint, spaces[k], &words[k], sizeof(int), 1, 7));
        }
      } else {
        for (int k = 2; k >= 0; --k) {  // the last one that was sent comes first
          tally_result result = empty_result();
          RANK_OK(tally_probe(place.endpoint, spaces[k], TALLY_ANY_SOURCE, TALLY_ANY_TAG, &result));
          RANK_CHECK(result.source == 0 && result.tag == 7);
          RANK_OK(tally_recv(place.endpoint, spaces[k], &words[k], sizeof(int), TALLY_ANY_SOURCE,
                             TALLY_ANY_TAG, &result));
          RANK_CHECK(words[k] == 100 + k && result.source == 0);
        }
      }
      RANK_OK(tally_barrier(place.endpoint, nullptr));
    }
    RANK_OK(tally_group_free(made));
    place.close();
  });
}

TEST_P(Groups, channels_refuse_what_is_not_theirs) {
  expect_ranks(2, [](int rank) {
    Place place;
    const int all[] = {0, 1};
    tally_group* group = nullptr;
    tally_group* channel = nullptr;
    tally_group* other = nullptr;
    const auto said = [](const char* text) {
      return std::string(tally_last_error()).find(text) != std::string::npos;
    };
    RANK_OK(tally_group_create(place.endpoint, all, 2, &group));
    RANK_OK(tally_group_channel(place.endpoint, group, 2, &channel));
    for (const int number : {-1, 0, 3, 4}) {
      RANK_CHECK(tally_group_channel(place.endpoint, group, number, &other) == TALLY_ERR_ARGUMENT);
      RANK_CHECK(said("channel ") && said("out of range"));
    }
    RANK_CHECK(tally_group_channel(place.endpoint, channel, 1, &other) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_group_channel(nullptr, group, 1, &other) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_group_channel(place.endpoint, group, 1, nullptr) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_barrier(place.endpoint, channel) == TALLY_ERR_ARGUMENT && said("channel"));
    RANK_CHECK(tally_group_set_algorithm(channel, "auto") == TALLY_ERR_ARGUMENT);
    RANK_CHECK(tally_group_free(channel) == TALLY_ERR_ARGUMENT && said("channel"));
    tally_request* request = nullptr;
    RANK_OK(tally_recv_start(place.endpoint, channel, place.at<int>(), sizeof(int), 1 - rank, 0, &request));
    RANK_CHECK(tally_group_free(group) == TALLY_ERR_BUSY && said("1 requests"));
    RANK_OK(tally_send(place.endpoint, channel, place.at<int>(64), sizeof(int), 1 - rank, 0));
    RANK_OK(tally_wait(&request, nullptr));
    RANK_OK(tally_group_free(group));
    place.close();
  });
}

TEST_P(Groups, lists_with_repeated_foreign_or_missing_ranks_are_refused) {
  expect_ranks(3, [](int rank) {
    Place place;
    tally_group* group = nullptr;
    const int repeated[] = {rank, 0, 0};
    const int foreign[] = {rank, 3};
    const int others[] = {(rank + 1) % 3, (rank + 2) % 3};
    RANK_CHECK(tally_group_create(place.endpoint, repeated, 3, &group) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(std::string(tally_last_error()).find("ranks[") != std::string::npos);
    RANK_CHECK(tally_group_create(place.endpoint, foreign, 2, &group) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(std::string(tally_last_error()).find("ranks[1] is 3") != std::string::npos);
    RANK_CHECK(tally_group_create(place.endpoint, others, 2, &group) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(
        std::string(tally_last_error()).find("does not hold the caller, rank " + std::to_string(rank)) !=
        std::string::npos);
    RANK_CHECK(tally_group_create(place.endpoint, others, -1, &group) == TALLY_ERR_ARGUMENT);
    RANK_CHECK(group == nullptr);
    place.close();
  });
}

}  // namespace
}  // namespace tally::test
