// SPDX-License-Identifier: BSD-3-Clause
// The schedule interpreter with ranks in one thread: order across contexts, disagreement, abort.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "cluster.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

using schedule::Collective;

struct Group {
  explicit Group(int size, Collective collective = Collective::kAllreduce, std::uint64_t bytes = 8,
                 const std::string& algorithm = "") {
    schedule::Schedule chosen;
    std::string error;
    const schedule::Call call{.collective = collective, .ranks = size, .bytes = bytes, .in_place = true};
    serves = schedule::select(call, algorithm, &chosen, &error);
    if (!serves) return;
    EXPECT_EQ(schedule::verify(chosen), "");
    std::vector<std::uint16_t> ranks(static_cast<std::size_t>(size));
    std::iota(ranks.begin(), ranks.end(), std::uint16_t{0});
    for (int rank = 0; rank < size; ++rank) programs.push_back(schedule::compile(chosen, rank, ranks));
    signature = schedule::signature(chosen);
  }
  CollectiveDescriptor descriptor(std::size_t rank, std::int32_t* data, std::uint64_t count) const {
    CollectiveDescriptor result;
    result.program = &programs[rank];
    result.input = data;
    result.output = data;
    result.count = count;
    result.dtype = TALLY_I32;
    result.redop = TALLY_SUM;
    result.signature = signature;
    return result;
  }
  bool serves = false;  ///< there is such an algorithm for this size
  std::vector<schedule::Program> programs;
  std::uint16_t signature = 0;
};

TEST(SoftCollectives, contexts_in_opposite_orders_do_not_wait_for_each_other) {
  Cluster cluster(2);
  const Group group(2);
  std::int32_t data[2][2] = {{1, 10}, {2, 20}};
  for (std::uint16_t rank = 0; rank < 2; ++rank) {
    for (std::uint16_t turn = 0; turn < 2; ++turn) {
      const std::uint16_t context = rank == 0 ? turn : static_cast<std::uint16_t>(1 - turn);
      CollectiveDescriptor descriptor = group.descriptor(rank, &data[rank][context], 1);
      descriptor.context = context;
      descriptor.cookie = context;
      ASSERT_TRUE(cluster.engine(rank).post_collective(descriptor).ok());
      cluster.poll_all(2);
    }
  }
  cluster.poll_all(5);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(cluster.completions(rank).size(), 2u);
    EXPECT_EQ(data[rank][0], 3);
    EXPECT_EQ(data[rank][1], 30);
  }
}

TEST(SoftCollectives, several_in_one_context_run_in_order_however_late_a_rank_is) {
  constexpr std::uint16_t kRounds = 20;
  for (const std::size_t late : {0u, 1u, 2u}) {
    Cluster cluster(3);
    const Group group(3);
    std::vector<std::vector<std::int32_t>> data(3, std::vector<std::int32_t>(kRounds));
    const auto post = [&](std::size_t rank) {
      for (std::uint16_t seq = 0; seq < kRounds; ++seq) {
        data[rank][seq] = static_cast<std::int32_t>(rank) * 100 + seq;
        CollectiveDescriptor descriptor = group.descriptor(rank, &data[rank][seq], 1);
        descriptor.seq = static_cast<std::uint16_t>(65530 + seq);  // wraps
        descriptor.cookie = seq;
        ASSERT_TRUE(cluster.engine(rank).post_collective(descriptor).ok());
      }
    };
    for (std::size_t rank = 0; rank < 3; ++rank) {
      if (rank != late) post(rank);
    }
    cluster.poll_all(10);
    post(late);
    cluster.poll_all(200);
    for (std::size_t rank = 0; rank < 3; ++rank) {
      ASSERT_EQ(cluster.completions(rank).size(), kRounds) << "late " << late << ", rank " << rank;
      for (std::uint16_t seq = 0; seq < kRounds; ++seq) {
        EXPECT_EQ(cluster.completions(rank)[seq].cookie, seq);
        EXPECT_EQ(cluster.completions(rank)[seq].status, TALLY_OK);
        EXPECT_EQ(data[rank][seq], 300 + 3 * seq);
      }
    }
  }
}

