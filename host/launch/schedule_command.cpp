// SPDX-License-Identifier: BSD-3-Clause
// `tally schedule`: what the algorithms are, in words and pictures, and the proof of each.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>

#include "launch/commands.hpp"
#include "schedule/msccl/import.hpp"
#include "schedule/schedule.hpp"
#include "schedule/view/draw.hpp"
#include "schedule/view/text.hpp"

namespace tally::launch {
namespace {

using schedule::Call;
using schedule::Collective;
using schedule::Schedule;

constexpr unsigned long long kMostRanks = 1024;

struct Options {
  std::string what;  ///< a collective, or a file
  std::string algorithm;
  std::string ranks;
  std::string root;
  std::string bytes;
  std::string rank;
  std::string output;
  bool in_place = false;
};

bool fail(std::string* error, std::string text) {
  *error = std::move(text);
  return false;
}

std::vector<Collective> all_collectives() {
  std::vector<Collective> all;
  for (std::size_t k = 0; k < schedule::kCollectives; ++k) all.push_back(static_cast<Collective>(k));
  return all;
}

bool parse_collective(const std::string& text, Collective* collective, std::string* error) {
  std::vector<std::string> names;
  for (const Collective each : all_collectives()) {
    names.emplace_back(schedule::name_of(each));
    if (text == names.back()) {
      *collective = each;
      return true;
    }
  }
  return fail(error, fmt::format("COLLECTIVE: no collective '{}'; there are {}", text, fmt::join(names, ", ")));
}

bool parse_option(const char* option, const std::string& text, unsigned long long least, unsigned long long most,
                  unsigned long long* value, std::string* error) {
  if (parse_number(text, least, most, value)) return true;
  return fail(error, fmt::format("{}: '{}' is not a number from {} to {}", option, text, least, most));
}

/// "4", "2,4,8", "2-64", "1-33,64".
bool parse_ranks(const std::string& text, std::vector<int>* ranks, std::string* error) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    const std::size_t dash = part.find('-');
    unsigned long long first = 0;
    unsigned long long last = 0;
    if (!parse_number(part.substr(0, dash), 1, kMostRanks, &first) ||
        !parse_number(dash == std::string::npos ? part : part.substr(dash + 1), 1, kMostRanks, &last) || last < first) {
      return fail(error,
                  fmt::format("--ranks: '{}' is not a number of ranks or a range of them, 1 to {}", part, kMostRanks));
    }
    for (auto n = first; n <= last; ++n) ranks->push_back(static_cast<int>(n));
    begin = end + 1;
  }
  return true;
}

/// A file in place of a collective: its algorithm, ranks and root, where the options do not name others.
bool resolve_file(Options* options, std::string* error) {
  for (const std::string& path : {options->what, options->algorithm}) {
    if (!schedule::is_file(path)) continue;
    const auto file = schedule::load_msccl(path, error);
    if (file == nullptr) return false;
    const Schedule& s = file->schedule;
    if (path == options->what) options->what = schedule::name_of(s.collective);
    if (options->algorithm.empty()) options->algorithm = path;
    if (options->ranks.empty()) options->ranks = std::to_string(s.ranks.size());
    if (options->root.empty() && schedule::has_root(s.collective)) options->root = std::to_string(s.root);
    if (!s.out_of_place) options->in_place = true;
    break;
  }
  return true;
}

/// What --ranks, --root, --bytes and --in-place say.
bool parse_call(const Options& options, Collective collective, Call* call, std::string* error) {
  unsigned long long value = 0;
  call->collective = collective;
  if (!parse_option("--ranks", options.ranks.empty() ? "4" : options.ranks, 1, kMostRanks, &value, error)) return false;
  call->ranks = static_cast<int>(value);
  if (!options.root.empty()) {
    if (!schedule::has_root(collective))
      return fail(error, fmt::format("--root: {} has no root", schedule::name_of(collective)));
    if (!parse_option("--root", options.root, 0, value - 1, &value, error)) return false;
    call->root = static_cast<int>(value);
  }
  if (!options.bytes.empty()) {
    if (!parse_option("--bytes", options.bytes, 0, 1ull << 50, &value, error)) return false;
    call->bytes = value;
  }
  call->in_place = options.in_place || collective == Collective::kBcast;
  return true;
}

