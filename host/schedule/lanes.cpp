// SPDX-License-Identifier: BSD-3-Clause
// Data dependencies alone decide a result: who reads what somebody wrote, who writes what somebody has read.
// So instructions may be put in any lanes and any order that keep these. A *path* is a message with those
// that pass it on, from a Send to a Recv. Where paths, as wholes, can be put in an order that keeps all
// dependencies, then any lanes do, if each lane of each rank has its instructions in that order and a path is
// in equal lanes of all its ranks: whole paths one after the other are an execution, with one packet of room
// in each flow, and so all are (verify_flow.cpp). The sends of a flow are then in one lane.
#include "schedule/lanes.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule::detail {

namespace {

class Filler {
 public:
  Filler(std::vector<Item> items, Schedule* s) : items_(std::move(items)), out_(*s) {}

  bool run(bool fuse) {
    find_dependencies();
    if (fuse) fuse_all();
    find_paths();
    if (!find_order()) return false;
    place_all();
    return true;
  }

 private:
  void find_dependencies() {
    // Of each rank, in the order of completion: who reads and writes each cell, in each way of calling.
    behind_.resize(items_.size());
    struct Cell {
      std::size_t writer = kNone;
      std::vector<std::size_t> readers;
    };
    for (const bool in_place : {false, true}) {
      const bool bcast = out_.collective == Collective::kBcast;
      if (bcast ? !in_place : !(in_place ? out_.in_place : out_.out_of_place)) continue;
      std::vector<Cells> cells;
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
        for (const Access& a : accesses(items_[k].i)) {
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

  void find_paths() {
    path_.assign(items_.size(), kNone);
    for (std::size_t k = 0; k < items_.size(); ++k) {
      if (gone(k) || items_[k].sender != kNone) continue;
      for (std::size_t each = k; each != kNone; each = items_[each].receiver) path_[each] = paths_.size();
      paths_.push_back(k);
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
      if (gone(k)) continue;
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

  /// Part of another item now.
  [[nodiscard]] bool gone(std::size_t item) const { return items_[item].i.op == Op::kNop; }

  /// The path that ends with `item` and the one that begins with `next` have a rank in common besides this
  /// one.
  [[nodiscard]] bool meets(std::size_t item, std::size_t next) const {
    std::vector<std::size_t> ranks;
    for (std::size_t k = items_[next].receiver; k != kNone; k = items_[k].receiver)
      ranks.push_back(items_[k].rank);
    for (std::size_t k = item; k != kNone; k = items_[k].sender) {
      if (std::find(ranks.begin(), ranks.end(), items_[k].rank) != ranks.end()) return true;
    }
    return false;
  }

  /// A rank's first send of what it has received becomes part of the receive.
  void fuse_all() {
    std::vector<std::vector<std::size_t>> next(items_.size());
    for (std::size_t k = 0; k < items_.size(); ++k) {
      for (const std::size_t other : behind_[k]) next[other].push_back(k);
    }
    for (std::size_t k = 0; k < items_.size(); ++k) {
      Instruction& in = items_[k].i;
      if (in.op != Op::kRecv && in.op != Op::kRecvReduceCopy) continue;
      for (const std::size_t later : next[k]) {
        Item& out = items_[later];
        const auto& waits = behind_[later];
        if (out.i.op != Op::kSend || out.i.src_buf != in.dst_buf || out.i.src_chunk != in.dst_chunk ||
            out.i.chunks != in.chunks || out.i.send_peer == in.recv_peer ||
            std::any_of(waits.begin(), waits.end(), [k](std::size_t other) { return other != k; }) ||
            meets(k, later))
          continue;
        // Nobody else wants what is passed on: it need not be kept.
        const bool keep =
            in.dst_buf != Buffer::kScratch || in.op == Op::kRecv ||
            std::any_of(next[k].begin(), next[k].end(), [&](std::size_t n) { return n != later; });
        in.op = in.op == Op::kRecv ? Op::kRecvCopySend : keep ? Op::kRecvReduceCopySend : Op::kRecvReduceSend;
        in.send_peer = out.i.send_peer;
        items_[k].receiver = out.receiver;
        items_[out.receiver].sender = k;
        out.i.op = Op::kNop;
        for (const std::size_t n : next[later]) {
          std::replace(behind_[n].begin(), behind_[n].end(), later, k);
          next[k].push_back(n);
        }
        behind_[later].clear();
        break;
      }
    }
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
    finish(out_);
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
      waits.push_back(after_steps(Instruction{}, next, need[next]));
      const Known& there = lanes_[rank][next].history[need[next] - 1];
      for (std::size_t l = 0; l < kMaxLanes; ++l) state.known[l] = std::max(state.known[l], there[l]);
    }
    Instruction last = items_[item].i;
    if (!waits.empty()) {
      last = after_steps(last, waits.back().dep_lane, waits.back().dep_step);
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

  std::vector<Item> items_;
  Schedule& out_;
  std::vector<std::size_t> path_;                        // of each item
  std::vector<std::size_t> paths_;                       // first item of each
  std::vector<std::vector<std::size_t>> behind_;         // [item] what must be complete before
  std::vector<std::size_t> order_;                       // paths
  std::vector<std::vector<LaneState>> lanes_;            // [rank][lane]
  std::vector<std::pair<std::size_t, std::size_t>> at_;  // [item] lane and step
  std::vector<std::size_t> ready_;                       // [item] when it is over
};

}  // namespace

bool fill_lanes(std::vector<Item> items, bool fuse, Schedule* s) {
  return Filler(items, s).run(fuse) || (fuse && Filler(std::move(items), s).run(false));
}

}  // namespace tally::schedule::detail
