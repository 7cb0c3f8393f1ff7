// SPDX-License-Identifier: BSD-3-Clause
// One device's rendezvous and READ units with host memory, region tables and packet queues, and a channel
// between several that loses, repeats and reorders packets.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "Vtally_read_bench.h"
#include "support/module_bench.hpp"
#include "support/seed.hpp"
#include "tally/device.hpp"

namespace tally::test {

enum ReadOpcode : unsigned { kRequest = 0x0C, kFirst = 0x0D, kMiddle = 0x0E, kLast = 0x0F, kOnly = 0x10, kAck = 0x11 };

/// TxInfo and RxInfo with the payload that follows.
struct Packet {
  unsigned opcode = 0;
  unsigned qp = 0;  ///< kind * 64 + endpoint * 16 + peer
  std::uint32_t psn = 0;
  unsigned syndrome = 0;
  std::uint32_t msn = 0;
  std::uint64_t va = 0;
  std::uint32_t rkey = 0;
  std::uint32_t dmalen = 0;
  std::vector<std::uint8_t> data;
};

/// A matched rendezvous.
struct Matched {
  unsigned ep = 0;
  unsigned source = 0;
  std::uint32_t tag = 0, context = 0, room = 0, length = 0;
  std::uint32_t cookie = 0, arrival = 0, key = 0;
  std::uint64_t addr = 0;
  std::uint32_t remote_cookie = 0, remote_key = 0, stamp = 0;
  std::uint64_t remote_addr = 0;
  bool by_command = false, unexpected = false;
};

struct DeviceConfig {
  unsigned pmtu = 4096;
  unsigned ready_percent = 100;  ///< of each handshake that the bench takes part in
  unsigned read_latency = 20;    ///< cycles from DMA command to first data
  std::uint32_t retry_timer = 4000;
  unsigned retry_limit = 7;
  unsigned ahead = 2;  ///< beats not yet taken with which the next packet's info is offered
  unsigned ranks = 0;  ///< rank of each endpoint, 4 bits each
  std::uint64_t seed = 1;
};

struct Counts {
  unsigned truncated = 0, rendezvous = 0, protection = 0, remote_protection = 0, retries = 0, timeouts = 0,
           naks_sent = 0, naks_received = 0, duplicates = 0, again = 0, qp_errors = 0;
};

class Device {
 public:
  static constexpr std::uint64_t kBase = 0x7'0000'0000;
  explicit Device(const DeviceConfig& config, std::size_t memory_bytes = 4u << 20);

  void connect(unsigned qp, bool up, std::uint32_t tx_psn, std::uint32_t rx_psn);
  void region(unsigned ep, std::uint32_t key, std::uint64_t base, std::uint64_t length) {
    regions_[key] = {ep, base, length};
  }
  void match(const Matched& matched) { (matched.by_command ? commands_ : arrivals_).push_back(matched); }
  void receive(const Packet& packet);
  /// One cycle.
  void step();

  std::vector<std::uint8_t> memory;
  std::uint8_t& at(std::uint64_t addr) { return memory.at(addr - kBase); }
  std::deque<Packet> sent;  ///< requests and answers, in order
  std::vector<device::MsgHeader> fins;
  std::vector<device::Cqe> completions, errors;
  std::vector<unsigned> completion_eps, error_eps, fin_eps;
  std::vector<std::uint64_t> job_cycles;  ///< cycles in which jobs started
  std::vector<std::uint64_t> sent_cycles;
  bool hold_fins = false;
  bool hold_writes = false;
  Counts counts;
  std::uint64_t cycle = 0;
  bool idle() { return top_->idle_o != 0; }
  bool room() { return top_->room_o != 0; }
  [[nodiscard]] bool quiet() const { return reads_.empty() && rresp_.empty() && rreq_.empty() && beats_.empty(); }

 private:
  struct Region {
    unsigned ep;
    std::uint64_t base, length;
  };
  struct Read {
    std::uint64_t due, addr;
    unsigned length, done;
  };
  bool allowed(unsigned ep, std::uint32_t key, std::uint64_t addr, std::uint64_t length) const;
  template <class Port>
  void put_matched(Port& port, const Matched& matched);
  template <class Port>
  Packet info(const Port& port, unsigned& bytes) const;
  bool go() { return random_.percent(config_.ready_percent); }

  DeviceConfig config_;
  Random random_;
  ModuleBench<Vtally_read_bench> bench_;
  Vtally_read_bench* top_;
  std::map<std::uint32_t, Region> regions_;
  std::deque<Matched> arrivals_, commands_;
  std::deque<Packet> rreq_, rresp_;
  std::deque<Beat> beats_;
  std::deque<Read> reads_;
  Packet answer_;  // the one whose beats are under way
  unsigned answer_left_ = 0, answer_bytes_ = 0;
  std::uint64_t write_addr_ = 0;
  unsigned write_left_ = 0, write_beats_ = 0;
};

struct ChannelConfig {
  unsigned lose = 0, repeat = 0, reorder = 0;  ///< percent
  unsigned latency = 200;                      ///< cycles
};

/// Devices of one job: rank r is endpoint r / devices of device r % devices.
class Job {
 public:
  Job(unsigned devices, unsigned ranks, const DeviceConfig& device, const ChannelConfig& channel);
  void connect_all(std::uint32_t first_psn);
  void step();
  [[nodiscard]] unsigned device_of(unsigned rank) const { return rank % count_; }
  [[nodiscard]] unsigned ep_of(unsigned rank) const { return rank / count_; }
  Device& operator[](unsigned index) { return *devices_[index]; }

  std::vector<bool> dead;  ///< devices whose packets all vanish
  std::uint64_t cycle = 0;
  unsigned lost = 0;
  [[nodiscard]] bool quiet() const;

 private:
  unsigned count_, ranks_;
  ChannelConfig channel_;
  Random random_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::multimap<std::uint64_t, std::pair<unsigned, Packet>> under_way_;
};

}  // namespace tally::test
