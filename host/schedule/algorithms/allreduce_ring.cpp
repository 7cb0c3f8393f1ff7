// SPDX-License-Identifier: BSD-3-Clause
// Allreduce by ring (Patarasuk, Yuan, JPDC 2009).
#include <algorithm>
#include <stdexcept>

#include "schedule/algorithms/build.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

// Chunk c of every part starts at rank c, is reduced on its way around and complete at rank c - 1, from where
// it goes around once more. Both schedules combine it in that order. Vectors of more than kFlowBytes a chunk
// take several passes, in both, so that the association is the same.
Schedule ring(const char* algorithm, int ranks, int parts) {
  Schedule s = start(algorithm, Collective::kAllreduce, ranks);
  if (parts < 1 || ranks * parts > 0xffff)
    throw std::invalid_argument("parts must be positive, chunks at most 65535");
  s.chunks = static_cast<std::uint16_t>(ranks * parts);
  if (ranks > 1) s.max_chunk_bytes = kFlowBytes;
  return s;
}

}  // namespace

Schedule allreduce_ring(int ranks, int parts) {
  Schedule s = ring("ring", ranks, parts);
  if (ranks == 1) return copy_only(std::move(s));
  // Each chunk is one stream of packets through all ranks, then another one. All ranks take the streams of a
  // lane in the same order, so a stream never waits for a later one, whatever its length.
  const int chunks = ranks * parts;
  const std::size_t lane_count = std::min(static_cast<std::size_t>(chunks), kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(lane_count);
    const int left = shifted(r, -1, ranks);
    const int right = shifted(r, 1, ranks);
    for (int c = 0; c < chunks; ++c) {
      Lane& lane = lanes[static_cast<std::size_t>(c) % lane_count];
      const int position = shifted(r, -(c % ranks), ranks);  // on the way of chunk c
      if (position == 0) {
        lane.push_back(send(input(c), right, c));
      } else if (position < ranks - 1) {
        lane.push_back(make(Op::kRecvReduceSend, input(c), {}, left, right, c));
      } else {
        lane.push_back(make(Op::kRecvReduceCopy, input(c), output(c), left, kNoPeer, c));
      }
    }
    for (int c = 0; c < chunks; ++c) {
      Lane& lane = lanes[static_cast<std::size_t>(c) % lane_count];
      const int position = shifted(r, -(c % ranks), ranks);
      if (position == ranks - 1) {
        lane.push_back(send(output(c), right, c));
      } else if (position < ranks - 2) {
        lane.push_back(make(Op::kRecvCopySend, {}, output(c), left, right, c));
      } else {
        lane.push_back(recv(output(c), left, c));
      }
    }
  }
  return s;
}

Schedule allreduce_ring_fused(int ranks, int parts) {
  Schedule s = ring("ring_fused", ranks, parts);
  if (ranks == 1) return copy_only(std::move(s));
  // Every rank does the same at the same time in all lanes: it sends its own chunk, then passes on what comes
  // from the left.
  const std::size_t lane_count = std::min(static_cast<std::size_t>(parts), kMaxLanes);
  for (int r = 0; r < ranks; ++r) {
    auto& lanes = s.ranks[static_cast<std::size_t>(r)].lanes;
    lanes.resize(lane_count);
    const int left = shifted(r, -1, ranks);
    const int right = shifted(r, 1, ranks);
    for (int part = 0; part < parts; ++part) {
      Lane& lane = lanes[static_cast<std::size_t>(part) % lane_count];
      for (int step = 0; step <= 2 * ranks - 2; ++step) {
        const int c = part * ranks + (r + 2 * ranks - step) % ranks;
        if (step == 0) {
          // The lanes start one after the other, and so stay apart: while one is at its last step, which
          // sends nothing, the others keep the link busy.
          const Instruction i = send(input(c), right, c);
          lane.push_back(part > 0 && part < static_cast<int>(lane_count)
                             ? after_steps(i, static_cast<std::size_t>(part - 1), 1)
                             : i);
        } else if (step < ranks - 1) {
          lane.push_back(make(Op::kRecvReduceSend, input(c), {}, left, right, c));
        } else if (step == ranks - 1) {
          lane.push_back(make(Op::kRecvReduceCopySend, input(c), output(c), left, right, c));
        } else if (step < 2 * ranks - 2) {
          lane.push_back(make(Op::kRecvCopySend, {}, output(c), left, right, c));
        } else {
          lane.push_back(recv(output(c), left, c));
        }
      }
    }
  }
  s.max_bytes = kAnyBytes;
  return s;
}

}  // namespace tally::schedule
