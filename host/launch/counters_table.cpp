// SPDX-License-Identifier: BSD-3-Clause
#include "launch/counters_table.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "drivers/sim/attach.hpp"
#include "tally/tally.h"

namespace tally::launch {
namespace {

struct Row {
  const char* name;
  std::uint64_t tally_counters::*field;
  std::string unit = {};  ///< where the name does not tell
};
struct Section {
  const char* title;
  std::vector<Row> rows;
};

const std::array<Section, 4>& sections() {
  static const std::array<Section, 4> list{{
      {"host CPU in place of a device",
       {{"cpu_matches", &tally_counters::cpu_matches},
        {"cpu_reduced_bytes", &tally_counters::cpu_reduced_bytes},
        {"cpu_copied_bytes", &tally_counters::cpu_copied_bytes}}},
      {"fallbacks",
       {{"fallback_posted_full", &tally_counters::fallback_posted_full},
        {"fallback_send_window", &tally_counters::fallback_send_window},
        {"fallback_ring_full", &tally_counters::fallback_ring_full},
        {"fallback_staging", &tally_counters::fallback_staging, "bytes"},
        {"fallback_segments", &tally_counters::fallback_segments, "bytes"},
        {"fallback_spilled_order", &tally_counters::fallback_spilled_order},
        {"fallback_spilled_unexpected", &tally_counters::fallback_spilled_unexpected},
        {"fallback_spilled_bounce", &tally_counters::fallback_spilled_bounce},
        {"fallback_spilled_conflict", &tally_counters::fallback_spilled_conflict},
        {"fallback_receives_returned", &tally_counters::fallback_receives_returned},
        {"fallback_user_op", &tally_counters::fallback_user_op},
        {"fallback_collective_context", &tally_counters::fallback_collective_context},
        {"fallback_algorithm", &tally_counters::fallback_algorithm},
        {"handovers_to_host", &tally_counters::handovers_to_host},
        {"handovers_to_device", &tally_counters::handovers_to_device}}},
      {"operations",
       {{"sends", &tally_counters::sends},
        {"receives", &tally_counters::receives},
        {"collectives", &tally_counters::collectives},
        {"sent_bytes", &tally_counters::sent_bytes},
        {"received_bytes", &tally_counters::received_bytes},
        {"cpu_pushed_bytes", &tally_counters::cpu_pushed_bytes},
        {"memory_cache_hits", &tally_counters::memory_cache_hits},
        {"memory_cache_misses", &tally_counters::memory_cache_misses},
        {"memory_cache_evictions", &tally_counters::memory_cache_evictions}}},
      {"device",
       {{"device_matches_posted", &tally_counters::device_matches_posted},
        {"device_matches_unexpected", &tally_counters::device_matches_unexpected},
        {"device_reduced_bytes", &tally_counters::device_reduced_bytes},
        {"device_read_bytes", &tally_counters::device_read_bytes},
        {"device_written_bytes", &tally_counters::device_written_bytes},
        {"device_tx_packets", &tally_counters::device_tx_packets},
        {"device_rx_packets", &tally_counters::device_rx_packets},
        {"device_retransmits", &tally_counters::device_retransmits},
        {"device_timeouts", &tally_counters::device_timeouts},
        {"device_receiver_not_ready", &tally_counters::device_receiver_not_ready},
        {"device_icrc_errors", &tally_counters::device_icrc_errors}}},
  }};
  return list;
}

constexpr std::size_t kColumns = 8;  ///< ranks side by side; more go into blocks below each other

using RankCounters = std::vector<std::optional<tally_counters>>;  ///< of a rank that left some

RankCounters read_counters(const job::Segment& segment) {
  RankCounters counters(segment.header().ranks);
  for (std::uint32_t rank = 0; rank < counters.size(); ++rank) {
    tally_counters value{};
    std::memcpy(&value, segment.counters(rank), sizeof value);
    if (value.size == sizeof value) counters[rank] = value;
  }
  return counters;
}

std::uint64_t total_of(const RankCounters& counters, const Row& row) {
  std::uint64_t total = 0;
  for (const auto& value : counters) total += value ? (*value).*row.field : 0;
  return total;
}

/// Simulated time at the end, where the engine has any.
std::optional<double> device_time_us(const job::Segment& segment) {
  if (segment.header().engine != job::EngineKind::kRtl) return std::nullopt;
  const auto* area = reinterpret_cast<const sim::Area*>(segment.base() + segment.header().sim_offset);
  return static_cast<double>(area->now_ps.load()) * 1e-6;
}

}  // namespace

std::string counters_json(const job::Segment& segment) {
  const RankCounters counters = read_counters(segment);
  nlohmann::ordered_json root;
  root["engine"] = job::engine_name(segment.header().engine);
  root["ranks"] = nlohmann::ordered_json::array();
  for (const auto& value : counters) {
    nlohmann::ordered_json entry;  // null
    for (const auto& section : sections()) {
      for (const auto& row : section.rows) {
        if (value) entry[row.name] = (*value).*row.field;
      }
    }
    root["ranks"].push_back(entry);
  }
  for (const auto& section : sections()) {
    for (const auto& row : section.rows) root["total"][row.name] = total_of(counters, row);
  }
  const std::optional<double> time = device_time_us(segment);
  root["device_time_us"] = time ? nlohmann::ordered_json(*time) : nlohmann::ordered_json();
  return root.dump(2) + '\n';
}

std::string counters_table(const job::Segment& segment) {
  const RankCounters counters = read_counters(segment);
  const std::size_t ranks = counters.size();
  const auto present = static_cast<std::size_t>(
      std::count_if(counters.begin(), counters.end(), [](const auto& value) { return value.has_value(); }));
  std::string text = fmt::format("tally counters: {} ranks, engine {}\n", ranks,
                                 job::engine_name(segment.header().engine));
  for (std::size_t first = 0; first < ranks; first += kColumns) {
    const auto last = std::min<std::size_t>(first + kColumns, ranks);
    const bool with_total = last == ranks;
    text += fmt::format("{:<30}", "");
    for (std::size_t rank = first; rank < last; ++rank) text += fmt::format(" {:>12}", fmt::format("rank {}", rank));
    if (with_total) text += fmt::format(" {:>14}", "total");
    text += '\n';
    for (const auto& section : sections()) {
      text += fmt::format("{}\n", section.title);
      for (const auto& row : section.rows) {
        text += fmt::format("  {:<28}", row.unit.empty() ? row.name : fmt::format("{} ({})", row.name, row.unit));
        for (std::size_t rank = first; rank < last; ++rank) {
          text += counters[rank] ? fmt::format(" {:>12}", (*counters[rank]).*row.field) : fmt::format(" {:>12}", "-");
        }
        if (with_total) {
          text += fmt::format(" {:>14}", total_of(counters, row));
        }
        text += '\n';
      }
    }
  }
  if (present < ranks) {
    text += fmt::format("{} of {} ranks left no counters: they did not close a Tally endpoint\n", ranks - present, ranks);
  }
  if (const std::optional<double> time = device_time_us(segment)) {
    text += fmt::format("device time at the end (simulated): {:.3f} us\n", *time);
  } else {
    text += "device time: none (engine soft has no device)\n";
  }
  return text;
}

}  // namespace tally::launch
