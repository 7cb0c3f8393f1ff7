// SPDX-License-Identifier: BSD-3-Clause
// What the driver does not ask of the device's sequencer yet.
#pragma once

namespace tally::ring {

/// The sequencer runs collectives of different contexts at once, and schedule memory may be written meanwhile. False: it
/// runs one after the other in the order of their posting, and schedules are loaded while none is under way.
inline constexpr bool kConcurrentCollectives = false;

/// The sequencer knows all types and operations, instructions sized in bytes, and Input and Output of different sizes.
/// False: sum, min and max of i32, i64, f32 and f64; and it looks up Input and Output with the size of the whole vector.
inline constexpr bool kAllCollectives = false;

}  // namespace tally::ring
