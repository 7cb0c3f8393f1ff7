// SPDX-License-Identifier: BSD-3-Clause
// From a lane for each thread block to the lanes that engines have.
//
// A proved program has one result, which its data dependencies alone decide: who reads what somebody wrote,
// who writes what somebody has read. So instructions may be put in any lanes and any order that keep these. A
// *path* is a message with those that pass it on, from a Send to a Recv. Where paths, as wholes, can be put
// in an order that keeps all dependencies, then any lanes do, if each lane of each rank has its instructions
// in that order and a path is in equal lanes of all its ranks: whole paths one after the other are an
// execution, with one packet of room in each flow, and so all are (verify_flow.cpp). The sends of a flow are
// then in one lane.
//
// There is no such order where a path meets itself (a ring that passes each chunk on twice), or where two
// exchange what stands at one place. Then instructions are cut, at first those whose copy is in memory
// anyhow.
#include <algorithm>
#include <array>
#include <numeric>

#include "schedule/algorithms/build.hpp"
#include "schedule/msccl/convert.hpp"
#include "schedule/verify_internal.hpp"

namespace tally::schedule::msccl {

namespace {

using detail::kNone;

/// What is cut in two, each of these and those before it.
enum class Cut : int {
  kNothing,
  kReduceCopySend,  ///< receives, reduces and keeps; then sends from there
  kPassing,         ///< all that passes on, through a place of scratch where it keeps nothing
  kReceiving,       ///< all that receives: in scratch first, then to its place
};

struct Item {
  std::size_t rank = 0;
  Instruction i;
  std::size_t sender = kNone, receiver = kNone;  ///< items
};

class Narrower {
 public:
  Narrower(const Schedule& wide, Cut cut) : wide_(wide), out_(wide), cut_(cut) {}

  /// False: there is no order of whole paths.
  bool run() {
    collect();
    find_paths();
    if (!find_order()) return false;
    place_all();
    return true;
  }
  Schedule take() { return std::move(out_); }

 private:
  // --- items, in an order of their completion ---------------------------------------------------

  void collect() {
    detail::Graph g;
    std::vector<std::size_t> order;
    static_cast<void>(detail::match(wide_, &g));
    static_cast<void>(detail::run_flows(g, &order, detail::Room::kUnbounded));
    std::vector<std::size_t> in(g.site.size(), kNone);   // item that receives for an instruction
    std::vector<std::size_t> out(g.site.size(), kNone);  // item that sends for it
    scratch_.assign(wide_.ranks.size(), wide_.scratch_chunks);
    for (const std::size_t id : order) {
      if (g.instruction[id]->op == Op::kNop) continue;
      add(g.site[id].rank, *g.instruction[id], &in[id], &out[id]);
    }
    for (std::size_t id = 0; id < g.site.size(); ++id) {
      if (g.receiver[id] == kNone) continue;
      const std::size_t from = out[id];
      const std::size_t to = in[g.receiver[id]];
      items_[from].receiver = to;
      items_[to].sender = from;
    }
    out_.scratch_chunks = static_cast<std::uint16_t>(*std::max_element(scratch_.begin(), scratch_.end()));
  }
  std::size_t append(std::size_t rank, Instruction i) {
    i.has_dep = false;
    i.send_lane = kOwnLane;
    items_.push_back({rank, i, kNone, kNone});
    return items_.size() - 1;
  }
  /// A place that nothing else uses.
  detail::Place fresh(std::size_t rank, std::uint16_t chunks) {
    const std::size_t at = scratch_[rank];
    scratch_[rank] += chunks;
    return detail::scratch(static_cast<int>(at));
  }
  static void set(detail::Place p, Buffer* buffer, std::uint16_t* chunk) {
    *buffer = p.buffer;
    *chunk = p.chunk;
  }
  void add(std::size_t rank, Instruction i, std::size_t* in, std::size_t* out) {
    const bool keeps_reduced = i.op == Op::kRecvReduceCopySend;
    const bool passes = i.op == Op::kRecvCopySend || i.op == Op::kRecvReduceSend;
    if ((keeps_reduced && cut_ >= Cut::kReduceCopySend) || (passes && cut_ >= Cut::kPassing)) {
      Instruction first = i;
      if (i.op == Op::kRecvReduceSend) set(fresh(rank, i.chunks), &first.dst_buf, &first.dst_chunk);
      first.op = i.op == Op::kRecvCopySend ? Op::kRecv : Op::kRecvReduceCopy;
      first.send_peer = kNoPeer;
      Instruction second = first;
      second.op = Op::kSend;
      second.recv_peer = kNoPeer;
      second.send_peer = i.send_peer;
      second.src_buf = first.dst_buf;
      second.src_chunk = first.dst_chunk;
      add(rank, first, in, out);
      *out = append(rank, second);
      return;
    }
    if ((i.op == Op::kRecv || i.op == Op::kRecvReduceCopy) && cut_ >= Cut::kReceiving) {
      const detail::Place waiting = fresh(rank, i.chunks);
      Instruction first = i;
      first.op = Op::kRecv;
      set(waiting, &first.dst_buf, &first.dst_chunk);
      *in = append(rank, first);
      Instruction then = i;
      then.recv_peer = kNoPeer;
      if (i.op == Op::kRecvReduceCopy && (i.src_buf != i.dst_buf || i.src_chunk != i.dst_chunk)) {
        then.op = Op::kCopy;
        append(rank, then);
      }
      then.op = i.op == Op::kRecv ? Op::kCopy : Op::kReduce;
      set(waiting, &then.src_buf, &then.src_chunk);
      append(rank, then);
      return;
    }
    const std::size_t item = append(rank, i);
    if (receives(i.op)) *in = item;
    if (sends(i.op)) *out = item;
  }