TEST(SoftCollectives, vectors_larger_than_all_buffers_complete_with_every_algorithm) {
  int served = 0;
  for (const std::string& algorithm : schedule::algorithms(Collective::kAllreduce)) {
    for (const int size : {1, 2, 3, 4, 5, 8}) {
      const std::uint64_t count = 200001;
      Cluster cluster(static_cast<std::uint32_t>(size));
      const Group group(size, Collective::kAllreduce, count * 4, algorithm);
      if (!group.serves) continue;  // a name for short vectors
      ++served;
      std::vector<std::vector<std::int32_t>> data;
      for (int rank = 0; rank < size; ++rank) {
        data.emplace_back(count);
        for (std::uint64_t i = 0; i < count; ++i) data.back()[i] = static_cast<std::int32_t>(i) * (rank + 1);
      }
      for (std::size_t rank = 0; rank < data.size(); ++rank) {
        ASSERT_TRUE(
            cluster.engine(rank).post_collective(group.descriptor(rank, data[rank].data(), count)).ok());
      }
      for (int i = 0; i < 5000 && cluster.completions(0).empty(); ++i) cluster.poll_all();
      cluster.poll_all(200);
      for (std::size_t rank = 0; rank < data.size(); ++rank) {
        ASSERT_EQ(cluster.completions(rank).size(), 1u) << algorithm << ", " << size << " ranks";
        for (std::uint64_t i = 0; i < count; ++i) {
          ASSERT_EQ(data[rank][i], static_cast<std::int32_t>(i) * (size * (size + 1) / 2))
              << algorithm << " " << i;
        }
      }
      // Wrapping sums above are exact: 200000 * 36 fits.
    }
  }
  EXPECT_GE(served, 12) << "recursive doubling and the ring at least";
}

struct Disagreement : testing::Test {
  Cluster cluster{2};
  Group group{2};
  std::int32_t data[2][4] = {};

  Completion run(const CollectiveDescriptor& a, const CollectiveDescriptor& b) {
    EXPECT_TRUE(cluster.engine(0).post_collective(a).ok());
    EXPECT_TRUE(cluster.engine(1).post_collective(b).ok());
    cluster.poll_all(4);
    EXPECT_EQ(cluster.completions(1).size(), 1u);
    return cluster.completions(1).empty() ? Completion{} : cluster.completions(1)[0];
  }
  CollectiveDescriptor descriptor(std::size_t rank) { return group.descriptor(rank, data[rank], 2); }
};

std::uint32_t field(device::MismatchField value) { return static_cast<std::uint32_t>(value); }

TEST_F(Disagreement, another_count_is_named_with_the_peers_count) {
  CollectiveDescriptor other = descriptor(0);
  other.count = 3;
  const Completion done = run(other, descriptor(1));
  EXPECT_EQ(done.status, TALLY_ERR_MISMATCH);
  EXPECT_EQ(done.source, 0);
  EXPECT_EQ(done.detail, field(device::MismatchField::kCount) << 24 | 3u);
}

TEST_F(Disagreement, another_operation_and_type_are_named) {
  CollectiveDescriptor other = descriptor(0);
  other.redop = TALLY_MAX;
  other.dtype = TALLY_F32;
  EXPECT_EQ(run(other, descriptor(1)).detail >> 24,
            field(device::MismatchField::kDtype) | field(device::MismatchField::kRedop));
}

TEST_F(Disagreement, another_collective_is_named_by_the_signature) {
  const Group barrier(2, Collective::kBarrier, 0);
  CollectiveDescriptor other = barrier.descriptor(0, data[0], 0);
  other.count = 2;
  EXPECT_EQ(run(other, descriptor(1)).detail >> 24, field(device::MismatchField::kSignature));
}

TEST_F(Disagreement, data_of_a_later_collective_where_this_one_expects_some_is_a_mismatch) {
  CollectiveDescriptor later = descriptor(0);
  later.seq = 5;
  const Completion done = run(later, descriptor(1));
  EXPECT_EQ(done.status, TALLY_ERR_MISMATCH);
  EXPECT_EQ(done.detail >> 24, field(device::MismatchField::kSignature));
}

