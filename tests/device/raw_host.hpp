// SPDX-License-Identifier: BSD-3-Clause
// A scripted host that drives a device by its registers and rings alone, without the driver: the device is tested for
// itself against docs/device.md.
#pragma once

#include <cstring>
#include <deque>
#include <stdexcept>
#include <vector>

#include "engine/ring/bar.hpp"
#include "schedule/schedule.hpp"
#include "sim/fabric/fabric.hpp"
#include "tally/device.hpp"

namespace tally::test {

class RawHost {
 public:
  static constexpr unsigned kSqLog2 = 6, kCqLog2 = 8;
  static constexpr std::size_t kCqOffset = 64u << kSqLog2, kBounceOffset = 65536;

  RawHost(sim::Fabric& fabric, unsigned node, unsigned nodes) : fabric_(fabric), bar_(fabric.local_bar(node)) {
    using namespace device;
    write(global_reg::kNode, node);
    write(global_reg::kNodes, nodes);
    const auto base = reinterpret_cast<std::uint64_t>(bar_.shared_memory().data());
    write64(ep_reg::kSqBaseLo, base);
    write(ep_reg::kSqLog2, kSqLog2);
    write64(ep_reg::kCqBaseLo, base + kCqOffset);
    write(ep_reg::kCqLog2, kCqLog2);
    write64(ep_reg::kBounceLo, base + kBounceOffset);
    write(global_reg::kControl, 1);
    write(ep_reg::kEnable, 1);
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
    const std::uint32_t key = tag << 8 | index;
    write64(device::ep_reg::kMrBaseLo, reinterpret_cast<std::uint64_t>(base));
    write64(device::ep_reg::kMrLenLo, bytes);
    write(device::ep_reg::kMrKey, 0x80000000u | key);
    return key;
  }

  /// Stores a descriptor in the ring; by_window: rings the doorbell with the descriptor itself.
  template <typename Desc>
  void post(const Desc& desc, bool by_window) {
    static_assert(sizeof desc == 64);
    std::byte* entry = bar_.shared_memory().data() + 64u * (tail_ & ((1u << kSqLog2) - 1));
    std::memcpy(entry, &desc, 64);
    ++tail_;
    if (by_window) {
      std::span<const std::byte, 64> bytes(reinterpret_cast<const std::byte*>(&desc), 64);
      while (!bar_.write64bytes(device::ep_reg::kDesc0, bytes)) fabric_.run_for(100'000);
    } else {
      write(device::ep_reg::kSqTail, tail_);
    }
  }

  /// Takes new completions.
  void poll() {
    for (;;) {
      device::Cqe cqe;
      const unsigned entries = 1u << kCqLog2;
      std::memcpy(&cqe, bar_.shared_memory().data() + kCqOffset + 32u * (head_ % entries), sizeof cqe);
      if ((cqe.phase & 1u) != (head_ / entries % 2 == 0 ? 1u : 0u)) return;
      completions.push_back(cqe);
      ++head_;
      if (!bar_.write32(device::ep_reg::kCqHead, head_ & 0xffff)) return;
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
    write(device::global_reg::kSchedAddr, address);
    store(&header);
    for (const schedule::Lane& lane : program.lanes)
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
        store(&instr);
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
  std::uint16_t tail_ = 0;
  std::uint32_t head_ = 0;
};

}  // namespace tally::test
