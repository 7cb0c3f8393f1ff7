// SPDX-License-Identifier: BSD-3-Clause
// Runs one collective on a cluster and compares memory with the reference.
#pragma once

#include <gtest/gtest.h>

#include "rtl_seq/cluster.hpp"
#include "rtl_seq/reference.hpp"

namespace tally::test {

struct Case {
  std::vector<std::vector<schedule::Lane>> ranks;
  unsigned chunks = 1;
  unsigned scratch_chunks = 0;
  device::Dtype dtype = device::Dtype::kI32;
  device::Redop redop = device::Redop::kSum;
  std::uint32_t count = 0;
  bool in_place = false;
  std::uint16_t context = 5;
  std::uint16_t seq = 0;
  unsigned skew = 0;  ///< cycles between the starts of neighbouring ranks
  unsigned entry = 17;
  int pushed = -1;         ///< Input goes into this slot of the operand window, if it is short enough; not in place
  unsigned push_gap = 1;   ///< cycles between two stores to it
  std::uint16_t pass_chunks = 0;                      ///< ScheduleHeader.chunks
  std::uint64_t chunk_bytes = 0;                      ///< 0: the vector in `chunks` chunks
  std::array<std::uint8_t, 4> send_lane{0, 1, 2, 3};  ///< where what a lane sends is received
};

inline Case make_case(const schedule::Schedule& schedule) {
  Case c;
  for (const auto& rank : schedule.ranks) c.ranks.push_back(rank.lanes);
  c.chunks = schedule.chunks;
  c.scratch_chunks = schedule.scratch_chunks;
  return c;
}

/// As completions hold it.
inline std::uint8_t code(device::Status status) { return static_cast<std::uint8_t>(status); }

inline Bytes bytes_at(Node& node, std::uint64_t addr, std::size_t n) { return Bytes(node.at(addr), node.at(addr) + n); }
/// Not by EXPECT_EQ of the bytes, which would print them all.
inline bool same(Node& a, std::uint64_t a_addr, Node& b, std::uint64_t b_addr, std::size_t n) {
  return std::memcmp(a.at(a_addr), b.at(b_addr), n) == 0;
}

/// Runs `c` on fresh random inputs; every rank must complete with Ok and hold the reference's bytes, and nothing beside
/// the output and scratch may have changed.
inline void run_case(Cluster& cluster, const Case& c, std::mt19937_64& random) {
  const std::uint32_t element = element_bytes(c.dtype);
  const std::uint64_t total = std::uint64_t{c.count} * element;
  const std::uint64_t chunk = c.chunk_bytes != 0 ? c.chunk_bytes : schedule::chunk_bytes(c.count, element, c.chunks);
  const std::uint64_t scratch = c.scratch_chunks * chunk;
  const Shared shared{c.dtype, c.redop, chunk, total, c.pass_chunks, c.send_lane};
  std::vector<RankRun> runs(c.ranks.size());
  const std::size_t before = cluster.node(0).completions.size();
  constexpr std::size_t kGuard = 64;
  std::vector<Bytes> guards;
  for (unsigned r = 0; r < c.ranks.size(); ++r) {
    Node& node = cluster.node(r);
    RankRun& run = runs[r];
    run.rank = r;
    run.lanes = c.ranks[r];
    // Input, output, scratch; in place the first of these is output.
    const std::size_t places = c.in_place ? 1 : 2;
    run.memory = random_elements(c.dtype, places * c.count, random);
    run.memory.resize(places * total + scratch);
    run.output = c.in_place ? 0 : total;
    run.scratch = places * total;
    add_regions(node);
    if (!c.in_place) std::copy_n(run.memory.begin(), total, node.at(kInputAddr));
    std::copy_n(run.memory.begin() + static_cast<std::ptrdiff_t>(run.output), total, node.at(kOutputAddr));
    std::copy_n(run.memory.begin() + static_cast<std::ptrdiff_t>(run.scratch), scratch, node.at(kScratchAddr));
    guards.push_back(bytes_at(node, kOutputAddr - kGuard, kGuard));
    guards.push_back(bytes_at(node, kOutputAddr + total, kGuard));
    load_program(node, c.entry, {.lanes = c.ranks[r], .scratch_chunks = c.scratch_chunks, .pass_chunks = c.pass_chunks,
                                 .send_lane = c.send_lane});
  }
  for (unsigned r = 0; r < c.ranks.size(); ++r) {
    auto desc = make_desc(c.context, c.seq, c.dtype, c.redop, c.count, element, c.chunks, c.entry, c.in_place);
    desc.chunk_bytes = static_cast<std::uint32_t>(chunk);
    if (c.pushed >= 0 && !c.in_place && total != 0 && total <= device::kOperandSlotBytes) {
      cluster.node(r).post_pushed(desc, static_cast<unsigned>(c.pushed), kInputAddr, total, random() % total, c.push_gap);
    } else {
      cluster.node(r).post(desc);
    }
    for (unsigned i = 0; i < c.skew; ++i) cluster.cycle();
  }
  ASSERT_TRUE(run_reference(runs, shared));
  ASSERT_TRUE(cluster.run_to_completions(before + 1)) << "a rank did not end";
  for (unsigned r = 0; r < c.ranks.size(); ++r) {
    Node& node = cluster.node(r);
    const auto& cqe = node.completions.back();
    ASSERT_EQ(cqe.status, code(device::Status::kOk)) << "rank " << r << " detail " << cqe.detail;
    ASSERT_EQ(cqe.cookie, 0xC0000000u | std::uint32_t{c.context} << 16 | c.seq);
    ASSERT_EQ(cqe.context_id, c.context);
    ASSERT_EQ(node.completions.size(), before + 1);
    Bytes now = c.in_place ? Bytes{} : bytes_at(node, kInputAddr, total);
    const Bytes output = bytes_at(node, kOutputAddr, total), temporary = bytes_at(node, kScratchAddr, scratch);
    now.insert(now.end(), output.begin(), output.end());
    now.insert(now.end(), temporary.begin(), temporary.end());
    const auto differs = std::mismatch(now.begin(), now.end(), runs[r].memory.begin());
    ASSERT_EQ(differs.first - now.begin(), static_cast<std::ptrdiff_t>(now.size()))
        << "rank " << r << ": the first byte that differs; output at " << runs[r].output << ", scratch at "
        << runs[r].scratch;
    ASSERT_EQ(bytes_at(node, kOutputAddr - kGuard, kGuard), guards[2 * r]) << "before output of rank " << r;
    ASSERT_EQ(bytes_at(node, kOutputAddr + total, kGuard), guards[2 * r + 1]) << "behind output of rank " << r;
  }
}

}  // namespace tally::test
