// SPDX-License-Identifier: BSD-3-Clause
// An independent statement of docs/reductions.md for the tests: one element at a time, with the host's
// binary32 and binary64 arithmetic, exact integer arithmetic and one rounding for the 16-bit formats, and
// plain comparisons. Shares nothing with host/engine/numerics or hw/rtl.
#pragma once

#include <cstddef>

#include "numerics/types.hpp"

namespace tally::test {

/// r[i] = a[i] op b[i]; a pair of type and operation (any numbers) that does not exist gives a. r overlaps
/// neither.
void oracle(unsigned dtype, unsigned op, void* r, const void* a, const void* b, std::size_t elements);

}  // namespace tally::test
