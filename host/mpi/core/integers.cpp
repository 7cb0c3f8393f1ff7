// SPDX-License-Identifier: BSD-3-Clause
#include "core/integers.hpp"

#include <mutex>
#include <unordered_map>
#include <vector>

namespace tally::mpi {

namespace {

/// Above all predefined handles of both ABIs.
constexpr int kFirst = 0x4001;

struct Table {
  std::mutex mutex;
  std::unordered_map<const void*, int> integers;
  std::vector<void*> handles;
};
Table& table() {
  static Table made;
  return made;
}

}  // namespace

int integer_of(const void* handle) {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  const auto [entry, added] = all.integers.emplace(handle, kFirst + static_cast<int>(all.handles.size()));
  if (added) all.handles.push_back(const_cast<void*>(handle));
  return entry->second;
}

void* handle_of_integer(int integer) noexcept {
  Table& all = table();
  const std::lock_guard lock(all.mutex);
  const auto index = static_cast<std::size_t>(integer) - kFirst;
  return integer >= kFirst && index < all.handles.size() ? all.handles[index] : nullptr;
}

}  // namespace tally::mpi
