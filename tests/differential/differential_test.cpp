// SPDX-License-Identifier: BSD-3-Clause
// The same random program on the soft engine and on the RTL: each run checks itself against the matching rules, and
// the two must have seen the same completions and the same bytes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "support/seed.hpp"

namespace {

namespace fs = std::filesystem;

/// Runs the program under `tally run` and returns what all ranks wrote; fails the test when it does.
std::string run_program(const std::string& engine, int ranks, std::uint64_t seed, unsigned phases,
                        const std::string& extra = "") {
  const fs::path dir = fs::temp_directory_path() / ("tally-diff-" + std::to_string(::getpid()) + "-" + engine);
  fs::create_directories(dir);
  const std::string out = (dir / "seen").string();
  const std::string command = std::string(TALLY_COMMAND) + " run -n " + std::to_string(ranks) + " --engine " + engine +
                              " " + extra + " -- " + RANDOM_PROGRAM + " --seed " + std::to_string(seed) + " --phases " +
                              std::to_string(phases) + " --out " + out + " 2>&1";
  const int status = std::system(command.c_str());
  EXPECT_EQ(status, 0) << "replay: " << command;
  std::ostringstream all;
  for (int r = 0; r < ranks; ++r) {
    std::ifstream in(out + "." + std::to_string(r));
    all << "rank " << r << '\n' << in.rdbuf();
  }
  fs::remove_all(dir);
  return all.str();
}

class Differential : public ::testing::TestWithParam<int> {};

TEST_P(Differential, soft_and_rtl_see_the_same) {
  const int ranks = GetParam();
  const std::uint64_t first = tally::test::seed(20260101 + static_cast<std::uint64_t>(ranks) * 1000);
  for (unsigned k = 0; k < tally::test::effort(); ++k) {
    const std::string soft = run_program("soft", ranks, first + k, 24);
    const std::string rtl = run_program("rtl", ranks, first + k, 24);
    ASSERT_NE(soft.find("hash"), std::string::npos) << "the program did nothing";
    ASSERT_EQ(soft, rtl) << "seed " << first + k;
  }
}

TEST(Staging, rtl_sees_the_same_without_direct_access) {
  const std::uint64_t first = tally::test::seed(20260777);
  const fs::path config = fs::temp_directory_path() / ("tally-staging-" + std::to_string(::getpid()) + ".json");
  std::ofstream(config) << "{\"dma\": \"staging\"}";
  const std::string soft = run_program("soft", 3, first, 24);
  const std::string rtl = run_program("rtl", 3, first, 24, "--config " + config.string());
  fs::remove(config);
  ASSERT_NE(soft.find("hash"), std::string::npos) << "the program did nothing";
  EXPECT_EQ(soft, rtl) << "seed " << first;
}

INSTANTIATE_TEST_SUITE_P(Ranks, Differential, ::testing::Values(1, 2, 3, 4, 5, 8));

}  // namespace
