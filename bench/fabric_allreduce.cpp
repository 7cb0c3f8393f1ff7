// SPDX-License-Identifier: BSD-3-Clause
// The allreduce bench on the simulated fabric: scripted hosts in this process, simulated time, deterministic.
#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench/report.hpp"
#include "bench/workload.hpp"
#include "engine/ring/ring_engine.hpp"
#include "schedule/schedule.hpp"
#include "sim/fabric/fabric.hpp"
#include "tally/device.hpp"

namespace tally::bench {
namespace {

constexpr double kPsPerNs = 1000.0;
constexpr std::size_t kPage = 4096;

/// Page-aligned memory of one host.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : bytes_((bytes + kPage - 1) / kPage * kPage) {
    base_ = static_cast<std::byte*>(std::aligned_alloc(kPage, bytes_));
    if (base_ == nullptr) throw std::bad_alloc();
    std::memset(base_, 0, bytes_);
  }
  ~Buffer() { std::free(base_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
  std::byte* base_;
};

/// A scripted host: a driver, its buffers and what it waits for.
struct Host {
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Buffer> input;
  std::unique_ptr<Buffer> output;
  std::uint32_t input_key = 0;
  std::uint32_t output_key = 0;
  schedule::Program program;
  std::uint64_t posted_ps = 0;
  std::uint64_t completed_ps = 0;
  std::uint64_t device_ns = 0;
  bool done = false;
  std::string failure;
};

void require(const Status& status, const char* what) {
  if (!status.ok()) throw std::runtime_error(fmt::format("{}: {}", what, status.message()));
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        config_(options.config.empty() ? sim::FabricConfig() : sim::FabricConfig::from_file(options.config)),
        fabric_(config_, options.ranks),
        hosts_(options.ranks),
        random_(options.seed) {
    const auto bytes = *std::max_element(options.sizes.begin(), options.sizes.end());
    for (unsigned rank = 0; rank < options.ranks; ++rank) {
      auto& host = hosts_[rank];
      host.engine = std::make_unique<ring::RingEngine>(fabric_.local_bar(rank), rank, options.ranks);
      host.input = std::make_unique<Buffer>(bytes);
      host.output = std::make_unique<Buffer>(bytes);
      require(host.engine->register_memory(host.input->base(), host.input->bytes(), &host.input_key), "register");
      require(host.engine->register_memory(host.output->base(), host.output->bytes(), &host.output_key), "register");
    }
  }

  void run(Report& report) {
    for (const auto bytes : options_.sizes) {
      report.rows.emplace_back();
      auto& row = report.rows.back();
      row.bytes = bytes;
      row.bound = bound(bytes);
      choose(bytes, &row.algorithm);
      unsigned round = 0;
      once(bytes, Pattern::kExact, round++);  // brings the schedule into the devices
      if (report.rows.size() == 1) once(bytes, Pattern::kExact, round++);
      const auto before = cpu_work();
      double device_ns = 0;
      for (unsigned repeat = 0; repeat < options_.repeats; ++repeat) {
        row.latency_ns.push_back(once(bytes, Pattern::kExact, round++));
        device_ns += slowest_device_ns();
      }
      const auto after = cpu_work();
      row.cpu_matches = after.cpu_matches - before.cpu_matches;
      row.cpu_reduced_bytes = after.cpu_reduced_bytes - before.cpu_reduced_bytes;
      row.cpu_copied_bytes = after.cpu_copied_bytes - before.cpu_copied_bytes;
      if (!report.breakdown || bytes < report.breakdown->bytes) {
        report.breakdown = breakdown(row, device_ns / options_.repeats);
      }
      if (options_.dtype == TALLY_F32 || options_.dtype == TALLY_F64) {
        once(bytes, Pattern::kRandom, round++);
        same_bytes(bytes);
      }
    }
  }

 private:
  [[nodiscard]] unsigned rounds() const { return static_cast<unsigned>(std::bit_width(options_.ranks - 1)); }
  [[nodiscard]] double link_ns(double bytes) const { return bytes * 8.0 / config_.link_gbps; }

  [[nodiscard]] Bound bound(std::uint64_t bytes) const {
    const double n = options_.ranks;
    return {rounds() * config_.one_way_ns() + config_.mmio_write_ns + config_.dma_write_ns,
            link_ns(2.0 * (n - 1) / n * static_cast<double>(bytes))};
  }

  /// Where a run's time went: doorbell, operand read and wire are what the model charges for them, the device's share is
  /// the rest of the time between the descriptor's arrival and the completion as the device counted it.
  [[nodiscard]] Breakdown breakdown(const Row& row, double device_ns) const {
    const double latency = median(row.latency_ns);
    const double packet = static_cast<double>((row.bytes + 63) / 64 * 64 + 64 + config_.frame_overhead_bytes);
    Breakdown parts;
    parts.bytes = row.bytes;
    parts.doorbell = config_.mmio_write_ns;
    parts.operand_read = config_.dma_read_ns;
    parts.wire = rounds() * (config_.one_way_ns() + link_ns(packet));
    parts.device = device_ns - parts.operand_read - parts.wire;
    parts.completion = latency - parts.doorbell - device_ns;
    return parts;
  }

  void choose(std::uint64_t bytes, std::string* algorithm) {
    schedule::Schedule chosen;
    std::string error;
    if (!schedule::select(schedule::Collective::kAllreduce, static_cast<int>(options_.ranks), 0, bytes,
                          options_.algorithm, &chosen, &error)) {
      throw std::runtime_error(error);
    }
    *algorithm = chosen.algorithm;
    if (chosen.algorithm == algorithm_) return;  // the devices hold it
    algorithm_ = chosen.algorithm;
    signature_ = schedule::signature(chosen);
    std::vector<std::uint16_t> ranks(options_.ranks);
    for (unsigned rank = 0; rank < options_.ranks; ++rank) ranks[rank] = static_cast<std::uint16_t>(rank);
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      hosts_[rank].program = schedule::compile(chosen, static_cast<int>(rank), ranks);
    }
  }

  /// One allreduce on all hosts, checked. Returns the latency in ns: last post to last completion visible in host memory.
  double once(std::uint64_t bytes, Pattern pattern, unsigned round) {
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      auto& host = hosts_[rank];
      fill_input({host.input->base(), bytes}, options_.dtype, pattern, options_.seed, round, rank);
      poison({host.output->base(), bytes});
      host.done = false;
    }
    post_all(bytes);
    // Far above what a correct device needs, so that a hang ends with a report.
    const auto limit = static_cast<std::uint64_t>((bound(bytes).ns() * 200 + 1e7) * kPsPerNs);
    fabric_.run_until([this] { return poll_all(); }, limit);
    std::uint64_t posted = 0;
    std::uint64_t completed = 0;
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      const auto& host = hosts_[rank];
      if (!host.failure.empty()) throw std::runtime_error(fmt::format("rank {}: {}", rank, host.failure));
      if (!host.done) {
        throw std::runtime_error(fmt::format("{} bytes: rank {} did not complete within {:.3f} ms of simulated time; {}",
                                             bytes, rank, static_cast<double>(limit) * 1e-9,
                                             host.engine->describe_pending()));
      }
      posted = std::max(posted, host.posted_ps);
      completed = std::max(completed, host.completed_ps);
    }
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      const auto difference = check_result({hosts_[rank].output->base(), bytes}, options_.dtype, options_.op, pattern,
                                           options_.seed, round, options_.ranks, rank);
      if (!difference.empty()) throw std::runtime_error(fmt::format("wrong result at {} bytes: {}", bytes, difference));
    }
    fabric_.run_for(kQuietPs);  // credits and register writes of this run do not meet the next one
    return static_cast<double>(completed - posted) / kPsPerNs;
  }

  /// Posts in the order of the ranks' skews.
  void post_all(std::uint64_t bytes) {
    std::vector<std::pair<std::uint64_t, unsigned>> order;
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      const auto skew = options_.skew_ns == 0 ? 0 : random_() % (options_.skew_ns * std::uint64_t{1000} + 1);
      order.emplace_back(skew, rank);
    }
    std::sort(order.begin(), order.end());
    const auto start = fabric_.now_ps();
    for (const auto& [skew, rank] : order) {
      const auto now = fabric_.now_ps();
      if (start + skew > now) {
        // The ranks that have posted may complete meanwhile only if they wait for nobody; poll all the same.
        fabric_.run_for(start + skew - now);
      }
      post(hosts_[rank], bytes);
    }
    ++sequence_;
  }

  void post(Host& host, std::uint64_t bytes) {
    CollectiveDescriptor descriptor;
    descriptor.program = &host.program;
    descriptor.input = host.input->base();
    descriptor.output = host.output->base();
    descriptor.input_key = host.input_key;
    descriptor.output_key = host.output_key;
    descriptor.count = bytes / element_bytes(options_.dtype);
    descriptor.dtype = options_.dtype;
    descriptor.redop = options_.op;
    descriptor.seq = sequence_;
    descriptor.signature = signature_;
    descriptor.cookie = sequence_;
    for (unsigned attempt = 0; attempt < 10000; ++attempt) {
      const auto status = host.engine->post_collective(descriptor);
      if (status.ok()) {
        host.posted_ps = fabric_.now_ps();
        return;
      }
      if (status.code() != TALLY_AGAIN) throw std::runtime_error(status.message());
      std::array<Completion, 1> none;
      if (host.engine->poll(none) != 0) throw std::runtime_error("a completion that nothing was posted for");
      fabric_.run_for(100000);
    }
    throw std::runtime_error("the device takes no collective: " + host.engine->describe_pending());
  }

  bool poll_all() {
    bool all = true;
    for (auto& host : hosts_) {
      if (host.done) continue;
      std::array<Completion, 4> completions;
      const auto count = host.engine->poll(completions);
      for (std::size_t i = 0; i < count; ++i) {
        const auto& completion = completions[i];
        host.done = true;
        host.completed_ps = fabric_.now_ps();
        host.device_ns = completion.device_ns;
        if (completion.cookie != static_cast<std::uint16_t>(sequence_ - 1)) {
          host.failure = fmt::format("completion of collective {}, not {}", completion.cookie, sequence_ - 1);
        } else if (completion.status != TALLY_OK) {
          host.failure = fmt::format("collective ended with {}", tally_status_name(completion.status));
        }
      }
      all = all && host.done;
    }
    return all;
  }

  /// All ranks hold the same bytes.
  void same_bytes(std::uint64_t bytes) const {
    const auto* first = hosts_[0].output->base();
    for (unsigned rank = 1; rank < options_.ranks; ++rank) {
      const auto* other = hosts_[rank].output->base();
      const auto [a, b] = std::mismatch(first, first + bytes, other);
      if (a == first + bytes) continue;
      throw std::runtime_error(fmt::format("wrong result at {} bytes: ranks 0 and {} differ first in byte {}", bytes, rank,
                                           a - first));
    }
  }

  [[nodiscard]] tally_counters cpu_work() const {
    tally_counters sum{};
    sum.size = sizeof sum;
    for (const auto& host : hosts_) host.engine->add_counters(sum);
    return sum;
  }

  [[nodiscard]] double slowest_device_ns() const {
    std::uint64_t slowest = 0;
    for (const auto& host : hosts_) slowest = std::max(slowest, host.device_ns);
    return static_cast<double>(slowest);
  }

  static constexpr std::uint64_t kQuietPs = 5'000'000;  // 5 us
  const Options& options_;
  sim::FabricConfig config_;
  sim::Fabric fabric_;
  std::vector<Host> hosts_;
  std::mt19937_64 random_;
  std::string algorithm_;
  std::uint16_t signature_ = 0;
  std::uint16_t sequence_ = 0;
};

}  // namespace

Report run_on_fabric(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  Report report;
  try {
    Bench(options).run(report);
  } catch (const std::exception& error) {
    report.error = error.what();
    // A row whose run failed has no result to show.
    if (!report.rows.empty() && report.rows.back().latency_ns.size() < options.repeats) report.rows.pop_back();
  }
  report.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace tally::bench
