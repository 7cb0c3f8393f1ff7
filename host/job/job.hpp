// SPDX-License-Identifier: BSD-3-Clause
// Making and joining a job: the segment of launch/job_segment.hpp as an object.
//
// Environment of a rank: TALLY_JOB (a path that opens the segment, /proc/<launcher>/fd/<n>), TALLY_RANK,
// TALLY_SIZE; or what another launcher sets (launcher.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "launch/job_segment.hpp"

namespace tally::job {

/// A segment that cannot be made, or is not one that this process may join; the text names the
/// variable or the field and its value.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The mapped segment. Owns the mapping and, where it made the segment, its descriptor.
class Segment {
 public:
  /// Makes a segment for `ranks` ranks, zeroed, with header and offsets filled in. Its descriptor is
  /// close-on-exec: children open it as /proc/<this process>/fd/<fd()>. Throws Error.
  [[nodiscard]] static Segment create(std::uint32_t ranks, EngineKind engine, bool counters);
  /// Maps an existing segment and checks magic, version, sizes and offsets. Throws Error.
  [[nodiscard]] static Segment open(const std::string& path);

  Segment(Segment&& other) noexcept;
  Segment& operator=(Segment&& other) noexcept;
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;
  ~Segment();

  [[nodiscard]] Header& header() const noexcept { return *reinterpret_cast<Header*>(base_); }
  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  /// Descriptor of a segment that this process made; -1 where it was opened.
  [[nodiscard]] int fd() const noexcept { return fd_; }
  /// What the creator puts into TALLY_JOB: /proc/<pid>/fd/<fd>.
  [[nodiscard]] std::string path() const;
  [[nodiscard]] CountersRecord& counters(std::uint32_t rank) const noexcept;

 private:
  Segment(std::byte* base, std::size_t bytes, int fd) noexcept : base_(base), bytes_(bytes), fd_(fd) {}
  void reset() noexcept;

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  int fd_ = -1;
};

class Place;

/// A process's place in a job.
struct Membership {
  Segment segment;  ///< of this host
  int rank = 0;
  int size = 1;
  bool launched = false;  ///< by `tally run`
  std::uint64_t id = 0;   ///< the same on all ranks of the job, and another one in any other job
  /// Number of each rank's host. Ranks of one host share the segment.
  std::vector<std::uint32_t> host;
  std::shared_ptr<Place> place;  ///< with another launcher; otherwise nullptr

  /// Whether all ranks share the segment.
  [[nodiscard]] bool one_host() const noexcept;
  /// "tally", "pmi1", "pmi2", "pmix"; "none": a private job of one rank.
  [[nodiscard]] const char* launcher() const noexcept;
  /// Gives every rank's value (480 bytes at most), by rank. All ranks call it, in the same order. Waits for them;
  /// throws Error where that fails.
  [[nodiscard]] std::vector<std::string> exchange(std::string_view mine) const;
  /// Ends the job where a rank of this host has died and the launcher may not tell. Cheap; for waits.
  void look_after_peers() const noexcept;
};

/// Joins the job of the launcher that has started this process, or makes a private one of one rank when there is none.
/// Under other launchers than `tally run` all ranks join together. Throws Error.
[[nodiscard]] Membership join();

/// Sets RankRecord.wake of `rank` and wakes it if it sleeps. Call after whatever it shall see.
void wake(Header& header, std::uint32_t rank) noexcept;
/// wake() for all ranks: after Header::failed or a BrokenContext was set.
void wake_all(Header& header) noexcept;
/// Sleeps until wake() was called after `seen` was read from RankRecord.wake, or `timeout_us` is over.
void sleep(Header& header, std::uint32_t rank, std::uint32_t seen, std::uint32_t timeout_us) noexcept;

/// "soft", "rtl", "verbs".
[[nodiscard]] const char* engine_name(EngineKind kind) noexcept;
/// False when there is no such engine.
[[nodiscard]] bool engine_kind(std::string_view name, EngineKind* kind) noexcept;

}  // namespace tally::job
