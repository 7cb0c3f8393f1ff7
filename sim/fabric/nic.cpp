// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fabric/nic.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace tally::sim {

using sc_core::sc_time;

namespace {

constexpr unsigned kResetCycles = 8;
constexpr std::uint32_t kEthernetHeader = 14;
// The clock stops after this many cycles in which the NIC was idle and nothing was handed over: an idle output that is
// a register shows the work of a cycle in the next one.
constexpr unsigned kQuietCycles = 3;

}  // namespace

Nic::Nic(const sc_core::sc_module_name& name, const Timing& timing, unsigned node, std::unique_ptr<NicModel> model,
         HostMemory& memory, Network& network)
    : sc_module(name),
      timing_(timing),
      node_(node),
      model_(std::move(model)),
      network_(network),
      pcie_(timing, node, memory),
      period_(sc_time::from_value(timing.period)) {
  SC_HAS_PROCESS(Nic);
  SC_METHOD(tick);
  SC_METHOD(host);
  sensitive << host_due_;
  dont_initialize();
  network_.connect(node, *this);
  reset();
}

void Nic::reset() {
  // Before time 0: reset costs no simulated time and is not counted.
  in_.rst_n = false;
  for (unsigned i = 0; i < kResetCycles; ++i) {
    model_->settle(in_, out_);
    model_->edge();
  }
  in_.rst_n = true;
}

void Nic::wake_at(std::uint64_t time) {
  if (!asleep_) return;  // the next edge looks at all inputs
  const std::uint64_t edge = std::max(timing_.edge(std::max(time, now())), next_edge_);
  wake_.notify(sc_time::from_value(edge - now()));
}

void Nic::issue(MmioKind kind, std::uint32_t offset, std::span<const std::byte> data) {
  pcie_.issue(now(), kind, offset, data);
  wake_at(now() + timing_.mmio_write);
}

void Nic::deliver(std::unique_ptr<Packet> packet) {
  const std::uint64_t arrival = packet->arrival_ps;
  receiving_.push_back(std::move(packet));
  wake_at(arrival);
}

void Nic::host() {
  pcie_.run_host(now());
  const std::uint64_t next = pcie_.next_host();
  if (next != kNever) host_due_.notify(sc_time::from_value(next - now()));
}

std::uint64_t Nic::next_input() const {
  std::uint64_t next = pcie_.next_device();
  if (!receiving_.empty() && !refused_) {
    const Packet& packet = *receiving_.front();
    next = std::min(next, packet.arrival_ps + network_.beat_ps(packet.next));
  }
  return next;
}

void Nic::tick() {
  const std::uint64_t time = now();
  if (std::exchange(asleep_, false)) wake_.cancel();
  if (time < next_edge_) {
    next_trigger(sc_time::from_value(next_edge_ - time));
    return;
  }
  next_edge_ = time + timing_.period;
  ++cycles_;

  pcie_.run_host(time);  // what is due at this edge is there before it
  in_.time_ps = time;
  in_.cycle = static_cast<std::uint32_t>(time / timing_.period);
  pcie_.drive(time, in_);
  in_.tx_ready = network_.room(node_, sending_ ? sending_->bytes : 0);
  in_.rx_valid = false;
  if (!receiving_.empty()) {
    const Packet& packet = *receiving_.front();
    in_.rx_valid = packet.arrival_ps + network_.beat_ps(packet.next) <= time;
    in_.rx_last = packet.next + 1 == packet.beats;
    in_.rx_keep = in_.rx_last ? packet.last_keep : ~std::uint64_t{0};
    in_.rx_data =
        reinterpret_cast<const std::uint32_t*>(packet.data.data() + std::size_t{packet.next} * kBeatBytes);
  }
  model_->settle(in_, out_);

  bool work = pcie_.take(time, in_, out_);
  if (out_.tx_valid && in_.tx_ready) {
    take_tx(time);
    work = true;
  }
  // An idle NIC changes only with an input. One that goes on refusing a packet for the quiet cycles does so until
  // another input comes; the packet itself is an input when it is shown first.
  const bool shown = in_.rx_valid && !std::exchange(refused_, in_.rx_valid && !out_.rx_ready);
  if (in_.rx_valid && out_.rx_ready) {
    take_rx();
    work = true;
  }
  model_->edge();

  const std::uint64_t host_next = pcie_.next_host();
  if (host_next != kNever) host_due_.notify(sc_time::from_value(host_next - time));

  quiet_ = work || shown || !out_.idle || out_.tx_valid ? 0 : quiet_ + 1;
  const std::uint64_t next = next_input();
  if (quiet_ < kQuietCycles || next <= next_edge_) {
    next_trigger(period_);
    return;
  }
  asleep_ = true;
  if (next == kNever) {
    next_trigger(wake_);
  } else {
    next_trigger(sc_time::from_value(timing_.edge(next) - time), wake_);
  }
}

void Nic::take_tx(std::uint64_t time) {
  if (!sending_) {
    sending_ = network_.make_packet();
    sending_->source = node_;
    sending_->first_ps = time;
  }
  Packet& packet = *sending_;
  const auto bytes = static_cast<std::uint32_t>(std::popcount(out_.tx_keep));
  const bool contiguous = bytes == kBeatBytes || out_.tx_keep == (std::uint64_t{1} << bytes) - 1;
  if (bytes == 0 || !contiguous || (!out_.tx_last && bytes != kBeatBytes)) {
    throw std::runtime_error("NIC " + std::to_string(node_) + ": protocol fault: AXI4-Stream tkeep has gaps");
  }
  if (packet.bytes + kBeatBytes > kMaxPacketBytes) {
    throw std::runtime_error("NIC " + std::to_string(node_) + ": protocol fault: packet without an end");
  }
  std::memcpy(packet.data.data() + packet.bytes, out_.tx_data, kBeatBytes);
  packet.bytes += bytes;
  ++packet.beats;
  if (!out_.tx_last) return;
  if (packet.bytes < kEthernetHeader) {
    throw std::runtime_error("NIC " + std::to_string(node_) + ": protocol fault: packet without an Ethernet header");
  }
  packet.last_keep = out_.tx_keep;
  packet.last_ps = time;
  // The node id is in the last two bytes of the destination MAC address.
  packet.destination = (std::to_integer<unsigned>(packet.data[4]) << 8) | std::to_integer<unsigned>(packet.data[5]);
  network_.send(std::move(sending_));
}

void Nic::take_rx() {
  Packet& packet = *receiving_.front();
  if (++packet.next < packet.beats) return;
  auto done = std::move(receiving_.front());
  receiving_.pop_front();
  network_.received(std::move(done));
}

}  // namespace tally::sim
