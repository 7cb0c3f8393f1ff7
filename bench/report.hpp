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

/// Shortest time that the modelled links and buses allow.
struct Bound {
  double latency_ns = 0;    ///< rounds * one way + doorbell + completion
  double bandwidth_ns = 0;  ///< 2 (N - 1) / N * bytes / link rate
  [[nodiscard]] double ns() const { return latency_ns > bandwidth_ns ? latency_ns : bandwidth_ns; }
};

/// Parts of one run's latency, ns.
struct Breakdown {
  std::uint64_t bytes = 0;
  double doorbell = 0;
  double operand_read = 0;
  double wire = 0;
  double device = 0;
  double completion = 0;
};

struct Row {
  std::uint64_t bytes = 0;
  std::string algorithm;
  std::vector<double> latency_ns;  ///< one a repeat
  std::optional<Bound> bound;
  std::uint64_t cpu_matches = 0;   ///< of all ranks, in the timed repeats
  std::uint64_t cpu_reduced_bytes = 0;
  std::uint64_t cpu_copied_bytes = 0;
};

struct Report {
  bool simulated = true;
  std::vector<Row> rows;
  std::optional<Breakdown> breakdown;
  double wall_seconds = 0;
  std::string error;  ///< "" or the first difference, or why the run could not go on
};

/// Each runs the benchmark. Defined in fabric_allreduce.cpp and soft_allreduce.cpp.
[[nodiscard]] Report run_on_fabric(const Options& options);
[[nodiscard]] Report run_on_soft(const Options& options);

[[nodiscard]] double median(std::vector<double> values);
[[nodiscard]] std::string as_table(const Options& options, const Report& report);
[[nodiscard]] nlohmann::ordered_json as_json(const Options& options, const Report& report);

}  // namespace tally::bench
