// SPDX-License-Identifier: BSD-3-Clause
// An open endpoint with registered memory, for the body of a rank.
#pragma once

#include <cstddef>
#include <vector>

#include "support/ranks.hpp"
#include "tally/tally.h"

namespace tally::test {

struct Place {
  explicit Place(std::size_t bytes = 1u << 16) : memory(bytes) {
    RANK_OK(tally_endpoint_open(nullptr, &endpoint));
    RANK_OK(tally_endpoint_rank(endpoint, &rank));
    RANK_OK(tally_endpoint_size(endpoint, &size));
    RANK_OK(tally_memory_register(endpoint, memory.data(), memory.size(), &region));
  }
  /// A rank that fails ends without closing, as a crashed one would.
  void close() { RANK_OK(tally_endpoint_close(endpoint)); }
  template <typename T>
  T* at(std::size_t offset = 0) {
    return reinterpret_cast<T*>(memory.data() + offset);
  }

  std::vector<std::byte> memory;
  tally_endpoint* endpoint = nullptr;
  tally_memory* region = nullptr;
  int rank = -1;
  int size = 0;
};

inline tally_result empty_result() {
  tally_result result{};
  result.size = sizeof result;
  return result;
}

}  // namespace tally::test
