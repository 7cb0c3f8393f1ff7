// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "launch/commands.hpp"

namespace tally::launch {

/// Adds `messages` to the group `tally bench`.
void add_bench_messages_command(CLI::App& group, CommandContext& context);

}  // namespace tally::launch
