// SPDX-License-Identifier: BSD-3-Clause
// The reduction loops for x86 processors with AVX-512; this file alone is compiled for it.
#include "engine/numerics/kernels_impl.hpp"

namespace tally::numerics {

const KernelTable& avx512_kernels() noexcept {
  static const KernelTable table = [] {
    KernelTable made = make_table("avx512");
    // AVX-512 has fused multiply-adds. g++ 12 makes them of complex products although contraction is off, and
    // they round once where the rule rounds twice.
    made.kernels[TALLY_C64][TALLY_PROD] = avx2_kernels().kernels[TALLY_C64][TALLY_PROD];
    made.kernels[TALLY_C128][TALLY_PROD] = avx2_kernels().kernels[TALLY_C128][TALLY_PROD];
    return made;
  }();
  return table;
}

}  // namespace tally::numerics
