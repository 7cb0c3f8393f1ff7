// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <array>
#include <fmt/format.h>
#include <fstream>
#include <nlohmann/json.hpp>

#include "api/names.hpp"
#include "bench/options.hpp"
#include "bench/report.hpp"
#include "bench/workload.hpp"
#include "launch/harness.hpp"
#include "support/elements.hpp"

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
  expect_refused({"--push-max", "4097"}, "--push-max: '4097'");
  expect_refused({"--repeats", "0"}, "--repeats: '0'");
  expect_refused({"--dtype", "f8"}, "--dtype: no element type 'f8'; there are byte, i8");
  expect_refused({"--dtype", "f32", "--op", "band"}, "--op: band does not reduce f32");
  expect_refused({"--op", "avg"}, "--op: no operation 'avg'");
  expect_refused({"--concurrent", "9"}, "--concurrent: '9'");
  expect_refused({"--concurrent", "2"}, "--concurrent: engine soft");
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
  for (const tally_dtype dtype : kAllDtypes) {
    for (const tally_op op : kAllOps) {
      if (!has_reduction(dtype, op)) continue;
      SCOPED_TRACE("dtype " + std::to_string(dtype) + ", op " + std::to_string(op));
      std::vector<std::byte> output(256);
      // One rank: the result is its input.
      bench::fill_input(output, dtype, op, bench::Pattern::kExact, 5, 2, 0);
      EXPECT_EQ(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 1, 0), "");
      output[73] ^= std::byte{0x40};  // no padding of any type
      output[80] ^= std::byte{0x40};
      EXPECT_NE(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 1, 0), "");
      bench::poison(output);
      EXPECT_NE(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 3, 1), "");
      bench::fill_input(output, dtype, op, bench::Pattern::kRandom, 5, 2, 0);
      EXPECT_EQ(bench::check_result(output, dtype, op, bench::Pattern::kRandom, 5, 2, 1, 0), "");
      EXPECT_NE(bench::check_result(output, dtype, op, bench::Pattern::kRandom, 5, 3, 1, 0), "") << "another round's";
      // Three ranks: what the plain reference of the tests makes of the inputs.
      std::vector<std::byte> inputs[3];
      for (unsigned rank = 0; rank < 3; ++rank) {
        inputs[rank].resize(256);
        bench::fill_input(inputs[rank], dtype, op, bench::Pattern::kExact, 5, 2, rank);
      }
      for (std::size_t at = 0; at < 256; at += shape_of(dtype).bytes) {
        Element sum = decode(dtype, &inputs[0][at]);
        for (const auto* next : {&inputs[1], &inputs[2]}) sum = combine(dtype, op, sum, decode(dtype, &(*next)[at]));
        encode(dtype, sum, &output[at]);
      }
      EXPECT_EQ(bench::check_result(output, dtype, op, bench::Pattern::kExact, 5, 2, 3, 0), "");
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
      // One round of all with all is not the one-port model's: it may undercut the log2(N) rounds of the bound.
      const bool one_round = row.at("algorithm") == "direct";
      EXPECT_GE(row.at("ratio_to_bound"), one_round ? 0.5 : 1.0) << "faster than the model allows";
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

/// Every type and every operation; every pair of them on the engine that starts quickly (on rtl tests/api and
/// tests/rtl_reduce have every pair).
TEST_P(Bench, every_type_and_operation_is_correct) {
  const bool all = GetParam() == "soft";
  for (const auto& dtype : api::kDtypes) {
    bool first = true;
    for (const auto& op : api::kOps) {
      if (!has_reduction(dtype.value, op.value)) continue;
      if (!all && !first && dtype.value != TALLY_I32) continue;
      first = false;
      const auto outcome = tally(bench(GetParam(), {"--ranks", "3", "--sizes", "16,144", "--repeats", "1", "--dtype",
                                                    dtype.word, "--op", op.word}));
      EXPECT_EQ(outcome.code, 0) << dtype.word << ' ' << op.word << '\n' << outcome.err;
    }
  }
}

/// The benchmark's JSON of these options, on the fabric.
nlohmann::json fabric_json(std::vector<std::string> options, std::string* table = nullptr) {
  const TemporaryFile file("");
  options.insert(options.end(), {"--json", file.path()});
  const auto outcome = tally(bench("rtl", std::move(options)));
  EXPECT_EQ(outcome.code, 0) << outcome.err << outcome.out;
  if (table != nullptr) *table = outcome.out;
  std::ifstream stream(file.path());
  return nlohmann::json::parse(stream);
}

/// `pushed`: longest input that comes with the doorbell.
void expect_parts_add_up(const nlohmann::json& row, std::uint64_t pushed = 4096) {
  const auto& parts = row.at("breakdown");
  double sum = 0;
  for (const char* part : {"doorbell_ns", "operand_read_ns", "wire_ns", "device_and_pipeline_ns", "completion_ns"}) {
    sum += parts.at(part).get<double>();
    const std::string name = part;
    // The rest is negative where one round undercuts the rounds of the bound.
    if (name == "device_and_pipeline_ns" && row.at("algorithm") == "direct") continue;
    if (name == "operand_read_ns" && row.at("bytes") <= pushed) {
      EXPECT_EQ(parts.at(part), 0) << "the operand came with the doorbell: " << row;
    } else {
      EXPECT_GT(parts.at(part), 0) << part << " of " << row;
    }
  }
  EXPECT_NEAR(sum, parts.at("latency_ns"), 1e-6) << row;
  EXPECT_GT(parts.at("link_busy"), 0);
  EXPECT_LE(parts.at("link_busy"), 1) << row;
}

