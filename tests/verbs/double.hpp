// SPDX-License-Identifier: BSD-3-Clause
// A double of libibverbs within a process: devices on one network, whose calls are the table that drivers/verbs
// takes. It checks what real devices check (states, keys, ranges, inline sizes, queue depths) and counts what
// they would suffer in silence (RNR NAKs), and fails on demand.
//
// One thread at a time, or calls from several under the double's own lock. What is posted arrives when the
// requester's or the responder's queue is polled.
#pragma once

#include <infiniband/verbs.h>

#include <cstdint>
#include <string>

#include "drivers/verbs/library.hpp"

namespace tally::test {

/// A device of the double, with one Ethernet port. The next open_device() of its name opens it.
struct DoubleLimits {
  int max_srq_wr = 4096;
  int max_cqe = 1 << 16;
  unsigned max_inline = 256;
  ibv_port_state state = IBV_PORT_ACTIVE;
  bool infiniband = false;
};

/// What went on since reset().
struct DoubleCounts {
  std::uint64_t rnr = 0;      ///< a SEND found no receive buffer
  std::uint64_t misuse = 0;   ///< a call that a real device refuses or that corrupts: each also says what on stderr
  std::uint64_t sends = 0;
  std::uint64_t reads = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t lost_datagrams = 0;
  std::uint64_t registrations = 0;
  std::uint64_t live_registrations = 0;
};

/// The network: no devices, no faults.
void double_reset();
/// Adds a device. Devices are named by the caller: "dbl0", ...
void double_add_device(const std::string& name, const DoubleLimits& limits = {});
[[nodiscard]] const verbs::Library& double_library();
[[nodiscard]] DoubleCounts double_counts();
/// Of the next `count` datagrams none arrives.
void double_lose_datagrams(unsigned count);
/// The next work request of this opcode on any reliable queue pair ends with `status`, and its queue pair fails.
void double_fail_next(ibv_wr_opcode opcode, ibv_wc_status status);
/// Whatever goes to a queue pair of this device is not answered any more: retries are exceeded. As when its process dies.
void double_silence(const std::string& name);
/// registrations of more than so many bytes in all are refused with ENOMEM; 0: none.
void double_limit_memory(std::uint64_t bytes);
/// Reports an event of the device (port, device, queues).
void double_event(const std::string& name, ibv_event_type type);

}  // namespace tally::test
