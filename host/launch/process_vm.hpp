// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tally::launch {

/// Whether a process here may read and write the memory of a sibling that allows it: what the fabric does
/// with ranks, and ranks with each other. Two children try it, one reads from and writes to the other.
[[nodiscard]] bool process_vm_works();

}  // namespace tally::launch
