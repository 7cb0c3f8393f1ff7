// SPDX-License-Identifier: BSD-3-Clause
#include "engine/numerics/reduce.hpp"

#include <cstring>

#include "engine/numerics/kernels.hpp"
#include "tally/dtype.hpp"

#if defined(__SSE2__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif

namespace tally::numerics {
namespace {

const KernelTable& kernels() noexcept {
  static const KernelTable& table = []() -> const KernelTable& {
    const KernelTable* tables[kMaxTables];
    return *tables[usable_kernels(tables) - 1];
  }();
  return table;
}

#if defined(__SSE2__)
/// The default floating-point mode for the lifetime of the object: round to nearest, subnormals, traps
/// masked. A program built with -ffast-math flushes subnormals in all its threads, hence this. Reading the
/// mode costs little; it is written only if it differs.
class DefaultMode {
 public:
  DefaultMode() noexcept : saved_(_mm_getcsr()) {
    if ((saved_ & ~kFlags) != kDefault) _mm_setcsr(kDefault);
  }
  ~DefaultMode() {
    if ((saved_ & ~kFlags) != kDefault) _mm_setcsr(saved_);
  }
  DefaultMode(const DefaultMode&) = delete;
  DefaultMode& operator=(const DefaultMode&) = delete;

 private:
  static constexpr unsigned kFlags = 0x3f;
  static constexpr unsigned kDefault = 0x1f80;
  unsigned saved_;
};
#else
class DefaultMode {
 public:
  DefaultMode() noexcept {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultMode() { std::fesetenv(&saved_); }
  DefaultMode(const DefaultMode&) = delete;
  DefaultMode& operator=(const DefaultMode&) = delete;

 private:
  std::fenv_t saved_;
};
#endif

}  // namespace

std::size_t usable_kernels(const KernelTable* (&tables)[kMaxTables]) noexcept {
  std::size_t n = 0;
  tables[n++] = &base_kernels();
#if defined(TALLY_NUMERICS_X86)
  if (__builtin_cpu_supports("avx2")) tables[n++] = &avx2_kernels();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    tables[n++] = &avx512_kernels();
#endif
  return n;
}

std::size_t element_bytes(tally_dtype dtype) noexcept { return size_of(dtype); }

bool reduces(tally_dtype dtype, tally_op op) noexcept { return kernels().find(dtype, op) != nullptr; }

void reduce(tally_dtype dtype, tally_op op, void* dst, const void* a, const void* b,
            std::size_t elements) noexcept {
  if (elements == 0) return;
  const Kernel kernel = kernels().find(dtype, op);
  if (kernel == nullptr) {
    const std::size_t bytes = elements * element_bytes(dtype);
    if (bytes != 0 && dst != a) std::memmove(dst, a, bytes);
    return;
  }
  const DefaultMode mode;
  // Called through a pointer: the compiler cannot move its arithmetic out of the mode's lifetime.
  kernel(dst, a, b, elements);
}

const char* kernel_name() noexcept { return kernels().name; }

}  // namespace tally::numerics
