// SPDX-License-Identifier: BSD-3-Clause
#include "launch/running_jobs.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>

namespace tally::launch {
namespace {

constexpr std::string_view kSegmentName = "/memfd:tally-job";

/// Names in a folder; empty where it cannot be read.
std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  DIR* const folder = opendir(path.c_str());
  if (folder == nullptr) return names;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(folder);
  return names;
}

std::optional<pid_t> number(std::string_view text) {
  pid_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string link_of(const std::string& path) {
  char target[512];
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  return length < 0 ? "" : std::string(target, static_cast<std::size_t>(length));
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Fields of /proc/<pid>/stat from the third on, which is the state: the name before may hold anything.
std::vector<std::string> stat_of(pid_t pid) {
  const std::string text = text_of(fmt::format("/proc/{}/stat", pid));
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return {};
  std::istringstream rest(text.substr(end + 1));
  return {std::istream_iterator<std::string>(rest), std::istream_iterator<std::string>()};
}

pid_t parent_of(pid_t pid) {
  const auto fields = stat_of(pid);
  return fields.size() > 1 ? number(fields[1]).value_or(0) : 0;
}

double started_s(pid_t pid) {
  const auto fields = stat_of(pid);
  return fields.size() > 19 ? std::strtod(fields[19].c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK)) : 0;
}

/// A process's arguments as one line that a terminal can show.
std::string command_of(pid_t pid) {
  std::string text = text_of(fmt::format("/proc/{}/cmdline", pid));
  while (!text.empty() && text.back() == '\0') text.pop_back();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

void describe(RunningJob& job) {
  // `tally run` is two processes of the same program. The user knows the first.
  const pid_t parent = parent_of(job.holder);
  const std::string program = link_of(fmt::format("/proc/{}/exe", job.holder));
  job.id = job.holder;
  job.started_s = started_s(job.holder);
  job.command = command_of(job.holder);
  try {
    job.segment = std::make_unique<job::Segment>(job::Segment::open(job.path));
  } catch (const job::Error& error) {
    job.trouble = error.what();
  }
  pid_t first = 0;
  bool is_rank = false;
  for (std::uint32_t rank = 0; job.segment != nullptr && rank < job.segment->header().ranks; ++rank) {
    const pid_t pid = job.segment->header().rank[rank].pid.load(std::memory_order_relaxed);
    is_rank = is_rank || pid == job.holder;
    if (first == 0) first = pid;
  }
  if (!is_rank && parent > 1 && !program.empty() && program == link_of(fmt::format("/proc/{}/exe", parent)))
    job.id = parent;
  if (first == 0) return;
  if (std::string command = command_of(first); !command.empty()) job.command = std::move(command);
}

std::uint64_t inode_of(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace

bool RunningJob::has(pid_t pid) const noexcept {
  if (pid == id || pid == holder) return true;
  for (std::uint32_t rank = 0; segment != nullptr && rank < segment->header().ranks; ++rank) {
    if (segment->header().rank[rank].pid.load(std::memory_order_relaxed) == pid) return true;
  }
  return false;
}

bool RunningJob::runs() const {
  if (inode_of(path) == inode) return true;
  for (std::uint32_t rank = 0; rank < segment->header().ranks; ++rank) {
    const job::RankRecord& record = segment->header().rank[rank];
    const pid_t pid = record.pid.load(std::memory_order_relaxed);
    if (pid != 0 && record.closed.load(std::memory_order_acquire) == 0 && process_lives(pid)) return true;
  }
  return false;
}

std::vector<RunningJob> running_jobs() {
  std::vector<RunningJob> jobs;
  for (const std::string& name : names_in("/proc")) {
    const auto pid = number(name);
    if (!pid) continue;
    const std::string folder = fmt::format("/proc/{}/fd/", *pid);
    for (const std::string& fd : names_in(folder)) {
      if (link_of(folder + fd).rfind(kSegmentName, 0) != 0) continue;
      const std::string path = folder + fd;
      const std::uint64_t inode = inode_of(path);
      if (inode == 0) continue;
      const auto known =
          std::find_if(jobs.begin(), jobs.end(), [inode](const RunningJob& job) { return job.inode == inode; });
      if (known == jobs.end()) {
        RunningJob& job = jobs.emplace_back();
        job.holder = *pid;
        job.path = path;
        job.inode = inode;
      } else if (started_s(*pid) < started_s(known->holder)) {  // children have copies until they start a program
        known->holder = *pid;
        known->path = path;
      }
    }
  }
  for (RunningJob& job : jobs) describe(job);
  // A process may have ended since.
  std::erase_if(jobs, [](const RunningJob& job) { return job.segment == nullptr && !process_lives(job.holder); });
  std::sort(jobs.begin(), jobs.end(), [](const RunningJob& a, const RunningJob& b) { return a.id < b.id; });
  return jobs;
}

std::string why_no_job(pid_t pid) {
  struct stat info {};
  if (stat(fmt::format("/proc/{}", pid).c_str(), &info) != 0) return fmt::format("there is no process {}", pid);
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  DIR* const readable = opendir(folder.c_str());
  if (readable == nullptr && errno == EACCES) {
    return info.st_uid != geteuid()
               ? fmt::format("process {} belongs to another user (uid {}): its job cannot be looked at", pid, info.st_uid)
               : fmt::format("process {} may not be looked at: permission denied for {}", pid, folder);
  }
  if (readable != nullptr) closedir(readable);
  return fmt::format("process {} is in no Tally job that runs", pid);
}

double since_boot_s() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

bool process_lives(pid_t pid) {
  const auto fields = stat_of(pid);
  return !fields.empty() && fields[0] != "Z" && fields[0] != "X";
}

}  // namespace tally::launch
