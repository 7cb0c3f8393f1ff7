// SPDX-License-Identifier: BSD-3-Clause
// The verifier's front: structure, matching of sends and receives, and the order of the checks.
#include <algorithm>
#include <map>
#include <tuple>

#include "schedule/verify_internal.hpp"

namespace tally::schedule {

namespace detail {

const char* name_of(Buffer buffer) {
  switch (buffer) {
    case Buffer::kInput:
      return "Input";
    case Buffer::kOutput:
      return "Output";
    case Buffer::kScratch:
      return "Scratch";
  }
  return "unknown buffer";
}

const char* name_of(Op op) {
  static constexpr const char* kNames[] = {"Nop",          "Send",           "Recv",
                                           "Copy",         "Reduce",         "RecvReduceCopy",
                                           "RecvCopySend", "RecvReduceSend", "RecvReduceCopySend"};
  const auto n = static_cast<std::size_t>(op);
  return n < std::size(kNames) ? kNames[n] : "unknown op";
}

namespace {

std::string place(std::size_t rank, std::size_t lane, std::size_t step, Op op) {
  return "rank " + std::to_string(rank) + ", lane " + std::to_string(lane) + ", step " +
         std::to_string(step) + " (" + name_of(op) + ")";
}

/// Range of one memory operand. Where blocks have sizes of their own, Input and Output hold each at its own
/// place.
std::string check_operand(const Schedule& s, std::size_t rank, const Instruction& i, Buffer buffer,
                          std::uint16_t chunk, const char* role) {
  if (buffer > Buffer::kScratch) return std::string(role) + " buffer is unknown";
  const std::string what = std::string(role) + " " + name_of(buffer) + " chunk " + std::to_string(chunk);
  const std::size_t held = places(s, rank, buffer);
  if (chunk + std::size_t{i.chunks} > held) {
    return what + " + " + std::to_string(i.chunks) + " is out of range: the rank has " + std::to_string(held);
  }
  if (sizes_differ(s) && buffer != Buffer::kScratch &&
      logical_chunk(s, rank, buffer, chunk) != i.size_chunk) {
    return what + " is sized as chunk " + std::to_string(i.size_chunk) +
           ": the bytes are not those of its place";
  }
  return {};
}

std::string check_instruction(const Schedule& s, std::size_t rank, std::size_t lane, std::size_t step,
                              std::size_t most_lanes) {
  const auto& lanes = s.ranks[rank].lanes;
  const Instruction& i = lanes[lane][step];
  if (i.op > Op::kRecvReduceCopySend) return "op " + std::to_string(static_cast<int>(i.op)) + " is unknown";
  const auto check_peer = [&](int peer, const char* role) -> std::string {
    if (peer < 0 || static_cast<std::size_t>(peer) >= s.ranks.size()) {
      return std::string(role) + " " + std::to_string(peer) + " is not a rank of " +
             std::to_string(s.ranks.size());
    }
    if (static_cast<std::size_t>(peer) == rank) return std::string(role) + " is the rank itself";
    return {};
  };
  std::string reason;
  if (sends(i.op)) reason = check_peer(i.send_peer, "send_peer");
  if (reason.empty() && receives(i.op)) reason = check_peer(i.recv_peer, "recv_peer");
  if (!reason.empty()) return reason;
  if (sends(i.op) && i.send_lane != kOwnLane &&
      (i.send_lane < 0 || static_cast<std::size_t>(i.send_lane) >= most_lanes)) {
    return "send_lane " + std::to_string(i.send_lane) + " is not below " + std::to_string(most_lanes);
  }
  if (i.has_dep) {
    if (i.dep_lane >= lanes.size()) return "dep_lane " + std::to_string(i.dep_lane) + " is out of range";
    if (i.dep_step > lanes[i.dep_lane].size()) {
      return "dep_step " + std::to_string(i.dep_step) + " is beyond the end of lane " +
             std::to_string(i.dep_lane);
    }
  }
  if (i.op == Op::kNop) return {};
  if (s.collective == Collective::kBarrier) {
    if (reduces(i.op) || i.op == Op::kCopy) return "a barrier has no data to reduce or copy";
    return {};
  }
  if (reduces(i.op) && !has_reduction(s.collective))
    return std::string(tally::schedule::name_of(s.collective)) + " does not reduce";
  if (i.chunks == 0) return "chunks is 0";
  if (i.size_chunk + i.chunks > s.chunks) {
    return "size_chunk " + std::to_string(i.size_chunk) + " + chunks " + std::to_string(i.chunks) +
           " is out of range: the vector has " + std::to_string(s.chunks);
  }
  if (reads_src(i.op)) reason = check_operand(s, rank, i, i.src_buf, i.src_chunk, "source");
  if (reason.empty() && writes_dst(i.op)) {
    reason = check_operand(s, rank, i, i.dst_buf, i.dst_chunk, "destination");
    if (reason.empty() && i.dst_buf == Buffer::kInput) reason = "destination is Input, which is the caller's";
  }
  if (reason.empty() && reads_src(i.op) && writes_dst(i.op) && i.src_buf == i.dst_buf &&
      i.src_chunk != i.dst_chunk && i.src_chunk < i.dst_chunk + i.chunks &&
      i.dst_chunk < i.src_chunk + i.chunks) {
    reason = "source and destination overlap at different places";
  }
  return reason;
}

}  // namespace

std::string describe(const Graph& g, std::size_t id) {
  const Site& at = g.site[id];
  return place(at.rank, at.lane, at.step, g.instruction[id]->op);
}

std::vector<Access> accesses(const Instruction& i) {
  std::vector<Access> out;
  if (reads_src(i.op)) out.push_back({i.src_buf, i.src_chunk, i.chunks, false});
  if (i.op == Op::kReduce) out.push_back({i.dst_buf, i.dst_chunk, i.chunks, false});
  if (writes_dst(i.op)) out.push_back({i.dst_buf, i.dst_chunk, i.chunks, true});
  return out;
}

Cells::Cells(const Schedule& s, std::size_t rank, bool in_place)
    : inputs_(places(s, rank, Buffer::kInput)), output_(inputs_), scratch_count_(s.scratch_chunks) {
  const std::size_t outputs = places(s, rank, Buffer::kOutput);
  std::size_t end = inputs_ + outputs;
  if (in_place) {
    switch (s.collective) {
      case Collective::kGather:
      case Collective::kAllgather:
        // Input is block `rank` of Output; the cell that it has out of place is not used.
        if (outputs != 0) input_ = output_ + rank * s.block_chunks;
        break;
      case Collective::kScatter:
        if (rank == s.root) output_ = rank * s.block_chunks;
        break;
      case Collective::kReduceScatter:
        covers_ = true;
        break;
      default:
        output_ = 0;
        end = std::max(inputs_, outputs);
        break;
    }
  }
  scratch_ = end;
}

std::string check_structure(const Schedule& s, std::size_t most_lanes) {
  if (s.ranks.empty()) return "the schedule has no ranks";
  if (s.chunks == 0) return "chunks is 0";
  if (s.block_chunks == 0 || (s.block_chunks != 1 && (!has_blocks(s.collective) || s.by_counts)))
    return "block_chunks is " + std::to_string(s.block_chunks);
  if (has_blocks(s.collective) && s.chunks != s.ranks.size() * s.block_chunks) {
    return "chunks is " + std::to_string(s.chunks) + ", not " +
           (s.block_chunks == 1 ? "one" : std::to_string(s.block_chunks)) + " a rank (" +
           std::to_string(s.ranks.size()) + ")";
  }
  if (!s.out_of_place && !s.in_place) return "the schedule serves calls neither in place nor out of place";
  if (s.unasked && s.max_bytes == 0) return "unasked without max_bytes";
  if (s.max_chunk_bytes != 0 && (has_blocks(s.collective) || s.collective == Collective::kBarrier))
    return "passes are for vectors";
  if (s.max_chunk_bytes != 0 && s.chunks > 0xffff / kUnrolled)
    return "passes of " + std::to_string(s.chunks) + " chunks are too long to be proved";
  if (s.by_counts && (s.max_bytes != 0 || !has_blocks(s.collective)))
    return "by_counts is for blocks of any size";
  const std::uint64_t most = instruction_bytes(s, s.max_bytes, span(s));
  if (most > instruction_limit(s)) {
    return "max_bytes " + std::to_string(s.max_bytes) + " makes instructions of " + std::to_string(most) +
           " bytes, " + (s.unasked ? "more than travel unasked (" : "more than a flow holds (") +
           std::to_string(instruction_limit(s)) + ")";
  }
  if (has_root(s.collective) && s.root >= s.ranks.size()) {
    return "root " + std::to_string(s.root) + " is not a rank of " + std::to_string(s.ranks.size());
  }
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    const auto& lanes = s.ranks[r].lanes;
    if (lanes.empty() || lanes.size() > most_lanes) {
      return "rank " + std::to_string(r) + " has " + std::to_string(lanes.size()) + " lanes, not 1 to " +
             std::to_string(most_lanes);
    }
    for (std::size_t l = 0; l < lanes.size(); ++l) {
      if (lanes[l].size() > 0xffff) {
        return "rank " + std::to_string(r) + ", lane " + std::to_string(l) + " has more than 65535 steps";
      }
      for (std::size_t k = 0; k < lanes[l].size(); ++k) {
        const std::string reason = check_instruction(s, r, l, k, most_lanes);
        if (!reason.empty()) return place(r, l, k, lanes[l][k].op) + ": " + reason;
      }
    }
  }
  return {};
}

std::string check_sizes(const Graph& g) {
  const Collective collective = g.schedule->collective;
  if ((collective == Collective::kGather || collective == Collective::kScatter) &&
      g.schedule->scratch_chunks != 0)
    return "by_counts with scratch: only the root knows the sizes of others' blocks";
  for (std::size_t id = 0; id < g.site.size(); ++id) {
    const Instruction& i = *g.instruction[id];
    if (i.op == Op::kNop) continue;
    if (i.chunks != 1)
      return describe(g, id) + ": moves several blocks, which need not be next to each other";
    if (collective != Collective::kAlltoall) continue;
    // A rank knows the sizes of the blocks that it sends (Input) and of those that it receives (Output, and
    // Scratch).
    if (sends(i.op) && (i.op != Op::kSend || i.src_buf != Buffer::kInput))
      return describe(g, id) + ": passes a block on, of which source and destination alone know the size";
    if (sends(i.op) && g.instruction[g.receiver[id]]->size_chunk != g.site[id].rank)
      return describe(g, g.receiver[id]) + ": takes a block of rank " + std::to_string(g.site[id].rank) +
             " for one of rank " + std::to_string(g.instruction[g.receiver[id]]->size_chunk);
    if (sends(i.op) && i.size_chunk != g.site[g.receiver[id]].rank)
      return describe(g, id) + ": sends another rank's block";
    if (!sends(i.op) && reads_src(i.op) && i.src_buf == Buffer::kInput && i.size_chunk != g.site[id].rank)
      return describe(g, id) + ": takes a block that leaves for one that comes";
  }
  return {};
}

std::string match(const Schedule& s, Graph* g) {
  g->schedule = &s;
  g->first.resize(s.ranks.size());
  g->lane_id.resize(s.ranks.size());
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    const auto& lanes = s.ranks[r].lanes;
    for (std::size_t l = 0; l < lanes.size(); ++l) {
      g->first[r].push_back(g->site.size());
      g->lane_id[r].push_back(g->lanes++);
      for (std::size_t k = 0; k < lanes[l].size(); ++k) {
        g->site.push_back({r, l, k});
        g->instruction.push_back(&lanes[l][k]);
      }
    }
  }
  const std::size_t n = g->site.size();
  g->receiver.assign(n, kNone);
  g->sender.assign(n, kNone);
  // A flow is (from, to, the receiver's lane); its n-th send goes to its n-th receive.
  struct Flow {
    std::vector<std::size_t> sends, receives;
  };
  std::map<std::tuple<std::size_t, std::size_t, std::size_t>, Flow> flows;
  for (std::size_t id = 0; id < n; ++id) {
    const Instruction& i = *g->instruction[id];
    const Site& at = g->site[id];
    if (sends(i.op)) {
      Flow& flow = flows[{at.rank, static_cast<std::size_t>(i.send_peer), target_lane(i, at.lane)}];
      // Sends of two lanes have no order, so that nobody knew which receive takes which.
      if (!flow.sends.empty() && g->site[flow.sends.front()].lane != at.lane) {
        return describe(*g, id) + " sends to rank " + std::to_string(i.send_peer) + " in lane " +
               std::to_string(target_lane(i, at.lane)) + ", as " + describe(*g, flow.sends.front()) +
               " does: a flow has one sending lane";
      }
      flow.sends.push_back(id);
    }
    if (receives(i.op))
      flows[{static_cast<std::size_t>(i.recv_peer), at.rank, at.lane}].receives.push_back(id);
  }
  for (const auto& [key, flow] : flows) {
    const std::size_t joined = std::min(flow.sends.size(), flow.receives.size());
    for (std::size_t k = 0; k < joined; ++k) {
      const Instruction& out = *g->instruction[flow.sends[k]];
      const Instruction& in = *g->instruction[flow.receives[k]];
      // In an alltoall a block has the number of its destination at one end, of its source at the other.
      const bool same =
          out.size_chunk == in.size_chunk || !sizes_differ(s) || s.collective == Collective::kAlltoall;
      if (s.collective != Collective::kBarrier && (!same || out.chunks != in.chunks)) {
        return describe(*g, flow.receives[k]) + " expects chunks [" + std::to_string(in.size_chunk) + ", +" +
               std::to_string(in.chunks) + ") but takes what " + describe(*g, flow.sends[k]) + " sends: [" +
               std::to_string(out.size_chunk) + ", +" + std::to_string(out.chunks) + ")";
      }
      g->receiver[flow.sends[k]] = flow.receives[k];
      g->sender[flow.receives[k]] = flow.sends[k];
    }
    if (flow.receives.size() > joined) {
      return describe(*g, flow.receives[joined]) + " waits for rank " + std::to_string(std::get<0>(key)) +
             ", which sends it nothing in lane " + std::to_string(std::get<2>(key)) + " any more";
    }
    if (flow.sends.size() > joined) {
      return describe(*g, flow.sends[joined]) + " sends to rank " + std::to_string(std::get<1>(key)) +
             ", which never receives it in lane " + std::to_string(std::get<2>(key)) +
             ": it stays undelivered";
    }
  }
  return {};
}

}  // namespace detail

