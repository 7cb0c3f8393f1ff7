// SPDX-License-Identifier: BSD-3-Clause
#include "launch/harness.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace tally::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool is_zombie(const std::string& pid) {
  const auto stat = slurp("/proc/" + pid + "/stat");
  const auto end = stat.rfind(')');
  return end == std::string::npos || end + 2 >= stat.size() || stat[end + 2] == 'Z' || stat[end + 2] == 'X';
}

}  // namespace

Command::Command(std::vector<std::string> arguments, std::string input,
                 std::vector<std::pair<std::string, std::string>> environment) {
  static int number = 0;
  mark_ = fmt::format("TALLY_TEST_MARK={}.{}.", getpid(), number++);
  folder_ = std::filesystem::temp_directory_path() / "tally-launch-XXXXXX";
  if (mkdtemp(folder_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  std::ofstream(folder_ + "/in", std::ios::binary) << input;
  arguments.insert(arguments.begin(), TALLY_COMMAND);
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  start_ = Clock::now();
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    setpgid(0, 0);
    const int in = ::open((folder_ + "/in").c_str(), O_RDONLY);
    const int out = ::open((folder_ + "/out").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int err = ::open((folder_ + "/err").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    for (const int fd : {in, out, err}) close(fd);
    for (const char* name : {"TALLY_ENGINE", "TALLY_JOB", "TALLY_RANK", "TALLY_SIZE"}) unsetenv(name);
    putenv(mark_.data());
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    execv(TALLY_COMMAND, argv.data());
    _exit(125);
  }
  setpgid(pid_, pid_);
}

Command::~Command() {
  for (const pid_t pid : processes()) kill(pid, SIGKILL);
  if (!ended_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Command::signal(int number) const { kill(pid_, number); }
void Command::signal_group(int number) const { kill(-pid_, number); }

std::string Command::text_of(const std::string& name) const { return slurp(folder_ + "/" + name); }

bool Command::wait_for_output(const std::string& text, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (Clock::now() < deadline) {
    if (!ended_ && waitpid(pid_, &status_, WNOHANG) == pid_) ended_ = true;
    if (text_of("out").find(text) != std::string::npos) return true;
    if (ended_) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

Outcome Command::wait(std::chrono::milliseconds timeout) {
  Outcome outcome;
  const auto deadline = Clock::now() + timeout;
  while (!ended_ && Clock::now() < deadline) {
    if (waitpid(pid_, &status_, WNOHANG) == pid_) {
      ended_ = true;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  if (ended_) outcome.code = WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  outcome.out = text_of("out");
  outcome.err = text_of("err");
  return outcome;
}

std::vector<pid_t> Command::processes() const {
  std::vector<pid_t> result;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (slurp("/proc/" + name + "/environ").find(mark_) == std::string::npos || is_zombie(name)) continue;
    result.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return result;
}

bool Command::kill_process(const std::string& name, int number) const {
  for (const pid_t pid : processes()) {
    const std::string line = slurp("/proc/" + std::to_string(pid) + "/cmdline");
    if (line.substr(0, line.find('\0')) == name) return kill(pid, number) == 0;
  }
  return false;
}

std::vector<pid_t> Command::leftovers(std::chrono::milliseconds timeout) const {
  const auto deadline = Clock::now() + timeout;
  auto result = processes();
  while (!result.empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    result = processes();
  }
  return result;
}

Outcome tally(std::vector<std::string> arguments, std::string input,
              std::vector<std::pair<std::string, std::string>> environment) {
  return Command(std::move(arguments), std::move(input), std::move(environment)).wait();
}

std::vector<std::string> shared_memory_files() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", error)) {
    const auto name = entry.path().filename().string();
    // Only what could be ours: other programs of this machine come and go.
    if (name.find("tally") != std::string::npos) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> test_engines() {
  std::vector<std::string> names;
  std::stringstream list(TALLY_TEST_ENGINES);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

bool have_engine(const std::string& name) {
  const auto names = test_engines();
  return std::find(names.begin(), names.end(), name) != names.end();
}

TemporaryFile::TemporaryFile(const std::string& text, unsigned mode)
    : path_(std::filesystem::temp_directory_path() / "tally-file-XXXXXX") {
  const int fd = mkstemp(path_.data());
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "mkstemp");
  close(fd);
  std::ofstream(path_) << text;
  chmod(path_.c_str(), mode);
}

TemporaryFile::~TemporaryFile() { std::remove(path_.c_str()); }

}  // namespace tally::test
