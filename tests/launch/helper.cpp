// SPDX-License-Identifier: BSD-3-Clause
// A rank for the launcher's tests: does what its arguments say, one after the other. It knows nothing of the library.
//   only=R        the arguments that follow are for rank R alone; only=all ends that
//   exit=CODE     signal=N      sleep=MS     ignore=N (a signal)   hang (for ever)
//   say=TEXT      complain=TEXT (stderr)     part=TEXT (no newline) lines=COUNT (numbered, with the rank)
//   cat (copy stdin to stdout)  env=NAME (print it)  pid (print it)
//   child (a grandchild that hangs)          daemon (one that left the session and ignores SIGTERM)
//   until=FILE    wait until FILE exists
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <unistd.h>

namespace {

[[noreturn]] void hang() {
  while (true) pause();
}

void fork_child(bool leave) {
  std::fflush(nullptr);
  if (fork() != 0) return;
  if (leave) {
    setsid();
    std::signal(SIGTERM, SIG_IGN);
    std::signal(SIGINT, SIG_IGN);
  }
  hang();
}

}  // namespace

int main(int argc, char** argv) {
  const char* rank_text = std::getenv("TALLY_RANK");
  const std::string rank = rank_text != nullptr ? rank_text : "?";
  bool mine = true;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto equals = argument.find('=');
    const auto name = argument.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : argument.substr(equals + 1);
    if (name == "only") {
      mine = value == "all" || value == rank;
      continue;
    }
    if (!mine) continue;
    const int number = std::atoi(value.c_str());
    if (name == "exit") {
      std::fflush(nullptr);
      _exit(number);
    } else if (name == "signal") {
      std::fflush(nullptr);
      std::signal(number, SIG_DFL);
      kill(getpid(), number);
    } else if (name == "sleep") {
      std::fflush(nullptr);
      usleep(static_cast<useconds_t>(number) * 1000);
    } else if (name == "ignore") {
      std::signal(number, SIG_IGN);
    } else if (name == "hang") {
      std::fflush(nullptr);
      hang();
    } else if (name == "say") {
      std::printf("%s\n", value.c_str());
    } else if (name == "complain") {
      std::fprintf(stderr, "%s\n", value.c_str());
    } else if (name == "part") {
      std::printf("%s", value.c_str());
    } else if (name == "lines") {
      for (int line = 0; line < number; ++line) {
        // Two writes a line: only the launcher can keep it whole.
        std::printf("rank %s ", rank.c_str());
        std::fflush(stdout);
        std::printf("line %d end\n", line);
        std::fflush(stdout);
      }
    } else if (name == "cat") {
      std::string line;
      while (std::getline(std::cin, line)) std::printf("%s got %s\n", rank.c_str(), line.c_str());
    } else if (name == "env") {
      const char* text = std::getenv(value.c_str());
      std::printf("%s=%s\n", value.c_str(), text != nullptr ? text : "(unset)");
    } else if (name == "pid") {
      std::printf("pid %d\n", getpid());
    } else if (name == "child" || name == "daemon") {
      fork_child(name == "daemon");
    } else if (name == "until") {
      std::fflush(nullptr);
      while (access(value.c_str(), F_OK) != 0) usleep(5000);
    } else {
      std::fprintf(stderr, "helper: unknown argument %s\n", argv[i]);
      return 99;
    }
  }
  return 0;
}
