// SPDX-License-Identifier: BSD-3-Clause
#include "launch/top_table.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace tally::launch {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNameColumns = 34;
constexpr std::size_t kValueColumns = 9;  ///< with the space before it
constexpr std::size_t kRateColumns = 9;
constexpr double kOldS = 0.5;  ///< a rank that has told nothing for so long is named

std::int64_t steady_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

bool has_pattern(const char* name, const std::string& pattern) {
  if (pattern.find_first_of("*?[") != std::string::npos) return fnmatch(pattern.c_str(), name, 0) == 0;
  return std::string_view(name).find(pattern) != std::string_view::npos;
}

bool selected(const TopOptions& options, const CounterRow& row) {
  return options.patterns.empty() ||
         std::any_of(options.patterns.begin(), options.patterns.end(),
                     [&row](const std::string& pattern) { return has_pattern(row.name, pattern); });
}

std::uint64_t value_of(const TopLook::Rank& rank, const CounterRow& row) {
  return rank.told ? rank.told->value.*row.field : 0;
}

/// A second, between what a rank told then and now. A rank that has told nothing new has done nothing that can be known.
double rate_of(const TopLook::Rank& now, const TopLook::Rank& before, const CounterRow& row) {
  if (!now.told || !before.told || now.told->time_ns <= before.told->time_ns) return 0;
  const double seconds = static_cast<double>(now.told->time_ns - before.told->time_ns) * 1e-9;
  return static_cast<double>(value_of(now, row) - value_of(before, row)) / seconds;
}

struct Line {
  const CounterRow* row = nullptr;
  std::size_t section = 0;
  std::uint64_t total = 0;
  double rate = 0;  ///< of all ranks
};

std::vector<Line> lines_of(const TopLook& now, const TopLook* before, const TopOptions& options, std::size_t* zeros) {
  std::vector<Line> lines;
  *zeros = 0;
  for (std::size_t section = 0; section < counter_sections().size(); ++section) {
    for (const CounterRow& row : counter_sections()[section].rows) {
      if (!selected(options, row)) continue;
      Line line{&row, section};
      for (std::size_t rank = 0; rank < now.ranks.size(); ++rank) {
        line.total += value_of(now.ranks[rank], row);
        if (before != nullptr) line.rate += rate_of(now.ranks[rank], before->ranks[rank], row);
      }
      if (line.total == 0) ++*zeros;
      if (line.total != 0 || options.zeros) lines.push_back(line);
    }
  }
  const auto order = [&lines](auto&& first) { std::stable_sort(lines.begin(), lines.end(), first); };
  switch (options.sort) {
    case TopOptions::Sort::kSections:
      break;
    case TopOptions::Sort::kName:
      order([](const Line& a, const Line& b) { return std::string_view(a.row->name) < b.row->name; });
      break;
    case TopOptions::Sort::kValue:
      order([](const Line& a, const Line& b) { return a.total > b.total; });
      break;
    case TopOptions::Sort::kRate:
      order([](const Line& a, const Line& b) { return a.rate > b.rate; });
      break;
  }
  return lines;
}

/// At most 7 letters: "123456", "1.235M", "12.35G".
std::string short_number(double value) {
  if (value < 999999.5) return fmt::format("{:.0f}", value);
  constexpr std::array<char, 5> kUnits{'k', 'M', 'G', 'T', 'P'};
  std::size_t unit = 0;
  value /= 1e3;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1e3;
    ++unit;
  }
  return fmt::format("{:.{}f}{}", value, value < 9.9995 ? 3 : value < 99.995 ? 2 : 1, kUnits[unit]);
}
std::string short_rate(double value) {
  return value > 0 && value < 99.95 ? fmt::format("{:.1f}", value) : short_number(value);
}

