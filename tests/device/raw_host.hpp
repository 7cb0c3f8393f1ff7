// SPDX-License-Identifier: BSD-3-Clause
// A scripted host that drives a device by its registers and rings alone, without the driver: the device is tested for
// itself against docs/device.md.
#pragma once

#include <cstring>
#include <deque>
#include <span>
#include <stdexcept>
#include <vector>

#include "engine/ring/bar.hpp"
#include "schedule/schedule.hpp"
#include "sim/fabric/fabric.hpp"
#include "tally/device.hpp"
#include "tally/device_registers.hpp"

namespace tally::test {

/// Where an endpoint of a job stands.
struct Place {
  unsigned node = 0;
  unsigned ep = 0;
};

/// Ring and table sizes, and transport parameters, of an endpoint and its device.
struct RawOptions {
  unsigned sq_log2 = 6, cq_log2 = 8, spill_log2 = 4;
  unsigned posted = 256, unexpected = 256, bounce = 32;
  unsigned pmtu = device::kMtu;
  bool coll_write = true;  ///< long data of collectives as RDMA WRITE
  unsigned eager_max = 0;  ///< 0: pmtu - MsgHeaderBytes
  std::uint32_t retry_timer = 0, retry_limits = 0;  ///< 0: as after reset
};

class RawHost {
 public:
  static constexpr std::size_t kEndpointBytes = 1u << 20;
  static constexpr std::size_t kCqOffset = 64u << 10, kBounceOffset = 128u << 10, kSpillOffset = 640u << 10;

  /// Endpoint places[rank] of a job of places.size() ranks. The first endpoint of a device brings it up.
  RawHost(sim::Fabric& fabric, const std::vector<Place>& places, unsigned rank, const RawOptions& options = {})
      : fabric_(fabric), bar_(fabric.local_bar(places[rank].node)), options_(options), ep_(places[rank].ep) {
    using namespace device;
    const unsigned node = places[rank].node;
    const std::uint64_t mac = mac_of(node);
    write(global_reg::kMacLo, static_cast<std::uint32_t>(mac));
    write(global_reg::kMacHi, static_cast<std::uint32_t>(mac >> 32));
    write(global_reg::kIp, ip_of(node));
    write(global_reg::kPmtu, options.pmtu);
    write(global_reg::kEagerMax, options.eager_max != 0 ? options.eager_max : options.pmtu - kMsgHeaderBytes);
    if (options.retry_timer != 0) write(global_reg::kRetryTimer, options.retry_timer);
    if (options.retry_limits != 0) write(global_reg::kRetryLimits, options.retry_limits);
    write(global_reg::kEpPosted0 + 4 * ep_, options.posted << 16 | ep_ * options.posted);
    write(global_reg::kEpUnexpected0 + 4 * ep_, options.unexpected);
    write(global_reg::kEpBounce0 + 4 * ep_, options.bounce);
    write(global_reg::kControl, options.coll_write ? 3 : 1);
    const auto base = reinterpret_cast<std::uint64_t>(memory().data());
    write64(reg(ep_reg::kSqBaseLo), base);
    write(reg(ep_reg::kSqLog2), options.sq_log2);
    write64(reg(ep_reg::kCqBaseLo), base + kCqOffset);
    write(reg(ep_reg::kCqLog2), options.cq_log2);
    write64(reg(ep_reg::kBounceLo), base + kBounceOffset);
    write64(reg(ep_reg::kSpillLo), base + kSpillOffset);
    write(reg(ep_reg::kSpillLog2), options.spill_log2);
    write(reg(ep_reg::kRank), rank);
    write(reg(ep_reg::kRanks), static_cast<std::uint32_t>(places.size()));
    for (unsigned kind = 0; kind < 3; ++kind)
      for (unsigned peer = 0; peer < places.size(); ++peer) {
        write(global_reg::kQpIndex, kind * 64 + ep_ * 16 + peer);
        const std::uint64_t remote = mac_of(places[peer].node);
        write(global_reg::kQpMacLo, static_cast<std::uint32_t>(remote));
        write(global_reg::kQpMacHi, static_cast<std::uint32_t>(remote >> 32));
        write(global_reg::kQpIp, ip_of(places[peer].node));
        write(global_reg::kQpQpn, kQpnBase + kind * 64 + places[peer].ep * 16 + rank);
        // Close to the end of the PSN space, so that every test crosses it.
        write(global_reg::kQpTxPsn, 0xfffffd);
        write(global_reg::kQpRxPsn, 0xfffffd);
        write(global_reg::kQpControl, 1);
      }
    write(reg(ep_reg::kEnable), 1);
  }

  /// After the endpoint was disabled: empty rings, then enabled again.
  void begin_again() {
    std::memset(memory().data(), 0, kBounceOffset);
    completions.clear();
    tail_ = 0;
    head_ = 0;
    write(reg(device::ep_reg::kCqHead), 0);
    write(reg(device::ep_reg::kEnable), 1);
  }

  static std::uint64_t mac_of(unsigned node) { return std::uint64_t{device::kMacPrefix} << 16 | node; }
  static std::uint32_t ip_of(unsigned node) { return device::kIpPrefix + node + 1; }

