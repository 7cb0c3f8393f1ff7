// SPDX-License-Identifier: BSD-3-Clause
// Work of a size that only the sender knows: the manager, rank 0, hands out blocks of numbers, each worker answers with
// the primes in its block. The manager takes whichever answer comes first, asks for its length, makes room and receives
// it.
//
//   tally run -n 4 --engine rtl -- build/release/examples/probe
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tally/tally.hpp"

namespace {

constexpr int kManager = 0;
constexpr int kTask = 1;  // tag of a task; an answer has kAnswer + block
constexpr int kAnswer = 100;
constexpr std::int64_t kBlocks = 64;
constexpr std::size_t kPrimes = 23000;  // below the end of the last block, 2^18

/// Blocks grow: their answers have 144 to about 5000 bytes.
constexpr std::int64_t start_of(std::int64_t block) { return 64 * block * block; }

std::vector<std::int64_t> primes_in(std::int64_t block) {
  std::vector<std::int64_t> primes;
  for (std::int64_t n = std::max<std::int64_t>(2, start_of(block)); n < start_of(block + 1); ++n) {
    bool prime = true;
    for (std::int64_t d = 2; prime && d * d <= n; ++d) prime = n % d != 0;
    if (prime) primes.push_back(n);
  }
  return primes;
}

void work(tally::Endpoint& endpoint) {
  tally::Group all = endpoint.all();
  std::vector<std::int64_t> block(1);
  const tally::Memory block_memory = endpoint.register_memory(std::span(block));
  for (;;) {
    tally::Message task = all.mprobe(kManager, kTask);
    const bool last = task.length() == 0;
    task.recv(std::span(block).first(last ? 0 : 1));
    if (last) return;
    std::vector<std::int64_t> primes = primes_in(block[0]);
    const tally::Memory memory = endpoint.register_memory(std::span(primes));
    all.send(std::span<const std::int64_t>(primes), kManager, kAnswer + static_cast<int>(block[0]));
  }
}

bool manage(tally::Endpoint& endpoint) {
  tally::Group all = endpoint.all();
  std::vector<std::int64_t> tasks(kBlocks);
  const tally::Memory task_memory = endpoint.register_memory(std::span(tasks));
  std::int64_t next = 0;
  const auto send_task = [&](int worker) {
    if (next == kBlocks) return all.send(std::span<const std::int64_t>(), worker, kTask);
    tasks[static_cast<std::size_t>(next)] = next;
    all.send(std::span<const std::int64_t>(tasks).subspan(static_cast<std::size_t>(next++), 1), worker, kTask);
  };
  for (int worker = 1; worker < endpoint.size(); ++worker) send_task(worker);

  std::size_t found = 0;
  bool right = true;
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;
  for (std::int64_t answers = 0; answers < kBlocks; ++answers) {
    tally::Message answer = all.mprobe();
    std::vector<std::int64_t> primes(answer.length() / sizeof(std::int64_t));
    const tally::Memory memory = endpoint.register_memory(std::span(primes));
    const tally::Result result = answer.recv(std::span(primes));
    const std::int64_t block = result.tag - kAnswer;
    right = right && primes.front() >= start_of(block) && primes.back() < start_of(block + 1);
    found += primes.size();
    least = std::min(least, result.length);
    most = std::max(most, result.length);
    send_task(result.source);
  }
  std::printf("%zu primes below %lld, in %lld messages of %llu to %llu bytes\n", found,
              static_cast<long long>(start_of(kBlocks)), static_cast<long long>(kBlocks),
              static_cast<unsigned long long>(least), static_cast<unsigned long long>(most));
  return right && found == kPrimes;
}

}  // namespace

int main() {
  try {
    tally::Endpoint endpoint;
    if (endpoint.size() < 2) {
      std::fprintf(stderr, "probe: needs a manager and at least one worker: tally run -n 2 or more\n");
      return 1;
    }
    bool right = true;
    if (endpoint.rank() == kManager) {
      right = manage(endpoint);
    } else {
      work(endpoint);
    }
    endpoint.close();
    if (!right) std::fprintf(stderr, "probe: these are not the primes\n");
    return right ? 0 : 1;
  } catch (const tally::Error& error) {
    std::fprintf(stderr, "probe: %s\n", error.what());
    return 1;
  }
}
