// SPDX-License-Identifier: BSD-3-Clause
// Drives the message path of one device whose four endpoints are ranks 0 to 3 of one job: host memory,
// descriptor streams, a transport that keeps order for each queue pair, a rendezvous unit. Ranks above 3 are
// played by inject(). What must come of each descriptor and message follows from the order in which the match
// unit served (reference.hpp): each completion is compared with that, field by field, and each buffer byte by
// byte.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "reference.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

class Vtally_message_bench;

namespace tally::test {

struct RandomContext;

constexpr unsigned kEndpoints = device::kNumEndpoints;
using Beat = std::array<std::uint8_t, 64>;
using Descriptor = device::RecvDesc;  // sends are laid out alike up to byte 31

struct BenchConfig {
  unsigned ranks = 6;
  unsigned stall_percent = 0;  // of each handshake that the bench takes part in
  unsigned completion_stall_percent = 0;  // of the completions, besides
  unsigned read_latency = 4;   // cycles, also of the others
  unsigned write_latency = 4;  // last data to response; the data is in memory only then
  unsigned network_latency = 4;
  unsigned ack_latency = 4;
  unsigned posted = 16;  // of each endpoint
  unsigned unexpected = 16;
  unsigned bounce = 8;
  unsigned spill_log2 = 4;
  unsigned eager_max = 1024;
  unsigned window_cells = 64;  // of a queue pair
  bool cq_toggles = false;     // completion rings are full at times
  bool keep_spills = false;    // the driver frees no spill slot by itself
  std::uint64_t seed = 1;
};

class Bench {
 public:
  static constexpr std::uint64_t kBase = 0x1'0000'0000;
  static constexpr std::uint64_t kEndpointBytes =
      6u << 20;                                       // send, receive, bounce and spill memory of an endpoint
  static constexpr std::uint64_t kTooLong = 400'000;  // cycles without an end

  explicit Bench(const BenchConfig& config);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  static std::uint64_t send_area(unsigned ep) { return kBase + ep * kEndpointBytes; }
  static std::uint64_t recv_area(unsigned ep) { return send_area(ep) + (2u << 20); }
  static std::uint64_t bounce_area(unsigned ep) { return send_area(ep) + (4u << 20); }
  static std::uint64_t spill_area(unsigned ep) { return send_area(ep) + (5u << 20); }
  static std::uint32_t send_key(unsigned ep) { return 0x12300 << 2 | ep << 8 | 1; }
  static std::uint32_t recv_key(unsigned ep) { return 0x45600 << 2 | ep << 8 | 2; }

  void region(unsigned ep, std::uint32_t key, std::uint64_t base, std::uint64_t bytes, bool valid);
  void submit(unsigned ep, const Descriptor& descriptor);
  void submit_raw(unsigned ep, const void* descriptor);
  /// A message of an outside rank, or one that must be discarded (not `good`); `bytes` of the packet when
  /// they are not those of header and payload.
  void inject(unsigned ep, unsigned peer, device::QpKind kind, const device::MsgHeader& header,
              const std::vector<std::uint8_t>& payload = {}, bool good = true, int bytes = -1);
  void tick();
  void run(std::uint64_t cycles);
  void run_until_idle();
  bool run_until(const std::function<bool()>& done);
  /// After run_until_idle: all that had to complete has completed, and all counters agree.
  void expect_finished();

  std::uint8_t* at(std::uint64_t address);
  std::uint64_t cycle() const { return cycle_; }
  std::uint32_t spills_seen(unsigned ep) const { return spills_seen_[ep]; }
  void free_spill_slot(unsigned ep) { ++spill_head_[ep]; }
  void enable(unsigned mask);
  Random random;
  Reference reference;

