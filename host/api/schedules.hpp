// SPDX-License-Identifier: BSD-3-Clause
// The schedules of a group: selected, verified and compiled at first use, then kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/collective_checks.hpp"
#include "api/collectives.hpp"
#include "engine/engine.hpp"
#include "schedule/schedule.hpp"

namespace tally::api {

/// A schedule as an engine takes it.
struct Compiled {
  std::string algorithm;
  bool in_place = false;
  bool ordered = false;  ///< order_operands() has been at it
  schedule::Program program;
  std::uint16_t signature = 0;
  Extents extents;          ///< of calls with arrays: what the checks of these made
  std::uint32_t users = 0;  ///< collectives under way
};

class Schedules {
 public:
  /// Schedules of calls with arrays that are kept, beyond those in use: each is good for its counts and
  /// displacements only. The one that was used longest ago goes first.
  static constexpr std::size_t kVarying = 64;

  /// For group rank `rank` of the group of these job ranks, on an engine whose flows hold flow_bytes.
  /// few_messages: "auto" prefers few large messages where the result does not depend on it
  /// (Capabilities::reads_peers).
  Schedules(int rank, std::vector<std::uint16_t> job_ranks, std::uint64_t flow_bytes,
            bool few_messages = false)
      : rank_(rank), job_ranks_(std::move(job_ranks)), flow_bytes_(flow_bytes), few_messages_(few_messages) {}

  /// The schedule for a call whose blocks are equal; `bytes` are those of the logical vector. A collective
  /// that `algorithm` does not know takes "auto". *compiled lives as long as this object. Allocates at the
  /// first call for (collective, root, size class, in place, algorithm) only.
  Status get(schedule::Collective collective, int root, std::uint64_t bytes, bool in_place,
             Compiled** compiled);

  /// The same with operands in rank order, for any size of elements.
  Status get_ordered(schedule::Collective collective, int root, std::uint64_t bytes, bool in_place,
                     Compiled** compiled);
  /// Whether the last answer is not of the algorithm that was set, which does not serve the call.
  [[nodiscard]] bool fell_back() const noexcept { return fell_back_; }
  /// Why, where that has not been asked since; else empty.
  [[nodiscard]] std::string take_reason() { return std::exchange(reason_, {}); }

  /// What was compiled for a call with these very arrays (those that this rank does not use are nullptr), or
  /// nullptr. It lives while it has users and at least until the next make_varying. Does not allocate.
  [[nodiscard]] Compiled* find_varying(const CollectiveCall& call, std::size_t element_bytes,
                                       bool in_place) noexcept;
  /// Compiles for a call that find_varying does not know, and whose checks made `extents`.
  Status make_varying(const CollectiveCall& call, std::size_t element_bytes, bool in_place,
                      const Extents& extents, Compiled** compiled);
  /// Schedules of calls with arrays compiled so far, for tests.
  [[nodiscard]] std::uint64_t varying_made() const noexcept { return varying_made_; }

  /// "auto", a name that some collective knows, or the path of an MSCCL XML file; an error otherwise, and
  /// where the file is for another number of ranks, unless `other_sizes`: then this group does without.
  Status set_algorithm(const std::string& name, bool other_sizes = false);
  [[nodiscard]] const std::string& algorithm() const noexcept { return algorithm_; }
  /// How often that has changed: what get() told before may be another schedule now.
  [[nodiscard]] std::uint64_t changes() const noexcept { return algorithm_changes_; }

 private:
  struct Varying {
    std::uint64_t hash = 0;
    std::vector<std::uint64_t> numbers;  ///< all that the program depends on
    std::uint64_t used = 0;
    bool fell_back = false;
    std::unique_ptr<Compiled> compiled;
  };
  template <typename Visit>
  void each_number(const CollectiveCall& call, std::size_t element_bytes, bool in_place, Visit visit) const;
  [[nodiscard]] schedule::Call call_of(schedule::Collective collective, int root, bool in_place) const;
  /// The name to select with.
  [[nodiscard]] const std::string& algorithm_of(schedule::Collective collective) const;
  /// Selects, proves and compiles, or finds what was made for another key.
  Status make(const schedule::Call& call, const std::string& algorithm, bool ordered, Compiled** compiled);
  Status choose(const schedule::Call& call, const std::string& algorithm, bool ordered,
                schedule::Schedule* schedule) const;
  Status set_file(const std::string& path, bool other_sizes);
  void forget_choices();
  void forget_varying();
  /// In bytes, as compile() takes it.
  [[nodiscard]] schedule::Layout layout(const CollectiveCall& call, std::size_t element_bytes) const;

  int rank_;
  std::vector<std::uint16_t> job_ranks_;
  std::uint64_t flow_bytes_;
  bool few_messages_;
  const std::string automatic_ = "auto";
  const std::string tree_ = "binomial";
  std::string algorithm_ = automatic_;
  std::array<bool, schedule::kCollectives> known_{};  ///< whether a collective has algorithm_
  std::uint64_t algorithm_changes_ = 0;
  /// What get() answered last for a collective.
  struct Last {
    Compiled* compiled = nullptr;
    std::uint64_t bytes = 0;
    int root = 0;
    bool in_place = false;
    bool fell_back = false;
  };
  std::array<Last, schedule::kCollectives> last_;
  /// What get() answers, by collective, root and select_key(); nullptr: no such schedule.
  std::unordered_map<std::uint64_t, Compiled*> choices_;
  std::unordered_map<std::uint64_t, Compiled*> ordered_;  ///< the same of get_ordered()
  bool fell_back_ = false;
  std::string reason_;
  std::vector<std::unique_ptr<Compiled>> compiled_;
  std::vector<Varying> varying_;
  std::uint64_t clock_ = 0;
  std::uint64_t varying_made_ = 0;
};

}  // namespace tally::api
