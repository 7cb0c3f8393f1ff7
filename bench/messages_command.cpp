// SPDX-License-Identifier: BSD-3-Clause
// `tally bench messages`: everything is checked before anything runs.
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/messages.hpp"
#include "bench/messages_command.hpp"
#include "launch/engines.hpp"

namespace tally::launch {
namespace {

constexpr std::uint64_t kMaxMessageBytes = std::uint64_t{16} << 20;

struct Arguments {
  std::string sizes = "8,1K,64K,1M";
  std::string count = "10000";
  std::string window = "512";
  std::string loss = "0";
  std::string config;
  std::string json;
};

/// "0,0.01": numbers of 0 to 0.5.
bool parse_losses(const std::string& text, std::vector<double>* losses) {
  std::istringstream parts(text);
  std::string part;
  while (std::getline(parts, part, ',')) {
    char* end = nullptr;
    const double value = std::strtod(part.c_str(), &end);
    if (part.empty() || *end != '\0' || !(value >= 0 && value <= 0.5)) return false;
    losses->push_back(value);
  }
  return !losses->empty() && text.back() != ',';
}

bool check(const Arguments& arguments, bench::MessagesOptions* options, std::string* error) {
  unsigned long long number = 0;
  const auto take = [&](const char* name, const std::string& text, unsigned long long least, unsigned long long most) {
    if (parse_number(text, least, most, &number)) return true;
    *error = fmt::format("{}: '{}' is not a whole number of {} to {}", name, text, least, most);
    return false;
  };
  if (!take("--count", arguments.count, 8, 1000000)) return false;
  options->count = static_cast<unsigned>(number);
  if (!take("--window", arguments.window, 4, 2048)) return false;
  options->window = static_cast<unsigned>(number);
  if (!bench::parse_sizes(arguments.sizes, &options->sizes, error)) {
    *error = "--sizes: " + *error;
    return false;
  }
  for (const auto size : options->sizes) {
    if (size > kMaxMessageBytes) {
      *error = fmt::format("--sizes: {} is more than {} bytes", size, kMaxMessageBytes);
      return false;
    }
  }
  if (!parse_losses(arguments.loss, &options->losses)) {
    *error = fmt::format("--loss: '{}' is not a list of numbers of 0 to 0.5, such as 0,0.01", arguments.loss);
    return false;
  }
  options->config = arguments.config;
  return arguments.config.empty() || check_config(arguments.config, error);
}

void run(const Arguments& arguments, CommandContext& context) {
  bench::MessagesOptions options;
  std::string error;
  if (!context.after_dashes.empty()) {
    error = fmt::format("unexpected argument '{}'", context.after_dashes.front());
    return usage_error(context, "bench messages", error);
  }
  if (!check(arguments, &options, &error)) return usage_error(context, "bench messages", error);
  std::ofstream json;
  if (!arguments.json.empty()) {
    json.open(arguments.json);
    if (!json) return usage_error(context, "bench messages", fmt::format("--json: cannot write '{}'", arguments.json));
  }
  const auto report = bench::run_messages(options);
  fmt::print("{}", bench::as_table(options, report));
  if (json.is_open()) {
    json << bench::as_json(options, report).dump(2) << '\n';
    json.close();
    if (!json) usage_error(context, "bench messages", fmt::format("--json: cannot write '{}'", arguments.json), 1);
  }
  if (!report.error.empty()) return usage_error(context, "bench messages", report.error, 1);
  for (const auto& row : report.rows) {
    if (row.cpu_work == 0) continue;
    return usage_error(context, "bench messages",
                       fmt::format("{} bytes: a CPU did work of the device ({} matches and bytes)", row.bytes, row.cpu_work), 1);
  }
}

}  // namespace

void add_bench_messages_command(CLI::App& group, CommandContext& context) {
  auto arguments = std::make_shared<Arguments>();
  auto* command = group.add_subcommand("messages", "Rate and bandwidth of tagged messages between two simulated devices");
  command->footer(
      "Scripted hosts on the simulated fabric, one direction, every byte checked; deterministic, simulated time.\n"
      "With several losses each runs by itself and the table compares it with the first.\n\n"
      "Example: tally bench messages --sizes 8,64K,1M --loss 0,0.01");
  command->add_option("--sizes", arguments->sizes, "Bytes: 8:64K (powers of two), 8,64,1K or 64K")->capture_default_str()
      ->type_name("SIZES");
  command->add_option("--count", arguments->count, "Messages of each size (large ones: at most 32 MiB)")->capture_default_str()
      ->type_name("N");
  command->add_option("--window", arguments->window, "Receives posted ahead; sends: half of it")->capture_default_str()->type_name("N");
  command->add_option("--loss", arguments->loss, "Probability that a frame is lost on a link, several with commas")
      ->capture_default_str()->type_name("P");
  command->add_option("--config", arguments->config, "Parameters of the simulated fabric (JSON)")->type_name("FILE");
  command->add_option("--json", arguments->json, "Also write the results there")->type_name("FILE");
  command->callback([arguments, &context] { run(*arguments, context); });
}

}  // namespace tally::launch
