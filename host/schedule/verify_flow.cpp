// SPDX-License-Identifier: BSD-3-Clause
// Deadlock freedom.
//
// Why one run proves all of them. A lane is a sequential process; lanes interact through flows (each with one
// sending and one receiving lane, in order) and through step counts that only rise. A lane that can move a
// packet can still do so after any other lane has moved: no other lane takes from its flows' heads, takes the
// room that it holds, or lowers a count. Moves of different lanes commute (Kahn, "The semantics of a simple
// language for parallel programming", 1974; with bounded buffers: Parks, 1995). Hence the system is
// confluent: if one maximal run ends with every instruction complete, every run does. More room never
// disables a move, so that the least room decides.
//
// What one run. A vector of any size (max_bytes 0) may have more packets than any flow holds: an instruction
// that sends cannot end before its receiver has started, nor before the receiver of that one where it passes
// data on. The instructions that pass one stream on form a path (each has at most one sender and one
// receiver) from a Send to a Recv. The run takes a path when all its instructions are at the heads of their
// lanes with their dependencies met, and moves the packets one by one from its start to its end: one packet
// of room in each flow suffices, and so does any size, down to the one packet of an empty chunk. With
// max_bytes, the run moves packets: every instruction has kFlowPackets of them, and a flow takes those that
// the receiver's lane takes with its present or next instruction, each of which has places for all of its
// own. Instructions of fewer packets complete too: leave out the first packets of both ends, and no flow
// holds more than before. An unasked instruction has one packet, as those of a barrier have, and a flow holds
// one.
#include <map>
#include <tuple>

#include "schedule/verify_internal.hpp"

namespace tally::schedule::detail {

namespace {

class Runner {
 public:
  Runner(const Graph& g, std::vector<std::size_t>* order, Room room)
      : g_(g),
        order_(*order),
        unbounded_(room == Room::kUnbounded),
        any_size_(!unbounded_ && g.schedule->max_bytes == 0 &&
                  g.schedule->collective != Collective::kBarrier),
        unasked_(unbounded_ || g.schedule->unasked || g.schedule->collective == Collective::kBarrier),
        packets_(unasked_ ? 1 : kFlowPackets),
        counter_(g.lanes, 0),
        done_(g.site.size(), false),
        moved_(g.site.size(), 0),
        flow_(g.site.size(), kNone) {
    std::map<std::tuple<std::size_t, std::size_t, int>, std::size_t> flows;  // from, its receiver's lane, to
    for (std::size_t id = 0; id < g.site.size(); ++id) {
      if (g.receiver[id] == kNone) continue;
      const Site& at = g.site[id];
      const Instruction& i = *g.instruction[id];
      flow_[id] =
          flows.try_emplace({at.rank, target_lane(i, at.lane), i.send_peer}, flows.size()).first->second;
    }
    held_.resize(flows.size());
  }

  std::string run() {
    const Schedule& s = *g_.schedule;
    order_.reserve(g_.site.size());
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::size_t r = 0; r < s.ranks.size(); ++r) {
        for (std::size_t l = 0; l < s.ranks[r].lanes.size(); ++l) {
          while (any_size_ ? take_path(r, l) : take_packet(r, l)) moved = true;
        }
      }
    }
    return order_.size() == g_.site.size() ? std::string{} : blocked();
  }

 private:
  [[nodiscard]] std::size_t head(std::size_t rank, std::size_t lane) const {
    const std::size_t step = counter_[g_.lane_id[rank][lane]];
    return step < g_.schedule->ranks[rank].lanes[lane].size() ? g_.first[rank][lane] + step : kNone;
  }
  [[nodiscard]] bool dependency_met(std::size_t id) const {
    const Instruction& i = *g_.instruction[id];
    return !i.has_dep || counter_[g_.lane_id[g_.site[id].rank][i.dep_lane]] >= i.dep_step;
  }
  [[nodiscard]] bool startable(std::size_t id) const {
    const Site& at = g_.site[id];
    return head(at.rank, at.lane) == id && dependency_met(id);
  }
  void complete(std::size_t id) {
    ++counter_[g_.lane_id[g_.site[id].rank][g_.site[id].lane]];
    done_[id] = true;
    order_.push_back(id);
  }

