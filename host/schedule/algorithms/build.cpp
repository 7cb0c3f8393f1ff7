// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/algorithms/build.hpp"

#include <algorithm>
#include <stdexcept>

#include "tally/device.hpp"

namespace tally::schedule::detail {

static_assert(kMaxLanes == device::kNumLanes);
static_assert(kFlowBytes == std::uint64_t{device::kFlowSlots} * device::kMtu);
static_assert(kFlowPackets == device::kFlowSlots);
static_assert(kSmallBytes <= kFlowBytes);

Instruction make(Op op, Place src, Place dst, int recv_peer, int send_peer, int logical, int chunks) {
  Instruction i;
  i.op = op;
  i.src_buf = src.buffer;
  i.src_chunk = src.chunk;
  i.dst_buf = dst.buffer;
  i.dst_chunk = dst.chunk;
  i.recv_peer = recv_peer;
  i.send_peer = send_peer;
  i.size_chunk = static_cast<std::uint16_t>(logical);
  i.chunks = static_cast<std::uint16_t>(chunks);
  return i;
}

Instruction send(Place src, int peer, int logical, int chunks) {
  return make(Op::kSend, src, {}, kNoPeer, peer, logical, chunks);
}
Instruction recv(Place dst, int peer, int logical, int chunks) {
  return make(Op::kRecv, {}, dst, peer, kNoPeer, logical, chunks);
}
Instruction copy(Place src, Place dst, int logical, int chunks) {
  return make(Op::kCopy, src, dst, kNoPeer, kNoPeer, logical, chunks);
}
Instruction reduce(Place src, Place dst, int logical, int chunks) {
  return make(Op::kReduce, src, dst, kNoPeer, kNoPeer, logical, chunks);
}

Instruction after_steps(Instruction i, std::size_t lane, std::size_t steps) {
  if (steps == 0) return i;
  i.has_dep = true;
  i.dep_lane = static_cast<std::uint8_t>(lane);
  i.dep_step = static_cast<std::uint16_t>(steps);
  return i;
}
Instruction after(Instruction i, std::size_t lane_index, const Lane& lane) {
  return after_steps(i, lane_index, lane.size());
}

Schedule start(const char* algorithm, Collective collective, int ranks, int root) {
  if (ranks < 1 || ranks > 0xffff) throw std::invalid_argument("ranks must be 1 to 65535");
  if (root < 0 || root >= ranks) throw std::invalid_argument("root must be a rank of the group");
  Schedule s;
  s.algorithm = algorithm;
  s.collective = collective;
  s.root = static_cast<std::uint16_t>(root);
  s.ranks.resize(static_cast<std::size_t>(ranks));
  if (has_blocks(collective)) s.chunks = static_cast<std::uint16_t>(ranks);
  return s;
}

void Steps::copy(int rank, Place src, Place dst, int logical, int chunks) {
  items_.push_back({static_cast<std::size_t>(rank), detail::copy(src, dst, logical, chunks)});
}
void Steps::move(int from, Place src, int to, Place dst, int logical, int chunks) {
  message(from, to, recv(dst, from, logical, chunks), src);
}
void Steps::reduce(int from, Place src, int to, Place own, Place dst, int logical, int chunks) {
  message(from, to, make(Op::kRecvReduceCopy, own, dst, from, kNoPeer, logical, chunks), src);
}
void Steps::message(int from, int to, const Instruction& in, Place src) {
  const std::size_t id = items_.size();
  items_.push_back({static_cast<std::size_t>(from), send(src, to, in.size_chunk, in.chunks), kNone, id + 1});
  items_.push_back({static_cast<std::size_t>(to), in, id, kNone});
}
Schedule Steps::schedule() {
  // Never false: the list itself is an order of whole messages.
  static_cast<void>(fill_lanes(std::move(items_), true, &s_));
  return std::move(s_);
}

std::vector<Lane> idle() { return {{Instruction{}}}; }

Schedule copy_only(Schedule s) {
  s.max_bytes = 0;  // nothing is sent
  s.unasked = false;
  s.ranks[0].lanes = {{copy(input(), output(), 0, s.chunks)}};
  return s;
}

void serve_only(Schedule& s, bool in_place) {
  s.in_place = in_place;
  s.out_of_place = !in_place;
}

void finish(Schedule& s) {
  for (RankSchedule& rank : s.ranks) {
    while (!rank.lanes.empty() && rank.lanes.back().empty()) rank.lanes.pop_back();
    if (rank.lanes.empty()) rank.lanes = idle();
  }
}

}  // namespace tally::schedule::detail
