// SPDX-License-Identifier: BSD-3-Clause
// The algorithms. docs/schedules.md draws them and gives their sources.
#include <algorithm>
#include <bit>
#include <stdexcept>

#include "schedule/schedule.hpp"
#include "tally/device.hpp"

namespace tally::schedule {

static_assert(kMaxLanes == device::kNumLanes);
static_assert(kFlowBytes == std::uint64_t{device::kFlowSlots} * device::kMaxPayload);
static_assert(kSmallBytes <= kFlowBytes);

namespace {

/// A chunk of a buffer that holds logical chunk `logical`.
struct Place {
  Buffer buffer = Buffer::kInput;
  std::uint16_t chunk = 0;
};

Instruction make(Op op, Place src, Place dst, int recv_peer, int send_peer, std::uint16_t logical) {
  Instruction i;
  i.op = op;
  i.src_buf = src.buffer;
  i.src_chunk = src.chunk;
  i.dst_buf = dst.buffer;
  i.dst_chunk = dst.chunk;
  i.recv_peer = recv_peer;
  i.send_peer = send_peer;
  i.size_chunk = logical;
  return i;
}

Instruction send(Place src, int peer, std::uint16_t logical = 0) {
  return make(Op::kSend, src, {}, kNoPeer, peer, logical);
}
Instruction recv(Place dst, int peer, std::uint16_t logical = 0) {
  return make(Op::kRecv, {}, dst, peer, kNoPeer, logical);
}

/// Makes `i` wait until all that `lane` holds so far is complete.
Instruction after(Instruction i, std::size_t lane_index, const Lane& lane) {
  if (lane.empty()) return i;
  i.has_dep = true;
  i.dep_lane = static_cast<std::uint8_t>(lane_index);
  i.dep_step = static_cast<std::uint16_t>(lane.size());
  return i;
}

Schedule start(const char* algorithm, Collective collective, int ranks) {
  if (ranks < 1 || ranks > 0xffff) throw std::invalid_argument("ranks must be 1 to 65535");
  Schedule s;
  s.algorithm = algorithm;
  s.collective = collective;
  s.ranks.resize(static_cast<std::size_t>(ranks));
  return s;
}

constexpr Place kIn{Buffer::kInput, 0};
constexpr Place kOut{Buffer::kOutput, 0};

/// One rank: the result is the contribution.
Schedule copy_only(Schedule s) {
  s.ranks[0].lanes = {{make(Op::kCopy, kIn, kOut, kNoPeer, kNoPeer, 0)}};
  return s;
}

/// The exchange pattern of recursive doubling. With p the largest power of two <= ranks, the first 2 * (ranks
/// - p) ranks pair up: the even one folds into the odd one, which takes part for both.
struct Doubling {
  explicit Doubling(int rank_count)
      : ranks(rank_count),
        core(static_cast<int>(std::bit_floor(static_cast<unsigned>(rank_count)))),
        folded(rank_count - core),
        steps(std::countr_zero(static_cast<unsigned>(core))) {}
  [[nodiscard]] bool is_folded(int rank) const { return rank < 2 * folded && rank % 2 == 0; }
  [[nodiscard]] bool takes_fold(int rank) const { return rank < 2 * folded && rank % 2 == 1; }
  /// Number of a rank among the p that exchange.
  [[nodiscard]] int core_index(int rank) const { return rank < 2 * folded ? rank / 2 : rank - folded; }
  [[nodiscard]] int partner(int rank, int step) const {
    const int index = core_index(rank) ^ (1 << step);
    return index < folded ? 2 * index + 1 : index + folded;
  }
  int ranks, core, folded, steps;
};

}  // namespace

Schedule allreduce_recursive_doubling_fused(int ranks) {
  Schedule s = start("recursive_doubling_fused", Collective::kAllreduce, ranks);
  s.max_bytes = kSmallBytes;
  if (ranks == 1) return copy_only(std::move(s));
  const Doubling d(ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    if (d.is_folded(r)) {
      lane = {send(kIn, r + 1), recv(kOut, r + 1)};
    } else {
      // Every reduction sends its result on at once: to the next partner, at last to the folded neighbour.
      const int last = d.takes_fold(r) ? r - 1 : kNoPeer;
      Place own = kIn;
      if (d.takes_fold(r)) {
        lane.push_back(make(Op::kRecvReduceCopySend, kIn, kOut, r - 1, d.partner(r, 0), 0));
        own = kOut;
      } else {
        lane.push_back(send(kIn, d.partner(r, 0)));
      }
      for (int k = 0; k < d.steps; ++k) {
        const int next = k + 1 < d.steps ? d.partner(r, k + 1) : last;
        const Op op = next == kNoPeer ? Op::kRecvReduceCopy : Op::kRecvReduceCopySend;
        lane.push_back(make(op, own, kOut, d.partner(r, k), next, 0));
        own = kOut;
      }
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

Schedule allreduce_recursive_doubling(int ranks) {
  Schedule s = start("recursive_doubling", Collective::kAllreduce, ranks);
  if (ranks == 1) return copy_only(std::move(s));
  const Doubling d(ranks);
  // An exchange sends and receives at once, in two lanes: with neither before the other, no size fills a flow
  // for good. So what is received may not land where it is sent from, which in place is Input and Output
  // both: the steps alternate between scratch and Output such that the last lands in Output. One step alone
  // cannot: it is copied.
  const bool odd = d.steps % 2 == 1;
  s.scratch_chunks = odd && d.steps > 1 ? 2 : 1;
  const auto destination = [&](int k) -> Place {
    if (odd && d.steps > 1 && k < 3)
      return k == 2 ? kOut : Place{Buffer::kScratch, static_cast<std::uint16_t>(k)};
    return (k % 2 == 0) != (odd && d.steps > 1) ? Place{Buffer::kScratch, 0} : kOut;
  };
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    if (d.is_folded(r)) {
      lanes = {{send(kIn, r + 1), recv(kOut, r + 1)}};
      continue;
    }
    lanes.resize(2);
    Place own = kIn;
    if (d.takes_fold(r)) {
      lanes[0].push_back(make(Op::kRecvReduceCopy, kIn, kOut, r - 1, kNoPeer, 0));
      own = kOut;
    }
    for (int k = 0; k < d.steps; ++k) {
      // A flow joins equal lanes of both sides: the lower partner sends in lane 0, the upper one in lane 1.
      const std::size_t out_lane = (d.core_index(r) >> k & 1) != 0 ? 1 : 0;
      const std::size_t in_lane = 1 - out_lane;
      const Place next = destination(k);
      Instruction out = after(send(own, d.partner(r, k)), in_lane, lanes[in_lane]);
      Instruction in =
          after(make(Op::kRecvReduceCopy, own, next, d.partner(r, k), kNoPeer, 0), out_lane, lanes[out_lane]);
      lanes[out_lane].push_back(out);
      lanes[in_lane].push_back(in);
      own = next;
    }
    if (own.buffer != Buffer::kOutput) {
      lanes[0].push_back(after(make(Op::kCopy, own, kOut, kNoPeer, kNoPeer, 0), 1, lanes[1]));
    }
    if (d.takes_fold(r)) lanes[0].push_back(after(send(kOut, r - 1), 1, lanes[1]));
  }
  return s;
}

Schedule allreduce_ring(int ranks) {
  Schedule s = start("ring", Collective::kAllreduce, ranks);
  if (ranks == 1) return copy_only(std::move(s));
  s.chunks = static_cast<std::uint16_t>(ranks);
  // Chunk c starts at rank c and is reduced on its way around, ending at rank c - 1, where its gather starts. Each
  // is one stream of packets through all ranks. All ranks take the streams of a lane in the same order, so a stream
  // never waits for a later one, whatever its length. As many streams as there are lanes move at once: with a stream
  // for each rank every link is busy all the time, with fewer lanes than ranks nearly so.
  const std::size_t lane_count = std::min(static_cast<std::size_t>(ranks), kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(lane_count);
    const int left = (r + ranks - 1) % ranks;
    const int right = (r + 1) % ranks;
    for (int c = 0; c < ranks; ++c) {
      const auto logical = static_cast<std::uint16_t>(c);
      const Place in{Buffer::kInput, logical};
      const Place out{Buffer::kOutput, logical};
      Lane& lane = lanes[static_cast<std::size_t>(c) % lane_count];
      const int position = (r - c + ranks) % ranks;  // on the way of chunk c
      if (position == 0) {
        lane.push_back(send(in, right, logical));
      } else if (position < ranks - 1) {
        lane.push_back(make(Op::kRecvReduceSend, in, {}, left, right, logical));
      } else {
        lane.push_back(make(Op::kRecvReduceCopy, in, out, left, kNoPeer, logical));
      }
    }
    for (int c = 0; c < ranks; ++c) {
      const auto logical = static_cast<std::uint16_t>(c);
      const Place out{Buffer::kOutput, logical};
      Lane& lane = lanes[static_cast<std::size_t>(c) % lane_count];
      const int position = (r - c + ranks) % ranks;
      if (position == ranks - 1) {
        lane.push_back(send(out, right, logical));
      } else if (position < ranks - 2) {
        lane.push_back(make(Op::kRecvCopySend, {}, out, left, right, logical));
      } else {
        lane.push_back(recv(out, left, logical));
      }
    }
  }
  return s;
}

Schedule barrier_dissemination(int ranks) {
  Schedule s = start("dissemination", Collective::kBarrier, ranks);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const auto to = [&](int distance) { return (r + distance) % ranks; };
    const auto from = [&](int distance) { return (r - distance + ranks) % ranks; };
    if (ranks == 1) {
      lane.emplace_back();
    } else {
      // Round k signals the rank 2^k further on once round k - 1's signal is here: receive and send are one
      // instruction.
      lane.push_back(send(kIn, to(1)));
      int distance = 1;
      for (; 2 * distance < ranks; distance *= 2) {
        lane.push_back(make(Op::kRecvCopySend, {}, kOut, from(distance), to(2 * distance), 0));
      }
      lane.push_back(recv(kOut, from(distance)));
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

Schedule bcast_binomial(int ranks, int root) {
  Schedule s = start("binomial", Collective::kBcast, ranks);
  if (root < 0 || root >= ranks) throw std::invalid_argument("root must be a rank of the group");
  s.root = static_cast<std::uint16_t>(root);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const int relative = (r - root + ranks) % ranks;
    const auto rank_of = [&](int v) { return (v + root) % ranks; };
    // The parent differs in the lowest set bit; the children have one lower bit set, the largest subtree
    // first.
    int bit = 1;
    while (bit < ranks && (relative & bit) == 0) bit *= 2;
    bool received = relative == 0;
    for (int b = bit / 2; b > 0; b /= 2) {
      if (relative + b >= ranks) continue;
      const int child = rank_of(relative + b);
      if (received) {
        lane.push_back(send(relative == 0 ? kIn : kOut, child));
      } else {
        lane.push_back(make(Op::kRecvCopySend, {}, kOut, rank_of(relative - bit), child, 0));
        received = true;
      }
    }
    if (!received) lane.push_back(recv(kOut, rank_of(relative - bit)));
    if (lane.empty()) lane.emplace_back();
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

}  // namespace tally::schedule