/// The schedule that the options name: with --bytes what a call of this size would run.
bool find_schedule(Options options, Schedule* found, std::string* error) {
  if (!resolve_file(&options, error)) return false;
  Collective collective{};
  Call call;
  if (!parse_collective(options.what, &collective, error) || !parse_call(options, collective, &call, error))
    return false;
  const bool automatic = options.algorithm.empty() || options.algorithm == "auto";
  if (automatic && options.bytes.empty() && collective != Collective::kBarrier) {
    return fail(error, fmt::format("--algorithm NAME or --bytes B is required: which one is taken depends on the size; "
                                   "there are {}",
                                   fmt::join(schedule::algorithms_and_variants(collective), ", ")));
  }
  std::string reason;
  const bool done = automatic || !options.bytes.empty() ? schedule::select(call, options.algorithm, found, &reason)
                                                        : schedule::make_named(call, options.algorithm, found, &reason);
  return done || fail(error, "--algorithm: " + reason);
}

// --- list ---------------------------------------------------------------------------------------

std::string size_text(std::uint64_t bytes) {
  for (const auto& [unit, name] : {std::pair{1ull << 20, "MiB"}, {1ull << 10, "KiB"}}) {
    if (bytes >= unit && bytes % unit == 0) return fmt::format("{} {}", bytes / unit, name);
  }
  return fmt::format("{} B", bytes);
}

/// When select() takes it by itself. Of blocks: bytes of a block.
std::string when(const std::vector<schedule::Choice>& choices, const std::string& name, std::uint64_t block_of) {
  std::string out;
  for (const auto& choice : choices) {
    if (choice.algorithm != name) continue;
    if (!out.empty()) out += "; ";
    const std::uint64_t first = (choice.first + block_of - 1) / block_of;
    if (choice.last == schedule::kAnyBytes) {
      out += first == 0 ? "any size" : fmt::format("from {} on", size_text(first));
    } else {
      out += fmt::format("{} to {}", size_text(first), size_text(choice.last / block_of));
    }
  }
  return out.empty() ? "by name" : out;
}

std::string serves(const Schedule& s) {
  const std::uint64_t block_of = has_blocks(s.collective) ? s.ranks.size() : 1;
  std::string out = s.max_bytes == 0 || s.max_bytes == schedule::kAnyBytes
                        ? "any size"
                        : fmt::format("to {}", size_text(s.max_bytes / block_of));
  if (s.max_bytes == schedule::kAnyBytes) out += ", flows of 32 KiB";
  if (s.unasked) out += ", unasked";
  if (s.by_counts) out += ", counts";
  return out;
}

void list(const Options& options, CommandContext& context) {
  std::string error;
  std::vector<Collective> collectives = all_collectives();
  unsigned long long ranks = 0;
  if (!options.what.empty()) {
    collectives.resize(1);
    if (!parse_collective(options.what, collectives.data(), &error))
      return usage_error(context, "schedule list", error);
  }
  if (!parse_option("--ranks", options.ranks.empty() ? "8" : options.ranks, 1, kMostRanks, &ranks, &error))
    return usage_error(context, "schedule list", error);
  fmt::print(
      "Of {} ranks. Entries: of the longest program, of 1024 in a device. Sizes: of the vector; where there are "
      "blocks, of a block.\n",
      ranks);
  for (const Collective collective : collectives) {
    Call call;
    call.collective = collective;
    call.ranks = static_cast<int>(ranks);
    const auto choices = schedule::automatic_choices(collective, call.ranks);
    fmt::print("\n{:<26} {:>5} {:>7} {:>7} {:>8}  {:<28} {}\n", schedule::name_of(collective), "lanes", "entries",
               "scratch", "messages", "serves", "taken by itself for");
    for (const auto& name : schedule::algorithms_and_variants(collective)) {
      Schedule s;
      if (!schedule::make_named(call, name, &s, &error)) {
        fmt::print("  {:<24} {}\n", name, error);
        continue;
      }
      const auto sum = schedule::totals(s);
      fmt::print("  {:<24} {:>5} {:>7} {:>7} {:>8}  {:<28} {}\n", name, sum.lanes, sum.entries, s.scratch_chunks,
                 sum.messages, serves(s), when(choices, name, has_blocks(collective) ? ranks : 1));
    }
  }
}