TEST_F(Disagreement, a_broken_context_refuses_what_follows_and_others_go_on) {
  CollectiveDescriptor other = descriptor(0);
  other.count = 3;
  run(other, descriptor(1));
  cluster.completions(1).clear();
  ASSERT_TRUE(cluster.engine(1).post_collective(descriptor(1)).ok());
  cluster.poll_all(2);
  ASSERT_EQ(cluster.completions(1).size(), 1u);
  EXPECT_EQ(cluster.completions(1)[0].status, TALLY_ERR_ABORTED);

  cluster.completions(0).clear();
  cluster.completions(1).clear();
  for (std::size_t rank = 0; rank < 2; ++rank) {
    CollectiveDescriptor fine = descriptor(rank);
    fine.context = 7;
    ASSERT_TRUE(cluster.engine(rank).post_collective(fine).ok());
  }
  cluster.poll_all(4);
  EXPECT_EQ(cluster.completions(0).at(0).status, TALLY_OK);
  EXPECT_EQ(cluster.completions(1).at(0).status, TALLY_OK);
}

TEST_F(Disagreement, abort_ends_the_running_collective_and_those_behind_it) {
  CollectiveDescriptor first = descriptor(0);
  CollectiveDescriptor second = descriptor(0);
  second.seq = 1;
  second.cookie = 1;
  ASSERT_TRUE(cluster.engine(0).post_collective(first).ok());
  ASSERT_TRUE(cluster.engine(0).post_collective(second).ok());
  EXPECT_NE(cluster.engine(0).describe_pending().find("waits for data from rank 1"), std::string::npos);
  cluster.engine(0).abort_collective(0, 0);
  cluster.poll(0);
  ASSERT_EQ(cluster.completions(0).size(), 2u);
  EXPECT_EQ(cluster.completions(0)[0].status, TALLY_ERR_ABORTED);
  EXPECT_EQ(cluster.completions(0)[1].status, TALLY_ERR_ABORTED);
}

/// A gatherv of two ranks at rank 0: rank 0 expects `expected` bytes of rank 1, which sends `sent`.
Completion gatherv(std::uint64_t expected, std::uint64_t sent, std::byte* in, std::byte* out) {
  Cluster cluster(2);
  const schedule::Schedule gather = schedule::gather_linear(2, 0);
  const std::vector<std::uint16_t> ranks{0, 1};
  const schedule::Program programs[] = {
      schedule::compile(gather, 0, ranks, schedule::gatherv_layout(0, 0, 100, {100, expected}, {50, 3})),
      schedule::compile(gather, 1, ranks, schedule::gatherv_layout(1, 0, sent, {}, {}))};
  for (std::size_t rank = 0; rank < 2; ++rank) {
    CollectiveDescriptor descriptor;
    descriptor.program = &programs[rank];
    descriptor.input = rank == 0 ? in : in + 100;
    descriptor.output = rank == 0 ? out : nullptr;
    descriptor.signature = schedule::signature(gather);
    EXPECT_TRUE(cluster.engine(rank).post_collective(descriptor).ok());
  }
  cluster.poll_all(20);
  EXPECT_EQ(cluster.completions(0).size(), 1u);
  return cluster.completions(0).empty() ? Completion{} : cluster.completions(0)[0];
}

TEST(SoftCollectives, instructions_in_bytes_go_to_their_offsets_and_both_ends_must_agree) {
  std::vector<std::byte> in(200), out(150);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<std::byte>(i + 1);
  EXPECT_EQ(gatherv(40, 40, in.data(), out.data()).status, TALLY_OK);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(out[50 + i], in[i]);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(out[3 + i], in[100 + i]);
  for (const std::size_t gap : {0u, 2u, 43u, 49u}) EXPECT_EQ(out[gap], std::byte{0}) << gap;
  EXPECT_EQ(gatherv(0, 0, in.data(), out.data()).status, TALLY_OK);
  const Completion done = gatherv(40, 39, in.data(), out.data());
  EXPECT_EQ(done.status, TALLY_ERR_MISMATCH);
  EXPECT_EQ(done.source, 1);
  EXPECT_EQ(done.detail >> 24, field(device::MismatchField::kSignature));
}

TEST(SoftCollectives, context_out_of_range_is_refused) {
  Cluster cluster(1);
  const Group group(1);
  std::int32_t value = 0;
  CollectiveDescriptor descriptor = group.descriptor(0, &value, 1);
  descriptor.context = kGroupContexts;
  EXPECT_EQ(cluster.engine(0).post_collective(descriptor).code(), TALLY_ERR_ARGUMENT);
}

}  // namespace
}  // namespace tally::test
