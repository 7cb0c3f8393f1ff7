// SPDX-License-Identifier: BSD-3-Clause
// Wall time of the CPU's reduction loops: bytes moved a second by a sum of two vectors into the first, beside a triad of
// the same length, a[i] = b[i] + s * c[i] (McCalpin's STREAM), in one thread. A sum in place reads two vectors and writes
// one; so does a triad. Both count three times the vector, as STREAM does.
//
//   tally_bench_reduce [BYTES [REPEATS]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>

#include "engine/numerics/kernels.hpp"
#include "engine/numerics/reduce.hpp"

namespace {

using Clock = std::chrono::steady_clock;

template <typename F>
double seconds(F f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

#if defined(__x86_64__)
[[gnu::target_clones("default", "avx2", "avx512f")]]
#endif
[[gnu::noinline]] void
triad(float* a, const float* b, const float* c, float s, std::size_t n) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) a[i] = b[i] + s * c[i];
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t bytes = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 16u << 20;
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 200;
  const std::size_t n = bytes / sizeof(float);
  if (n == 0 || repeats < 1) {
    std::fprintf(stderr, "usage: tally_bench_reduce [BYTES [REPEATS]]\n");
    return 1;
  }
  auto* memory = static_cast<float*>(std::aligned_alloc(4096, (3 * bytes + 4095) / 4096 * 4096));
  if (memory == nullptr) throw std::bad_alloc();
  float* a = memory;
  float* b = a + n;
  float* c = b + n;
  std::fill(memory, memory + 3 * n, 1.0f);

  const tally::numerics::KernelTable* tables[tally::numerics::kMaxTables];
  const std::size_t count = tally::numerics::usable_kernels(tables);
  double best_triad = std::numeric_limits<double>::max();
  double best[tally::numerics::kMaxTables];
  std::fill(best, best + count, best_triad);
  for (int r = 0; r < repeats; ++r) {  // in turns: others may use the machine
    best_triad = std::min(best_triad, seconds([&] { triad(a, b, c, 0.5f, n); }));
    for (std::size_t t = 0; t < count; ++t) {
      const tally::numerics::Kernel sum = tables[t]->find(TALLY_F32, TALLY_SUM);
      best[t] = std::min(best[t], seconds([&] { sum(a, b, c, n); }));
    }
  }
  const double moved = 3.0 * static_cast<double>(n * sizeof(float)) * 1e-9;
  std::printf("f32 sum of %zu bytes, one thread, wall time, best of %d\n", n * sizeof(float), repeats);
  std::printf("%-10s %8.2f GB/s\n", "triad", moved / best_triad);
  for (std::size_t t = 0; t < count; ++t) {
    std::printf("%-10s %8.2f GB/s  %5.1f %% of the triad%s\n", tables[t]->name, moved / best[t],
                100 * best_triad / best[t], t + 1 == count ? "  (taken here)" : "");
  }
  std::free(memory);
  return 0;
}
