// SPDX-License-Identifier: BSD-3-Clause
#include "bench/report.hpp"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tally::bench {
namespace {

/// Bytes of the vectors over the median latency, GB/s (10^9).
double gigabytes_per_second(const Options& options, const Row& row) {
  const double latency = median(row.latency_ns);
  return latency > 0 ? static_cast<double>(row.bytes * options.concurrent) / latency : 0;
}

std::string heading(const Options& options, const Report& report) {
  auto text = fmt::format("allreduce {} of {}, {} rank{}, engine {}, {} timed repeat{} a size, every result checked\n",
                          options.op_name, options.dtype_name, options.ranks, options.ranks == 1 ? "" : "s", options.engine, options.repeats,
                          options.repeats == 1 ? "" : "s");
  if (options.concurrent > 1) {
    text += fmt::format("{} allreduces of that size at once, each in a context of its own\n", options.concurrent);
  }
  text += report.simulated ? "Times are simulated time; "
                           : fmt::format("Times are wall-clock time of this machine ({} cores for {} rank processes);\n",
                                         report.cores, options.ranks);
  text += "latency: from the last rank's post to the last rank's completion in host memory.\n";
  if (report.simulated && options.skew_ns > 0) {
    text += fmt::format("Each rank posts up to {} ns late (seed {}), so repeats differ.\n", options.skew_ns, options.seed);
  } else if (report.simulated) {
    text += "Repeats are equal but for whose turn is next in a device (a few cycles), unless --skew-ns makes them differ.\n";
  }
  return text + "GB/s: bytes of the vectors / median latency, 10^9 a second.\n\n";
}

std::string latencies(const Options& options, const Report& report) {
  std::string text = fmt::format("{:>10}  {:<24} {:>11} {:>11} {:>11} {:>8}", "", "", "min", "median", "max", "");
  if (report.simulated) text += fmt::format(" {:>10} {:>8}", "bound", "median/");
  text += fmt::format("  {:>8} {:>11} {:>11}\n", "CPU", "CPU reduced", "CPU copied");
  text += fmt::format("{:>10}  {:<24} {:>11} {:>11} {:>11} {:>8}", "bytes", "algorithm", "ns", "ns", "ns", "GB/s");
  if (report.simulated) text += fmt::format(" {:>10} {:>8}", "ns", "bound");
  text += fmt::format("  {:>8} {:>11} {:>11}\n", "matches", "bytes", "bytes");
  for (const auto& row : report.rows) {
    const auto [least, most] = std::minmax_element(row.latency_ns.begin(), row.latency_ns.end());
    text += fmt::format("{:>10}  {:<24} {:>11.1f} {:>11.1f} {:>11.1f} {:>8.4f}", row.bytes, row.algorithm, *least,
                        median(row.latency_ns), *most, gigabytes_per_second(options, row));
    if (row.bound) text += fmt::format(" {:>10.1f} {:>8.2f}", row.bound->ns(), median(row.latency_ns) / row.bound->ns());
    text += fmt::format("  {:>8} {:>11} {:>11}\n", row.work.cpu_matches, row.work.cpu_reduced_bytes,
                        row.work.cpu_copied_bytes);
  }
  return text;
}

std::string bound_explained(const Options& options, const FabricParameters& fabric) {
  const unsigned n = options.ranks;
  auto text = fmt::format(
      "\nbound (one-port model: a rank sends one message a round) = the greater of\n"
      "  latency:   rounds x one way + doorbell + completion write = {} x {:g} + {:g} + {:g} = {:.1f} ns\n",
      rounds(n), fabric.one_way_ns(), fabric.mmio_write_ns, fabric.dma_write_ns, bound(fabric, n, 0).ns());
  text += fmt::format(
      "  bandwidth: 2 (N - 1) / N x bytes / link rate = {:g} x bytes x 8 bit / {:g} Gb/s = {:.4g} ns a byte\n",
      2.0 * (n - 1) / n, fabric.link_gbps, bound(fabric, n, 1).bandwidth_ns);
  return text;
}

std::string where_the_time_goes(const Report& report) {
  std::string text = fmt::format("\nwhere the time goes, ns; the parts add up to the latency\n{:>10} {:>11} {:>10} {:>13} {:>10} {:>20} {:>11} {:>11}\n",
                                 "bytes", "latency", "doorbell", "operand read", "wire", "device and pipeline",
                                 "completion", "link busy");
  bool any = false;
  for (const auto& row : report.rows) {
    if (!row.breakdown) continue;
    any = true;
    const auto& parts = *row.breakdown;
    text += fmt::format("{:>10} {:>11.1f} {:>10.1f} {:>13.1f} {:>10.1f} {:>20.1f} {:>11.1f} {:>10.1f}%\n", row.bytes,
                        parts.latency, parts.doorbell, parts.operand_read, parts.wire, parts.device, parts.completion,
                        100 * parts.link_busy);
  }
  if (!any) return {};
  text +=
      "doorbell, operand read (request to first data; none where the input came with the doorbell): one each, as modelled;\n"
      "wire: what the bound allots to the links;\n"
      "device and pipeline: the rest of the time that the device counted (instructions, packets, DMA, reduction, and what\n"
      "the algorithm sends beyond the bound), measured; completion: from there to its sight in host memory, measured;\n"
      "link busy: share of the latency in which the busiest link carried a packet, measured.\n";
  return text;
}

std::string closing(const Report& report) {
  if (!report.error.empty() || report.rows.empty()) return {};
  const auto work = total(report);
  if (!report.simulated) {
    return fmt::format("engine soft has no device: the CPUs reduced {} bytes and copied {}\n", work.cpu_reduced_bytes,
                       work.cpu_copied_bytes);
  }
  const auto cpu = cpu_work(report);
  return fmt::format(
      "the devices: {} bytes reduced, {} bytes read from and {} written to the ranks' memory, {} packets sent\n"
      "the CPUs:    {} messages matched, {} bytes reduced, {} bytes copied; {} bytes of short inputs stored with doorbells\n"
      "{}\n",
      work.device_reduced_bytes, work.device_read_bytes, work.device_written_bytes, work.device_packets, work.cpu_matches,
      work.cpu_reduced_bytes, work.cpu_copied_bytes, work.cpu_pushed_bytes,
      cpu.empty() ? "OFFLOADED: no CPU matched, reduced or copied anything" : "NOT OFFLOADED: " + cpu);
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

unsigned rounds(unsigned ranks) { return static_cast<unsigned>(std::bit_width(ranks - 1)); }

Bound bound(const FabricParameters& fabric, unsigned ranks, std::uint64_t bytes) {
  const double n = ranks;
  return {rounds(ranks) * fabric.one_way_ns() + fabric.mmio_write_ns + fabric.dma_write_ns,
          2.0 * (n - 1) / n * static_cast<double>(bytes) * 8.0 / fabric.link_gbps};
}

Work total(const Report& report) {
  Work sum;
  for (const auto& row : report.rows) {
    sum.cpu_matches += row.work.cpu_matches;
    sum.cpu_reduced_bytes += row.work.cpu_reduced_bytes;
    sum.cpu_copied_bytes += row.work.cpu_copied_bytes;
    sum.cpu_pushed_bytes += row.work.cpu_pushed_bytes;
    sum.device_reduced_bytes += row.work.device_reduced_bytes;
    sum.device_read_bytes += row.work.device_read_bytes;
    sum.device_written_bytes += row.work.device_written_bytes;
    sum.device_packets += row.work.device_packets;
  }
  return sum;
}

std::string cpu_work(const Report& report) {
  if (!report.simulated) return {};
  const auto work = total(report);
  if (work.cpu_matches == 0 && work.cpu_reduced_bytes == 0 && work.cpu_copied_bytes == 0) return {};
  return fmt::format("the CPUs matched {} messages, reduced {} bytes and copied {} bytes in place of the devices",
                     work.cpu_matches, work.cpu_reduced_bytes, work.cpu_copied_bytes);
}

std::string as_table(const Options& options, const Report& report) {
  auto text = heading(options, report) + latencies(options, report);
  if (report.fabric) text += bound_explained(options, *report.fabric);
  text += where_the_time_goes(report);
  text += fmt::format("\nthe whole run took {:.2f} s of wall-clock time\n", report.wall_seconds);
  return text + closing(report);
}

nlohmann::ordered_json as_json(const Options& options, const Report& report) {
  nlohmann::ordered_json json;
  json["benchmark"] = "allreduce";
  json["version"] = tally_version();
  json["engine"] = options.engine;
  json["ranks"] = options.ranks;
  json["dtype"] = options.dtype_name;
  json["op"] = options.op_name;
  json["repeats"] = options.repeats;
  json["concurrent"] = options.concurrent;
  json["push_max"] = options.push_max;
  json["skew_ns"] = options.skew_ns;
  json["seed"] = options.seed;
  json["algorithm"] = options.algorithm;
  json["time"] = report.simulated ? "simulated" : "wall";
  json["cores"] = report.cores;
  json["config"] = options.config;
  if (report.fabric) {
    const auto& fabric = *report.fabric;
    json["fabric"] = {{"link_gbps", fabric.link_gbps},
                      {"link_latency_ns", fabric.link_latency_ns},
                      {"switch_latency_ns", fabric.switch_latency_ns},
                      {"frame_overhead_bytes", fabric.frame_overhead_bytes},
                      {"queue_bytes", fabric.queue_bytes},
                      {"pcie_gbps", fabric.pcie_gbps},
                      {"mmio_write_ns", fabric.mmio_write_ns},
                      {"store_ns", fabric.store_ns},
                      {"dma_read_ns", fabric.dma_read_ns},
                      {"dma_write_ns", fabric.dma_write_ns},
                      {"clock_mhz", fabric.clock_mhz}};
  }
  json["correct"] = report.error.empty();
  if (!report.error.empty()) json["error"] = report.error;
  if (report.simulated) json["offloaded"] = cpu_work(report).empty();
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& row : report.rows) {
    nlohmann::ordered_json entry;
    entry["bytes"] = row.bytes;
    entry["algorithm"] = row.algorithm;
    entry["latency_ns"] = row.latency_ns;
    const auto [least, most] = std::minmax_element(row.latency_ns.begin(), row.latency_ns.end());
    entry["latency_min_ns"] = *least;
    entry["latency_median_ns"] = median(row.latency_ns);
    entry["latency_max_ns"] = *most;
    entry["bandwidth_gb_per_s"] = gigabytes_per_second(options, row);
    if (row.bound) {
      entry["bound_latency_ns"] = row.bound->latency_ns;
      entry["bound_bandwidth_ns"] = row.bound->bandwidth_ns;
      entry["bound_ns"] = row.bound->ns();
      entry["ratio_to_bound"] = median(row.latency_ns) / row.bound->ns();
    }
    if (row.breakdown) {
      const auto& parts = *row.breakdown;
      entry["breakdown"] = {{"latency_ns", parts.latency},
                            {"doorbell_ns", parts.doorbell},
                            {"operand_read_ns", parts.operand_read},
                            {"wire_ns", parts.wire},
                            {"device_and_pipeline_ns", parts.device},
                            {"completion_ns", parts.completion},
                            {"link_busy", parts.link_busy}};
    }
    entry["cpu_matches"] = row.work.cpu_matches;
    entry["cpu_reduced_bytes"] = row.work.cpu_reduced_bytes;
    entry["cpu_copied_bytes"] = row.work.cpu_copied_bytes;
    if (report.simulated) {
      entry["cpu_pushed_bytes"] = row.work.cpu_pushed_bytes;
      entry["device_reduced_bytes"] = row.work.device_reduced_bytes;
      entry["device_read_bytes"] = row.work.device_read_bytes;
      entry["device_written_bytes"] = row.work.device_written_bytes;
      entry["device_packets"] = row.work.device_packets;
    }
    json["rows"].push_back(entry);
  }
  json["wall_seconds"] = report.wall_seconds;
  return json;
}

}  // namespace tally::bench