// --- show, draw ---------------------------------------------------------------------------------

void show(const Options& options, CommandContext& context) {
  Schedule s;
  std::string error;
  schedule::TextOptions shown;
  unsigned long long value = 0;
  if (!find_schedule(options, &s, &error)) return usage_error(context, "schedule show", error);
  if (!options.rank.empty()) {
    if (!parse_option("--rank", options.rank, 0, s.ranks.size() - 1, &value, &error))
      return usage_error(context, "schedule show", error);
    shown.rank = value;
  }
  if (parse_number(options.bytes, 0, 1ull << 50, &value)) shown.bytes = value;
  fmt::print("{}", schedule::text(s, shown));
}

void draw(const Options& options, CommandContext& context) {
  Schedule s;
  std::string error;
  if (!find_schedule(options, &s, &error)) return usage_error(context, "schedule draw", error);
  const std::string picture = schedule::svg(s, &error);
  if (picture.empty()) return usage_error(context, "schedule draw", error, 1);
  if (options.output.empty()) {
    fmt::print("{}", picture);
    return;
  }
  std::ofstream file(options.output);
  file << picture;
  file.close();
  if (!file)
    return usage_error(context, "schedule draw", fmt::format("--output: '{}' cannot be written", options.output), 1);
}

// --- verify -------------------------------------------------------------------------------------

/// Both ends and two between.
std::vector<int> roots_of(Collective collective, int ranks) {
  if (!schedule::has_root(collective)) return {0};
  std::vector<int> roots{0, 1, ranks / 2, ranks - 1};
  std::sort(roots.begin(), roots.end());
  roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
  while (roots.back() >= ranks) roots.pop_back();
  return roots;
}

struct Proof {
  std::size_t schedules = 0;
  double seconds = 0;
  double slowest = 0;
  int slowest_ranks = 0;
  std::string fault;
};

void prove(const Schedule& s, const std::string& call, Proof* proof) {
  const auto start = std::chrono::steady_clock::now();
  const std::string fault = schedule::verify(s);
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ++proof->schedules;
  proof->seconds += took;
  if (took > proof->slowest) {
    proof->slowest = took;
    proof->slowest_ranks = static_cast<int>(s.ranks.size());
  }
  if (!fault.empty()) proof->fault = fmt::format("{}: {}", call, fault);
}

/// All roots and ways of calling of one algorithm, until one is wrong.
Proof prove(Collective collective, const std::string& name, const std::vector<int>& ranks, const Options& options,
            std::string* error) {
  Proof proof;
  for (const int n : ranks) {
    std::vector<int> roots = roots_of(collective, n);
    if (!options.root.empty()) {
      unsigned long long root = 0;
      if (!schedule::has_root(collective)) {
        *error = fmt::format("--root: {} has no root", schedule::name_of(collective));
      } else if (parse_option("--root", options.root, 0, static_cast<unsigned>(n) - 1, &root, error)) {
        roots = {static_cast<int>(root)};
      }
      if (!error->empty()) return proof;
    }
    for (const int root : roots) {
      for (const bool in_place : {false, true}) {
        if (collective == Collective::kBcast && !in_place) continue;
        const Call call{.collective = collective, .ranks = n, .root = root, .in_place = in_place};
        Schedule s;
        if (!schedule::make_named(call, name, &s, error)) return proof;
        if (in_place && s.out_of_place && collective != Collective::kBcast) continue;  // the same schedule serves both
        prove(s,
              fmt::format("{} ranks{}{}", n, schedule::has_root(collective) ? fmt::format(", root {}", root) : "",
                          in_place ? ", in place" : ""),
              &proof);
        if (!proof.fault.empty()) return proof;
      }
    }
  }
  return proof;
}

