// SPDX-License-Identifier: BSD-3-Clause
// The reduction loops for any processor of the build's architecture.
#include "engine/numerics/kernels_impl.hpp"

namespace tally::numerics {

const KernelTable& base_kernels() noexcept {
#if defined(__ARM_NEON)
  static constexpr KernelTable kTable = make_table("neon");
#else
  static constexpr KernelTable kTable = make_table("base");
#endif
  return kTable;
}

}  // namespace tally::numerics
