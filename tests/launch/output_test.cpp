// SPDX-License-Identifier: BSD-3-Clause
// Standard streams of the ranks, and the counters table.
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <unistd.h>

#include "launch/harness.hpp"
#include "tally/tally.h"

namespace tally::test {
namespace {

std::vector<std::string> soft(int ranks, std::vector<std::string> options, std::vector<std::string> arguments) {
  std::vector<std::string> all{"run", "-n", std::to_string(ranks), "--engine", "soft"};
  all.insert(all.end(), options.begin(), options.end());
  all.insert(all.end(), {"--", TALLY_HELPER});
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

TEST(Output, many_lines_of_many_ranks_stay_whole_and_in_order) {
  const auto outcome = tally(soft(4, {}, {"lines=3000"}));
  EXPECT_EQ(outcome.code, 0);
  std::map<int, int> next;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    int rank = -1;
    int number = -1;
    int used = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "rank %d line %d end%n", &rank, &number, &used), 2) << line;
    ASSERT_EQ(static_cast<std::size_t>(used), line.size()) << line;
    ASSERT_EQ(number, next[rank]++) << line;
  }
  ASSERT_EQ(next.size(), 4u);
  for (const auto& [rank, count] : next) EXPECT_EQ(count, 3000) << "rank " << rank;
}

TEST(Output, stdout_and_stderr_stay_apart) {
  const auto outcome = tally(soft(1, {}, {"say=to out", "complain=to err"}));
  EXPECT_EQ(outcome.out, "to out\n");
  EXPECT_EQ(outcome.err, "to err\n");
}

TEST(Output, tags_name_the_rank_of_each_line) {
  const auto outcome = tally(soft(2, {"--tag-output"}, {"only=1", "sleep=300", "only=all", "say=a", "say=b"}));
  EXPECT_EQ(outcome.out, "[0] a\n[0] b\n[1] a\n[1] b\n");
}

TEST(Output, unfinished_last_line_is_not_lost) {
  EXPECT_EQ(tally(soft(1, {}, {"say=one", "part=two"})).out, "one\ntwo");
}

TEST(Output, unfinished_line_is_not_joined_with_another_rank) {
  const auto outcome = tally(soft(2, {}, {"only=1", "sleep=500", "say=next", "only=0", "part=open"}));
  EXPECT_EQ(outcome.out, "open\nnext\n");
}

TEST(Output, what_a_crashed_rank_wrote_is_kept) {
  EXPECT_EQ(tally(soft(1, {}, {"part=last words", "signal=9"})).out, "last words");
}

TEST(Output, stdin_goes_to_rank_0_only) {
  const auto outcome = tally(soft(3, {}, {"cat"}), "first\nsecond\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "0 got first\n0 got second\n");
}

TEST(Output, ranks_get_their_place_in_the_job) {
  const auto outcome = tally(soft(1, {}, {"env=TALLY_RANK", "env=TALLY_SIZE", "env=TALLY_JOB"}));
  EXPECT_TRUE(std::regex_match(outcome.out,
                               std::regex("TALLY_RANK=0\nTALLY_SIZE=1\nTALLY_JOB=/proc/[0-9]+/fd/[0-9]+\n")))
      << outcome.out;
}

TEST(Output, closed_stdout_neither_hangs_nor_leaks_into_the_job) {
  // The shell closes our stdout: the job must not get its descriptors at number 1.
  const std::string line = std::string("exec \"") + TALLY_COMMAND + "\" run -n 2 --engine soft -- \"" + TALLY_HELPER +
                           "\" say=out complain=err >&-";
  const auto outcome = tally({"run", "-n", "1", "--engine", "soft", "--", "/bin/sh", "-c", line});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "err\nerr\n");
}

class Counters : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(engine, Counters, ::testing::ValuesIn(test_engines()),
                         [](const auto& test) { return test.param; });

/// The numbers of a row of the table; empty when there is no such row.
std::vector<std::string> row(const std::string& table, const std::string& name) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word != name) continue;
    std::vector<std::string> values;
    while (words >> word) values.push_back(word);
    return values;
  }
  return {};
}

