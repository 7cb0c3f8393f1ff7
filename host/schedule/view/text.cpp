// SPDX-License-Identifier: BSD-3-Clause
#include "schedule/view/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "schedule/verify_internal.hpp"

namespace tally::schedule {

namespace {

const char* short_name(Buffer buffer) {
  return buffer == Buffer::kInput ? "in" : buffer == Buffer::kOutput ? "out" : "scratch";
}

/// "scratch[1]{5}": place 1, which holds logical chunk 5; the latter where it is another number.
std::string place(const Schedule& s, Buffer buffer, std::uint16_t chunk, const Instruction& i) {
  const auto range = [&](unsigned first) {
    return i.chunks == 1 ? fmt::format("{}", first) : fmt::format("{}-{}", first, first + i.chunks - 1u);
  };
  const std::string at = fmt::format("{}[{}]", short_name(buffer), range(chunk));
  return chunk == i.size_chunk || s.chunks == 1 ? at : fmt::format("{}{{{}}}", at, range(i.size_chunk));
}

std::string peers(std::size_t lane, const Instruction& i) {
  std::string out;
  if (receives(i.op)) out = fmt::format("from {}", i.recv_peer);
  if (sends(i.op)) {
    const std::size_t to = target_lane(i, lane);
    out += fmt::format("{}to {}", out.empty() ? "" : ", ", i.send_peer);
    if (to != lane) out += fmt::format(" lane {}", to);
  }
  return out;
}

std::string dependency(const Instruction& i) {
  if (!i.has_dep) return {};
  return i.dep_step == 0 ? fmt::format("after the pass before of lane {}", i.dep_lane)
                         : fmt::format("after lane {} step {}", i.dep_lane, i.dep_step - 1);
}

std::string limits(const Schedule& s) {
  const std::uint64_t limit = instruction_limit(s);
  std::string out = "any size";
  if (s.max_bytes == kAnyBytes) {
    out = fmt::format("any size in flows that hold {} bytes", instruction_bytes(s, s.max_bytes, span(s)));
  } else if (s.max_bytes != 0) {
    out = fmt::format("up to {} bytes ({} an instruction, {})", s.max_bytes, limit,
                      s.unasked ? "unasked" : "asked for");
  }
  if (s.max_chunk_bytes != 0) out += fmt::format(", in passes of {} bytes a chunk", s.max_chunk_bytes);
  return out;
}

}  // namespace

const char* name_of(Op op) { return detail::name_of(op); }

Totals totals(const Schedule& s) {
  Totals t;
  for (const RankSchedule& rank : s.ranks) {
    std::size_t entries = 1;
    std::uint64_t out = 0;
    for (const Lane& lane : rank.lanes) {
      entries += lane.size();
      for (const Instruction& i : lane) {
        if (!sends(i.op)) continue;
        ++t.messages;
        out += i.chunks;
      }
    }
    t.lanes = std::max(t.lanes, rank.lanes.size());
    t.entries = std::max(t.entries, entries);
    t.chunks_out = std::max(t.chunks_out, out);
  }
  return t;
}

std::string headline(const Schedule& s) {
  const char* calls = s.collective == Collective::kBcast ? ""
                      : !s.in_place                      ? ", out of place"
                      : !s.out_of_place                  ? ", in place"
                                                         : ", in place and out of place";
  return fmt::format("{} {}: {} rank{}{}, {} chunk{}, {} of scratch, {}{}{}", name_of(s.collective),
                     s.algorithm, s.ranks.size(), s.ranks.size() == 1 ? "" : "s",
                     has_root(s.collective) ? fmt::format(", root {}", s.root) : "", s.chunks,
                     s.chunks == 1 ? "" : "s", s.scratch_chunks, limits(s), calls,
                     s.by_counts ? ", blocks of any sizes" : "");
}

std::string effect(const Schedule& s, const Instruction& i) {
  if (i.op == Op::kNop) return {};
  if (s.collective == Collective::kBarrier) return "signal";
  const std::string src = place(s, i.src_buf, i.src_chunk, i);
  const std::string dst = place(s, i.dst_buf, i.dst_chunk, i);
  switch (i.op) {
    case Op::kSend:
      return src;
    case Op::kRecv:
    case Op::kRecvCopySend:
      return dst + " = received";
    case Op::kCopy:
      return dst + " = " + src;
    case Op::kReduce:
      return dst + " = " + dst + " op " + src;
    case Op::kRecvReduceSend:
      return src + " op received";
    default:
      return dst + " = " + src + " op received";
  }
}

std::string text(const Schedule& s, const TextOptions& options) {
  std::string out = headline(s) + "\n";
  const bool sized = options.bytes && s.collective != Collective::kBarrier;
  const std::uint64_t total = options.bytes.value_or(0);
  const std::uint64_t chunk = chunk_bytes(total, 1, s.chunks, s.max_chunk_bytes);
  if (sized) {
    out += fmt::format("{} bytes: chunks of {} bytes, {} pass{}\n", total, chunk,
                       passes(total, s.chunks, chunk), passes(total, s.chunks, chunk) == 1 ? "" : "es");
  }
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    if (options.rank && *options.rank != r) continue;
    out += fmt::format("rank {}\n", r);
    for (std::size_t l = 0; l < s.ranks[r].lanes.size(); ++l) {
      out += fmt::format("  lane {}\n", l);
      const Lane& lane = s.ranks[r].lanes[l];
      for (std::size_t k = 0; k < lane.size(); ++k) {
        const Instruction& i = lane[k];
        std::string line =
            fmt::format("  {:>4}  {:<18}  {:<36}  {:<22}", k, name_of(i.op), effect(s, i), peers(l, i));
        if (sized && i.op != Op::kNop)
          line += fmt::format("  {:>9} bytes", extent_bytes(i.size_chunk, i.chunks, chunk, total));
        if (i.has_dep) line += "  " + dependency(i);
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      }
    }
  }
  return out;
}

}  // namespace tally::schedule
