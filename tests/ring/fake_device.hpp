// SPDX-License-Identifier: BSD-3-Clause
// A software model of the device's register and ring interface. It moves no data and matches nothing: it
// checks that the driver keeps the rules of docs/device.md, and completes operations when a test says so, or
// at random.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/ring/bar.hpp"
#include "tally/device.hpp"

namespace tally::test {

struct Region {
  std::uint32_t word = 0;
  std::uint64_t base = 0;
  std::uint64_t length = 0;
};

class FakeDevice final : public ring::Bar {
 public:
  explicit FakeDevice(std::uint64_t seed = 1);

  // --- ring::Bar
  bool write32(std::uint32_t offset, std::uint32_t value) override;
  bool write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) override;
  std::size_t write_room() const override;
  bool read32(std::uint32_t offset, std::uint32_t* value) override;
  std::span<std::byte> shared_memory() override { return {memory_.get(), kBytes}; }
  void wait(std::chrono::microseconds timeout) override;
  bool alive() const override { return alive_; }
  std::uint64_t staged_bytes() const override { return 0; }

  // --- what tests do
  /// Takes up to `most` descriptors from the submission ring.
  void consume(std::size_t most = 1000000);
  /// Completes the oldest (or a random) operation of a kind; false: there is none, or the completion ring is
  /// full.
  bool complete_send(device::Status status = device::Status::kOk);
  bool complete_recv(device::Status status = device::Status::kOk, std::uint32_t length = 0,
                     std::uint32_t tag = 0, std::uint16_t source = 0);
  bool complete_collective(device::Status status = device::Status::kOk);
  bool complete_last_collective();
  /// The oldest of Nop, Cancel, Probe, Mrecv, Fetch, SpillOn and SpillOff.
  bool complete_other(device::Status status = device::Status::kOk, std::uint32_t detail = 0);
  bool push(device::Cqe cqe);
  /// Some random moves.
  void run_some();

  // --- what tests see
  std::vector<std::string> broken_rules;
  std::deque<device::MsgDesc> sends;  ///< consumed, not complete
  std::deque<device::RecvDesc> receives, others;
  std::deque<device::CollDesc> collectives;
  std::function<void(const device::CollDesc&)> on_collective;  ///< each that is consumed
  struct QueuePair {
    bool up = false;
    std::uint32_t qpn = 0, ip = 0;
    std::uint64_t mac = 0;
  };
  std::array<QueuePair, device::kQpContexts> queue_pairs{};
  std::uint64_t window_posts = 0, ring_posts = 0, schedule_words = 0;
  std::array<std::array<std::uint32_t, 8>, device::kScheduleEntries> schedule{};
  std::array<Region, device::kMrEntries> regions{};
  std::vector<std::uint32_t> aborts;
  /// The operand window, and which of its lines have come since their slot was opened.
  std::vector<std::byte> operands = std::vector<std::byte>(device::kOperandSlots * device::kOperandSlotBytes);
  std::array<bool, device::kOperandSlots * device::kOperandSlotBytes / 64> operand_lines{};
  std::uint64_t operand_stores = 0;
  std::array<std::uint32_t, device::kBarBytes / 4> registers{};
  std::uint16_t pushed = 0;    ///< completions written
  std::uint32_t cycles = 250;  ///< in completions

  // --- how it behaves
  unsigned refuse_percent = 0;  ///< of posted writes: the window's queue is full
  bool alive_ = true;
  bool run_in_wait = false;
  bool in_order = true;  ///< completions of one kind

 private:
  static constexpr std::size_t kBytes = 4u << 20;
  struct Free {
    void operator()(std::byte* p) const;
  };
  /// The window's queue is full this time.
  bool refuses();
  void store_operand(std::uint32_t at, std::span<const std::byte, 64> data);
  /// All lines of it have come.
  [[nodiscard]] bool operand_complete(const device::CollDesc& c) const;
  [[nodiscard]] std::uint64_t input_bytes(const device::CollDesc& c) const;
  void rule(bool kept, const std::string& text);
  void move_tail(std::uint16_t tail, bool from_window);
  void accept(const std::array<std::byte, 64>& descriptor);
  void check_region(std::uint32_t key, std::uint64_t addr, std::uint64_t length, const char* what);
  bool completion_room();
  [[nodiscard]] bool schedule_in_use(std::uint32_t entry) const;
  template <typename T>
  T take(std::deque<T>& from);
  std::uint64_t address(std::uint32_t low) const;

  std::unique_ptr<std::byte, Free> memory_;
  mutable std::mt19937_64 random_;
  mutable std::size_t sure_ = 0;  // writes that write_room() promised to take
  std::uint16_t sq_head_ = 0, sq_tail_ = 0;
  std::deque<std::array<std::byte, 64>> announced_;  // as the entries were when the tail moved over them
  std::vector<std::int64_t> last_send_tag_;
  std::int64_t last_recv_tag_ = -1;

 public:
  bool tags_count_up = false;  ///< check the order by tags: of sends to each peer, and of receives
};

}  // namespace tally::test
