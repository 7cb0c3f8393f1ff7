// SPDX-License-Identifier: BSD-3-Clause
// Programs that misuse the library, or die, on each engine: every rank ends with a reason, and nothing is left.
#include <csignal>
#include <gtest/gtest.h>
#include <sstream>

#include "harness.hpp"

namespace tally::test {
namespace {

std::vector<std::string> run_of(const std::string& engine, int ranks, const std::string& what) {
  return {"run", "-n", std::to_string(ranks), "--engine", engine, "--", TALLY_MISUSE_PROGRAM, what};
}

/// Lines of ranks, "rank 1: TALLY_ERR_...".
std::vector<std::string> reports(const std::string& err) {
  std::vector<std::string> lines;
  std::istringstream text(err);
  for (std::string line; std::getline(text, line);) {
    if (line.rfind("rank ", 0) == 0 && line.find(": TALLY_ERR_") != std::string::npos) lines.push_back(line);
  }
  return lines;
}

struct Misuse {
  const char* what;
  const char* named;  ///< every rank's report holds this
};

class OnEachEngine : public testing::TestWithParam<std::string> {};
using WrongArgument = OnEachEngine;
using Disagreement = OnEachEngine;
using Death = OnEachEngine;
INSTANTIATE_TEST_SUITE_P(On, WrongArgument, testing::ValuesIn(test_engines()));
INSTANTIATE_TEST_SUITE_P(On, Disagreement, testing::ValuesIn(test_engines()));
INSTANTIATE_TEST_SUITE_P(On, Death, testing::ValuesIn(test_engines()));

void expect_every_rank_tells(const std::string& engine, int ranks, const Misuse& misuse) {
  SCOPED_TRACE(engine + ", " + std::to_string(ranks) + " ranks: " + misuse.what);
  Command command(run_of(engine, ranks, misuse.what));
  const Outcome outcome = command.wait();
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  const auto told = reports(outcome.err);
  EXPECT_EQ(told.size(), static_cast<std::size_t>(ranks)) << outcome.err;
  for (const std::string& line : told) {
    // A rank that the launcher's end of the job reached first says so; one that saw the reason names it.
    if (line.find("the job is being ended") != std::string::npos) continue;
    EXPECT_NE(line.find(misuse.named), std::string::npos) << line;
  }
  EXPECT_NE(outcome.err.find(misuse.named), std::string::npos) << outcome.err;
  EXPECT_LT(outcome.seconds, 20);
  EXPECT_TRUE(command.leftovers().empty());
}

TEST_P(WrongArgument, is_named_on_every_rank) {
  for (const Misuse& misuse : {Misuse{"unregistered_send", "NOT_REGISTERED: tally_send: buffer ["},
                               Misuse{"unregistered_receive", "NOT_REGISTERED: tally_recv: buffer ["},
                               Misuse{"unregistered_input", "NOT_REGISTERED: tally_allreduce: input ["},
                               Misuse{"negative_count", "tally_allreduce: count -1 is negative"},
                               Misuse{"negative_count_bcast", "tally_bcast: count -4 is negative"},
                               Misuse{"negative_length", "tally_send: length -1 is negative"},
                               Misuse{"unknown_dtype", "tally_allreduce: dtype 31 is not"},
                               Misuse{"unknown_op", "tally_allreduce: op 15 is not"},
                               Misuse{"root_out_of_range", "tally_bcast: root 2 is out of range"},
                               Misuse{"destination_out_of_range", "tally_send: destination 2 is out of range"}}) {
    expect_every_rank_tells(GetParam(), 2, misuse);
  }
}

TEST_P(Disagreement, is_named_on_every_rank) {
  for (const int ranks : {2, 4}) {
    for (const Misuse& misuse :
         {Misuse{"count", "count differs: "}, Misuse{"count_and_algorithm", "count differs: "},
          Misuse{"count_and_algorithm_reversed", "count differs: "}, Misuse{"count_zero", "count differs: "},
          Misuse{"dtype", "dtype differs: "}, Misuse{"op", "op differs: "},
          Misuse{"root", "another collective, algorithm or root"}, Misuse{"bcast_count", "count differs: "},
          Misuse{"barrier_against_allreduce", "perhaps another collective"}}) {
      expect_every_rank_tells(GetParam(), ranks, misuse);
    }
  }
}

TEST_P(Death, of_a_rank_ends_the_others) {
  for (const char* what : {"killed_in_messages", "killed_in_collectives"}) {
    SCOPED_TRACE(what);
    Command command(run_of(GetParam(), 3, what));
    const Outcome outcome = command.wait();
    EXPECT_EQ(outcome.code, 128 + SIGKILL) << outcome.err;
    EXPECT_NE(outcome.err.find("rank 2 "), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.err.find("TALLY_ERR_JOB: "), std::string::npos) << outcome.err;
    EXPECT_LT(outcome.seconds, 20);
    EXPECT_TRUE(command.leftovers().empty());
  }
}

TEST(FabricDeath, ends_every_rank) {
  if (!have_engine("rtl")) GTEST_SKIP() << "this build has no simulated fabric";
  Command command(run_of("rtl", 2, "go_on"));
  ASSERT_TRUE(command.wait_for_output("under way"));
  ASSERT_TRUE(command.kill_process("tally-fabric", SIGKILL));
  const Outcome outcome = command.wait();
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_NE(outcome.err.find("the fabric process ended by signal 9"), std::string::npos) << outcome.err;
  const auto told = reports(outcome.err);
  EXPECT_EQ(told.size(), 2u) << outcome.err;
  EXPECT_LT(outcome.seconds, 20);
  EXPECT_TRUE(command.leftovers().empty());
}

}  // namespace
}  // namespace tally::test
