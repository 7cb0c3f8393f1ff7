// SPDX-License-Identifier: BSD-3-Clause
// tally_bench_match: cycles of the match unit against the depth of its queues, beside a unit that walks
// lists. Verilated RTL alone, no fabric: cycles of the engine clock, the same on every machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bench/match_depth/list_model.hpp"
#include "bench/match_depth/unit.hpp"
#include "tally/device.hpp"

namespace tally::bench {
namespace {

constexpr unsigned kDepths[] = {1, 4, 16, 64, 256, 1024, 4096};
constexpr unsigned kRepeats = 16;      // single operations, each alone in the unit
constexpr unsigned kSustained = 1000;  // pairs of operations, back to back
// What the check demands.
constexpr std::uint64_t kMaxLatency = 12, kMaxSpread = 2;
constexpr double kMaxInterval = 4.0;

enum class Pattern { kExact, kMixed };

/// Receive i of a queue. Each accepts message(i) and no other of the same pattern. Mixed: the classes in
/// turn.
Key receive(Pattern pattern, unsigned i) {
  const auto n = static_cast<std::uint16_t>(i);
  if (pattern == Pattern::kExact || i % 4 == 0)
    return {1, static_cast<std::uint16_t>(i % 16), i, false, false};
  if (i % 4 == 1) return {2, 0, i, true, false};
  if (i % 4 == 2) return {3, n, 0, false, true};
  return {static_cast<std::uint16_t>(16 + i), 0, 0, true, true};
}
Key message(Pattern pattern, unsigned i) {
  Key key = receive(pattern, i);
  if (key.any_source) key.source = static_cast<std::uint16_t>(i % 16);
  if (key.any_tag) key.tag = i;
  key.any_source = key.any_tag = false;
  return key;
}

struct Range {
  std::uint64_t least = ~0ull, most = 0;
  void add(std::uint64_t value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

struct Row {
  Pattern pattern = Pattern::kExact;
  unsigned depth = 0;
  Range arrival, post;  // latency, handshake to result
  double interval = 0;  // sustained cycles an operation; the slower of the two queues
  std::uint64_t list_arrival = 0, list_post = 0;
  double list_interval = 0;
};

void expect(bool good, const char* what) {
  if (!good) throw std::runtime_error(fmt::format("wrong result: {}", what));
}

/// Of a queue of `depth` receives (or messages) the last one is hit, and put in again.
void measure(Row& row, bool posted) {
  Unit unit;
  ListModel list;
  const unsigned n = row.depth;
  const auto put = [&](unsigned i) {
    if (posted) {
      unit.post(receive(row.pattern, i), std::min(i, n - 1), i);  // the later ones take the place of the last
      list.post(receive(row.pattern, i));
    } else {
      unit.arrive(message(row.pattern, i), i);
      list.arrive(message(row.pattern, i));
    }
  };
  const auto hit = [&](unsigned i) {
    if (posted) {
      unit.arrive(message(row.pattern, i), i);
      return list.arrive(message(row.pattern, i));
    }
    unit.post(receive(row.pattern, i), 0, i);
    return list.post(receive(row.pattern, i));
  };
  const auto check = [&](const Answer& answer, unsigned last) {
    if (answer.post == posted) {
      expect(answer.result == (posted ? Unit::kAppended : Unit::kStored), "an entry was not queued");
    } else {
      expect(answer.result == (posted ? Unit::kArrivalHit : Unit::kPostHit), "nothing was hit");
      expect(answer.payload == last, "not the entry that matches");
    }
  };
  for (unsigned i = 0; i < n; ++i) put(i);
  for (const Answer& answer : unit.answers()) check(answer, 0);

  // One after the other. The last entry is of each class in turn (mixed).
  unsigned last = n - 1;
  for (unsigned r = 0; r < kRepeats; ++r) {
    const std::uint64_t walked = hit(last);
    const Answer answer = unit.answers().at(0);
    check(answer, last);
    (posted ? row.arrival : row.post).add(answer.done - answer.taken);
    (posted ? row.list_arrival : row.list_post) = walked;
    put(++last);
    check(unit.answers().at(0), 0);
  }

  // Back to back: hit, put, hit, put.
  const unsigned first = last;
  const std::uint64_t list_before = list.cycles;
  for (unsigned r = 0; r < kSustained; ++r) {
    hit(last);
    put(++last);
  }
  const std::vector<Answer> answers = unit.answers();
  for (unsigned i = 0; i < answers.size(); ++i) check(answers[i], first + i / 2);
  const double operations = 2.0 * kSustained;
  const double interval =
      static_cast<double>(answers.back().taken - answers.front().taken) / (operations - 1);
  row.interval = std::max(row.interval, interval);
  row.list_interval =
      std::max(row.list_interval, static_cast<double>(list.cycles - list_before) / operations);
}

const char* name(Pattern pattern) { return pattern == Pattern::kExact ? "exact" : "mixed"; }

std::string as_table(const std::vector<Row>& rows) {
  std::string text = fmt::format(
      "{:>7} {:>6}  {:>13} {:>13} {:>11} {:>12}  {:>9} {:>9} {:>11} {:>12}\n"
      "{:>7} {:>6}  {:>13} {:>13} {:>11} {:>12}  {:>9} {:>9} {:>11} {:>12}\n",
      "", "", "arrival", "post", "sustained", "sustained", "list:", "list:", "list:", "list:", "keys",
      "depth", "min..max", "min..max", "cycles/op", "cycles/match", "arrival", "post", "cycles/op",
      "cycles/match");
  for (const Row& row : rows) {
    text +=
        fmt::format("{:>7} {:>6}  {:>13} {:>13} {:>11.2f} {:>12.2f}  {:>9} {:>9} {:>11.2f} {:>12.2f}\n",
                    name(row.pattern), row.depth, fmt::format("{}..{}", row.arrival.least, row.arrival.most),
                    fmt::format("{}..{}", row.post.least, row.post.most), row.interval, 2 * row.interval,
                    row.list_arrival, row.list_post, row.list_interval, 2 * row.list_interval);
  }
  return text;
}

nlohmann::ordered_json as_json(const std::vector<Row>& rows) {
  nlohmann::ordered_json json;
  json["benchmark"] = "match_depth";
  json["unit"] = "cycles";
  json["clock_mhz"] = device::kClockMhz;
  json["rows"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    json["rows"].push_back({{"keys", name(row.pattern)},
                            {"depth", row.depth},
                            {"arrival_min", row.arrival.least},
                            {"arrival_max", row.arrival.most},
                            {"post_min", row.post.least},
                            {"post_max", row.post.most},
                            {"sustained_per_operation", row.interval},
                            {"sustained_per_match", 2 * row.interval},
                            {"list_arrival", row.list_arrival},
                            {"list_post", row.list_post},
                            {"list_sustained_per_operation", row.list_interval},
                            {"list_sustained_per_match", 2 * row.list_interval}});
  }
  return json;
}

/// "" or what the unit does not keep.
std::string broken(const std::vector<Row>& rows) {
  Range all;
  double interval = 0;
  for (const Row& row : rows) {
    for (const Range& range : {row.arrival, row.post}) {
      all.add(range.least);
      all.add(range.most);
    }
    interval = std::max(interval, row.interval);
  }
  if (all.most > kMaxLatency) return fmt::format("latency {} cycles, more than {}", all.most, kMaxLatency);
  if (all.most - all.least > kMaxSpread) {
    return fmt::format("latency {} to {} cycles, apart by more than {}", all.least, all.most, kMaxSpread);
  }
  if (interval > kMaxInterval)
    return fmt::format("{:.3f} cycles an operation, more than {:.0f}", interval, kMaxInterval);
  return "";
}

int run(const std::string& json_path, bool check) {
  std::vector<Row> rows;
  for (const Pattern pattern : {Pattern::kExact, Pattern::kMixed}) {
    for (const unsigned depth : kDepths) {
      Row row;
      row.pattern = pattern;
      row.depth = depth;
      measure(row, true);
      measure(row, false);
      rows.push_back(row);
    }
  }
  fmt::print(
      "Match unit (RTL, {} MHz): cycles from handshake to result of the operation that hits the last of "
      "`depth` entries.\n"
      "sustained: that operation and the one that refills the queue, back to back; a match is both.\n"
      "list: a model of a unit that walks its list, one entry a cycle, a cycle to accept and one for the "
      "result.\n\n{}",
      device::kClockMhz, as_table(rows));
  if (!json_path.empty()) {
    std::ofstream file(json_path);
    file << as_json(rows).dump(2) << '\n';
    if (!file) {
      fmt::print(stderr, "tally_bench_match: cannot write '{}'\n", json_path);
      return 1;
    }
  }
  const std::string fault = check ? broken(rows) : "";
  if (!fault.empty()) fmt::print(stderr, "tally_bench_match: {}\n", fault);
  return fault.empty() ? 0 : 1;
}

}  // namespace
}  // namespace tally::bench

int main(int argc, char** argv) {
  CLI::App app{"Cycles of the match unit against the depth of its queues"};
  std::string json;
  bool check = false;
  app.add_option("--json", json, "also write the figures to this file");
  app.add_flag("--check", check,
               "exit code 1 when a latency is above 12 cycles, latencies differ by more than 2, or an "
               "operation takes more "
               "than 4 cycles");
  CLI11_PARSE(app, argc, argv);
  try {
    return tally::bench::run(json, check);
  } catch (const std::exception& e) {
    fmt::print(stderr, "tally_bench_match: {}\n", e.what());
    return 1;
  }
}
