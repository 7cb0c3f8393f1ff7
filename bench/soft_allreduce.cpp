// SPDX-License-Identifier: BSD-3-Clause
// The allreduce bench on the soft engine: one forked process a rank over the real library, wall time.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <new>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "bench/report.hpp"
#include "bench/workload.hpp"
#include "engine/numerics/reduce.hpp"
#include "job/job.hpp"
#include "schedule/schedule.hpp"
#include "tally/tally.h"

namespace tally::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// What a rank tells the parent, in memory that both share.
struct RankRecord {
  char error[512];
};
struct Sample {
  std::int64_t start_ns;
  std::int64_t end_ns;
};
struct RowRecord {
  std::uint64_t cpu_matches;
  std::uint64_t cpu_reduced_bytes;
  std::uint64_t cpu_copied_bytes;
};

/// Anonymous memory that children share; zeroed.
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t bytes) : bytes_(bytes) {
    base_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base_ == MAP_FAILED) throw std::bad_alloc();
  }
  ~SharedMemory() { munmap(base_, bytes_); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  [[nodiscard]] std::byte* base() const { return static_cast<std::byte*>(base_); }

 private:
  void* base_;
  std::size_t bytes_;
};

/// Layout of the shared memory.
struct Results {
  explicit Results(const Options& options)
      : options_(options),
        memory_(options.ranks * sizeof(RankRecord) +
                options.ranks * options.sizes.size() * (sizeof(RowRecord) + options.repeats * sizeof(Sample))) {}
  [[nodiscard]] RankRecord& rank(unsigned r) const { return reinterpret_cast<RankRecord*>(memory_.base())[r]; }
  [[nodiscard]] RowRecord& row(unsigned r, std::size_t size) const {
    auto* rows = reinterpret_cast<RowRecord*>(memory_.base() + options_.ranks * sizeof(RankRecord));
    return rows[size * options_.ranks + r];
  }
  [[nodiscard]] Sample& sample(unsigned r, std::size_t size, unsigned repeat) const {
    auto* samples = reinterpret_cast<Sample*>(memory_.base() + options_.ranks * sizeof(RankRecord) +
                                              options_.ranks * options_.sizes.size() * sizeof(RowRecord));
    return samples[(size * options_.ranks + r) * options_.repeats + repeat];
  }
  const Options& options_;
  SharedMemory memory_;
};

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

void require(tally_status status, const char* what) {
  if (status != TALLY_OK) throw std::runtime_error(fmt::format("{}: {}", what, tally_last_error()));
}

/// Hash of the bytes: ranks compare their random results by it.
std::uint64_t fnv1a(std::span<const std::byte> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto byte : bytes) hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3u;
  return hash;
}

class Rank {
 public:
  Rank(const Options& options, const Results& results, unsigned rank)
      : options_(options), results_(results), rank_(rank) {
    require(tally_endpoint_open(options.engine.c_str(), &endpoint_), "open");
    bytes_ = *std::max_element(options.sizes.begin(), options.sizes.end());
    memory_ = std::make_unique<SharedMemory>(2 * bytes_ + sizeof(std::uint64_t) * 4);
    tally_memory* memory = nullptr;
    require(tally_memory_register(endpoint_, memory_->base(), 2 * bytes_ + sizeof(std::uint64_t) * 4, &memory),
            "register");
    std::vector<int> all(options.ranks);
    for (unsigned r = 0; r < options.ranks; ++r) all[r] = static_cast<int>(r);
    require(tally_group_create(endpoint_, all.data(), static_cast<int>(all.size()), &group_), "group");
    require(tally_group_set_algorithm(group_, options.algorithm.c_str()), "algorithm");
    region_ = memory;
  }

  void run() {
    for (std::size_t size = 0; size < options_.sizes.size(); ++size) {
      const auto bytes = options_.sizes[size];
      for (unsigned warm = 0; warm < 2; ++warm) once(bytes, Pattern::kExact, warm);
      tally_counters before{};
      before.size = sizeof before;
      require(tally_endpoint_counters(endpoint_, &before), "counters");
      for (unsigned repeat = 0; repeat < options_.repeats; ++repeat) {
        results_.sample(rank_, size, repeat) = once(bytes, Pattern::kExact, 2 + repeat);
      }
      tally_counters after{};
      after.size = sizeof after;
      require(tally_endpoint_counters(endpoint_, &after), "counters");
      results_.row(rank_, size) = {after.cpu_matches - before.cpu_matches,
                                   after.cpu_reduced_bytes - before.cpu_reduced_bytes,
                                   after.cpu_copied_bytes - before.cpu_copied_bytes};
      if (options_.dtype == TALLY_F32 || options_.dtype == TALLY_F64) same_bytes(bytes);
    }
    require(tally_group_free(group_), "group free");
    require(tally_memory_deregister(region_), "deregister");
    require(tally_endpoint_close(endpoint_), "close");
  }

 private:
  Sample once(std::uint64_t bytes, Pattern pattern, unsigned round) {
    const std::span<std::byte> input(memory_->base(), bytes);
    const std::span<std::byte> output(memory_->base() + bytes_, bytes);
    fill_input(input, options_.dtype, options_.op, pattern, options_.seed, round, rank_);
    poison(output);
    require(tally_barrier(endpoint_, group_), "barrier");
    Sample sample{};
    sample.start_ns = now_ns();
    require(tally_allreduce(endpoint_, group_, input.data(), output.data(), bytes / numerics::element_bytes(options_.dtype),
                            options_.dtype, options_.op),
            "allreduce");
    sample.end_ns = now_ns();
    const auto difference =
        check_result(output, options_.dtype, options_.op, pattern, options_.seed, round, options_.ranks, rank_);
    if (!difference.empty()) {
      throw std::runtime_error(fmt::format("wrong result at {} bytes: {}", bytes, difference));
    }
    return sample;
  }

