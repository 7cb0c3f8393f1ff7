// SPDX-License-Identifier: BSD-3-Clause
// Reductions on the CPU. The rule is docs/reductions.md, bit for bit that of the device.
#pragma once

#include <cstddef>

#include "tally/tally.h"

namespace tally::numerics {

/// Bytes of one element; 0 for a type that does not exist.
[[nodiscard]] std::size_t element_bytes(tally_dtype dtype) noexcept;

/// Is there such a reduction?
[[nodiscard]] bool reduces(tally_dtype dtype, tally_op op) noexcept;

/// dst[i] = a[i] op b[i] for i in [0, elements). A pair that reduces() refuses gives dst = a, as in the
/// device; a type that does not exist leaves dst alone.
///
/// Pointers need no alignment. dst may be a, b or both; it must not overlap them in any other way. The
/// calling thread's floating-point mode (rounding, flush to zero, traps) has no influence and is the same
/// afterwards. Any thread may call it.
void reduce(tally_dtype dtype, tally_op op, void* dst, const void* a, const void* b,
            std::size_t elements) noexcept;

/// Which loops reduce() takes here: "avx512", "avx2", "neon" or "base".
[[nodiscard]] const char* kernel_name() noexcept;

}  // namespace tally::numerics