void verify(const Options& given, CommandContext& context) {
  Options options = given;
  const auto refuse = [&](const std::string& text) { usage_error(context, "schedule verify", text); };
  std::string error;
  std::vector<Collective> collectives = all_collectives();
  std::vector<int> ranks;
  if (!resolve_file(&options, &error)) return refuse(error);
  if (!parse_ranks(options.ranks.empty() ? "1-33,64" : options.ranks, &ranks, &error)) return refuse(error);
  if (!options.what.empty()) {
    collectives.resize(1);
    if (!parse_collective(options.what, collectives.data(), &error)) return refuse(error);
  }
  std::size_t found = 0;
  for (const Collective collective : collectives) {
    std::vector<std::string> names = schedule::algorithms_and_variants(collective);
    // Not only names of the list: files, and names with a number.
    if (schedule::is_file(options.algorithm) || schedule::knows(collective, options.algorithm))
      names = {options.algorithm};
    for (const auto& name : names) {
      if (!options.algorithm.empty() && name != options.algorithm) continue;
      ++found;
      const Proof proof = prove(collective, name, ranks, options, &error);
      if (!error.empty()) return refuse(error);
      const std::string label = fmt::format("{} {}", schedule::name_of(collective), name);
      if (!proof.fault.empty()) {
        fmt::print("{:<38} WRONG: {}\n", label, proof.fault);
        context.exit_code = 1;
        continue;
      }
      fmt::print("{:<38} proved: {:>4} schedules in {:>6.2f} s, the slowest ({} ranks) in {:.3f} s\n", label,
                 proof.schedules, proof.seconds, proof.slowest_ranks, proof.slowest);
      std::fflush(stdout);
    }
  }
  if (found == 0) {
    refuse(fmt::format("--algorithm: {} '{}'", options.what.empty() ? "no collective has" : options.what + " has no",
                       options.algorithm));
  }
}

// --- import -------------------------------------------------------------------------------------

void import(const Options& options, CommandContext& context) {
  std::string error;
  if (!schedule::is_file(options.what)) {
    return usage_error(context, "schedule import",
                       fmt::format("FILE: '{}' is not named .xml, as algorithms from files are", options.what));
  }
  const auto file = schedule::load_msccl(options.what, &error);
  if (file == nullptr) return usage_error(context, "schedule import", error, 1);
  const Schedule& s = file->schedule;
  const auto sum = schedule::totals(s);
  fmt::print("{}\n", schedule::headline(s));
  fmt::print(
      "  {} steps in at most {} thread blocks a GPU became at most {} lane{} and {} entries (a device has 1024)\n",
      file->steps, file->thread_blocks, sum.lanes, sum.lanes == 1 ? "" : "s", sum.entries);
  fmt::print("  proved: each result, no deadlock, no race\n");
  if (s.block_chunks != 1) {
    fmt::print("  for blocks of multiples of {} bytes: a block is {} chunks\n",
               s.block_chunks * schedule::kMaxElementBytes, s.block_chunks);
  }
  if (file->min_bytes != 0 || file->max_bytes != 0) {
    fmt::print("  its authors mean it for {} to {} (nothing holds you to that)\n", size_text(file->min_bytes),
               file->max_bytes == 0 ? "any size" : size_text(file->max_bytes));
  }
  fmt::print("  to run it: TALLY_ALGORITHM={} tally run -n {} -- PROG\n", options.what, s.ranks.size());
}

// --- the parser ---------------------------------------------------------------------------------

using Run = void (*)(const Options&, CommandContext&);

