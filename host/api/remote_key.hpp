// SPDX-License-Identifier: BSD-3-Clause
// The content of a tally_remote_key: what names an exported region to other ranks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/engine.hpp"
#include "tally/tally.h"

namespace tally::api {

/// Native byte order: ranks of one job are of one kind of processor. The bytes come from other processes: what the checksum and
/// the job's number do not rule out, the rank that exported the region checks against its own table.
struct RemoteKey {
  std::uint32_t magic = 0;
  std::uint16_t rank = 0;  ///< of the job, that exported the region
  std::uint8_t access = 0;  ///< TALLY_ACCESS_*
  std::uint8_t low_address = 0;  ///< of the region's base: its three low bits
  std::uint64_t job = 0;
  std::uint64_t nonce = 0;  ///< of this export
  std::uint64_t length = 0;  ///< bytes of the region
  std::uint32_t number = 0;  ///< in the rank's table of exports
  std::uint32_t reserved = 0;
  std::uint64_t engine[2] = {};  ///< for an engine that reaches regions by a key of its own
  std::uint64_t check = 0;  ///< of the bytes before
};
static_assert(sizeof(RemoteKey) == sizeof(tally_remote_key));

/// Sets magic and check.
void write_key(const RemoteKey& key, tally_remote_key* out) noexcept;
/// TALLY_ERR_ARGUMENT where the bytes are no key that a library of this version has written.
Status read_key(const tally_remote_key& key, RemoteKey* out);

}  // namespace tally::api
