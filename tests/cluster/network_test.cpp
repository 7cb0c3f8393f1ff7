// SPDX-License-Identifier: BSD-3-Clause
// Ranks that reach each other over libfabric, on one machine: forced, or because they are told to be on
// several hosts.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cluster/pmi_server.hpp"
#include "cluster/processes.hpp"
#include "support/seed.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;

#ifdef TALLY_TEST_OFI
constexpr bool kHaveOfi = true;
#else
constexpr bool kHaveOfi = false;
#endif

/// Ranks of a job: rank r is on host hosts[r]; each letter is a host.
std::vector<Outcome> run_on(const std::string& hosts, const std::vector<std::string>& program,
                            const Environment& environment = {}, std::chrono::seconds limit = 100s) {
  PmiServer server(static_cast<int>(hosts.size()), 1);
  std::vector<Process> processes;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    Environment all = environment;
    all.emplace_back("TALLY_HOST", std::string(1, hosts[rank]));
    processes.push_back(server.start(static_cast<int>(rank), program, all));
  }
  std::vector<Outcome> outcomes;
  for (Process& process : processes) {
    const int code = process.wait(limit);
    outcomes.push_back({code, process.output()});
  }
  return outcomes;
}

void expect_all_well(const std::vector<Outcome>& outcomes) {
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.code, 0) << outcome.output;
}

class Network : public testing::Test {
 protected:
  void SetUp() override {
    if (!kHaveOfi) GTEST_SKIP() << "built without libfabric";
  }
};

TEST_F(Network, forced_on_one_host_carries_all_messages) {
  for (const char* ranks : {"2", "3", "5"}) {
    const Outcome outcome =
        run({TALLY_COMMAND, "run", "-n", ranks, "--engine", "soft", "--", CLUSTER_PROGRAM},
            {{"TALLY_TRANSPORT", "ofi"}});
    EXPECT_EQ(outcome.code, 0) << outcome.output;
  }
}

TEST_F(Network, ranks_of_several_hosts_use_memory_and_network_together) {
  for (const char* hosts : {"ab", "aab", "abab", "aabbc"}) expect_all_well(run_on(hosts, {CLUSTER_PROGRAM}));
}

TEST_F(Network, other_providers_carry_the_same) {
  for (const char* provider : {"tcp", "sockets"}) {
    expect_all_well(run_on("ab", {CLUSTER_PROGRAM}, {{"TALLY_OFI_PROVIDER", provider}}));
  }
}

TEST_F(Network, examples_run) {
  for (const char* example : {EXAMPLE_RING, EXAMPLE_COLLECTIVES}) expect_all_well(run_on("aabb", {example}));
}

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

TEST_F(Network, random_programs_see_the_same_as_over_shared_memory) {
  const std::uint64_t number = seed(20);
  const auto folder =
      std::filesystem::temp_directory_path() / ("tally-network-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  for (const int ranks : {2, 3, 4}) {
    for (const char* transport : {"shm", "ofi"}) {
      const Outcome outcome =
          run({TALLY_COMMAND, "run", "-n", std::to_string(ranks), "--engine", "soft", "--", RANDOM_PROGRAM,
               "--seed", std::to_string(number), "--phases", "25", "--out", folder / transport},
              {{"TALLY_TRANSPORT", transport}}, 200s);
      ASSERT_EQ(outcome.code, 0) << outcome.output;
    }
    for (int rank = 0; rank < ranks; ++rank) {
      const std::string end = "." + std::to_string(rank);
      const std::string seen = read_file(folder / ("shm" + end));
      EXPECT_FALSE(seen.empty());
      EXPECT_EQ(seen, read_file(folder / ("ofi" + end)))
          << "rank " << rank << " of " << ranks << ", seed " << number;
    }
  }
  std::filesystem::remove_all(folder);
}

TEST_F(Network, rank_that_takes_nothing_stops_those_that_send_to_it_only) {
  const std::vector<Outcome> outcomes = run_on("abc", {CLUSTER_PROGRAM, "absent"});
  expect_all_well(outcomes);
  EXPECT_EQ(count(outcomes[0].output, "the others go on"), 1u) << outcomes[0].output;
}

TEST_F(Network, rank_that_dies_ends_the_waits_on_other_hosts) {
  const std::vector<Outcome> outcomes = run_on("aabb", {CLUSTER_PROGRAM, "die", "2"});
  for (const std::size_t rank : {0u, 1u, 3u}) {
    EXPECT_EQ(outcomes[rank].code, 0) << outcomes[rank].output;
    EXPECT_EQ(count(outcomes[rank].output, "ended after a while with TALLY_ERR_JOB"), 1u)
        << outcomes[rank].output;
  }
}

TEST_F(Network, rank_that_dies_alone_on_its_host_is_named_with_the_provider) {
  const std::vector<Outcome> outcomes = run_on("ab", {CLUSTER_PROGRAM, "die", "1"});
  EXPECT_EQ(outcomes[0].code, 0) << outcomes[0].output;
  EXPECT_EQ(count(outcomes[0].output, "ended after a while with TALLY_ERR_JOB"), 1u) << outcomes[0].output;
  EXPECT_GE(count(outcomes[0].output, "ofi_rxm, rank 1: "), 1u) << outcomes[0].output;
}

TEST_F(Network, collective_that_differs_ends_on_all_hosts) {
  for (const Outcome& outcome : run_on("aabb", {CLUSTER_PROGRAM, "broken"})) {
    EXPECT_EQ(outcome.code, 0) << outcome.output;
  }
}

TEST_F(Network, provider_that_is_not_there_is_an_error_that_names_it) {
  for (const Outcome& outcome : run_on("ab", {CLUSTER_PROGRAM}, {{"TALLY_OFI_PROVIDER", "carrier_pigeon"}})) {
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(count(outcome.output, "carrier_pigeon"), 1u) << outcome.output;
  }
}

TEST_F(Network, interface_that_is_not_there_is_an_error_that_names_it) {
  for (const Outcome& outcome : run_on("ab", {CLUSTER_PROGRAM}, {{"TALLY_OFI_DOMAIN", "pigeon0"}})) {
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(count(outcome.output, "TALLY_OFI_DOMAIN 'pigeon0'"), 1u) << outcome.output;
  }
}

TEST(Transport, shm_for_several_hosts_is_an_error) {
  for (const Outcome& outcome : run_on("ab", {CLUSTER_PROGRAM}, {{"TALLY_TRANSPORT", "shm"}})) {
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(count(outcome.output, "TALLY_TRANSPORT: shm, but this job's ranks are on several hosts"), 1u)
        << outcome.output;
  }
}

TEST(Transport, unknown_name_is_an_error_that_lists_the_names) {
  const Outcome outcome = run({CLUSTER_PROGRAM}, {{"TALLY_TRANSPORT", "udp"}});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(count(outcome.output, "auto, shm, ofi"), 1u) << outcome.output;
}

TEST(Transport, ranks_that_differ_in_it_are_an_error) {
  PmiServer server(2, 1);
  Process first = server.start(0, {CLUSTER_PROGRAM}, {{"TALLY_TRANSPORT", "shm"}});
  Process second = server.start(1, {CLUSTER_PROGRAM}, {{"TALLY_TRANSPORT", "auto"}});
  EXPECT_EQ(first.wait(30s), 3) << first.output();
  EXPECT_EQ(second.wait(30s), 3) << second.output();
  EXPECT_EQ(count(first.output(), "TALLY_TRANSPORT: 'shm' here (rank 0), 'auto' at rank 1"), 1u)
      << first.output();
}

}  // namespace
}  // namespace tally::test
