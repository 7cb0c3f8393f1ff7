// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/device_counters.hpp"

#include <iterator>

#include "tally/device.hpp"
#include "tally/device_registers.hpp"

namespace tally::ring {

namespace {

constexpr std::uint32_t kRegisters[] = {
    device::global_reg::kCntMatchPosted,   device::global_reg::kCntMatchUnexpected,
    device::global_reg::kCntReducedBeats,  device::global_reg::kCntDmaReadBeats,
    device::global_reg::kCntDmaWriteBeats, device::global_reg::kCntTxPackets,
    device::global_reg::kCntRxPackets,     device::global_reg::kCntRetransmits,
    device::global_reg::kCntReadRetries,   device::global_reg::kCntTimeouts,
    device::global_reg::kCntRnrReceived,   device::global_reg::kCntIcrcErrors};

}  // namespace

bool DeviceCounters::read(Bar& bar) {
  static_assert(std::size(kRegisters) == kCount);
  for (int i = 0; i < kCount; ++i) {
    std::uint32_t value = 0;
    if (!bar.read32(kRegisters[i], &value)) return false;
    counters_[i].total += static_cast<std::uint32_t>(value - counters_[i].last);  // modulo 2^32
    counters_[i].last = value;
  }
  return true;
}

void DeviceCounters::start(Bar& bar) {
  (void)read(bar);
  for (Counter& counter : counters_) counter.total = 0;
}

void DeviceCounters::add(Bar& bar, tally_counters& counters) {
  if (bar.alive()) (void)read(bar);
  counters.device_matches_posted += counters_[0].total;
  counters.device_matches_unexpected += counters_[1].total;
  counters.device_reduced_bytes += counters_[2].total * device::kBeatBytes;
  counters.device_read_bytes += counters_[3].total * device::kBeatBytes;
  counters.device_written_bytes += counters_[4].total * device::kBeatBytes;
  counters.device_tx_packets += counters_[5].total;
  counters.device_rx_packets += counters_[6].total;
  counters.device_retransmits += counters_[7].total + counters_[8].total;
  counters.device_timeouts += counters_[9].total;
  counters.device_receiver_not_ready += counters_[10].total;
  counters.device_icrc_errors += counters_[11].total;
}

}  // namespace tally::ring
