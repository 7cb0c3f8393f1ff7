// SPDX-License-Identifier: BSD-3-Clause
#include "api/memory_cache.hpp"

#include <algorithm>

#include "api/boundary.hpp"

namespace tally::api {

namespace {

/// The smallest page of the machines that this runs on: a region of them is one of any larger pages' parts.
constexpr std::uintptr_t kPage = 4096;

std::uintptr_t first_of(const tally_memory& region) { return reinterpret_cast<std::uintptr_t>(region.base); }
std::uintptr_t end_of(const tally_memory& region) { return first_of(region) + region.length; }

}  // namespace

Status MemoryCache::register_all() {
  // Nothing is mapped at page 0, so that NULL stays what no region holds.
  const std::uintptr_t length = static_cast<std::uintptr_t>(engine_.capabilities().whole_memory) - kPage;
  auto region = std::make_unique<tally_memory>();
  region->endpoint = endpoint_;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): of the address space, not of an object
  region->base = reinterpret_cast<std::byte*>(kPage);
  region->length = length;
  Status status = engine_.register_memory(region->base, length, &region->key);
  if (status.ok()) all_ = std::move(region);
  return status;
}

Status MemoryCache::find(const void* buffer, std::size_t length, const tally_memory* keep,
                         std::size_t program_regions, tally_memory** region) {
  ++lookups_;
  if (last_ < entries_.size() && entries_[last_].region->holds(buffer, length)) {
    ++hits_;
    entries_[last_].used = lookups_;
    *region = entries_[last_].region.get();
    return {};
  }
  const auto address = reinterpret_cast<std::uintptr_t>(buffer);
  if (length > UINTPTR_MAX - kPage || address > UINTPTR_MAX - kPage - length || address < kPage) {
    return {TALLY_ERR_NOT_REGISTERED, fmt::format("[{}, +{}) is not memory of a program", buffer, length)};
  }
  const auto above = std::upper_bound(
      entries_.begin(), entries_.end(), address,
      [](std::uintptr_t wanted, const Entry& entry) { return wanted < first_of(*entry.region); });
  if (above != entries_.begin() && std::prev(above)->region->holds(buffer, length)) {
    ++hits_;
    last_ = static_cast<std::size_t>(std::prev(above) - entries_.begin());
    entries_[last_].used = lookups_;
    *region = entries_[last_].region.get();
    return {};
  }
  return add(address & ~(kPage - 1), (address + length + kPage - 1) & ~(kPage - 1), keep, program_regions,
             region);
}

Status MemoryCache::add(std::uintptr_t first, std::uintptr_t end, const tally_memory* keep,
                        std::size_t program_regions, tally_memory** out) {
  std::erase_if(replaced_, [&](const auto& region) { return ended(*region, keep); });
  const auto below = [](const Entry& entry, std::uintptr_t address) {
    return end_of(*entry.region) < address;
  };
  const auto from = std::lower_bound(entries_.begin(), entries_.end(), first, below);
  auto to = from;
  for (; to != entries_.end() && first_of(*to->region) <= end; ++to) {
    first = std::min(first, first_of(*to->region));
    end = std::max(end, end_of(*to->region));
  }
  // Those that it replaces and that are idle go first: their entries may be the ones that are needed.
  const auto gone = std::remove_if(from, to, [&](const Entry& entry) { return ended(*entry.region, keep); });
  auto busy = static_cast<std::size_t>(gone - from);
  auto place = static_cast<std::size_t>(from - entries_.begin());
  entries_.erase(gone, to);

  entries_.reserve(entries_.size() + 1);
  replaced_.reserve(replaced_.size() + busy);
  Entry made{std::make_unique<tally_memory>(), lookups_};
  made.region->endpoint = endpoint_;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a page of the program's buffer
  made.region->base = reinterpret_cast<std::byte*>(first);
  made.region->length = end - first;
  for (;;) {
    Status status = register_entry(*made.region, program_regions);
    if (status.ok()) break;
    if (status.code() != TALLY_ERR_NO_MEMORY) return status;
    std::size_t evicted = 0;
    if (!evict(keep, &evicted)) {
      // Operations under way will give entries back; what the program has registered itself stays.
      const bool will_end =
          std::any_of(entries_.begin(), entries_.end(),
                      [](const Entry& e) { return e.region->users != 0; }) ||
          std::any_of(replaced_.begin(), replaced_.end(), [](const auto& r) { return r->users != 0; });
      return will_end ? Status::again() : status;
    }
    if (evicted < place) {
      --place;
    } else if (evicted < place + busy) {
      --busy;
    }
  }
  ++misses_;
  for (std::size_t i = place; i < place + busy; ++i) replaced_.push_back(std::move(entries_[i].region));
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(place);
  entries_.erase(at, at + static_cast<std::ptrdiff_t>(busy));
  last_ = place;
  *out =
      entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(place), std::move(made))->region.get();
  return {};
}

Status MemoryCache::register_entry(tally_memory& region, std::size_t program_regions) {
  const std::size_t most = engine_.capabilities().memory_regions;
  if (most != 0 && entries_.size() + replaced_.size() + program_regions >= most) {
    return {TALLY_ERR_NO_MEMORY,
            fmt::format("engine '{}' registers at most {} memory regions, and all are in use",
                        engine_.capabilities().name, most)};
  }
  return engine_.register_memory(region.base, region.length, &region.key);
}

bool MemoryCache::ended(const tally_memory& region, const tally_memory* keep) {
  // The engine may use a region for a little longer than the operation: then it says so.
  return region.users == 0 && &region != keep && engine_.deregister_memory(region.key).ok();
}

bool MemoryCache::evict(const tally_memory* keep, std::size_t* evicted) {
  for (std::uint64_t after = 0;;) {  // by age; no two were used by the same look-up
    auto oldest = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->used > after && (oldest == entries_.end() || entry->used < oldest->used)) oldest = entry;
    }
    if (oldest == entries_.end()) return false;
    if (ended(*oldest->region, keep)) {
      *evicted = static_cast<std::size_t>(oldest - entries_.begin());
      entries_.erase(oldest);
      ++evictions_;
      return true;
    }
    after = oldest->used;
  }
}

}  // namespace tally::api
