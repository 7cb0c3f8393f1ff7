// SPDX-License-Identifier: BSD-3-Clause
// Scan and exscan. Contributions are combined in rank order; which two neighbours first differs between
// algorithms.
#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

/// The steps of Hillis and Steele (CACM 29(12), 1986) over ranks first..ranks-1, fused: a rank whose own
/// operand is at `own` gets in step k the combination of up to 2^k ranks before it and sends on the
/// combination of up to 2^(k+1). The send of step 0 is the caller's.
void prefix_steps(Lane& lane, int rank, int first, int ranks, Place own) {
  for (int distance = 1; distance < ranks; distance *= 2) {
    const int from = rank - distance;
    const int to = rank + 2 * distance;
    const int next = to < ranks ? to : kNoPeer;
    if (from >= first) {
      const Op op = next == kNoPeer ? Op::kRecvReduceCopy : Op::kRecvReduceCopySend;
      lane.push_back(make(op, own, output(), from, next, 0));
      own = output();
    } else if (next != kNoPeer) {
      lane.push_back(send(own, next));
    }
  }
}

/// The same steps for any size: what is sent and what is received are in two lanes, and nothing lands where
/// it is sent from: steps alternate between two chunks of scratch, and the last one lands in Output. Returns
/// where the result is.
Place prefix_steps_of_any_size(std::vector<Lane>& lanes, int rank, int first, int ranks, Place own) {
  int last = 0;  // distance of the last step that receives
  for (int distance = 1; rank - distance >= first; distance *= 2) last = distance;
  int k = 0;
  bool reads_input = own.buffer == Buffer::kInput;  // by a send of the step before
  for (int distance = 1; distance < ranks - first; distance *= 2, ++k) {
    // Sender and receiver are a distance apart, so that exactly one of them has this bit.
    const std::size_t out_lane = (rank >> k & 1) != 0 ? 1 : 0;
    const std::size_t in_lane = 1 - out_lane;
    const std::size_t out_before = lanes[out_lane].size();
    const std::size_t in_before = lanes[in_lane].size();
    const bool sending = rank + distance < ranks;
    if (sending) lanes[out_lane].push_back(after_steps(send(own, rank + distance), in_lane, in_before));
    if (rank - distance >= first) {
      // In place Output may not be written while Input is sent.
      const bool to_output = distance == last && !(reads_input && sending);
      const Place next = to_output ? output() : scratch(k % 2);
      lanes[in_lane].push_back(after_steps(make(Op::kRecvReduceCopy, own, next, rank - distance, kNoPeer, 0),
                                           out_lane, out_before));
      own = next;
      reads_input = false;
    }
  }
  return own;
}

/// Output = the result, when all sends are over.
void copy_result(std::vector<Lane>& lanes, Place result) {
  if (result.buffer != Buffer::kOutput) lanes[0].push_back(after(copy(result, output()), 1, lanes[1]));
}

}  // namespace

Schedule scan_recursive_doubling_fused(int ranks, bool in_place) {
  Schedule s = start("recursive_doubling_fused", Collective::kScan, ranks);
  s.max_bytes = kSmallBytes;
  if (ranks == 1) return copy_only(std::move(s));
  serve_only(s, in_place);
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    if (r + 1 < ranks) lane.push_back(send(input(), r + 1));
    prefix_steps(lane, r, 0, ranks, input());
    if (r == 0 && !in_place) lane.push_back(copy(input(), output()));
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  return s;
}

Schedule scan_recursive_doubling(int ranks, bool in_place) {
  Schedule s = start("recursive_doubling", Collective::kScan, ranks);
  if (ranks == 1) return copy_only(std::move(s));
  serve_only(s, in_place);
  s.scratch_chunks = 2;
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(2);
    const Place result = prefix_steps_of_any_size(lanes, r, 0, ranks, input());
    // Rank 0 has nothing to add: in place its result is there.
    if (r > 0 || !in_place) copy_result(lanes, result);
  }
  finish(s);
  return s;
}

