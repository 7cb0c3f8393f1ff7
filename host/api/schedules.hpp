// SPDX-License-Identifier: BSD-3-Clause
// The schedules of a group: selected, verified and compiled at first use, then kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/engine.hpp"
#include "schedule/schedule.hpp"

namespace tally::api {

/// A schedule as an engine takes it.
struct Compiled {
  std::string algorithm;
  schedule::Program program;
  std::uint16_t signature = 0;
};

class Schedules {
 public:
  /// For group rank `rank` of the group of these job ranks, on an engine whose flows hold flow_bytes.
  Schedules(int rank, std::vector<std::uint16_t> job_ranks, std::uint64_t flow_bytes)
      : rank_(rank), job_ranks_(std::move(job_ranks)), flow_bytes_(flow_bytes) {}

  /// The schedule for a call. A collective that `algorithm` does not know takes "auto". *compiled lives as
  /// long as this object. Allocates at the first call for (collective, root, size class, algorithm) only.
  Status get(schedule::Collective collective, int root, std::uint64_t bytes, const Compiled** compiled);
  /// "auto" or a name that some collective knows; an error otherwise.
  Status set_algorithm(const std::string& name);
  [[nodiscard]] const std::string& algorithm() const noexcept { return algorithm_; }

 private:
  [[nodiscard]] schedule::Call call_of(schedule::Collective collective, int root, std::uint64_t bytes) const;
  Status make(schedule::Collective collective, int root, std::uint64_t bytes, const Compiled** compiled);

  int rank_;
  std::vector<std::uint16_t> job_ranks_;
  std::uint64_t flow_bytes_;
  std::string algorithm_ = "auto";
  std::unordered_map<std::uint64_t, const Compiled*> choices_;  ///< what get() answers
  std::vector<std::unique_ptr<Compiled>> compiled_;
};

}  // namespace tally::api
