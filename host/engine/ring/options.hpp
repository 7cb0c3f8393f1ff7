// SPDX-License-Identifier: BSD-3-Clause
// What a ring engine is made with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "tally/device.hpp"

namespace tally::ring {

/// Where a rank is on the network. The queue pair of kind k that it has for rank r has the number qpn_base[k]
/// + r.
struct Address {
  std::uint64_t mac = 0;                    ///< as a big-endian number, 48 bits
  std::uint32_t ip = 0;                     ///< as a big-endian number
  std::array<std::uint32_t, 3> qpn_base{};  ///< by QpKind
};

/// The address of endpoint `endpoint` of the simulated device `node`.
[[nodiscard]] constexpr Address simulated_address(std::uint32_t node, std::uint32_t endpoint = 0) {
  Address address;
  address.mac = (std::uint64_t{device::kMacPrefix} << 16) | (node & 0xffff);
  address.ip = device::kIpPrefix + node + 1;
  for (std::uint32_t kind = 0; kind < 3; ++kind)
    address.qpn_base[kind] = device::kQpnBase + kind * 64 + endpoint * 16;
  return address;
}

struct RingEngineOptions {
  static constexpr std::uint32_t kWholePacket = 0xffffffff;

  // the driver
  unsigned sq_log2 = 10;            ///< submission ring entries, log2: 1 to 15 (see SubmissionRing)
  unsigned cq_log2 = 12;            ///< completion ring entries, log2: 0 to 15
  std::uint32_t operations = 8192;  ///< operations under way, held ones included; more is TALLY_AGAIN
  /// Longest Input of a collective that the CPU stores into the device with the doorbell, bytes; 0: none.
  std::uint32_t push_max = device::kOperandSlotBytes;
  /// The device's DMA reaches the process by its addresses, whatever is mapped below this one; 0: it does not.
  std::uint64_t whole_memory = 0;
  /// A rank whose device cannot take messages yet, or -1: sends and collectives are held until then. Empty:
  /// none.
  std::function<int()> awaited_rank = {};

  // the wire: equal on all ranks of a job
  std::uint32_t mtu = device::kMtu;  ///< 256, 512, 1024, 2048 or 4096
  /// Long data of collectives as RDMA WRITE, in packets of the whole mtu where that is at least 1024; false: as
  /// SEND, in packets of mtu - 64, as peers behind verbs need it.
  bool coll_write = true;
  std::uint32_t eager_max =
      kWholePacket;  ///< longest eager message, bytes: 0 to mtu - 64, or kWholePacket for that
  std::uint32_t retry_timer = 4096;     ///< cycles
  std::uint32_t retry_limit = 7;        ///< tries after timeouts, 0 to 255
  std::uint32_t rnr_limit = 7;          ///< tries after RNR NAKs, 0 to 7; 7: no limit
  std::vector<Address> addresses = {};  ///< of each rank; empty: rank r is endpoint 0 of simulated device r

  // this endpoint's share of the device
  unsigned endpoint = 0;
  unsigned endpoints = 1;  ///< endpoints of the device that are in use, for the send windows
  bool bring_up_device =
      true;  ///< write the registers that all endpoints share, and report the device's counters
  std::uint32_t first_posted = 0;  ///< the first of the posted entries
  std::uint32_t posted = 0;        ///< posted entries; 0: all from first_posted on
  std::uint32_t unexpected = device::kUnexpectedEntries;
  std::uint32_t bounce = 256;     ///< bounce slots, 0 to BounceSlots
  unsigned spill_log2 = 8;        ///< spill slots, log2: 0 to 12
  std::size_t memory_offset = 0;  ///< of its part of Bar::shared_memory(), a multiple of 4096
  std::size_t memory_bytes = 0;   ///< 0: all from memory_offset on
};

}  // namespace tally::ring
