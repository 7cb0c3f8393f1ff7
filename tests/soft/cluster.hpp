// SPDX-License-Identifier: BSD-3-Clause
// Several soft engines in one process and thread, so that a test decides who polls when.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "drivers/shm/shm_transport.hpp"
#include "engine/soft/soft_engine.hpp"
#include "job/job.hpp"

namespace tally::test {

class Cluster {
 public:
  /// direct: the engines may reach each other's memory.
  explicit Cluster(std::uint32_t ranks, bool direct = true)
      : segment_(job::Segment::create(ranks, job::EngineKind::kSoft, false)) {
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      engines_.push_back(std::make_unique<soft::SoftEngine>(
          std::make_unique<shm::ShmTransport>(segment_.header(), rank, direct)));
    }
    completions_.resize(ranks);
  }
  [[nodiscard]] soft::SoftEngine& engine(std::size_t rank) { return *engines_[rank]; }
  [[nodiscard]] tally_counters counters(std::size_t rank) const {
    tally_counters counters{};
    engines_[rank]->add_counters(counters);
    return counters;
  }
  [[nodiscard]] job::Header& header() { return segment_.header(); }
  /// Completions of a rank so far; the test may clear them.
  [[nodiscard]] std::vector<Completion>& completions(std::size_t rank) { return completions_[rank]; }
  std::size_t poll(std::size_t rank) {
    std::array<Completion, 16> out;
    const std::size_t taken = engines_[rank]->poll(out);
    for (std::size_t i = 0; i < taken; ++i) completions_[rank].push_back(out[i]);
    return taken;
  }
  void poll_all(int times = 1) {
    for (int i = 0; i < times; ++i) {
      for (std::size_t rank = 0; rank < engines_.size(); ++rank) poll(rank);
    }
  }

 private:
  job::Segment segment_;
  std::vector<std::unique_ptr<soft::SoftEngine>> engines_;
  std::vector<std::vector<Completion>> completions_;
};

}  // namespace tally::test
