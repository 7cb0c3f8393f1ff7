// SPDX-License-Identifier: BSD-3-Clause
#include "launch/counters_table.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "drivers/sim/attach.hpp"
#include "launch/counter_rows.hpp"
#include "tally/tally.h"

namespace tally::launch {
namespace {

constexpr std::size_t kColumns = 8;  ///< ranks side by side; more go into blocks below each other

using RankCounters = std::vector<std::optional<tally_counters>>;  ///< of a rank that left some

RankCounters read_counters(const job::Segment& segment) {
  RankCounters counters(segment.header().ranks);
  for (std::uint32_t rank = 0; rank < counters.size(); ++rank) {
    if (segment.header().rank[rank].closed.load(std::memory_order_acquire) == 0) continue;
    if (const auto told = told_counters(segment, rank)) counters[rank] = told->value;
  }
  return counters;
}

std::uint64_t total_of(const RankCounters& counters, const CounterRow& row) {
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
    for (const auto& section : counter_sections()) {
      for (const auto& row : section.rows) {
        if (value) entry[row.name] = (*value).*row.field;
      }
    }
    root["ranks"].push_back(entry);
  }
  for (const auto& section : counter_sections()) {
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
    text += fmt::format("{:<34}", "");
    for (std::size_t rank = first; rank < last; ++rank) text += fmt::format(" {:>12}", fmt::format("rank {}", rank));
    if (with_total) text += fmt::format(" {:>14}", "total");
    text += '\n';
    for (const auto& section : counter_sections()) {
      text += fmt::format("{}\n", section.title);
      for (const auto& row : section.rows) {
        text += fmt::format("  {:<32}", row.unit.empty() ? row.name : fmt::format("{} ({})", row.name, row.unit));
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
