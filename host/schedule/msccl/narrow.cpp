// SPDX-License-Identifier: BSD-3-Clause
// From a lane for each thread block to the lanes that engines have.
//
// A proved program has one result, which its data dependencies alone decide, so that its lanes and its order
// can be others: fill_lanes (schedule/lanes.hpp). That fails where a path meets itself (a ring that passes
// each chunk on twice), or where two exchange what stands at one place. Then instructions are cut, at first
// those whose copy is in memory anyhow.
#include <algorithm>

#include "schedule/algorithms/build.hpp"
#include "schedule/lanes.hpp"
#include "schedule/msccl/convert.hpp"

namespace tally::schedule::msccl {

namespace {

using detail::Item;
using detail::kNone;

/// What is cut in two, each of these and those before it.
enum class Cut : int {
  kNothing,
  kReduceCopySend,  ///< receives, reduces and keeps; then sends from there
  kPassing,         ///< all that passes on, through a place of scratch where it keeps nothing
  kReceiving,       ///< all that receives: in scratch first, then to its place
};

class Narrower {
 public:
  Narrower(const Schedule& wide, Cut cut) : wide_(wide), out_(wide), cut_(cut) {}

  /// False: there is no order of whole paths.
  bool run() {
    collect();
    return detail::fill_lanes(std::move(items_), false, &out_);
  }
  Schedule take() { return std::move(out_); }

 private:
  /// Items in an order of their completion.
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

  const Schedule& wide_;
  Schedule out_;
  const Cut cut_;
  std::vector<Item> items_;
  std::vector<std::size_t> scratch_;  // chunks of each rank
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