TEST_P(Counters, table_shows_each_rank_and_the_total) {
  const auto outcome = tally({"run", "-n", "3", "--engine", GetParam(), "--counters", "--", TALLY_COUNTERS_PROGRAM});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::vector<std::string> sends{"1", "0", "0", "1"};
  const std::vector<std::string> receives{"0", "1", "0", "1"};
  const std::vector<std::string> collectives{"1", "1", "1", "3"};
  const std::vector<std::string> sent{"100", "0", "0", "100"};
  const std::vector<std::string> received{"0", "100", "0", "100"};
  EXPECT_EQ(row(outcome.out, "sends"), sends) << outcome.out;
  EXPECT_EQ(row(outcome.out, "receives"), receives) << outcome.out;
  EXPECT_EQ(row(outcome.out, "collectives"), collectives) << outcome.out;
  EXPECT_EQ(row(outcome.out, "sent_bytes"), sent) << outcome.out;
  EXPECT_EQ(row(outcome.out, "received_bytes"), received) << outcome.out;
  const auto matches = row(outcome.out, "cpu_matches");
  ASSERT_EQ(matches.size(), 4u);
  if (GetParam() == "rtl") {
    EXPECT_EQ(matches.back(), "0");
    EXPECT_EQ(row(outcome.out, "cpu_copied_bytes").back(), "0");
    EXPECT_NE(row(outcome.out, "device_tx_packets").back(), "0");
    EXPECT_NE(outcome.out.find("device time at the end (simulated): "), std::string::npos);
  } else {
    EXPECT_EQ(matches.back(), "1") << outcome.out;
    EXPECT_EQ(row(outcome.out, "device_tx_packets").back(), "0");
  }
}

/// Runs a job that writes its counters to a file; what is in it.
nlohmann::json counters_file(std::vector<std::string> command) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("tally-counters-{}.json", ::getpid());
  command.insert(command.begin(), {"run", "--counters-json", path.string()});
  const auto outcome = tally(command);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.find("tally counters"), std::string::npos) << "a table that nobody asked for";
  std::ifstream file(path);
  const auto root = nlohmann::json::parse(file, nullptr, false);
  std::filesystem::remove(path);
  return root;
}

TEST_P(Counters, file_holds_every_counter_of_each_rank_and_the_total) {
  const auto root = counters_file({"-n", "3", "--engine", GetParam(), "--", TALLY_COUNTERS_PROGRAM});
  ASSERT_TRUE(root.is_object()) << root;
  EXPECT_EQ(root.at("engine"), GetParam());
  ASSERT_EQ(root.at("ranks").size(), 3u);
  EXPECT_EQ(root.at("ranks").at(0).at("sent_bytes"), 100);
  EXPECT_EQ(root.at("ranks").at(1).at("sent_bytes"), 0);
  EXPECT_EQ(root.at("total").at("collectives"), 3);
  EXPECT_EQ(root.at("total").size(), (sizeof(tally_counters) - 8) / 8) << "a counter is not shown";
  EXPECT_EQ(root.at("ranks").at(2).size(), root.at("total").size());
  EXPECT_EQ(root.at("device_time_us").is_null(), GetParam() != "rtl");
}

TEST(CountersTable, as_json_stands_behind_all_output) {
  const auto outcome =
      tally({"run", "-n", "2", "--engine", "soft", "--counters=json", "--", TALLY_COUNTERS_PROGRAM});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto root = nlohmann::json::parse(outcome.out, nullptr, false);
  ASSERT_TRUE(root.is_object()) << outcome.out;
  EXPECT_EQ(root.at("total").at("sends"), 1);
}

TEST(CountersTable, of_an_unknown_form_is_refused) {
  const auto outcome = tally(soft(1, {"--counters=xml"}, {"say=started"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "tally run: --counters: 'xml' is neither table nor json\n");
  EXPECT_EQ(outcome.out, "");
}

TEST(CountersTable, a_file_that_cannot_be_written_is_refused) {
  const auto outcome = tally(soft(1, {"--counters-json", "/nonexistent/file"}, {"say=started"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("--counters-json: '/nonexistent/file' cannot be written"), std::string::npos);
  EXPECT_EQ(outcome.out, "");
}

TEST(CountersTable, ranks_without_endpoint_show_none) {
  const auto outcome = tally(soft(2, {"--counters"}, {"say=done"}));
  EXPECT_EQ(outcome.code, 0);
  const std::vector<std::string> none{"-", "-", "0"};
  EXPECT_EQ(row(outcome.out, "sends"), none) << outcome.out;
  EXPECT_TRUE(counters_file({"-n", "2", "--engine", "soft", "--", TALLY_HELPER, "say=done"}).at("ranks").at(1).is_null());
  EXPECT_LT(outcome.out.rfind("done"), outcome.out.find("tally counters")) << "the table stands after all output";
}

TEST(CountersTable, no_table_unless_asked) {
  EXPECT_EQ(tally(soft(1, {}, {"say=done"})).out, "done\n");
}

}  // namespace
}  // namespace tally::test
