// SPDX-License-Identifier: BSD-3-Clause
// Race freedom by happens-before, with vector clocks (Fidge 1988; Mattern 1989).
//
// Each instruction has four events: S it starts, F its first packet is here (or is ready, where it receives
// nothing), R its last packet has been read, reduced and sent, E it is complete with all its writes. Known
// order:
//   S -> F -> R -> E of one instruction; E -> S of the next in the lane; E -> S along a dependency;
//   F -> F and R -> R from a sender to its receiver: the first packet arrives after it was sent, and the last
//   one too.
// There is no order from R of a sender to F of its receiver: the receiver streams.
// A read of memory happens in [S, R] (operands are fetched ahead of the data), a write in [F, E]. Two
// accesses to a chunk of which one writes are safe when the end of one happens before the start of the other,
// in every interleaving.
#include <algorithm>

#include "schedule/verify_internal.hpp"

namespace tally::schedule::detail {

namespace {

using Clock = std::vector<std::uint32_t>;  // [lane] latest event of that lane known to have happened

enum Phase : std::uint32_t { kStart = 1, kFirst = 2, kRead = 3, kEnd = 4 };

std::uint32_t stamp(std::size_t step, Phase phase) { return static_cast<std::uint32_t>(4 * step) + phase; }

void join(Clock& into, const Clock& from) {
  for (std::size_t l = 0; l < into.size(); ++l) into[l] = std::max(into[l], from[l]);
}

struct Clocks {
  Clock start, first, read;  // the clock at E is `read` and the lane's own stamp
};

std::vector<Clocks> compute(const Graph& g, const std::vector<std::size_t>& order) {
  std::vector<Clocks> clocks(g.site.size());
  for (const std::size_t id : order) {
    const Site& at = g.site[id];
    const Instruction& i = *g.instruction[id];
    const std::size_t lane = g.lane_id[at.rank][at.lane];
    Clocks& c = clocks[id];
    c.start.assign(g.lanes, 0);
    const auto follow = [&](std::size_t earlier) {
      join(c.start, clocks[earlier].read);
      const Site& there = g.site[earlier];
      std::uint32_t& own = c.start[g.lane_id[there.rank][there.lane]];
      own = std::max(own, stamp(there.step, kEnd));
    };
    if (at.step > 0) follow(id - 1);
    if (i.has_dep && i.dep_step > 0) follow(g.first[at.rank][i.dep_lane] + i.dep_step - 1);
    c.start[lane] = stamp(at.step, kStart);
    c.first = c.start;
    if (g.sender[id] != kNone) join(c.first, clocks[g.sender[id]].first);
    c.first[lane] = stamp(at.step, kFirst);
    c.read = c.first;
    if (g.sender[id] != kNone) join(c.read, clocks[g.sender[id]].read);
    c.read[lane] = stamp(at.step, kRead);
  }
  return clocks;
}

struct Use {
  std::size_t id;
  bool write;
};

/// `a` is over before `b` begins.
bool before(const Graph& g, const std::vector<Clocks>& clocks, const Use& a, const Use& b) {
  const Site& at = g.site[a.id];
  const Clock& begin = b.write ? clocks[b.id].first : clocks[b.id].start;
  return begin[g.lane_id[at.rank][at.lane]] >= stamp(at.step, a.write ? kEnd : kRead);
}

std::string check_races(const Graph& g, const std::vector<Clocks>& clocks, bool in_place) {
  const Schedule& s = *g.schedule;
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    const Cells cells(s, r, in_place);
    std::vector<std::vector<Use>> memory(cells.count());
    std::string reason;
    const auto use = [&](std::size_t id, const Access& a, std::size_t cell, std::size_t chunk) {
      const Use now{id, a.write};
      for (const Use& other : memory[cell]) {
        // Instructions of one lane are in order.
        if (g.site[other.id].lane == g.site[id].lane || (!other.write && !a.write)) continue;
        if (before(g, clocks, other, now) || before(g, clocks, now, other)) continue;
        if (!reason.empty()) return;
        reason = "race: " + describe(g, id) + (a.write ? " writes " : " reads ") + name_of(a.buffer) +
                 " chunk " + std::to_string(chunk) + ", " + describe(g, other.id) +
                 (other.write ? " writes" : " reads") + " it, in no order";
      }
      memory[cell].push_back(now);
    };
    for (std::size_t l = 0; l < s.ranks[r].lanes.size(); ++l) {
      for (std::size_t k = 0; k < s.ranks[r].lanes[l].size(); ++k) {
        const std::size_t id = g.first[r][l] + k;
        for (const Access& a : accesses(*g.instruction[id])) {
          for (std::size_t c = a.chunk; c < std::size_t{a.chunk} + a.chunks; ++c) {
            use(id, a, cells.of(a.buffer, c), c);
            if (a.buffer != Buffer::kOutput || !cells.output_covers_input()) continue;
            for (std::size_t p = 0; p < cells.inputs(); ++p) use(id, a, cells.of(Buffer::kInput, p), c);
          }
          if (!reason.empty()) return reason;
        }
      }
    }
  }
  return {};
}

/// A rank may leave only when every rank has come.
std::string check_separation(const Graph& g, const std::vector<Clocks>& clocks) {
  const Schedule& s = *g.schedule;
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    Clock leave(g.lanes, 0);
    std::size_t last = kNone;
    for (std::size_t l = 0; l < s.ranks[r].lanes.size(); ++l) {
      const std::size_t steps = s.ranks[r].lanes[l].size();
      if (steps == 0) continue;
      last = g.first[r][l] + steps - 1;
      join(leave, clocks[last].read);
    }
    for (std::size_t q = 0; q < s.ranks.size(); ++q) {
      const auto known = [&](std::size_t lane) { return leave[lane] > 0; };
      if (q == r || std::any_of(g.lane_id[q].begin(), g.lane_id[q].end(), known)) continue;
      return (last == kNone ? "rank " + std::to_string(r) + ", which has no steps," : describe(g, last)) +
             " may end before rank " + std::to_string(q) + " has entered the barrier";
    }
  }
  return {};
}

}  // namespace

std::string check_order(const Graph& g, const std::vector<std::size_t>& order, bool in_place) {
  const std::vector<Clocks> clocks = compute(g, order);
  if (g.schedule->collective == Collective::kBarrier) return check_separation(g, clocks);
  return check_races(g, clocks, in_place);
}

}  // namespace tally::schedule::detail
