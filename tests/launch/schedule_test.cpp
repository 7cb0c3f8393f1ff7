// SPDX-License-Identifier: BSD-3-Clause
// `tally schedule`: what it prints, what it proves, and how it refuses.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "launch/harness.hpp"

namespace tally::test {
namespace {

Outcome schedule(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "schedule");
  return tally(std::move(arguments));
}

void expect_refused(const Outcome& outcome, const std::string& text, int code = 2) {
  EXPECT_EQ(outcome.code, code) << outcome.out;
  EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.out, "");
}

TEST(ScheduleList, names_every_algorithm_with_its_needs_and_when_it_is_taken) {
  const auto outcome = schedule({"list"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"dissemination", "\nallreduce ", "ring_fused", "any size, counts", "to 512 B, unasked",
                           "from 24577 B on", "by name", "\nalltoall "}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text;
  }
  const auto one = schedule({"list", "bcast", "--ranks", "3"});
  EXPECT_EQ(one.out.find("allreduce"), std::string::npos);
  EXPECT_NE(one.out.find("0 B to 12 KiB"), std::string::npos) << one.out;
}

TEST(ScheduleShow, prints_an_instruction_a_line) {
  const auto outcome = schedule({"show", "bcast", "--algorithm", "binomial", "--ranks", "4", "--root", "1"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("bcast binomial: 4 ranks, root 1, 1 chunk"), std::string::npos);
  EXPECT_NE(outcome.out.find("     0  RecvCopySend        out[0] = received                     from 1, to 0\n"),
            std::string::npos)
      << outcome.out;
}

TEST(ScheduleShow, takes_what_a_call_of_a_size_runs) {
  const auto outcome = schedule({"show", "allreduce", "--ranks", "8", "--bytes", "1048576", "--rank", "7"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.rfind("allreduce ring_fused: 8 ranks", 0), 0u) << outcome.out;
  EXPECT_EQ(outcome.out.find("rank 6"), std::string::npos);
}

TEST(ScheduleShow, bad_arguments_are_named) {
  expect_refused(schedule({"show", "allfold", "--algorithm", "ring"}), "COLLECTIVE: no collective 'allfold'");
  expect_refused(schedule({"show", "allreduce"}), "--algorithm NAME or --bytes B is required");
  expect_refused(schedule({"show", "allreduce", "--algorithm", "chain"}),
                 "--algorithm: algorithm \"chain\" is not one of allreduce: direct, ");
  expect_refused(schedule({"show", "allreduce", "--algorithm", "ring", "--ranks", "0"}), "--ranks: '0'");
  expect_refused(schedule({"show", "allreduce", "--algorithm", "ring", "--root", "0"}),
                 "--root: allreduce has no root");
  expect_refused(schedule({"show", "bcast", "--algorithm", "chain", "--root", "4"}), "--root: '4'");
  expect_refused(schedule({"show", "bcast", "--algorithm", "chain", "--rank", "4"}), "--rank: '4'");
  expect_refused(schedule({"show", "bcast", "--algorithm", "chain", "--bytes", "many"}), "--bytes: 'many'");
  expect_refused(schedule({"show", "allreduce", "--algorithm", "direct", "--bytes", "1000"}),
                 "--algorithm: allreduce algorithm direct takes at most 512 bytes, not 1000");
  expect_refused(schedule({"show"}), "COLLECTIVE");
  expect_refused(schedule({}), "subcommand");
}

TEST(ScheduleVerify, proves_ranges_of_ranks) {
  const auto outcome = schedule({"verify", "allreduce", "--algorithm", "rabenseifner", "--ranks", "2-9,16"});
  ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  EXPECT_NE(outcome.out.find("allreduce rabenseifner"), std::string::npos);
  EXPECT_NE(outcome.out.find("proved:    9 schedules"), std::string::npos) << outcome.out;
}

TEST(ScheduleVerify, proves_64_ranks_of_every_algorithm_in_less_than_a_second) {
  const auto outcome = schedule({"verify", "--ranks", "64"});
  ASSERT_EQ(outcome.code, 0) << outcome.out << outcome.err;
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find("ranks) in ");
    ASSERT_NE(at, std::string::npos) << line;
    // Three times that, as tests run side by side, and with sanitizers.
    EXPECT_LT(std::stod(line.substr(at + 10)), 3.0) << line;
  }
}

TEST(ScheduleVerify, bad_arguments_are_named) {
  for (const char* ranks : {"0", "4-2", "4-", "-4", "2,,3", "two", "2-5000"})
    expect_refused(schedule({"verify", "barrier", std::string("--ranks=") + ranks}), "--ranks: '");
  expect_refused(schedule({"verify", "barrier", "--algorithm", "ring"}), "--algorithm: barrier has no 'ring'");
  expect_refused(schedule({"verify", "barrier", "--root", "0"}), "--root: barrier has no root");
  expect_refused(schedule({"verify", "bcast", "--ranks", "3-5", "--root", "4"}), "--root: '4'");
}

TEST(ScheduleImport, says_what_a_file_became_and_how_to_run_it) {
  const std::string path = TALLY_SAMPLES "/allreduce_allpairs4.xml";
  const auto outcome = schedule({"import", path});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const std::string& text :
       {std::string("allreduce allpairs@"), std::string("at most 6 thread blocks a GPU became at most 4 lanes"),
        std::string("proved: each result, no deadlock, no race"), std::string("512 B to 40 KiB"),
        "TALLY_ALGORITHM=" + path + " tally run -n 4 -- PROG"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\n" << outcome.out;
  }
  const auto blocks = schedule({"import", TALLY_SAMPLES "/allgather4.xml"});
  EXPECT_NE(blocks.out.find("blocks of multiples of 32 bytes"), std::string::npos) << blocks.out;
}

TEST(ScheduleImport, files_are_shown_verified_drawn_and_benched_as_other_algorithms) {
  const std::string path = TALLY_SAMPLES "/allreduce_ring4.xml";
  const auto shown = schedule({"show", path, "--rank", "2", "--bytes", "1000"});
  EXPECT_EQ(shown.out.rfind("allreduce ring@", 0), 0u) << shown.out << shown.err;
  EXPECT_NE(shown.out.find("1000 bytes: chunks of 125 bytes"), std::string::npos) << shown.out;
  const auto verified = schedule({"verify", path});
  EXPECT_EQ(verified.code, 0) << verified.err;
  EXPECT_NE(verified.out.find("proved:    1 schedules"), std::string::npos) << verified.out;
  EXPECT_NE(schedule({"draw", "allreduce", "--algorithm", path}).out.find("ring@"), std::string::npos);
  const auto benched =
      tally({"bench", "allreduce", "--engine", "soft", "--ranks", "4", "--sizes", "8,64K", "--algorithm", path});
  EXPECT_EQ(benched.code, 0) << benched.err;
  EXPECT_NE(benched.out.find("ring@"), std::string::npos) << benched.out;
  expect_refused(schedule({"verify", path, "--ranks", "5"}), "is for 4 ranks, not 5");
  expect_refused(schedule({"show", "bcast", "--algorithm", path}), "is one of allreduce, not of bcast");
}

TEST(ScheduleImport, faults_are_named_with_file_and_line) {
  const TemporaryFile file(
      "<algo coll=\"allreduce\">\n<gpu id=\"0\" i_chunks=\"1\" o_chunks=\"1\">\n<tb id=\"0\">\n<step type=\"x\"/>\n"
      "</tb></gpu></algo>\n");
  const std::string path = file.path() + ".xml";
  ASSERT_EQ(std::rename(file.path().c_str(), path.c_str()), 0);
  expect_refused(schedule({"import", path}), path + ": line 4: type=\"x\" is unknown", 1);
  expect_refused(schedule({"show", path}), path + ": line 4");
  std::remove(path.c_str());
  expect_refused(schedule({"import", path}), "'" + path + "' cannot be read", 1);
  expect_refused(schedule({"import", file.path()}), "is not named .xml");
}

TEST(ScheduleDraw, writes_a_picture) {
  const TemporaryFile file("");
  const auto outcome = schedule({"draw", "allreduce", "--algorithm", "ring", "--ranks", "4", "--output", file.path()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::ifstream in(file.path());
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str().rfind("<svg xmlns=\"http://www.w3.org/2000/svg\"", 0), 0u);
  EXPECT_NE(text.str().find("allreduce ring"), std::string::npos);
  EXPECT_EQ(schedule({"draw", "allreduce", "--algorithm", "ring", "--ranks", "4"}).out, text.str());
}

TEST(ScheduleDraw, file_that_cannot_be_written_is_named) {
  expect_refused(schedule({"draw", "allreduce", "--algorithm", "ring", "-o", "/no/such/x.svg"}),
                 "--output: '/no/such/x.svg'", 1);
}

}  // namespace
}  // namespace tally::test
