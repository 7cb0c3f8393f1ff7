// SPDX-License-Identifier: BSD-3-Clause
// Programs that other launchers than `tally run` start, and what is said when a launcher is there by half.
#include <gtest/gtest.h>

#include "cluster/pmi_server.hpp"
#include "cluster/processes.hpp"

namespace tally::test {
namespace {

using namespace std::chrono_literals;

#define NEED(program, package) \
  if (std::string(program).empty()) GTEST_SKIP() << "not installed: " package

const std::vector<std::string> kOrterun{ORTERUN, "--allow-run-as-root", "--oversubscribe", "-n"};

std::vector<std::string> orterun(int ranks, const std::vector<std::string>& program) {
  std::vector<std::string> all = kOrterun;
  all.push_back(std::to_string(ranks));
  all.insert(all.end(), program.begin(), program.end());
  return all;
}

std::vector<std::string> hydra(int ranks, const std::vector<std::string>& program,
                               const std::vector<std::string>& options = {}) {
  std::vector<std::string> all{HYDRA};
  all.insert(all.end(), options.begin(), options.end());
  all.insert(all.end(), {"-n", std::to_string(ranks)});
  all.insert(all.end(), program.begin(), program.end());
  return all;
}

void expect_done(const Outcome& outcome, int ranks) {
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  for (int rank = 0; rank < ranks; ++rank) {
    EXPECT_EQ(
        count(outcome.output, "rank " + std::to_string(rank) + " of " + std::to_string(ranks) + ": done"), 1u)
        << outcome.output;
  }
}

TEST(Hydra, ranks_of_pmi1_exchange_messages) {
  NEED(HYDRA, "mpich");
  for (const int ranks : {1, 2, 3, 5}) expect_done(run(hydra(ranks, {CLUSTER_PROGRAM})), ranks);
}

TEST(Hydra, ranks_of_pmi1_by_port_exchange_messages) {
  NEED(HYDRA, "mpich");
  expect_done(run(hydra(3, {CLUSTER_PROGRAM}, {"-pmi-port"})), 3);
}

TEST(Hydra, ranks_of_pmi2_exchange_messages) {
  NEED(HYDRA, "mpich");
  expect_done(run(hydra(4, {CLUSTER_PROGRAM}), {{"TALLY_LAUNCHER", "pmi2"}}), 4);
}

TEST(Hydra, starts_the_examples) {
  NEED(HYDRA, "mpich");
  EXPECT_EQ(run(hydra(4, {EXAMPLE_RING})).code, 0);
  EXPECT_EQ(run(hydra(4, {EXAMPLE_COLLECTIVES})).code, 0);
}

TEST(Hydra, tally_run_inside_it_makes_jobs_of_its_own) {
  NEED(HYDRA, "mpich");
  const Outcome outcome =
      run(hydra(1, {TALLY_COMMAND, "run", "-n", "2", "--engine", "soft", "--", CLUSTER_PROGRAM}));
  expect_done(outcome, 2);
}

TEST(Orterun, ranks_of_pmix_exchange_messages) {
  NEED(ORTERUN, "openmpi-bin");
#ifndef TALLY_TEST_PMIX
  GTEST_SKIP() << "built without PMIx";
#endif
  for (const int ranks : {1, 3, 4}) expect_done(run(orterun(ranks, {CLUSTER_PROGRAM})), ranks);
}

TEST(Orterun, starts_the_examples) {
  NEED(ORTERUN, "openmpi-bin");
#ifndef TALLY_TEST_PMIX
  GTEST_SKIP() << "built without PMIx";
#endif
  EXPECT_EQ(run(orterun(4, {EXAMPLE_RING})).code, 0);
  EXPECT_EQ(run(orterun(4, {EXAMPLE_COLLECTIVES})).code, 0);
}

/// Ends of all ranks of a job of the test's own server.
std::vector<Outcome> run_served(PmiServer& server, int ranks, const std::vector<std::string>& program,
                                const Environment& environment = {}, std::chrono::seconds limit = 60s) {
  std::vector<Process> processes;
  for (int rank = 0; rank < ranks; ++rank) processes.push_back(server.start(rank, program, environment));
  std::vector<Outcome> outcomes;
  for (Process& process : processes) {
    const int code = process.wait(limit);
    outcomes.push_back({code, process.output()});
  }
  return outcomes;
}

class Served : public testing::TestWithParam<int> {
 protected:
  [[nodiscard]] Environment launcher() const {
    return {{"TALLY_LAUNCHER", GetParam() == 1 ? "pmi1" : "pmi2"}};
  }
};
INSTANTIATE_TEST_SUITE_P(By, Served, testing::Values(1, 2), [](const testing::TestParamInfo<int>& version) {
  return "pmi" + std::to_string(version.param);
});

TEST_P(Served, ranks_exchange_messages_and_take_leave) {
  PmiServer server(3, GetParam());
  for (const Outcome& outcome : run_served(server, 3, {CLUSTER_PROGRAM}, launcher())) {
    EXPECT_EQ(outcome.code, 0) << outcome.output;
  }
  EXPECT_EQ(server.finished(), 3);
}

TEST_P(Served, a_rank_that_does_not_close_takes_no_leave) {
  PmiServer server(2, GetParam());
  (void)run_served(server, 2, {CLUSTER_PROGRAM, "quit"}, launcher());
  EXPECT_EQ(server.finished(), 0);
}

TEST_P(Served, second_endpoint_of_a_process_is_an_error) {
  PmiServer server(1, GetParam());
  const Outcome outcome = run_served(server, 1, {CLUSTER_PROGRAM, "twice"}, launcher())[0];
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_EQ(count(outcome.output, "rank 0 is open already"), 1u) << outcome.output;
  EXPECT_EQ(count(outcome.output, "rank 0 has left this job already"), 1u) << outcome.output;
}

TEST_P(Served, refused_put_is_an_error_that_says_so) {
  PmiServer server(1, GetParam());
  server.refuse_puts();
  const Outcome outcome = run_served(server, 1, {CLUSTER_PROGRAM}, launcher())[0];
  EXPECT_EQ(outcome.code, 3) << outcome.output;
  EXPECT_EQ(count(outcome.output, "the launcher refused"), 1u) << outcome.output;
}

TEST_P(Served, launcher_that_dies_is_an_error) {
  PmiServer server(2, GetParam());
  Process alone = server.start(0, {CLUSTER_PROGRAM}, launcher());  // waits for rank 1 in the barrier
  std::this_thread::sleep_for(500ms);
  server.die();
  EXPECT_EQ(alone.wait(20s), 3) << alone.output();
  EXPECT_EQ(count(alone.output(), "the launcher has closed the connection"), 1u) << alone.output();
}

TEST_P(Served, rank_that_never_comes_is_named_as_what_is_waited_for) {
  PmiServer server(2, GetParam());
  Environment environment = launcher();
  environment.emplace_back("TALLY_WARN", "0.5");
  environment.emplace_back("TALLY_TIMEOUT", "2");
  Process alone = server.start(0, {CLUSTER_PROGRAM}, environment);
  EXPECT_EQ(alone.wait(20s), 3) << alone.output();
  EXPECT_GE(count(alone.output(), "ranks that have not opened their endpoint"), 2u) << alone.output();
}

TEST_P(Served, rank_that_dies_ends_the_waits_of_the_others) {
  PmiServer server(3, GetParam());
  const std::vector<Outcome> outcomes = run_served(server, 3, {CLUSTER_PROGRAM, "die", "1"}, launcher());
  EXPECT_EQ(outcomes[1].code, -SIGKILL);
  for (const std::size_t rank : {0u, 2u}) {
    EXPECT_EQ(outcomes[rank].code, 0) << outcomes[rank].output;
    EXPECT_EQ(count(outcomes[rank].output, "ended after a while with TALLY_ERR_JOB"), 1u)
        << outcomes[rank].output;
  }
  EXPECT_EQ(count(outcomes[0].output + outcomes[2].output, "rank 1 (process "), 1u);
}

TEST(Launcher, half_there_is_an_error_with_the_variables_seen) {
  const Outcome rank_only = run({CLUSTER_PROGRAM}, {{"PMI_RANK", "1"}, {"PMI_SIZE", "4"}});
  EXPECT_EQ(rank_only.code, 3);
  EXPECT_EQ(count(rank_only.output, "PMI_RANK=1, PMI_SIZE=4"), 1u) << rank_only.output;
  const Outcome no_rank = run({CLUSTER_PROGRAM}, {{"PMI_FD", "5"}});
  EXPECT_EQ(count(no_rank.output, "PMI_RANK is not set"), 1u) << no_rank.output;
  const Outcome slurm = run({CLUSTER_PROGRAM}, {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}});
  EXPECT_EQ(slurm.code, 3);
  EXPECT_EQ(count(slurm.output, "srun --mpi=pmix"), 1u) << slurm.output;
}

TEST(Launcher, descriptor_that_is_not_open_is_an_error) {
  const Outcome outcome = run({CLUSTER_PROGRAM}, {{"PMI_FD", "99"}, {"PMI_RANK", "0"}, {"PMI_SIZE", "2"}});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(count(outcome.output, "PMI_FD: descriptor 99"), 1u) << outcome.output;
}

TEST(Launcher, none_runs_alone_whatever_is_set) {
  expect_done(run({CLUSTER_PROGRAM},
                  {{"PMI_FD", "99"}, {"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"TALLY_LAUNCHER", "none"}}),
              1);
}

TEST(Launcher, unknown_name_is_an_error_that_lists_the_names) {
  const Outcome outcome = run({CLUSTER_PROGRAM}, {{"TALLY_LAUNCHER", "lsf"}});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(count(outcome.output, "tally, pmi1, pmi2, pmix, none"), 1u) << outcome.output;
}

TEST(Launcher, simulated_devices_are_an_error_that_names_tally_run) {
  PmiServer server(1, 1);
  const Outcome outcome = run_served(server, 1, {CLUSTER_PROGRAM}, {{"TALLY_ENGINE", "rtl"}})[0];
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(count(outcome.output, "tally run --engine rtl"), 1u) << outcome.output;
}

}  // namespace
}  // namespace tally::test
