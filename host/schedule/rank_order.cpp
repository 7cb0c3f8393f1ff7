// SPDX-License-Identifier: BSD-3-Clause
// Schedules for operations that do not commute.
//
// A value is the contributions of ranks first to last, combined in rank order. Two of them may be combined
// where the one begins behind the end of the other, and which comes first is known then. As in
// verify_values.cpp one execution stands for all.
#include "schedule/verify_internal.hpp"

namespace tally::schedule {

using namespace detail;  // NOLINT

namespace {

/// Ranks first to end - 1; none of them: nothing that anyone wrote.
struct Range {
  std::size_t first = 0;
  std::size_t end = 0;
};

std::string text(const Range& range) {
  if (range.end == range.first + 1) return "rank " + std::to_string(range.first);
  return "ranks " + std::to_string(range.first) + " to " + std::to_string(range.end - 1);
}

class Orders {
 public:
  Orders(const Graph& g, Schedule& s) : g_(g), s_(s), sent_(g.site.size()) {
    for (std::size_t r = 0; r < s.ranks.size(); ++r) {
      cells_.emplace_back(s, r, !s.out_of_place);
      memory_.emplace_back(cells_[r].count());
      for (std::size_t p = 0; p < places(s, r, Buffer::kInput); ++p) cell(r, Buffer::kInput, p) = {r, r + 1};
    }
  }
  std::string run(const std::vector<std::size_t>& order) {
    for (const std::size_t id : order) {
      const std::string reason = execute(id);
      if (!reason.empty()) return describe(g_, id) + ": " + reason;
    }
    return {};
  }

 private:
  Range& cell(std::size_t rank, Buffer buffer, std::size_t chunk) {
    return memory_[rank][cells_[rank].of(buffer, chunk)];
  }
  /// *swapped: b comes before a.
  static std::string combine(Range* a, const Range& b, bool* swapped) {
    *swapped = b.end == a->first;
    if (!*swapped && a->end != b.first)
      return "combines " + text(*a) + " with " + text(b) + ", which are not next to each other";
    *a = *swapped ? Range{b.first, a->end} : Range{a->first, b.end};
    return {};
  }
  std::string execute(std::size_t id) {
    const Site& at = g_.site[id];
    Instruction& i = s_.ranks[at.rank].lanes[at.lane][at.step];
    if (i.op == Op::kNop) return {};
    if (sends(i.op)) sent_[id].resize(i.chunks);
    for (std::size_t c = 0; c < i.chunks; ++c) {
      Range value;
      bool swapped = false;
      std::string reason;
      if (reads_src(i.op)) value = cell(at.rank, i.src_buf, std::size_t{i.src_chunk} + c);
      if (receives(i.op)) {
        const Range received = sent_[g_.sender[id]][c];
        if (reduces(i.op)) {
          reason = combine(&value, received, &swapped);
        } else {
          value = received;
        }
      } else if (i.op == Op::kReduce) {
        Range own = cell(at.rank, i.dst_buf, std::size_t{i.dst_chunk} + c);
        reason = combine(&own, value, &swapped);
        value = own;
      }
      if (!reason.empty()) return reason;
      if (reduces(i.op) && c > 0 && swapped != i.second_first)
        return "combines its chunks in different orders";
      if (reduces(i.op)) i.second_first = swapped;
      if (writes_dst(i.op)) cell(at.rank, i.dst_buf, std::size_t{i.dst_chunk} + c) = value;
      if (sends(i.op)) sent_[id][c] = value;
    }
    return {};
  }

  const Graph& g_;
  Schedule& s_;
  std::vector<Cells> cells_;
  std::vector<std::vector<Range>> memory_;  // [rank][cell]
  std::vector<std::vector<Range>> sent_;    // by instruction
};

}  // namespace

std::string order_operands(Schedule* schedule) {
  Graph g;
  std::string reason = match(*schedule, &g);
  std::vector<std::size_t> order;
  if (reason.empty()) reason = run_flows(g, &order);
  return reason.empty() ? Orders(g, *schedule).run(order) : reason;
}

}  // namespace tally::schedule
