// SPDX-License-Identifier: BSD-3-Clause
#include "launch/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace tally::launch {
namespace {

/// Parent of `pid`, or 0 when it is a zombie or gone.
pid_t living_parent_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // The command, in parentheses, may itself hold blanks and parentheses: the fields follow the last one.
  const auto end = text.rfind(')');
  if (end == std::string::npos || end + 2 >= text.size()) return 0;
  char state = 0;
  int parent = 0;
  if (std::sscanf(text.c_str() + end + 2, "%c %d", &state, &parent) != 2) return 0;
  return state == 'Z' || state == 'X' ? 0 : parent;
}

/// 0 or the errno that execve would give for this file, as far as it can be told before.
int check_executable(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return errno;
  if (!S_ISREG(info.st_mode)) return EACCES;
  return access(path.c_str(), X_OK) == 0 ? 0 : errno;
}

/// "NAME=value" strings: the environment with `changes` applied.
std::vector<std::string> merged_environment(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool replaced = false;
    for (const auto& [name, value] : changes) {
      if (text.size() > name.size() && text.substr(0, name.size()) == name && text[name.size()] == '=') {
        replaced = true;
      }
    }
    if (!replaced) result.emplace_back(text);
  }
  for (const auto& [name, value] : changes) result.push_back(fmt::format("{}={}", name, value));
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

void FileDescriptor::reset() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "cannot make a pipe");
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

int resolve_program(const std::string& program, std::string* path, std::string* error) {
  if (program.empty()) {
    *error = "PROG is empty";
    return 127;
  }
  int reason = ENOENT;
  if (program.find('/') != std::string::npos) {
    reason = check_executable(program);
    *path = program;
  } else {
    const char* search = std::getenv("PATH");
    std::string_view rest = search != nullptr ? search : "/usr/local/bin:/usr/bin:/bin";
    while (true) {
      const auto colon = rest.find(':');
      const auto folder = rest.substr(0, colon);
      const auto candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, program);
      const int found = check_executable(candidate);
      if (found == 0) {
        *path = candidate;
        return 0;
      }
      if (found == EACCES) reason = EACCES;  // keep looking, but remember that there was one
      if (colon == std::string_view::npos) break;
      rest.remove_prefix(colon + 1);
    }
  }
  if (reason == 0) return 0;
  if (reason == ENOENT || reason == ENOTDIR) {
    *error = fmt::format("program '{}' not found{}", program,
                         program.find('/') == std::string::npos ? " in PATH" : "");
    return 127;
  }
  std::error_code ignored;
  if (std::filesystem::is_directory(program, ignored)) {
    *error = fmt::format("program '{}' is a directory", program);
  } else {
    *error = fmt::format("program '{}' cannot be executed: {}", program, std::strerror(reason));
  }
  return 126;
}

pid_t spawn(const ProcessSpec& spec, int* error_number) {
  // All memory is allocated before the fork.
  auto arguments = spec.arguments;
  auto environment = merged_environment(spec.environment);
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (const int cpu : spec.cpus) CPU_SET(cpu, &cpus);
  Pipe failure = make_pipe();
  const pid_t parent = getpid();

  const pid_t pid = fork();
  if (pid < 0) {
    *error_number = errno;
    return -1;
  }
  if (pid == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // the launcher died before the line above
    // A hint: a rank that may not choose its processors runs all the same.
    if (!spec.cpus.empty()) (void)sched_setaffinity(0, sizeof cpus, &cpus);
    const int standard[3] = {spec.stdin_fd, spec.stdout_fd, spec.stderr_fd};
    bool ready = true;
    for (int fd = 0; fd < 3; ++fd) {
      const int source = standard[fd] >= 0 ? standard[fd] : open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
      // dup2 of a descriptor to itself would keep close-on-exec.
      if (source == fd) {
        ready = fcntl(fd, F_SETFD, 0) == 0 && ready;
      } else {
        ready = dup2(source, fd) == fd && ready;
      }
    }
    for (int number = 1; number < NSIG; ++number) {
      if (number != SIGKILL && number != SIGSTOP) std::signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (ready) execve(spec.path.c_str(), argv.data(), envp.data());
    const int reason = errno;
    [[maybe_unused]] const auto written = write(failure.write.get(), &reason, sizeof reason);
    _exit(127);
  }
  setpgid(pid, pid);  // also here: the group must exist when this returns
  failure.write.reset();
  int reason = 0;
  ssize_t got = 0;
  do {
    got = read(failure.read.get(), &reason, sizeof reason);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof reason)) {
    waitpid(pid, nullptr, 0);
    *error_number = reason;
    return -1;
  }
  return pid;
}

std::vector<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    if (name.empty() || name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
    const pid_t parent = living_parent_of(pid);
    if (parent > 0) children.emplace(parent, pid);
  }
  std::vector<pid_t> result;
  std::vector<pid_t> open_list{getpid()};
  while (!open_list.empty()) {
    const pid_t pid = open_list.back();
    open_list.pop_back();
    const auto [first, last] = children.equal_range(pid);
    for (auto it = first; it != last; ++it) {
      result.push_back(it->second);
      open_list.push_back(it->second);
    }
  }
  return result;
}

std::string describe_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

int exit_code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

std::vector<int> share_of_cpus(unsigned rank, unsigned ranks) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> all;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) all.push_back(cpu);
    }
  }
  const std::size_t share = all.size() / ranks;
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(rank * share);
  return {first, first + static_cast<std::ptrdiff_t>(share)};
}

}  // namespace tally::launch