namespace {

/// The same as one program of `passes` times the chunks, for one pass.
Schedule unrolled(const Schedule& s, std::size_t passes) {
  Schedule out = s;
  out.chunks = static_cast<std::uint16_t>(s.chunks * passes);
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    const std::vector<Lane>& lanes = s.ranks[r].lanes;
    for (std::size_t l = 0; l < lanes.size(); ++l) {
      out.ranks[r].lanes[l].clear();
      for (std::size_t pass = 0; pass < passes; ++pass) {
        const auto shift = [&](Buffer buffer, std::uint16_t chunk) {
          return buffer == Buffer::kScratch ? chunk : static_cast<std::uint16_t>(chunk + pass * s.chunks);
        };
        for (Instruction i : lanes[l]) {
          i.src_chunk = shift(i.src_buf, i.src_chunk);
          i.dst_chunk = shift(i.dst_buf, i.dst_chunk);
          i.size_chunk = static_cast<std::uint16_t>(i.size_chunk + pass * s.chunks);
          // That the lane has come to a later pass says no more than that it has ended this one.
          if (i.dep_step == 0) i.has_dep = false;
          if (i.has_dep)
            i.dep_step = static_cast<std::uint16_t>(i.dep_step + pass * lanes[i.dep_lane].size());
          out.ranks[r].lanes[l].push_back(i);
        }
      }
    }
  }
  return out;
}