std::string short_time(double seconds) {
  if (seconds < 600) return fmt::format("{:.1f} s", seconds);
  const auto minutes = static_cast<std::uint64_t>(seconds / 60);
  return minutes < 60 ? fmt::format("{} min", minutes)
                      : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

double uptime_s(const RunningJob& job) { return std::max(0.0, since_boot_s() - job.started_s); }

double age_s(const TopLook& look, const TopLook::Rank& rank) {
  return std::max(0.0, static_cast<double>(look.time_ns - rank.told->time_ns) * 1e-9);
}

/// Sentences about ranks whose numbers are not of now.
std::string notes_of(const TopLook& now) {
  std::string text;
  std::vector<std::size_t> silent;
  std::size_t elsewhere = 0;
  for (std::size_t rank = 0; rank < now.ranks.size(); ++rank) {
    const TopLook::Rank& one = now.ranks[rank];
    if (one.pid == 0) ++elsewhere;
    const bool may_tell = one.state == std::string_view("runs") || one.state == std::string_view("waits");
    if (!may_tell) continue;
    if (!one.told) {
      silent.push_back(rank);
    } else if (const double age = age_s(now, one); age > kOldS) {
      text += fmt::format("rank {} has not called Tally for {}: its numbers are of then\n", rank, short_time(age));
    }
  }
  if (!silent.empty())
    text += fmt::format("rank{} {}: no numbers before {} next call of Tally\n", silent.size() == 1 ? "" : "s",
                        fmt::join(silent, ", "), silent.size() == 1 ? "its" : "their");
  if (elsewhere != 0)
    text += fmt::format("{} of {} ranks have not opened an endpoint on this machine\n", elsewhere, now.ranks.size());
  return text;
}

/// nullptr (JSON null) without a rank's numbers.
template <typename Value>
Json object_of(const std::vector<Line>& lines, Value&& value) {
  Json object = Json::object();
  for (const Line& line : lines) object[line.row->name] = value(line);
  return object;
}

double rounded(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

TopLook look_at(const RunningJob& job, int patience_ms) {
  job::Header& header = job.segment->header();
  const std::uint32_t asked = header.counters_asked.fetch_add(1, std::memory_order_relaxed) + 1;
  TopLook look;
  for (int waited = 0;; ++waited) {
    look.ranks.assign(header.ranks, {});
    bool all = true;
    for (std::uint32_t rank = 0; rank < header.ranks; ++rank) {
      TopLook::Rank& one = look.ranks[rank];
      one.pid = header.rank[rank].pid.load(std::memory_order_relaxed);
      if (one.pid == 0) continue;
      if (header.rank[rank].closed.load(std::memory_order_acquire) != 0) {
        one.state = "left";
      } else if (!process_lives(one.pid)) {
        one.state = "died";
      } else {
        one.state = header.wait[rank].waiting.load(std::memory_order_relaxed) != 0 ? "waits" : "runs";
      }
      one.told = told_counters(*job.segment, rank);
      // Another `tally top` may have asked since.
      const bool answered = one.told && static_cast<std::int32_t>(one.told->answered - asked) >= 0;
      all = all && (answered || one.state == std::string_view("left") || one.state == std::string_view("died"));
    }
    look.time_ns = steady_ns();
    if (all || waited >= patience_ms) return look;
    usleep(1000);
  }
}

bool matches_a_counter(const std::string& pattern) {
  for (const CounterSection& section : counter_sections()) {
    for (const CounterRow& row : section.rows) {
      if (has_pattern(row.name, pattern)) return true;
    }
  }
  return false;
}

std::string top_text(const RunningJob& job, const TopLook& now, const TopLook* before, const TopOptions& options,
                     std::size_t width) {
  const std::size_t ranks = now.ranks.size();
  std::string text = fmt::format("job {}: {} rank{}, engine {}, up {}: {}\n", job.id, ranks, ranks == 1 ? "" : "s",
                                 job::engine_name(job.segment->header().engine), short_time(uptime_s(job)),
                                 job.command);
  std::size_t zeros = 0;
  const std::vector<Line> lines = lines_of(now, before, options, &zeros);
  const std::size_t cell = kValueColumns + (before != nullptr ? kRateColumns : 0);
  const auto put = [&text, before](const std::string& value, const std::string& rate) {
    text += fmt::format(" {:>{}}", value, kValueColumns - 1);
    if (before != nullptr) text += fmt::format(" {:>{}}", rate, kRateColumns - 1);
  };
  // Blocks of as many ranks as fit, the total before the first.
  const std::size_t fit = std::max<std::size_t>(width > kNameColumns ? (width - kNameColumns) / cell : 0, 2);
  for (std::size_t first = 0; first < ranks;) {
    const bool with_total = first == 0;
    const std::size_t last = std::min(first + fit - (with_total ? 1 : 0), ranks);
    text += fmt::format("{:<{}}", "", kNameColumns);
    if (with_total) put("total", "a second");
    for (std::size_t rank = first; rank < last; ++rank) put(fmt::format("rank {}", rank), "a second");
    text += fmt::format("\n{:<{}}", "state", kNameColumns);
    if (with_total) put("", "");
    for (std::size_t rank = first; rank < last; ++rank) put(now.ranks[rank].state, "");
    text += '\n';
    const Line* previous = nullptr;
    for (const Line& line : lines) {
      if (options.sort == TopOptions::Sort::kSections && (previous == nullptr || previous->section != line.section))
        text += fmt::format("{}\n", counter_sections()[line.section].title);
      previous = &line;
      text += fmt::format("  {:<{}}", line.row->name, kNameColumns - 2);
      if (with_total) put(short_number(static_cast<double>(line.total)), short_rate(line.rate));
      for (std::size_t rank = first; rank < last; ++rank) {
        const TopLook::Rank& one = now.ranks[rank];
        if (!one.told) {
          put("-", "-");
          continue;
        }
        put(short_number(static_cast<double>(value_of(one, *line.row))),
            before == nullptr ? "" : short_rate(rate_of(one, before->ranks[rank], *line.row)));
      }
      text += '\n';
    }
    first = last;
  }
  if (zeros != 0 && !options.zeros)
    text += fmt::format("{} counter{} at 0 {} not shown (--all)\n", zeros, zeros == 1 ? "" : "s",
                        zeros == 1 ? "is" : "are");
  return text + notes_of(now);
}

std::string top_json(const RunningJob& job, const TopLook& now, const TopLook* before, const TopOptions& options) {
  TopOptions all = options;
  all.zeros = true;
  std::size_t zeros = 0;
  const std::vector<Line> lines = lines_of(now, before, all, &zeros);
  Json root;
  root["job"] = job.id;
  root["command"] = job.command;
  root["engine"] = job::engine_name(job.segment->header().engine);
  root["uptime_s"] = rounded(uptime_s(job));
  root["ranks"] = Json::array();
  for (std::size_t rank = 0; rank < now.ranks.size(); ++rank) {
    const TopLook::Rank& one = now.ranks[rank];
    Json entry;
    entry["rank"] = rank;
    entry["pid"] = one.pid != 0 ? Json(one.pid) : Json();
    entry["state"] = one.state;
    entry["age_s"] = one.told ? Json(rounded(age_s(now, one))) : Json();
    entry["counters"] =
        one.told ? object_of(lines, [&one](const Line& line) { return value_of(one, *line.row); }) : Json();
    entry["rates"] = one.told && before != nullptr ? object_of(lines,
                                                               [&](const Line& line) {
                                                                 return rounded(rate_of(one, before->ranks[rank],
                                                                                        *line.row));
                                                               })
                                                   : Json();
    root["ranks"].push_back(std::move(entry));
  }
  root["total"] = object_of(lines, [](const Line& line) { return line.total; });
  root["total_rates"] =
      before != nullptr ? object_of(lines, [](const Line& line) { return rounded(line.rate); }) : Json();
  return root.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string jobs_text(const std::vector<RunningJob>& jobs) {
  std::string text = fmt::format("{:>9} {:>6} {:>7} {:>12}  {}\n", "job", "ranks", "engine", "up", "command");
  for (const RunningJob& job : jobs) {
    if (job.segment == nullptr) {
      text += fmt::format("{:>9} {:>6} {:>7} {:>12}  {} ({})\n", job.id, "?", "?", short_time(uptime_s(job)), job.command,
                          job.trouble);
      continue;
    }
    text += fmt::format("{:>9} {:>6} {:>7} {:>12}  {}\n", job.id, job.segment->header().ranks,
                        job::engine_name(job.segment->header().engine), short_time(uptime_s(job)), job.command);
  }
  return text;
}

std::string jobs_json(const std::vector<RunningJob>& jobs) {
  Json root;
  root["jobs"] = Json::array();
  for (const RunningJob& job : jobs) {
    Json entry;
    entry["job"] = job.id;
    entry["ranks"] = job.segment != nullptr ? Json(job.segment->header().ranks) : Json();
    entry["engine"] =
        job.segment != nullptr ? Json(job::engine_name(job.segment->header().engine)) : Json();
    entry["uptime_s"] = rounded(uptime_s(job));
    entry["command"] = job.command;
    entry["trouble"] = job.trouble.empty() ? Json() : Json(job.trouble);
    root["jobs"].push_back(std::move(entry));
  }
  return root.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace tally::launch
