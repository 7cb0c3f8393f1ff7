// SPDX-License-Identifier: BSD-3-Clause
// The subcommands of `tally`. Each add_*_command describes its options to the parser; when the user chose it, it runs as the
// parser's callback and leaves its exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace tally::launch {

/// Exit code of a command line that cannot be carried out; nothing was started.
inline constexpr int kUsageError = 2;

/// What a subcommand gets from main and gives back.
struct CommandContext {
  std::vector<std::string> after_dashes;  ///< arguments behind "--"
  int exit_code = 0;
};

void add_run_command(CLI::App& app, CommandContext& context);
void add_top_command(CLI::App& app, CommandContext& context);
void add_info_command(CLI::App& app, CommandContext& context);
void add_doctor_command(CLI::App& app, CommandContext& context);
void add_schedule_command(CLI::App& app, CommandContext& context);
void add_bench_command(CLI::App& app, CommandContext& context);   // bench/
void add_fabric_command(CLI::App& app, CommandContext& context);  // only with the simulation

/// Prints "tally <command>: <text>" to stderr and sets the exit code.
void usage_error(CommandContext& context, const std::string& command, const std::string& text,
                 int exit_code = kUsageError);

/// Checks a --config file. False and a sentence in *error when it cannot be used.
[[nodiscard]] bool check_config(const std::string& path, std::string* error);

/// Reads a whole number from `text` within [least, most]; false otherwise.
[[nodiscard]] bool parse_number(const std::string& text, unsigned long long least, unsigned long long most,
                                unsigned long long* value);

}  // namespace tally::launch
