// SPDX-License-Identifier: BSD-3-Clause
// Schedules in words and pictures, and the table of what is taken when.
#include <gtest/gtest.h>

#include "schedule/makers.hpp"
#include "schedule/schedule.hpp"
#include "schedule/view/draw.hpp"
#include "schedule/view/text.hpp"

namespace tally::test {
namespace {

using namespace schedule;  // NOLINT

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

void expect_lines(const std::string& text, const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    EXPECT_NE(text.find(line + "\n"), std::string::npos) << line << "\n" << text;
}

TEST(Text, names_peers_places_lanes_and_dependencies) {
  const std::string all = text(allreduce_rabenseifner(3));
  expect_lines(
      all, {"allreduce rabenseifner: 3 ranks, 2 chunks, 0 of scratch, any size, in place and out of place",
            "     0  Send                in[0-1]                               to 1",
            "     1  Recv                out[0-1] = received                   from 1",
            "     0  RecvReduceCopy      out[0-1] = in[0-1] op received        from 0"});
  EXPECT_EQ(count(all, "  after lane "), 6u) << all;
  EXPECT_NE(text(allreduce_direct(3)).find("to 1 lane 0"), std::string::npos);
  EXPECT_NE(text(gather_binomial(4, 1)).find("scratch[0]{3} = in[0]{3}"), std::string::npos)
      << text(gather_binomial(4, 1));
}

TEST(Text, gives_bytes_where_a_size_is_given) {
  TextOptions options;
  options.rank = 1;
  options.bytes = 10;
  const std::string one = text(bcast_chain(3, 0), options);
  EXPECT_EQ(count(one, "rank "), 1u) << one;
  EXPECT_NE(one.find("10 bytes: chunks of 3 bytes, 1 pass\n"), std::string::npos) << one;
  EXPECT_EQ(count(one, "3 bytes\n"), 3u) << one;
  EXPECT_EQ(count(one, " 1 bytes\n"), 1u) << one;
}

TEST(Text, totals_are_those_of_the_busiest_rank) {
  const Totals sum = totals(gather_linear(5, 0));
  EXPECT_EQ(sum.lanes, 4u);
  EXPECT_EQ(sum.entries, 6u);
  EXPECT_EQ(sum.messages, 4u);
  EXPECT_EQ(sum.chunks_out, 1u);
}

class Picture : public testing::TestWithParam<Maker> {};
INSTANTIATE_TEST_SUITE_P(Each, Picture, testing::ValuesIn(makers()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(Picture, has_a_mark_for_each_instruction_and_an_arrow_for_each_message) {
  for (const int n : {1, 2, 4, 5, 8}) {
    const Schedule s = GetParam().make(n, n - 1, false);
    std::string error;
    const std::string picture = svg(s, &error);
    EXPECT_EQ(error, "");
    std::size_t instructions = 0;
    for (const RankSchedule& rank : s.ranks) {
      for (const Lane& lane : rank.lanes) instructions += lane.size();
    }
    EXPECT_EQ(count(picture, "<title>"), instructions);
    EXPECT_EQ(count(picture, "<polygon"), totals(s).messages + 1) << "one more in the legend";
    EXPECT_EQ(count(picture, "<g>"), count(picture, "</g>"));
    EXPECT_EQ(count(picture, "</svg>"), 1u);
    EXPECT_EQ(count(picture, ">rank "), static_cast<std::size_t>(n) + instructions);
    EXPECT_EQ(picture.find("nan"), std::string::npos);
  }
}

TEST(Picture, of_a_schedule_that_does_not_end_is_refused) {
  Schedule s = allreduce_recursive_doubling(2);
  s.ranks[0].lanes[0][0].op = Op::kNop;
  std::string error;
  EXPECT_EQ(svg(s, &error), "");
  EXPECT_NE(error.find("sends it nothing"), std::string::npos) << error;
}

TEST(Choices, are_what_select_takes_at_both_ends_of_each_range) {
  for (std::size_t c = 0; c < kCollectives; ++c) {
    const auto collective = static_cast<Collective>(c);
    for (const int n : {1, 2, 3, 4, 6, 8, 16, 17, 32, 64}) {
      const std::vector<Choice> choices = automatic_choices(collective, n);
      ASSERT_FALSE(choices.empty());
      EXPECT_EQ(choices.front().first, 0u);
      EXPECT_EQ(choices.back().last, kAnyBytes);
      for (std::size_t k = 0; k < choices.size(); ++k) {
        if (k > 0) {
          EXPECT_EQ(choices[k].first, choices[k - 1].last + 1);
          EXPECT_NE(choices[k].algorithm, choices[k - 1].algorithm);
        }
        for (const std::uint64_t bytes :
             {choices[k].first, std::min(choices[k].last, std::uint64_t{1} << 40)}) {
          Schedule s;
          std::string error;
          ASSERT_TRUE(select(collective, n, 0, bytes, "auto", &s, &error)) << error;
          EXPECT_EQ(s.algorithm, choices[k].algorithm)
              << name_of(collective) << ", " << n << " ranks, " << bytes;
        }
      }
    }
  }
}

TEST(Choices, every_listed_name_makes_the_schedule_of_that_name) {
  for (std::size_t c = 0; c < kCollectives; ++c) {
    const Call call{.collective = static_cast<Collective>(c), .ranks = 5};
    for (const std::string& name : algorithms_and_variants(call.collective)) {
      Schedule s;
      std::string error;
      ASSERT_TRUE(make_named(call, name, &s, &error)) << error;
      EXPECT_EQ(s.algorithm, name);
    }
  }
  Schedule s;
  std::string error;
  EXPECT_FALSE(make_named({.collective = Collective::kBcast, .ranks = 4}, "ring", &s, &error));
  EXPECT_EQ(error, "algorithm \"ring\" is not one of bcast: binomial, knomial, double_tree, chain");
}

}  // namespace
}  // namespace tally::test
