// SPDX-License-Identifier: BSD-3-Clause
// The transport of a job's soft engine.
#pragma once

#include <memory>

#include "engine/soft/transport.hpp"
#include "job/job.hpp"

namespace tally::routed {

/// Shared memory for ranks of one host; libfabric for the others, or for all where TALLY_TRANSPORT=ofi wants
/// that (auto, shm, ofi). All ranks open theirs together where the network takes part. Throws job::Error.
[[nodiscard]] std::unique_ptr<soft::Transport> open_transport(const job::Membership& job);

}  // namespace tally::routed
