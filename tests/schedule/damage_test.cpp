// SPDX-License-Identifier: BSD-3-Clause
// Schedules of all collectives that are almost right: the verifier says what is wrong, and accepts only what
// works.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "schedule/makers.hpp"
#include "schedule/reference.hpp"
#include "schedule/schedule.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

void expect_rejected(const Schedule& s, const std::string& text) {
  const std::string reason = verify(s);
  EXPECT_NE(reason.find(text), std::string::npos) << "reason: " << reason;
}

Schedule claiming_in_place(Schedule s) {
  EXPECT_FALSE(s.in_place);
  s.in_place = true;
  return s;
}

TEST(Damage, an_exscan_that_writes_rank_0s_output_is_refused) {
  Schedule s = exscan_recursive_doubling_fused(4);
  Instruction i;
  i.op = Op::kCopy;
  s.ranks[0].lanes[0].push_back(i);
  expect_rejected(s, "leaves Output chunk 0, which is not its to write");
}

TEST(Damage, a_scan_of_too_few_or_too_many_ranks_is_refused) {
  Schedule s = scan_linear(3);
  s.ranks[1].lanes[2][0].op = Op::kRecvCopySend;
  expect_rejected(s, "leaves Output chunk 2 without the contribution of rank 1");
  s = allreduce_recursive_doubling_fused(2);
  s.collective = Collective::kScan;
  expect_rejected(s, "leaves Output chunk 0 with the contribution of rank 1");
}

TEST(Damage, a_rank_that_writes_a_buffer_it_does_not_have_is_refused) {
  Schedule s = gather_linear(3, 1);
  Instruction i;
  i.op = Op::kCopy;
  s.ranks[0].lanes[0].push_back(i);
  expect_rejected(s, "destination Output chunk 0 + 1 is out of range: the rank has 0");
  s = reduce_binomial(2, 0);
  s.ranks[1].lanes[0].push_back(i);
  expect_rejected(s, "destination Output chunk 0 + 1 is out of range: the rank has 0");
  s = scatter_linear(3, 1);
  s.ranks[0].lanes[0].push_back(i);
  expect_rejected(s, "source Input chunk 0 + 1 is out of range: the rank has 0");
}

TEST(Damage, a_schedule_for_calls_out_of_place_that_claims_more_is_refused) {
  for (int n : {2, 3, 5, 8}) {
    expect_rejected(claiming_in_place(alltoall_pairwise(n)), "race");
    expect_rejected(claiming_in_place(allgather_ring(n)), "race");
    expect_rejected(claiming_in_place(allgather_pairwise(n)), "(in place)");
    if (n > 2) expect_rejected(claiming_in_place(reduce_scatter_ring(n)), "(in place)");
    expect_rejected(claiming_in_place(reduce_scatter_pairwise(n)), "(in place)");
    Schedule s = gather_linear(n, 1, true);
    EXPECT_FALSE(s.out_of_place);
    s.out_of_place = true;
    expect_rejected(s, "rank 1, no step leaves Output chunk 1 without a result");
  }
}

TEST(Damage, blocks_in_the_wrong_place_are_refused) {
  Schedule s = alltoall_direct(3);
  // Ranks 1 and 2 send rank 0 each other's blocks.
  for (std::size_t r : {1u, 2u}) {
    for (Lane& lane : s.ranks[r].lanes) {
      for (Instruction& i : lane) {
        if (i.op == Op::kSend && i.send_peer == 0) i.src_chunk = i.size_chunk = static_cast<std::uint16_t>(r);
      }
    }
  }
  expect_rejected(s, "leaves Output chunk 1 with the data of chunk 1");
  s = gather_linear(3, 0);
  for (Lane& lane : s.ranks[0].lanes) {
    for (Instruction& i : lane) {
      if (i.op == Op::kRecv) i.dst_chunk = i.size_chunk = static_cast<std::uint16_t>(3 - i.size_chunk);
    }
  }
  expect_rejected(s, "expects chunks");
}

TEST(Damage, a_program_that_does_not_know_a_size_is_refused) {
  Schedule s = gather_binomial(4, 0);
  s.by_counts = true;
  expect_rejected(s, "by_counts with scratch");
  s = allgather_bruck(4);
  s.max_bytes = 0;
  s.by_counts = true;
  expect_rejected(s, "moves several blocks");
  s = alltoall_pairwise(3, true);
  for (Lane& lane : s.ranks[0].lanes) {
    for (Instruction& i : lane) {
      if (i.op == Op::kRecv) i.size_chunk = 0;
    }
  }
  expect_rejected(s, "takes a block of rank");
  s = allreduce_ring(3);
  s.by_counts = true;
  expect_rejected(s, "by_counts is for blocks of any size");
}

