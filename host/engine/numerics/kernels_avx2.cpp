// SPDX-License-Identifier: BSD-3-Clause
// The reduction loops for x86 processors with AVX2; this file alone is compiled for it.
#include "engine/numerics/kernels_impl.hpp"

namespace tally::numerics {

const KernelTable& avx2_kernels() noexcept {
  static constexpr KernelTable kTable = make_table("avx2");
  return kTable;
}

}  // namespace tally::numerics
