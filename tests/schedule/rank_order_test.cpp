// SPDX-License-Identifier: BSD-3-Clause
// Schedules that serve operations which do not commute, run with the concatenation of strings.
#include <gtest/gtest.h>

#include <map>

#include "schedule/schedule.hpp"
#include "schedule/verify_internal.hpp"

namespace tally::schedule {
namespace {

/// Concatenates the ranks' names as the instructions say, one chunk at a time, and gives Output.
std::vector<std::vector<std::string>> concatenated(const Schedule& s, bool in_place) {
  using namespace detail;  // NOLINT
  Graph g;
  EXPECT_EQ(match(s, &g), "");
  std::vector<std::size_t> order;
  EXPECT_EQ(run_flows(g, &order), "");
  std::map<std::tuple<std::size_t, Buffer, std::size_t>, std::string> memory;
  std::map<std::pair<std::size_t, std::size_t>, std::string> sent;
  const bool one = in_place && !has_blocks(s.collective);  // Output is Input
  const auto at = [&](std::size_t rank, Buffer buffer, std::size_t chunk) -> std::string& {
    return memory[{rank, one && buffer == Buffer::kOutput ? Buffer::kInput : buffer, chunk}];
  };
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    for (std::size_t p = 0; p < places(s, r, Buffer::kInput); ++p)
      at(r, Buffer::kInput, p) = std::string(1, static_cast<char>('a' + r));
  }
  for (const std::size_t id : order) {
    const Instruction& i = *g.instruction[id];
    const std::size_t r = g.site[id].rank;
    if (i.op == Op::kNop) continue;
    for (std::size_t c = 0; c < i.chunks; ++c) {
      std::string first = at(r, i.src_buf, i.src_chunk + c);
      std::string second = receives(i.op) ? sent[{g.sender[id], c}] : "";
      if (i.op == Op::kReduce) {
        second = first;
        first = at(r, i.dst_buf, i.dst_chunk + c);
      }
      const std::string value = reduces(i.op)    ? (i.second_first ? second + first : first + second)
                                : receives(i.op) ? second
                                                 : first;
      if (writes_dst(i.op)) at(r, i.dst_buf, i.dst_chunk + c) = value;
      if (sends(i.op)) sent[{id, c}] = value;
    }
  }
  std::vector<std::vector<std::string>> out(s.ranks.size());
  for (std::size_t r = 0; r < s.ranks.size(); ++r) {
    for (std::size_t p = 0; p < places(s, r, Buffer::kOutput); ++p)
      out[r].push_back(at(r, Buffer::kOutput, p));
  }
  return out;
}

struct Ordered {
  Collective collective;
  const char* name;
};

class RankOrder : public testing::TestWithParam<Ordered> {};
INSTANTIATE_TEST_SUITE_P(Each, RankOrder,
                         testing::Values(Ordered{Collective::kAllreduce, "recursive_doubling"},
                                         Ordered{Collective::kAllreduce, "recursive_doubling_fused"},
                                         Ordered{Collective::kReduce, "in_order"},
                                         Ordered{Collective::kReduceScatter, "in_order"},
                                         Ordered{Collective::kScan, "recursive_doubling"},
                                         Ordered{Collective::kScan, "recursive_doubling_fused"},
                                         Ordered{Collective::kExscan, "recursive_doubling"},
                                         Ordered{Collective::kExscan, "recursive_doubling_fused"}),
                         [](const auto& each) {
                           return std::string(name_of(each.param.collective)) + "_" + each.param.name;
                         });

TEST_P(RankOrder, is_kept_by_every_result_for_every_rank_count_root_and_way_of_calling) {
  for (int ranks = 1; ranks <= 17; ++ranks) {
    for (int root = 0; root < (has_root(GetParam().collective) ? ranks : 1); ++root) {
      for (const bool in_place : {false, true}) {
        Call call;
        call.collective = GetParam().collective;
        call.ranks = ranks;
        call.root = root;
        call.in_place = in_place;
        Schedule s;
        std::string error;
        ASSERT_TRUE(make_named(call, GetParam().name, &s, &error)) << error;
        ASSERT_EQ(verify(s), "");
        ASSERT_EQ(order_operands(&s), "") << ranks << " ranks, root " << root;
        const std::string all = std::string("abcdefghijklmnopq").substr(0, static_cast<std::size_t>(ranks));
        const auto out = concatenated(s, in_place);
        for (std::size_t r = 0; r < out.size(); ++r) {
          for (const std::string& result : out[r]) {
            const std::string expected = s.collective == Collective::kScan     ? all.substr(0, r + 1)
                                         : s.collective == Collective::kExscan ? all.substr(0, r)
                                                                               : all;
            if (s.collective == Collective::kExscan && r == 0) continue;
            EXPECT_EQ(result, expected) << ranks << " ranks, root " << root << ", rank " << r;
          }
        }
      }
    }
  }
}

TEST(OrderOperands, that_a_schedule_does_not_keep_is_told_with_the_step) {
  Schedule s = reduce_binomial(4, 3);
  ASSERT_EQ(verify(s), "");
  const std::string reason = order_operands(&s);
  EXPECT_NE(reason.find("rank "), std::string::npos) << reason;
  EXPECT_NE(reason.find("which are not next to each other"), std::string::npos) << reason;
  s = allreduce_ring(3);
  EXPECT_NE(order_operands(&s), "");
}

}  // namespace
}  // namespace tally::schedule
