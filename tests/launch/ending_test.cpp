// SPDX-License-Identifier: BSD-3-Clause
// How a job ends, and that nothing of it is left.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "launch/harness.hpp"

namespace tally::test {
namespace {

std::vector<std::string> helper_job(const std::string& engine, int ranks, std::vector<std::string> arguments) {
  std::vector<std::string> all{"run", "-n", std::to_string(ranks), "--engine", engine, "--", TALLY_HELPER};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

bool says(const Outcome& outcome, const std::string& text) { return outcome.err.find(text) != std::string::npos; }

class Ending : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { before_ = shared_memory_files(); }
  void TearDown() override { EXPECT_EQ(shared_memory_files(), before_); }
  [[nodiscard]] static std::vector<std::string> job(int ranks, std::vector<std::string> arguments) {
    return helper_job(GetParam(), ranks, std::move(arguments));
  }
  std::vector<std::string> before_;
};
INSTANTIATE_TEST_SUITE_P(engine, Ending, ::testing::ValuesIn(test_engines()),
                         [](const auto& test) { return test.param; });

TEST_P(Ending, all_ranks_succeed_gives_0) {
  Command command(job(3, {"env=TALLY_SIZE"}));
  const auto outcome = command.wait();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "TALLY_SIZE=3\nTALLY_SIZE=3\nTALLY_SIZE=3\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, highest_exit_code_wins) {
  const auto outcome = tally(job(4, {"only=1", "exit=3", "only=2", "exit=9", "only=3", "exit=5"}));
  EXPECT_EQ(outcome.code, 9);
  EXPECT_TRUE(says(outcome, "rank 1 exited with code 3")) << outcome.err;
  EXPECT_TRUE(says(outcome, "rank 2 exited with code 9")) << outcome.err;
  EXPECT_TRUE(says(outcome, "rank 3 exited with code 5")) << outcome.err;
}

TEST_P(Ending, crash_names_rank_and_signal_and_ends_the_others) {
  Command command(job(4, {"only=2", "signal=11", "only=all", "hang"}));
  const auto outcome = command.wait();
  EXPECT_EQ(outcome.code, 128 + SIGSEGV);
  EXPECT_TRUE(says(outcome, "rank 2 ended by signal 11 (Segmentation fault)")) << outcome.err;
  EXPECT_TRUE(says(outcome, "ended ranks 0, 1, 3")) << outcome.err;
  EXPECT_LT(outcome.seconds, 20);
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, ranks_that_ignore_sigterm_are_killed_after_the_grace_period) {
  Command command(job(3, {"ignore=15", "say=ready", "only=0", "sleep=300", "exit=4", "only=all", "hang"}));
  const auto outcome = command.wait();
  EXPECT_EQ(outcome.code, 4);
  EXPECT_GE(outcome.seconds, 2.0);
  EXPECT_LT(outcome.seconds, 20);
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, interrupt_ends_the_job) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    Command command(job(2, {"say=ready", "hang"}));
    ASSERT_TRUE(command.wait_for_output("ready\nready\n"));
    command.signal(number);
    const auto outcome = command.wait(std::chrono::seconds(20));
    EXPECT_EQ(outcome.code, 128 + number) << outcome.err;
    EXPECT_TRUE(command.leftovers().empty());
  }
}

TEST_P(Ending, key_press_reaches_the_ranks_once_and_leaves_the_grace_period) {
  // A terminal signals the whole group: launcher and supervisor both get it. That is one interrupt, not two.
  Command command(job(2, {"ignore=2", "say=ready", "sleep=1000", "say=finished", "exit=0"}));
  ASSERT_TRUE(command.wait_for_output("ready\nready\n"));
  command.signal_group(SIGINT);
  const auto outcome = command.wait();
  EXPECT_EQ(outcome.code, 128 + SIGINT);
  EXPECT_NE(outcome.out.find("finished\nfinished\n"), std::string::npos) << outcome.out;
}

TEST_P(Ending, second_interrupt_kills_at_once) {
  Command command(job(2, {"ignore=2", "ignore=15", "say=ready", "hang"}));
  ASSERT_TRUE(command.wait_for_output("ready\nready\n"));
  const auto start = std::chrono::steady_clock::now();
  command.signal_group(SIGINT);
  usleep(500000);
  command.signal_group(SIGINT);
  const auto outcome = command.wait();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1900));
  EXPECT_EQ(outcome.code, 128 + SIGINT);
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, killed_launcher_takes_everything_with_it) {
  Command command(job(3, {"daemon", "child", "say=ready", "hang"}));
  ASSERT_TRUE(command.wait_for_output("ready\nready\nready\n"));
  ASSERT_GE(command.processes().size(), 3u * 3u + 2u);
  command.signal(SIGKILL);
  EXPECT_EQ(command.wait().code, 128 + SIGKILL);
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, killed_supervisor_takes_everything_with_it) {
  Command command(job(2, {"daemon", "child", "say=ready", "hang"}));
  ASSERT_TRUE(command.wait_for_output("ready\nready\n"));
  std::ifstream children("/proc/" + std::to_string(command.pid()) + "/task/" + std::to_string(command.pid()) +
                         "/children");
  pid_t supervisor = 0;
  if (!(children >> supervisor)) GTEST_SKIP() << "this kernel does not list children";
  kill(supervisor, SIGKILL);
  const auto outcome = command.wait();
  EXPECT_EQ(outcome.code, 128 + SIGKILL);
  EXPECT_TRUE(says(outcome, "supervising process")) << outcome.err;
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, grandchildren_end_with_a_job_that_succeeds) {
  Command command(job(2, {"daemon", "child", "say=ready"}));
  const auto outcome = command.wait(std::chrono::seconds(20));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, grandchildren_end_with_a_job_that_fails) {
  Command command(job(2, {"daemon", "child", "only=1", "exit=7", "only=all", "hang"}));
  const auto outcome = command.wait(std::chrono::seconds(20));
  EXPECT_EQ(outcome.code, 7) << outcome.err;
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(Ending, stopped_rank_does_not_keep_the_job) {
  Command command(job(2, {"only=0", "signal=19", "only=1", "sleep=200", "exit=3"}));
  const auto outcome = command.wait(std::chrono::seconds(20));
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_TRUE(command.leftovers().empty());
}

TEST(Fabric, death_of_the_fabric_ends_the_job) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  Command command(helper_job("rtl", 2, {"say=ready", "hang"}));
  ASSERT_TRUE(command.wait_for_output("ready\nready\n"));
  pid_t fabric = 0;
  for (const pid_t pid : command.processes()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (line.rfind("tally-fabric", 0) == 0) fabric = pid;
  }
  ASSERT_NE(fabric, 0);
  kill(fabric, SIGKILL);
  const auto outcome = command.wait(std::chrono::seconds(20));
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_TRUE(says(outcome, "fabric process ended by signal 9")) << outcome.err;
  EXPECT_TRUE(command.leftovers().empty());
}

}  // namespace
}  // namespace tally::test