std::string verify_pass(const Schedule& schedule, std::size_t most_lanes = kMaxLanes,
                        detail::Room room = detail::Room::kLeast) {
  std::string reason = detail::check_structure(schedule, most_lanes);
  if (!reason.empty()) return reason;
  detail::Graph g;
  reason = detail::match(schedule, &g);
  if (!reason.empty()) return reason;
  if (schedule.by_counts) {
    reason = detail::check_sizes(g);
    if (!reason.empty()) return reason;
  }
  std::vector<std::size_t> order;
  reason = detail::run_flows(g, &order, room);
  if (!reason.empty()) return reason;
  std::vector<bool> ways;
  for (const bool in_place : {false, true}) {
    // A bcast has one buffer; a barrier has none, so that its two passes would be the same.
    if (schedule.collective == Collective::kBcast && !in_place) continue;
    if (schedule.collective == Collective::kBarrier && in_place) continue;
    if (in_place ? schedule.in_place : schedule.out_of_place) ways.push_back(in_place);
  }
  reason = detail::check_order(g, order, ways);
  if (!reason.empty()) return reason;
  for (const bool in_place : ways) {
    reason = detail::check_values(g, order, in_place);
    if (!reason.empty()) return reason + (in_place ? " (in place)" : "");
  }
  return {};
}

}  // namespace

std::string detail::verify_wide(const Schedule& s) { return verify_pass(s, 0xff, Room::kUnbounded); }

std::string verify(const Schedule& schedule) {
  std::string reason = verify_pass(schedule);
  if (!reason.empty() || schedule.max_chunk_bytes == 0) return reason;
  // Lanes may be in different passes. Each pass has its own places of Input and Output, and all have the same
  // Scratch, so that passes next to each other show a missing order; three have one that follows and is
  // followed.
  reason = verify_pass(unrolled(schedule, detail::kUnrolled));
  return reason.empty() ? reason : reason + " (of several passes in one)";
}

}  // namespace tally::schedule