  /// Random floats: within the bound, and the same bytes everywhere (least and greatest hash agree).
  void same_bytes(std::uint64_t bytes) {
    once(bytes, Pattern::kRandom, 0);
    auto* words = reinterpret_cast<std::int64_t*>(memory_->base() + 2 * bytes_);
    words[0] = static_cast<std::int64_t>(fnv1a({memory_->base() + bytes_, bytes}));
    require(tally_allreduce(endpoint_, nullptr, words, words + 1, 1, TALLY_I64, TALLY_MIN), "allreduce");
    require(tally_allreduce(endpoint_, nullptr, words, words + 2, 1, TALLY_I64, TALLY_MAX), "allreduce");
    if (words[1] != words[2]) {
      throw std::runtime_error(fmt::format("wrong result at {} bytes: ranks hold different bytes of the same sum", bytes));
    }
  }

  const Options& options_;
  const Results& results_;
  unsigned rank_;
  std::uint64_t bytes_ = 0;
  std::unique_ptr<SharedMemory> memory_;
  tally_endpoint* endpoint_ = nullptr;
  tally_group* group_ = nullptr;
  tally_memory* region_ = nullptr;
};

[[noreturn]] void rank_process(const Options& options, const Results& results, const job::Segment& segment,
                               unsigned rank, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setenv("TALLY_JOB", fmt::format("/proc/{}/fd/{}", parent, segment.fd()).c_str(), 1);
  setenv("TALLY_RANK", std::to_string(rank).c_str(), 1);
  setenv("TALLY_SIZE", std::to_string(options.ranks).c_str(), 1);
  int code = 0;
  try {
    Rank(options, results, rank).run();
  } catch (const std::exception& error) {
    std::snprintf(results.rank(rank).error, sizeof results.rank(rank).error, "%s", error.what());
    code = 1;
  }
  std::fflush(nullptr);
  _exit(code);
}

/// Waits for all ranks; when one fails the others get a moment to see it, then are killed. Returns "" or what went wrong.
std::string wait_for(std::vector<pid_t> ranks, const Results& results, job::Segment& segment) {
  std::string error;
  std::size_t running = ranks.size();
  Clock::time_point deadline = Clock::time_point::max();
  while (running > 0) {
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      int status = 0;
      if (ranks[rank] < 0 || waitpid(ranks[rank], &status, WNOHANG) != ranks[rank]) continue;
      ranks[rank] = -1;
      --running;
      if (status == 0) continue;
      if (error.empty()) {
        const char* text = results.rank(static_cast<unsigned>(rank)).error;
        error = fmt::format("rank {}: {}", rank,
                            text[0] != '\0' ? std::string(text) : fmt::format("ended with wait status {:#x}", status));
        segment.header().failed.store(1, std::memory_order_release);
        job::wake_all(segment.header());
        deadline = Clock::now() + std::chrono::seconds(2);
      }
    }
    if (Clock::now() > deadline) {
      for (const pid_t pid : ranks) {
        if (pid > 0) kill(pid, SIGKILL);
      }
    }
    usleep(1000);
  }
  return error;
}

}  // namespace

Report run_on_soft(const Options& options) {
  const auto start = Clock::now();
  Report report;
  report.simulated = false;
  report.cores = std::thread::hardware_concurrency();
  const Results results(options);
  auto segment = job::Segment::create(options.ranks, job::EngineKind::kSoft, false);
  std::fflush(nullptr);
  std::vector<pid_t> ranks;
  const pid_t parent = getpid();
  for (unsigned rank = 0; rank < options.ranks; ++rank) {
    const pid_t pid = fork();
    if (pid == 0) rank_process(options, results, segment, rank, parent);
    if (pid < 0) {
      report.error = fmt::format("cannot fork rank {}: {}", rank, std::strerror(errno));
      for (const pid_t other : ranks) kill(other, SIGKILL);
      break;
    }
    ranks.push_back(pid);
  }
  const auto failure = wait_for(ranks, results, segment);
  if (report.error.empty()) report.error = failure;
  report.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (!report.error.empty()) return report;

  for (std::size_t size = 0; size < options.sizes.size(); ++size) {
    Row row;
    row.bytes = options.sizes[size];
    schedule::Schedule chosen;
    std::string error;
    if (schedule::select(schedule::Collective::kAllreduce, static_cast<int>(options.ranks), 0, row.bytes,
                         options.algorithm, &chosen, &error)) {
      row.algorithm = chosen.algorithm;
    }
    for (unsigned repeat = 0; repeat < options.repeats; ++repeat) {
      std::int64_t first = 0;
      std::int64_t last = 0;
      for (unsigned rank = 0; rank < options.ranks; ++rank) {
        const auto& sample = results.sample(rank, size, repeat);
        first = rank == 0 ? sample.start_ns : std::max(first, sample.start_ns);
        last = std::max(last, sample.end_ns);
      }
      row.latency_ns.push_back(static_cast<double>(last - first));
    }
    for (unsigned rank = 0; rank < options.ranks; ++rank) {
      const auto& record = results.row(rank, size);
      row.work.cpu_matches += record.cpu_matches;
      row.work.cpu_reduced_bytes += record.cpu_reduced_bytes;
      row.work.cpu_copied_bytes += record.cpu_copied_bytes;
    }
    report.rows.push_back(std::move(row));
  }
  return report;
}

}  // namespace tally::bench
