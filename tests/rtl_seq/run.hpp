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
};

inline Case make_case(const schedule::Schedule& schedule) {
  Case c;
  for (const auto& rank : schedule.ranks) c.ranks.push_back(rank.lanes);
  c.chunks = schedule.chunks;
  c.scratch_chunks = schedule.scratch_chunks;
  return c;
}

inline Bytes bytes_at(Node& node, std::uint64_t addr, std::size_t n) { return Bytes(node.at(addr), node.at(addr) + n); }

/// Runs `c` on fresh random inputs; every rank must complete with Ok and hold the reference's bytes, and nothing beside
/// the output and scratch may have changed.
inline void run_case(Cluster& cluster, const Case& c, std::mt19937_64& random) {
  const std::uint32_t element = element_bytes(c.dtype);
  const std::uint64_t total = std::uint64_t{c.count} * element;
  const std::uint64_t chunk = schedule::chunk_bytes(c.count, element, c.chunks);
  std::vector<RankMemory> memory(c.ranks.size());
  const std::size_t before = cluster.node(0).completions.size();
  constexpr std::size_t kGuard = 64;
  std::vector<Bytes> guards;
  for (unsigned r = 0; r < c.ranks.size(); ++r) {
    Node& node = cluster.node(r);
    RankMemory& mem = memory[r];
    mem.in_place = c.in_place;
    mem.input = random_elements(c.dtype, c.count, random);
    mem.output = c.in_place ? mem.input : random_elements(c.dtype, c.count, random);
    mem.scratch = Bytes(c.scratch_chunks * chunk);
    add_regions(node);
    std::copy(mem.input.begin(), mem.input.end(), node.at(kInputAddr));
    std::copy(mem.output.begin(), mem.output.end(), node.at(kOutputAddr));
    std::copy(mem.scratch.begin(), mem.scratch.end(), node.at(kScratchAddr));
    guards.push_back(bytes_at(node, kOutputAddr - kGuard, kGuard));
    guards.push_back(bytes_at(node, kOutputAddr + total, kGuard));
    load_program(node, c.entry, c.ranks[r], c.scratch_chunks);
  }
  for (unsigned r = 0; r < c.ranks.size(); ++r) {
    cluster.node(r).post(
        make_desc(c.context, c.seq, c.dtype, c.redop, c.count, element, c.chunks, c.entry, c.in_place));
    for (unsigned i = 0; i < c.skew; ++i) cluster.cycle();
  }
  ASSERT_TRUE(run_reference(c.ranks, memory, c.dtype, c.redop, chunk, total));
  ASSERT_TRUE(cluster.run_to_completions(before + 1)) << "a rank did not end";
  for (unsigned r = 0; r < c.ranks.size(); ++r) {
    Node& node = cluster.node(r);
    const auto& cqe = node.completions.back();
    ASSERT_EQ(cqe.status, static_cast<std::uint8_t>(device::Status::kOk)) << "rank " << r << " detail " << cqe.detail;
    ASSERT_EQ(cqe.cookie, 0xC0000000u | std::uint32_t{c.context} << 16 | c.seq);
    ASSERT_EQ(cqe.context_id, c.context);
    ASSERT_EQ(node.completions.size(), before + 1);
    ASSERT_EQ(bytes_at(node, kOutputAddr, total), memory[r].output) << "output of rank " << r;
    if (!c.in_place) {
      ASSERT_EQ(bytes_at(node, kInputAddr, total), memory[r].input) << "input of rank " << r;
    }
    ASSERT_EQ(bytes_at(node, kScratchAddr, memory[r].scratch.size()), memory[r].scratch) << "scratch of rank " << r;
    ASSERT_EQ(bytes_at(node, kOutputAddr - kGuard, kGuard), guards[2 * r]) << "before output of rank " << r;
    ASSERT_EQ(bytes_at(node, kOutputAddr + total, kGuard), guards[2 * r + 1]) << "behind output of rank " << r;
  }
}

}  // namespace tally::test
