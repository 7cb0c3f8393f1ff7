// SPDX-License-Identifier: BSD-3-Clause
// One tally_seq with a model of host memory behind its DMA clients.
//
// The memory is as unhelpful as the contract allows: a read takes its bytes when its command is accepted, a
// write changes memory when it is answered. What the sequencer must order, it must order itself.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "tally/device.hpp"

class Vtally_seq;

namespace tally::test {

struct RandomContext;

using Beat = std::array<std::uint32_t, 16>;

struct Packet {
  std::vector<Beat> beats;
  [[nodiscard]] device::MsgHeader header() const {
    device::MsgHeader h;
    std::memcpy(&h, beats[0].data(), sizeof h);
    return h;
  }
};

/// Latencies in cycles and probabilities of a stall in a cycle.
struct Timing {
  unsigned read_latency = 150;
  unsigned write_latency = 100;
  unsigned jitter = 0;
  unsigned wire_latency = 100;
  double stall = 0.0;
  unsigned max_payload = device::kMaxPayload;  ///< bytes of a full packet
  int max_payload_port = -1;                   ///< what the device is told; -1: max_payload
};

class Node {
 public:
  static constexpr std::uint64_t kBase = 0x7f0000100000;

  Node(unsigned id, const Timing& timing, std::uint64_t seed);
  ~Node();

  std::uint8_t* at(std::uint64_t addr) { return memory_.data() + (addr - kBase); }
  void add_region(std::uint32_t key, std::uint64_t addr, std::uint64_t len) { regions_[key] = {addr, len}; }
  void write_schedule(unsigned entry, const void* data) {
    Word word;
    word.entry = static_cast<std::uint16_t>(entry);
    std::memcpy(word.data.data(), data, 32);
    schedule_writes_.push_back(word);
  }
  void post(const device::CollDesc& desc) { commands_.push_back(desc); }
  /// Posts a collective whose Input, `bytes` bytes at `addr`, is stored into a slot of the operand window: the line of byte
  /// `first` before the descriptor, the others behind it, `gap` cycles apart.
  void post_pushed(device::CollDesc desc, unsigned slot, std::uint64_t addr, std::size_t bytes, std::size_t first,
                   unsigned gap);
  void abort(std::uint16_t context, std::uint16_t seq) { aborts_.push_back(std::uint32_t{context} << 16 | seq); }
  void set_enable(bool on) { enable_ = on; }

  /// One clock cycle. `arrivals`: packets on their way in; the front one is taken beat by beat.
  void cycle(std::deque<Packet>& arrivals);
  /// Packets that left since the last call.
  std::vector<Packet> take_sent() { return std::exchange(sent_, {}); }

  std::vector<device::Cqe> completions;
  bool net_stopped = false;  ///< the network takes nothing
  std::vector<std::uint64_t> completion_cycle;
  std::uint64_t now = 0;
  std::uint64_t reads = 0;           ///< read commands
  std::uint64_t reduced_beats = 0;
  std::uint64_t protections = 0;
  std::vector<std::uint64_t> sent_first, sent_last, received_last;  ///< cycles of Coll packets
  [[nodiscard]] bool idle() const;

 private:
  struct Word { std::uint16_t entry; std::array<std::uint32_t, 8> data; };
  struct Store { unsigned line; bool open; std::uint64_t after; Beat beat; };
  struct Region { std::uint64_t addr, len; };
  struct Read { std::uint64_t ready; std::vector<std::uint8_t> data; std::size_t at; };
  struct Write { std::uint64_t addr; std::size_t len; std::vector<std::uint8_t> data; std::uint64_t due; };

  bool chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(random_) < p; }
  unsigned jitter() { return timing_.jitter == 0 ? 0 : static_cast<unsigned>(random_() % timing_.jitter); }
  void drive(std::deque<Packet>& arrivals);
  void sample(std::deque<Packet>& arrivals);
  /// A packet that left has a complete header and the right length.
  void check(const Packet& packet) const;

  unsigned id_;
  Timing timing_;
  std::mt19937_64 random_;
  std::unique_ptr<RandomContext> context_;
  std::unique_ptr<Vtally_seq> dut_;
  std::vector<std::uint8_t> memory_;
  std::map<std::uint32_t, Region> regions_;
  std::deque<Word> schedule_writes_;
  std::deque<device::CollDesc> commands_;
  std::deque<Store> stores_;           // to the operand window
  std::size_t openings_ = 0;           // of these; no command goes before them
  std::uint64_t stored_ = 0;           // cycle of the last one
  std::deque<std::uint32_t> aborts_;
  bool enable_ = true;
  std::deque<Read> reads_;
  std::deque<Write> granted_;   // at most one: data under way
  std::deque<Write> landing_;
  Packet out_;
  std::size_t in_beat_ = 0;
  std::vector<Packet> sent_;
};

}  // namespace tally::test
