// SPDX-License-Identifier: BSD-3-Clause
// The transport of a job's soft engine.
#pragma once

#include <memory>

#include "engine/soft/transport.hpp"
#include "job/job.hpp"

namespace tally::routed {

/// Shared memory for ranks of one host; for the others libfabric, or RDMA hardware where `verbs` (the engine of that
/// name) or TALLY_TRANSPORT wants that. TALLY_TRANSPORT (auto, shm, ofi, verbs): with ofi and verbs also between ranks of
/// one host. All ranks open theirs together where the network takes part. Throws job::Error.
[[nodiscard]] std::unique_ptr<soft::Transport> open_transport(const job::Membership& job, bool verbs);

}  // namespace tally::routed
