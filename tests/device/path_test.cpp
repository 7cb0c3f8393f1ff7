// SPDX-License-Identifier: BSD-3-Clause
// Cycles between the pins of a device in an allreduce of 8 bytes: doorbell, relay of a packet, completion.
// One fabric a process: one test case.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "device/raw_host.hpp"
#include "sim/nic_rtl/nic_rtl.hpp"

namespace {

using namespace tally::device;
using tally::sim::NicInputs;
using tally::sim::NicOutputs;
using tally::test::Place;
using tally::test::RawHost;

constexpr unsigned kSendOnly = 0x04;

/// Cycles of what went over the pins. Frames: data of collectives alone.
struct Seen {
  std::vector<std::uint64_t> doorbells, sent, received, writes;  // first beat sent, last beat received
};

/// A device that tells what goes over its pins.
class Probe final : public tally::sim::NicModel {
 public:
  Probe(unsigned node, Seen& seen) : model_(tally::sim::make_rtl_nic(node, "")), seen_(seen) {}

  void settle(const NicInputs& in, NicOutputs& out) override {
    model_->settle(in, out);
    if (!in.rst_n) return;
    const std::uint64_t cycle = in.cycle;
    if (in.window_w_valid && out.window_w_ready) seen_.doorbells.push_back(cycle);
    if (out.tx_valid && in.tx_ready) {
      if (tx_first_ && collective(out.tx_data)) seen_.sent.push_back(cycle);
      tx_first_ = out.tx_last;
    }
    if (in.rx_valid && out.rx_ready) {
      if (rx_first_) rx_collective_ = collective(in.rx_data);
      if (in.rx_last && rx_collective_) seen_.received.push_back(cycle);
      rx_first_ = in.rx_last;
    }
    if (out.dma_w_valid && in.dma_w_ready) seen_.writes.push_back(cycle);
  }
  void edge() override { model_->edge(); }

 private:
  /// A SEND to a Coll queue pair with more than a message header: no credits (docs/wire.md).
  static bool collective(const std::uint32_t* beat) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(beat);
    const unsigned qp = (unsigned{bytes[47]} << 16 | unsigned{bytes[48]} << 8 | bytes[49]) - kQpnBase;
    const unsigned udp = unsigned{bytes[38]} << 8 | bytes[39];  // UDP 8, BTH 12, payload, ICRC 4
    return bytes[42] == kSendOnly && qp >> 6 == 1 && udp > 24 + kMsgHeaderBytes;
  }

  std::unique_ptr<tally::sim::NicModel> model_;
  Seen& seen_;
  bool tx_first_ = true, rx_first_ = true, rx_collective_ = false;
};

TEST(Path, relay_of_a_packet_and_completion_take_their_cycles) {
  constexpr unsigned kRanks = 4;
  std::vector<Seen> seen(kRanks);
  tally::sim::Fabric fabric({}, kRanks, [&](unsigned node, const std::string&) {
    return std::make_unique<Probe>(node, seen[node]);
  });
  std::vector<Place> places;
  std::vector<std::uint16_t> everyone;
  for (unsigned r = 0; r < kRanks; ++r) {
    places.push_back({r, 0});
    everyone.push_back(static_cast<std::uint16_t>(r));
  }
  std::vector<std::unique_ptr<RawHost>> hosts;
  std::vector<double> memory(1024 * kRanks);
  const auto schedule = tally::schedule::allreduce_recursive_doubling_fused(kRanks);
  std::vector<CollDesc> descriptors;
  for (unsigned r = 0; r < kRanks; ++r) {
    hosts.push_back(std::make_unique<RawHost>(fabric, places, r));
    double* mine = &memory[1024 * r];
    mine[0] = r + 1;
    CollDesc d{};
    d.opcode = static_cast<std::uint8_t>(Opcode::kCollective);
    d.dtype = static_cast<std::uint8_t>(Dtype::kF64);
    d.redop = static_cast<std::uint8_t>(Redop::kSum);
    d.schedule = 8;
    d.signature = tally::schedule::signature(schedule);
    d.count = 1;
    // The operand stands in the descriptor: no packet waits for a read of memory.
    d.flags = kCollFlagInline;
    std::memcpy(reinterpret_cast<std::uint8_t*>(&d) + offsetof(CollDesc, input_key), mine, sizeof(double));
    d.output_addr = reinterpret_cast<std::uint64_t>(mine + 256);
    d.scratch_addr = reinterpret_cast<std::uint64_t>(mine + 512);
    d.output_key = d.scratch_key = hosts[r]->add_region(mine, 8192, 5);
    d.chunk_bytes = 8;
    hosts[r]->load(tally::schedule::compile(schedule, static_cast<int>(r), everyone), 8);
    descriptors.push_back(d);
  }
  fabric.run_for(40'000'000);
  for (auto& each : seen) each = {};
  for (unsigned r = 0; r < kRanks; ++r) hosts[r]->post(descriptors[r], true);
  fabric.run_for(20'000'000);
  std::vector<std::uint64_t> relays;
  for (unsigned r = 0; r < kRanks; ++r) {
    SCOPED_TRACE(r);
    hosts[r]->poll();
    ASSERT_EQ(hosts[r]->completions.size(), 1u);
    EXPECT_EQ(hosts[r]->completions[0].status, 0);
    EXPECT_EQ(memory[1024 * r + 256], 10.0);
    const Seen& s = seen[r];
    ASSERT_EQ(s.doorbells.size(), 1u);  // 64 bytes in one cycle
    ASSERT_EQ(s.received.size(), 2u);
    ASSERT_EQ(s.sent.size(), 2u);
    ASSERT_GE(s.writes.size(), 2u);  // at the end the result and the completion
    // The packet of the second step leaves after that of the first has come.
    const auto relay = std::find_if(s.sent.begin(), s.sent.end(), [&](auto at) { return at > s.received[0]; });
    ASSERT_NE(relay, s.sent.end());
    const auto completion = s.writes.back(), result = s.writes[s.writes.size() - 2];
    std::printf("rank %u: last beat of a packet to first beat of its relay %llu cycles, last packet to completion on "
                "the bus %llu (result %llu)\n",
                r, static_cast<unsigned long long>(*relay - s.received[0]),
                static_cast<unsigned long long>(completion - s.received[1]),
                static_cast<unsigned long long>(result - s.received[1]));
    EXPECT_LE(completion - s.received[1], 28u);
    EXPECT_LE(completion - result, 6u);
    relays.push_back(*relay - s.received[0]);
  }
  // "Packet in to reduced packet out" at the pins of the device. A rank whose partner was earlier waited for its own start.
  EXPECT_LE(*std::min_element(relays.begin(), relays.end()), 32u);
  EXPECT_LE(*std::max_element(relays.begin(), relays.end()), 40u);
}

}  // namespace
