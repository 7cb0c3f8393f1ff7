// SPDX-License-Identifier: BSD-3-Clause
#include "api/contexts.hpp"

#include <bit>

namespace tally::api {

static_assert(kGroupContexts == job::kMaxContexts);

bool SharedContexts::take(std::uint16_t* context) noexcept {
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

void SharedContexts::give(std::uint16_t context) noexcept {
  taken_[context / 64].fetch_and(~(std::uint64_t{1} << context % 64));
}

bool OwnContexts::take(std::uint16_t* context) noexcept {
  for (std::uint32_t c = first_; c < kGroupContexts; c += step_) {
    std::uint64_t& word = taken_[c / 64];
    const std::uint64_t bit = std::uint64_t{1} << c % 64;
    if ((word & bit) != 0) continue;
    word |= bit;
    *context = static_cast<std::uint16_t>(c);
    return true;
  }
  return false;
}

void OwnContexts::give(std::uint16_t context) noexcept {
  taken_[context / 64] &= ~(std::uint64_t{1} << context % 64);
}

std::unique_ptr<ContextPool> make_context_pool(const job::Membership& job) {
  job::Header& header = job.segment.header();
  if (header.ranks_here == static_cast<std::uint32_t>(job.size))
    return std::make_unique<SharedContexts>(header.group_contexts);
  return std::make_unique<OwnContexts>(static_cast<std::uint32_t>(job.rank),
                                       static_cast<std::uint32_t>(job.size));
}

}  // namespace tally::api
