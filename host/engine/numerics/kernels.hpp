// SPDX-License-Identifier: BSD-3-Clause
// The tables of reduction loops, one for each instruction set that they are compiled for.
#pragma once

#include <cstddef>

#include "tally/tally.h"

namespace tally::numerics {

/// dst, a, b, elements; as reduce().
using Kernel = void (*)(void*, const void*, const void*, std::size_t) noexcept;

inline constexpr std::size_t kDtypes = TALLY_I16_I32 + 1;
inline constexpr std::size_t kOps = TALLY_MAXLOC + 1;

struct KernelTable {
  /// By type and operation; nullptr where there is no such reduction.
  Kernel kernels[kDtypes][kOps];
  const char* name;

  [[nodiscard]] constexpr Kernel find(tally_dtype dtype, tally_op op) const noexcept {
    const auto row = static_cast<std::size_t>(dtype);
    const auto column = static_cast<std::size_t>(op);
    return row < kDtypes && column < kOps ? kernels[row][column] : nullptr;
  }
};

/// For any processor of the build's architecture; on AArch64 that is NEON.
[[nodiscard]] const KernelTable& base_kernels() noexcept;
/// Only where TALLY_NUMERICS_X86 is defined; its loops run only on processors that have AVX2.
[[nodiscard]] const KernelTable& avx2_kernels() noexcept;
/// The same for AVX-512 F, BW, DQ and VL.
[[nodiscard]] const KernelTable& avx512_kernels() noexcept;

/// The tables whose loops run on this processor, the best one last; their number is returned.
inline constexpr std::size_t kMaxTables = 3;
std::size_t usable_kernels(const KernelTable* (&tables)[kMaxTables]) noexcept;

}  // namespace tally::numerics
