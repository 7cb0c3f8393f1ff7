// SPDX-License-Identifier: BSD-3-Clause
// What goes over the network: parcels, each one libfabric message.
//
// A data parcel holds frames of the soft engine (transport.hpp), one behind the other, each padded to 8
// bytes: what is committed between two flushes travels together. Between two ranks data parcels are numbered
// from 0. A sender has at most kWindow of them on the way: it may send number n when the receiver has taken n
// - kWindow + 1 of them; how many it has taken stands in each parcel that goes the other way, and in a
// kCredit of its own where none does.
//
// All fields are in the byte order of the hosts, which must be the same: Card::order tells (handshake, before
// any parcel).
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/soft/transport.hpp"

namespace tally::ofi {

/// Data parcels on the way from one rank to another.
inline constexpr std::uint32_t kWindow = 32;  // power of two

enum class ParcelKind : std::uint8_t {
  kData = 1,
  kCredit = 2,   ///< nothing but Parcel::taken
  kBye = 3,      ///< the sender leaves; `number`: data parcels that it has sent
  kByeSeen = 4,  ///< answer to it: all of these have come
  kPing = 5,     ///< whether the way is still there
  kFailed = 6,   ///< the job has failed at the sender's host
  kBroken = 7,   ///< a context is broken: payload BrokenNote
};

struct Parcel {
  std::uint64_t job = 0;     ///< drawn by rank 0: what is of another job is dropped
  std::uint32_t number = 0;  ///< kData, kBye
  std::uint32_t taken = 0;   ///< data parcels of the receiver that the sender has done with
  std::uint16_t source = 0;
  ParcelKind kind = ParcelKind::kData;
  std::uint8_t reserved = 0;
  std::uint32_t bytes = 0;  ///< behind this head
};
static_assert(sizeof(Parcel) == 24);

/// Bytes of a frame in a parcel.
[[nodiscard]] constexpr std::uint32_t frame_bytes(std::uint32_t payload) noexcept {
  return static_cast<std::uint32_t>(sizeof(soft::FrameHeader)) + (payload + 7) / 8 * 8;
}

inline constexpr std::uint32_t kParcelBytes = 8256;
inline constexpr std::uint32_t kParcelRoom = kParcelBytes - sizeof(Parcel);
static_assert(frame_bytes(soft::kMaxPayload) <= kParcelRoom && kParcelBytes % 64 == 0);

struct BrokenNote {
  std::uint32_t context;
  std::uint32_t rank;
  char reason[240];
};

/// What a rank tells the others through the launcher.
struct Card {
  static constexpr std::uint64_t kMagic = 0x31306966'6f6c6174;  // "taloif01"
  static constexpr std::uint32_t kOrder = 0x01020304;
  std::uint64_t magic = kMagic;
  std::uint32_t order = kOrder;
  std::uint16_t pointer_bytes = sizeof(void*);
  std::uint8_t remote_reads = 0;
  std::uint8_t address_bytes = 0;
  std::uint64_t key = 0;
  std::uint64_t job = 0;
  char provider[40] = {};
  char address[128] = {};
};
static_assert(sizeof(Card) == 200);

}  // namespace tally::ofi