  /// Register of this endpoint's page.
  [[nodiscard]] std::uint32_t reg(std::uint32_t ep_register) const {
    return ep_register + ep_ * device::kEndpointPage;
  }
  /// Memory that this endpoint shares with the device: submission ring, completion ring, bounce and spill slots.
  [[nodiscard]] std::span<std::byte> memory() { return bar_.shared_memory().subspan(ep_ * kEndpointBytes, kEndpointBytes); }
  [[nodiscard]] std::span<const std::byte> spill_slot(unsigned slot) {
    return memory().subspan(kSpillOffset + std::size_t{slot} * device::kSpillSlotBytes, device::kSpillSlotBytes);
  }

  void write(std::uint32_t reg, std::uint32_t value) {
    while (!bar_.write32(reg, value)) fabric_.run_for(100'000);
  }
  void write64(std::uint32_t reg, std::uint64_t value) {
    write(reg, static_cast<std::uint32_t>(value));
    write(reg + 4, static_cast<std::uint32_t>(value >> 32));
  }
  std::uint32_t read(std::uint32_t reg) {
    std::uint32_t value = 0;
    if (!bar_.read32(reg, &value)) throw std::runtime_error("device does not answer");
    return value;
  }

  /// Registers memory as entry `index`; returns the key.
  std::uint32_t add_region(const void* base, std::size_t bytes, unsigned index, unsigned tag = 1) {
    const std::uint32_t key = tag << 10 | ep_ << 8 | index;
    write64(reg(device::ep_reg::kMrBaseLo), reinterpret_cast<std::uint64_t>(base));
    write64(reg(device::ep_reg::kMrLenLo), bytes);
    write(reg(device::ep_reg::kMrKey), 0x80000000u | key);
    return key;
  }
  void drop_region(std::uint32_t key) { write(reg(device::ep_reg::kMrKey), key); }

  /// Stores a descriptor in the ring; by_window: rings the doorbell with the descriptor itself.
  template <typename Desc>
  void post(const Desc& desc, bool by_window) {
    static_assert(sizeof desc == 64);
    std::byte* entry = memory().data() + 64u * (tail_ & ((1u << options_.sq_log2) - 1));
    std::memcpy(entry, &desc, 64);
    ++tail_;
    if (by_window) {
      std::span<const std::byte, 64> bytes(reinterpret_cast<const std::byte*>(&desc), 64);
      while (!bar_.write64bytes(reg(device::ep_reg::kDesc0), bytes)) fabric_.run_for(100'000);
    } else {
      write(reg(device::ep_reg::kSqTail), tail_);
    }
  }

  /// Takes new completions.
  void poll() {
    for (;;) {
      device::Cqe cqe;
      const unsigned entries = 1u << options_.cq_log2;
      std::memcpy(&cqe, memory().data() + kCqOffset + 32u * (head_ % entries), sizeof cqe);
      if ((cqe.phase & 1u) != (head_ / entries % 2 == 0 ? 1u : 0u)) return;
      completions.push_back(cqe);
      ++head_;
      if (!bar_.write32(reg(device::ep_reg::kCqHead), head_ & 0xffff)) return;
    }
  }

  /// Loads one rank's program at `address` of schedule memory.
  void load(const schedule::Program& program, unsigned address) {
    device::ScheduleHeader header{};
    header.lanes = static_cast<std::uint8_t>(program.lanes.size());
    std::uint16_t* lengths[] = {&header.lane0_len, &header.lane1_len, &header.lane2_len, &header.lane3_len};
    for (std::size_t l = 0; l < program.lanes.size(); ++l)
      *lengths[l] = static_cast<std::uint16_t>(program.lanes[l].size());
    header.scratch_chunks = program.scratch_chunks;
    header.chunks = program.max_chunk_bytes != 0 ? program.chunks : std::uint16_t{0};
    header.input_chunks = program.uses_input ? program.input_chunks : 0xffff;
    header.output_chunks = program.uses_output ? program.output_chunks : 0xffff;
    std::size_t own_lane = 0;
    write(device::global_reg::kSchedAddr, address);
    store(&header);
    for (const schedule::Lane& lane : program.lanes) {
      for (const schedule::Instruction& i : lane) {
        device::Instr instr{};
        instr.op = static_cast<std::uint8_t>(i.op);
        instr.flags = i.has_dep ? device::kInstrFlagHasDep : std::uint8_t{0};
        instr.src_buf = static_cast<std::uint8_t>(i.src_buf);
        instr.dst_buf = static_cast<std::uint8_t>(i.dst_buf);
        instr.src_chunk = i.src_chunk;
        instr.dst_chunk = i.dst_chunk;
        instr.chunks = i.chunks;
        instr.size_chunk = i.size_chunk;
        instr.send_peer = static_cast<std::uint16_t>(i.send_peer < 0 ? 0 : i.send_peer);
        instr.recv_peer = static_cast<std::uint16_t>(i.recv_peer < 0 ? 0 : i.recv_peer);
        instr.dep_lane = i.dep_lane;
        instr.dep_step = i.dep_step;
        instr.send_lane = static_cast<std::uint8_t>(schedule::target_lane(i, own_lane));
        store(&instr);
      }
      ++own_lane;
    }
  }

  std::deque<device::Cqe> completions;

 private:
  void store(const void* entry) {
    std::uint32_t words[8];
    std::memcpy(words, entry, sizeof words);
    for (unsigned w = 0; w < 8; ++w) write(device::global_reg::kSchedData0 + 4 * w, words[w]);
  }

  sim::Fabric& fabric_;
  ring::Bar& bar_;
  RawOptions options_;
  unsigned ep_;
  std::uint16_t tail_ = 0;
  std::uint32_t head_ = 0;
};

}  // namespace tally::test
