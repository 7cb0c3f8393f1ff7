// SPDX-License-Identifier: BSD-3-Clause
// Runs a function as N ranks: forked processes over one job segment, as the launcher would start them, on the
// engine of the running test.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "job/job.hpp"
#include "support/fabric_process.hpp"

namespace tally::test {

/// What a rank's check throws: the rank prints it and exits with 1.
struct CheckFailed : std::exception {
  explicit CheckFailed(std::string message) : text(std::move(message)) {}
  [[nodiscard]] const char* what() const noexcept override { return text.c_str(); }
  std::string text;
};

/// Ends the rank with a message when `condition` does not hold. GoogleTest's own macros do nothing in a
/// child.
#define RANK_CHECK(condition)                                                                 \
  do {                                                                                        \
    if (!(condition))                                                                         \
      throw ::tally::test::CheckFailed(std::string(__FILE__ ":") + std::to_string(__LINE__) + \
                                       ": " #condition + " [" + tally_last_error() + "]");    \
  } while (false)

#define RANK_OK(call) RANK_CHECK((call) == TALLY_OK)

inline constexpr int kKilledByWatchdog = -1000;

/// Forks `ranks` processes that run body(rank); returns their exit codes (minus the signal where one ended
/// it). After `limit` what still runs is killed: kKilledByWatchdog.
inline std::vector<int> run_ranks(const job::Segment& segment, const std::function<void(int)>& body,
                                  std::chrono::seconds limit = std::chrono::seconds(60)) {
  const int ranks = static_cast<int>(segment.header().ranks);
  std::fflush(nullptr);
  std::vector<pid_t> pids;
  for (int rank = 0; rank < ranks; ++rank) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      int code = 0;
      ::setenv("TALLY_JOB", ("/proc/self/fd/" + std::to_string(segment.fd())).c_str(), 1);
      ::setenv("TALLY_RANK", std::to_string(rank).c_str(), 1);
      ::setenv("TALLY_SIZE", std::to_string(ranks).c_str(), 1);
      try {
        body(rank);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "rank %d: %s\n", rank, error.what());
        code = 1;
      }
      std::fflush(nullptr);
      ::_exit(code);
    }
    if (pid < 0) {
      ADD_FAILURE() << "fork failed";
      break;
    }
    pids.push_back(pid);
  }
  std::vector<int> codes(static_cast<std::size_t>(ranks), kKilledByWatchdog);
  const auto end = std::chrono::steady_clock::now() + limit;
  std::size_t left = pids.size();
  std::vector<bool> reaped(pids.size());
  for (bool killed = false; left > 0;) {
    for (std::size_t i = 0; i < pids.size(); ++i) {
      int status = 0;
      if (reaped[i] || ::waitpid(pids[i], &status, killed ? 0 : WNOHANG) != pids[i]) continue;
      reaped[i] = true;
      --left;
      if (!killed) codes[i] = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    if (left == 0) break;
    if (!killed && std::chrono::steady_clock::now() > end) {
      for (std::size_t i = 0; i < pids.size(); ++i) {
        if (!reaped[i]) ::kill(pids[i], SIGKILL);
      }
      killed = true;
    } else if (!killed) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return codes;
}

/// The engine of the running test's ranks.
inline job::EngineKind& current_engine() {
  static job::EngineKind engine = job::EngineKind::kSoft;
  return engine;
}
inline bool on_rtl() { return current_engine() == job::EngineKind::kRtl; }
/// Simulation costs time: the rank counts of a scenario, on rtl up to `most`.
inline std::vector<int> rank_counts(std::vector<int> counts, int most = 4) {
  if (on_rtl()) std::erase_if(counts, [most](int ranks) { return ranks > most; });
  return counts;
}

/// A test whose ranks run once on each engine of this build: TEST_P, and TALLY_ON_EACH_ENGINE(suite).
class OnEngine : public testing::TestWithParam<job::EngineKind> {
 protected:
  OnEngine() { current_engine() = GetParam(); }
  ~OnEngine() override { current_engine() = job::EngineKind::kSoft; }
};
inline std::vector<job::EngineKind> engines_of_build() {
  std::vector<job::EngineKind> engines{job::EngineKind::kSoft};
  if (FabricProcess::available()) engines.push_back(job::EngineKind::kRtl);
  return engines;
}
#define TALLY_ON_EACH_ENGINE(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(On, suite, testing::ValuesIn(engines_of_build()),           \
                           [](const testing::TestParamInfo<job::EngineKind>& engine) { \
                             return std::string(job::engine_name(engine.param));       \
                           })

/// A job of the current engine: its segment and, on rtl, its running fabric.
struct TestJob {
  explicit TestJob(int ranks, const std::string& config = "")
      : segment(job::Segment::create(static_cast<std::uint32_t>(ranks), current_engine(), false)) {
    if (on_rtl()) fabric = std::make_unique<FabricProcess>(segment, config);
  }
  job::Segment segment;
  std::unique_ptr<FabricProcess> fabric;
};

inline void expect_success(const std::vector<int>& codes) {
  for (std::size_t rank = 0; rank < codes.size(); ++rank) {
    EXPECT_EQ(codes[rank], 0) << "rank " << rank << " of " << codes.size()
                              << (codes[rank] == kKilledByWatchdog ? " did not end" : "");
  }
}

/// Runs body(rank) as `ranks` ranks of a job; the test fails when one fails or does not end, or when the fabric
/// does not end well.
inline void expect_ranks(int ranks, const std::function<void(int)>& body,
                         std::chrono::seconds limit = std::chrono::seconds(60)) {
  const TestJob job(ranks);
  expect_success(run_ranks(job.segment, body, on_rtl() ? 2 * limit : limit));
  if (job.fabric) {
    EXPECT_EQ(job.fabric->end(), 0) << "the fabric failed";
  }
}

}  // namespace tally::test
