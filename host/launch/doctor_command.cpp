// SPDX-License-Identifier: BSD-3-Clause
// `tally doctor`: what of this machine slows or stops a job.
#include <fmt/format.h>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "launch/commands.hpp"
#include "launch/doctor_checks.hpp"

namespace tally::launch {
namespace {

void print_text(const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    fmt::print("{:<8} {:<17} {}\n", name_of(finding.health), finding.subject, finding.text);
    if (!finding.advice.empty()) fmt::print("{:<26} -> {}\n", "", finding.advice);
  }
  const auto count = [&](Health health) {
    return std::count_if(findings.begin(), findings.end(),
                         [=](const Finding& one) { return one.health == health; });
  };
  const auto problems = count(Health::kProblem);
  const auto warnings = count(Health::kWarning);
  fmt::print("{} problem{}, {} warning{}", problems, problems == 1 ? "" : "s", warnings,
             warnings == 1 ? "" : "s");
  fmt::print("{}\n", problems + warnings == 0 ? "" : "; each is explained in docs/cluster.md");
}

nlohmann::ordered_json as_json(const std::vector<Finding>& findings) {
  auto list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"health", name_of(finding.health)},
                    {"subject", finding.subject},
                    {"text", finding.text},
                    {"advice", finding.advice}});
  }
  return list;
}

}  // namespace

void add_doctor_command(CLI::App& app, CommandContext& context) {
  struct Options {
    bool json = false;
    std::string ranks;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("doctor", "Check what of this machine slows or stops a job");
  command->footer(
      "Example: tally doctor --ranks 4\nExit code 1 when there is a problem; warnings alone are no failure.");
  command->add_option("--ranks", options->ranks, "Ranks that are to run on this host");
  command->add_flag("--json", options->json, "As one JSON array");
  command->callback([options, &context] {
    if (!context.after_dashes.empty()) {
      return usage_error(context, "doctor",
                         fmt::format("unexpected argument '{}'", context.after_dashes.front()));
    }
    unsigned long long ranks = 0;
    if (!options->ranks.empty() && !parse_number(options->ranks, 1, 1 << 20, &ranks)) {
      return usage_error(context, "doctor",
                         fmt::format("--ranks: '{}' is not a number from 1 to {}", options->ranks, 1 << 20));
    }
    const auto findings = examine(this_machine(static_cast<unsigned>(ranks)));
    if (options->json) {
      fmt::print("{}\n", as_json(findings).dump(2));
    } else {
      print_text(findings);
    }
    const auto bad = [](const Finding& finding) { return finding.health == Health::kProblem; };
    if (std::any_of(findings.begin(), findings.end(), bad)) context.exit_code = 1;
  });
}

}  // namespace tally::launch