  // --- dependencies -----------------------------------------------------------------------------

  void find_paths() {
    path_.assign(items_.size(), kNone);
    for (std::size_t k = 0; k < items_.size(); ++k) {
      if (items_[k].sender != kNone) continue;
      for (std::size_t each = k; each != kNone; each = items_[each].receiver) path_[each] = paths_.size();
      paths_.push_back(k);
    }
    // Of each rank, in the order of completion: who reads and writes each cell, in each way of calling.
    behind_.resize(items_.size());
    struct Cell {
      std::size_t writer = kNone;
      std::vector<std::size_t> readers;
    };
    for (const bool in_place : {false, true}) {
      const bool bcast = out_.collective == Collective::kBcast;
      if (bcast ? !in_place : !(in_place ? out_.in_place : out_.out_of_place)) continue;
      std::vector<detail::Cells> cells;
      std::vector<std::vector<Cell>> memory;
      for (std::size_t r = 0; r < out_.ranks.size(); ++r) {
        cells.emplace_back(out_, r, in_place);
        memory.emplace_back(cells[r].count());
      }
      for (std::size_t k = 0; k < items_.size(); ++k) {
        const std::size_t r = items_[k].rank;
        const auto wait_for = [&](std::size_t other) {
          if (other != kNone && other != k) behind_[k].push_back(other);
        };
        for (const detail::Access& a : detail::accesses(items_[k].i)) {
          for (std::size_t c = a.chunk; c < a.chunk + a.chunks; ++c) {
            Cell& cell = memory[r][cells[r].of(a.buffer, c)];
            wait_for(cell.writer);
            if (!a.write) {
              cell.readers.push_back(k);
              continue;
            }
            for (const std::size_t reader : cell.readers) wait_for(reader);
            cell.readers.clear();
            cell.writer = k;
          }
        }
      }
    }
  }

  /// Paths by their depth, then as they completed.
  bool find_order() {
    std::vector<std::vector<std::size_t>> next(paths_.size());
    std::vector<std::size_t> waits(paths_.size(), 0);
    std::vector<std::size_t> seen(out_.ranks.size(), kNone);
    for (std::size_t p = 0; p < paths_.size(); ++p) {
      for (std::size_t k = paths_[p]; k != kNone; k = items_[k].receiver) {
        if (seen[items_[k].rank] == p) return false;  // it would need one lane twice at once
        seen[items_[k].rank] = p;
      }
    }
    for (std::size_t k = 0; k < items_.size(); ++k) {
      for (const std::size_t other : behind_[k]) {
        next[path_[other]].push_back(path_[k]);
        ++waits[path_[k]];
      }
    }
    std::vector<std::size_t> depth(paths_.size(), 0);
    order_.clear();
    for (std::size_t p = 0; p < paths_.size(); ++p) {
      if (waits[p] == 0) order_.push_back(p);
    }
    for (std::size_t at = 0; at < order_.size(); ++at) {
      for (const std::size_t q : next[order_[at]]) {
        depth[q] = std::max(depth[q], depth[order_[at]] + 1);
        if (--waits[q] == 0) order_.push_back(q);
      }
    }
    if (order_.size() != paths_.size()) return false;
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return std::pair{depth[a], paths_[a]} < std::pair{depth[b], paths_[b]};
    });
    return true;
  }

  // --- lanes ------------------------------------------------------------------------------------

  using Known = std::array<std::size_t, kMaxLanes>;  // steps of each lane that have completed

  struct LaneState {
    std::size_t free = 0;        // when it has ended what it has
    Known known{};               // to whoever comes next in it
    std::vector<Known> history;  // [step] to whoever waits for it
  };

