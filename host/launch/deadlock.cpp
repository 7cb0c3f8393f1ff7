// SPDX-License-Identifier: BSD-3-Clause
#include "launch/deadlock.hpp"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "drivers/sim/attach.hpp"

namespace tally::launch {
namespace {

constexpr std::uint64_t kLooks =
    4;  // that each rank has taken at least: one may have been under way, one may find the last message

/// The text of a record that its rank may be writing.
std::string text_of(const job::WaitRecord& record) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::uint32_t before = record.writing.load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    char text[sizeof record.text];
    std::memcpy(text, record.text, sizeof text);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (record.writing.load(std::memory_order_relaxed) != before) continue;
    text[sizeof text - 1] = '\0';
    return text;
  }
  return "(no text)";
}

}  // namespace

DeadlockWatch::DeadlockWatch(const job::Segment& segment, std::chrono::duration<double> after,
                             std::function<unsigned(std::int32_t)> threads_of)
    : segment_(segment), after_(after), threads_of_(std::move(threads_of)) {}

std::chrono::milliseconds DeadlockWatch::interval() const noexcept {
  using std::chrono::milliseconds;
  if (after_.count() <= 0) return milliseconds(0);
  return std::clamp(std::chrono::duration_cast<milliseconds>(after_ / 10), milliseconds(50),
                    milliseconds(1000));
}

unsigned DeadlockWatch::count_threads(std::int32_t pid) {
  DIR* const folder = opendir(fmt::format("/proc/{}/task", pid).c_str());
  if (folder == nullptr) return 0;
  unsigned threads = 0;
  while (const dirent* entry = readdir(folder)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) ++threads;
  }
  closedir(folder);
  return threads;
}

bool DeadlockWatch::read(unsigned rank, Seen* seen) const {
  const job::WaitRecord& record = segment_.header().wait[rank];
  const std::uint32_t waiting = record.waiting.load(std::memory_order_acquire);
  if (waiting == 0) return false;
  if (record.threads.load(std::memory_order_relaxed) != 0 &&
      threads_of_(segment_.header().rank[rank].pid.load(std::memory_order_relaxed)) != waiting)
    return false;
  seen->waits = record.waits.load(std::memory_order_relaxed);
  // Before what had moved by then.
  seen->looks = record.looks.load(std::memory_order_acquire);
  seen->activity = record.activity.load(std::memory_order_relaxed);
  return true;
}

bool DeadlockWatch::devices_at_rest() const noexcept {
  const job::Header& header = segment_.header();
  if (header.engine != job::EngineKind::kRtl) return true;
  return reinterpret_cast<const sim::Area*>(segment_.base() + header.sim_offset)->fabric_sleeping.load() != 0;
}

std::optional<std::string> DeadlockWatch::look(const std::vector<bool>& running, Clock::time_point now) {
  if (after_.count() <= 0) return std::nullopt;
  std::vector<Seen> seen(running.size());
  std::vector<bool> alive(running.size(), false);
  bool any = false;
  for (unsigned rank = 0; rank < running.size(); ++rank) {
    if (!running[rank] || segment_.header().rank[rank].closed.load() != 0) continue;
    if (!read(rank, &seen[rank])) {
      first_.clear();
      return std::nullopt;
    }
    alive[rank] = any = true;
  }
  if (!any) return std::nullopt;
  const auto same = [&](bool* looked) {
    if (first_.empty() || alive_ != alive) return false;
    *looked = true;
    for (unsigned rank = 0; rank < seen.size(); ++rank) {
      if (seen[rank].waits != first_[rank].waits || seen[rank].activity != first_[rank].activity)
        return false;
      if (alive[rank] && seen[rank].looks < first_[rank].looks + kLooks) *looked = false;
    }
    return true;
  };
  bool looked = false;
  if (!same(&looked)) {
    first_ = std::move(seen);
    alive_ = std::move(alive);
    since_ = now;
    return std::nullopt;
  }
  if (!looked || now - since_ < after_ || !devices_at_rest()) return std::nullopt;
  return report(alive, now - since_);
}

std::string DeadlockWatch::report(const std::vector<bool>& alive, std::chrono::duration<double> quiet) const {
  const auto count = std::count(alive.begin(), alive.end(), true);
  std::string text =
      fmt::format("deadlock: {} {} for something that does not come, and nothing has moved for {:.1f} s:",
                  count == 1 ? "the last rank" : fmt::format("all {} ranks", count),
                  count == 1 ? "waits" : "wait", quiet.count());
  for (unsigned rank = 0; rank < alive.size(); ++rank) {
    if (alive[rank]) {
      text += fmt::format("\n  rank {} waits: {}", rank, text_of(segment_.header().wait[rank]));
    } else {
      text += fmt::format("\n  rank {} has left the job", rank);
    }
  }
  return text;
}

}  // namespace tally::launch
