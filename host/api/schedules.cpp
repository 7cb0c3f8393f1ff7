// SPDX-License-Identifier: BSD-3-Clause
#include "api/schedules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tally::api {
namespace {

using schedule::Collective;

constexpr std::array kCollectives{Collective::kBarrier, Collective::kBcast, Collective::kAllreduce};

bool knows(Collective collective, const std::string& algorithm) {
  const std::vector<std::string> names = schedule::algorithms(collective);
  return std::find(names.begin(), names.end(), algorithm) != names.end();
}

}  // namespace

Status Schedules::set_algorithm(const std::string& name) {
  if (name != "auto" &&
      std::none_of(kCollectives.begin(), kCollectives.end(), [&](Collective c) { return knows(c, name); })) {
    std::string names = "auto";
    for (const Collective collective : kCollectives) {
      for (const std::string& known : schedule::algorithms(collective)) names += ", " + known;
    }
    return {TALLY_ERR_ARGUMENT, fmt::format("algorithm '{}' is unknown; there are: {}", name, names)};
  }
  algorithm_ = name;
  choices_.clear();  // what was compiled stays: collectives under way use it
  return {};
}

Status Schedules::get(Collective collective, int root, std::uint64_t bytes, const Compiled** compiled) {
  const std::uint64_t key =
      static_cast<std::uint64_t>(root) << 40 | static_cast<std::uint64_t>(collective) << 32 |
      schedule::select_key(call_of(collective, root, bytes), knows(collective, algorithm_) ? algorithm_ : "auto");
  if (const auto found = choices_.find(key); found != choices_.end()) {
    *compiled = found->second;
    return {};
  }
  Status status = make(collective, root, bytes, compiled);
  if (status.ok()) choices_.emplace(key, *compiled);
  return status;
}

schedule::Call Schedules::call_of(Collective collective, int root, std::uint64_t bytes) const {
  schedule::Call call;
  call.collective = collective;
  call.ranks = static_cast<int>(job_ranks_.size());
  call.root = root;
  call.bytes = bytes;
  call.flow_bytes = flow_bytes_;
  return call;
}

Status Schedules::make(Collective collective, int root, std::uint64_t bytes, const Compiled** compiled) {
  schedule::Schedule schedule;
  std::string error;
  const std::string algorithm = knows(collective, algorithm_) ? algorithm_ : std::string("auto");
  if (!schedule::select(call_of(collective, root, bytes), algorithm, &schedule, &error)) {
    return {TALLY_ERR_INTERNAL, error};
  }
  const std::uint16_t signature = schedule::signature(schedule);
  for (const auto& known : compiled_) {
    if (known->signature == signature && known->algorithm == schedule.algorithm) {
      *compiled = known.get();
      return {};
    }
  }
  if (const std::string fault = schedule::verify(schedule); !fault.empty()) {
    return {TALLY_ERR_INTERNAL,
            fmt::format("schedule '{}' failed verification: {}", schedule.algorithm, fault)};
  }
  auto made = std::make_unique<Compiled>();
  made->algorithm = schedule.algorithm;
  made->program = schedule::compile(schedule, rank_, job_ranks_);
  made->signature = signature;
  *compiled = made.get();
  compiled_.push_back(std::move(made));
  return {};
}

}  // namespace tally::api
