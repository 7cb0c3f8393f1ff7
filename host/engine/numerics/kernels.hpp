// SPDX-License-Identifier: BSD-3-Clause
// The tables of reduction loops, one for each instruction set that they are compiled for.
#pragma once

#include <cstddef>

namespace tally::numerics {

/// dst, a, b, elements; as reduce().
using Kernel = void (*)(void*, const void*, const void*, std::size_t) noexcept;

/// The three operations of one type.
struct KernelRow {
  Kernel sum;
  Kernel min;
  Kernel max;
};

struct KernelTable {
  KernelRow i32;
  KernelRow i64;
  KernelRow f32;
  KernelRow f64;
  const char* name;
};

[[nodiscard]] const KernelTable& base_kernels() noexcept;
/// Only where TALLY_NUMERICS_AVX2 is defined; its loops run only on processors that have AVX2.
[[nodiscard]] const KernelTable& avx2_kernels() noexcept;

}  // namespace tally::numerics
