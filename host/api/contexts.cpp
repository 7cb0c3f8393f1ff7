// SPDX-License-Identifier: BSD-3-Clause
#include "api/contexts.hpp"

#include <algorithm>
#include <bit>

namespace tally::api {

static_assert(kGroupContexts == job::kMaxContexts);

namespace {

std::uint32_t host_of(std::uint32_t context, std::uint32_t hosts) noexcept {
  if (hosts == 1 || context % 2 != 0) return 0;
  return 1 + context / 2 % (hosts - 1);
}

}  // namespace

ContextPool::ContextPool(std::span<std::atomic<std::uint64_t>> taken, std::uint32_t host,
                         std::uint32_t hosts) noexcept
    : taken_(taken) {
  if (hosts == 1) return;
  // Each process of the host sets the same bits, before it takes any.
  for (std::uint32_t word = 0; word < taken_.size(); ++word) {
    std::uint64_t others = 0;
    for (std::uint32_t bit = 0; bit < 64; ++bit) {
      if (host_of(word * 64 + bit, hosts) != host) others |= std::uint64_t{1} << bit;
    }
    taken_[word].fetch_or(others);
  }
}

bool ContextPool::take(std::uint16_t* context) noexcept {
  for (std::size_t word = 0; word < taken_.size(); ++word) {
    std::uint64_t seen = taken_[word].load(std::memory_order_relaxed);
    while (seen != ~std::uint64_t{0}) {
      const auto free = static_cast<unsigned>(std::countr_one(seen));
      if (!taken_[word].compare_exchange_weak(seen, seen | std::uint64_t{1} << free)) continue;
      *context = static_cast<std::uint16_t>(word * 64 + free);
      return true;
    }
  }
  return false;
}

void ContextPool::give(std::uint16_t context) noexcept {
  taken_[context / 64].fetch_and(~(std::uint64_t{1} << context % 64));
}

std::unique_ptr<ContextPool> make_context_pool(const job::Membership& job) {
  std::uint32_t hosts = 1;
  for (const std::uint32_t host : job.host) hosts = std::max(hosts, host + 1);
  const std::uint32_t own = job.host.empty() ? 0 : job.host[static_cast<std::size_t>(job.rank)];
  return std::make_unique<ContextPool>(job.segment.header().group_contexts, own, hosts);
}

}  // namespace tally::api
