// SPDX-License-Identifier: BSD-3-Clause
#include <atomic>
#include <stdexcept>

#include "schedule/schedule.hpp"

namespace tally::schedule {

namespace {

std::uint64_t next_program_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

int translate(int peer, const std::vector<std::uint16_t>& group_ranks) {
  if (peer < 0 || static_cast<std::size_t>(peer) >= group_ranks.size()) {
    throw std::invalid_argument("schedule names peer " + std::to_string(peer) + " in a group of " +
                                std::to_string(group_ranks.size()));
  }
  return group_ranks[static_cast<std::size_t>(peer)];
}

}  // namespace

Program compile(const Schedule& schedule, int rank, const std::vector<std::uint16_t>& group_ranks) {
  if (group_ranks.size() != schedule.ranks.size()) {
    throw std::invalid_argument("group_ranks has " + std::to_string(group_ranks.size()) +
                                " ranks, the schedule " + std::to_string(schedule.ranks.size()));
  }
  if (rank < 0 || static_cast<std::size_t>(rank) >= schedule.ranks.size()) {
    throw std::invalid_argument("rank " + std::to_string(rank) + " is not in the schedule");
  }
  Program p;
  p.lanes = schedule.ranks[static_cast<std::size_t>(rank)].lanes;
  p.chunks = schedule.chunks;
  p.scratch_chunks = schedule.scratch_chunks;
  p.max_bytes = schedule.max_bytes;
  p.id = next_program_id();
  for (Lane& lane : p.lanes) {
    for (Instruction& i : lane) {
      i.send_peer = sends(i.op) ? translate(i.send_peer, group_ranks) : kNoPeer;
      i.recv_peer = receives(i.op) ? translate(i.recv_peer, group_ranks) : kNoPeer;
    }
  }
  return p;
}

std::uint16_t signature(const Schedule& schedule) noexcept {
  // FNV-1a, 32 bits (Fowler, Noll, Vo), folded to 16.
  std::uint32_t hash = 2166136261u;
  const auto add = [&](std::uint32_t byte) { hash = (hash ^ (byte & 0xff)) * 16777619u; };
  add(static_cast<std::uint32_t>(schedule.collective));
  for (const char c : schedule.algorithm) add(static_cast<unsigned char>(c));
  add(schedule.root);
  add(static_cast<std::uint32_t>(schedule.root) >> 8);
  return static_cast<std::uint16_t>(hash >> 16 ^ (hash & 0xffff));
}

}  // namespace tally::schedule
