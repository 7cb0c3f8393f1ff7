// SPDX-License-Identifier: BSD-3-Clause
// A rank's side of the attach protocol (attach.hpp): the register window and shared memory of its simulated
// device.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "drivers/sim/attach.hpp"
#include "drivers/sim/fabric_watch.hpp"
#include "drivers/sim/staging_agent.hpp"
#include "engine/ring/bar.hpp"
#include "launch/job_segment.hpp"

namespace tally::sim {

struct SimBarOptions {
  std::chrono::milliseconds attach_timeout{10000};
  std::chrono::milliseconds read_timeout{30000};  ///< a register read that a living fabric does not answer
};

class SimBar final : public ring::Bar {
 public:
  /// Attaches to the device of `rank`. `header` is the mapped job segment's start and outlives the bar. One
  /// bar a rank and process at a time; a later one of the same process takes the window over. Throws
  /// std::runtime_error that names the cause: no simulated fabric in this job, the fabric is gone or does not
  /// answer, the window is taken.
  SimBar(job::Header& header, unsigned rank, const SimBarOptions& options = {});
  ~SimBar() override;
  SimBar(const SimBar&) = delete;
  SimBar& operator=(const SimBar&) = delete;

  [[nodiscard]] bool write32(std::uint32_t offset, std::uint32_t value) override;
  [[nodiscard]] bool write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) override;
  [[nodiscard]] std::size_t write_room() const override;
  [[nodiscard]] bool read32(std::uint32_t offset, std::uint32_t* value) override;
  [[nodiscard]] std::span<std::byte> shared_memory() override;
  void wait(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool alive() const override;
  [[nodiscard]] std::uint64_t staged_bytes() const override;

 private:
  void attach();
  void wait_until_attached(const std::string& who);
  [[nodiscard]] MmioEntry* claim();
  void publish();
  [[nodiscard]] bool wait_for_room(std::chrono::steady_clock::time_point deadline);

  job::Header& header_;
  job::RankRecord& record_;
  Area& area_;
  Window& window_;
  unsigned rank_;
  SimBarOptions options_;
  mutable FabricWatch watch_;
  std::atomic<std::uint64_t> probe_{0};  // the word that the fabric tries to read
  std::uint32_t tail_ = 0;               // of window_.mmio
  std::uint32_t seen_wake_ = 0;          // what record_.wake was when the caller last came back from wait()
  bool unanswered_ = false;  // a read was given up: a late answer would be taken for the next one's
  std::unique_ptr<StagingAgent> staging_;
};

}  // namespace tally::sim
