// SPDX-License-Identifier: BSD-3-Clause
#include "api/remote_key.hpp"

#include <cstring>

#include "api/boundary.hpp"

namespace tally::api {
namespace {

constexpr std::uint32_t kMagic = 0x314b4c54;  // "TLK1"

// FNV-1a, 64 bits (Fowler, Noll, Vo).
std::uint64_t checksum(const RemoteKey& key) noexcept {
  unsigned char bytes[offsetof(RemoteKey, check)];
  std::memcpy(bytes, &key, sizeof bytes);
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

}  // namespace

void write_key(const RemoteKey& key, tally_remote_key* out) noexcept {
  RemoteKey whole = key;
  whole.magic = kMagic;
  whole.check = checksum(whole);
  std::memcpy(out->bytes, &whole, sizeof whole);
}

Status read_key(const tally_remote_key& key, RemoteKey* out) {
  RemoteKey read;
  std::memcpy(&read, key.bytes, sizeof read);
  if (read.magic != kMagic || read.check != checksum(read))
    return bad_argument("key is not one of tally_memory_export, or not the whole of it has arrived");
  *out = read;
  return {};
}

}  // namespace tally::api
