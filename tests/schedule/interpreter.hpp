// SPDX-License-Identifier: BSD-3-Clause
// A plain interpreter of programs: all ranks in one process, packet by packet, in a random interleaving. It
// shares no code with the engines or the verifier.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "schedule/schedule.hpp"

namespace tally::test {

/// Which packets a flow takes.
enum class Flows : std::uint8_t {
  kCapacity,  ///< any, up to the capacity
  kAsked,     ///< those that the receiver's lane takes at present or with its next receive, of each up to the capacity
};

struct InterpreterOptions {
  std::size_t packet = 4;    ///< elements of one packet
  std::size_t capacity = 1;  ///< packets of each flow, or of each receive
  bool in_place = false;
  Flows flows = Flows::kCapacity;
};

/// A rank's buffers in one memory, where they may coincide.
template <typename T>
struct RankMemory {
  std::vector<T> words;
  std::size_t input = 0;   ///< where Input starts
  std::size_t output = 0;  ///< where Output starts
};

/// Runs one program a rank (peers are indices of `programs`) on a vector of `count` elements. On deadlock, or
/// where a program leaves its memory, sets *error and returns false. `combine` is the operation.
template <typename T>
bool execute(const std::vector<schedule::Program>& programs, std::uint64_t count,
             std::vector<RankMemory<T>>& memory, const std::function<T(T, T)>& combine,
             const InterpreterOptions& options, std::mt19937_64& random, std::string* error);

/// For collectives of vectors: runs `s` on `inputs` (one vector a rank, equal lengths). Returns the outputs,
/// or nothing and sets *error.
template <typename T>
std::vector<std::vector<T>> interpret(const schedule::Schedule& s, const std::vector<std::vector<T>>& inputs,
                                      const std::function<T(T, T)>& combine,
                                      const InterpreterOptions& options, std::mt19937_64& random,
                                      std::string* error);

/// Options for a random run: where the schedule asks for flows that hold an instruction of a vector of
/// `count` elements, exactly that, else few packets.
InterpreterOptions random_options(const schedule::Schedule& s, std::uint64_t count, std::mt19937_64& random);

/// Rank by rank.
std::vector<schedule::Program> compile_all(const schedule::Schedule& s);

}  // namespace tally::test
