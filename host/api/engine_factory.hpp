// SPDX-License-Identifier: BSD-3-Clause
// The engines that this library has, by name.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.hpp"
#include "job/job.hpp"

namespace tally::api {

/// The engine of a member of a job. `wanted` is "auto", empty or a name; it must be the one that the job was
/// started with. `job` outlives the engine.
Status make_engine(const job::Membership& job, const std::string& wanted, std::unique_ptr<Engine>* engine);

}  // namespace tally::api
