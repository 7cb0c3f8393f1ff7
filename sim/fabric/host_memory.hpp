// SPDX-License-Identifier: BSD-3-Clause
// Host memory behind a device: how DMA reaches a scripted host in this process, or a rank's process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "drivers/sim/attach.hpp"
#include "launch/job_segment.hpp"

namespace tally::sim {

/// Consecutive bytes of a DMA write: [offset, offset + length) of the burst.
struct Run {
  std::uint32_t offset;
  std::uint32_t length;
};

/// Thread rule: the fabric's thread.
class HostMemory {
 public:
  virtual ~HostMemory() = default;
  /// True when these bytes may exist: the check that a write's response rests on (a posted write has no other).
  [[nodiscard]] virtual bool plausible(std::uint64_t address, std::size_t bytes) const = 0;
  /// False when a byte cannot be read; `to` is then undefined.
  [[nodiscard]] virtual bool read(std::uint64_t address, std::byte* to, std::size_t bytes) = 0;
  /// Writes the runs of a burst to address + run.offset in ascending order. False when a byte cannot be written.
  [[nodiscard]] virtual bool write(std::uint64_t address, const std::byte* burst, std::span<const Run> runs) = 0;
  /// Answer of a register read.
  virtual void answer(std::uint32_t value) = 0;
};

/// A scripted host in this process.
class LocalMemory final : public HostMemory {
 public:
  [[nodiscard]] bool plausible(std::uint64_t address, std::size_t bytes) const override;
  [[nodiscard]] bool read(std::uint64_t address, std::byte* to, std::size_t bytes) override;
  [[nodiscard]] bool write(std::uint64_t address, const std::byte* burst, std::span<const Run> runs) override;
  void answer(std::uint32_t value) override;

  std::uint64_t writes = 0;   ///< bursts that became visible
  std::uint64_t answers = 0;  ///< register reads answered
  std::uint32_t answer_value = 0;
};

/// A rank's process behind its window.
class WindowMemory final : public HostMemory {
 public:
  enum class State { kWaiting, kDirect, kStaging, kGone };

  WindowMemory(Window& window, job::RankRecord& record, unsigned rank) : window_(window), record_(record), rank_(rank) {}

  /// Tries to attach a rank that has announced itself. `forbidden`: why direct access does not work, else empty.
  void attach(bool staging, std::string& forbidden);
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool served() const { return state_ == State::kDirect || state_ == State::kStaging; }
  /// Asks the kernel whether the process lives; detaches it when not.
  void check_alive();
  /// Asked while waiting for the rank's staging agent: true ends the wait.
  void set_stop(const std::function<bool()>* stop) { stop_ = stop; }

  [[nodiscard]] bool plausible(std::uint64_t address, std::size_t bytes) const override;
  [[nodiscard]] bool read(std::uint64_t address, std::byte* to, std::size_t bytes) override;
  [[nodiscard]] bool write(std::uint64_t address, const std::byte* burst, std::span<const Run> runs) override;
  void answer(std::uint32_t value) override;

 private:
  [[nodiscard]] bool in_window(std::uint64_t address, std::size_t bytes) const;
  [[nodiscard]] bool stage(std::uint64_t address, std::byte* data, std::size_t bytes, bool write);
  void detach();
  void wake();

  Window& window_;
  job::RankRecord& record_;
  unsigned rank_;
  State state_ = State::kWaiting;
  std::int32_t pid_ = 0;
  std::uint64_t memory_address_ = 0;
  const std::function<bool()>* stop_ = nullptr;
};

/// Stores ascending, the last word last, so that a reader who polls the end of an entry sees all of it.
void store_ascending(std::byte* to, const std::byte* from, std::size_t bytes);

}  // namespace tally::sim
