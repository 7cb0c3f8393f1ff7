// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/options.hpp"
#include "bench/workload.hpp"
#include "launch/harness.hpp"

namespace tally::test {
namespace {

std::vector<std::string> bench(const std::string& engine, std::vector<std::string> options) {
  std::vector<std::string> all{"bench", "allreduce", "--engine", engine};
  all.insert(all.end(), options.begin(), options.end());
  return all;
}

void expect_refused(std::vector<std::string> options, const std::string& names, const std::string& engine = "soft") {
  const auto outcome = tally(bench(engine, std::move(options)));
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_NE(outcome.err.find(names), std::string::npos) << outcome.err;
}

TEST(BenchArguments, bad_values_are_refused_and_named) {
  expect_refused({"--sizes", "0"}, "--sizes: '0'");
  expect_refused({"--sizes", "8:x"}, "--sizes: 'x'");
  expect_refused({"--sizes", "64:8"}, "--sizes: '64:8'");
  expect_refused({"--sizes", "8,,16"}, "--sizes: ''");
  expect_refused({"--sizes", "1G"}, "--sizes: '1G'");
  expect_refused({"--sizes", "6"}, "--sizes: 6 bytes");
  expect_refused({"--ranks", "0"}, "--ranks: '0'");
  expect_refused({"--ranks", "-1"}, "--ranks: '-1'");
  expect_refused({"--ranks", "65"}, "--ranks: '65'");
  expect_refused({"--repeats", "0"}, "--repeats: '0'");
  expect_refused({"--dtype", "f16"}, "--dtype: no element type 'f16'");
  expect_refused({"--op", "prod"}, "--op: no operation 'prod'");
  expect_refused({"--algorithm", "magic"}, "--algorithm");
  expect_refused({"--json", "/no/such/folder/x.json"}, "--json: cannot write");
  expect_refused({"--config", "x.json"}, "--config");
  expect_refused({"--skew-ns", "10"}, "--skew-ns");
  expect_refused({}, "--engine: no engine 'warp'", "warp");
}

TEST(BenchArguments, sizes_are_read) {
  std::vector<std::uint64_t> sizes;
  std::string error;
  using List = std::vector<std::uint64_t>;
  ASSERT_TRUE(bench::parse_sizes("8:64", &sizes, &error));
  EXPECT_EQ(sizes, (List{8, 16, 32, 64}));
  ASSERT_TRUE(bench::parse_sizes("100:1K", &sizes, &error));
  EXPECT_EQ(sizes, (List{128, 256, 512, 1024}));
  ASSERT_TRUE(bench::parse_sizes("8,3k,1M", &sizes, &error));
  EXPECT_EQ(sizes, (List{8, 3072, 1u << 20}));
  ASSERT_TRUE(bench::parse_sizes("64K", &sizes, &error));
  EXPECT_EQ(sizes, (List{65536}));
  EXPECT_FALSE(bench::parse_sizes("", &sizes, &error));
  EXPECT_FALSE(bench::parse_sizes("5:7", &sizes, &error));
}

/// The check must be able to fail: a right result passes, one changed bit does not.
TEST(BenchCheck, one_wrong_element_is_found) {
  for (const auto dtype : {TALLY_I32, TALLY_I64, TALLY_F32, TALLY_F64}) {
    for (const auto op : {TALLY_SUM, TALLY_MIN, TALLY_MAX}) {
      std::vector<std::byte> output(256);
      // One rank: the result is its input.
      bench::fill_input(output, dtype, bench::Pattern::kExact, 5, 2, 0);
      EXPECT_EQ(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 1, 0), "");
      output[72] ^= std::byte{0x40};
      EXPECT_NE(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 1, 0), "");
      bench::poison(output);
      EXPECT_NE(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 3, 1), "");
      bench::fill_input(output, dtype, bench::Pattern::kRandom, 5, 2, 0);
      EXPECT_EQ(bench::check_result(output, dtype, op, bench::Pattern::kRandom, 5, 2, 1, 0), "");
      EXPECT_NE(bench::check_result(output, dtype, op, bench::Pattern::kRandom, 5, 3, 1, 0), "") << "another round's";
    }
  }
}

class Bench : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(engine, Bench, ::testing::ValuesIn(test_engines()), [](const auto& test) { return test.param; });

TEST_P(Bench, json_holds_a_correct_row_for_each_size) {
  const TemporaryFile file("");
  const auto outcome = tally(
      bench(GetParam(), {"--ranks", "4", "--sizes", "8:128", "--repeats", "3", "--dtype", "f32", "--json", file.path()}));
  ASSERT_EQ(outcome.code, 0) << outcome.err << outcome.out;
  std::ifstream stream(file.path());
  const auto json = nlohmann::json::parse(stream);
  EXPECT_EQ(json.at("correct"), true);
  EXPECT_EQ(json.at("time"), GetParam() == "rtl" ? "simulated" : "wall");
  ASSERT_EQ(json.at("rows").size(), 5u);
  for (const auto& row : json.at("rows")) {
    EXPECT_EQ(row.at("latency_ns").size(), 3u);
    for (const double latency : row.at("latency_ns")) EXPECT_GT(latency, 0);
    if (GetParam() == "rtl") {
      EXPECT_GE(row.at("ratio_to_bound"), 1.0) << "faster than the model allows";
      EXPECT_EQ(row.at("cpu_reduced_bytes"), 0);
      EXPECT_EQ(row.at("cpu_copied_bytes"), 0);
      EXPECT_EQ(row.at("cpu_matches"), 0);
    } else {
      EXPECT_GT(row.at("cpu_reduced_bytes"), 0);
    }
  }
  const bool simulated = outcome.out.find("simulated") != std::string::npos;
  EXPECT_EQ(simulated, GetParam() == "rtl") << outcome.out;
  EXPECT_NE(outcome.out.find("s of wall-clock time"), std::string::npos);
}

TEST_P(Bench, every_type_and_operation_is_correct) {
  for (const char* dtype : {"i32", "i64", "f32", "f64"}) {
    for (const char* op : {"sum", "min", "max"}) {
      const auto outcome = tally(bench(
          GetParam(), {"--ranks", "3", "--sizes", "8,72", "--repeats", "1", "--dtype", dtype, "--op", op}));
      EXPECT_EQ(outcome.code, 0) << dtype << ' ' << op << '\n' << outcome.err;
    }
  }
}

TEST(BenchOnFabric, runs_are_deterministic) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  std::array<std::string, 2> text;
  for (auto& run : text) {
    const TemporaryFile file("");
    const auto outcome = tally(bench("rtl", {"--ranks", "4", "--sizes", "8,1K", "--repeats", "3", "--skew-ns", "200",
                                             "--seed", "7", "--json", file.path()}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    std::ifstream stream(file.path());
    auto json = nlohmann::json::parse(stream);
    json.erase("wall_seconds");
    run = json.dump();
  }
  EXPECT_EQ(text[0], text[1]);
}

}  // namespace
}  // namespace tally::test
