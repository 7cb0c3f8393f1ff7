// SPDX-License-Identifier: BSD-3-Clause
// `tally run`: everything is checked before anything starts.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <unistd.h>

#include "launch/commands.hpp"
#include "launch/engines.hpp"
#include "launch/process.hpp"
#include "launch/supervisor.hpp"

#ifdef TALLY_HAVE_SIM
#include "sim/fabric/fabric.hpp"
#endif

namespace tally::launch {
namespace {

struct RunOptions {
  std::string ranks;
  std::string engine;
  std::string config;
  std::string pcap;
  std::string counters;  ///< "": none, "true" (of a flag), "table", "json"
  std::string counters_json;
  bool tag_output = false;
  std::string bind = "core";
  double deadlock = 5;
  bool no_mpi = false;
};

void run(const RunOptions& options, std::vector<std::string> program, CommandContext& context) {
  const auto refuse = [&context](const std::string& text, int code = kUsageError) {
    usage_error(context, "run", text, code);
  };
  std::string error;
  const EngineChoice* engine = choose_engine(options.engine, &error);
  if (engine == nullptr) return refuse(error);
  if (options.ranks.empty()) return refuse("-n N is required: the number of processes");
  unsigned long long ranks = 0;
  if (!parse_number(options.ranks, 1, engine->max_ranks, &ranks)) {
    return refuse(fmt::format("-n: '{}' is not a number of ranks; engine {} takes 1 to {}", options.ranks, engine->name,
                              engine->max_ranks));
  }
  if (options.bind != "core" && options.bind != "none")
    return refuse(fmt::format("--bind: '{}' is neither core nor none", options.bind));
  if (!(options.deadlock >= 0 && options.deadlock <= 1e6))
    return refuse(fmt::format("--deadlock: {} is not a number of seconds from 0 to 1000000", options.deadlock));
  if (!options.counters.empty() && options.counters != "true" && options.counters != "table" && options.counters != "json")
    return refuse(fmt::format("--counters: '{}' is neither table nor json", options.counters));
  if (!options.config.empty()) {
    if (engine->kind != job::EngineKind::kRtl) {
      return refuse(fmt::format("--config: engine {} has no fabric to configure", engine->name));
    }
    if (!check_config(options.config, &error)) return refuse(error);
  }
  if (!options.pcap.empty()) {
    if (engine->kind != job::EngineKind::kRtl) {
      return refuse(fmt::format("--pcap: engine {} has no network to capture", engine->name));
    }
    const auto folder = std::filesystem::path(options.pcap).parent_path();
    if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
      return refuse(fmt::format("--pcap: '{}' cannot be written: {}", options.pcap, std::strerror(errno)));
    }
  }
  if (!program.empty() && program.front().rfind('-', 0) == 0) {
    return refuse(fmt::format("unknown option '{}'", program.front()));
  }
  program.insert(program.end(), context.after_dashes.begin(), context.after_dashes.end());
  if (program.empty()) return refuse("PROG is missing: tally run -n N -- PROG [ARGS...]");

  JobSpec spec;
  if (const int code = resolve_program(program.front(), &spec.program, &error); code != 0) {
    return refuse("PROG: " + error, code);
  }
  // Last: only a job that starts empties the file.
  if (!options.counters_json.empty() && !std::ofstream(options.counters_json)) {
    return refuse(fmt::format("--counters-json: '{}' cannot be written", options.counters_json));
  }
  spec.ranks = static_cast<unsigned>(ranks);
  spec.engine = engine->kind;
  spec.config = options.config;
  spec.pcap = options.pcap;
  spec.counters = options.counters.empty()    ? JobSpec::Counters::kNone
                  : options.counters == "json" ? JobSpec::Counters::kJson
                                               : JobSpec::Counters::kTable;
  spec.counters_json = options.counters_json;
  spec.tag_output = options.tag_output;
  spec.bind = options.bind == "core";
  spec.deadlock_seconds = options.deadlock;
  spec.mpi = !options.no_mpi;
  spec.arguments = std::move(program);
  context.exit_code = run_job(spec);
}

}  // namespace

void usage_error(CommandContext& context, const std::string& command, const std::string& text, int exit_code) {
  fmt::print(stderr, "tally {}: {}\n", command, text);
  context.exit_code = exit_code;
}

bool check_config(const std::string& path, std::string* error) {
#ifdef TALLY_HAVE_SIM
  try {
    static_cast<void>(sim::FabricConfig::from_file(path));
    return true;
  } catch (const std::exception& reason) {
    *error = fmt::format("--config: {}", reason.what());
    return false;
  }
#else
  *error = fmt::format("--config: '{}' cannot be used: this build has no simulated fabric", path);
  return false;
#endif
}

bool parse_number(const std::string& text, unsigned long long least, unsigned long long most,
                  unsigned long long* value) {
  if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) return false;
  *value = std::stoull(text);
  return *value >= least && *value <= most;
}

void add_run_command(CLI::App& app, CommandContext& context) {
  auto options = std::make_shared<RunOptions>();
  auto* command = app.add_subcommand("run", "Start a job: N processes of a program on one engine");
  command->footer(
      "PROG [ARGS...] follows the options, best after \"--\". Standard input goes to rank 0.\n"
      "Exit code: the highest of the ranks' (128 + n for one that signal n ended); 2: bad arguments;\n"
      "127/126: PROG not found / not executable; 1: the job itself failed.\n\n"
      "Example: tally run -n 4 --engine rtl --counters -- build/release/examples/jacobi --size 64");
  command->add_option("-n,--ranks", options->ranks, "Number of processes (required)")->type_name("N");
  command
      ->add_option("--engine", options->engine,
                   fmt::format("Engine: {} or auto (default: TALLY_ENGINE, else auto)", engine_names()))
      ->type_name("NAME");
  command->add_option("--config", options->config, "Parameters of the simulated fabric (JSON)")->type_name("FILE");
  command
      ->add_option("--pcap", options->pcap,
                   "Capture what each simulated card sends and receives: x.pcap gives x.node0.pcap, x.node1.pcap, ...")
      ->type_name("FILE");
  command->add_flag("--counters", options->counters,
                    "Print what CPU and devices did, after all output; --counters=json: as JSON");
  command->add_option("--counters-json", options->counters_json, "Write the same to a file (JSON)")->type_name("FILE");
  command->add_flag("--tag-output", options->tag_output, "Put \"[rank] \" before each line of output");
  command
      ->add_option("--bind", options->bind,
                   "core: each rank of engine soft has its share of the processors, where there is one for each; or none")
      ->capture_default_str()
      ->type_name("HOW");
  command
      ->add_option("--deadlock", options->deadlock,
                   "End the job when every rank waits and nothing has moved for so long; 0: never")
      ->envname("TALLY_DEADLOCK")
      ->capture_default_str()
      ->type_name("SECONDS");
  command->add_flag("--no-mpi", options->no_mpi,
                    "Leave LD_LIBRARY_PATH alone: a program linked with Open MPI's library (libmpi.so.40) gets that one, not\n"
                    "Tally's of the same name");
  command->prefix_command();
  command->callback([command, options, &context] { run(*options, command->remaining(), context); });
}

}  // namespace tally::launch