TEST(Damage, a_schedule_that_asks_for_more_room_than_there_is_is_refused) {
  Schedule s = reduce_scatter_direct(6);
  s.unasked = false;
  expect_rejected(s, "which has not started");
  s = allreduce_direct(4);
  s.max_bytes = kUnaskedBytes + 1;
  expect_rejected(s, "more than travel unasked (512)");
  s = allreduce_ring_fused(4);
  ++s.max_chunk_bytes;
  expect_rejected(s, "more than a flow holds (32768)");
  s = allreduce_ring_fused(4);
  s.max_chunk_bytes = 0;
  expect_rejected(s, "more than a flow holds (32768)");
  s.max_bytes = 16 * kFlowBytes;
  EXPECT_EQ(verify(s), "");
  ++s.max_bytes;
  expect_rejected(s, "more than a flow holds (32768)");
  s = allreduce_ring_fused(4);
  s.max_bytes = 0;
  expect_rejected(s, "deadlock");
}

TEST(Damage, a_schedule_of_blocks_with_other_chunks_is_refused) {
  Schedule s = allgather_ring(4);
  s.chunks = 5;
  expect_rejected(s, "chunks is 5, not one a rank (4)");
  s = scan_linear(4);
  s.out_of_place = s.in_place = false;
  expect_rejected(s, "neither in place nor out of place");
}

/// One change somewhere.
void damage(Schedule& s, std::mt19937_64& random) {
  const std::size_t rank = random() % s.ranks.size();
  Lane& l = s.ranks[rank].lanes[random() % s.ranks[rank].lanes.size()];
  if (l.empty()) return;
  Instruction& i = l[random() % l.size()];
  const auto any_chunk = [&] { return static_cast<std::uint16_t>(random() % (s.chunks + 1u)); };
  switch (random() % 11) {
    case 0:
      i.has_dep = false;
      break;
    case 1:
      i.dst_buf = static_cast<Buffer>(random() % 3);
      break;
    case 2:
      i.src_buf = static_cast<Buffer>(random() % 3);
      break;
    case 3:
      i.op = static_cast<Op>(random() % 9);
      break;
    case 4:
      std::swap(i, l[random() % l.size()]);
      break;
    case 5:
      l.erase(l.begin() + static_cast<std::ptrdiff_t>(random() % l.size()));
      break;
    case 6:
      l.insert(l.begin(), Instruction(l[random() % l.size()]));
      break;
    case 7:
      i.has_dep = true;
      i.dep_lane = static_cast<std::uint8_t>(random() % s.ranks[rank].lanes.size());
      i.dep_step = static_cast<std::uint16_t>(random() % 5);
      break;
    case 8:
      i.src_chunk = i.size_chunk = any_chunk();
      break;
    case 9:
      i.dst_chunk = i.size_chunk = any_chunk();
      break;
    case 10:
      if (random() % 2 != 0) {
        s.in_place = s.out_of_place = true;
      } else {
        s.scratch_chunks = static_cast<std::uint16_t>(random() % 4);
      }
      break;
  }
}

class Damaged : public testing::TestWithParam<Maker> {};
INSTANTIATE_TEST_SUITE_P(Each, Damaged, testing::ValuesIn(makers()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(Damaged, whatever_is_still_accepted_leaves_what_mpi_says) {
  std::mt19937_64 random(seed(0x5eed6));
  int accepted = 0, rejected = 0;
  for (unsigned round = 0; round < 600 * effort(); ++round) {
    const int n = 2 + static_cast<int>(random() % 5);
    Schedule s = GetParam().make(n, static_cast<int>(random() % static_cast<unsigned>(n)), random() % 2 != 0);
    damage(s, random);
    if (!verify(s).empty()) {
      ++rejected;
      continue;
    }
    ++accepted;
    for (const bool in_place : {false, true}) {
      if (!(in_place ? s.in_place : s.out_of_place)) continue;
      if (s.collective == Collective::kBcast && !in_place) continue;
      ASSERT_EQ(run_and_check(s, in_place, 1 + random() % 30, random), "")
          << "round " << round << ", in place " << in_place;
      if (!s.by_counts) continue;
      const Counts counts = random_counts(s.collective, s.ranks.size(), in_place, random);
      ASSERT_EQ(run_and_check(s, in_place, counts, random), "")
          << "round " << round << ", in place " << in_place;
    }
  }
  std::printf("%d accepted, %d rejected\n", accepted, rejected);
  EXPECT_GT(accepted, 20);
  EXPECT_GT(rejected, 100);
}

}  // namespace
}  // namespace tally::test
