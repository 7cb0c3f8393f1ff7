// SPDX-License-Identifier: BSD-3-Clause
// A behavioural model of devices and the network between them, written from docs/device.md, docs/handover.md
// and docs/wire.md: linear lists, one step at a time, in random order where the device gives no order. It
// checks the driver's side of the contract.
//
// What is decided at one moment (a match, a spill) becomes visible later: each unit of an endpoint has a
// queue of completions, their effects on memory happen when they leave it, and the queues overtake each
// other.
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
#include "tally/device_registers.hpp"

namespace tally::test {

class ModelDevice;

struct ModelMessage {
  device::MsgHeader header{};
  std::vector<std::byte> payload;
};

class ModelNetwork {
 public:
  explicit ModelNetwork(std::uint64_t seed) : random(seed) {}
  /// Some random steps of random devices.
  void run(unsigned steps);
  ModelDevice& add_device(unsigned endpoints);
  [[nodiscard]] ModelDevice* device_at(std::uint32_t ip) const;
  void rule(bool kept, const std::string& text) {
    if (!kept) broken_rules.push_back(text);
  }

  std::mt19937_64 random;
  std::vector<std::unique_ptr<ModelDevice>> devices;
  std::vector<std::string> broken_rules;
  unsigned conflict_percent = 0;  ///< of receives and messages that find no place in the tables
  unsigned refuse_percent = 0;    ///< of posted writes
  /// Each Eager and Rts in the order of the match unit of its receiver.
  std::function<void(const device::MsgHeader&)> on_arrival;
};

class ModelDevice final : public ring::Bar {
 public:
  static constexpr std::size_t kEndpointBytes = 4u << 20;
  ModelDevice(ModelNetwork& network, unsigned endpoints);

  // --- ring::Bar
  bool write32(std::uint32_t offset, std::uint32_t value) override;
  std::size_t write_room() const override { return 0; }
  bool write64bytes(std::uint32_t offset, std::span<const std::byte, 64> data) override;
  bool read32(std::uint32_t offset, std::uint32_t* value) override;
  std::span<std::byte> shared_memory() override { return {memory_.get(), bytes_}; }
  void wait(std::chrono::microseconds) override { network_.run(20); }
  bool alive() const override { return true; }
  std::uint64_t staged_bytes() const override { return 0; }

  void step();
  [[nodiscard]] std::uint32_t ip() const { return registers_[device::global_reg::kIp / 4]; }
  [[nodiscard]] bool idle() const;

 private:
  enum Unit { kCmd, kCopy, kRx, kTx, kRndv0, kRndv1, kRndv2, kUnits };
  struct Region {
    std::uint32_t word = 0;
    std::uint64_t base = 0, length = 0;
  };
  struct Event {
    device::Cqe cqe{};
    std::function<void()> effect;
  };
  struct Unexpected {
    std::uint16_t name = 0;
    device::MsgHeader header{};
    std::uint32_t slot = 0;  // Eager with payload
    bool claimed = false;
  };
  struct Endpoint {
    std::uint16_t sq_head = 0, sq_tail = 0, cq_tail = 0, spill_tail = 0;
    std::array<Region, device::kMrEntries> regions{};
    std::deque<device::RecvDesc> posted;
    std::deque<Unexpected> unexpected;
    std::vector<bool> slots;  // bounce, in use
    bool spill_mode = false, hold = false;
    std::uint32_t spills = 0, posts = 0, sends = 0;
    std::array<std::deque<Event>, kUnits> units;
    std::array<std::deque<ModelMessage>, 16> msg, fin;  // to each rank
  };
  struct QueuePair {
    bool up = false;
    std::uint32_t qpn = 0, ip = 0;
  };
  struct Place {
    ModelDevice* device = nullptr;
    unsigned ep = 0;
  };

  [[nodiscard]] std::uint32_t reg(unsigned ep, std::uint32_t low) const {
    return registers_[(low + ep * device::kEndpointPage) / 4];
  }
  [[nodiscard]] std::uint64_t address(unsigned ep, std::uint32_t low) const {
    return reg(ep, low) | std::uint64_t{reg(ep, low + 4)} << 32;
  }
  void write_endpoint(unsigned ep, std::uint32_t offset, std::uint32_t before, std::uint32_t value);
  void move_tail(unsigned ep, std::uint16_t tail);
  [[nodiscard]] Place peer_of(unsigned ep, unsigned kind, unsigned rank);
  [[nodiscard]] bool in_region(unsigned ep, std::uint32_t key, std::uint64_t addr,
                               std::uint64_t length) const;

  void consume(unsigned ep);
  void send(unsigned ep, const device::MsgDesc& d);
  void receive(unsigned ep, const device::RecvDesc& d);
  void cancel(unsigned ep, const device::RecvDesc& d);
  void probe(unsigned ep, const device::RecvDesc& d);
  void mrecv(unsigned ep, const device::RecvDesc& d);
  void spill_off(unsigned ep, const device::RecvDesc& d);
  void take_unexpected(unsigned ep, const Unexpected& message, const device::RecvDesc& d);
  void rendezvous(unsigned ep, const device::MsgHeader& header, const device::RecvDesc& d);
  void deliver(unsigned ep, unsigned rank);
  void deliver_fin(unsigned ep, unsigned rank);
  [[nodiscard]] bool ready(unsigned ep) const;
  void arrive(unsigned ep, const ModelMessage& message);
  void spill(unsigned ep, const ModelMessage& message, device::SpillReason reason);
  void answer(unsigned ep, const device::RecvDesc& d, device::Status status, std::uint32_t detail = 0,
              device::SpillReason reason = device::SpillReason::kNone);
  void complete(unsigned ep);
  [[nodiscard]] static device::Cqe completion(const device::RecvDesc& d, const device::MsgHeader& header);
  [[nodiscard]] static bool matches(const device::RecvDesc& d, const device::MsgHeader& header);

  struct Free {
    void operator()(std::byte* p) const;
  };
  ModelNetwork& network_;
  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> memory_;
  std::vector<std::uint32_t> registers_ = std::vector<std::uint32_t>(device::kBarBytes / 4);
  std::array<QueuePair, device::kQpContexts> queue_pairs_{};
  std::array<Endpoint, device::kNumEndpoints> endpoints_;
};

}  // namespace tally::test
