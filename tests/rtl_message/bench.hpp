// SPDX-License-Identifier: BSD-3-Clause
// Drives the message path of one device: host memory, descriptor stream, and a network that mirrors each packet
// back (a packet to node d returns as a packet from node d), so that one device plays all peers.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "tally/device.hpp"

class Vtally_message_bench;

namespace tally::test {

struct RandomContext;

using Beat = std::array<std::uint8_t, 64>;

struct BenchConfig {
  std::uint16_t nodes = 4;
  unsigned stall_percent = 0;        // of each handshake that the bench takes part in
  unsigned read_latency_cycles = 4;  // address to first data
  unsigned write_latency_cycles = 4; // last data to response; the data is in memory only then
  std::size_t loop_beats = 8;        // what the network holds before it holds back the sender
  std::uint64_t seed = 1;
};

struct PacketRecord {
  device::WireHeader header;
  std::uint64_t cycle;  // of its last beat
};

struct Counters {
  unsigned match_posted = 0, match_unexpected = 0, unexpected = 0, truncated = 0, protection = 0, rendezvous = 0,
           dropped = 0;
};

class Bench {
 public:
  static constexpr std::uint64_t kMemoryBase = 0x1'0000'0000;
  static constexpr std::size_t kMemoryBytes = 8u << 20;
  static constexpr std::uint64_t kBounce = kMemoryBase;
  static constexpr std::uint64_t kRing = kMemoryBase + 0x40000;
  static constexpr unsigned kRingLog2 = 11;
  static constexpr std::uint64_t kSendArea = kMemoryBase + 0x100000;
  static constexpr std::uint64_t kRecvArea = kMemoryBase + 0x400000;
  static constexpr std::uint64_t kAreaBytes = 0x300000;
  static constexpr std::uint32_t kSendKey = 0x00012301;  // entry 1
  static constexpr std::uint32_t kRecvKey = 0x00045602;  // entry 2
  static constexpr std::uint64_t kTooLong = 2'000'000;   // cycles without an end

  explicit Bench(const BenchConfig& config);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void region(std::uint32_t key, std::uint64_t base, std::uint64_t bytes, bool valid);
  /// Queues a descriptor (64 bytes).
  void submit(const void* descriptor);
  /// Queues a packet that arrives between others.
  void inject(const device::WireHeader& header, const std::vector<std::uint8_t>& payload = {});
  void tick();
  /// Until nothing is under way anywhere; fails the test when that does not happen.
  void run_until_idle();
  /// Until `done` or kTooLong cycles; false then.
  bool run_until(const std::function<bool()>& done);

  std::uint8_t* at(std::uint64_t address);
  std::uint64_t cycle() const { return cycle_; }
  bool unanswered() const;
  std::mt19937_64& random() { return random_; }

  std::function<void(const device::Cqe&)> on_completion;  // called when the entry lands in memory
  std::function<void(std::uint32_t cookie)> on_accept;    // the device took a Send or Recv
  std::vector<device::Cqe> completions;
  std::vector<PacketRecord> sent;
  std::vector<Beat> collectives;
  Counters counters;
  unsigned network_stall_percent = 0;  // on top of stall_percent, at the device's sender

 private:
  struct Burst {
    std::uint64_t address;
    unsigned beats;
    std::uint64_t due;
  };
  struct NetBeat {
    Beat data;
    bool last;
  };
  bool chance_go() { return random_() % 100 >= config_.stall_percent; }
  void drive();
  void sample();
  void take_tx();
  void land(std::uint64_t address, unsigned beats);

  BenchConfig config_;
  std::mt19937_64 random_;
  std::unique_ptr<RandomContext> context_;
  std::unique_ptr<Vtally_message_bench> top_;
  std::vector<std::uint8_t> memory_;
  std::uint64_t cycle_ = 0;
  std::uint16_t ring_head_ = 0;

  std::deque<Beat> descriptors_;
  std::deque<Burst> reads_, write_addresses_, responses_;
  struct WriteBeat {
    Beat data;
    std::uint64_t strobe;
    bool last;
  };
  std::deque<WriteBeat> write_beats_;
  unsigned write_bursts_ = 0;  // bursts complete in write_beats_, not yet scheduled
  std::deque<NetBeat> loop_, injected_;
  bool tx_inside_ = false, rx_inside_ = false, rx_injected_ = false;
  unsigned tx_beats_ = 0;
  device::WireHeader tx_header_{};
  bool desc_shown_ = false, r_shown_ = false, b_shown_ = false, rx_shown_ = false;
};

/// A Send or Recv descriptor.
device::MsgDesc message(device::Opcode opcode, std::uint16_t peer, std::uint16_t context, std::uint32_t tag,
                        std::uint64_t address, std::uint32_t length, std::uint32_t cookie);

}  // namespace tally::test