Schedule exscan_recursive_doubling_fused(int ranks) {
  Schedule s = start("recursive_doubling_fused", Collective::kExscan, ranks);
  if (ranks > 1) s.max_bytes = kSmallBytes;
  // The scan of what the left neighbours contribute, over all ranks but the first.
  for (int r = 0; r < ranks; ++r) {
    Lane lane;
    const int next = r + 1 < ranks ? r + 1 : kNoPeer;
    if (next != kNoPeer) lane.push_back(send(input(), next));
    if (r > 0) {
      lane.push_back(next == kNoPeer ? recv(output(), r - 1)
                                     : make(Op::kRecvCopySend, {}, output(), r - 1, next, 0));
      prefix_steps(lane, r, 1, ranks, output());
    }
    s.ranks[static_cast<std::size_t>(r)].lanes = {std::move(lane)};
  }
  finish(s);
  return s;
}

Schedule exscan_recursive_doubling(int ranks) {
  Schedule s = start("recursive_doubling", Collective::kExscan, ranks);
  s.scratch_chunks = 3;
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(2);
    const std::size_t to_right = static_cast<std::size_t>(r % 2);
    if (r + 1 < ranks) lanes[to_right].push_back(send(input(), r + 1));
    if (r == 0) continue;
    lanes[1 - to_right].push_back(recv(scratch(2), r - 1));
    copy_result(lanes, prefix_steps_of_any_size(lanes, r, 1, ranks, scratch(2)));
  }
  finish(s);
  return s;
}

Schedule scan_linear(int ranks, bool in_place) {
  Schedule s = start("linear", Collective::kScan, ranks);
  s.chunks = static_cast<std::uint16_t>(kMaxLanes);
  if (ranks == 1) return copy_only(std::move(s));
  serve_only(s, in_place);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    for (int c = 0; c < s.chunks; ++c) {
      Lane lane;
      if (r == 0) {
        lane.push_back(send(input(c), 1, c));
        if (!in_place) lane.push_back(copy(input(c), output(c), c));
      } else if (r + 1 < ranks) {
        lane.push_back(make(Op::kRecvReduceCopySend, input(c), output(c), r - 1, r + 1, c));
      } else {
        lane.push_back(make(Op::kRecvReduceCopy, input(c), output(c), r - 1, kNoPeer, c));
      }
      lanes.push_back(std::move(lane));
    }
  }
  return s;
}

Schedule exscan_linear(int ranks) {
  Schedule s = start("linear", Collective::kExscan, ranks);
  if (ranks == 1) {
    finish(s);
    return s;
  }
  // Every rank hands its contribution to the right (lanes 0 and 1, so that a rank sends and receives at
  // once), and what came from the left is the operand of a chain (lanes 2 and 3). In chunks, for the chain
  // starts with the first one.
  s.chunks = 8;
  s.scratch_chunks = s.chunks;
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(kMaxLanes);
    const std::size_t to_right = static_cast<std::size_t>(r % 2);
    const std::size_t from_left = 1 - to_right;
    for (int c = 0; c < s.chunks; ++c) {
      if (r + 1 < ranks) lanes[to_right].push_back(send(input(c), r + 1, c));
      if (r == 0) continue;
      lanes[from_left].push_back(recv(scratch(c), r - 1, c));
      Lane& chain = lanes[2 + static_cast<std::size_t>(c % 2)];
      // In place Output may be written when Input has been sent.
      if (r + 1 < ranks) chain.push_back(after(Instruction{}, to_right, lanes[to_right]));
      Instruction i = copy(scratch(c), output(c), c);
      if (r > 1 && r + 1 < ranks) {
        i = make(Op::kRecvReduceCopySend, scratch(c), output(c), r - 1, r + 1, c);
      } else if (r > 1) {
        i = make(Op::kRecvReduceCopy, scratch(c), output(c), r - 1, kNoPeer, c);
      }
      chain.push_back(after(i, from_left, lanes[from_left]));
      if (r == 1 && ranks > 2) chain.push_back(send(scratch(c), 2, c));
    }
  }
  finish(s);
  return s;
}

}  // namespace tally::schedule
