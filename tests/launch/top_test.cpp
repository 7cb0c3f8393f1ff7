// SPDX-License-Identifier: BSD-3-Clause
// `tally top`: what it shows of jobs that run, and what it says where there is nothing to show. Every test names its job: others
// may run on this machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <unistd.h>

#include "job/job.hpp"
#include "launch/harness.hpp"

namespace tally::test {
namespace {

using nlohmann::json;

/// A job of the program above that ends when end() is called.
class Job {
 public:
  Job(const std::string& how, int ranks, const std::string& engine = "soft") {
    folder_ = std::filesystem::temp_directory_path() / "tally-top-XXXXXX";
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    command_ = std::make_unique<Command>(std::vector<std::string>{"run", "-n", std::to_string(ranks), "--engine", engine, "--",
                                                                  TALLY_TOP_PROGRAM, how, file()});
    for (int ready = 0; ready < ranks;) {
      if (!command_->wait_for_output("ready ")) throw std::runtime_error("the job does not start");
      ready = count_ready();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  ~Job() { std::filesystem::remove_all(folder_); }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  [[nodiscard]] std::string id() const { return std::to_string(command_->pid()); }
  [[nodiscard]] std::string file() const { return folder_ + "/end"; }
  void end() const { std::ofstream(file()) << "now"; }
  Outcome wait() { return command_->wait(); }
  [[nodiscard]] Command& command() const { return *command_; }

 private:
  /// Ranks whose program is past its messages.
  [[nodiscard]] int count_ready() const {
    const std::string out = command_->output();
    int lines = 0;
    for (std::size_t at = out.find("ready "); at != std::string::npos; at = out.find("ready ", at + 1)) ++lines;
    return lines;
  }
  std::string folder_;
  std::unique_ptr<Command> command_;
};

json once(const std::string& id, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"top", id, "--once", "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = tally(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out, nullptr, false);
}

/// The same when every rank has told its counters once: however busy the machine is, they come.
json told(const std::string& id) {
  for (int i = 0; i < 200; ++i) {
    json look = once(id);
    const json& ranks = look.at("ranks");
    if (std::none_of(ranks.begin(), ranks.end(), [](const json& rank) { return rank.at("counters").is_null(); }))
      return look;
  }
  ADD_FAILURE() << "a rank does not tell its counters";
  return once(id);
}

class Top : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(engine, Top, ::testing::ValuesIn(test_engines()), [](const auto& test) { return test.param; });

TEST_P(Top, shows_what_each_rank_has_done_so_far) {
  Job job("calls", 2, GetParam());
  const json look = told(job.id());
  ASSERT_TRUE(look.is_object());
  EXPECT_EQ(look.at("job"), job.command().pid());
  EXPECT_EQ(look.at("engine"), GetParam());
  EXPECT_NE(look.at("command").get<std::string>().find(TALLY_TOP_PROGRAM), std::string::npos);
  const json& ranks = look.at("ranks");
  ASSERT_EQ(ranks.size(), 2u);
  EXPECT_EQ(ranks[0].at("state"), "runs");
  EXPECT_EQ(ranks[0].at("counters").at("sends"), 5);
  EXPECT_EQ(ranks[0].at("counters").at("receives"), 0);
  EXPECT_EQ(ranks[1].at("counters").at("receives"), 5);
  EXPECT_EQ(ranks[1].at("counters").at("received_bytes"), 500);
  EXPECT_EQ(look.at("total").at("sent_bytes"), 500);
  EXPECT_TRUE(look.at("total_rates").is_null());
  EXPECT_TRUE(ranks[0].at("rates").is_null());
  // A device has matched them, or the CPU.
  EXPECT_EQ(look.at("total").at("cpu_matches"), GetParam() == "soft" ? 5 : 0);
  EXPECT_GE(look.at("total").at("device_tx_packets"), GetParam() == "rtl" ? 5 : 0);
  job.end();
  EXPECT_EQ(job.wait().code, 0);
}

TEST_P(Top, follows_a_job_with_rates_to_its_end) {
  Job job("barriers", 2, GetParam());
  Command top({"top", job.id(), "--interval", "0.1", "--json", "--match", "collectives"});
  const auto moves = [&top] {
    std::istringstream lines(top.output());
    for (std::string line; std::getline(lines, line);) {
      const json look = json::parse(line, nullptr, false);
      if (look.is_object() && look.at("total_rates").is_object() && look.at("total_rates").at("collectives") > 0) return true;
    }
    return false;
  };
  for (int i = 0; i < 3000 && !moves(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  job.end();
  EXPECT_EQ(job.wait().code, 0);
  const Outcome outcome = top.wait();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  std::vector<json> looks;
  for (std::string line; std::getline(lines, line);) looks.push_back(json::parse(line));
  ASSERT_GE(looks.size(), 3u);
  EXPECT_TRUE(looks.front().at("total_rates").is_null());
  std::uint64_t last = 0;
  double fastest = 0;
  for (const json& look : looks) {
    const auto now = look.at("total").at("collectives").get<std::uint64_t>();
    EXPECT_GE(now, last) << "a counter ran backwards";
    last = now;
    if (!look.at("total_rates").is_null())
      fastest = std::max(fastest, look.at("total_rates").at("collectives").get<double>());
  }
  EXPECT_GT(fastest, 0);
  const json& end = looks.back();
  EXPECT_EQ(end.at("ranks")[0].at("state"), "left");
  EXPECT_EQ(end.at("ranks")[0].at("counters").at("collectives"), end.at("ranks")[1].at("counters").at("collectives"));
}

TEST(TopCommand, says_that_a_rank_which_computes_has_told_nothing) {
  Job job("computes", 2);
  const json look = once(job.id());
  EXPECT_TRUE(look.at("ranks")[1].at("counters").is_null());
  const Outcome text = tally({"top", job.id(), "--once"});
  EXPECT_NE(text.out.find("ranks 0, 1: no numbers before their next call of Tally"), std::string::npos) << text.out;
  job.end();
  EXPECT_EQ(job.wait().code, 0);
}

TEST(TopCommand, shows_who_waits) {
  Job job("waits", 2);
  std::string state;
  for (int i = 0; i < 300 && state != "waits"; ++i) state = once(job.id()).at("ranks")[1].at("state");
  EXPECT_EQ(state, "waits");
  EXPECT_EQ(once(job.id()).at("ranks")[0].at("state"), "runs");
  job.end();
  EXPECT_EQ(job.wait().code, 0);
}

TEST(TopCommand, takes_the_number_of_any_process_of_the_job) {
  Job job("calls", 2);
  const json look = once(job.id());
  const auto pid = look.at("ranks")[1].at("pid").get<int>();
  EXPECT_EQ(once(std::to_string(pid)).at("job"), look.at("job"));
  job.end();
  EXPECT_EQ(job.wait().code, 0);
}

TEST(TopCommand, a_rank_that_left_shows_its_last_numbers) {
  Job job("waits", 2);
  (void)told(job.id());
  Command top({"top", job.id(), "--interval", "0.1"});
  ASSERT_TRUE(top.wait_for_output("received_bytes"));
  job.end();
  EXPECT_EQ(job.wait().code, 0);
  const Outcome outcome = top.wait();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find(fmt::format("job {} has ended", job.id())), std::string::npos) << outcome.err;
  const std::string last = outcome.out.substr(outcome.out.rfind("job "));
  EXPECT_NE(last.find("left"), std::string::npos) << last;
  EXPECT_NE(last.find("501"), std::string::npos) << "five messages of 100 bytes and one of 1: " << last;
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos) << "no terminal, no escapes";
}

TEST(TopCommand, ends_with_a_job_that_dies) {
  Job job("crashes", 2);
  Command top({"top", job.id(), "--interval", "0.1"});
  ASSERT_TRUE(top.wait_for_output("sends"));
  job.end();
  EXPECT_EQ(job.wait().code, 128 + SIGKILL);
  const Outcome outcome = top.wait();
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.err.find("has ended"), std::string::npos) << outcome.err;
}

TEST(TopCommand, shows_the_counters_that_are_asked_for) {
  Job job("calls", 2);
  (void)told(job.id());
  const Outcome some = tally({"top", job.id(), "--once", "--match", "bytes"});
  EXPECT_NE(some.out.find("  sent_bytes "), std::string::npos) << some.out;
  EXPECT_EQ(some.out.find("  sends "), std::string::npos) << some.out;
  EXPECT_EQ(some.out.find("fallback_"), std::string::npos) << "nothing fell back: " << some.out;
  EXPECT_NE(some.out.find("not shown (--all)"), std::string::npos) << some.out;
  const Outcome zeros = tally({"top", job.id(), "--once", "--all", "--match", "fallback_*", "--match", "sends"});
  EXPECT_NE(zeros.out.find("  fallback_ring_full "), std::string::npos) << zeros.out;
  EXPECT_NE(zeros.out.find("  sends "), std::string::npos) << zeros.out;
  EXPECT_EQ(zeros.out.find("receives "), std::string::npos) << zeros.out;
  EXPECT_EQ(once(job.id(), {"--match", "sends"}).at("total").size(), 1u);
  const Outcome sorted = tally({"top", job.id(), "--once", "--sort", "value", "--match", "sen"});
  EXPECT_LT(sorted.out.find("  sent_bytes "), sorted.out.find("  sends ")) << sorted.out;
  job.end();
  EXPECT_EQ(job.wait().code, 0);
}

TEST(TopCommand, lists_jobs_with_what_they_run) {
  Job first("calls", 1);
  Job second("calls", 3);
  const Outcome outcome = tally({"top", "--list", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const json jobs = json::parse(outcome.out).at("jobs");
  for (Job* job : {&first, &second}) {
    const auto found = std::find_if(jobs.begin(), jobs.end(),
                                    [job](const json& one) { return one.at("job") == job->command().pid(); });
    ASSERT_NE(found, jobs.end()) << outcome.out;
    EXPECT_EQ(found->at("ranks"), job == &first ? 1 : 3);
    EXPECT_NE(found->at("command").get<std::string>().find(TALLY_TOP_PROGRAM), std::string::npos);
  }
  const Outcome text = tally({"top"});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.out.find(first.id()), std::string::npos) << text.out;
  EXPECT_NE(text.err.find("several jobs run"), std::string::npos) << text.err;
  for (Job* job : {&first, &second}) {
    job->end();
    EXPECT_EQ(job->wait().code, 0);
  }
}

TEST(TopCommand, finds_a_program_that_nobody_launched) {
  const std::string folder = std::filesystem::temp_directory_path() / "tally-top-alone-XXXXXX";
  std::string name = folder;
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  Command shell({"run", "-n", "1", "--engine", "soft", "--", "/bin/sh", "-c",
                 fmt::format("unset TALLY_JOB TALLY_RANK TALLY_SIZE; exec {} calls {}/end", TALLY_TOP_PROGRAM, name)});
  ASSERT_TRUE(shell.wait_for_output("\n"));
  const std::string out = shell.output();
  const json look = told(out.substr(6, out.find('\n') - 6));
  EXPECT_EQ(look.at("ranks").size(), 1u);
  EXPECT_EQ(look.at("ranks")[0].at("state"), "runs");
  EXPECT_TRUE(look.at("ranks")[0].at("counters").is_object());
  std::ofstream(name + "/end") << "now";
  EXPECT_EQ(shell.wait().code, 0);
  std::filesystem::remove_all(name);
}

TEST(TopCommand, says_which_version_a_job_has) {
  const job::Segment segment = job::Segment::create(1, job::EngineKind::kSoft, false);
  segment.header().version = 99;
  const Outcome outcome = tally({"top", std::to_string(getpid()), "--once"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("its version is 99, this library has"), std::string::npos) << outcome.err;
}

TEST(TopCommand, says_why_there_is_nothing_to_show) {
  const Outcome none = tally({"top", "999999999", "--once"});
  EXPECT_EQ(none.code, 1);
  EXPECT_EQ(none.err, "tally top: JOB: there is no process 999999999\n");
  const Outcome other = tally({"top", std::to_string(getpid()), "--once"});
  EXPECT_EQ(other.code, 1);
  EXPECT_EQ(other.err, fmt::format("tally top: JOB: process {} is in no Tally job that runs\n", getpid()));
}

TEST(TopCommand, says_that_a_job_belongs_to_another_user) {
  if (geteuid() != 0 || access("/usr/bin/setpriv", X_OK) != 0)
    GTEST_SKIP() << "SKIPPED: only root can be another user, by setpriv";
  const Outcome outcome =
      tally({"run", "-n", "1", "--engine", "soft", "--", "/bin/sh", "-c",
             fmt::format("setpriv --reuid=65534 --clear-groups true && exec setpriv --reuid=65534 --clear-groups {} top $PPID",
                         TALLY_COMMAND)});
  if (outcome.code == 126 || outcome.code == 127) GTEST_SKIP() << "SKIPPED: another user cannot start the command";
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("belongs to another user (uid 0): its job cannot be looked at"), std::string::npos)
      << outcome.err;
}

TEST(TopCommand, refuses_arguments_that_mean_nothing) {
  const auto refused = [](std::vector<std::string> arguments, const std::string& text) {
    arguments.insert(arguments.begin(), "top");
    const Outcome outcome = tally(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
  };
  refused({"abc"}, "JOB: 'abc' is not the number of a process");
  refused({"--interval", "0"}, "--interval: 0 is not a number of seconds from 0.05 to 86400");
  refused({"--sort", "age"}, "--sort: 'age' is none of sections, name, value and rate");
  refused({"--match", "no_such"}, "--match: no counter's name has 'no_such'");
}

}  // namespace
}  // namespace tally::test