  bool take_path(std::size_t rank, std::size_t lane) {
    const std::size_t start = head(rank, lane);
    if (start == kNone || g_.sender[start] != kNone) return false;
    for (std::size_t id = start; id != kNone; id = g_.receiver[id]) {
      if (!startable(id)) return false;
    }
    for (std::size_t id = start; id != kNone; id = g_.receiver[id]) complete(id);
    return true;
  }

  /// One packet of the instruction at work.
  bool take_packet(std::size_t rank, std::size_t lane) {
    const std::size_t id = head(rank, lane);
    if (id == kNone || !dependency_met(id)) return false;
    const std::size_t from = g_.sender[id];
    if (from != kNone && moved_[from] == moved_[id]) return false;
    if (g_.receiver[id] != kNone && !unbounded_ &&
        (unasked_ ? held_[flow_[id]] != 0 : !asked_for(g_.receiver[id])))
      return false;
    if (from != kNone) --held_[flow_[from]];
    if (g_.receiver[id] != kNone) ++held_[flow_[id]];
    if (++moved_[id] == packets_) complete(id);
    return true;
  }
  /// `id` is at work in its lane, or the next one.
  [[nodiscard]] bool asked_for(std::size_t id) const {
    const Site& at = g_.site[id];
    const std::size_t k = counter_[g_.lane_id[at.rank][at.lane]];
    return k == at.step || k + 1 == at.step;
  }

  /// Why `id`, at the head of its lane, does not run.
  [[nodiscard]] std::string waits_for(std::size_t id) const {
    const Instruction& i = *g_.instruction[id];
    if (!dependency_met(id)) {
      return "waits until lane " + std::to_string(i.dep_lane) + " has completed " +
             std::to_string(i.dep_step) + " steps";
    }
    if (g_.sender[id] != kNone && !done_[g_.sender[id]] && moved_[g_.sender[id]] == moved_[id] &&
        !startable(g_.sender[id])) {
      return "waits for data of " + describe(g_, g_.sender[id]);
    }
    if (g_.receiver[id] != kNone) {
      const bool full = unasked_ && held_[flow_[id]] != 0;
      return "sends to " + describe(g_, g_.receiver[id]) +
             (full ? ", whose flow is full" : ", which has not started");
    }
    return "waits for data of " + describe(g_, g_.sender[id]);
  }
  [[nodiscard]] std::string blocked() const {
    std::string text = "deadlock: ";
    int named = 0;
    for (std::size_t r = 0; r < g_.lane_id.size(); ++r) {
      for (std::size_t l = 0; l < g_.lane_id[r].size(); ++l) {
        const std::size_t id = head(r, l);
        if (id == kNone) continue;
        if (named == 4) return text + "; and more";
        text += (named++ == 0 ? "" : "; ") + describe(g_, id) + " " + waits_for(id);
      }
    }
    return text;
  }

  const Graph& g_;
  std::vector<std::size_t>& order_;
  const bool unbounded_;
  const bool any_size_;
  const bool unasked_;
  const std::size_t packets_;  // of an instruction
  std::vector<std::size_t> counter_;
  std::vector<bool> done_;
  std::vector<std::size_t> moved_;  // packets of each instruction
  std::vector<std::size_t> flow_;   // that an instruction sends into
  std::vector<std::size_t> held_;   // packets in each flow
};

}  // namespace

std::string run_flows(const Graph& g, std::vector<std::size_t>* order, Room room) {
  order->clear();
  return Runner(g, order, room).run();
}

}  // namespace tally::schedule::detail