CLI::App* add(CLI::App& parent, CommandContext& context, const std::shared_ptr<Options>& options, const char* name,
              const char* text, Run run) {
  auto* command = parent.add_subcommand(name, text);
  command->callback([options, run, name, &context] {
    if (!context.after_dashes.empty()) {
      return usage_error(context, fmt::format("schedule {}", name),
                         fmt::format("unexpected argument '{}'", context.after_dashes.front()));
    }
    run(*options, context);
  });
  return command;
}

void add_call_options(CLI::App* command, Options& options) {
  command->add_option("COLLECTIVE", options.what, "allreduce, bcast, ...: `tally schedule list`; or FILE.xml of MSCCL")
      ->required();
  command
      ->add_option("--algorithm", options.algorithm, "Its name, or FILE.xml; without one, what --bytes gets by itself")
      ->type_name("NAME");
  command->add_option("--ranks", options.ranks, "Ranks of the group; of a file its own")
      ->type_name("N")
      ->default_str("4");
  command->add_option("--root", options.root, "Where the collective has one; 0 if not given")->type_name("RANK");
  command->add_option("--bytes", options.bytes, "Bytes of the vector, or of all blocks: what this size runs")
      ->type_name("B");
  command->add_flag("--in-place", options.in_place, "The variant for calls in place");
}

}  // namespace

void add_schedule_command(CLI::App& app, CommandContext& context) {
  auto* command = app.add_subcommand("schedule", "Collectives as schedules: list, show, verify, draw, import");
  command->require_subcommand(1);
  command->footer(
      "Example: tally schedule show allreduce --algorithm ring --ranks 4\n"
      "Example: tally schedule draw allreduce --algorithm rabenseifner --ranks 8 --output picture.svg\n"
      "Example: tally schedule verify allreduce --ranks 2-64");

  auto listed = std::make_shared<Options>();
  auto* sub = add(*command, context, listed, "list", "Every algorithm, what it needs and when it is taken", list);
  sub->add_option("COLLECTIVE", listed->what, "One collective; all if not given");
  sub->add_option("--ranks", listed->ranks, "Ranks of the group")->type_name("N")->default_str("8");
  sub->footer("Example: tally schedule list allreduce --ranks 16");

  auto shown = std::make_shared<Options>();
  sub = add(*command, context, shown, "show", "A schedule in words: an instruction a line", show);
  add_call_options(sub, *shown);
  sub->add_option("--rank", shown->rank, "This rank only")->type_name("RANK");
  sub->footer("Example: tally schedule show bcast --algorithm binomial --ranks 8 --root 2 --rank 0");

  auto verified = std::make_shared<Options>();
  sub = add(*command, context, verified, "verify", "Prove results, freedom of deadlock and of races", verify);
  sub->add_option("COLLECTIVE", verified->what, "One collective, or FILE.xml of MSCCL; all if not given");
  sub->add_option("--algorithm", verified->algorithm, "One algorithm; all if not given")->type_name("NAME");
  sub->add_option("--ranks", verified->ranks, "Numbers of ranks: 4 or 2,4,8 or 2-64")
      ->type_name("RANGE")
      ->default_str("1-33,64");
  sub->add_option("--root", verified->root, "This root only; both ends and two between if not given")
      ->type_name("RANK");
  sub->footer("Example: tally schedule verify allreduce --ranks 2-64");

  auto drawn = std::make_shared<Options>();
  sub = add(*command, context, drawn, "draw", "A schedule as a space-time diagram (SVG)", draw);
  add_call_options(sub, *drawn);
  sub->add_option("-o,--output", drawn->output, "The picture; standard output if not given")->type_name("FILE.svg");
  sub->footer("Example: tally schedule draw allreduce --algorithm ring --ranks 4 -o ring.svg");

  auto imported = std::make_shared<Options>();
  sub = add(*command, context, imported, "import", "Read, convert and prove an MSCCL XML file", import);
  sub->add_option("FILE", imported->what, "An algorithm file of MSCCL (.xml)")->required()->type_name("FILE.xml");
  sub->footer("Example: tally schedule import allreduce_ring.xml");
}

}  // namespace tally::launch
