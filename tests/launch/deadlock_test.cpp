// SPDX-License-Identifier: BSD-3-Clause
// Jobs in which every rank waits are ended with a report; jobs in which one rank does not are left alone.
#include "launch/deadlock.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "drivers/sim/attach.hpp"
#include "harness.hpp"

namespace tally::test {
namespace {

using launch::DeadlockWatch;
using namespace std::chrono_literals;

// --- the watch alone ---------------------------------------------------------------------------

struct Watch : testing::Test {
  static constexpr unsigned kRanks = 3;
  explicit Watch(job::EngineKind engine = job::EngineKind::kSoft)
      : segment(job::Segment::create(kRanks, engine, false)),
        watch(segment, 5s, [this](std::int32_t) { return threads; }) {}

  void wait(unsigned rank, const char* text) {
    job::WaitRecord& record = segment.header().wait[rank];
    record.waiting = 1;
    ++record.waits;
    std::strcpy(record.text, text);
  }
  void all_wait() {
    for (unsigned rank = 0; rank < kRanks; ++rank) wait(rank, "a message");
  }
  /// A second goes by, in which waiting ranks look for news.
  std::optional<std::string> second() {
    now += 1s;
    for (unsigned rank = 0; rank < kRanks; ++rank) {
      if (segment.header().wait[rank].waiting != 0 && rank != stopped)
        segment.header().wait[rank].looks += 100;
    }
    return watch.look(running, now);
  }
  bool found_within(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      if (second()) return true;
    }
    return false;
  }

  job::Segment segment;
  unsigned threads = 1;
  unsigned stopped = kRanks;
  DeadlockWatch watch;
  std::vector<bool> running = std::vector<bool>(kRanks, true);
  DeadlockWatch::Clock::time_point now{};
};

struct WatchOfDevices : Watch {
  WatchOfDevices() : Watch(job::EngineKind::kRtl) {}
};

TEST_F(Watch, reports_each_rank_when_all_have_waited_for_the_time) {
  all_wait();
  wait(1, "a letter");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(second()) << i;
  const auto report = second();
  ASSERT_TRUE(report);
  EXPECT_EQ(*report,
            "deadlock: all 3 ranks wait for something that does not come, and nothing has moved for 5.0 s:\n"
            "  rank 0 waits: a message\n  rank 1 waits: a letter\n  rank 2 waits: a message");
}

TEST_F(Watch, is_silent_while_one_rank_computes) {
  all_wait();
  segment.header().wait[2].waiting = 0;
  EXPECT_FALSE(found_within(60));
}

TEST_F(Watch, begins_anew_when_a_wait_ends_and_another_begins) {
  all_wait();
  EXPECT_FALSE(found_within(5));
  ++segment.header().wait[0].waits;
  EXPECT_FALSE(found_within(5));
  EXPECT_TRUE(second());
}

TEST_F(Watch, begins_anew_when_an_engine_moves_something) {
  all_wait();
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(found_within(4));
    ++segment.header().wait[1].activity;
  }
  EXPECT_TRUE(found_within(7));
}

TEST_F(Watch, waits_for_a_rank_that_does_not_run) {
  all_wait();
  stopped = 1;
  EXPECT_FALSE(found_within(60));
  stopped = kRanks;
  EXPECT_TRUE(found_within(1));
}

TEST_F(Watch, counts_only_the_living) {
  all_wait();
  segment.header().wait[0].waiting = 0;
  running[0] = false;
  segment.header().wait[1].waiting = 0;
  segment.header().rank[1].closed = 1;
  EXPECT_FALSE(found_within(5));
  const auto report = second();
  ASSERT_TRUE(report);
  EXPECT_NE(report->find("the last rank waits"), std::string::npos) << *report;
  EXPECT_NE(report->find("rank 0 has left the job"), std::string::npos) << *report;
}

TEST_F(Watch, is_silent_where_another_thread_of_a_rank_may_call) {
  all_wait();
  segment.header().wait[0].threads = 1;
  threads = 2;
  EXPECT_FALSE(found_within(60));
  threads = 1;
  EXPECT_TRUE(found_within(7));
}

