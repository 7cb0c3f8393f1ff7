// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fabric/network.hpp"

#include <algorithm>
#include <cstdio>
#include <span>
#include <utility>

namespace tally::sim {

using sc_core::sc_time;

Network::Network(const sc_core::sc_module_name& name, const Timing& timing, const FabricConfig& config,
                 unsigned nodes)
    : sc_module(name), timing_(timing) {
  ports_.reserve(nodes);
  for (unsigned node = 0; node < nodes; ++node) ports_.emplace_back(config, node);
  SC_HAS_PROCESS(Network);
  SC_METHOD(run);
  sensitive << due_;
  dont_initialize();
}

std::unique_ptr<Packet> Network::make_packet() {
  if (spare_.empty()) return std::make_unique<Packet>();
  auto packet = std::move(spare_.back());
  spare_.pop_back();
  packet->bytes = packet->beats = packet->next = 0;
  packet->lost = false;
  return packet;
}

std::unique_ptr<Packet> Network::copy(const Packet& packet) {
  auto twin = make_packet();
  *twin = packet;
  return twin;
}

void Network::capture(const Packet& packet, unsigned node) {
  if (ports_[node].pcap) ports_[node].pcap->write(now(), std::span(packet.data).first(packet.bytes));
}

Impairment::Counts Network::impaired(unsigned node) const {
  const Impairment::Counts& in = ports_[node].in.counts();
  const Impairment::Counts& out = ports_[node].out.counts();
  return {in.lost + out.lost, in.duplicated + out.duplicated, in.reordered + out.reordered,
          in.corrupted + out.corrupted};
}

void Network::at(std::uint64_t time, Kind kind, unsigned node) {
  events_.push({time, serial_++, kind, node});
  due_.notify(sc_time::from_value(time - now()));
}

void Network::run() {
  while (!events_.empty() && events_.top().time <= now()) {
    const Event event = events_.top();
    events_.pop();
    Port& port = ports_[event.node];
    switch (event.kind) {
      case Kind::kLinkFree:
        port.link_busy = false;
        port.queued_bytes -= std::exchange(port.link_bytes, 0);
        start_link(event.node);
        break;
      case Kind::kAtSwitch: {
        auto packet = std::move(port.to_switch.front());
        port.to_switch.pop_front();
        from_link(std::move(packet));
        break;
      }
      case Kind::kLateIn: {
        auto packet = std::move(port.late_in.front());
        port.late_in.pop_front();
        to_link(std::move(packet));
        break;
      }
      case Kind::kLateOut: {
        auto packet = std::move(port.late_out.front());
        port.late_out.pop_front();
        to_output(std::move(packet));
        break;
      }
      case Kind::kOutputFree:
        port.output_busy = false;
        release_output(event.node, std::exchange(port.leaving_bytes, 0));
        start_output(event.node);
        break;
    }
  }
  if (!events_.empty()) due_.notify(sc_time::from_value(events_.top().time - now()));
}

void Network::release_output(unsigned node, std::uint32_t bytes) {
  Port& port = ports_[node];
  port.output_bytes -= bytes;
  // First come, first served: who still finds no room waits again, behind the others.
  const std::size_t waiting = port.waiting.size();
  for (std::size_t i = 0; i < waiting; ++i) {
    const unsigned source = port.waiting.front();
    port.waiting.pop_front();
    start_link(source);
  }
}

/// A packet has crossed its source's link. Room in the output queue is reserved; a copy takes what it needs on top.
void Network::from_link(std::unique_ptr<Packet> packet) {
  const unsigned source = packet->source;
  Port& port = ports_[source];
  const Impairment::Fate fate = port.in.cross();
  if (fate.lost) {
    release_output(packet->destination, packet->bytes);
    recycle(std::move(packet));
    return;
  }
  if (fate.duplicated) {
    ports_[packet->destination].output_bytes += packet->bytes;
    to_link(copy(*packet));
  }
  if (fate.corrupted) port.in.corrupt(std::span(packet->data).first(packet->bytes));
  if (fate.held) {
    port.late_in.push_back(std::move(packet));
    at(now() + timing_.reorder, Kind::kLateIn, source);
  } else {
    to_link(std::move(packet));
  }
}

/// A packet is about to cross its destination's link.
void Network::to_link(std::unique_ptr<Packet> packet) {
  const unsigned node = packet->destination;
  Port& port = ports_[node];
  const Impairment::Fate fate = port.out.cross();
  packet->lost = fate.lost;
  if (fate.duplicated) {
    port.output_bytes += packet->bytes;
    to_output(copy(*packet));
  }
  if (fate.corrupted) port.out.corrupt(std::span(packet->data).first(packet->bytes));
  if (fate.held) {
    port.late_out.push_back(std::move(packet));
    at(now() + timing_.reorder, Kind::kLateOut, node);
  } else {
    to_output(std::move(packet));
  }
}

void Network::to_output(std::unique_ptr<Packet> packet) {
  const unsigned node = packet->destination;
  ports_[node].output.push_back(std::move(packet));
  start_output(node);
}

void Network::send(std::unique_ptr<Packet> packet) {
  Port& port = ports_[packet->source];
  capture(*packet, packet->source);
  if (packet->destination >= ports_.size()) {
    if (!std::exchange(reported_, true)) {
      std::fprintf(stderr, "tally fabric: rank %u: packet to node %u dropped: there are %zu nodes\n", packet->source,
                   packet->destination, ports_.size());
    }
    recycle(std::move(packet));
    return;
  }
  port.queued_bytes += packet->bytes;
  port.queue.push_back(std::move(packet));
  if (port.queue.size() == 1) start_link(port.queue.back()->source);
}

void Network::start_link(unsigned node) {
  Port& port = ports_[node];
  if (port.link_busy || port.queue.empty()) return;
  Packet& packet = *port.queue.front();
  Port& out = ports_[packet.destination];
  if (out.output_bytes + packet.bytes > timing_.queue_bytes) {
    port.blocked = true;
    if (std::find(out.waiting.begin(), out.waiting.end(), node) == out.waiting.end()) out.waiting.push_back(node);
    return;
  }
  out.output_bytes += packet.bytes;
  const std::uint64_t frame = timing_.link_ps(packet.bytes + timing_.overhead);
  // The NIC's link sends while the packet is still coming in: its start may lie before the last beat, its end not.
  const std::uint64_t start = std::exchange(port.blocked, false) ? std::max(now(), packet.first_ps)
                                                                 : std::max(port.link_free, packet.first_ps);
  const std::uint64_t last_beat = timing_.link_ps(std::min(packet.bytes, kBeatBytes) + timing_.overhead);
  packet.tail_ps = std::max(start + frame, packet.last_ps + last_beat);
  port.link_free = packet.tail_ps;
  port.link_busy = true;
  port.link_bytes = packet.bytes;
  port.bytes_sent += packet.bytes + timing_.overhead;
  const std::uint64_t at_switch = std::max(now(), start + timing_.link + timing_.switching);
  port.to_switch.push_back(std::move(port.queue.front()));
  port.queue.pop_front();
  at(port.link_free, Kind::kLinkFree, node);
  at(at_switch, Kind::kAtSwitch, node);
}

void Network::start_output(unsigned node) {
  Port& port = ports_[node];
  if (port.output_busy || port.output.empty()) return;
  const bool lost = port.output.front()->lost;
  if (!lost && port.receive_bytes + port.output.front()->bytes > timing_.queue_bytes) return;  // received() comes back
  auto packet = std::move(port.output.front());
  port.output.pop_front();
  port.leaving_bytes = packet->bytes;
  port.output_busy = true;
  const std::uint64_t end = std::max(now() + timing_.link_ps(packet->bytes + timing_.overhead),
                                     packet->tail_ps + timing_.link + timing_.switching);
  at(end, Kind::kOutputFree, node);
  if (lost) {
    recycle(std::move(packet));
    return;
  }
  port.receive_bytes += packet->bytes;
  port.bytes_received += packet->bytes + timing_.overhead;
  const std::uint64_t tail = end + timing_.link;
  const std::uint64_t after_first = beat_ps(packet->beats - 1);
  packet->arrival_ps = tail > now() + after_first ? tail - after_first : now();
  port.sink->deliver(std::move(packet));
}

void Network::received(std::unique_ptr<Packet> packet) {
  const unsigned node = packet->destination;
  capture(*packet, node);
  ports_[node].receive_bytes -= packet->bytes;
  recycle(std::move(packet));
  start_output(node);
}

}  // namespace tally::sim
