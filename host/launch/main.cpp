// SPDX-License-Identifier: BSD-3-Clause
// The `tally` command.
#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <fmt/format.h>
#include <string_view>
#include <unistd.h>

#include "launch/commands.hpp"

namespace {

/// Whoever starts us with a standard stream closed gets /dev/null there: otherwise the next file we open would take its
/// number, and output meant for the user would go into it.
void open_standard_streams() {
  int fd = 0;
  do {
    fd = open("/dev/null", O_RDWR);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tally::launch;
  open_standard_streams();
  try {
    // What follows "--" belongs to the program that is run: it is never looked at as an option of ours.
    CommandContext context;
    char** const end = argv + argc;
    char** const dashes = std::find_if(argv, end, [](const char* text) { return std::string_view(text) == "--"; });
    if (dashes != end) context.after_dashes.assign(dashes + 1, end);

    CLI::App app{
        "Tally: MPI message matching and collectives on the network card.\n\n"
        "Example: tally run -n 4 --engine rtl -- ./program\n",
        "tally"};
    app.set_version_flag("--version", "tally " TALLY_VERSION);
    app.require_subcommand(1);
    app.failure_message(CLI::FailureMessage::simple);
    add_run_command(app, context);
    add_top_command(app, context);
    add_info_command(app, context);
    add_doctor_command(app, context);
    add_schedule_command(app, context);
#ifdef TALLY_HAVE_BENCH
    add_bench_command(app, context);
#endif
#ifdef TALLY_HAVE_SIM
    add_fabric_command(app, context);
#endif
    // CLI11 would only say that a command is missing.
    const auto named = [argv](const CLI::App* command) { return command->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(named).empty()) {
      fmt::print(stderr, "tally: no command '{}'; see tally --help\n", argv[1]);
      return kUsageError;
    }
    try {
      app.parse(static_cast<int>(dashes - argv), argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : kUsageError;
    }
    return context.exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "tally: {}\n", error.what());
    return 1;
  }
}