  void place_all() {
    lanes_.assign(out_.ranks.size(), std::vector<LaneState>(kMaxLanes));
    for (RankSchedule& rank : out_.ranks) rank.lanes.assign(kMaxLanes, {});
    at_.assign(items_.size(), {kNone, kNone});
    ready_.assign(items_.size(), 0);
    for (const std::size_t p : order_) {
      std::size_t best = 0;
      std::size_t best_start = kNone;
      for (std::size_t n = 0; n < kMaxLanes; ++n) {
        // Where several are as early, paths of different ranks take different ones.
        const std::size_t lane = (items_[paths_[p]].rank + n) % kMaxLanes;
        const std::size_t start = start_in(p, lane);
        if (start < best_start) {
          best_start = start;
          best = lane;
        }
      }
      std::size_t now = best_start;
      for (std::size_t k = paths_[p]; k != kNone; k = items_[k].receiver, ++now) {
        put(k, best);
        ready_[k] = lanes_[items_[k].rank][best].free = now + 1;
      }
    }
    detail::finish(out_);
  }
  /// When a path could start in a lane, at a hop a step.
  [[nodiscard]] std::size_t start_in(std::size_t p, std::size_t lane) const {
    std::size_t start = 0;
    std::size_t hop = 0;
    for (std::size_t k = paths_[p]; k != kNone; k = items_[k].receiver, ++hop) {
      std::size_t when = lanes_[items_[k].rank][lane].free;
      for (const std::size_t other : behind_[k]) when = std::max(when, ready_[other]);
      if (when > hop) start = std::max(start, when - hop);
    }
    return start;
  }

  void put(std::size_t item, std::size_t lane) {
    const std::size_t rank = items_[item].rank;
    LaneState& state = lanes_[rank][lane];
    Lane& list = out_.ranks[rank].lanes[lane];
    state.known[lane] = list.size();
    Known need{};
    for (const std::size_t other : behind_[item])
      need[at_[other].first] = std::max(need[at_[other].first], at_[other].second + 1);
    // Waiting for one lane may tell of others: the one that knows most first.
    std::vector<Instruction> waits;
    while (true) {
      std::size_t next = kNone;
      std::size_t told = 0;
      for (std::size_t l = 0; l < kMaxLanes; ++l) {
        if (need[l] <= state.known[l]) continue;
        const Known& there = lanes_[rank][l].history[need[l] - 1];
        const std::size_t sum = std::accumulate(there.begin(), there.end(), std::size_t{1});
        if (sum > told) {
          told = sum;
          next = l;
        }
      }
      if (next == kNone) break;
      waits.push_back(detail::after_steps(Instruction{}, next, need[next]));
      const Known& there = lanes_[rank][next].history[need[next] - 1];
      for (std::size_t l = 0; l < kMaxLanes; ++l) state.known[l] = std::max(state.known[l], there[l]);
    }
    Instruction last = items_[item].i;
    if (!waits.empty()) {
      last = detail::after_steps(last, waits.back().dep_lane, waits.back().dep_step);
      waits.pop_back();
    }
    for (const Instruction& wait : waits) push(list, state, lane, wait);
    at_[item] = {lane, list.size()};
    push(list, state, lane, last);
  }
  static void push(Lane& list, LaneState& state, std::size_t lane, const Instruction& i) {
    list.push_back(i);
    state.known[lane] = list.size();
    state.history.push_back(state.known);
  }

  const Schedule& wide_;
  Schedule out_;
  const Cut cut_;
  std::vector<Item> items_;
  std::vector<std::size_t> scratch_;                     // chunks of each rank
  std::vector<std::size_t> path_;                        // of each item
  std::vector<std::size_t> paths_;                       // first item of each
  std::vector<std::vector<std::size_t>> behind_;         // [item] what must be complete before
  std::vector<std::size_t> order_;                       // paths
  std::vector<std::vector<LaneState>> lanes_;            // [rank][lane]
  std::vector<std::pair<std::size_t, std::size_t>> at_;  // [item] lane and step
  std::vector<std::size_t> ready_;                       // [item] when it is over
};

}  // namespace

Schedule narrow(const Schedule& wide) {
  for (const Cut cut : {Cut::kNothing, Cut::kReduceCopySend, Cut::kPassing}) {
    Narrower attempt(wide, cut);
    if (attempt.run()) return attempt.take();
  }
  // What is left to keep is who reads what was written for it, and a proved program keeps that.
  Narrower last(wide, Cut::kReceiving);
  static_cast<void>(last.run());
  return last.take();
}

}  // namespace tally::schedule::msccl
