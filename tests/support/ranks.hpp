// SPDX-License-Identifier: BSD-3-Clause
// Runs a function as N ranks: forked processes over one job segment, as the launcher would start them.
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
#include <string>
#include <thread>
#include <vector>

#include "job/job.hpp"

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

/// Runs body(rank) as `ranks` ranks of a soft job; the test fails when one fails or does not end.
inline void expect_ranks(int ranks, const std::function<void(int)>& body,
                         std::chrono::seconds limit = std::chrono::seconds(60)) {
  const job::Segment segment =
      job::Segment::create(static_cast<std::uint32_t>(ranks), job::EngineKind::kSoft, false);
  const std::vector<int> codes = run_ranks(segment, body, limit);
  for (std::size_t rank = 0; rank < codes.size(); ++rank) {
    EXPECT_EQ(codes[rank], 0) << "rank " << rank << " of " << ranks
                              << (codes[rank] == kKilledByWatchdog ? " did not end" : "");
  }
}

}  // namespace tally::test
