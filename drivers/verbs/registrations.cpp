// SPDX-License-Identifier: BSD-3-Clause
#include "drivers/verbs/registrations.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace tally::verbs {
namespace {

bool overlap(const Region& region, std::uintptr_t first, std::uintptr_t end) noexcept {
  return region.first < end && first < region.end;
}

}  // namespace

Keep keep_of_environment() {
  const char* text = std::getenv("TALLY_VERBS_REGISTRATIONS");
  const std::string_view wanted = text == nullptr || *text == '\0' ? "auto" : text;
  if (wanted == "auto") return Keep::kAuto;
  if (wanted == "operation") return Keep::kNever;
  if (wanted == "keep") return Keep::kAlways;
  throw Error(fmt::format("TALLY_VERBS_REGISTRATIONS: '{}' is unknown; there are: auto, operation, keep", wanted));
}

Registrations::Registrations(const Device& device, Keep keep) : device_(device) {
  if (keep == Keep::kAlways) {
    keeps_ = true;
    policy_ = "keep";
  } else if (keep == Keep::kAuto && device.on_demand_paging()) {
    keeps_ = true;
    on_demand_ = true;
    policy_ = "on-demand paging";
  } else if (keep == Keep::kAuto) {
    watch_ = AddressWatch::create();
    keeps_ = watch_ != nullptr;
    if (keeps_) policy_ = "userfaultfd";
  }
}

Region* Registrations::acquire(const void* base, std::size_t bytes, bool writable) noexcept {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  if (watch_ != nullptr) take_changes();
  ++lookups_;
  const auto address = reinterpret_cast<std::uintptr_t>(base);
  for (std::size_t i = regions_.size(); i-- != 0;) {
    Region& region = *regions_[i];
    if (region.stale || address < region.first || address + bytes > region.end || (writable && !region.writable))
      continue;
    if (region.users++ == 0) {
      --idle_;
      idle_bytes_ -= region.end - region.first;
    }
    region.used = lookups_;
    if (i + 1 != regions_.size()) std::swap(regions_[i], regions_.back());
    ++hits_;
    return &region;
  }
  ++misses_;
  auto made = std::make_unique<Region>();
  made->first = address & ~(page - 1);
  made->end = (address + bytes + page - 1) & ~(page - 1);
  made->users = 1;
  made->used = lookups_;
  // Watched before it is pinned: a change in between is seen. What cannot be watched lives for this operation.
  made->stale = !keeps_ || (watch_ != nullptr && !watch_->add(made->first, made->end));
  const int on_demand = on_demand_ ? IBV_ACCESS_ON_DEMAND : 0;
  // NOLINTNEXTLINE(performance-no-int-to-ptr): a page of the program's buffer
  void* first = reinterpret_cast<void*>(made->first);
  const std::size_t length = made->end - made->first;
  for (int tries = 0; made->memory == nullptr; ++tries) {
    made->writable = true;
    made->memory =
        device_.try_register(first, length, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | on_demand);
    if (made->memory == nullptr && !writable) {
      made->writable = false;  // constants of the program
      made->memory = device_.try_register(first, length, IBV_ACCESS_REMOTE_READ | on_demand);
    }
    if (made->memory != nullptr) break;
    if (idle_ == 0 || tries > 1) return nullptr;
    while (idle_ != 0) evict();  // what the process may lock may be used up by what nobody uses
  }
  regions_.push_back(std::move(made));
  return regions_.back().get();
}

void Registrations::release(Region* region) noexcept {
  if (--region->users != 0) return;
  ++idle_;
  idle_bytes_ += region->end - region->first;
  if (region->stale) {
    const auto at = std::find_if(regions_.begin(), regions_.end(), [&](const auto& r) { return r.get() == region; });
    drop(static_cast<std::size_t>(at - regions_.begin()));
    return;
  }
  while (idle_ > kMostIdle || (idle_bytes_ > kMostIdleBytes && idle_ > 1)) evict();
}

void Registrations::drop(std::size_t at) noexcept {
  Region& region = *regions_[at];
  --idle_;
  idle_bytes_ -= region.end - region.first;
  if (watch_ != nullptr && !region.stale) {
    // A range that others share stays watched.
    const bool shared = std::any_of(regions_.begin(), regions_.end(), [&](const auto& other) {
      return other.get() != &region && !other->stale && overlap(*other, region.first, region.end);
    });
    if (!shared) watch_->remove(region.first, region.end);
  }
  std::swap(regions_[at], regions_.back());
  regions_.pop_back();
}

void Registrations::evict() noexcept {
  std::size_t oldest = regions_.size();
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    if (regions_[i]->users != 0) continue;
    if (oldest == regions_.size() || regions_[i]->used < regions_[oldest]->used) oldest = i;
  }
  drop(oldest);
}

void Registrations::take_changes() noexcept {
  watch_->changes(&changed_);
  if (changed_.empty()) return;
  for (const auto& [first, end] : changed_) {
    for (const auto& region : regions_) {
      if (overlap(*region, first, end)) region->stale = true;
    }
  }
  for (std::size_t i = regions_.size(); i-- != 0;) {
    if (regions_[i]->stale && regions_[i]->users == 0) drop(i);
  }
}

}  // namespace tally::verbs
