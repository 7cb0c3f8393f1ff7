// SPDX-License-Identifier: BSD-3-Clause
// What the makers of schedules share: places, instructions, dependencies and pairings of ranks.
#pragma once

#include <cstddef>
#include <cstdint>

#include <utility>
#include <vector>

#include "schedule/lanes.hpp"
#include "schedule/schedule.hpp"

namespace tally::schedule::detail {

/// A chunk of a buffer.
struct Place {
  Buffer buffer = Buffer::kInput;
  std::uint16_t chunk = 0;
};

constexpr Place input(int chunk = 0) { return {Buffer::kInput, static_cast<std::uint16_t>(chunk)}; }
constexpr Place output(int chunk = 0) { return {Buffer::kOutput, static_cast<std::uint16_t>(chunk)}; }
constexpr Place scratch(int chunk = 0) { return {Buffer::kScratch, static_cast<std::uint16_t>(chunk)}; }

/// `logical`: the first logical chunk that is moved.
Instruction make(Op op, Place src, Place dst, int recv_peer, int send_peer, int logical, int chunks = 1);
Instruction send(Place src, int peer, int logical = 0, int chunks = 1);
Instruction recv(Place dst, int peer, int logical = 0, int chunks = 1);
Instruction copy(Place src, Place dst, int logical = 0, int chunks = 1);
/// dst = dst op src.
Instruction reduce(Place src, Place dst, int logical = 0, int chunks = 1);

/// Makes `i` wait until `lane` has completed `steps` instructions.
Instruction after_steps(Instruction i, std::size_t lane, std::size_t steps);
/// Makes `i` wait until all that `lane` holds so far is complete.
Instruction after(Instruction i, std::size_t lane_index, const Lane& lane);

/// `ranks` ranks without lanes. Throws std::invalid_argument unless 1 <= ranks <= 65535, 0 <= root < ranks.
Schedule start(const char* algorithm, Collective collective, int ranks, int root = 0);
/// A rank that has nothing to do.
std::vector<Lane> idle();
/// One rank: Output is Input, or gets a copy of it.
Schedule copy_only(Schedule s);
/// There are two variants, and this one serves calls in place or out of place only.
void serve_only(Schedule& s, bool in_place);
/// Where all lanes are empty, a Nop: a program has an instruction.
void finish(Schedule& s);

/// An algorithm as a list of what happens, one thing after the other, for all ranks. Lanes, dependencies,
/// what is passed on while it comes, and what may go on at once are found by schedule/lanes.hpp, for vectors
/// of any size and the ways of calling that the schedule claims. Two ranks that exchange what stands at one
/// place need another place for what comes: the second of two moves sees what the first has done.
class Steps {
 public:
  explicit Steps(Schedule s) : s_(std::move(s)) {}
  void copy(int rank, Place src, Place dst, int logical = 0, int chunks = 1);
  /// dst at `to` = src at `from`.
  void move(int from, Place src, int to, Place dst, int logical = 0, int chunks = 1);
  /// dst at `to` = own at `to` op src at `from`.
  void reduce(int from, Place src, int to, Place own, Place dst, int logical = 0, int chunks = 1);
  /// The schedule; whether the list is right is for verify to say.
  [[nodiscard]] Schedule schedule();

 private:
  void message(int from, int to, const Instruction& in, Place src);
  Schedule s_;
  std::vector<Item> items_;
};

/// (a + b) mod ranks for -ranks < b < ranks.
constexpr int shifted(int a, int b, int ranks) { return (a + b + ranks) % ranks; }

/// Rounds in which every rank meets every other once, a partner a round: the circle method of tournaments.
constexpr int rounds(int ranks) { return ranks + ranks % 2 - 1; }
/// -1: none in this round, where ranks is odd.
constexpr int partner(int rank, int round, int ranks) {
  const int circle = rounds(ranks);
  if (rank == circle) return round * ((circle + 1) / 2) % circle;
  const int other = ((round - rank) % circle + circle) % circle;
  if (other != rank) return other;
  return circle < ranks ? circle : -1;
}
/// Lanes of an exchange of two ranks in a round. The flows of both directions have different lanes, so
/// neither waits for the other; two rounds are under way at once.
struct ExchangeLanes {
  ExchangeLanes(int rank, int other, int round)
      : send(static_cast<std::size_t>(2 * (round % 2) + (rank < other ? 0 : 1))),
        recv(static_cast<std::size_t>(2 * (round % 2) + (rank < other ? 1 : 0))) {}
  std::size_t send, recv;
};

/// exchange(other, lanes) for each partner of `rank`, in the order of the rounds.
template <typename Exchange>
void for_each_partner(int rank, int ranks, Exchange&& exchange) {
  for (int round = 0; round < rounds(ranks); ++round) {
    const int other = partner(rank, round, ranks);
    if (other >= 0) exchange(other, ExchangeLanes(rank, other, round));
  }
}

}  // namespace tally::schedule::detail