TEST(BenchOnFabric, parts_add_up_to_the_latency_and_repeats_nearly_agree) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  std::string table;
  const auto json = fabric_json({"--sizes", "8,4K,64K", "--repeats", "3"}, &table);
  for (const auto& row : json.at("rows")) {
    expect_parts_add_up(row);
    // What a repeat leaves in the device is whose turn is next: a few cycles of 4 ns.
    EXPECT_NEAR(row.at("latency_min_ns"), row.at("latency_max_ns"), 80);
    EXPECT_EQ(row.at("breakdown").at("latency_ns"), row.at("latency_median_ns"));
    EXPECT_GT(row.at("device_reduced_bytes"), 0);
    const auto latency = fmt::format("{:.1f}", row.at("latency_median_ns").get<double>());
    EXPECT_NE(table.find(latency), std::string::npos) << latency << " is not in\n" << table;
  }
  EXPECT_EQ(json.at("version"), TALLY_TEST_VERSION);
  EXPECT_EQ(json.at("offloaded"), true);
  EXPECT_NE(table.find("\nOFFLOADED: no CPU"), std::string::npos) << table;
}

TEST(BenchOnFabric, skewed_runs_add_up_too) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  const auto json = fabric_json({"--sizes", "8,4K", "--repeats", "5", "--skew-ns", "700"});
  for (const auto& row : json.at("rows")) {
    expect_parts_add_up(row);
    EXPECT_LT(row.at("latency_min_ns"), row.at("latency_max_ns"));
    EXPECT_EQ(row.at("breakdown").at("latency_ns"), row.at("latency_median_ns"));
  }
}

TEST(BenchOnFabric, bound_and_parts_follow_the_configured_fabric) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  const TemporaryFile config(R"({"link_gbps": 40, "link_latency_ns": 100, "mmio_write_ns": 300, "clock_mhz": 125})");
  std::string table;
  const auto json = fabric_json({"--sizes", "8,64K", "--repeats", "1", "--config", config.path()}, &table);
  EXPECT_EQ(json.at("fabric").at("link_gbps"), 40.0);
  EXPECT_EQ(json.at("fabric").at("clock_mhz"), 125.0);
  const auto& rows = json.at("rows");
  EXPECT_EQ(rows.at(0).at("bound_ns"), 2 * (100 + 200 + 100) + 300 + 250);
  EXPECT_NEAR(rows.at(1).at("bound_ns"), 1.5 * 65536 * 8 / 40, 1e-6);
  EXPECT_NE(table.find("2 x 400 + 300 + 250 = 1350.0 ns"), std::string::npos) << table;
  for (const auto& row : rows) {
    expect_parts_add_up(row);
    // From the device's completion to its sight there are one DMA write and some cycles, whatever the clock.
    EXPECT_GE(row.at("breakdown").at("completion_ns"), 250);
    EXPECT_LT(row.at("breakdown").at("completion_ns"), 500);
  }
}

TEST(BenchOnFabric, short_inputs_come_with_the_doorbell_unless_push_max_forbids_it) {
  if (!have_engine("rtl")) GTEST_SKIP() << "engine rtl is not in this build";
  const std::vector<std::string> sizes{"--sizes", "16,64,2K,8K", "--repeats", "2"};
  auto with = [&](const char* most) {
    auto arguments = sizes;
    arguments.insert(arguments.end(), {"--push-max", most});
    return fabric_json(arguments);
  };
  const auto pushed = with("4096"), some = with("64"), none = with("0");
  for (std::size_t k = 0; k < 4; ++k) {
    const auto bytes = pushed.at("rows").at(k).at("bytes").get<std::uint64_t>();
    const auto stored = [&](const nlohmann::json& json) { return json.at("rows").at(k).at("cpu_pushed_bytes").get<std::uint64_t>(); };
    const auto latency = [&](const nlohmann::json& json) { return json.at("rows").at(k).at("latency_median_ns").get<double>(); };
    EXPECT_EQ(stored(pushed), bytes > 16 && bytes <= 4096 ? 2 * 4 * bytes : 0);
    EXPECT_EQ(stored(some), bytes == 64 ? 2 * 4 * bytes : 0);
    EXPECT_EQ(stored(none), 0u);
    if (bytes > 16 && bytes <= 4096) {
      EXPECT_LT(latency(pushed) + 300, latency(none)) << bytes;  // the read takes 600 ns
    }
    expect_parts_add_up(pushed.at("rows").at(k));
    expect_parts_add_up(some.at("rows").at(k), 64);
    expect_parts_add_up(none.at("rows").at(k), 16);
  }
}

TEST(BenchReport, work_of_a_cpu_is_not_offloaded) {
  const bench::Options options;
  bench::Report report;
  report.rows.resize(2);
  for (auto& row : report.rows) row.latency_ns = {10};
  EXPECT_EQ(bench::cpu_work(report), "");
  EXPECT_NE(bench::as_table(options, report).find("\nOFFLOADED: no CPU"), std::string::npos);
  for (auto member : {&bench::Work::cpu_matches, &bench::Work::cpu_reduced_bytes, &bench::Work::cpu_copied_bytes}) {
    auto changed = report;
    changed.rows[1].work.*member = 7;
    EXPECT_NE(bench::cpu_work(changed).find('7'), std::string::npos);
    EXPECT_NE(bench::as_table(options, changed).find("\nNOT OFFLOADED: the CPUs"), std::string::npos);
    EXPECT_EQ(bench::as_json(options, changed).at("offloaded"), false);
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
