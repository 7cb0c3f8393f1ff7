// SPDX-License-Identifier: BSD-3-Clause
// Links and one output-queued switch; every queue is finite and pushes back, so that frames are lost only where the
// configuration asks for it.
//
// A packet passes: the NIC's link queue; the link to the switch, which it starts on only when the output queue of its
// destination has room for all of it; the switch (cut-through); the output queue; the link to the NIC, which it starts
// on only when the NIC's receive buffer has room; the receive buffer. Order between two nodes is kept, except by
// impairments: those of both links act when a packet is in the switch; a lost one has occupied the sender's link and,
// if the receiver's link lost it, that one too.
#pragma once

#include <systemc>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <vector>

#include "sim/fabric/impair.hpp"
#include "sim/fabric/pcap.hpp"
#include "sim/fabric/timing.hpp"
#include "sim/nic_rtl/nic_model.hpp"

namespace tally::sim {

struct Packet {
  std::uint32_t bytes = 0;           // without frame overhead
  std::uint32_t beats = 0;
  unsigned source = 0, destination = 0;
  std::uint64_t first_ps = 0;        // first and last beat left the NIC
  std::uint64_t last_ps = 0;
  std::uint64_t tail_ps = 0;         // last bit left the sender's link
  std::uint64_t arrival_ps = 0;      // beat 0 is complete at the receiver
  std::uint32_t next = 0;            // beat to deliver
  std::uint64_t last_keep = 0;       // of the last beat
  bool lost = false;                 // by the link to the NIC
  alignas(64) std::array<std::byte, kMaxPacketBytes> data;
};

class PacketSink {
 public:
  virtual ~PacketSink() = default;
  /// Beat i is there at arrival_ps + i * (time of a beat on the link).
  virtual void deliver(std::unique_ptr<Packet> packet) = 0;
};

class Network final : public sc_core::sc_module {
 public:
  Network(const sc_core::sc_module_name& name, const Timing& timing, const FabricConfig& config, unsigned nodes);
  void connect(unsigned node, PacketSink& sink) { ports_[node].sink = &sink; }

  /// What the node's NIC sends and receives is written to this file.
  void capture(unsigned node, std::unique_ptr<PcapWriter> file) { ports_[node].pcap = std::move(file); }

  [[nodiscard]] std::unique_ptr<Packet> make_packet();
  void recycle(std::unique_ptr<Packet> packet) { spare_.push_back(std::move(packet)); }
  /// Room in the node's link queue for another beat, given the bytes of a packet that is being assembled.
  [[nodiscard]] bool room(unsigned node, std::uint32_t assembling) const {
    return ports_[node].queued_bytes + assembling + kBeatBytes <= timing_.nic_queue_bytes;
  }
  /// A complete packet enters its source's link queue.
  void send(std::unique_ptr<Packet> packet);
  /// The NIC has taken the last beat.
  void received(std::unique_ptr<Packet> packet);

  [[nodiscard]] std::uint64_t bytes_sent(unsigned node) const { return ports_[node].bytes_sent; }
  [[nodiscard]] std::uint64_t bytes_received(unsigned node) const { return ports_[node].bytes_received; }
  [[nodiscard]] Impairment::Counts impaired(unsigned node) const;
  [[nodiscard]] std::uint64_t beat_ps(std::uint32_t beats) const {
    return timing_.link_ps(std::size_t{beats} * kBeatBytes);
  }

 private:
  enum class Kind { kLinkFree, kAtSwitch, kLateIn, kLateOut, kOutputFree };
  struct Event {
    std::uint64_t time;
    std::uint64_t serial;  // ties: in the order in which they were made
    Kind kind;
    unsigned node;
    bool operator>(const Event& other) const {
      return time != other.time ? time > other.time : serial > other.serial;
    }
  };
  struct Port {
    PacketSink* sink = nullptr;
    // NIC to switch
    std::deque<std::unique_ptr<Packet>> queue;       // link queue, waiting
    std::uint32_t queued_bytes = 0;                  // waiting and on the wire
    bool link_busy = false;
    std::uint32_t link_bytes = 0;                    // of the packet on the wire
    bool blocked = false;                            // the head waits for room in an output queue
    std::uint64_t link_free = 0;
    std::deque<std::unique_ptr<Packet>> to_switch;   // on the wire and in the switch, in order
    // switch to NIC
    std::deque<std::unique_ptr<Packet>> output;
    std::uint32_t output_bytes = 0;                  // reserved: on the way to, in and leaving the queue
    bool output_busy = false;
    std::uint32_t leaving_bytes = 0;
    std::deque<unsigned> waiting;                    // sources whose head waits for room here
    std::uint32_t receive_bytes = 0;                 // reserved in the NIC's receive buffer
    std::uint64_t bytes_sent = 0, bytes_received = 0;
    // Impairments of the link to the switch and of that from it, and the packets that each holds back, in order.
    Impairment in, out;
    std::deque<std::unique_ptr<Packet>> late_in, late_out;
    std::unique_ptr<PcapWriter> pcap;

    Port(const FabricConfig& config, unsigned node) : in(config, 2ull * node), out(config, 2ull * node + 1) {}
  };

  [[nodiscard]] static std::uint64_t now() { return sc_core::sc_time_stamp().value(); }
  void at(std::uint64_t time, Kind kind, unsigned node);
  void run();
  [[nodiscard]] std::unique_ptr<Packet> copy(const Packet& packet);
  void capture(const Packet& packet, unsigned node);
  void release_output(unsigned node, std::uint32_t bytes);
  void from_link(std::unique_ptr<Packet> packet);
  void to_link(std::unique_ptr<Packet> packet);
  void to_output(std::unique_ptr<Packet> packet);
  void start_link(unsigned node);
  void start_output(unsigned node);

  const Timing& timing_;
  std::vector<Port> ports_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t serial_ = 0;
  sc_core::sc_event due_;
  std::vector<std::unique_ptr<Packet>> spare_;
  bool reported_ = false;
};

}  // namespace tally::sim
