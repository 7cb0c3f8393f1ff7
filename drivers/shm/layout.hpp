// SPDX-License-Identifier: BSD-3-Clause
// The shared-memory transport's area in the job segment: one ring for each ordered pair of ranks, and a
// record a rank.
//
// A ring has one producer and one consumer and no lock. A frame is a cell, one cache line: the header, up to
// 32 bytes of payload, and a stamp that is stored last and says that the cell is filled in this lap of the
// ring. So a short message is one line that moves once. A longer payload stands in the data part of the ring,
// in one piece: where it would run over the end it begins at the start. Both sides work out where from the
// sizes of the frames alone. The consumer tells what it has taken only now and then, and before it sleeps.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/soft/transport.hpp"

namespace tally::shm {

inline constexpr std::uint64_t kCells = 256;             // power of two
inline constexpr std::uint64_t kDataBytes = 128u << 10;  // power of two
inline constexpr std::uint64_t kLine = 64;

struct alignas(64) Cell {
  std::atomic<std::uint32_t> stamp;  ///< of the lap in which it was filled last; written by the producer
  std::uint32_t reserved;
  soft::FrameHeader header;
  std::byte inline_payload[soft::kInlinePayload];
};
static_assert(sizeof(Cell) == 64);

struct alignas(4096) Ring {
  /// Cells and bytes of data taken since the start of the job; written by the consumer.
  alignas(128) std::atomic<std::uint64_t> cells_taken;
  std::atomic<std::uint64_t> data_taken;
  alignas(4096) Cell cells[kCells];
  alignas(4096) std::byte data[kDataBytes];
};
static_assert(sizeof(Ring) == 4096 + kCells * 64 + kDataBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

enum class Reach : std::uint8_t { kUnknown = 0, kYes = 1, kNo = 2 };
inline constexpr std::uint64_t kMark = 0x7461'6c6c'7921'0001;

struct alignas(1024) RankArea {
  std::atomic<std::int32_t> pid;  ///< whose memory the peers may reach; 0: not there yet
  std::uint64_t mark;             ///< address of kMark in that process
  /// Whether this rank reads the memory of others.
  alignas(64) std::atomic<Reach> reach[soft::kMaxRanks];
  alignas(64) soft::JointCopy joint[soft::kJointCopies];
};
static_assert(sizeof(RankArea) == 1024);

/// The stamp of cell number `cell` since the start of the job: another one than a lap before, and not 0 in
/// the first lap.
[[nodiscard]] constexpr std::uint32_t stamp(std::uint64_t cell) noexcept {
  return static_cast<std::uint32_t>(cell / kCells) + 1;
}

/// Bytes of the rings for a job of `ranks`; the ring from s to d is number s * ranks + d. RankAreas follow.
[[nodiscard]] constexpr std::uint64_t rings_bytes(std::uint32_t ranks) noexcept {
  return std::uint64_t{ranks} * ranks * sizeof(Ring);
}
/// Bytes of the area.
[[nodiscard]] constexpr std::uint64_t area_bytes(std::uint32_t ranks) noexcept {
  return rings_bytes(ranks) + ranks * sizeof(RankArea);
}

}  // namespace tally::shm
