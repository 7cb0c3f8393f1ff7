// SPDX-License-Identifier: BSD-3-Clause
// The allreduce bench on the simulated fabric: scripted hosts in this process, simulated time, deterministic.
#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/report.hpp"
#include "bench/scripted_host.hpp"
#include "bench/workload.hpp"
#include "engine/numerics/reduce.hpp"
#include "engine/ring/ring_engine.hpp"
#include "schedule/schedule.hpp"
#include "sim/fabric/fabric.hpp"
#include "tally/device.hpp"

namespace tally::bench {
namespace {

constexpr double kPsPerNs = 1000.0;

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
  std::uint64_t device_ns = 0;  ///< of the completion that came last
  unsigned under_way = 0;
  std::string failure;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        config_(options.config.empty() ? sim::FabricConfig() : sim::FabricConfig::from_file(options.config)),
        parameters_(fabric_parameters(config_)),
        fabric_(config_, options.ranks),
        hosts_(options.ranks),
        random_(options.seed) {
    const auto bytes = *std::max_element(options.sizes.begin(), options.sizes.end()) * options.concurrent;
    for (unsigned rank = 0; rank < options.ranks; ++rank) {
      auto& host = hosts_[rank];
      ring::RingEngineOptions driver;
      driver.push_max = options.push_max;
      host.engine = std::make_unique<ring::RingEngine>(fabric_.local_bar(rank), rank, options.ranks, driver);
      host.input = std::make_unique<Buffer>(bytes);
      host.output = std::make_unique<Buffer>(bytes);
      require(host.engine->register_memory(host.input->base(), host.input->bytes(), &host.input_key), "register");
      require(host.engine->register_memory(host.output->base(), host.output->bytes(), &host.output_key), "register");
    }
  }

  void run(Report& report) {
    report.fabric = parameters_;
    for (const auto bytes : options_.sizes) {
      report.rows.emplace_back();
      auto& row = report.rows.back();
      row.bytes = bytes;
      row.bound = least(bytes);
      choose(bytes, &row.algorithm);
      unsigned round = 0;
      once(bytes, Pattern::kExact, round++);  // brings the schedule into the devices
      if (report.rows.size() == 1) once(bytes, Pattern::kExact, round++);
      const auto before = counters();
      std::vector<Breakdown> runs;
      for (unsigned repeat = 0; repeat < options_.repeats; ++repeat) {
        runs.push_back(once(bytes, Pattern::kExact, round++));
        row.latency_ns.push_back(runs.back().latency);
      }
      row.work = difference(counters(), before);
      std::ranges::sort(runs, {}, &Breakdown::latency);
      row.breakdown = runs[(runs.size() - 1) / 2];
      if (options_.dtype == TALLY_F32 || options_.dtype == TALLY_F64) {
        once(bytes, Pattern::kRandom, round++);
        same_bytes(bytes);
      }
    }
  }

 private:
  /// Where a run's time went, along the rank that completed last.
  [[nodiscard]] Breakdown breakdown(const Host& last, std::uint64_t bytes, std::uint64_t posted_ps,
                                    std::uint64_t link_bytes) const {
    // Devices count cycles; the driver takes them for those of a device of the nominal clock.
    const double counted = static_cast<double>(last.device_ns) * device::kClockMhz / config_.clock_mhz;
    // What the device did before the last rank posted is not part of the latency.
    const double device_ns = counted - static_cast<double>(posted_ps - last.posted_ps) / kPsPerNs;
    const auto limit = least(bytes);
    Breakdown parts;
    parts.latency = static_cast<double>(last.completed_ps - posted_ps) / kPsPerNs;
    parts.doorbell = config_.mmio_write_ns;
    const bool read = bytes > device::kCollInlineBytes && bytes > options_.push_max;
    parts.operand_read = read ? config_.dma_read_ns : 0;
    parts.wire = std::max(rounds(options_.ranks) * config_.one_way_ns(), limit.bandwidth_ns);
    parts.device = device_ns - parts.operand_read - parts.wire;
    parts.completion = parts.latency - parts.doorbell - device_ns;
    parts.link_busy = static_cast<double>(link_bytes) * 8.0 / config_.link_gbps / parts.latency;
    return parts;
  }

