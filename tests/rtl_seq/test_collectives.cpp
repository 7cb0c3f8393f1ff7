// SPDX-License-Identifier: BSD-3-Clause
// The algorithms of host/schedule on the sequencer, against plain host arithmetic.
#include "rtl_seq/run.hpp"
#include "support/seed.hpp"

namespace {

using namespace tally;
using namespace tally::test;
using device::Dtype;
using device::Redop;

constexpr Dtype kTypes[] = {Dtype::kI32, Dtype::kI64, Dtype::kF32, Dtype::kF64};
constexpr Redop kOps[] = {Redop::kSum, Redop::kMin, Redop::kMax};

Timing random_timing(std::mt19937_64& random) {
  Timing timing;
  timing.read_latency = 1 + static_cast<unsigned>(random() % 200);
  timing.write_latency = 1 + static_cast<unsigned>(random() % 200);
  timing.wire_latency = 1 + static_cast<unsigned>(random() % 200);
  timing.jitter = static_cast<unsigned>(random() % 3) * 40;
  timing.stall = static_cast<double>(random() % 3) * 0.2;
  return timing;
}

std::uint32_t random_count_any(std::mt19937_64& random, std::uint32_t most) {
  switch (random() % 4) {
    case 0: return static_cast<std::uint32_t>(random() % 4);
    case 1: return static_cast<std::uint32_t>(random() % 40);
    case 2: return static_cast<std::uint32_t>(random() % 1500);
    default: return static_cast<std::uint32_t>(random() % most);
  }
}
/// At most `most`, and often few.
std::uint32_t random_count(std::mt19937_64& random, std::uint32_t most) {
  return std::min(random_count_any(random, most), most);
}

/// Several collectives one after another on one cluster, with its own timing each.
void sweep(schedule::Schedule (*make)(int), int ranks, std::uint64_t fallback_seed, unsigned rounds) {
  std::mt19937_64 random(seed(fallback_seed + static_cast<std::uint64_t>(ranks)));
  for (unsigned cluster_no = 0; cluster_no < 3 * effort(); ++cluster_no) {
    Timing timing = random_timing(random);
    timing.max_payload = kPayloads[cluster_no % std::size(kPayloads)];
    Cluster cluster(static_cast<unsigned>(ranks), timing, random());
    const schedule::Schedule schedule = make(ranks);
    for (unsigned i = 0; i < rounds; ++i) {
      Case c = make_case(schedule);
      c.dtype = kTypes[random() % 4];
      c.redop = kOps[random() % 3];
      // What flows hold; 0: any size.
      const std::uint64_t flow = std::uint64_t{device::kFlowSlots} * timing.max_payload;
      const std::uint64_t most = schedule.max_bytes == 0 ? 60000 : std::min(schedule.max_bytes, flow);
      c.count = random_count(random, static_cast<std::uint32_t>(most / element_bytes(c.dtype)));
      c.in_place = random() & 1;
      c.pushed = static_cast<int>(random() % (2 * device::kOperandSlots)) - static_cast<int>(device::kOperandSlots);
      c.push_gap = static_cast<unsigned>(random() % 12);
      c.seq = static_cast<std::uint16_t>(65534 + i);
      c.skew = random() & 1 ? static_cast<unsigned>(random() % 1000) : 0;
      SCOPED_TRACE("cluster " + std::to_string(cluster_no) + " round " + std::to_string(i) + " count " +
                   std::to_string(c.count) + " dtype " + std::to_string(static_cast<int>(c.dtype)) + " redop " +
                   std::to_string(static_cast<int>(c.redop)) + " in_place " + std::to_string(c.in_place));
      run_case(cluster, c, random);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

class Ranks : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(SeqCollectives, Ranks, testing::Values(2, 3, 4, 5, 8));

TEST_P(Ranks, recursive_doubling_gives_the_reference_bytes) {
  sweep(schedule::allreduce_recursive_doubling, GetParam(), 100, 5);
}
TEST_P(Ranks, fused_recursive_doubling_gives_the_reference_bytes) {
  sweep(schedule::allreduce_recursive_doubling_fused, GetParam(), 200, 5);
}
TEST_P(Ranks, ring_gives_the_reference_bytes) {
  sweep([](int ranks) { return schedule::allreduce_ring(ranks); }, GetParam(), 300, 4);
}

TEST_P(Ranks, bcast_brings_the_roots_bytes) {
  std::mt19937_64 random(seed(400 + static_cast<std::uint64_t>(GetParam())));
  Timing timing = random_timing(random);
  timing.max_payload = kPayloads[static_cast<unsigned>(GetParam()) % std::size(kPayloads)];
  Cluster cluster(static_cast<unsigned>(GetParam()), timing, random());
  for (std::uint16_t i = 0; i < 4; ++i) {
    const auto root = static_cast<int>(random() % static_cast<unsigned>(GetParam()));
    Case c = make_case(schedule::bcast_binomial(GetParam(), root));
    c.dtype = Dtype::kByte;
    c.redop = Redop::kNone;
    c.in_place = true;
    c.count = random_count(random, 50000);
    c.seq = i;
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
  }
}

TEST_P(Ranks, barrier_ends_on_no_rank_before_all_have_begun) {
  std::mt19937_64 random(seed(500 + static_cast<std::uint64_t>(GetParam())));
  Cluster cluster(static_cast<unsigned>(GetParam()), random_timing(random), random());
  for (std::uint16_t i = 0; i < 3; ++i) {
    Case c = make_case(schedule::barrier_dissemination(GetParam()));
    c.dtype = Dtype::kNone;
    c.redop = Redop::kNone;
    c.seq = i;
    c.skew = 1000;
    const std::uint64_t last_start = cluster.node(0).now + 1000 * static_cast<unsigned>(GetParam() - 1);
    run_case(cluster, c, random);
    if (HasFatalFailure()) return;
    for (unsigned r = 0; r < cluster.size(); ++r) EXPECT_GE(cluster.node(r).completion_cycle.back(), last_start);
  }
}

TEST(SeqCollectives, packets_of_every_path_mtu_carry_whole_elements) {
  // The last packet is full, one element short of it, or one element long.
  std::mt19937_64 random(seed(602));
  for (const unsigned payload : kPayloads) {
    Timing timing;
    timing.max_payload = payload;
    Cluster cluster(2, timing, random());
    std::uint16_t seq = 0;
    for (const int extra : {-1, 0, 1}) {
      for (const unsigned packets : {1u, 2u, 7u}) {
        Case c = make_case(schedule::allreduce_recursive_doubling(2));
        c.dtype = Dtype::kF64;
        c.count = static_cast<std::uint32_t>(static_cast<int>(packets * payload / 8) + extra);
        c.seq = seq++;
        SCOPED_TRACE("payload " + std::to_string(payload) + " count " + std::to_string(c.count));
        const std::size_t before = cluster.node(0).sent_last.size();
        run_case(cluster, c, random);
        if (HasFatalFailure()) return;
        EXPECT_EQ(cluster.node(0).sent_last.size() - before, packets + (extra == 1 ? 1 : 0));
      }
    }
  }
}

TEST(SeqCollectives, large_vector_flows_through_many_packets) {
  std::mt19937_64 random(seed(600));
  Cluster cluster(3, Timing{}, random());
  Case c = make_case(schedule::allreduce_ring(3));
  c.dtype = Dtype::kF32;
  c.count = 200001;
  run_case(cluster, c, random);
}

TEST(SeqCollectives, early_packets_of_the_next_collective_wait_for_it) {
  // The root of a bcast runs ahead: packets of two collectives find a place at the leaf; a third one has to wait.
  // What is longer than a short packet waits until it is asked for.
  for (const unsigned bytes : {500u, 5000u}) {
    std::mt19937_64 random(seed(601));
    Cluster cluster(2, Timing{}, random());
    const Case c = make_case(schedule::bcast_binomial(2, 0));
    for (unsigned r = 0; r < 2; ++r) {
      add_regions(cluster.node(r));
      load_program(cluster.node(r), 0, c.ranks[r], 0);
    }
    const auto post = [&](unsigned node) {
      for (std::uint16_t i = 0; i < 3; ++i) {
        auto desc = make_desc(1, i, Dtype::kByte, Redop::kNone, bytes, 1, 1, 0, true);
        desc.input_addr = desc.output_addr = kOutputAddr + i * 8000u;
        cluster.node(node).post(desc);
      }
    };
    post(0);
    for (unsigned i = 0; i < 5000; ++i) cluster.cycle();
    EXPECT_EQ(cluster.node(0).completions.size(), bytes > device::kShortBytes ? 0u : device::kShortSlots);
    post(1);
    ASSERT_TRUE(cluster.run_to_completions(3));
    for (unsigned i = 0; i < 3; ++i) {
      EXPECT_EQ(cluster.node(1).completions[i].status, 0);
      EXPECT_EQ(bytes_at(cluster.node(1), kOutputAddr + i * 8000u, bytes),
                bytes_at(cluster.node(0), kOutputAddr + i * 8000u, bytes));
    }
  }
}

}  // namespace