TEST_F(WatchOfDevices, is_silent_while_an_event_is_due) {
  all_wait();
  auto& area = *reinterpret_cast<sim::Area*>(segment.base() + segment.header().sim_offset);
  area.fabric_sleeping = 0;
  EXPECT_FALSE(found_within(60));
  area.fabric_sleeping = 1;
  EXPECT_TRUE(found_within(1));
}

TEST(WatchTurnedOff, finds_nothing) {
  const job::Segment segment = job::Segment::create(1, job::EngineKind::kSoft, false);
  DeadlockWatch watch(segment, 0s);
  EXPECT_EQ(watch.interval(), 0ms);
  segment.header().wait[0].waiting = 1;
  for (int i = 0; i < 10; ++i) {
    segment.header().wait[0].looks += 100;
    EXPECT_FALSE(watch.look({true}, DeadlockWatch::Clock::time_point(i * 10s)));
  }
}

TEST(WatchOfThreads, counts_those_of_a_process) {
  EXPECT_GE(DeadlockWatch::count_threads(::getpid()), 1u);
  EXPECT_EQ(DeadlockWatch::count_threads(0x7ffffff), 0u);
}

// --- jobs --------------------------------------------------------------------------------------

struct Deadlock : testing::TestWithParam<std::string> {
  static Outcome run(const std::string& what, int ranks, const std::string& seconds) {
    return tally({"run", "-n", std::to_string(ranks), "--engine", GetParam(), "--deadlock", seconds, "--",
                  TALLY_DEADLOCK_PROGRAM, what});
  }
  static void expect_report(const Outcome& outcome, std::vector<std::string> lines) {
    EXPECT_EQ(outcome.code == 0, false) << outcome.err;
    EXPECT_NE(outcome.err.find("tally run: deadlock: "), std::string::npos) << outcome.err;
    for (const std::string& line : lines)
      EXPECT_NE(outcome.err.find(line), std::string::npos) << line << " in\n" << outcome.err;
    EXPECT_LT(outcome.seconds, 30);
  }
};
INSTANTIATE_TEST_SUITE_P(On, Deadlock, testing::ValuesIn(test_engines()));

TEST_P(Deadlock, cycle_of_receives_is_reported_in_the_words_of_each_rank) {
  expect_report(run("cycle", 3, "1"),
                {"all 3 ranks wait", "rank 0 waits: act 1 of the play; ", "rank 1 waits: act 2 of the play; ",
                 "rank 2 waits: act 3 of the play; "});
}
TEST_P(Deadlock, receive_from_a_rank_that_has_left_is_reported) {
  expect_report(run("left", 3, "1"),
                {"all 2 ranks wait", "rank 0 has left the job", "rank 1 waits: ", "rank 2 waits: "});
}
TEST_P(Deadlock, collective_that_one_rank_does_not_call_is_reported) {
  expect_report(run("collective", 3, "1"), {"all 3 ranks wait"});
}
TEST_P(Deadlock, rank_that_computes_or_polls_is_no_deadlock) {
  for (const char* what : {"late", "polls"}) {
    const Outcome outcome = run(what, 3, "1");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
  }
}
TEST_P(Deadlock, nothing_is_reported_when_it_is_turned_off) {
  Command command({"run", "-n", "2", "--engine", GetParam(), "--", TALLY_DEADLOCK_PROGRAM, "cycle"}, "",
                  {{"TALLY_DEADLOCK", "0"}});
  EXPECT_EQ(command.wait(7s).code, -1);
  command.signal(SIGTERM);
  const Outcome outcome = command.wait();
  EXPECT_EQ(outcome.err.find("deadlock"), std::string::npos) << outcome.err;
}

TEST(DeadlockOption, wrong_values_are_refused) {
  for (const char* value : {"-1", "soon", "1e9"}) {
    EXPECT_NE(tally({"run", "-n", "1", "--deadlock", value, "--", "true"}).code, 0) << value;
    const Outcome outcome = tally({"run", "-n", "1", "--", "true"}, "", {{"TALLY_DEADLOCK", value}});
    EXPECT_NE(outcome.code, 0) << value << outcome.err;
    EXPECT_NE(outcome.err.find("deadlock"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace tally::test
