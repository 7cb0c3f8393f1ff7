// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "launch/harness.hpp"

namespace tally::test {
namespace {

TEST(Info, json_parses_and_names_engines_and_algorithms) {
  const auto outcome = tally({"info", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto info = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(info.at("version"), TALLY_TEST_VERSION);
  EXPECT_EQ(info.at("cpus"), std::thread::hardware_concurrency());
  EXPECT_TRUE(info.at("process_vm_access").is_boolean());
  std::vector<std::string> built_in;
  for (const auto& engine : info.at("engines")) {
    if (engine.at("built_in")) built_in.push_back(engine.at("name"));
  }
  for (const auto& engine : test_engines()) {
    EXPECT_NE(std::find(built_in.begin(), built_in.end(), engine), built_in.end()) << engine;
  }
  // And no others, but for the one whose hardware the tests do not have.
  for (const std::string& engine : built_in) {
    const std::vector<std::string> tested = test_engines();
    EXPECT_TRUE(engine == "verbs" || std::find(tested.begin(), tested.end(), engine) != tested.end()) << engine;
  }
  const std::vector<std::string> allreduce = info.at("algorithms").at("allreduce");
  for (const char* name : {"recursive_doubling", "ring"}) {
    EXPECT_NE(std::find(allreduce.begin(), allreduce.end(), name), allreduce.end()) << name;
  }
  for (const char* collective : {"barrier", "bcast", "allreduce", "reduce", "reduce_scatter", "scan", "exscan", "gather",
                                 "scatter", "allgather", "alltoall"}) {
    EXPECT_FALSE(info.at("algorithms").at(collective).empty()) << collective;
  }
  const std::vector<std::string> sums = info.at("dtypes").at("f32");
  EXPECT_NE(std::find(sums.begin(), sums.end(), "sum"), sums.end());
  EXPECT_EQ(info.at("dtypes").at("f32_i32"), nlohmann::json({"minloc", "maxloc"}));
  EXPECT_EQ(info.at("dtypes").size(), 20u);
}

TEST(Info, text_shows_the_same) {
  const auto outcome = tally({"info"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* text : {"soft", "recursive_doubling", "process_vm_readv", "CPUs: "}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text;
  }
}

TEST(Info, unknown_option_is_refused) {
  const auto outcome = tally({"info", "--jsno"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("--jsno"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace tally::test
