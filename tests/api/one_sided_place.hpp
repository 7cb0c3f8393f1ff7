// SPDX-License-Identifier: BSD-3-Clause
// An open endpoint whose memory all ranks have a key of, for the body of a rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "place.hpp"

namespace tally::test {

inline std::byte pattern(int rank, std::size_t i) { return static_cast<std::byte>(static_cast<std::size_t>(rank) * 67 + i % 251); }

struct Window {
  /// Exports memory, and has `beside` bytes of its own behind it.
  explicit Window(std::size_t exported, std::size_t beside = 4096, bool progress_thread = false,
                  tally_threads threads = TALLY_THREAD_SINGLE, unsigned access = TALLY_ACCESS_ALL)
      : bytes(exported), memory((bytes + 7) / 8 * 8 + beside), own(memory.data() + (bytes + 7) / 8 * 8) {
    tally_options options{};
    options.size = sizeof options;
    options.threads = threads;
    options.memory_cache = 1;
    options.progress_thread = progress_thread ? 1 : 0;
    RANK_OK(tally_endpoint_open_with(&options, &endpoint));
    RANK_OK(tally_endpoint_rank(endpoint, &rank));
    RANK_OK(tally_endpoint_size(endpoint, &size));
    RANK_OK(tally_memory_register(endpoint, memory.data(), bytes, &region));
    tally_remote_key key;
    RANK_OK(tally_memory_export(region, access, &key));
    keys = gather(&key, 1);
  }
  /// All ranks' values, by rank.
  template <typename T>
  std::vector<T> gather(const T* values, std::size_t count) {
    std::vector<T> all(count * static_cast<std::size_t>(size));
    RANK_OK(tally_allgather(endpoint, nullptr, values, all.data(), count * sizeof(T), TALLY_BYTE));
    return all;
  }
  void barrier() { RANK_OK(tally_barrier(endpoint, nullptr)); }
  void close() { RANK_OK(tally_endpoint_close(endpoint)); }
  [[nodiscard]] tally_counters counters() const {
    tally_counters counters{};
    counters.size = sizeof counters;
    RANK_OK(tally_endpoint_counters(endpoint, &counters));
    return counters;
  }

  std::size_t bytes;  ///< exported
  std::vector<std::byte> memory;
  std::byte* own;  ///< registered, not exported: the rest of the memory
  tally_endpoint* endpoint = nullptr;
  tally_memory* region = nullptr;
  int rank = -1;
  int size = 0;
  std::vector<tally_remote_key> keys;  ///< by rank
};

}  // namespace tally::test
