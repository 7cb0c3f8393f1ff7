// SPDX-License-Identifier: BSD-3-Clause
#include "engine/ring/regions.hpp"

#include "tally/device_registers.hpp"

namespace tally::ring {

namespace {

constexpr std::uint32_t kValid = 1u << 31;
constexpr std::uint32_t kTagMask = (1u << 21) - 1;

}  // namespace

/// MrKey without its valid bit: what a descriptor calls its key.
std::uint32_t RegionTable::word_of(std::size_t entry) const {
  return regions_[entry].tag << 10 | endpoint_ << 8 | static_cast<std::uint32_t>(entry);
}

std::uint32_t RegionTable::offset(std::uint32_t ep_register) const {
  return ep_register + endpoint_ * device::kEndpointPage;
}

const RegionTable::Region* RegionTable::find(std::uint32_t key) const {
  const std::uint32_t entry = key & 0xff;
  if (entry >= regions_.size()) return nullptr;
  const Region& region = regions_[entry];
  return region.valid && key == word_of(entry) ? &region : nullptr;
}

Status RegionTable::add(const void* base, std::size_t length, std::uint32_t* key) {
  const auto address = reinterpret_cast<std::uintptr_t>(base);
  if (base == nullptr) return {TALLY_ERR_ARGUMENT, "base is NULL"};
  if (length == 0) return {TALLY_ERR_ARGUMENT, "length is 0"};
  if (address + length < address) return {TALLY_ERR_ARGUMENT, "base + length is beyond the address space"};
  std::size_t entry = 0;
  while (entry < regions_.size() && regions_[entry].valid) ++entry;
  if (entry == regions_.size()) {
    return {TALLY_ERR_NO_MEMORY, "the device registers at most " + std::to_string(device::kMrEntries) +
                                     " memory regions, and all are in use"};
  }
  Region& region = regions_[entry];
  region.tag = (region.tag + 1) & kTagMask;
  const std::uint32_t word = word_of(entry);
  Status status = registers_.write64(offset(device::ep_reg::kMrBaseLo), address);
  if (status.ok()) status = registers_.write64(offset(device::ep_reg::kMrLenLo), length);
  if (status.ok()) status = registers_.write(offset(device::ep_reg::kMrKey), kValid | word);
  if (!status.ok()) return status;
  region.valid = true;
  region.base = address;
  region.length = length;
  region.users = 0;
  *key = word;
  return {};
}

Status RegionTable::remove(std::uint32_t key) {
  if (find(key) == nullptr) {
    return {TALLY_ERR_ARGUMENT, "key " + std::to_string(key) + " names no region that is registered"};
  }
  Region& region = regions_[key & 0xff];
  if (region.users > 0) {
    return {TALLY_ERR_BUSY, std::to_string(region.users) + " operation(s) under way use the region"};
  }
  // The region is gone for the driver even if a device that has failed cannot be told.
  region.valid = false;
  return registers_.write(offset(device::ep_reg::kMrKey), key);
}

void RegionTable::remove_all() {
  for (std::size_t entry = 0; entry < regions_.size(); ++entry) {
    Region& region = regions_[entry];
    if (!region.valid) continue;
    region.valid = false;
    if (!registers_.write(offset(device::ep_reg::kMrKey), word_of(entry)).ok()) return;
  }
}

bool RegionTable::covers(std::uint32_t key, const void* base, std::uint64_t length) const {
  if (length == 0) return true;
  const Region* region = find(key);
  const auto address = reinterpret_cast<std::uintptr_t>(base);
  return region != nullptr && address >= region->base && length <= region->length &&
         address - region->base <= region->length - length;
}

}  // namespace tally::ring
