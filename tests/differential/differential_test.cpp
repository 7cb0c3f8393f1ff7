// SPDX-License-Identifier: BSD-3-Clause
// The same random program on the soft engine and on the RTL: each run checks itself against the matching rules, and
// the two must have seen the same completions and the same bytes. On the RTL with devices of all sizes, path MTUs and
// links that lose, duplicate, reorder and damage frames; the counters tell that what a setting is for did happen.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/seed.hpp"

namespace {

namespace fs = std::filesystem;

#ifdef TALLY_TEST_WITH_RTL
constexpr bool kWithRtl = true;
#else
constexpr bool kWithRtl = false;
#endif

std::string read_file(const fs::path& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

/// What the devices are like in a run.
struct Setting {
  std::string name;
  std::vector<int> ranks;
  unsigned phases;
  std::string environment;        ///< "NAME=value ..." before the command
  std::string config;             ///< of the fabric, JSON
  std::vector<std::string> some;  ///< counters, or beginnings of counters, that are above 0
  std::vector<std::string> none;  ///< counters that are 0
};

struct Outcome {
  std::string seen;                               ///< what all ranks wrote
  std::map<std::string, std::uint64_t> counters;  ///< over all ranks
};

/// The last number of each row of the counters table.
std::map<std::string, std::uint64_t> totals(const std::string& output) {
  std::map<std::string, std::uint64_t> values;
  std::istringstream lines(output.substr(std::min(output.size(), output.find("tally counters: "))));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string last;
    words >> name;
    for (std::string word; words >> word;) last = word;
    if (!last.empty() && last.find_first_not_of("0123456789") == std::string::npos) values[name] = std::stoull(last);
  }
  return values;
}

/// Runs the program under `tally run`; fails the test when it fails.
Outcome run_program(const std::string& engine, int ranks, std::uint64_t seed, unsigned phases,
                    const std::string& environment = "", const std::string& config = "") {
  const fs::path dir = fs::temp_directory_path() / ("tally-diff-" + std::to_string(::getpid()) + "-" + engine);
  fs::create_directories(dir);
  const std::string out = (dir / "seen").string();
  std::string options;
  if (!config.empty()) {
    std::ofstream(dir / "config.json") << config;
    options = " --config " + (dir / "config.json").string();
  }
  const std::string command = "TALLY_TIMEOUT=60 " + environment + (environment.empty() ? "" : " ") + TALLY_COMMAND +
                              " run -n " + std::to_string(ranks) + " --engine " + engine + options + " --counters -- " +
                              RANDOM_PROGRAM + " --seed " + std::to_string(seed) + " --phases " +
                              std::to_string(phases) + " --out " + out;
  const int status = std::system((command + " > " + (dir / "log").string() + " 2>&1").c_str());
  const std::string log = read_file(dir / "log");
  EXPECT_EQ(status, 0) << "replay: " << command << (config.empty() ? "" : "\nwith the configuration " + config) << '\n'
                       << log.substr(0, log.find("tally counters: "));
  Outcome outcome;
  for (int r = 0; r < ranks; ++r)
    outcome.seen += "rank " + std::to_string(r) + '\n' + read_file(out + "." + std::to_string(r));
  outcome.counters = totals(log);
  fs::remove_all(dir);
  EXPECT_NE(outcome.seen.find("hash"), std::string::npos) << "the program did nothing";
  return outcome;
}

std::vector<Setting> settings() {
  const std::vector<std::string> no_cpu{"cpu_matches", "cpu_reduced_bytes", "cpu_copied_bytes"};
  const std::string faults = R"({"loss": 0.01, "duplicate": 0.01, "reorder": 0.01, "corrupt": 0.01, "seed": 7})";
  const auto all = [](const std::string& n) {
    return "TALLY_POSTED=" + n + " TALLY_UNEXPECTED=" + n + " TALLY_BOUNCE=" + n + " TALLY_SPILL=" + n +
           " TALLY_CQ=" + n;
  };
  // Hundreds of messages wait at a time: with the default number of bounce slots some would be spilled.
  const std::string room = "TALLY_BOUNCE=1024";
  return {
      {"room_for_all", {1, 2, 3, 4, 5, 8}, 11, room, "", {"cpu_pushed_bytes"}, no_cpu},
      {"default_sizes", {3}, 9, "", "", {}, {"cpu_reduced_bytes"}},
      {"everything_shrunk_to_8", {2, 4}, 7, all("8"), "", {"fallback_", "handovers_to_device"}, {}},
      {"everything_shrunk_to_1", {1, 2, 3}, 3, all("1"), "", {"fallback_", "handovers_to_device"}, {}},
      {"posted_1", {3}, 9, "TALLY_POSTED=1", "", {"fallback_posted_full", "handovers_to_device"}, {}},
      {"unexpected_1", {3}, 9, "TALLY_UNEXPECTED=1", "", {"fallback_spilled_unexpected", "handovers_to_device"}, {}},
      {"bounce_1", {3}, 9, "TALLY_BOUNCE=1", "", {"fallback_spilled_bounce", "handovers_to_device"}, {}},
      {"unexpected_1_spill_1", {3}, 4, "TALLY_UNEXPECTED=1 TALLY_SPILL=1", "", {"fallback_", "handovers_to_device"},
       {}},
      {"nothing_pushed", {3}, 9, room + " TALLY_PUSH_MAX=0", "", {}, {"cpu_matches", "cpu_reduced_bytes", "cpu_copied_bytes", "cpu_pushed_bytes"}},
      {"cq_1", {3}, 6, "TALLY_CQ=1", "", {}, {}},
      {"mtu_256", {2, 4}, 9, room + " TALLY_MTU=256", "", {}, no_cpu},
      {"mtu_1024", {2, 4}, 9, room + " TALLY_MTU=1024", "", {}, no_cpu},
      {"faulty_links", {2, 4}, 9, room, faults, {"device_retransmits", "device_icrc_errors"}, no_cpu},
      {"faulty_links_mtu_256", {3}, 9, room + " TALLY_MTU=256", faults, {"device_retransmits", "device_icrc_errors"},
       no_cpu},
      {"faulty_links_everything_shrunk_to_1", {3}, 4, all("1"), faults,
       {"fallback_", "handovers_to_device", "device_retransmits"}, {}},
      {"staging", {3}, 9, room, R"({"dma": "staging"})", {"fallback_staging"}, {"cpu_matches", "cpu_reduced_bytes"}},
  };
}

struct Case {
  Setting setting;
  int ranks;
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.setting.name << ", " << test.ranks << " ranks"; }

std::vector<Case> cases() {
  std::vector<Case> list;
  for (const Setting& setting : settings())
    for (const int ranks : setting.ranks) list.push_back({setting, ranks});
  return list;
}

/// Sum of the counters that begin like this. Bytes through a staging window and collectives whose algorithm was replaced
/// count only under their own names: they are no message that an engine could not take.
std::uint64_t sum(const std::map<std::string, std::uint64_t>& counters, const std::string& beginning) {
  std::uint64_t total = 0;
  for (const auto& [name, value] : counters) {
    const bool of_a_message = name != "fallback_staging" && name != "fallback_algorithm";
    if (name.rfind(beginning, 0) == 0 && (of_a_message || beginning == name)) total += value;
  }
  return total;
}

class Differential : public ::testing::TestWithParam<Case> {};

TEST_P(Differential, soft_and_rtl_see_the_same) {
  if (!kWithRtl) GTEST_SKIP() << "this build has no simulated fabric";
  const auto& [setting, ranks] = GetParam();
  const std::uint64_t first = tally::test::seed(20260101 + static_cast<std::uint64_t>(ranks) * 1000);
  std::map<std::string, std::uint64_t> counters;
  for (unsigned k = 0; k < tally::test::effort(); ++k) {
    const Outcome soft = run_program("soft", ranks, first + k, setting.phases);
    const Outcome rtl = run_program("rtl", ranks, first + k, setting.phases, setting.environment, setting.config);
    ASSERT_EQ(soft.seen, rtl.seen) << "seed " << first + k;
    for (const auto& [name, value] : rtl.counters) counters[name] += value;
  }
  ASSERT_GT(counters["receives"], 0u) << "no counters";
  for (const std::string& name : setting.some) EXPECT_GT(sum(counters, name), 0u) << name;
  for (const std::string& name : setting.none) {
    ASSERT_TRUE(counters.contains(name)) << name;
    EXPECT_EQ(counters[name], 0u) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, Differential, ::testing::ValuesIn(cases()), [](const auto& test) {
  return test.param.setting.name + "_ranks_" + std::to_string(test.param.ranks);
});

class Soft : public ::testing::TestWithParam<int> {};

/// Timing differs from run to run, what the programs see does not.
TEST_P(Soft, follows_the_matching_rules_in_each_run_alike) {
  const int ranks = GetParam();
  const std::uint64_t first = tally::test::seed(20260301 + static_cast<std::uint64_t>(ranks) * 1000);
  for (unsigned k = 0; k < 4 * tally::test::effort(); ++k) {
    const Outcome once = run_program("soft", ranks, first + k, 25);
    const Outcome again = run_program("soft", ranks, first + k, 25);
    ASSERT_EQ(once.seen, again.seen) << "seed " << first + k;
    // Sends that waited for room in a ring are all that the soft engine may count: it depends on who was slow.
    EXPECT_EQ(sum(once.counters, "fallback_") + sum(once.counters, "handovers_"), sum(once.counters, "fallback_ring_full"));
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, Soft, ::testing::Values(1, 2, 3, 4, 5, 8));

}  // namespace
