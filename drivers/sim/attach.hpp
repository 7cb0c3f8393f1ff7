// SPDX-License-Identifier: BSD-3-Clause
// The attach protocol between a rank and the simulated device's fabric, in the job segment's sim area.
//
// One Window a rank. The rank is producer of `mmio` and consumer of what the device writes in its `memory`; the fabric
// is the other side. Sizes and units: bytes; times: picoseconds of simulated time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tally::sim {

inline constexpr std::uint32_t kMmioEntries = 1024;       // power of two
inline constexpr std::size_t kSharedBytes = 8u << 20;     // rings, bounce and spill slots
inline constexpr std::size_t kStagingBytes = 64u << 10;   // one DMA request at most
/// The device reaches a rank's memory by the rank's addresses below this: user space of x86-64, and of arm64 as far as mapped.
inline constexpr std::uint64_t kProcessMemoryEnd = std::uint64_t{1} << 47;

enum class MmioKind : std::uint32_t { kWrite32 = 0, kWrite64Bytes = 1, kRead32 = 2 };

/// One register access. Writes are posted; a read is answered in Window::read_*.
struct alignas(64) MmioEntry {
  MmioKind kind;
  std::uint32_t offset;
  std::uint8_t pad[56];
  std::uint8_t data[64];
};
static_assert(sizeof(MmioEntry) == 128);

/// A DMA access that the rank performs for the fabric where process_vm_readv/writev is forbidden.
/// state: 0 free, 1 requested by the fabric, 2 done, 3 failed (bad address).
struct alignas(64) StagingRequest {
  std::atomic<std::uint32_t> state;
  std::uint32_t write;         ///< 1: window -> rank memory, 0: rank memory -> window
  std::uint64_t address;       ///< in the rank
  std::uint32_t length;
};

struct alignas(4096) Window {
  // written by the rank at attach
  std::atomic<std::int32_t> pid;             ///< set last: the rank is there
  std::uint64_t probe_address;               ///< rank address of a 64-bit word ...
  std::uint64_t probe_value;                 ///< ... that holds this: the fabric tries direct access with it
  std::uint64_t memory_address;              ///< where the rank has mapped `memory`
  // written by the fabric
  std::atomic<std::uint32_t> attached;       ///< 1: served, direct DMA; 2: served, staging
  std::atomic<std::uint64_t> staged_bytes;
  // rank -> fabric register accesses
  alignas(64) std::atomic<std::uint32_t> mmio_tail;  ///< producer: rank
  alignas(64) std::atomic<std::uint32_t> mmio_head;  ///< consumer: fabric
  alignas(64) std::atomic<std::uint32_t> read_done;  ///< raised by one with each answered read; futex
  std::uint32_t read_value;
  StagingRequest staging;                    ///< futex on staging.state
  MmioEntry mmio[kMmioEntries];
  alignas(4096) std::byte staging_data[kStagingBytes];
  alignas(4096) std::byte memory[kSharedBytes];
};

/// Head of the sim area; the windows follow, one a rank.
struct alignas(4096) Area {
  std::atomic<std::uint32_t> doorbell;       ///< futex: raised by ranks after each mmio entry
  std::atomic<std::uint32_t> fabric_sleeping;
  std::atomic<std::uint64_t> now_ps;         ///< simulated time, published by the fabric
};

}  // namespace tally::sim