  /// The bound of all that runs at once: their bytes share the links.
  [[nodiscard]] Bound least(std::uint64_t bytes) const {
    Bound b = bound(parameters_, options_.ranks, bytes);
    b.bandwidth_ns *= options_.concurrent;
    return b;
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

  /// Part k of a buffer: that of the k-th allreduce.
  static std::byte* part(const Buffer& buffer, std::uint64_t bytes, unsigned k) { return buffer.base() + k * bytes; }

  /// One allreduce, or several at once, on all hosts, checked. Latency: last post to last completion visible in host
  /// memory.
  Breakdown once(std::uint64_t bytes, Pattern pattern, unsigned round) {
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      auto& host = hosts_[rank];
      for (unsigned k = 0; k < options_.concurrent; ++k) {
        fill_input({part(*host.input, bytes, k), bytes}, options_.dtype, options_.op, pattern, options_.seed, round + k, rank);
        poison({part(*host.output, bytes, k), bytes});
      }
      host.under_way = options_.concurrent;
    }
    std::vector<std::uint64_t> link_bytes(options_.ranks);
    for (unsigned rank = 0; rank < options_.ranks; ++rank) link_bytes[rank] = fabric_.stats(rank).link_bytes_sent;
    post_all(bytes);
    // Far above what a correct device needs, so that a hang ends with a report.
    const auto limit = static_cast<std::uint64_t>((least(bytes).ns() * 200 + 1e7) * kPsPerNs);
    fabric_.run_until([this] { return poll_all(); }, limit);
    std::uint64_t posted = 0;
    std::uint64_t busiest = 0;
    const Host* last = &hosts_[0];
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      const auto& host = hosts_[rank];
      if (!host.failure.empty()) throw std::runtime_error(fmt::format("rank {}: {}", rank, host.failure));
      if (host.under_way != 0) {
        throw std::runtime_error(fmt::format("{} bytes: rank {} did not complete within {:.3f} ms of simulated time; {}",
                                             bytes, rank, static_cast<double>(limit) * 1e-9,
                                             host.engine->describe_pending()));
      }
      posted = std::max(posted, host.posted_ps);
      if (host.completed_ps > last->completed_ps) last = &host;
      busiest = std::max(busiest, fabric_.stats(rank).link_bytes_sent - link_bytes[rank]);
    }
    for (unsigned rank = 0; rank < options_.ranks; ++rank) {
      for (unsigned k = 0; k < options_.concurrent; ++k) {
        const auto difference = check_result({part(*hosts_[rank].output, bytes, k), bytes}, options_.dtype, options_.op,
                                             pattern, options_.seed, round + k, options_.ranks, rank);
        if (!difference.empty()) throw std::runtime_error(fmt::format("wrong result at {} bytes: {}", bytes, difference));
      }
    }
    const auto result = breakdown(*last, bytes, posted, busiest);
    fabric_.run_for(kQuietPs);  // credits and register writes of this run do not meet the next one
    return result;
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
      for (unsigned k = 0; k < options_.concurrent; ++k) post(hosts_[rank], bytes, k);
    }
    ++sequence_;
  }

  void post(Host& host, std::uint64_t bytes, unsigned k) {
    CollectiveDescriptor descriptor;
    descriptor.program = &host.program;
    descriptor.input = part(*host.input, bytes, k);
    descriptor.output = part(*host.output, bytes, k);
    descriptor.context = static_cast<std::uint16_t>(k);
    descriptor.input_key = host.input_key;
    descriptor.output_key = host.output_key;
    descriptor.count = bytes / numerics::element_bytes(options_.dtype);
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
      if (host.under_way == 0) continue;
      std::array<Completion, kMaxConcurrent> completions;
      const auto count = host.engine->poll(completions);
      for (std::size_t i = 0; i < count; ++i) {
        const auto& completion = completions[i];
        --host.under_way;
        host.completed_ps = fabric_.now_ps();
        host.device_ns = completion.device_ns;
        if (completion.cookie != static_cast<std::uint16_t>(sequence_ - 1)) {
          host.failure = fmt::format("completion of collective {}, not {}", completion.cookie, sequence_ - 1);
        } else if (completion.status != TALLY_OK) {
          host.failure = fmt::format("collective ended with {}", tally_status_name(completion.status));
        }
      }
      all = all && host.under_way == 0;
    }
    return all;
  }

  /// All ranks hold the same bytes.
  void same_bytes(std::uint64_t bytes) const {
    const auto* first = hosts_[0].output->base();
    const auto* end = first + bytes * options_.concurrent;
    for (unsigned rank = 1; rank < options_.ranks; ++rank) {
      const auto* other = hosts_[rank].output->base();
      const auto [a, b] = std::mismatch(first, end, other);
      if (a == end) continue;
      throw std::runtime_error(fmt::format("wrong result at {} bytes: ranks 0 and {} differ first in byte {}", bytes, rank,
                                           a - first));
    }
  }

  [[nodiscard]] tally_counters counters() const {
    tally_counters sum{};
    sum.size = sizeof sum;
    for (const auto& host : hosts_) host.engine->add_counters(sum);
    return sum;
  }

  [[nodiscard]] static Work difference(const tally_counters& after, const tally_counters& before) {
    return {after.cpu_matches - before.cpu_matches,
            after.cpu_reduced_bytes - before.cpu_reduced_bytes,
            after.cpu_copied_bytes - before.cpu_copied_bytes,
            after.cpu_pushed_bytes - before.cpu_pushed_bytes,
            after.device_reduced_bytes - before.device_reduced_bytes,
            after.device_read_bytes - before.device_read_bytes,
            after.device_written_bytes - before.device_written_bytes,
            after.device_tx_packets - before.device_tx_packets};
  }

  static constexpr std::uint64_t kQuietPs = 5'000'000;  // 5 us
  const Options& options_;
  sim::FabricConfig config_;
  FabricParameters parameters_;
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
  report.cores = std::thread::hardware_concurrency();
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
