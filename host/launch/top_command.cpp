// SPDX-License-Identifier: BSD-3-Clause
// `tally top`: the counters of a job while it runs.
//
// The ranks leave their counters in the job's segment when somebody asks there, from within their own calls: a job that nobody
// looks at pays one load for it in each look for completions.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "launch/commands.hpp"
#include "launch/running_jobs.hpp"
#include "launch/top_table.hpp"

namespace tally::launch {
namespace {

constexpr int kPatienceMs = 250;
constexpr std::size_t kPlainWidth = 120;

struct Options {
  std::string job;
  bool once = false;
  bool list = false;
  bool json = false;
  double interval = 1;
  std::string sort = "sections";
  TopOptions table;
};

struct Screen {
  std::size_t columns = kPlainWidth;
  std::size_t lines = 0;  ///< 0: no terminal
};

Screen screen() {
  Screen now;
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0) return now;
  now.lines = 24;
  now.columns = 80;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 && size.ws_row != 0) {
    now.columns = size.ws_col;
    now.lines = size.ws_row;
  }
  return now;
}

/// False: nobody reads any more.
bool print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return std::fflush(stdout) == 0;
}

/// The lines of `text` that a screen holds, each cut to its width, over what was there before.
std::string on_screen(const std::string& text, const Screen& there) {
  std::string out = "\x1b[H";
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (line + 1 > there.lines) {
      out += "... (a larger window, --match or --json shows the rest)\x1b[K";
      break;
    }
    out += text.substr(at, std::min(end - at, there.columns)) + "\x1b[K\n";
    at = end + 1;
  }
  return out + "\x1b[J";
}

/// Looks again and again, until the job has ended or nobody reads.
void follow(const RunningJob& job, const Options& options) {
  std::optional<TopLook> before;
  bool cleared = false;
  for (std::size_t number = 0;; ++number) {
    TopLook now = look_at(job, kPatienceMs);
    const TopLook* since = before ? &*before : nullptr;
    const Screen there = screen();
    std::string text;
    if (options.json) {
      text = top_json(job, now, since, options.table);
    } else {
      text = top_text(job, now, since, options.table, there.columns);
      if (there.lines != 0 && !options.once) {
        text = (cleared ? "" : "\x1b[2J") + on_screen(text, there);
        cleared = true;
      } else if (number != 0) {
        text.insert(0, 1, '\n');
      }
    }
    if (!print(text) || options.once) return;
    before = std::move(now);
    // In steps: the end of the job is told soon.
    auto left = std::chrono::duration<double>(options.interval);
    while (left.count() > 0 && job.runs()) {
      const auto step = std::min(left, std::chrono::duration<double>(0.2));
      std::this_thread::sleep_for(step);
      left -= step;
    }
    if (!job.runs()) {
      // What the ranks left when they closed their endpoints.
      const TopLook last = look_at(job, 0);
      if (options.json) {
        print(top_json(job, last, nullptr, options.table));
      } else {
        print("\n" + top_text(job, last, nullptr, options.table, there.columns));
        fmt::print(stderr, "tally top: job {} has ended\n", job.id);
      }
      return;
    }
  }
}

void top(Options options, CommandContext& context) {
  const auto refuse = [&context](const std::string& text, int code = kUsageError) {
    usage_error(context, "top", text, code);
  };
  if (!(options.interval >= 0.05 && options.interval <= 86400))
    return refuse(fmt::format("--interval: {} is not a number of seconds from 0.05 to 86400", options.interval));
  using Sort = TopOptions::Sort;
  if (options.sort == "name") {
    options.table.sort = Sort::kName;
  } else if (options.sort == "value") {
    options.table.sort = Sort::kValue;
  } else if (options.sort == "rate") {
    options.table.sort = Sort::kRate;
  } else if (options.sort != "sections") {
    return refuse(fmt::format("--sort: '{}' is none of sections, name, value and rate", options.sort));
  }
  for (const std::string& pattern : options.table.patterns) {
    if (!matches_a_counter(pattern)) return refuse(fmt::format("--match: no counter's name has '{}'", pattern));
  }
  unsigned long long wanted = 0;
  if (!options.job.empty() && !parse_number(options.job, 1, 1ULL << 30, &wanted))
    return refuse(fmt::format("JOB: '{}' is not the number of a process", options.job));

  std::vector<RunningJob> jobs = running_jobs();
  if (wanted != 0) {
    const auto pid = static_cast<pid_t>(wanted);
    const auto job = std::find_if(jobs.begin(), jobs.end(), [pid](const RunningJob& one) { return one.has(pid); });
    if (job == jobs.end()) return refuse("JOB: " + why_no_job(pid), 1);
    if (job->segment == nullptr) return refuse(fmt::format("job {}: {}", job->id, job->trouble), 1);
    return follow(*job, options);
  }
  if (jobs.empty()) {
    if (options.json && options.list) {
      print(jobs_json(jobs));
      return;
    }
    return refuse(geteuid() == 0 ? "no Tally job runs on this machine"
                                 : "no Tally job of this user runs on this machine",
                  1);
  }
  if (options.list || jobs.size() > 1) {
    print(options.json ? jobs_json(jobs) : jobs_text(jobs));
    if (!options.list) fmt::print(stderr, "tally top: several jobs run; tally top JOB shows one\n");
    return;
  }
  if (jobs.front().segment == nullptr)
    return refuse(fmt::format("job {}: {}", jobs.front().id, jobs.front().trouble), 1);
  follow(jobs.front(), options);
}

}  // namespace

void add_top_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("top", "Show the counters of a running job, live");
  command->footer(
      "JOB is the process number of `tally run`, or of any rank. Without it: the job that runs, or a list where there are\n"
      "several. Numbers are as the ranks told them last; a rank tells them when it calls Tally. On a terminal the view is\n"
      "refreshed in place, elsewhere each look is printed behind the one before. Ends with the job, or by ctrl-C.\n"
      "Exit code: 0; 1: there is no such job, or it cannot be looked at; 2: bad arguments.\n\n"
      "Example: tally top --match fallback --match 'cpu_*'");
  command->add_option("JOB", options->job, "A process of the job")->type_name("PID");
  command->add_flag("--once", options->once, "One look, without rates");
  command->add_flag("--list", options->list, "List the jobs, even where there is one");
  command->add_flag("--json", options->json, "A line of JSON a look, with exact numbers");
  command->add_flag("--all", options->table.zeros, "Show counters that are 0, too");
  command->add_option("--interval", options->interval, "Time between two looks")
      ->capture_default_str()
      ->type_name("SECONDS");
  command->add_option("--match", options->table.patterns,
                      "Only counters whose name has PATTERN: a part of it, or with *, ?, [ as in a shell. Repeatable")
      ->expected(1)
      ->take_all()
      ->type_name("PATTERN");
  command->add_option("--sort", options->sort, "Order: sections, name, value or rate (largest first)")
      ->capture_default_str()
      ->type_name("BY");
  command->callback([options, &context] { top(*options, context); });
}

}  // namespace tally::launch
