// SPDX-License-Identifier: BSD-3-Clause
#include "rtl_seq/cluster.hpp"

namespace tally::test {

Cluster::Cluster(unsigned nodes, const Timing& timing, std::uint64_t seed)
    : timing_(timing), random_(seed), arrivals_(nodes) {
  for (unsigned i = 0; i < nodes; ++i) nodes_.push_back(std::make_unique<Node>(i, timing, seed * 31 + i));
}

void Cluster::cycle() {
  for (unsigned i = 0; i < size(); ++i) nodes_[i]->cycle(arrivals_[i]);
  for (unsigned i = 0; i < size(); ++i) {
    for (Packet& packet : nodes_[i]->take_sent()) {
      const unsigned dst = packet.header().dst_rank;
      if (dst >= size()) std::abort();
      const std::uint64_t jitter = timing_.jitter == 0 ? 0 : random_() % timing_.jitter;
      wire_[i][dst].push_back({now_ + timing_.wire_latency + jitter, std::move(packet)});
    }
  }
  const unsigned first = static_cast<unsigned>(random_() % size());
  for (unsigned k = 0; k < size(); ++k) {
    const unsigned src = (first + k) % size();
    for (unsigned dst = 0; dst < size(); ++dst) {
      auto& flights = wire_[src][dst];
      while (!flights.empty() && flights.front().due <= now_) {
        arrivals_[dst].push_back(std::move(flights.front().packet));
        flights.pop_front();
      }
    }
  }
  ++now_;
}

bool Cluster::run_until(const std::function<bool()>& done, std::uint64_t limit) {
  for (std::uint64_t i = 0; i < limit; ++i) {
    if (done()) return true;
    cycle();
  }
  return done();
}

bool Cluster::quiet() const {
  for (const auto& node : nodes_) {
    if (!node->idle()) return false;
  }
  for (const auto& arrivals : arrivals_) {
    if (!arrivals.empty()) return false;
  }
  for (const auto& from : wire_) {
    for (const auto& to : from) {
      if (!to.empty()) return false;
    }
  }
  return true;
}

bool Cluster::run_to_completions(std::size_t each) {
  return run_until([&] {
    for (const auto& node : nodes_) {
      if (node->completions.size() < each) return false;
    }
    return quiet();
  });
}

unsigned load_program(Node& node, unsigned entry, const Loaded& program) {
  const auto& lanes = program.lanes;
  device::ScheduleHeader header{};
  header.lanes = static_cast<std::uint8_t>(lanes.size());
  const auto length = [&](std::size_t lane) {
    return static_cast<std::uint16_t>(lane < lanes.size() ? lanes[lane].size() : 0);
  };
  header.lane0_len = length(0);
  header.lane1_len = length(1);
  header.lane2_len = length(2);
  header.lane3_len = length(3);
  header.scratch_chunks = static_cast<std::uint16_t>(program.scratch_chunks);
  header.chunks = program.pass_chunks;
  header.input_chunks = program.input_chunks;
  header.output_chunks = program.output_chunks;
  if (program.sizes) {
    header.flags = static_cast<std::uint8_t>(device::kHeaderFlagSizes);
    header.input_bytes = program.input_bytes;
    header.output_bytes = program.output_bytes;
    header.scratch_bytes = program.scratch_bytes;
  }
  node.write_schedule(entry++, &header);
  for (std::size_t l = 0; l < lanes.size(); ++l) {
    for (const auto& from : lanes[l]) {
      device::Instr to{};
      to.op = static_cast<std::uint8_t>(from.op);
      to.flags = static_cast<std::uint8_t>((from.has_dep ? device::kInstrFlagHasDep : 0u) |
                                           (from.by_bytes ? device::kInstrFlagByBytes : 0u));
      to.src_buf = static_cast<std::uint8_t>(from.src_buf);
      to.dst_buf = static_cast<std::uint8_t>(from.dst_buf);
      to.src_chunk = from.src_chunk;
      to.dst_chunk = from.dst_chunk;
      to.chunks = from.chunks;
      to.size_chunk = from.size_chunk;
      to.send_peer = static_cast<std::uint16_t>(from.send_peer);
      to.recv_peer = static_cast<std::uint16_t>(from.recv_peer);
      to.dep_lane = from.dep_lane;
      to.dep_step = from.dep_step;
      to.send_lane = static_cast<std::uint8_t>(schedule::target_lane(from, program.send_lane[l]));
      to.src_offset = from.src_offset;
      to.dst_offset = from.dst_offset;
      to.bytes = from.bytes;
      node.write_schedule(entry++, &to);
    }
  }
  return entry;
}

void add_regions(Node& node) {
  node.add_region(kInputKey, kInputAddr, 0x100000 - 0x100);
  node.add_region(kOutputKey, kOutputAddr, 0x100000 - 0x100);
  node.add_region(kScratchKey, kScratchAddr, 0x100000 - 0x100);
}

device::CollDesc make_desc(std::uint16_t context, std::uint16_t seq, device::Dtype dtype, device::Redop redop,
                           std::uint32_t count, std::uint32_t element_bytes, std::uint32_t chunks, unsigned entry,
                           bool in_place) {
  device::CollDesc desc{};
  desc.opcode = static_cast<std::uint8_t>(device::Opcode::kCollective);
  desc.dtype = static_cast<std::uint8_t>(dtype);
  desc.context_id = context;
  desc.seq = seq;
  desc.redop = static_cast<std::uint8_t>(redop);
  desc.schedule = static_cast<std::uint16_t>(entry);
  desc.signature = 0x5a5a;
  desc.count = count;
  desc.input_addr = in_place ? kOutputAddr : kInputAddr;
  desc.input_key = in_place ? kOutputKey : kInputKey;
  desc.output_addr = kOutputAddr;
  desc.output_key = kOutputKey;
  desc.scratch_addr = kScratchAddr;
  desc.scratch_key = kScratchKey;
  desc.chunk_bytes = static_cast<std::uint32_t>(schedule::chunk_bytes(count, element_bytes, chunks));
  desc.cookie = 0xC0000000u | std::uint32_t{context} << 16 | seq;
  return desc;
}

}  // namespace tally::test
