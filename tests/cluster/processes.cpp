// SPDX-License-Identifier: BSD-3-Clause
#include "cluster/processes.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>

namespace tally::test {
namespace {

/// Variables of launchers.
bool of_a_launcher(std::string_view variable) {
  for (const std::string_view begin :
       {"PMI_", "PMIX_", "OMPI_", "SLURM_", "HYDI_", "HYDRA_", "TALLY_", "PRTE_", "ORTE_"}) {
    if (variable.starts_with(begin)) return true;
  }
  return false;
}

}  // namespace

Process::Process(std::vector<std::string> arguments, const Environment& environment, int inherit) {
  file_ = ::memfd_create("output", MFD_CLOEXEC);
  std::vector<std::string> variables;
  for (char** one = environ; *one != nullptr; ++one) {
    if (!of_a_launcher(*one)) variables.emplace_back(*one);
  }
  bool patience_given = false;
  for (const auto& [name, value] : environment) {
    variables.push_back(name + "=" + value);
    patience_given = patience_given || name == "TALLY_TIMEOUT";
  }
  if (!patience_given) variables.emplace_back("TALLY_TIMEOUT=60");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ != 0) return;
  (void)::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDONLY);
  (void)::dup2(null, 0);
  (void)::fcntl(file_, F_SETFL, O_APPEND);
  (void)::dup2(file_, 1);
  (void)::dup2(file_, 2);
  if (inherit >= 0) (void)::fcntl(inherit, F_SETFD, 0);
  ::execvpe(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), file_(std::exchange(other.file_, -1)), ended_(other.ended_) {}

Process::~Process() {
  if (pid_ > 0 && !ended_) {
    (void)::kill(-pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  if (file_ >= 0) ::close(file_);
}

int Process::wait(std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  int status = 0;
  while (::waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      (void)::kill(-pid_, SIGKILL);
      (void)::waitpid(pid_, &status, 0);
      ended_ = true;
      return kTimeout;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ended_ = true;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string Process::output() const {
  struct stat info {};
  if (::fstat(file_, &info) != 0 || info.st_size == 0) return {};
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  const ssize_t got = ::pread(file_, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

Outcome run(std::vector<std::string> arguments, const Environment& environment, std::chrono::seconds limit) {
  Process process(std::move(arguments), environment);
  const int code = process.wait(limit);
  return {code, process.output()};
}

std::size_t count(const std::string& all, const std::string& text) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = all.find(text, at)) != std::string::npos; at += text.size()) ++found;
  return found;
}

}  // namespace tally::test
