// SPDX-License-Identifier: BSD-3-Clause
// A schedule in words: for people who read, compare or debug one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schedule/schedule.hpp"

namespace tally::schedule {

struct TextOptions {
  std::optional<std::size_t> rank;     ///< this one only
  std::optional<std::uint64_t> bytes;  ///< of the logical vector, of elements of one byte: sizes are shown
};

/// Lanes, steps and bytes in sum.
struct Totals {
  std::size_t lanes = 0;         ///< of the rank that has the most
  std::size_t entries = 0;       ///< of the longest program in the device's schedule memory, header included
  std::size_t messages = 0;      ///< of all ranks
  std::uint64_t chunks_out = 0;  ///< that the busiest rank sends
};
[[nodiscard]] Totals totals(const Schedule& schedule);

/// One line: collective, algorithm, ranks, chunks, limits, the ways of calling it that it stands.
[[nodiscard]] std::string headline(const Schedule& schedule);
/// An instruction's effect on memory: "out[3] = in[3] op received".
[[nodiscard]] std::string effect(const Schedule& schedule, const Instruction& instruction);
/// "RecvReduceCopySend".
[[nodiscard]] const char* name_of(Op op);
/// Rank by rank, lane by lane, an instruction a line.
[[nodiscard]] std::string text(const Schedule& schedule, const TextOptions& options = {});

}  // namespace tally::schedule
