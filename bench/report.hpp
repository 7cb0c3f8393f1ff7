// SPDX-License-Identifier: BSD-3-Clause
// What a benchmark measured, as a table and as JSON. Simulated and wall time never share a number: a report has one kind,
// and its columns say which.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/options.hpp"

namespace tally::bench {

/// Least time on the modelled links and buses in the one-port model: a rank sends one message a round.
struct Bound {
  double latency_ns = 0;    ///< rounds * one way + doorbell + completion
  double bandwidth_ns = 0;  ///< 2 (N - 1) / N * bytes / link rate
  [[nodiscard]] double ns() const { return latency_ns > bandwidth_ns ? latency_ns : bandwidth_ns; }
};

/// Parts of one run's latency, ns; their sum is the latency.
struct Breakdown {
  double latency = 0;       ///< measured, of the run whose parts these are
  double doorbell = 0;      ///< as modelled
  double operand_read = 0;  ///< as modelled: one DMA read, request to first data; 0 where the input came with the doorbell
  double wire = 0;          ///< what the bound allots to the links
  double device = 0;        ///< the rest of the time that the device counted: measured
  double completion = 0;    ///< from the device's completion to its sight in host memory: measured
  double link_busy = 0;     ///< measured: part of the latency in which the busiest link carried a packet, 0 to 1
};

/// Work of all ranks in the timed repeats.
struct Work {
  std::uint64_t cpu_matches = 0;
  std::uint64_t cpu_reduced_bytes = 0;
  std::uint64_t cpu_copied_bytes = 0;
  std::uint64_t cpu_pushed_bytes = 0;  ///< stored into the devices with the doorbells: no work in their place
  std::uint64_t device_reduced_bytes = 0;
  std::uint64_t device_read_bytes = 0;
  std::uint64_t device_written_bytes = 0;
  std::uint64_t device_packets = 0;
};

struct Row {
  std::uint64_t bytes = 0;
  std::string algorithm;
  std::vector<double> latency_ns;  ///< one a repeat
  std::optional<Bound> bound;
  std::optional<Breakdown> breakdown;  ///< of the run whose latency is the (lower) median
  Work work;
};

/// The parameters that simulated time comes from.
struct FabricParameters {
  double link_gbps = 0;
  double link_latency_ns = 0;
  double switch_latency_ns = 0;
  unsigned frame_overhead_bytes = 0;
  unsigned queue_bytes = 0;
  double pcie_gbps = 0;
  double mmio_write_ns = 0;
  double store_ns = 0;
  double dma_read_ns = 0;
  double dma_write_ns = 0;
  double clock_mhz = 0;
  [[nodiscard]] double one_way_ns() const { return 2 * link_latency_ns + switch_latency_ns; }
};

struct Report {
  bool simulated = true;
  unsigned cores = 0;  ///< of this machine
  std::optional<FabricParameters> fabric;
  std::vector<Row> rows;
  double wall_seconds = 0;
  std::string error;  ///< "" or the first difference, or why the run could not go on
};

/// Each runs the benchmark. Defined in fabric_allreduce.cpp and soft_allreduce.cpp.
[[nodiscard]] Report run_on_fabric(const Options& options);
[[nodiscard]] Report run_on_soft(const Options& options);

[[nodiscard]] double median(std::vector<double> values);
/// Rounds in which a value can reach all of `ranks` ranks.
[[nodiscard]] unsigned rounds(unsigned ranks);
[[nodiscard]] Bound bound(const FabricParameters& fabric, unsigned ranks, std::uint64_t bytes);
/// The work of all rows.
[[nodiscard]] Work total(const Report& report);
/// Of a simulated run: "" when the CPUs did nothing in place of the devices, else what they did.
[[nodiscard]] std::string cpu_work(const Report& report);
[[nodiscard]] std::string as_table(const Options& options, const Report& report);
[[nodiscard]] nlohmann::ordered_json as_json(const Options& options, const Report& report);

}  // namespace tally::bench
