// SPDX-License-Identifier: BSD-3-Clause
// Environment variables of the ring engine.
#pragma once

#include "engine/engine.hpp"
#include "engine/ring/options.hpp"

namespace tally::ring {

/// Puts into `options` what the environment says:
///   TALLY_MTU         256, 512, 1024, 2048 or 4096 bytes
///   TALLY_EAGER_MAX   longest eager message, bytes, 0 to the MTU minus 64
///   TALLY_POSTED      posted-receive entries to use, 1 to 4096
///   TALLY_UNEXPECTED  unexpected-message entries to use, 0 to 4096
///   TALLY_BOUNCE      bounce slots of 4 KiB, 0 to 1024
///   TALLY_SPILL       spill slots of 4 KiB, a power of two, 1 to 4096
///   TALLY_CQ          entries of the completion ring, a power of two, 1 to 32768
///   TALLY_PUSH_MAX    longest Input of a collective that the CPU stores into the device with the doorbell, 0 to 4096 bytes
/// MTU and longest eager message must be the same on all ranks. TALLY_ERR_ARGUMENT names the variable and its
/// value.
Status read_environment(RingEngineOptions* options);

}  // namespace tally::ring
