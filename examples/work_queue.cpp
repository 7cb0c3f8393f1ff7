// SPDX-License-Identifier: BSD-3-Clause
// A work queue without a master: ranks take the next task with fetch-and-add on a counter of rank 0 and put what they find into
// a table there. Rank 0 takes tasks as all the others do; its library's thread answers them while it computes.
//
//   tally run -n 4 -- examples/work_queue
#include <array>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <span>
#include <vector>

#include "tally/tally.hpp"

namespace {

constexpr std::uint64_t kTasks = 400;

/// The task: steps of the Collatz sequence from n to 1.
std::uint32_t steps(std::uint64_t n) {
  std::uint32_t count = 0;
  for (; n != 1; ++count) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return count;
}

}  // namespace

int main() {
  try {
    tally_options options{};
    options.memory_cache = 1;
    options.progress_thread = 1;
    tally::Endpoint endpoint(options);
    tally::Group all = endpoint.all();
    {
      // The counter stands in front of the table.
      std::vector<std::uint64_t> shared(1 + (kTasks + 1) / 2);
      const tally::Memory memory = endpoint.register_memory(std::span(shared));
      const tally::Exported exported = memory.exported();
      std::array<tally::RemoteKey, 1> key{exported.key()};
      all.bcast(std::span(reinterpret_cast<std::byte*>(key.data()), sizeof key), 0, TALLY_BYTE);

      std::uint32_t done = 0;
      for (;;) {
        const std::uint64_t task = endpoint.fetch_add<std::uint64_t>(key[0], 0, 1);
        if (task >= kTasks) break;
        const std::uint32_t found = steps(task + 1);
        endpoint.put(std::span(&found, 1), key[0], 8 + task * sizeof found);
        ++done;
      }
      all.barrier();  // every put has ended: all results lie in the table
      if (endpoint.rank() == 0) {
        const auto* table = reinterpret_cast<const std::uint32_t*>(shared.data() + 1);
        std::uint64_t sum = 0;
        for (std::uint64_t task = 0; task < kTasks; ++task) {
          if (table[task] != steps(task + 1)) {
            std::fprintf(stderr, "task %llu is wrong\n", static_cast<unsigned long long>(task));
            return 1;
          }
          sum += table[task];
        }
        std::printf("%llu tasks, %llu steps in all\n", static_cast<unsigned long long>(kTasks),
                    static_cast<unsigned long long>(sum));
      }
      std::printf("rank %d has done %u tasks\n", endpoint.rank(), done);
      all.barrier();  // nobody uses the key any more
    }
    endpoint.close();
    return 0;
  } catch (const tally::Error& error) {
    std::fprintf(stderr, "work_queue: %s\n", error.what());
    return 1;
  }
}
