// SPDX-License-Identifier: BSD-3-Clause
// Bad command lines: nothing starts, the exit code tells, the message names the argument.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "launch/harness.hpp"
#include "tally/device.hpp"

namespace tally::test {
namespace {

void expect_refused(const Outcome& outcome, int code, const std::string& names) {
  EXPECT_EQ(outcome.code, code) << outcome.err;
  EXPECT_NE(outcome.err.find(names), std::string::npos) << "message does not name '" << names << "': " << outcome.err;
  EXPECT_EQ(outcome.out.find("started"), std::string::npos) << "a rank ran";
}

Outcome run(std::vector<std::string> options, std::vector<std::string> program = {TALLY_HELPER, "say=started"}) {
  options.insert(options.begin(), "run");
  options.push_back("--");
  options.insert(options.end(), program.begin(), program.end());
  return tally(options);
}

TEST(Arguments, version_is_that_of_the_project) {
  const auto outcome = tally({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, fmt::format("tally {}\n", TALLY_TEST_VERSION));
}

TEST(Arguments, help_of_each_command_has_an_example) {
  EXPECT_NE(tally({"--help"}).out.find("Example: tally "), std::string::npos);
  for (const char* command : {"run", "info", "bench", "schedule"}) {
    const auto outcome = tally({command, "--help"});
    EXPECT_EQ(outcome.code, 0);
    if (std::string(command) == "bench") {
      EXPECT_NE(tally({command, "allreduce", "--help"}).out.find("Example: tally bench"), std::string::npos);
    } else {
      EXPECT_NE(outcome.out.find(std::string("Example: tally ") + command), std::string::npos);
    }
  }
}

TEST(Arguments, internal_command_is_not_in_the_help) {
  EXPECT_EQ(tally({"--help"}).out.find("  fabric"), std::string::npos);
}

TEST(Arguments, no_command_is_refused) { EXPECT_EQ(tally({}).code, 2); }
TEST(Arguments, unknown_command_is_refused) { expect_refused(tally({"fly"}), 2, "fly"); }
TEST(Arguments, unknown_option_of_run_is_refused) {
  expect_refused(tally({"run", "-n", "1", "--bad", TALLY_HELPER, "say=started"}), 2, "--bad");
}
TEST(Arguments, missing_rank_count_is_refused) { expect_refused(run({"--engine", "soft"}), 2, "-n"); }
TEST(Arguments, zero_ranks_are_refused) { expect_refused(run({"-n", "0", "--engine", "soft"}), 2, "-n: '0'"); }
TEST(Arguments, negative_ranks_are_refused) { expect_refused(run({"-n", "-2", "--engine", "soft"}), 2, "-n: '-2'"); }
TEST(Arguments, rank_count_that_is_no_number_is_refused) {
  expect_refused(run({"-n", "four", "--engine", "soft"}), 2, "-n: 'four'");
  expect_refused(run({"-n", "4x", "--engine", "soft"}), 2, "-n: '4x'");
  expect_refused(run({"-n", "1.5", "--engine", "soft"}), 2, "-n: '1.5'");
  expect_refused(run({"-n", "99999999999999999999", "--engine", "soft"}), 2, "-n: '99999999999999999999'");
}
TEST(Arguments, more_ranks_than_soft_takes_are_refused) {
  expect_refused(run({"-n", "65", "--engine", "soft"}), 2, "1 to 64");
}
TEST(Arguments, more_ranks_than_rtl_takes_are_refused) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  expect_refused(run({"-n", std::to_string(device::kMaxRanks + 1), "--engine", "rtl"}), 2,
                 fmt::format("1 to {}", device::kMaxRanks));
}
TEST(Arguments, unknown_engine_is_refused_and_the_engines_are_listed) {
  const auto outcome = run({"-n", "1", "--engine", "warp"});
  expect_refused(outcome, 2, "--engine: no engine 'warp'");
  for (const auto& engine : test_engines()) EXPECT_NE(outcome.err.find(engine), std::string::npos) << outcome.err;
}
TEST(Arguments, unknown_engine_in_the_environment_is_refused) {
  expect_refused(tally({"run", "-n", "1", "--", TALLY_HELPER, "say=started"}, "", {{"TALLY_ENGINE", "warp"}}), 2,
                 "TALLY_ENGINE: no engine 'warp'");
}
#ifndef TALLY_TEST_WITH_RTL
TEST(Arguments, engine_that_is_not_built_in_is_refused) {
  expect_refused(run({"-n", "1", "--engine", "rtl"}), 2, "not in this build");
}
#endif
TEST(Arguments, environment_chooses_the_engine) {
  const auto outcome = tally({"run", "-n", "1", "--", TALLY_HELPER, "env=TALLY_ENGINE"}, "", {{"TALLY_ENGINE", "soft"}});
  EXPECT_EQ(outcome.out, "TALLY_ENGINE=soft\n");
}
TEST(Arguments, auto_takes_the_best_engine) {
  const auto outcome = tally({"run", "-n", "1", "--engine", "auto", "--", TALLY_HELPER, "env=TALLY_ENGINE"});
  EXPECT_EQ(outcome.out, have_engine("rtl") ? "TALLY_ENGINE=rtl\n" : "TALLY_ENGINE=soft\n");
}

TEST(Arguments, missing_program_is_refused) { expect_refused(tally({"run", "-n", "1", "--engine", "soft"}), 2, "PROG"); }
TEST(Arguments, program_not_in_path_gives_127) {
  expect_refused(run({"-n", "1", "--engine", "soft"}, {"no-such-program-here"}), 127, "no-such-program-here");
}
TEST(Arguments, program_path_that_does_not_exist_gives_127) {
  expect_refused(run({"-n", "1", "--engine", "soft"}, {"/no/such/program"}), 127, "/no/such/program");
}
TEST(Arguments, program_that_is_not_executable_gives_126) {
  const TemporaryFile file("text");
  expect_refused(run({"-n", "1", "--engine", "soft"}, {file.path()}), 126, file.path());
}
TEST(Arguments, folder_as_program_gives_126) {
  expect_refused(run({"-n", "1", "--engine", "soft"}, {"/tmp"}), 126, "'/tmp' is a directory");
}
TEST(Arguments, program_of_no_known_format_gives_126) {
  const TemporaryFile file("\x01\x02\x03 no program", 0700);
  expect_refused(run({"-n", "2", "--engine", "soft"}, {file.path()}), 126, file.path());
}
TEST(Arguments, program_is_found_in_path) {
  EXPECT_EQ(run({"-n", "2", "--engine", "soft"}, {"echo", "--x", "y"}).out, "--x y\n--x y\n");
}

TEST(Arguments, config_for_an_engine_without_fabric_is_refused) {
  expect_refused(run({"-n", "1", "--engine", "soft", "--config", "/no/such.json"}), 2, "--config");
}

TEST(Arguments, capture_for_an_engine_without_fabric_is_refused) {
  expect_refused(run({"-n", "1", "--engine", "soft", "--pcap", "x.pcap"}), 2, "--pcap");
}

class Config : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  }
};
TEST_F(Config, missing_file_is_refused) {
  expect_refused(run({"-n", "1", "--engine", "rtl", "--config", "/no/such.json"}), 2, "/no/such.json");
}
TEST_F(Config, file_that_is_no_json_is_refused) {
  const TemporaryFile file("{ link_gbps: ");
  expect_refused(run({"-n", "1", "--engine", "rtl", "--config", file.path()}), 2, file.path());
}
TEST_F(Config, unknown_key_is_refused) {
  const TemporaryFile file(R"({"link_gbsp": 100})");
  expect_refused(run({"-n", "1", "--engine", "rtl", "--config", file.path()}), 2, "link_gbsp");
}
TEST_F(Config, capture_that_cannot_be_written_is_refused) {
  expect_refused(run({"-n", "1", "--engine", "rtl", "--pcap", "/no/such/x.pcap"}), 2, "/no/such/x.pcap");
}
TEST_F(Config, value_out_of_range_is_refused) {
  const TemporaryFile file(R"({"link_gbps": -1})");
  expect_refused(run({"-n", "1", "--engine", "rtl", "--config", file.path()}), 2, "link_gbps");
}

}  // namespace
}  // namespace tally::test
