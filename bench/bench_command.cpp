// SPDX-License-Identifier: BSD-3-Clause
// `tally bench`: everything is checked before anything runs.
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#ifdef TALLY_HAVE_SIM
#include "bench/messages_command.hpp"
#endif
#include "bench/options.hpp"
#include "bench/report.hpp"
#include "engine/numerics/reduce.hpp"
#include "launch/commands.hpp"
#include "launch/engines.hpp"
#include "schedule/schedule.hpp"

namespace tally::launch {
namespace {

/// As the user typed it.
struct Arguments {
  std::string engine;
  std::string ranks = "4";
  std::string sizes = "8:64K";
  std::string repeats = "5";
  std::string concurrent = "1";
  std::string dtype = "f32";
  std::string op = "sum";
  std::string algorithm = "auto";
  std::string config;
  std::string json;
  std::string push_max = "4096";
  std::string skew_ns = "0";
  std::string seed = "1";
};

/// Checks the arguments; false and a sentence in *error.
bool check(const Arguments& arguments, bench::Options* options, const EngineChoice** engine, std::string* error) {
  *engine = choose_engine(arguments.engine, error);
  if (*engine == nullptr) return false;
  options->engine = (*engine)->name;
  unsigned long long number = 0;
  const auto take = [&](const char* name, const std::string& text, unsigned long long least, unsigned long long most) {
    if (parse_number(text, least, most, &number)) return true;
    *error = fmt::format("{}: '{}' is not a whole number of {} to {}", name, text, least, most);
    return false;
  };
  if (!take("--ranks", arguments.ranks, 1, (*engine)->max_ranks)) return false;
  options->ranks = static_cast<unsigned>(number);
  if (!take("--repeats", arguments.repeats, 1, bench::kMaxRepeats)) return false;
  options->repeats = static_cast<unsigned>(number);
  if (!take("--concurrent", arguments.concurrent, 1, bench::kMaxConcurrent)) return false;
  options->concurrent = static_cast<unsigned>(number);
  if (!take("--skew-ns", arguments.skew_ns, 0, bench::kMaxSkewNs)) return false;
  options->skew_ns = static_cast<unsigned>(number);
  if (!take("--seed", arguments.seed, 0, 999999999999999999ull)) return false;
  options->seed = number;
  if (!bench::parse_sizes(arguments.sizes, &options->sizes, error)) {
    *error = "--sizes: " + *error;
    return false;
  }
  if (!bench::parse_dtype(arguments.dtype, &options->dtype)) {
    *error = fmt::format("--dtype: no element type '{}'; there are {}", arguments.dtype, bench::dtype_list());
    return false;
  }
  options->dtype_name = arguments.dtype;
  if (!bench::parse_op(arguments.op, &options->op)) {
    *error = fmt::format("--op: no operation '{}'; there are {}", arguments.op, bench::op_list());
    return false;
  }
  options->op_name = arguments.op;
  if (!numerics::reduces(options->dtype, options->op)) {
    *error = fmt::format("--op: {} does not reduce {}; `tally info` shows what does", arguments.op, arguments.dtype);
    return false;
  }
  options->algorithm = arguments.algorithm;
  for (const auto size : options->sizes) {
    if (size % numerics::element_bytes(options->dtype) != 0) {
      *error = fmt::format("--sizes: {} bytes are not whole elements of {}", size, arguments.dtype);
      return false;
    }
    schedule::Schedule chosen;
    std::string reason;
    if (!schedule::select(schedule::Collective::kAllreduce, static_cast<int>(options->ranks), 0, size,
                          arguments.algorithm, &chosen, &reason)) {
      *error = fmt::format("--algorithm: {}", reason);
      return false;
    }
  }
  options->config = arguments.config;
  if (!take("--push-max", arguments.push_max, 0, bench::kMostPushed)) return false;
  options->push_max = static_cast<unsigned>(number);
  if ((*engine)->kind != job::EngineKind::kRtl) {
    if (!arguments.config.empty()) {
      *error = fmt::format("--config: engine {} has no fabric to configure", (*engine)->name);
      return false;
    }
    if (options->push_max != bench::kMostPushed) {
      *error = fmt::format("--push-max: engine {} has no device to store into", (*engine)->name);
      return false;
    }
    if (options->concurrent != 1) {
      *error = fmt::format("--concurrent: engine {} runs one allreduce at a time here", (*engine)->name);
      return false;
    }
    if (options->skew_ns != 0) {
      *error = fmt::format("--skew-ns: engine {} runs in wall time, which cannot be scripted", (*engine)->name);
      return false;
    }
    return true;
  }
  return arguments.config.empty() || check_config(arguments.config, error);
}

void run(const Arguments& arguments, CommandContext& context) {
  bench::Options options;
  const EngineChoice* engine = nullptr;
  std::string error;
  if (!context.after_dashes.empty()) {
    error = fmt::format("unexpected argument '{}'", context.after_dashes.front());
    return usage_error(context, "bench allreduce", error);
  }
  if (!check(arguments, &options, &engine, &error)) return usage_error(context, "bench allreduce", error);
  std::ofstream json;
  if (!arguments.json.empty()) {
    json.open(arguments.json);
    if (!json) {
      return usage_error(context, "bench allreduce", fmt::format("--json: cannot write '{}'", arguments.json));
    }
  }

#ifdef TALLY_HAVE_SIM
  const auto report =
      engine->kind == job::EngineKind::kRtl ? bench::run_on_fabric(options) : bench::run_on_soft(options);
#else
  const auto report = bench::run_on_soft(options);
#endif
  fmt::print("{}", bench::as_table(options, report));
  if (json.is_open()) {
    json << bench::as_json(options, report).dump(2) << '\n';
    json.close();
    if (!json) usage_error(context, "bench allreduce", fmt::format("--json: cannot write '{}'", arguments.json), 1);
  }
  if (!report.error.empty()) return usage_error(context, "bench allreduce", report.error, 1);
  if (const auto work = bench::cpu_work(report); !work.empty()) usage_error(context, "bench allreduce", work, 1);
}

}  // namespace

void add_bench_command(CLI::App& app, CommandContext& context) {
  auto arguments = std::make_shared<Arguments>();
  auto* group = app.add_subcommand("bench", "Measure an engine");
  group->require_subcommand(1);
  group->footer("Example: tally bench allreduce --engine rtl --ranks 4 --sizes 8:64K");
  auto* command = group->add_subcommand("allreduce", "Latency and bandwidth of allreduce; every result is checked");
  command->footer(
      "Engine rtl: scripted hosts on the simulated fabric, one process, deterministic, simulated time.\n"
      "Engine soft: one process a rank, wall time. A wrong result gives exit code 1,\n"
      "and so does work of a CPU in place of a simulated device.\n\n"
      "Example: tally bench allreduce --engine rtl --ranks 4 --sizes 8:64K --repeats 5 --dtype f32 --op sum");
  command->add_option("--engine", arguments->engine, "Engine: " + engine_names() + " or auto")->type_name("NAME");
  command->add_option("--ranks", arguments->ranks, "Ranks")->capture_default_str()->type_name("N");
  command->add_option("--sizes", arguments->sizes, "Bytes: 8:64K (powers of two), 8,64,1K or 64K")->capture_default_str()
      ->type_name("SIZES");
  command->add_option("--repeats", arguments->repeats, "Timed runs of each size")->capture_default_str()->type_name("N");
  command->add_option("--concurrent", arguments->concurrent, "Allreduces at once, each in its own context (engine rtl)")
      ->capture_default_str()->type_name("N");
  command->add_option("--dtype", arguments->dtype, "Element type: i8, f32, ..., see tally info")->capture_default_str()->type_name("TYPE");
  command->add_option("--op", arguments->op, "Operation: sum, prod, min, ..., see tally info")->capture_default_str()->type_name("OP");
  command->add_option("--algorithm", arguments->algorithm, "auto, a name of `tally info`, or FILE.xml of MSCCL")->capture_default_str()->type_name("NAME");
  command->add_option("--config", arguments->config, "Parameters of the simulated fabric (JSON)")->type_name("FILE");
  command->add_option("--json", arguments->json, "Also write the results there")->type_name("FILE");
  command->add_option("--push-max", arguments->push_max,
                      "Longest input that a host stores into its device with the doorbell, bytes; 0: none (engine rtl)")
      ->capture_default_str()->type_name("N");
  command->add_option("--skew-ns", arguments->skew_ns, "Each rank posts up to this much later (simulated)")->capture_default_str()
      ->type_name("NS");
  command->add_option("--seed", arguments->seed, "Of skews and inputs")->capture_default_str()->type_name("N");
  command->callback([arguments, &context] { run(*arguments, context); });
#ifdef TALLY_HAVE_SIM
  add_bench_messages_command(*group, context);
#endif
}

}  // namespace tally::launch