  struct Completion {
    unsigned ep;
    device::Cqe cqe;
    std::uint64_t cycle;
  };
  std::vector<Completion> completions;
  std::function<void(const Completion&)> on_completion;
  std::vector<device::MsgHeader> outside;      // messages to ranks above 3
  std::vector<std::uint64_t> resolved_cycles;  // of each message that the device was done with
  std::vector<std::uint64_t> sent_cycles;      // last beats of messages
  std::vector<std::uint64_t> appended_cycles;  // match results of receives
  std::vector<Beat> collectives, to_sequencer;
  unsigned cq_ok = 15;
  bool rndv_room = true, hold_network = false;
  unsigned most_eager = 0;  // unfinished eager sends of an endpoint
  unsigned events[15] = {};
  const Completion* find(unsigned ep, std::uint32_t cookie) const;

 private:
  struct Message {
    unsigned ep, peer;  // of the receiver's queue pair
    device::QpKind kind;
    std::vector<Beat> beats;
    int bytes;
    std::uint64_t due;
    bool ack = false, good = true;  // a completion when it is delivered; the device takes it
    unsigned from = 0, cells = 0;
    device::Cqe cqe{};
  };
  struct Write {
    unsigned client, beats;
    std::uint64_t address;
    unsigned bytes;
    std::vector<std::uint8_t> data;
  };
  struct Landing {
    std::uint64_t due;
    bool completion;
    Write write;
    Completion cpl;
  };
  struct Read {
    unsigned client;
    std::vector<std::uint8_t> data;
    std::uint64_t due;
  };
  struct Job {
    Matched matched;
    std::uint64_t due;
  };
  struct Ack {
    std::uint64_t due;
    unsigned ep, peer, cells;
    bool done, completes;
    device::Cqe cqe;
  };
  bool go() { return !random.percent(config_.stall_percent); }
  unsigned jitter() { return config_.stall_percent != 0 ? static_cast<unsigned>(random.below(32)) : 0; }
  void drive();
  void sample();
  void land();
  void take_tx();
  void deliver();
  void finish_jobs();
  void complete(const Completion& completion);

  BenchConfig config_;
  std::unique_ptr<RandomContext> context_;
  std::unique_ptr<Vtally_message_bench> top_;
  std::vector<std::uint8_t> memory_;
  std::uint64_t cycle_ = 0;
  std::array<std::deque<Beat>, kEndpoints> descriptors_;
  std::array<bool, kEndpoints> shown_{};
  std::array<std::uint16_t, kEndpoints> spill_head_{};
  std::array<std::uint32_t, kEndpoints> spills_seen_{};
  std::map<unsigned, std::deque<Message>> network_;  // by queue pair of the receiver
  std::array<unsigned, 64> cells_{};
  std::array<unsigned, kEndpoints> eager_{};
  std::deque<Ack> acks_;
  std::deque<Message> rx_;
  std::size_t rx_beat_ = 0;
  bool rx_shown_ = false;
  unsigned accept_ = 0;
  std::vector<Beat> tx_;
  std::deque<Read> reads_;
  std::size_t read_beat_ = 0;
  Write write_{};
  bool writing_ = false;
  std::deque<Landing> landings_;
  std::deque<Job> jobs_;
  std::deque<bool> storable_;
  std::array<unsigned, kEndpoints>
      under_way_{};  // messages that the device has accepted and is not done with
  std::map<std::pair<unsigned, std::uint32_t>, Descriptor> sends_;  // taken, not yet on the wire
  Descriptor last_taken_{};
  unsigned discarded_ = 0;
};

Descriptor send_desc(unsigned peer, unsigned context, std::uint32_t tag, std::uint64_t address,
                     std::uint32_t length, std::uint32_t cookie, std::uint32_t key);
Descriptor inline_desc(unsigned peer, unsigned context, std::uint32_t tag, std::uint32_t length,
                       std::uint32_t cookie);
Descriptor recv_desc(device::Opcode opcode, unsigned peer, unsigned context, std::uint32_t tag,
                     unsigned handle, std::uint64_t address, std::uint32_t length, std::uint32_t cookie,
                     std::uint32_t key);
device::MsgHeader header(device::PacketType type, unsigned context, unsigned from, unsigned to, std::uint32_t tag,
                         unsigned payload = 0);

}  // namespace tally::test
