// SPDX-License-Identifier: BSD-3-Clause
#include "bench/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tally::bench {
namespace {

/// Algorithm bandwidth: bytes of the vector over the median latency, GB/s (10^9).
double gigabytes_per_second(const Row& row) {
  return static_cast<double>(row.bytes) / median(row.latency_ns);
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string as_table(const Options& options, const Report& report) {
  const char* kind = report.simulated ? "simulated" : "wall time";
  std::string text = fmt::format("allreduce, engine {}, {} ranks, {} {}, {} repeat{}", options.engine, options.ranks,
                                 options.dtype_name, options.op_name, options.repeats, options.repeats == 1 ? "" : "s");
  if (options.skew_ns > 0) text += fmt::format(", skew up to {} ns (seed {})", options.skew_ns, options.seed);
  text += fmt::format("\nlatency: from the last rank's post to the last rank's completion in host memory; {}\n\n", kind);
  text += fmt::format("{:>10}  {:<26} {:>12} {:>12} {:>12} {:>12}", "", "", "min", "median", "max", "bandwidth");
  if (report.simulated) text += fmt::format(" {:>12} {:>8}", "bound", "ratio");
  text += fmt::format(" {:>12} {:>12} {:>12}\n", "cpu", "cpu reduced", "cpu copied");
  text += fmt::format("{:>10}  {:<26} {:>12} {:>12} {:>12} {:>12}", "bytes", "algorithm", "ns", "ns", "ns", "GB/s");
  if (report.simulated) text += fmt::format(" {:>12} {:>8}", "ns", "to bound");
  text += fmt::format(" {:>12} {:>12} {:>12}\n", "matches", "bytes", "bytes");
  text += fmt::format("{:>10}  {:<26} {:>12} {:>12} {:>12} {:>12}", "", "", kind, kind, kind, kind);
  if (report.simulated) text += fmt::format(" {:>12} {:>8}", kind, "");
  text += '\n';
  for (const auto& row : report.rows) {
    const auto [least, most] = std::minmax_element(row.latency_ns.begin(), row.latency_ns.end());
    text += fmt::format("{:>10}  {:<26} {:>12.1f} {:>12.1f} {:>12.1f} {:>12.4f}", row.bytes, row.algorithm, *least,
                        median(row.latency_ns), *most, gigabytes_per_second(row));
    if (row.bound) {
      text += fmt::format(" {:>12.1f} {:>8.2f}", row.bound->ns(), median(row.latency_ns) / row.bound->ns());
    }
    text += fmt::format(" {:>12} {:>12} {:>12}\n", row.cpu_matches, row.cpu_reduced_bytes, row.cpu_copied_bytes);
  }
  if (report.breakdown) {
    const auto& parts = *report.breakdown;
    text += fmt::format(
        "\nwhere the time goes at {} bytes (ns, simulated): doorbell {:.1f}, operand read {:.1f}, wire {:.1f}, device "
        "{:.1f}, completion {:.1f}\n",
        parts.bytes, parts.doorbell, parts.operand_read, parts.wire, parts.device, parts.completion);
  }
  text += fmt::format("\nthe whole run took {:.2f} s of wall-clock time\n", report.wall_seconds);
  return text;
}

nlohmann::ordered_json as_json(const Options& options, const Report& report) {
  nlohmann::ordered_json json;
  json["benchmark"] = "allreduce";
  json["engine"] = options.engine;
  json["ranks"] = options.ranks;
  json["dtype"] = options.dtype_name;
  json["op"] = options.op_name;
  json["repeats"] = options.repeats;
  json["skew_ns"] = options.skew_ns;
  json["seed"] = options.seed;
  json["config"] = options.config;
  json["time"] = report.simulated ? "simulated" : "wall";
  json["correct"] = report.error.empty();
  if (!report.error.empty()) json["error"] = report.error;
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : report.rows) {
    nlohmann::ordered_json entry;
    entry["bytes"] = row.bytes;
    entry["algorithm"] = row.algorithm;
    entry["latency_ns"] = row.latency_ns;
    entry["latency_median_ns"] = median(row.latency_ns);
    entry["bandwidth_gb_per_s"] = gigabytes_per_second(row);
    if (row.bound) {
      entry["bound_latency_ns"] = row.bound->latency_ns;
      entry["bound_bandwidth_ns"] = row.bound->bandwidth_ns;
      entry["ratio_to_bound"] = median(row.latency_ns) / row.bound->ns();
    }
    entry["cpu_matches"] = row.cpu_matches;
    entry["cpu_reduced_bytes"] = row.cpu_reduced_bytes;
    entry["cpu_copied_bytes"] = row.cpu_copied_bytes;
    json["rows"].push_back(entry);
  }
  if (report.breakdown) {
    const auto& parts = *report.breakdown;
    json["breakdown"] = {{"bytes", parts.bytes},       {"doorbell_ns", parts.doorbell},
                         {"operand_read_ns", parts.operand_read}, {"wire_ns", parts.wire},
                         {"device_ns", parts.device},  {"completion_ns", parts.completion}};
  }
  json["wall_seconds"] = report.wall_seconds;
  return json;
}

}  // namespace tally::bench
