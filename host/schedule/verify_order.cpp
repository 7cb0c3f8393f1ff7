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
//
// Only accesses of one rank are compared. So the clocks are computed for some ranks' lanes at a time, which
// keeps them in the cache: the work grows with instructions times lanes, the memory with instructions alone.
#include <algorithm>

#include "schedule/verify_internal.hpp"

namespace tally::schedule::detail {

namespace {

enum Phase : std::uint32_t { kStart = 1, kFirst = 2, kRead = 3, kEnd = 4 };

std::uint32_t stamp(std::size_t step, Phase phase) { return static_cast<std::uint32_t>(4 * step) + phase; }

/// For each instruction, which events of the lanes of ranks [first_rank, end_rank) are known to have happened
/// at S, F and R; E is R and the instruction's own stamp. Of each lane the latest event.
class Clocks {
 public:
  explicit Clocks(const Graph& g) : g_(g) {}
  void compute(const std::vector<std::size_t>& order, std::size_t first_rank, std::size_t end_rank) {
    first_lane_ = g_.lane_id[first_rank].front();
    lanes_ = 0;
    for (std::size_t r = first_rank; r < end_rank; ++r) lanes_ += g_.lane_id[r].size();
    clocks_.assign(3 * lanes_ * g_.site.size(), 0);
    for (const std::size_t id : order) compute(id);
  }
  [[nodiscard]] std::uint32_t start(std::size_t id, std::size_t lane) const {
    return row(id, 0)[lane - first_lane_];
  }
  [[nodiscard]] std::uint32_t first(std::size_t id, std::size_t lane) const {
    return row(id, 1)[lane - first_lane_];
  }
  [[nodiscard]] std::uint32_t read(std::size_t id, std::size_t lane) const {
    return row(id, 2)[lane - first_lane_];
  }

 private:
  [[nodiscard]] const std::uint32_t* row(std::size_t id, std::size_t event) const {
    return clocks_.data() + (3 * id + event) * lanes_;
  }
  void set(std::uint32_t* clock, std::size_t lane, std::uint32_t value) const {
    const std::size_t k = lane - first_lane_;  // wraps, where the lane is not one of these
    if (k < lanes_) clock[k] = std::max(clock[k], value);
  }
  void join(std::uint32_t* __restrict into, const std::uint32_t* __restrict from) const {
    for (std::size_t l = 0; l < lanes_; ++l) into[l] = std::max(into[l], from[l]);
  }
  void compute(std::size_t id) {
    const Site& at = g_.site[id];
    const Instruction& i = *g_.instruction[id];
    const std::size_t lane = g_.lane_id[at.rank][at.lane];
    std::uint32_t* s = clocks_.data() + 3 * id * lanes_;
    std::uint32_t* f = s + lanes_;
    std::uint32_t* r = f + lanes_;
    const auto follow = [&](std::size_t earlier) {
      join(s, row(earlier, 2));
      const Site& there = g_.site[earlier];
      set(s, g_.lane_id[there.rank][there.lane], stamp(there.step, kEnd));
    };
    if (at.step > 0) follow(id - 1);
    if (i.has_dep && i.dep_step > 0) follow(g_.first[at.rank][i.dep_lane] + i.dep_step - 1);
    set(s, lane, stamp(at.step, kStart));
    join(f, s);
    if (g_.sender[id] != kNone) join(f, row(g_.sender[id], 1));
    set(f, lane, stamp(at.step, kFirst));
    join(r, f);
    if (g_.sender[id] != kNone) join(r, row(g_.sender[id], 2));
    set(r, lane, stamp(at.step, kRead));
  }

  const Graph& g_;
  std::size_t first_lane_ = 0, lanes_ = 0;
  std::vector<std::uint32_t> clocks_;  // [instruction][S, F, R][lane]
};

struct Use {
  std::size_t id;
  bool write;
};

/// `a` is over before `b` begins.
bool before(const Graph& g, const Clocks& clocks, const Use& a, const Use& b) {
  const Site& at = g.site[a.id];
  const std::size_t lane = g.lane_id[at.rank][at.lane];
  return (b.write ? clocks.first(b.id, lane) : clocks.start(b.id, lane)) >=
         stamp(at.step, a.write ? kEnd : kRead);
}

std::string check_races(const Graph& g, const Clocks& clocks, std::size_t r, bool in_place) {
  const Schedule& s = *g.schedule;
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
  return {};
}

/// No rank may leave before rank `q` has come.
std::string check_separation(const Graph& g, const Clocks& clocks, std::size_t q) {
  const Schedule& s = *g.schedule;
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    bool known = r == q;
    std::size_t last = kNone;
    for (std::size_t l = 0; l < s.ranks[r].lanes.size(); ++l) {
      const std::size_t steps = s.ranks[r].lanes[l].size();
      if (steps == 0) continue;
      last = g.first[r][l] + steps - 1;
      for (const std::size_t lane : g.lane_id[q]) known = known || clocks.read(last, lane) > 0;
    }
    if (known) continue;
    return (last == kNone ? "rank " + std::to_string(r) + ", which has no steps," : describe(g, last)) +
           " may end before rank " + std::to_string(q) + " has entered the barrier";
  }
  return {};
}

constexpr std::size_t kLanesAtOnce = 16;

}  // namespace

std::string check_order(const Graph& g, const std::vector<std::size_t>& order,
                        const std::vector<bool>& ways) {
  const std::size_t ranks = g.schedule->ranks.size();
  std::string reason;
  Clocks clocks(g);
  for (std::size_t first = 0, end = 0; first < ranks && reason.empty(); first = end) {
    std::size_t lanes = 0;
    for (end = first; end < ranks && (end == first || lanes < kLanesAtOnce); ++end)
      lanes += g.lane_id[end].size();
    clocks.compute(order, first, end);
    for (std::size_t r = first; r < end && reason.empty(); ++r) {
      if (g.schedule->collective == Collective::kBarrier) {
        reason = check_separation(g, clocks, r);
        continue;
      }
      for (const bool in_place : ways) {
        reason = check_races(g, clocks, r, in_place);
        if (!reason.empty()) return reason + (in_place ? " (in place)" : "");
      }
    }
  }
  return reason;
}

}  // namespace tally::schedule::detail
